//! Whether a record may leave as a file, and what of it.

use crate::{
    access::{Permit, Subject, Warrant, act},
    feed::geojson,
    record::{
        Reference,
        handling::{FileLimit, file_limit, tells_of_one},
    },
    wire::{
        node::WithheldCompartment,
        record::{CompartmentLabel, Marking, Record},
    },
};

use super::{
    super::{
        Node, NodeError,
        access::withheld,
        rules::{By, DiscloseOrder},
        steps::{ConsentError, numbers},
    },
    Format, FormatOrder, Leaving, NotExported, Ready, kind_of,
};

/// What a file of another format may hold of a record.
const IN_FILES: [CompartmentLabel; 3] = [
    CompartmentLabel::Situation,
    CompartmentLabel::Suspects,
    CompartmentLabel::Identifiers,
];

/// Whether the marking lets an authority take the record out, and its own country's rules on persons.
pub(super) fn judge(
    kind: &str,
    marking: &Marking,
    subject: &Subject,
    authority: Option<&str>,
) -> Result<(), NotExported> {
    if kind == "Trend" {
        return Err(NotExported::Statistics);
    }
    if tells_of_one(kind) && !subject.is_submitted_by(authority) {
        return Err(NotExported::OnePerson);
    }
    match file_limit(marking) {
        FileLimit::Free => Ok(()),
        FileLimit::Named(_) if subject.is_for(authority) => Ok(()),
        FileLimit::Named(mark) => Err(NotExported::NotNamed(mark)),
        FileLimit::Submitter(_) if subject.is_submitted_by(authority) => Ok(()),
        FileLimit::Submitter(mark) => Err(NotExported::NotSubmitter(mark)),
        FileLimit::Nobody(mark) => Err(NotExported::Marked(mark)),
    }
}

impl Node {
    /// A record as it leaves; nothing of it has left yet.
    pub(super) fn ready(
        &self,
        reference: Reference,
        order: &FormatOrder,
        permit: &Permit<act::Export>,
        warrant: Option<&Warrant>,
    ) -> Result<Ready, NotExported> {
        if matches!(order.format, Format::Cap)
            && let Some(ready) = self.recalled(reference, order, permit, warrant)?
        {
            return Ok(ready);
        }
        let mut held = self.usable(permit, &reference, false)?;
        self.check_heard(held.sender)?;
        let subject = self
            .subject_of_held(held.number)
            .map_err(ConsentError::from)?;
        let kind = kind_of(&held.record);
        if kind != order.format.kind() {
            return Err(NotExported::Kind(kind, order.format.kind().to_owned()));
        }
        let marking = held.record.marking.clone().unwrap_or_default();
        judge(&kind, &marking, &subject, permit.principal().authority())?;
        let files: &[CompartmentLabel] = match order.format {
            Format::Cap | Format::GeoJson => &[CompartmentLabel::Situation],
            Format::Csv(..) => &IN_FILES,
        };
        let left_out = left_out(&held.labels, files, withheld(&held.decision));
        held.labels.retain(|label| files.contains(label));
        let content = self.text_of(&held.record, &held.labels, order)?;
        Ok(Ready {
            order: DiscloseOrder {
                number: held.number,
                digest: held.digest,
                reference: reference.to_string(),
                manner: order.format.manner(),
                compartments: numbers(&held.labels),
                token: None,
                by: by(permit, order, warrant),
                // The text is shown as by a reading.
                retrieval: held.sender != self.country,
                export: None,
            },
            leaving: Leaving {
                reference,
                compartments: held.labels,
                withheld: left_out,
            },
            content,
        })
    }

    /// The text of a record in the format, with these compartments alone.
    fn text_of(
        &self,
        record: &Record,
        labels: &[CompartmentLabel],
        order: &FormatOrder,
    ) -> Result<Vec<u8>, NotExported> {
        let mut record = record.clone();
        Subject::remove(&mut record, labels.iter().copied().collect());
        match &order.format {
            Format::Cap => self.message_of(&record),
            Format::Csv(table, _) => Ok(table.rows(&record)),
            Format::GeoJson => {
                let features = geojson::features(&record);
                let features: Vec<String> = features.iter().map(ToString::to_string).collect();
                Ok(features.join(geojson::BETWEEN).into_bytes())
            }
        }
    }
}

/// Who exports, and why.
pub(super) fn by(
    permit: &Permit<act::Export>,
    order: &FormatOrder,
    warrant: Option<&Warrant>,
) -> By {
    By::of(permit)
        .reading_for(order.purpose.clone(), order.note.clone())
        .under(warrant)
}

/// Compartments that stay behind: for want of a permission, or since the format has none.
fn left_out(
    reached: &[CompartmentLabel],
    files: &[CompartmentLabel],
    withheld: Vec<WithheldCompartment>,
) -> Vec<WithheldCompartment> {
    let mut left_out = withheld;
    let beyond = reached.iter().filter(|label| !files.contains(label));
    left_out.extend(beyond.map(|label| WithheldCompartment {
        compartment: (*label).into(),
        reason: "is in no file of this format".to_owned(),
    }));
    left_out
}

impl From<NodeError> for NotExported {
    fn from(error: NodeError) -> Self {
        Self::Use(error.into())
    }
}

impl From<super::super::read::ReadError> for NotExported {
    fn from(error: super::super::read::ReadError) -> Self {
        Self::Use(error.into())
    }
}
