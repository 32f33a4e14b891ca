//! Counts repeated elements before a message is decoded.
//!
//! Two bytes on the wire can become two hundred in memory: a message of one mebibyte may hold half
//! a million empty elements. So what comes from outside is counted first, against the descriptors,
//! and only then decoded. Fields that are not repeated must occur once: merging them would make
//! lists longer than their count says.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use super::json::message_descriptor;

/// Deepest nesting that is counted; ours has less than ten levels.
const MAX_DEPTH: usize = 32;

/// An encoded message that must not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BoundsError {
    /// A list is longer than allowed.
    #[error("`{field}` has more than {max} elements")]
    TooMany {
        /// Full name of the field.
        field: String,
        /// How many are allowed.
        max: usize,
    },
    /// All lists together are longer than allowed.
    #[error("the message has more than {max} list elements")]
    TooManyTogether {
        /// How many are allowed.
        max: usize,
    },
    /// A field that is not repeated occurs twice.
    #[error("`{field}` occurs twice")]
    Twice {
        /// Full name of the field.
        field: String,
    },
    /// The bytes are not protobuf, or nested too deep.
    #[error("the bytes are not a well-formed message")]
    Malformed,
}

/// Refuses encoded bytes of the message called `name` when a list in them, at any depth, has more
/// than `max` elements, or a field that is not repeated occurs twice.
///
/// Unknown fields are passed over: a newer peer may send them, and decoding drops them.
///
/// # Errors
/// [`BoundsError`], naming the field.
pub fn check_counts(name: &str, bytes: &[u8], max: usize) -> Result<(), BoundsError> {
    let descriptor = message_descriptor(name).map_err(|_| BoundsError::Malformed)?;
    let mut budget = Budget {
        each: max,
        together: usize::MAX,
        left: usize::MAX,
    };
    walk(&descriptor, bytes, &mut budget, MAX_DEPTH)
}

/// Refuses encoded bytes of the message called `name` when all lists in them, at any depth, have
/// more than `max` elements together, or a field that is not repeated occurs twice.
///
/// # Errors
/// As [`check_counts`].
pub fn check_total(name: &str, bytes: &[u8], max: usize) -> Result<(), BoundsError> {
    let descriptor = message_descriptor(name).map_err(|_| BoundsError::Malformed)?;
    let mut budget = Budget {
        each: usize::MAX,
        together: max,
        left: max,
    };
    walk(&descriptor, bytes, &mut budget, MAX_DEPTH)
}

/// How many elements lists may have.
struct Budget {
    each: usize,
    together: usize,
    left: usize,
}

fn walk(
    message: &MessageDescriptor,
    mut bytes: &[u8],
    budget: &mut Budget,
    depth: usize,
) -> Result<(), BoundsError> {
    if depth == 0 {
        return Err(BoundsError::Malformed);
    }
    // (field number, elements so far); as many entries as the message has fields.
    let mut counts: Vec<(u32, usize)> = Vec::new();
    while !bytes.is_empty() {
        let key = varint(&mut bytes)?;
        let number = u32::try_from(key >> 3).map_err(|_| BoundsError::Malformed)?;
        let content = match key & 7 {
            0 => {
                varint(&mut bytes)?;
                None
            }
            1 => {
                take(&mut bytes, 8)?;
                None
            }
            2 => {
                let length = varint(&mut bytes)?;
                let length = usize::try_from(length).map_err(|_| BoundsError::Malformed)?;
                Some(take(&mut bytes, length)?)
            }
            5 => {
                take(&mut bytes, 4)?;
                None
            }
            _ => return Err(BoundsError::Malformed),
        };
        let Some(field) = message.get_field(number) else {
            continue;
        };
        let elements = match content {
            Some(packed) if is_packable(&field) => {
                packed_elements(&field, packed, budget.each.min(budget.left))
            }
            _ => 1,
        };
        count(&mut counts, &field, elements, budget)?;
        if let (Kind::Message(inner), Some(content)) = (field.kind(), content) {
            walk(&inner, content, budget, depth - 1)?;
        }
    }
    Ok(())
}

