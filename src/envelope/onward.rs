//! Passing another country's record on: its header and signature unchanged, the ciphertexts of the
//! compartments passed on, and their content keys. The new reader checks the origin's signature with
//! the origin's card and each key against the commitment in the header, so that a forwarder can leave
//! compartments out, and change nothing.

use super::{
    Defect, Fault, Header, LinkFault, OriginKeys, SealedRecord,
    header::{self, CheckedHeader},
    open::open_compartments,
    verify::{check_bounds, check_ciphertexts, holds, key_id},
};
use crate::{
    crypto::{ContentKey, Digest},
    record::Country,
    wire::envelope as wire,
};

use super::ContentKeys;

/// A record that was passed on, verified and opened.
#[derive(Clone, Debug)]
pub struct PassedOn {
    /// The origin's header.
    pub header: Header,
    /// SHA-256 of its bytes.
    pub digest: Digest,
    /// The country that sealed it.
    pub origin: Country,
    /// Label and encoded content of each compartment passed on, in manifest order.
    pub parts: Vec<(u32, Vec<u8>)>,
}

/// What is passed on of a record held here: the compartments with these manifest indexes that the
/// holder can open, and their keys.
pub fn pass_on(
    sealed: &SealedRecord,
    keys: &ContentKeys,
    indexes: &[u32],
) -> (SealedRecord, Vec<wire::ContentKey>) {
    let mut original = SealedRecord {
        wrap: None,
        ..sealed.clone()
    };
    original
        .compartments
        .retain(|each| indexes.contains(&each.index) && keys.key(each.index).is_some());
    let openings = original
        .compartments
        .iter()
        .filter_map(|each| {
            Some(wire::ContentKey {
                index: each.index,
                key: keys.key(each.index)?.as_bytes().to_vec().into(),
            })
        })
        .collect();
    (original, openings)
}

/// Verifies a record that `forwarder` passed on, and opens it. The signature is checked before
/// anything is decoded, under every key with the id named; the header must name a country whose key
/// it holds under.
///
/// A retired key counts where it signed on the header's lane to the forwarder at all: at which
/// sequence, the forwarder checked when it received the record, and nobody else can.
///
/// # Errors
/// [`Fault`] as for a record that comes from its origin. [`LinkFault::UnknownSigner`] says that no
/// card held here vouches for the signature.
pub fn verify_passed_on(
    original: &SealedRecord,
    openings: &[wire::ContentKey],
    forwarder: Country,
    trust: &(impl OriginKeys + ?Sized),
) -> Result<PassedOn, Fault> {
    check_bounds(original)?;
    let id = key_id(original)?;
    let mut signers = trust.signers(&id);
    if signers.is_empty() {
        return Err(LinkFault::UnknownSigner(id).into());
    }
    signers.retain(|(_, vouched)| holds(original, *vouched));
    let Some((signer, _)) = signers.first().copied() else {
        return Err(LinkFault::BadSignature.into());
    };
    let checked = header::decode(&original.header)?;
    let Some((origin, vouched)) = signers
        .into_iter()
        .find(|(country, _)| *country == checked.origin)
    else {
        return Err(Defect::HeaderForeignOrigin { signer }.into());
    };
    if let Some(retired) = vouched.retired {
        let lane = u32::try_from(checked.header.lane).unwrap_or_default();
        let signed = <[u8; 16]>::try_from(&*checked.header.incarnation)
            .is_ok_and(|incarnation| retired.has_lane(forwarder, incarnation, lane));
        if !signed {
            return Err(LinkFault::RetiredKey { origin, key: id }.into());
        }
    }
    open(original, openings, checked)
}

/// Opens a record that was passed on and verified before it was stored; digests and commitments are
/// checked again.
///
/// # Errors
/// [`Fault`] when a ciphertext or a key is not the one the header fixes.
pub fn open_passed_on(
    original: &SealedRecord,
    openings: &[wire::ContentKey],
) -> Result<PassedOn, Fault> {
    open(original, openings, header::decode(&original.header)?)
}

