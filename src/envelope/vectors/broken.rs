//! Records that must not open, each with the one fault that must be found: here those that whoever
//! carries a record could have broken.

use prost::bytes::Bytes;

use super::{
    Expected, Vector, VectorError,
    make::{Stage, bytes, plain},
    signed,
};
use crate::{
    crypto::{ContentKey, Digest},
    envelope::{Defect, Epoch, Fault, LinkFault, SealedCompartment},
    record::Country,
};

pub(super) type Change = fn(&mut Stage) -> Result<(), VectorError>;

/// What was done, to whom, and what must be found.
pub(super) struct Case {
    name: &'static str,
    about: &'static str,
    reader: &'static str,
    fault: Fault,
    change: Change,
}

pub(super) fn case(
    name: &'static str,
    about: &'static str,
    fault: impl Into<Fault>,
    change: Change,
) -> Case {
    Case {
        name,
        about,
        reader: "KZ",
        fault: fault.into(),
        change,
    }
}

/// Every broken record.
pub(super) fn all() -> Result<Vec<Vector>, VectorError> {
    let tj: Country = "TJ".parse()?;
    let uz: Country = "UZ".parse()?;
    let mut cases = carried(uz);
    cases.extend(wrapped(tj));
    cases.extend(signed::headers(uz));
    cases.extend(signed::contents());
    cases.into_iter().map(make).collect()
}

fn make(case: Case) -> Result<Vector, VectorError> {
    let mut stage = Stage::new(case.name, plain()?, case.reader)?;
    (case.change)(&mut stage)?;
    stage.vector(case.about, Expected::fault(&case.fault))
}

fn flip(bytes: &Bytes, at: usize) -> Bytes {
    let mut changed = bytes.to_vec();
    if let Some(byte) = changed.get_mut(at) {
        *byte ^= 1;
    }
    changed.into()
}

/// Somebody between altered, stripped, added or reordered.
fn carried(uz: Country) -> Vec<Case> {
    let unknown = LinkFault::UnknownKey {
        origin: uz,
        key: bytes("unknown-key", "key id"),
    };
    vec![
        case(
            "flipped-header-byte",
            "one bit of the header",
            LinkFault::BadSignature,
            |stage| {
                stage.record.header = flip(&stage.record.header, 10);
                Ok(())
            },
        ),
        case(
            "flipped-signature-byte",
            "one bit of the signature",
            LinkFault::BadSignature,
            |stage| {
                stage.record.signature = flip(&stage.record.signature, 63);
                Ok(())
            },
        ),
        case(
            "short-key-id",
            "a key id of seven bytes",
            LinkFault::KeyId,
            |stage| {
                stage.record.key_id = stage.record.key_id.slice(1..);
                Ok(())
            },
        ),
        case(
            "unknown-key",
            "a key the card does not vouch for",
            unknown,
            |stage| {
                stage.record.key_id = Bytes::copy_from_slice(&bytes::<8>("unknown-key", "key id"));
                Ok(())
            },
        ),
        case(
            "flipped-ciphertext-byte",
            "one bit of a compartment",
            LinkFault::CiphertextDigest(1),
            |stage| {
                if let Some(second) = stage.record.compartments.get_mut(1) {
                    second.ciphertext = flip(&second.ciphertext, 0);
                }
                Ok(())
            },
        ),
        case(
            "swapped-compartments",
            "the second before the first",
            LinkFault::CompartmentOrder(0),
            |stage| {
                stage.record.compartments.reverse();
                stage.record.compartments.rotate_left(1);
                Ok(())
            },
        ),
        case(
            "compartment-not-in-manifest",
            "an index beyond the manifest",
            LinkFault::UnknownCompartment(3),
            |stage| {
                let ciphertext = Bytes::from_static(b"more");
                stage.record.compartments.push(SealedCompartment {
                    index: 3,
                    ciphertext,
                });
                Ok(())
            },
        ),
        case(
            "too-many-compartments",
            "seventeen compartments",
            LinkFault::TooManyCompartments(17),
            |stage| {
                let first = stage
                    .record
                    .compartments
                    .first()
                    .cloned()
                    .unwrap_or_default();
                stage.record.compartments.resize(17, first);
                Ok(())
            },
        ),
        case(
            "header-too-large",
            "a header beyond the bound",
            LinkFault::HeaderTooLarge(16_385),
            |stage| {
                stage.record.header = vec![0; 16_385].into();
                Ok(())
            },
        ),
        case(
            "missing-compartment",
            "a relay left out what the wrap names",
            LinkFault::MissingCompartment(1),
            |stage| {
                stage.record.compartments.retain(|each| each.index != 1);
                Ok(())
            },
        ),
        Case {
            reader: "AE",
            ..case(
                "surplus-compartment",
                "a compartment the reader is not entitled to",
                LinkFault::SurplusCompartment(1),
                |stage| {
                    stage.record.compartments = stage.sealed.record.compartments.clone();
                    Ok(())
                },
            )
        },
    ]
}

