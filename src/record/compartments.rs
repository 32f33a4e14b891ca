//! Cuts a record into the compartments that are sealed apart, and puts them together again.

use prost::Message;

use super::{MAX_LIST, MAX_RECORD_BYTES};
use crate::wire::{
    bounds::{self, BoundsError},
    record::{CompartmentLabel, Evidence, Identifiers, Record, Source, Suspects, Victims},
};

/// Compartments that can be read that are not a record's: the fault of the country that sealed
/// them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// The compartments together are too large.
    #[error("the compartments have {0} bytes; at most {MAX_RECORD_BYTES} are allowed")]
    TooLarge(usize),
    /// No compartment carries the situation.
    #[error("compartment `situation` is missing")]
    NoSituation,
    /// A label that no compartment of a record has.
    #[error("compartment label {0} is unknown")]
    UnknownLabel(u32),
    /// Two compartments have the same label.
    #[error("compartment `{}` is there twice", label_name(*.0))]
    Twice(CompartmentLabel),
    /// A compartment's bytes are not its message.
    #[error("compartment `{}` does not decode", label_name(*.0))]
    Undecodable(CompartmentLabel),
    /// A list in a compartment is too long, or a field is there twice; see [`BoundsError`].
    #[error("compartment `{}`: {error}", label_name(*.label))]
    OutOfBounds {
        /// The compartment.
        label: CompartmentLabel,
        /// What is out of bounds.
        error: BoundsError,
    },
    /// The situation carries what belongs in a compartment of its own.
    #[error("compartment `situation` carries `{}`, which is a compartment of its own", label_name(*.0))]
    Misplaced(CompartmentLabel),
}

/// The name of a compartment as officers see it, such as `victims`.
pub const fn label_name(label: CompartmentLabel) -> &'static str {
    match label {
        CompartmentLabel::Unspecified => "unspecified",
        CompartmentLabel::Situation => "situation",
        CompartmentLabel::Suspects => "suspects",
        CompartmentLabel::Identifiers => "identifiers",
        CompartmentLabel::Victims => "victims",
        CompartmentLabel::Source => "source",
        CompartmentLabel::Evidence => "evidence",
    }
}

/// The encoded compartments of a record, the situation first, then by label. The situation is the
/// record without its other compartments.
pub fn split(record: &Record) -> Vec<(CompartmentLabel, Vec<u8>)> {
    // Field by field, so that a new field must be thought about here.
    let situation = Record {
        reference: record.reference.clone(),
        authority: record.authority.clone(),
        destinations: record.destinations.clone(),
        urgency: record.urgency,
        marking: record.marking.clone(),
        exercise: record.exercise,
        expires_at: record.expires_at,
        submitted_at: record.submitted_at,
        situation: record.situation.clone(),
        suspects: None,
        identifiers: None,
        victims: None,
        source: None,
        evidence: None,
        follows: record.follows.clone(),
        relations: record.relations.clone(),
        step: record.step.clone(),
        onward: record.onward.clone(),
        purpose: record.purpose,
        joint_case: record.joint_case.clone(),
    };
    let mut parts = vec![(CompartmentLabel::Situation, situation.encode_to_vec())];
    let mut add = |label, content: Option<Vec<u8>>| {
        if let Some(content) = content {
            parts.push((label, content));
        }
    };
    add(CompartmentLabel::Suspects, encoded(&record.suspects));
    add(CompartmentLabel::Identifiers, encoded(&record.identifiers));
    add(CompartmentLabel::Victims, encoded(&record.victims));
    add(CompartmentLabel::Source, encoded(&record.source));
    add(CompartmentLabel::Evidence, encoded(&record.evidence));
    parts
}

fn encoded<M: Message>(message: &Option<M>) -> Option<Vec<u8>> {
    message.as_ref().map(Message::encode_to_vec)
}

