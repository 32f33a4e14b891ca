//! What each version of a record changed.

use crate::{
    client::{Client, ClientError},
    wire::{json, node::GetRecordRequest},
};

use super::{diff::diff, exit::Failure, out::Out, why::Why};

/// Shows what each version changed against the one before.
pub(super) async fn show_history(
    client: &mut Client,
    versions: Vec<String>,
    why: &Why,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut before: Option<serde_json::Value> = None;
    let mut rows = Vec::new();
    for reference in versions {
        let answer = client
            .read(GetRecordRequest {
                reference: reference.clone(),
                exact: true,
                purpose: why.note(),
                reading_purpose: why.code(),
                case_reference: why.case(),
                ..GetRecordRequest::default()
            })
            .await;
        let record = match answer {
            Ok(answer) => answer.record.unwrap_or_default(),
            // A version that was recalled shows nothing; the next is compared with the one before.
            Err(ClientError::Refused(of)) if of.code() == tonic::Code::FailedPrecondition => {
                rows.push(vec![
                    reference,
                    "(locked)".to_owned(),
                    String::new(),
                    String::new(),
                ]);
                continue;
            }
            Err(refused) => return Err(refused.into()),
        };
        let value = json::to_json("comity.record.v1.Record", &record)?;
        for change in before
            .as_ref()
            .map(|before| diff(before, &value))
            .unwrap_or_default()
        {
            if out.json() {
                out.value(&serde_json::json!({
                    "version": reference,
                    "field": change.field,
                    "before": change.before,
                    "after": change.after,
                }))?;
            }
            let shown = |value: Option<String>| value.unwrap_or_else(|| "—".to_owned());
            rows.push(vec![
                reference.clone(),
                change.field,
                shown(change.before),
                shown(change.after),
            ]);
        }
        before = Some(value);
    }
    if out.json() {
        return Ok(());
    }
    out.table(&["VERSION", "FIELD", "BEFORE", "AFTER"], rows)
}
