//! `comity records list|show|diff|watch`: here what opens records.

mod list;
mod row;

use clap::{Args, Subcommand};

use crate::{
    client::Client,
    node::system_clock,
    record::{Moment, compartments::label_name},
    wire::{
        envelope::ReceiptType,
        json,
        node::{
            ChargeStep, DeliveryState, GetRecordRequest, GetSharingRequest, ListChargesRequest,
            RecordSummary,
        },
        record::Record,
    },
};

use self::{
    list::{List, Watch},
    row::{HEADINGS, acknowledged, age, row},
};
use super::{Target, exit::Failure, history::show_history, out::Out, why::Why};

pub(super) use row::{authority, summary_json};

/// List, show and watch records.
#[derive(Debug, Subcommand)]
pub(super) enum Records {
    /// List what the node holds, newest first.
    List(List),
    /// Open a record; the reading is in the ledger before it is shown.
    Show(Show),
    /// Show what each version of a record changed, field by field.
    Diff(Diff),
    /// Show records as they become durable.
    Watch(Watch),
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    target: Target,
    /// Reference, such as UZ-26-000412-H.
    reference: String,
    #[command(flatten)]
    why: Why,
    /// The situation alone, for which no purpose is needed.
    #[arg(long)]
    situation: bool,
    /// Show who was given what and why, as it was sent, instead of the record.
    #[arg(long)]
    sharing: bool,
    /// This very version, also when a newer one is held.
    #[arg(long)]
    exact: bool,
    /// The thread too: amendments, replies and steps.
    #[arg(long)]
    thread: bool,
    /// What each version changed, field by field, instead of the record.
    #[arg(long)]
    history: bool,
}

#[derive(Debug, Args)]
pub(super) struct Diff {
    #[command(flatten)]
    target: Target,
    /// Reference of any version.
    reference: String,
    #[command(flatten)]
    why: Why,
}

impl Records {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::List(list) => list.carry_out(out).await,
            Self::Show(show) => show.carry_out(out).await,
            Self::Diff(diff) => {
                let show = Show {
                    target: diff.target,
                    reference: diff.reference,
                    why: diff.why,
                    situation: false,
                    sharing: false,
                    exact: false,
                    thread: false,
                    history: true,
                };
                show.carry_out(out).await
            }
            Self::Watch(watch) => watch.carry_out(out).await,
        }
    }
}

impl Show {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        if self.sharing {
            return show_sharing(&mut client, self.reference, out).await;
        }
        let answer = client
            .read(GetRecordRequest {
                reference: self.reference,
                purpose: self.why.note(),
                reading_purpose: self.why.code(),
                case_reference: self.why.case(),
                situation_only: self.situation,
                exact: self.exact,
                thread: self.thread,
            })
            .await?;
        if self.history {
            let versions: Vec<String> = answer
                .versions
                .iter()
                .map(|version| version.reference.clone())
                .collect();
            return show_history(&mut client, versions, &self.why, out).await;
        }
        let record = answer.record.unwrap_or_default();
        let mut value = json::to_json("comity.record.v1.Record", &record)?;
        if let Some(original) = &answer.original {
            passed_on(&mut value, original, &answer.original_origin)?;
        }
        if out.json() && self.thread {
            let all = |summaries: &[RecordSummary]| -> Result<Vec<_>, Failure> {
                summaries.iter().map(summary_json).collect()
            };
            return out.value(&serde_json::json!({
                "record": value,
                "versions": all(&answer.versions)?,
                "thread": all(&answer.thread)?,
            }));
        }
        if out.json() {
            return out.value(&value);
        }
        for of in &answer.withheld {
            out.note(&format!(
                "compartment `{}` is withheld from you: {}",
                label_name(of.compartment()),
                of.reason
            ));
        }
        if answer.original.is_some() {
            out.line(&format!(
                "passed on: sealed by {}, whose signature was verified\n",
                answer.original_origin
            ))?;
        }
        if let Some(summary) = &answer.summary {
            let now = system_clock()();
            let rows = |summaries: &[RecordSummary]| {
                let rows = summaries.iter().map(|summary| row(summary, now));
                rows.collect()
            };
            out.table(&HEADINGS, rows(std::slice::from_ref(summary)))?;
            if answer.versions.len() > 1 {
                out.line("\nversions, oldest first")?;
                out.table(&HEADINGS, rows(&answer.versions))?;
            }
            if self.thread {
                out.line("\nthread, oldest first")?;
                out.table(&HEADINGS, rows(&answer.thread))?;
            }
            if !summary.deliveries.is_empty() {
                out.line("\nat its readers")?;
                show_deliveries(&summary.deliveries, now, out)?;
            }
            if !summary.charges.is_empty() {
                out.line("\nwho was in charge, oldest first")?;
                let reference = summary.reference.clone();
                let request = ListChargesRequest { reference };
                let steps = client
                    .threads
                    .list_charges(request)
                    .await?
                    .into_inner()
                    .steps;
                show_charges(&steps, out)?;
            }
            out.line("")?;
        }
        let text = serde_json::to_string_pretty(&value)
            .map_err(|error| Failure::new(super::exit::SOFTWARE, error.to_string()))?;
        for line in text.lines() {
            out.line(&super::out::printable(line))?;
        }
        Ok(())
    }
}

