//! `comity approvals list|show|request|approve|refuse`: what needs two persons.

mod request;

pub(super) use request::waits;

use clap::{Args, Subcommand};

use crate::{
    access::{Guarded, purpose_word},
    record::Moment,
    wire::{
        json,
        ledger::ReadingPurpose,
        node::{
            ApprovalState, ApproveRequest, GetApprovalRequest, ListApprovalsRequest,
            PendingApproval, RefuseApprovalRequest,
        },
    },
};

use super::{
    Target,
    exit::Failure,
    out::{Out, moment, printable},
    recall::recalled,
};

/// See, ask for, approve and refuse what needs two persons.
#[derive(Debug, Subcommand)]
pub(super) enum Approvals {
    /// List what waits for a second person, and the leaves that count.
    List(List),
    /// Show one: what exactly, who asked, what became of it.
    Show(Show),
    /// Ask a second person for leave to do something.
    #[command(subcommand)]
    Request(request::Request),
    /// Approve what another person asked for; nobody approves their own.
    Approve(Approve),
    /// Refuse it, or take a leave back; who asked may take the own request back.
    Refuse(Refuse),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    target: Target,
    /// Its id, as the list shows it.
    id: String,
}

#[derive(Debug, Args)]
pub(super) struct Approve {
    #[command(flatten)]
    target: Target,
    /// Its id, as the list shows it.
    id: String,
}

#[derive(Debug, Args)]
pub(super) struct Refuse {
    #[command(flatten)]
    target: Target,
    /// Its id, as the list shows it.
    id: String,
    /// Why, without personal data; whoever asked sees it, and the ledger keeps it.
    #[arg(long)]
    reason: String,
}

impl Approvals {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.carry_out(out).await,
            Self::Show(show) => show.carry_out(out).await,
            Self::Request(request) => request.carry_out(out).await,
            Self::Approve(approve) => approve.carry_out(out).await,
            Self::Refuse(refuse) => refuse.carry_out(out).await,
        }
    }
}

/// How one stands, in a word.
const fn state(state: ApprovalState) -> &'static str {
    match state {
        ApprovalState::Unspecified => "",
        ApprovalState::Waiting => "waits",
        ApprovalState::Expired => "expired",
        ApprovalState::Approved => "being carried out",
        ApprovalState::Done => "done",
        ApprovalState::Failed => "failed",
        ApprovalState::Granted => "leave given",
        ApprovalState::Lapsed => "leave over",
        ApprovalState::Refused => "refused",
        ApprovalState::Void => "void",
    }
}

/// Purpose, case, reason of a recall and note, as far as there are any.
fn why(one: &PendingApproval) -> String {
    let mut why = Vec::new();
    if one.reading_purpose() != ReadingPurpose::Unspecified {
        let purpose = purpose_word(one.reading_purpose());
        why.push(format!("{purpose}, case {}", one.case_reference));
    }
    if one.what == Guarded::MassRecall.as_str() {
        let reason = one.reason().as_str_name().to_lowercase();
        why.push(
            reason
                .strip_prefix("recall_reason_")
                .unwrap_or_default()
                .replace('_', "-"),
        );
    }
    if !one.note.is_empty() {
        why.push(one.note.clone());
    }
    why.join("; ")
}

/// The records, or else what exactly.
fn about(one: &PendingApproval) -> String {
    if one.records == 0 {
        return one.details.join("; ");
    }
    let more = if usize::try_from(one.records).is_ok_and(|n| n > one.references.len()) {
        ", …"
    } else {
        ""
    };
    format!("{}: {}{more}", one.records, one.references.join(", "))
}

fn until(micros: i64) -> String {
    match micros {
        0 => String::new(),
        micros => moment(Moment::from_micros(micros)),
    }
}

impl List {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let answer = client.life.list_approvals(ListApprovalsRequest {}).await?;
        let open = answer.into_inner().approvals;
        if out.json() {
            for one in &open {
                out.value(&json::to_json("comity.node.v1.PendingApproval", one)?)?;
            }
            return Ok(());
        }
        let rows = open
            .iter()
            .map(|one| {
                vec![
                    one.id.clone(),
                    one.what.clone(),
                    state(one.state()).to_owned(),
                    one.asked_by.clone(),
                    until(one.expires_us),
                    why(one),
                    about(one),
                ]
            })
            .collect();
        let headings = ["ID", "WHAT", "STATE", "ASKED BY", "UNTIL", "WHY", "OF WHAT"];
        out.table(&headings, rows)
    }
}

/// Shows one, line by line.
pub(super) fn show(one: &PendingApproval, out: &mut Out) -> Result<(), Failure> {
    if out.json() {
        return out.value(&json::to_json("comity.node.v1.PendingApproval", one)?);
    }
    let mut lines = vec![
        ("id", one.id.clone()),
        ("what", one.what.clone()),
        ("state", state(one.state()).to_owned()),
        (
            "asked by",
            format!("{}, {}", one.asked_by, until(one.asked_us)),
        ),
        ("until", until(one.expires_us)),
        ("why", why(one)),
    ];
    if one.records > 0 {
        lines.push(("records", about(one)));
    }
    lines.extend(one.details.iter().map(|detail| ("exactly", detail.clone())));
    if !one.answered_by.is_empty() {
        lines.push((
            "decided by",
            format!("{}, {}", one.answered_by, until(one.answered_us)),
        ));
    }
    lines.push(("because", one.answer_reason.clone()));
    for (name, value) in lines.into_iter().filter(|(_, value)| !value.is_empty()) {
        out.line(&format!("{name:<12}{}", printable(&value)))?;
    }
    Ok(())
}

impl Show {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = GetApprovalRequest { id: self.id };
        let answer = client.life.get_approval(request).await?.into_inner();
        show(&answer.approval.unwrap_or_default(), out)
    }
}

impl Approve {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let answer = client.life.approve(ApproveRequest { id: self.id }).await?;
        let answer = answer.into_inner();
        if out.json() {
            return out.value(&json::to_json("comity.node.v1.ApproveResponse", &answer)?);
        }
        if !answer.recalled.is_empty() {
            return recalled(&answer.recalled, out);
        }
        let approval = answer.approval.unwrap_or_default();
        match approval.state() {
            ApprovalState::Granted => out.line(&format!(
                "approved: {} may do it until {}",
                printable(&approval.asked_by),
                until(approval.expires_us)
            )),
            ApprovalState::Failed => Err(Failure::new(
                super::exit::NOPERM,
                format!(
                    "approved, but it cannot be done: {}",
                    printable(&approval.answer_reason)
                ),
            )),
            _ if approval.what == Guarded::Shred.as_str() => {
                out.line("approved; it happens within seconds")
            }
            _ => out.line("approved and done"),
        }
    }
}

impl Refuse {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = RefuseApprovalRequest {
            id: self.id,
            reason: self.reason,
        };
        client.life.refuse_approval(request).await?;
        if out.json() {
            return out.value(&serde_json::json!({ "refused": true }));
        }
        out.line("refused")
    }
}
