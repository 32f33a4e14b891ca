//! `comity approvals list|approve`: what needs two persons.

use clap::{Args, Subcommand};

use crate::{
    record::Moment,
    wire::{
        json,
        node::{ApproveRequest, ListApprovalsRequest},
    },
};

use super::{Target, exit::Failure, out::Out, recall::recalled};

/// See and approve what another operator asked for.
#[derive(Debug, Subcommand)]
pub(super) enum Approvals {
    /// List what waits for a second operator.
    List(List),
    /// Approve it; nobody approves what they asked for.
    Approve(Approve),
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(super) struct Approve {
    #[command(flatten)]
    target: Target,
    /// Its id, as the list shows it.
    id: String,
}

impl Approvals {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.carry_out(out).await,
            Self::Approve(approve) => approve.carry_out(out).await,
        }
    }
}

impl List {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let answer = client.life.list_approvals(ListApprovalsRequest {}).await?;
        let waiting = answer.into_inner().approvals;
        if out.json() {
            for one in &waiting {
                out.value(&json::to_json("comity.node.v1.PendingApproval", one)?)?;
            }
            return Ok(());
        }
        let rows = waiting
            .into_iter()
            .map(|one| {
                let more = if usize::try_from(one.records).is_ok_and(|n| n > one.references.len()) {
                    ", …"
                } else {
                    ""
                };
                let reason = one.reason().as_str_name().to_lowercase();
                let reason = reason.strip_prefix("recall_reason_").unwrap_or_default();
                vec![
                    one.id.clone(),
                    one.what.clone(),
                    one.asked_by.clone(),
                    super::out::moment(Moment::from_micros(one.expires_us)),
                    if one.what == "recall" {
                        format!("{reason} {}", one.note)
                    } else {
                        String::new()
                    },
                    format!("{}: {}{more}", one.records, one.references.join(", ")),
                ]
            })
            .collect();
        out.table(&["ID", "WHAT", "ASKED BY", "UNTIL", "WHY", "RECORDS"], rows)
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
        if answer.recalled.is_empty() {
            return out.line("approved; it happens within seconds");
        }
        recalled(&answer.recalled, out)
    }
}