/// Puts the content of the record passed on where its ciphertexts and keys stand.
fn passed_on(
    value: &mut serde_json::Value,
    original: &Record,
    origin: &str,
) -> Result<(), Failure> {
    let content = json::to_json("comity.record.v1.Record", original)?;
    if let Some(onward) = value
        .get_mut("onward")
        .and_then(serde_json::Value::as_object_mut)
    {
        onward.remove("openings");
        onward.insert("original".to_owned(), content);
        onward.insert("origin".to_owned(), origin.into());
    }
    Ok(())
}

/// What became of a record at each destination, and how long an acknowledgement is awaited there.
fn show_deliveries(
    deliveries: &[DeliveryState],
    now: Moment,
    out: &mut Out,
) -> Result<(), Failure> {
    let rows = deliveries
        .iter()
        .map(|of| {
            let delivered = of.receipt() == ReceiptType::Delivery;
            vec![
                of.country.clone(),
                match of.receipt() {
                    ReceiptType::Delivery => at(of.time_us),
                    ReceiptType::NonDelivery => "refused".to_owned(),
                    _ => String::new(),
                },
                at(of.retrieved_us),
                acknowledged(of),
                if delivered && of.acknowledgements.is_empty() {
                    age(now.since(Moment::from_micros(of.time_us)))
                } else {
                    String::new()
                },
            ]
        })
        .collect();
    let headings = [
        "COUNTRY",
        "DELIVERED",
        "OPENED",
        "ACKNOWLEDGED BY",
        "NOT ACKNOWLEDGED FOR",
    ];
    out.table(&headings, rows)
}

fn show_charges(steps: &[ChargeStep], out: &mut Out) -> Result<(), Failure> {
    let rows = steps
        .iter()
        .map(|step| {
            vec![
                row::authority(&step.authority),
                step.officer.clone(),
                if step.acknowledged {
                    "acknowledged".to_owned()
                } else {
                    format!("assigned by {}", step.by)
                },
                at(step.time_us),
                step.note.clone(),
            ]
        })
        .collect();
    out.table(&["AUTHORITY", "OFFICER", "HOW", "TIME", "NOTE"], rows)
}

/// A time to the second; empty for none.
fn at(micros: i64) -> String {
    match micros {
        0 => String::new(),
        micros => Moment::from_micros(micros)
            .to_string()
            .chars()
            .take(19)
            .collect(),
    }
}

async fn show_sharing(
    client: &mut Client,
    reference: String,
    out: &mut Out,
) -> Result<(), Failure> {
    let answer = client.sharing.get_sharing(GetSharingRequest { reference });
    let answer = answer.await?.into_inner();
    super::sharing::show(&answer.matrix.unwrap_or_default(), out)?;
    if !answer.as_sent {
        out.note(
            "as far as this country reads the record; only its origin holds the matrix as sent",
        );
    }
    Ok(())
}
