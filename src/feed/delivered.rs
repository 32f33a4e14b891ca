//! What is delivered, as JSON: the same in webhooks and in the lines of `comity feed pull`.

use serde_json::Value;

use crate::wire::{
    json::{self, JsonError},
    node::{Delivered, delivered::What},
};

/// The canonical JSON of what is delivered, with digests in hexadecimal as everywhere else.
///
/// # Errors
/// [`JsonError`] when it holds what JSON cannot express.
pub fn to_json(delivered: &Delivered) -> Result<Value, JsonError> {
    let mut value = json::to_json("comity.node.v1.Delivered", delivered)?;
    let (way, digest) = match &delivered.what {
        Some(What::Record(record)) => {
            let summary = record.summary.as_ref();
            let digest = summary.map(|of| of.header_digest.as_slice());
            ("/record/summary", digest.unwrap_or_default())
        }
        Some(What::Notice(notice)) => ("/notice", notice.header_digest.as_slice()),
        None => return Ok(value),
    };
    if let Some(object) = value.pointer_mut(way).and_then(Value::as_object_mut) {
        object.insert("headerDigest".to_owned(), hex::encode(digest).into());
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::node::{DeliveredRecord, Notice, NoticeKind, RecordSummary};

    #[test]
    fn digests_are_hexadecimal_in_records_and_notices() {
        let record = DeliveredRecord {
            summary: Some(RecordSummary {
                header_digest: vec![0xab; 32],
                ..RecordSummary::default()
            }),
            ..DeliveredRecord::default()
        };
        let notice = Notice {
            kind: NoticeKind::Recalled.into(),
            header_digest: vec![0xcd; 32],
            ..Notice::default()
        };
        let shown = |what| {
            let of = Delivered {
                position: None,
                what: Some(what),
            };
            to_json(&of).unwrap()
        };
        let record = shown(What::Record(record));
        assert_eq!(record["record"]["summary"]["headerDigest"], "ab".repeat(32));
        let notice = shown(What::Notice(notice));
        assert_eq!(notice["notice"]["headerDigest"], "cd".repeat(32));
        assert_eq!(notice["notice"]["kind"], "NOTICE_KIND_RECALLED");
    }
}