fn open(
    original: &SealedRecord,
    openings: &[wire::ContentKey],
    checked: CheckedHeader,
) -> Result<PassedOn, Fault> {
    let CheckedHeader {
        header,
        origin,
        record_id,
        ..
    } = checked;
    check_ciphertexts(original, &header)?;
    let mut keys = Vec::with_capacity(openings.len().min(super::MAX_COMPARTMENTS));
    for opening in openings.iter().take(super::MAX_COMPARTMENTS + 1) {
        let known = original.compartments.iter();
        if !known.into_iter().any(|each| each.index == opening.index) {
            return Err(LinkFault::MissingCompartment(opening.index).into());
        }
        let key = <&[u8; 32]>::try_from(&*opening.key)
            .ok()
            .and_then(|bytes| ContentKey::from_bytes(bytes).ok())
            .ok_or(LinkFault::Commitment(opening.index))?;
        keys.push((opening.index, key));
    }
    // Each compartment has exactly one key, in the same order.
    let indexes = original.compartments.iter().map(|each| each.index);
    if !indexes.clone().eq(keys.iter().map(|(index, _)| *index)) {
        let surplus = indexes
            .clone()
            .find(|index| keys.iter().all(|key| key.0 != *index));
        let fault = surplus.map_or(
            LinkFault::CompartmentOrder(0),
            LinkFault::SurplusCompartment,
        );
        return Err(fault.into());
    }
    let keys = ContentKeys {
        keys,
        entitlements: Vec::new(),
    };
    let parts = open_compartments(original, &header, &record_id, origin, &keys)?;
    Ok(PassedOn {
        digest: Digest::of(&original.header),
        header,
        origin,
        parts,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        crypto::SigningKey,
        envelope::{Lane, Plain, seal, tests::OneCard},
    };

    fn sealed(key: &SigningKey) -> (SealedRecord, ContentKeys) {
        let plain = Plain {
            lane: Lane::Bulk,
            handling: vec![2],
            expires_at: None,
            follows: None,
            exercise: true,
            compartments: vec![(1, b"situation".to_vec()), (2, b"suspects".to_vec())],
            destinations: vec![("UZ".parse().unwrap(), vec![0, 1])],
        };
        let sealed = seal(plain, "TJ".parse().unwrap(), &[9; 16], key).unwrap();
        (sealed.record, sealed.keys)
    }

    #[test]
    fn a_forwarder_can_leave_out_and_change_nothing() {
        let key = SigningKey::from_seed(&[5; 32]).unwrap();
        let trust = OneCard::in_use("TJ".parse().unwrap(), *key.public());
        let (record, keys) = sealed(&key);
        let (original, openings) = pass_on(&record, &keys, &[1]);
        let passed = verify_passed_on(&original, &openings, "UZ".parse().unwrap(), &trust).unwrap();
        assert_eq!(passed.parts, [(2, b"suspects".to_vec())]);
        assert_eq!(
            (passed.origin.code(), passed.digest),
            ("TJ", Digest::of(&record.header))
        );
        let (original, openings) = pass_on(&record, &keys, &[0, 1]);
        assert_eq!(
            verify_passed_on(&original, &openings, "UZ".parse().unwrap(), &trust)
                .unwrap()
                .parts
                .len(),
            2
        );

        let fault = |original: &SealedRecord, openings: &[wire::ContentKey]| {
            verify_passed_on(original, openings, "UZ".parse().unwrap(), &trust).unwrap_err()
        };
        let mut altered = original.clone();
        let mut bytes = altered.compartments[0].ciphertext.to_vec();
        bytes[0] ^= 1;
        altered.compartments[0].ciphertext = bytes.into();
        assert_eq!(
            fault(&altered, &openings),
            LinkFault::CiphertextDigest(0).into()
        );
        let mut swapped = openings.clone();
        swapped[0].key = openings[1].key.clone();
        assert_eq!(fault(&original, &swapped), LinkFault::Commitment(0).into());
        assert_eq!(
            fault(&original, &openings[..1]),
            LinkFault::SurplusCompartment(1).into()
        );
        assert_eq!(
            fault(&pass_on(&record, &keys, &[0]).0, &openings),
            LinkFault::MissingCompartment(1).into()
        );
        let mut short = openings.clone();
        short[1].key = vec![1; 31].into();
        assert_eq!(fault(&original, &short), LinkFault::Commitment(1).into());

        let stranger = SigningKey::from_seed(&[6; 32]).unwrap();
        let (forged, keys) = sealed(&stranger);
        let (forged, openings) = pass_on(&forged, &keys, &[0]);
        assert!(matches!(
            fault(&forged, &openings),
            Fault::Link(LinkFault::UnknownSigner(_))
        ));
        let mut resigned = forged;
        resigned.key_id = original.key_id.clone();
        assert_eq!(fault(&resigned, &openings), LinkFault::BadSignature.into());
    }

    #[test]
    fn a_retired_key_counts_where_it_signed_on_the_forwarders_lane() {
        let key = SigningKey::from_seed(&[5; 32]).unwrap();
        let (record, keys) = sealed(&key);
        let (original, openings) = pass_on(&record, &keys, &[0]);
        let judge = |peer: &str| {
            let lane = ([9; 16], 3, 1);
            let trust = OneCard::retired("TJ".parse().unwrap(), *key.public(), peer, lane);
            verify_passed_on(&original, &openings, "UZ".parse().unwrap(), &trust).map(|_| ())
        };
        assert_eq!(judge("UZ"), Ok(()));
        assert_eq!(judge("KZ").unwrap_err().name(), "retired_key");
    }

    #[test]
    fn nothing_is_decoded_before_its_signature_holds() {
        let key = SigningKey::from_seed(&[5; 32]).unwrap();
        let trust = OneCard::in_use("TJ".parse().unwrap(), *key.public());
        let (record, keys) = sealed(&key);
        let (original, openings) = pass_on(&record, &keys, &[0]);
        let judge = |header: &[u8], key_id: &[u8]| {
            let altered = SealedRecord {
                header: header.to_vec().into(),
                key_id: key_id.to_vec().into(),
                ..original.clone()
            };
            verify_passed_on(&altered, &openings, "UZ".parse().unwrap(), &trust).unwrap_err()
        };
        // No protobuf at all, and yet it is the signature that is named.
        assert_eq!(
            judge(&[0xff; 40], &original.key_id),
            LinkFault::BadSignature.into()
        );
        assert_eq!(
            judge(&original.header, &[0; 8]),
            LinkFault::UnknownSigner([0; 8]).into()
        );
        // UZ's card names TJ's key as its own: TJ's header stays TJ's.
        let borrowed = OneCard::in_use("UZ".parse().unwrap(), *key.public());
        let fault = verify_passed_on(&original, &openings, "UZ".parse().unwrap(), &borrowed);
        assert_eq!(fault.unwrap_err().name(), "header_foreign_origin");
    }
}
