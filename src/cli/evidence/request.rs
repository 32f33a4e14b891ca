//! `comity evidence request FILE`: submit a request.

use clap::Args;

use crate::wire::{json, node::RequestEvidenceRequest, record::Record};

use super::super::{Target, exit::Failure, input::read_record, out::Out};

/// Submit a request and wait until it is durable.
#[derive(Debug, Args)]
pub(in crate::cli) struct Request {
    #[command(flatten)]
    target: Target,
    /// File with the request as one JSON object; `-` for standard input.
    file: String,
    /// Idempotency key: a repeat with the same key returns the first answer.
    #[arg(long)]
    key: Option<String>,
}

/// A request out of its JSON.
pub(super) fn request_of(text: &str) -> Result<Record, Failure> {
    Ok(json::from_json("comity.record.v1.Record", text)?)
}

impl Request {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let record = request_of(&read_record(&self.file)?)?;
        let mut client = self.target.connect().await?;
        let asked = RequestEvidenceRequest {
            record: Some(record),
            idempotency_key: self.key.unwrap_or_default(),
        };
        let answer = client.request_evidence(asked).await?;
        if out.json() {
            return out.value(&serde_json::json!({
                "reference": answer.reference,
                "headerDigest": hex::encode(&answer.header_digest),
                "repeated": answer.repeated,
            }));
        }
        if answer.repeated {
            out.note("this key was used before: the first answer again");
        }
        out.line(&answer.reference)
    }
}
