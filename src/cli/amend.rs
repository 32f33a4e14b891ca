//! `comity amend REF FILE|-`: a new version of an own record.

use clap::Args;

use crate::wire::{
    json,
    node::GetRecordRequest,
    record::{FollowType, Follows, Record},
};

use super::{Target, exit::Failure, input::read_record, out::Out};

/// Replace a record by a new version: the whole record again, to be read by its destinations.
#[derive(Debug, Args)]
pub(super) struct Amend {
    #[command(flatten)]
    target: Target,
    /// Reference of any version of the record; the newest is amended.
    reference: String,
    /// File with the record as one JSON object, such as `comity records show REF --output json`
    /// wrote and you changed; `-` for standard input.
    file: String,
    /// Idempotency key: a repeat with the same key returns the first answer.
    #[arg(long)]
    key: Option<String>,
}

impl Amend {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let text = read_record(&self.file)?;
        let record: Record = json::from_json("comity.record.v1.Record", &text)?;
        let mut client = self.target.connect().await?;
        let newest = client
            .read(GetRecordRequest {
                reference: self.reference,
                purpose: "amendment".to_owned(),
                situation_only: true,
                ..GetRecordRequest::default()
            })
            .await?
            .summary
            .unwrap_or_default();
        let record = Record {
            reference: String::new(),
            submitted_at: None,
            follows: Some(Follows {
                r#type: FollowType::Amendment.into(),
                header_digest: newest.header_digest,
                reference: newest.reference.clone(),
            }),
            ..record
        };
        let answer = match self.key {
            Some(key) => client.submit_with_key(record, key).await?,
            None => client.submit(record).await?,
        };
        if out.json() {
            return out.value(&serde_json::json!({
                "reference": answer.reference,
                "amends": newest.reference,
                "headerDigest": hex::encode(&answer.header_digest),
                "repeated": answer.repeated,
            }));
        }
        out.line(&format!(
            "{}  amends {}",
            answer.reference, newest.reference
        ))
    }
}