fn count(
    counts: &mut Vec<(u32, usize)>,
    field: &FieldDescriptor,
    elements: usize,
    budget: &mut Budget,
) -> Result<(), BoundsError> {
    let number = field.number();
    let total = match counts.iter_mut().find(|(known, _)| *known == number) {
        Some((_, total)) => {
            *total = total.saturating_add(elements);
            *total
        }
        None => {
            counts.push((number, elements));
            elements
        }
    };
    let repeated = field.is_list() || field.is_map();
    if repeated && total > budget.each {
        return Err(BoundsError::TooMany {
            field: field.full_name().to_owned(),
            max: budget.each,
        });
    }
    if repeated {
        budget.left = budget
            .left
            .checked_sub(elements)
            .ok_or(BoundsError::TooManyTogether {
                max: budget.together,
            })?;
    }
    if !repeated && total > 1 {
        return Err(BoundsError::Twice {
            field: field.full_name().to_owned(),
        });
    }
    Ok(())
}

fn is_packable(field: &FieldDescriptor) -> bool {
    field.is_list() && !matches!(field.kind(), Kind::String | Kind::Bytes | Kind::Message(_))
}

/// How many numbers a packed field holds; more than `max` need not be told apart.
fn packed_elements(field: &FieldDescriptor, packed: &[u8], max: usize) -> usize {
    match field.kind() {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => packed.len() / 8,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => packed.len() / 4,
        _ => packed
            .iter()
            .filter(|byte| **byte < 0x80)
            .take(max.saturating_add(1))
            .count(),
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Result<&'a [u8], BoundsError> {
    let (taken, rest) = bytes
        .split_at_checked(length)
        .ok_or(BoundsError::Malformed)?;
    *bytes = rest;
    Ok(taken)
}

fn varint(bytes: &mut &[u8]) -> Result<u64, BoundsError> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first().ok_or(BoundsError::Malformed)?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if *first < 0x80 {
            return Ok(value);
        }
    }
    Err(BoundsError::Malformed)
}

#[cfg(test)]
mod tests {
    use prost::Message as _;

    use super::*;
    use crate::wire::record::{ModusOperandi, Record, Situation, Suspect, Suspects, situation};

    const RECORD: &str = "comity.record.v1.Record";

    fn record_with(suspects: usize, acts: usize) -> Record {
        Record {
            suspects: Some(Suspects {
                suspects: vec![Suspect::default(); suspects],
            }),
            situation: Some(Situation {
                kind: Some(situation::Kind::ModusOperandi(ModusOperandi {
                    acts: vec![1; acts],
                    ..Default::default()
                })),
                ..Default::default()
            }),
            ..Default::default()
        }
    }

    #[test]
    fn lists_up_to_the_bound_pass() {
        let bytes = record_with(256, 256).encode_to_vec();
        assert_eq!(check_counts(RECORD, &bytes, 256), Ok(()));
    }

    #[test]
    fn longer_lists_are_named() {
        for (record, field) in [
            (record_with(257, 0), "comity.record.v1.Suspects.suspects"),
            (record_with(0, 257), "comity.record.v1.ModusOperandi.acts"),
        ] {
            let error = check_counts(RECORD, &record.encode_to_vec(), 256).unwrap_err();
            let field = field.to_owned();
            assert_eq!(error, BoundsError::TooMany { field, max: 256 });
        }
    }

    #[test]
    fn lists_are_counted_together_at_any_depth() {
        let bytes = record_with(60, 40).encode_to_vec();
        assert_eq!(check_total(RECORD, &bytes, 100), Ok(()));
        assert_eq!(
            check_total(RECORD, &bytes, 99),
            Err(BoundsError::TooManyTogether { max: 99 })
        );
    }

    #[test]
    fn a_list_cannot_grow_by_merging() {
        let mut bytes = record_with(200, 0).encode_to_vec();
        bytes.extend(record_with(200, 0).encode_to_vec());
        assert!(matches!(
            check_counts(RECORD, &bytes, 256),
            Err(BoundsError::Twice { .. })
        ));
    }

    #[test]
    fn broken_bytes_are_malformed() {
        for bytes in [
            &[0x0a_u8, 0x7f, 0x00][..],
            &[0xff; 11],
            &[0x0b],
            &[0x52, 0x02, 0x0a],
        ] {
            assert_eq!(
                check_counts(RECORD, bytes, 256),
                Err(BoundsError::Malformed)
            );
        }
    }
}
