//! An amendment by the origin, and the difference as each reader sees it.

use serde_json::{Value, json};

use crate::{
    exercise::story,
    record::{Country, compartments::label_name},
    wire::{
        json::to_json,
        node::SubmitRecordResponse,
        record::{CompartmentLabel, FollowType, Follows, Record},
    },
};

use super::{
    super::super::{
        diff::{Change, diff},
        exit::Failure,
        out::Out,
    },
    Cast, Parts, Seat, eventually,
};

/// The newer version and what each country sees of the difference.
#[derive(Debug)]
pub(super) struct Amendment {
    reference: String,
    /// At the origin.
    changes: Vec<Change>,
    readers: Vec<Reader>,
}

/// One reader.
#[derive(Debug)]
struct Reader {
    country: Country,
    opens: Vec<CompartmentLabel>,
    changes: Vec<Change>,
}

/// The compartment that a field stands in.
fn compartment(change: &Change) -> CompartmentLabel {
    let first = change.field.split(['.', '[']).next().unwrap_or_default();
    [
        CompartmentLabel::Suspects,
        CompartmentLabel::Identifiers,
        CompartmentLabel::Victims,
        CompartmentLabel::Source,
        CompartmentLabel::Evidence,
    ]
    .into_iter()
    .find(|label| label_name(*label) == first)
    .unwrap_or(CompartmentLabel::Situation)
}

impl Amendment {
    /// Corrects the record, waits until every reader has the correction, and compares.
    pub(super) async fn make(
        cast: &mut Cast,
        record: &Record,
        first: &SubmitRecordResponse,
        parts: &Parts,
    ) -> Result<Self, Failure> {
        let book = cast.book.clone();
        let origin = cast.origin()?;
        let amended = origin
            .submit(Record {
                follows: Some(Follows {
                    r#type: FollowType::Amendment.into(),
                    header_digest: first.header_digest.clone(),
                    reference: first.reference.clone(),
                }),
                ..story::corrected(record)
            })
            .await?;
        let reference = amended.reference;
        let countries = record.destinations.len();
        origin.delivered(&reference, &book, countries).await?;
        let changes = changes(origin, &first.reference, &reference).await?;
        let mut readers = Vec::new();
        for seat in cast.readers() {
            readers.push(Reader {
                country: seat.country,
                opens: parts.opened_by(seat.country).to_vec(),
                changes: self::changes(seat, &first.reference, &reference).await?,
            });
        }
        Ok(Self {
            reference,
            changes,
            readers,
        })
    }

    /// Reference of the newer version.
    pub(super) fn reference(&self) -> &str {
        &self.reference
    }

    /// Whether a reader sees what changed in its compartments, and nothing else.
    fn sees_its_part(&self, reader: &Reader) -> bool {
        let its_part = self
            .changes
            .iter()
            .filter(|change| reader.opens.contains(&compartment(change)));
        !reader.changes.is_empty() && its_part.eq(&reader.changes)
    }

    fn seen(&self) -> usize {
        self.readers
            .iter()
            .filter(|reader| self.sees_its_part(reader))
            .count()
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let wrong = self.readers.iter().filter(|of| !self.sees_its_part(of));
        wrong
            .map(|of| {
                format!(
                    "{} does not see just what changed in its part of {}",
                    of.country, self.reference
                )
            })
            .collect()
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "amendment": self.reference,
            "amendments_expected": self.readers.len(),
            "amendments_seen": self.seen(),
            "fields_changed": self.changes.len(),
        })
    }

    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        out.line(&format!(
            "\n2. TJ amends it ({}); each reader sees what changed in its part\n",
            self.reference
        ))?;
        let rows = self.changes.iter().map(|change| {
            let seen_by: Vec<&str> = self
                .readers
                .iter()
                .filter(|reader| reader.changes.contains(change))
                .map(|reader| reader.country.code())
                .collect();
            let shown = |value: &Option<String>| value.clone().unwrap_or_else(|| "—".to_owned());
            vec![
                change.field.clone(),
                shown(&change.before),
                shown(&change.after),
                seen_by.join(" "),
            ]
        });
        out.table(&["FIELD", "BEFORE", "AFTER", "SEEN BY"], rows.collect())
    }
}

/// What a country sees of the difference between two versions.
async fn changes(seat: &mut Seat, before: &str, after: &str) -> Result<Vec<Change>, Failure> {
    // The newest version answers under the reference of any; it counts once it is in the chain.
    let what = format!("{after} as the newest version in {}", seat.country);
    eventually(&what, async || {
        let newest = seat.open(before, false).await?.summary.unwrap_or_default();
        Ok((newest.reference == after).then_some(()))
    })
    .await?;
    let mut versions = Vec::new();
    for reference in [before, after] {
        let opened = seat.open(reference, true).await?.record.unwrap_or_default();
        versions.push(to_json("comity.record.v1.Record", &opened)?);
    }
    Ok(match versions.as_slice() {
        [before, after] => diff(before, after),
        _ => Vec::new(),
    })
}
