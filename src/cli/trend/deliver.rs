//! What becomes of the records made: submitted, or written to a file.

use std::{
    fs::File,
    io::{self, Write as _},
    path::Path,
};

use crate::{
    crypto::Digest,
    feed::layouts,
    record::Country,
    wire::{
        json,
        node::SubmitRecordRequest,
        record::{
            CountryRole, Destination, Grading, InformationCredibility, Marking, Record, Situation,
            SourceReliability, Tlp, Trend, Urgency, situation::Kind,
        },
    },
};

use super::super::{
    Target,
    exit::{CANTCREAT, DATAERR, Failure, USAGE},
    out::Out,
};

/// What every record made has in common.
pub(super) struct Made<'a> {
    /// The submitting authority.
    pub(super) authority: &'a str,
    /// Who receives it.
    pub(super) destinations: &'a [Destination],
    /// Traffic Light Protocol.
    pub(super) tlp: Tlp,
    /// Whether it is an exercise.
    pub(super) exercise: bool,
}

impl Made<'_> {
    /// The record of a table.
    pub(super) fn record(&self, trend: Trend) -> Record {
        let exercise = if self.exercise { "EXERCISE " } else { "" };
        Record {
            authority: self.authority.to_owned(),
            destinations: self.destinations.to_vec(),
            urgency: Urgency::Routine.into(),
            marking: Some(Marking {
                tlp: self.tlp.into(),
                ..Marking::default()
            }),
            exercise: self.exercise,
            situation: Some(Situation {
                title: format!("{exercise}{}", layouts::title(&trend)),
                language: "en".to_owned(),
                grading: Some(Grading {
                    source: SourceReliability::B.into(),
                    information: InformationCredibility::InformationCredibility2.into(),
                }),
                confidence: 80,
                kind: Some(Kind::Trend(trend)),
                ..Situation::default()
            }),
            ..Record::default()
        }
    }
}

/// `KZ` or `KZ/interior-ministry`.
pub(super) fn destination(text: &str) -> Result<Destination, Failure> {
    let (country, authority) = text.split_once('/').unwrap_or((text, ""));
    let country: Country = country
        .parse()
        .map_err(|error: crate::record::UnknownCountry| {
            Failure::new(USAGE, format!("--to: {error}"))
        })?;
    Ok(Destination {
        country: country.code().to_owned(),
        role: CountryRole::Destination.into(),
        authorities: (!authority.is_empty())
            .then(|| authority.to_owned())
            .into_iter()
            .collect(),
        ..Destination::default()
    })
}

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
