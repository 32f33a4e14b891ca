//! `comity consent request|list|grant|refuse`.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};

use crate::{
    record::{Moment, compartments::label_name},
    wire::{
        envelope::ConsentUse,
        json,
        node::{
            AnswerConsentRequest, ConsentState, ConsentSummary, ListConsentsRequest,
            RequestConsentRequest,
        },
        record::CompartmentLabel,
    },
};

use super::{
    Target,
    exit::{Failure, USAGE},
    out::Out,
};

const DAY: Duration = Duration::from_secs(86_400);

/// Ask the origin of a record for a use that its markings forbid; grant or refuse.
#[derive(Debug, Subcommand)]
pub(super) enum Consent {
    /// Ask the record's origin for one use.
    Request(Request),
    /// List requests sent and received, newest first.
    List(List),
    /// Grant a request: the requester gets a token for exactly what it asked.
    Grant(Grant),
    /// Refuse a request.
    Refuse(Refuse),
}

/// A use that markings can forbid.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Use {
    /// Use in court (H1).
    Court,
    /// Passing on to another country (H2).
    Onward,
}

#[derive(Debug, Args)]
pub(super) struct Request {
    #[command(flatten)]
    target: Target,
    /// Reference of the record, such as UZ-26-000412-H.
    reference: String,
    /// For what.
    #[arg(long = "use", value_enum)]
    purpose: Use,
    /// Which compartments, with commas between them [default: every one held].
    #[arg(long, value_delimiter = ',', value_parser = compartment)]
    compartments: Vec<CompartmentLabel>,
    /// For whom: the court in words, or COUNTRY[/AUTHORITY] such as KG/state-prosecutor.
    #[arg(long)]
    beneficiary: String,
    /// Why, in words; the origin sees it.
    #[arg(long)]
    ground: String,
    /// This very version, though a newer one replaced it.
    #[arg(long)]
    exact: bool,
    /// Within how many days an answer is needed.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=3650))]
    answer_days: Option<u32>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    target: Target,
    /// Only requests that are not answered yet.
    #[arg(long)]
    open: bool,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
}

#[derive(Debug, Args)]
pub(super) struct Grant {
    #[command(flatten)]
    target: Target,
    /// Reference of the request, as `comity consent list` shows it.
    request: String,
    /// For how many days.
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u32).range(1..=366))]
    days: u32,
    /// Let it serve any number of times until then; otherwise it serves once.
    #[arg(long)]
    reusable: bool,
    /// A remark to the requester.
    #[arg(long, default_value = "", hide_default_value = true)]
    reason: String,
}

#[derive(Debug, Args)]
pub(super) struct Refuse {
    #[command(flatten)]
    target: Target,
    /// Reference of the request, as `comity consent list` shows it.
    request: String,
    /// Why; the requester sees it.
    #[arg(long)]
    reason: String,
}

/// A compartment by its name.
pub(super) fn compartment(name: &str) -> Result<CompartmentLabel, String> {
    let known = [
        CompartmentLabel::Situation,
        CompartmentLabel::Suspects,
        CompartmentLabel::Identifiers,
        CompartmentLabel::Victims,
        CompartmentLabel::Source,
        CompartmentLabel::Evidence,
    ];
    let found = known.into_iter().find(|label| label_name(*label) == name);
    found.ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|label| label_name(*label)).collect();
        format!("no compartment; there are {}", names.join(", "))
    })
}

impl Consent {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Request(request) => request.carry_out(out).await,
            Self::List(list) => list.carry_out(out).await,
            Self::Grant(grant) => grant.carry_out(out).await,
            Self::Refuse(refuse) => {
                let answer = AnswerConsentRequest {
                    reference: refuse.request,
                    reason: refuse.reason,
                    ..AnswerConsentRequest::default()
                };
                answered(&refuse.target, answer, out).await
            }
        }
    }
}

fn in_days(days: u32) -> prost_types::Timestamp {
    let now = Moment::from(time::OffsetDateTime::now_utc());
    (now + DAY * days).into()
}

impl Request {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = RequestConsentRequest {
            reference: self.reference,
            r#use: match self.purpose {
                Use::Court => ConsentUse::Court,
                Use::Onward => ConsentUse::Onward,
            }
            .into(),
            compartments: self.compartments.iter().map(|of| (*of).into()).collect(),
            beneficiary: self.beneficiary,
            ground: self.ground,
            answer_by: self.answer_days.map(in_days),
            exact: self.exact,
        };
        let answer = client.consents.request_consent(request).await?.into_inner();
        if out.json() {
            return out.value(&serde_json::json!({
                "reference": answer.reference,
                "headerDigest": hex::encode(&answer.header_digest),
            }));
        }
        out.line(&answer.reference)
    }
}

impl Grant {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let answer = AnswerConsentRequest {
            reference: self.request,
            granted: true,
            reason: self.reason,
            expires_at: Some(in_days(self.days)),
            reusable: self.reusable,
        };
        answered(&self.target, answer, out).await
    }
}

async fn answered(
    target: &Target,
    answer: AnswerConsentRequest,
    out: &mut Out,
) -> Result<(), Failure> {
    if answer.reference.is_empty() {
        return Err(Failure::new(USAGE, "name the request by its reference"));
    }
    let mut client = target.connect().await?;
    let answer = client.consents.answer_consent(answer).await?.into_inner();
    if out.json() {
        return out.value(&serde_json::json!({ "reference": answer.reference }));
    }
    out.line(&answer.reference)
}

impl List {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let mut page_token = String::new();
        let mut rows = Vec::new();
        let mut left = usize::try_from(self.limit).unwrap_or(usize::MAX);
        while left > 0 {
            let request = ListConsentsRequest {
                page_token,
                page_size: 500,
            };
            let page = client.consents.list_consents(request).await?.into_inner();
            let wanted = page
                .consents
                .iter()
                .filter(|consent| !self.open || consent.state() == ConsentState::Open);
            for consent in wanted.take(left) {
                left -= 1;
                if out.json() {
                    out.value(&json::to_json("comity.node.v1.ConsentSummary", consent)?)?;
                } else {
                    rows.push(row(consent));
                }
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        if !out.json() {
            out.table(
                &[
                    "REQUEST",
                    "RECORD",
                    "FROM",
                    "TO",
                    "USE",
                    "COMPARTMENTS",
                    "BENEFICIARY",
                    "STATE",
                    "UNTIL",
                    "WORDS",
                ],
                rows,
            )?;
        }
        Ok(())
    }
}

fn row(consent: &ConsentSummary) -> Vec<String> {
    let short = |name: &str, prefix: &str| {
        let name = name.strip_prefix(prefix).unwrap_or(name);
        name.to_lowercase()
    };
    let labels: Vec<&str> = consent.compartments().map(label_name).collect();
    let day = |stamp: &prost_types::Timestamp| -> String {
        Moment::from(stamp).to_string().chars().take(10).collect()
    };
    let until = match (&consent.expires_at, &consent.answer_by) {
        (Some(end), _) => day(end),
        (None, Some(answer)) => format!("answer by {}", day(answer)),
        (None, None) => String::new(),
    };
    vec![
        consent.reference.clone(),
        consent.record.clone(),
        consent.requester.clone(),
        consent.origin.clone(),
        short(consent.r#use().as_str_name(), "CONSENT_USE_"),
        labels.join(","),
        consent.beneficiary.clone(),
        short(consent.state().as_str_name(), "CONSENT_STATE_"),
        until,
        if consent.reason.is_empty() {
            consent.ground.clone()
        } else {
            consent.reason.clone()
        },
    ]
}
