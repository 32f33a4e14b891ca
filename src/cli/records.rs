//! `comity records list|show|diff|watch`.

use clap::{Args, Subcommand};
use futures_util::StreamExt as _;

use crate::{
    client::Client,
    record::Moment,
    wire::{
        envelope::ReceiptType,
        json,
        node::{
            GetRecordRequest, GetSharingRequest, ListRecordsRequest, RecordSummary,
            WatchRecordsRequest,
        },
        record::{CompartmentLabel, Record},
    },
};

use super::{Target, exit::Failure, history::show_history, out::Out};

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
pub(super) struct List {
    #[command(flatten)]
    target: Target,
    /// Only records of this country.
    #[arg(long)]
    origin: Option<String>,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// Steps too: recalls, consent, late receipts.
    #[arg(long)]
    steps: bool,
}

#[derive(Debug, Args)]
pub(super) struct Show {
    #[command(flatten)]
    target: Target,
    /// Reference, such as UZ-26-000412-H.
    reference: String,
    /// Why it is read; into the ledger.
    #[arg(long, default_value = "", hide_default_value = true)]
    purpose: String,
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
    /// Why it is read; into the ledger.
    #[arg(long, default_value = "", hide_default_value = true)]
    purpose: String,
}

#[derive(Debug, Args)]
pub(super) struct Watch {
    #[command(flatten)]
    target: Target,
    /// Begin with what is held already.
    #[arg(long)]
    all: bool,
    /// Steps too: recalls, consent, late receipts.
    #[arg(long)]
    steps: bool,
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
                    purpose: diff.purpose,
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

const HEADINGS: [&str; 8] = [
    "REFERENCE",
    "STATE",
    "KIND",
    "URGENCY",
    "SUBMITTED",
    "PARTS",
    "DELIVERED",
    "TITLE",
];

impl List {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let mut rows = Vec::new();
        let mut left = self.limit;
        let mut page_token = String::new();
        while left > 0 {
            let page = client
                .records
                .list_records(ListRecordsRequest {
                    origin: self.origin.clone().unwrap_or_default(),
                    page_size: left.min(500),
                    page_token,
                    steps: self.steps,
                })
                .await?
                .into_inner();
            left = left.saturating_sub(u32::try_from(page.records.len()).unwrap_or(u32::MAX));
            for record in &page.records {
                if out.json() {
                    out.value(&summary_json(record)?)?;
                } else {
                    rows.push(row(record));
                }
            }
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
        }
        if !out.json() {
            out.table(&HEADINGS, rows)?;
        }
        Ok(())
    }
}

impl Show {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        if self.sharing {
            return show_sharing(&mut client, self.reference, out).await;
        }
        let answer = client
            .records
            .get_record(GetRecordRequest {
                reference: self.reference,
                purpose: self.purpose,
                exact: self.exact,
                thread: self.thread,
            })
            .await?
            .into_inner();
        if self.history {
            let versions: Vec<String> = answer
                .versions
                .iter()
                .map(|version| version.reference.clone())
                .collect();
            return show_history(&mut client, versions, out).await;
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
        if answer.original.is_some() {
            out.line(&format!(
                "passed on: sealed by {}, whose signature was verified\n",
                answer.original_origin
            ))?;
        }
        if let Some(summary) = &answer.summary {
            out.table(&HEADINGS, vec![row(summary)])?;
            if answer.versions.len() > 1 {
                out.line("\nversions, oldest first")?;
                out.table(&HEADINGS, answer.versions.iter().map(row).collect())?;
            }
            if self.thread {
                out.line("\nthread, oldest first")?;
                out.table(&HEADINGS, answer.thread.iter().map(row).collect())?;
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

impl Watch {
    async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let mut client = self.target.connect().await?;
        let mut records = client
            .records
            .watch_records(WatchRecordsRequest {
                after_number: 0,
                only_new: !self.all,
                steps: self.steps,
            })
            .await?
            .into_inner();
        if !out.json() {
            out.note("watching; Ctrl-C ends");
        }
        loop {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => return Ok(()),
                answer = records.next() => match answer {
                    Some(answer) => if let Some(record) = answer?.record {
                        if out.json() {
                            out.value(&summary_json(&record)?)?;
                        } else {
                            out.line(&super::out::printable(&row(&record).join("  ")))?;
                        }
                    },
                    None => return Ok(()),
                },
            }
        }
    }
}

/// A summary as JSON, with the digest in hexadecimal as everywhere else.
pub(super) fn summary_json(record: &RecordSummary) -> Result<serde_json::Value, Failure> {
    let mut value = json::to_json("comity.node.v1.RecordSummary", record)?;
    if let Some(object) = value.as_object_mut() {
        object.insert(
            "headerDigest".to_owned(),
            hex::encode(&record.header_digest).into(),
        );
    }
    Ok(value)
}

fn row(record: &RecordSummary) -> Vec<String> {
    let marked = if record.exercise { "EXERCISE " } else { "" };
    let delivered = record
        .deliveries
        .iter()
        .filter(|delivery| delivery.receipt() == ReceiptType::Delivery)
        .count();
    vec![
        record.reference.clone(),
        state(record),
        format!("{marked}{}", record.kind),
        short(record.urgency().as_str_name(), "URGENCY_"),
        super::out::moment(Moment::from_micros(record.submitted_us)),
        record
            .compartments
            .iter()
            .filter_map(|label| CompartmentLabel::try_from(*label).ok())
            .map(|label| short(label.as_str_name(), "COMPARTMENT_LABEL_"))
            .collect::<Vec<_>>()
            .join(","),
        if record.deliveries.is_empty() {
            String::new()
        } else {
            format!("{delivered}/{}", record.deliveries.len())
        },
        record.title.clone(),
    ]
}

/// What became of a record, in a word or two.
fn state(record: &RecordSummary) -> String {
    let state = short(record.state().as_str_name(), "RECORD_STATE_");
    if record.held {
        format!("{state}, held")
    } else {
        state
    }
}

fn short(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::record::Urgency;

    #[test]
    fn a_row_counts_deliveries() {
        let record = RecordSummary {
            urgency: Urgency::Emergency.into(),
            deliveries: vec![Default::default()],
            exercise: true,
            kind: "Route".to_owned(),
            ..RecordSummary::default()
        };
        let row = row(&record);
        assert_eq!(row[2], "EXERCISE Route");
        assert_eq!(row[3], "emergency");
        assert_eq!(row[6], "0/1");
    }
}