/// The record that opened compartments make up; those that the reader does not have stay unset.
///
/// Lists are counted before anything is decoded. The result still has to pass [`super::validate`].
///
/// # Errors
/// [`ContentError`]; nothing of the record may be used then.
pub fn join(parts: &[(u32, &[u8])]) -> Result<Record, ContentError> {
    let size = parts
        .iter()
        .fold(0_usize, |sum, (_, bytes)| sum.saturating_add(bytes.len()));
    if size > MAX_RECORD_BYTES {
        return Err(ContentError::TooLarge(size));
    }
    let mut labelled: Vec<(CompartmentLabel, &[u8])> = Vec::new();
    for (number, bytes) in parts {
        let label = label_of(*number).ok_or(ContentError::UnknownLabel(*number))?;
        if labelled.iter().any(|(known, _)| *known == label) {
            return Err(ContentError::Twice(label));
        }
        labelled.push((label, bytes));
    }
    let part = |label| {
        let found = labelled.iter().find(|(of, _)| *of == label);
        found.map(|(_, bytes)| *bytes)
    };

    let situation = part(CompartmentLabel::Situation).ok_or(ContentError::NoSituation)?;
    let mut record: Record = decoded(CompartmentLabel::Situation, "Record", situation)?;
    let misplaced = [
        (CompartmentLabel::Suspects, record.suspects.is_some()),
        (CompartmentLabel::Identifiers, record.identifiers.is_some()),
        (CompartmentLabel::Victims, record.victims.is_some()),
        (CompartmentLabel::Source, record.source.is_some()),
        (CompartmentLabel::Evidence, record.evidence.is_some()),
    ];
    if let Some((label, _)) = misplaced.into_iter().find(|(_, there)| *there) {
        return Err(ContentError::Misplaced(label));
    }
    record.suspects = optional::<Suspects>(&part, CompartmentLabel::Suspects, "Suspects")?;
    record.identifiers =
        optional::<Identifiers>(&part, CompartmentLabel::Identifiers, "Identifiers")?;
    record.victims = optional::<Victims>(&part, CompartmentLabel::Victims, "Victims")?;
    record.source = optional::<Source>(&part, CompartmentLabel::Source, "Source")?;
    record.evidence = optional::<Evidence>(&part, CompartmentLabel::Evidence, "Evidence")?;
    Ok(record)
}

fn optional<'a, M: Message + Default>(
    part: &impl Fn(CompartmentLabel) -> Option<&'a [u8]>,
    label: CompartmentLabel,
    message: &str,
) -> Result<Option<M>, ContentError> {
    part(label)
        .map(|bytes| decoded(label, message, bytes))
        .transpose()
}

fn decoded<M: Message + Default>(
    label: CompartmentLabel,
    message: &str,
    bytes: &[u8],
) -> Result<M, ContentError> {
    let name = format!("comity.record.v1.{message}");
    bounds::check_counts(&name, bytes, MAX_LIST).map_err(|error| match error {
        BoundsError::Malformed => ContentError::Undecodable(label),
        error => ContentError::OutOfBounds { label, error },
    })?;
    M::decode(bytes).map_err(|_| ContentError::Undecodable(label))
}

