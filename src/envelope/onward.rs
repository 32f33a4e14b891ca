//! Passing another country's record on: its header and signature unchanged, the ciphertexts of the
//! compartments passed on, and their content keys. The new reader checks the origin's signature with
//! the origin's card and each key against the commitment in the header, so that a forwarder can leave
//! compartments out, and change nothing.

use super::{
    Fault, Header, LinkFault, OriginKeys, SealedRecord,
    header::{self, CheckedHeader},
    open::open_compartments,
    verify::{check_bounds, check_ciphertexts, check_signature},
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

/// Verifies a record that was passed on, and opens it. Only the country that the header names is
/// taken out of it before the signature is checked.
///
/// # Errors
/// [`Fault`] as for a record that comes from its origin. [`LinkFault::UnknownKey`] says that no card
/// held here vouches for the signature.
pub fn verify_passed_on(
    original: &SealedRecord,
    openings: &[wire::ContentKey],
    trust: &(impl OriginKeys + ?Sized),
) -> Result<PassedOn, Fault> {
    check_bounds(original)?;
    let checked = header::decode(&original.header)?;
    check_signature(original, checked.origin, trust)?;
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
        crypto::{KeyId, PublicKey, SigningKey},
        envelope::{Lane, Plain, seal},
    };

    struct Keys(Country, PublicKey);

    impl OriginKeys for Keys {
        fn signing_key(&self, origin: Country, id: &KeyId) -> Option<PublicKey> {
            (origin == self.0 && self.1.id() == *id).then_some(self.1)
        }
    }

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
        let trust = Keys("TJ".parse().unwrap(), *key.public());
        let (record, keys) = sealed(&key);
        let (original, openings) = pass_on(&record, &keys, &[1]);
        let passed = verify_passed_on(&original, &openings, &trust).unwrap();
        assert_eq!(passed.parts, [(2, b"suspects".to_vec())]);
        assert_eq!(
            (passed.origin.code(), passed.digest),
            ("TJ", Digest::of(&record.header))
        );
        let (original, openings) = pass_on(&record, &keys, &[0, 1]);
        assert_eq!(
            verify_passed_on(&original, &openings, &trust)
                .unwrap()
                .parts
                .len(),
            2
        );

        let fault = |original: &SealedRecord, openings: &[wire::ContentKey]| {
            verify_passed_on(original, openings, &trust).unwrap_err()
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
            Fault::Link(LinkFault::UnknownKey { .. })
        ));
        let mut resigned = forged;
        resigned.key_id = original.key_id.clone();
        assert_eq!(fault(&resigned, &openings), LinkFault::BadSignature.into());
    }
}