/// The wrap or its epoch is false.
fn wrapped(tj: Country) -> Vec<Case> {
    vec![
        case(
            "no-wrap",
            "the wrap was taken off",
            LinkFault::NoWrap,
            |stage| {
                stage.record.wrap = None;
                Ok(())
            },
        ),
        case(
            "flipped-wrap-byte",
            "one bit of the wrap",
            LinkFault::WrapSealed,
            |stage| {
                if let Some(wrap) = &mut stage.record.wrap {
                    wrap.sealed = flip(&wrap.sealed, 5);
                }
                Ok(())
            },
        ),
        case(
            "flipped-encapsulation-byte",
            "one bit of the encapsulation: X-Wing gives another key without an error",
            LinkFault::WrapSealed,
            |stage| {
                stage.epoch = Epoch {
                    encapsulation: flip(&stage.epoch.encapsulation, 100),
                    ..stage.epoch.clone()
                };
                Ok(())
            },
        ),
        case(
            "wrap-for-another-reader",
            "the same epoch key, bound to AE",
            LinkFault::WrapSealed,
            |stage| {
                let keys = stage.sealed.keys.clone();
                stage.record.wrap = Some(stage.wrap_of(&keys, stage.reader, "AE".parse()?)?);
                Ok(())
            },
        ),
        case(
            "wrap-for-another-header",
            "bound to another header digest",
            LinkFault::WrapSealed,
            |stage| {
                let digest =
                    std::mem::replace(&mut stage.sealed.digest, Digest::of(b"another header"));
                let keys = stage.sealed.keys.clone();
                stage.record.wrap = Some(stage.wrap_of(&keys, stage.reader, stage.reader)?);
                stage.sealed.digest = digest;
                Ok(())
            },
        ),
        case(
            "wrap-of-another-epoch",
            "the wrap names another epoch",
            LinkFault::WrongEpoch,
            |stage| {
                if let Some(wrap) = &mut stage.record.wrap {
                    wrap.epoch = flip(&wrap.epoch, 0);
                }
                Ok(())
            },
        ),
        case(
            "wrap-content-malformed",
            "the keys in the wrap are not in order",
            LinkFault::WrapContent,
            |stage| {
                let mut keys = stage.sealed.keys.clone();
                for entitlement in &mut keys.entitlements {
                    entitlement.indexes.reverse();
                }
                stage.record.wrap = Some(stage.wrap_of(&keys, stage.reader, stage.reader)?);
                Ok(())
            },
        ),
        case(
            "stripped-with-a-new-wrap",
            "a relay that is itself a reader strips a compartment and wraps anew",
            LinkFault::Entitlement,
            |stage| {
                let mut keys = stage.sealed.keys.clone();
                for entitlement in &mut keys.entitlements {
                    entitlement.indexes.truncate(1);
                }
                stage.record.compartments.truncate(1);
                stage.record.wrap = Some(stage.wrap_of(&keys, stage.reader, stage.reader)?);
                Ok(())
            },
        ),
        case(
            "wrong-salt",
            "the indexes are right, the salt is not",
            LinkFault::Entitlement,
            |stage| {
                let mut keys = stage.sealed.keys.clone();
                for entitlement in &mut keys.entitlements {
                    entitlement.salt = bytes("wrong-salt", "other salt");
                }
                stage.record.wrap = Some(stage.wrap_of(&keys, stage.reader, stage.reader)?);
                Ok(())
            },
        ),
        case(
            "wrong-content-key",
            "a key the origin did not commit to",
            LinkFault::Commitment(2),
            |stage| {
                let mut keys = stage.sealed.keys.clone();
                if let Some((_, key)) = keys.keys.get_mut(2) {
                    *key = ContentKey::from_bytes(&bytes::<32>("wrong-content-key", "other key"))?;
                }
                stage.record.wrap = Some(stage.wrap_of(&keys, stage.reader, stage.reader)?);
                Ok(())
            },
        ),
        Case {
            reader: "TJ",
            ..case(
                "resealed-to-a-third-country",
                "surreptitious forwarding: a reader wraps the keys for a country the origin did not name",
                Defect::NotADestination(tj),
                |_| Ok(()),
            )
        },
    ]
}