/// A label that a record's compartment can have.
fn label_of(number: u32) -> Option<CompartmentLabel> {
    let label = CompartmentLabel::try_from(i32::try_from(number).ok()?).ok()?;
    match label {
        CompartmentLabel::Unspecified => None,
        CompartmentLabel::Situation
        | CompartmentLabel::Suspects
        | CompartmentLabel::Identifiers
        | CompartmentLabel::Victims
        | CompartmentLabel::Source
        | CompartmentLabel::Evidence => Some(label),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::wire::record::{Situation, Suspect};

    fn text() -> impl Strategy<Value = String> {
        "[a-zа-я0-9 ]{0,20}"
    }

    prop_compose! {
        fn records()(
            reference in text(),
            exercise: bool,
            title in text(),
            suspects in prop::option::of(prop::collection::vec(text(), 0..4)),
            identifiers in prop::option::of(Just(Identifiers::default())),
            victims in prop::option::of((text(), any::<u32>())),
            source in prop::option::of(text()),
        ) -> Record {
            Record {
                reference,
                exercise,
                situation: Some(Situation { title, ..Default::default() }),
                suspects: suspects.map(|notes| Suspects {
                    suspects: notes
                        .into_iter()
                        .map(|note| Suspect { note, ..Default::default() })
                        .collect(),
                }),
                identifiers,
                victims: victims.map(|(purpose, retention_days)| Victims {
                    purpose,
                    retention_days,
                    victims: Vec::new(),
                }),
                source: source.map(|description| Source { description, ..Default::default() }),
                ..Default::default()
            }
        }
    }

    fn joined(parts: &[(CompartmentLabel, Vec<u8>)]) -> Result<Record, ContentError> {
        let parts: Vec<(u32, &[u8])> = parts
            .iter()
            .map(|(label, bytes)| (*label as u32, bytes.as_slice()))
            .collect();
        join(&parts)
    }

    proptest! {
        #[test]
        fn what_is_split_joins_again(record in records()) {
            let parts = split(&record);
            prop_assert_eq!(parts[0].0, CompartmentLabel::Situation);
            prop_assert_eq!(joined(&parts), Ok(record.clone()));

            let backwards: Vec<_> = parts.into_iter().rev().collect();
            prop_assert_eq!(joined(&backwards), Ok(record));
        }

        #[test]
        fn the_situation_alone_holds_nothing_of_the_others(record in records()) {
            let parts = split(&record);
            let alone = joined(&parts[..1]).unwrap();
            prop_assert_eq!(alone.situation, record.situation);
            prop_assert!(alone.suspects.is_none() && alone.identifiers.is_none());
            prop_assert!(alone.victims.is_none() && alone.source.is_none());
        }

        #[test]
        fn no_bytes_panic(parts in prop::collection::vec((0..8_u32, prop::collection::vec(any::<u8>(), 0..64)), 0..6)) {
            let parts: Vec<(u32, &[u8])> = parts.iter().map(|(l, b)| (*l, b.as_slice())).collect();
            let _ = join(&parts);
        }
    }

    #[test]
    fn each_fault_has_its_error() {
        let situation = Record::default().encode_to_vec();
        let smuggled = Record {
            victims: Some(Victims::default()),
            ..Default::default()
        };
        let many = Suspects {
            suspects: vec![Suspect::default(); MAX_LIST + 1],
        };
        let (smuggled, many) = (smuggled.encode_to_vec(), many.encode_to_vec());
        let large = vec![0; MAX_RECORD_BYTES + 1];

        assert_eq!(join(&[]), Err(ContentError::NoSituation));
        assert_eq!(join(&[(2, &[])]), Err(ContentError::NoSituation));
        for unknown in [0, 7, 8, u32::MAX] {
            assert_eq!(
                join(&[(1, &situation), (unknown, &[])]),
                Err(ContentError::UnknownLabel(unknown))
            );
        }
        assert_eq!(
            join(&[(1, &situation), (1, &situation)]),
            Err(ContentError::Twice(CompartmentLabel::Situation))
        );
        assert_eq!(
            join(&[(1, &situation), (4, &[0xff])]),
            Err(ContentError::Undecodable(CompartmentLabel::Victims))
        );
        assert_eq!(
            join(&[(1, &smuggled)]),
            Err(ContentError::Misplaced(CompartmentLabel::Victims))
        );
        assert!(matches!(
            join(&[(1, &situation), (2, &many)]),
            Err(ContentError::OutOfBounds {
                label: CompartmentLabel::Suspects,
                ..
            })
        ));
        assert_eq!(
            join(&[(1, &large)]),
            Err(ContentError::TooLarge(large.len()))
        );
    }
}
