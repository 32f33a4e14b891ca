//! Records that must not open because of what the origin itself signed: each ends in a NON_DELIVERY
//! receipt.

use prost::bytes::Bytes;

use super::{
    VectorError,
    broken::{Case, case},
    make::{NOW, Stage, bytes},
};
use crate::{
    crypto::{ContentKey, Digest, pad},
    envelope::{
        Defect, Entitlement, layout,
        seal::{content_prefix, destination},
    },
    record::Country,
};

/// The origin signed a header that breaks a rule.
pub(super) fn headers(uz: Country) -> Vec<Case> {
    let foreign = Defect::HeaderForeignOrigin { signer: uz };
    vec![
        case(
            "header-not-a-message",
            "signed bytes that do not decode",
            Defect::HeaderEncoding,
            |stage| stage.sign(vec![0xff; 40]),
        ),
        case(
            "header-unknown-field",
            "a field that version 1 does not have",
            Defect::HeaderCanonical,
            |stage| {
                let mut header = stage.sealed.record.header.to_vec();
                header.extend_from_slice(&[0x60, 1]);
                stage.sign(header)
            },
        ),
        case(
            "header-version-2",
            "another suite: no downgrade and no guess",
            Defect::HeaderVersion(2),
            |stage| stage.change(|header| header.version = 2),
        ),
        case(
            "header-short-id",
            "an id of fifteen bytes",
            Defect::HeaderId,
            |stage| stage.change(|header| header.id = header.id.slice(1..)),
        ),
        case(
            "header-no-such-country",
            "an origin that is no country",
            Defect::HeaderOrigin,
            |stage| stage.change(|header| header.origin = "XX".into()),
        ),
        case(
            "header-foreign-origin",
            "UZ signs as KG",
            foreign,
            |stage| stage.change(|header| header.origin = "KG".into()),
        ),
        case(
            "header-short-incarnation",
            "an incarnation of no bytes",
            Defect::HeaderIncarnation,
            |stage| stage.change(|header| header.incarnation = Bytes::new()),
        ),
        case(
            "header-destinations-unsorted",
            "KZ before AE",
            Defect::HeaderDestinations,
            |stage| stage.change(|header| header.destinations.reverse()),
        ),
        case(
            "header-destination-twice",
            "KZ twice",
            Defect::HeaderDestinations,
            |stage| {
                stage.change(|header| {
                    let last = header.destinations.last().cloned();
                    header.destinations.extend(last);
                })
            },
        ),
        case(
            "header-no-destination",
            "nobody shall receive it",
            Defect::HeaderDestinations,
            |stage| stage.change(|header| header.destinations.clear()),
        ),
        case(
            "header-unknown-lane",
            "a fourth lane",
            Defect::HeaderLane,
            |stage| stage.change(|header| header.lane = 4),
        ),
        case(
            "header-unknown-handling",
            "handling code 4",
            Defect::HeaderHandling,
            |stage| stage.change(|header| header.handling = vec![4]),
        ),
        case(
            "header-follows-short-digest",
            "it follows 31 bytes",
            Defect::HeaderFollows,
            |stage| stage.change(|header| header.follows = vec![1; 31].into()),
        ),
        case(
            "header-expiry-nanoseconds",
            "an expiry finer than microseconds",
            Defect::HeaderExpiry,
            |stage| {
                stage.change(|header| {
                    header.expires_at = Some(prost_types::Timestamp {
                        seconds: 1,
                        nanos: 1,
                    });
                })
            },
        ),
        case(
            "header-no-manifest",
            "no compartment",
            Defect::HeaderManifest,
            |stage| stage.change(|header| header.manifest.clear()),
        ),
        case(
            "header-manifest-too-large",
            "more than a record may hold",
            Defect::HeaderManifest,
            |stage| {
                stage.change(|header| {
                    if let Some(entry) = header.manifest.first_mut() {
                        entry.padded_size = u64::MAX;
                    }
                })
            },
        ),
        case(
            "expired",
            "it expired at the reader's present moment",
            Defect::Expired,
            |stage| {
                stage.change(|header| {
                    header.expires_at = Some(NOW.into());
                })
            },
        ),
    ]
}

/// Replaces the plaintext of the first compartment, encrypted for `index`, signed by the origin.
fn reseal(stage: &mut Stage, index: u32, padded: Vec<u8>) -> Result<(), VectorError> {
    let size = padded.len() as u64;
    let aad = layout::compartment_aad(&stage.sealed.record_id, stage.origin, index);
    let key = ContentKey::from_bytes(&bytes::<32>(&stage.name, "content key 0"))?;
    let ciphertext = Bytes::from(key.encrypt(&aad, padded)?);
    let digest = Digest::of(&ciphertext);
    if let Some(first) = stage.sealed.record.compartments.first_mut() {
        first.ciphertext = ciphertext;
    }
    stage.change(|header| {
        if let Some(entry) = header.manifest.first_mut() {
            entry.ciphertext_sha256 = Bytes::copy_from_slice(digest.as_bytes());
            entry.padded_size = size;
        }
    })
}

/// The origin sealed a content that breaks a rule.
pub(super) fn contents() -> Vec<Case> {
    vec![
        case(
            "content-size",
            "the manifest says one byte more",
            Defect::ContentSize(0),
            |stage| {
                stage.change(|header| {
                    if let Some(entry) = header.manifest.first_mut() {
                        entry.padded_size += 1;
                    }
                })
            },
        ),
        case(
            "content-moved",
            "encrypted for another manifest index",
            Defect::ContentSealed(0),
            |stage| reseal(stage, 1, pad(&[&content_prefix(1, 4), b"text"])?),
        ),
        case(
            "content-padding-not-zero",
            "the padding carries a byte",
            Defect::ContentPadding(0),
            |stage| {
                let mut padded = pad(&[&content_prefix(1, 9), b"nine byte"])?;
                if let Some(last) = padded.last_mut() {
                    *last = 1;
                }
                reseal(stage, 0, padded)
            },
        ),
        case(
            "content-padding-length",
            "not Padmé's length",
            Defect::ContentPadding(0),
            |stage| {
                let mut padded = pad(&[&content_prefix(1, 4), b"text"])?;
                padded.push(0);
                reseal(stage, 0, padded)
            },
        ),
        case(
            "content-not-a-message",
            "no CompartmentContent",
            Defect::ContentEncoding(0),
            |stage| reseal(stage, 0, pad(&[&[0xff; 8]])?),
        ),
        case(
            "content-unknown-field",
            "a field that version 1 does not have",
            Defect::ContentEncoding(0),
            |stage| {
                reseal(
                    stage,
                    0,
                    pad(&[&content_prefix(1, 4), b"text", &[0x18, 1]])?,
                )
            },
        ),
        case(
            "content-no-label",
            "label 0",
            Defect::ContentLabel(0),
            |stage| reseal(stage, 0, pad(&[&[0x12, 4], b"text"])?),
        ),
        case(
            "content-none",
            "the origin entitles the reader to nothing",
            Defect::ContentNone,
            |stage| {
                let id = stage.sealed.record_id;
                let nothing = Entitlement {
                    country: stage.reader,
                    salt: bytes(&stage.name, "salt of nothing"),
                    indexes: vec![],
                };
                let signed = destination(&nothing, &id);
                for entitlement in &mut stage.sealed.keys.entitlements {
                    if entitlement.country == nothing.country {
                        *entitlement = nothing.clone();
                    }
                }
                stage.change(|header| {
                    if let Some(last) = header.destinations.last_mut() {
                        *last = signed;
                    }
                })
            },
        ),
    ]
}
