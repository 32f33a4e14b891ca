//! `comity acknowledge REF` and `comity assign REF --to NAME`: who is in charge of a record.

use clap::Args;

use crate::{
    record::Moment,
    wire::node::{AcknowledgeRecordRequest, AssignRecordRequest, ChargeState},
};

use super::{Target, exit::Failure, out::Out, out::printable, records::authority};

/// Take charge of another country's record. Its origin learns which authority did.
#[derive(Debug, Args)]
pub(super) struct Acknowledge {
    #[command(flatten)]
    target: Target,
    /// Reference; the newest version is acknowledged.
    reference: String,
    /// For which of the authorities that the record names, where it names several.
    #[arg(long)]
    authority: Option<String>,
    /// Anything else; it stays in the country.
    #[arg(long)]
    note: Option<String>,
}

/// Put an officer in charge of another country's record. Its origin is not told.
#[derive(Debug, Args)]
pub(super) struct Assign {
    #[command(flatten)]
    target: Target,
    /// Reference; the newest version is assigned.
    reference: String,
    /// The officer: the name in the certificate, such as n.karimova.
    #[arg(long)]
    to: String,
    /// Within which of the authorities that the record names, where it names several.
    #[arg(long)]
    authority: Option<String>,
    /// Anything else.
    #[arg(long)]
    note: Option<String>,
}

impl Acknowledge {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = AcknowledgeRecordRequest {
            reference: self.reference,
            authority: self.authority.unwrap_or_default(),
            note: self.note.unwrap_or_default(),
        };
        let answer = client.threads.acknowledge_record(request).await?;
        let answer = answer.into_inner();
        if answer.repeated {
            out.note("it was acknowledged before; nothing changed");
        }
        let charge = answer.charge.unwrap_or_default();
        say(&answer.reference, &charge, answer.repeated, out)
    }
}

impl Assign {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let request = AssignRecordRequest {
            reference: self.reference,
            officer: self.to,
            authority: self.authority.unwrap_or_default(),
            note: self.note.unwrap_or_default(),
        };
        let answer = client.threads.assign_record(request).await?.into_inner();
        if answer.repeated {
            out.note("that officer was in charge before; nothing changed");
        }
        let charge = answer.charge.unwrap_or_default();
        say(&answer.reference, &charge, answer.repeated, out)
    }
}

fn say(
    reference: &str,
    charge: &ChargeState,
    repeated: bool,
    out: &mut Out,
) -> Result<(), Failure> {
    let since = Moment::from_micros(charge.since_us).to_string();
    if out.json() {
        return out.value(&serde_json::json!({
            "reference": reference,
            "authority": charge.authority,
            "officer": charge.officer,
            "since": since,
            "acknowledged": charge.acknowledged_us != 0,
            "repeated": repeated,
        }));
    }
    let acknowledged = if charge.acknowledged_us == 0 {
        ", not acknowledged yet"
    } else {
        ""
    };
    out.line(&printable(&format!(
        "{reference}  held by {} for {} since {since}{acknowledged}",
        charge.officer,
        authority(&charge.authority),
    )))
}
