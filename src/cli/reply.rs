//! `comity reply REF FILE|-` or `--text`: answer a record in its thread.

use clap::Args;

use crate::wire::{json, node::ReplyToRecordRequest, record::Urgency};

use super::{
    Target,
    exit::{Failure, USAGE},
    input::read_record,
    out::Out,
};

/// Reply to a record: to its origin and its other readers, in its thread.
#[derive(Debug, Args)]
pub(super) struct Reply {
    #[command(flatten)]
    target: Target,
    /// Reference of the record replied to; its newest version is followed.
    reference: String,
    /// File with the reply as one JSON object, a record of any kind; `-` for standard input. Without
    /// `destinations` it goes to the readers of the record replied to.
    #[arg(required_unless_present = "text", conflicts_with = "text")]
    file: Option<String>,
    /// The text of a message, under the markings of the record replied to.
    #[arg(long)]
    text: Option<String>,
    /// Title of the message, one line, without personal data.
    #[arg(long, requires = "text")]
    title: Option<String>,
    /// Language of the message, such as uz-Cyrl.
    #[arg(long, requires = "text")]
    language: Option<String>,
    /// Urgency of the message: routine, urgent, urgent_direct or emergency; that of the record
    /// replied to when left out.
    #[arg(long, requires = "text")]
    urgency: Option<String>,
    /// Only to these readers, such as KZ; several times for several.
    #[arg(long)]
    to: Vec<String>,
    /// The own authority that replies, where the record does not settle it.
    #[arg(long)]
    authority: Option<String>,
    /// Idempotency key: a repeat with the same key returns the first answer.
    #[arg(long)]
    key: Option<String>,
}

impl Reply {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let record = match &self.file {
            Some(file) => {
                let text = read_record(file)?;
                Some(json::from_json("comity.record.v1.Record", &text)?)
            }
            None => None,
        };
        let urgency = match &self.urgency {
            Some(typed) => urgency(typed)?.into(),
            None => Urgency::Unspecified.into(),
        };
        let mut client = self.target.connect().await?;
        let request = ReplyToRecordRequest {
            reference: self.reference,
            record,
            text: self.text.unwrap_or_default(),
            title: self.title.unwrap_or_default(),
            language: self.language.unwrap_or_default(),
            urgency,
            countries: self.to,
            idempotency_key: self.key.unwrap_or_default(),
            authority: self.authority.unwrap_or_default(),
        };
        let answer = client.threads.reply_to_record(request).await?.into_inner();
        if !answer.left_out.is_empty() {
            out.note(&format!(
                "not to {}: no card is held, or the record never arrived there",
                answer.left_out.join(", ")
            ));
        }
        if out.json() {
            return out.value(&json::to_json(
                "comity.node.v1.ReplyToRecordResponse",
                &answer,
            )?);
        }
        out.line(&format!(
            "{}  replies to {}, to {}",
            answer.reference,
            answer.follows,
            answer.countries.join(", ")
        ))
    }
}

fn urgency(typed: &str) -> Result<Urgency, Failure> {
    let name = format!("URGENCY_{}", typed.to_uppercase().replace('-', "_"));
    match Urgency::from_str_name(&name) {
        Some(urgency) if urgency != Urgency::Unspecified => Ok(urgency),
        _ => Err(Failure::new(
            USAGE,
            format!("`{typed}` is no urgency: routine, urgent, urgent_direct or emergency"),
        )),
    }
}
