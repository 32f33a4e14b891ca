//! `comity evidence list`.

use clap::{Args, ValueEnum};

use crate::{
    record::Moment,
    wire::{
        json,
        node::{EvidenceCase, EvidenceSide, EvidenceState, ListEvidenceRequest},
    },
};

use super::{
    super::{Target, exit::Failure, out::Out},
    clocks,
    words::{self, state_word},
};

/// Requests asked for at a time.
const PAGE: u32 = 200;

/// List requests, own and received, newest first.
#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    target: Target,
    /// Only those that are not refused, withdrawn or closed.
    #[arg(long)]
    open: bool,
    /// Only those in this state, such as executing; several with commas between them.
    #[arg(long, value_delimiter = ',', value_parser = words::state)]
    state: Vec<EvidenceState>,
    /// Only those with this country, such as KZ.
    #[arg(long)]
    with: Option<String>,
    /// Only those that this country issued, or is to execute.
    #[arg(long, value_enum)]
    side: Option<Side>,
    /// Only those with a clock that runs, by the earliest end.
    #[arg(long)]
    due: bool,
    /// Of those that are due: only those with an end that is past or comes within so many hours.
    #[arg(long, value_name = "HOURS", requires = "due")]
    within: Option<u32>,
    /// Only those that are late, by the earliest end.
    #[arg(long, conflicts_with = "within")]
    overdue: bool,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

/// A side of a request.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Side {
    /// Issued by this country.
    Issuing,
    /// To be executed by this country.
    Executing,
}

/// A case as JSON, with the digest in hexadecimal as everywhere else.
pub(super) fn case_json(case: &EvidenceCase) -> Result<serde_json::Value, Failure> {
    let mut value = json::to_json("comity.node.v1.EvidenceCase", case)?;
    if let Some(object) = value.as_object_mut() {
        let digest = hex::encode(&case.header_digest);
        object.insert("headerDigest".to_owned(), digest.into());
    }
    Ok(value)
}

impl List {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let mut rows = Vec::new();
        let (mut left, mut page_token) = (self.limit, String::new());
        let mut complete = true;
        while left > 0 {
            let asked = ListEvidenceRequest {
                states: self.state.iter().map(|of| (*of).into()).collect(),
                open: self.open,
                country: self.with.clone().unwrap_or_default(),
                side: match self.side {
                    None => EvidenceSide::Unspecified,
                    Some(Side::Issuing) => EvidenceSide::Issuing,
                    Some(Side::Executing) => EvidenceSide::Executing,
                }
                .into(),
                page_size: left.min(PAGE),
                page_token,
                due: self.due || self.overdue,
                within_hours: self.within.unwrap_or(0),
                overdue: self.overdue,
            };
            let page = client.list_evidence(asked).await?;
            complete &= page.complete;
            left = left.saturating_sub(u32::try_from(page.cases.len()).unwrap_or(u32::MAX));
            for case in &page.cases {
                if out.json() {
                    out.value(&case_json(case)?)?;
                } else {
                    rows.push(row(case));
                }
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        if !complete {
            out.note(
                "the node still looks through what it held before its start: there may be more",
            );
        }
        if out.json() {
            return Ok(());
        }
        let headings = [
            "REFERENCE",
            "STATE",
            "ISSUING",
            "EXECUTING",
            "URGENCY",
            "CLOCK",
            "SUBMITTED",
            "STEPS",
            "TITLE",
        ];
        out.table(&headings, rows)
    }
}

fn row(case: &EvidenceCase) -> Vec<String> {
    let marked = if case.exercise { "EXERCISE " } else { "" };
    let urgency = case.urgency().as_str_name();
    let urgency = urgency.strip_prefix("URGENCY_").unwrap_or(urgency);
    let beside = case.void_steps.saturating_add(case.waiting_steps);
    vec![
        case.reference.clone(),
        format!("{marked}{}", state_word(case.state())),
        party(&case.issuing_country, &case.issuing_authority),
        party(&case.executing_country, &case.executing_authority),
        urgency.to_lowercase(),
        clocks::brief(case),
        crate::cli::out::moment(Moment::from_micros(case.submitted_us)),
        match beside {
            0 => case.steps.to_string(),
            beside => format!("{} ({beside} without effect)", case.steps),
        },
        case.title.clone(),
    ]
}

/// A country and its authority, as documents write them.
pub(super) fn party(country: &str, authority: &str) -> String {
    match authority {
        "" => country.to_owned(),
        authority => format!("{country}/{authority}"),
    }
}
