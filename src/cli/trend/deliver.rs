//! What becomes of the records made: submitted, or written to a file.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
};

use crate::{
    crypto::Digest,
    wire::{json, node::SubmitRecordRequest, record::Record},
};

use super::super::{
    Target,
    exit::{CANTCREAT, DATAERR, Failure},
    out::Out,
};

/// Writes one record per line.
pub(super) fn write(path: &Path, records: &[Record]) -> Result<(), Failure> {
    let file = File::create(path).map_err(|error| {
        Failure::new(
            CANTCREAT,
            format!("{} cannot be written: {error}", path.display()),
        )
    })?;
    let mut file = io::BufWriter::new(file);
    for record in records {
        let value = json::to_json("comity.record.v1.Record", record)?;
        writeln!(file, "{value}")?;
    }
    file.flush()?;
    Ok(())
}

/// Submits the records. Their keys are digests of what they say, so that a repeat gives the first
/// answers.
pub(super) async fn submit(
    target: &Target,
    records: Vec<Record>,
    out: &mut Out,
) -> Result<(), Failure> {
    let mut client = target.connect().await?;
    let mut requests = Vec::with_capacity(records.len());
    let mut titles = Vec::with_capacity(records.len());
    for record in records {
        let text = json::to_json("comity.record.v1.Record", &record)?.to_string();
        let title = record.situation.as_ref().map(|of| of.title.clone());
        titles.push(title.unwrap_or_default());
        requests.push(SubmitRecordRequest {
            record: Some(record),
            idempotency_key: format!("trend-{}", hex::encode(Digest::of(text.as_bytes()))),
        });
    }
    let mut answers = client.submit_all(tokio_stream::iter(requests)).await?;
    let (mut accepted, mut repeated, mut refused) = (0_u64, 0_u64, 0_u64);
    let mut titles = titles.into_iter();
    while let Some(answer) = answers.next().await {
        let title = titles.next().unwrap_or_default();
        match answer? {
            Ok(answer) => {
                accepted += 1;
                repeated += u64::from(answer.repeated);
                if out.json() {
                    out.value(&serde_json::json!({
                        "reference": answer.reference,
                        "title": title,
                        "repeated": answer.repeated,
                    }))?;
                } else {
                    let again = if answer.repeated { "  (known)" } else { "" };
                    out.line(&super::super::out::printable(&format!(
                        "{}  {title}{again}",
                        answer.reference
                    )))?;
                }
            }
            Err(refusal) => {
                refused += 1;
                let message = format!("{title}: {refusal}");
                let violations = refusal.violations().to_vec();
                out.failure(
                    &Failure::new(DATAERR, message).with_violations(violations, refusal.has_more()),
                );
            }
        }
    }
    if !out.json() {
        out.note(&format!(
            "{accepted} records are durable, {repeated} of them were before"
        ));
    }
    if refused > 0 {
        return Err(Failure::new(
            DATAERR,
            format!("{accepted} records are durable, {refused} were refused"),
        ));
    }
    Ok(())
}
