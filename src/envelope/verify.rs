//! Verifying what came: bounds, then the signature over the exact bytes, and only then decoding.

use super::{
    Defect, Fault, Header, LinkFault, MAX_COMPARTMENTS, MAX_HEADER_BYTES, MAX_PADDED_BYTES,
    OriginKeys, SealedRecord, TAG_BYTES,
    header::{self, CheckedHeader},
};
use crate::{
    card::{Place, Vouched},
    crypto::{Digest, Domain, KeyId},
    record::{Country, Moment},
};

/// A record whose signature holds, addressed to this reader, with ciphertexts that are the signed
/// ones. Not opened yet.
#[derive(Clone, Debug)]
pub struct Verified {
    pub(super) record: SealedRecord,
    pub(super) header: Header,
    pub(super) digest: Digest,
    pub(super) record_id: [u8; 16],
    pub(super) origin: Country,
    pub(super) reader: Country,
}

impl Verified {
    /// The header.
    pub const fn header(&self) -> &Header {
        &self.header
    }

    /// SHA-256 of the header's bytes.
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The record's id.
    pub const fn record_id(&self) -> &[u8; 16] {
        &self.record_id
    }

    /// The country that sealed it.
    pub const fn origin(&self) -> Country {
        self.origin
    }
}

/// Verifies a record that came on the link of `peer_origin`. Pure and independent of every other
/// record, so that a batch can be verified on several threads. `place` is where the record stands
/// on its lane to `reader`; without it no retired key counts.
///
/// The order is the rule: bounds; signature over the header's exact bytes under a key that the
/// card of `peer_origin` vouches for, up to this place if the key is retired; the header's own
/// rules; its origin is `peer_origin`; `reader` is a destination; not expired; every ciphertext
/// here is the one the header was signed over.
///
/// # Errors
/// [`Fault::Link`] for everything that somebody between could have broken, [`Fault::Terminal`] for
/// what the signed bytes prove.
pub fn verify(
    record: &SealedRecord,
    reader: Country,
    peer_origin: Country,
    place: Option<&Place>,
    trust: &(impl OriginKeys + ?Sized),
    now: Moment,
) -> Result<Verified, Fault> {
    check_bounds(record)?;
    check_signature(record, peer_origin, place, trust)?;
    let CheckedHeader {
        header,
        origin,
        record_id,
        expires_at,
    } = header::decode(&record.header)?;
    if origin != peer_origin {
        return Err(Defect::HeaderForeignOrigin {
            signer: peer_origin,
        }
        .into());
    }
    let addressed = header
        .destinations
        .binary_search_by(|destination| destination.country.as_str().cmp(reader.code()));
    if addressed.is_err() {
        return Err(Defect::NotADestination(reader).into());
    }
    if expires_at.is_some_and(|at| at <= now) {
        return Err(Defect::Expired.into());
    }
    check_ciphertexts(record, &header)?;
    Ok(Verified {
        digest: Digest::of(&record.header),
        record: record.clone(),
        header,
        record_id,
        origin,
        reader,
    })
}

pub(super) fn check_bounds(record: &SealedRecord) -> Result<(), LinkFault> {
    if record.header.len() > MAX_HEADER_BYTES {
        return Err(LinkFault::HeaderTooLarge(record.header.len()));
    }
    if record.compartments.len() > MAX_COMPARTMENTS {
        return Err(LinkFault::TooManyCompartments(record.compartments.len()));
    }
    let most = MAX_PADDED_BYTES + TAG_BYTES as u64;
    for compartment in &record.compartments {
        if compartment.ciphertext.len() as u64 > most {
            return Err(LinkFault::CompartmentTooLarge(compartment.index));
        }
    }
    Ok(())
}

fn check_signature(
    record: &SealedRecord,
    origin: Country,
    place: Option<&Place>,
    trust: &(impl OriginKeys + ?Sized),
) -> Result<(), LinkFault> {
    let id = key_id(record)?;
    let vouched = trust
        .signing_key(origin, &id)
        .ok_or(LinkFault::UnknownKey { origin, key: id })?;
    if !holds(record, vouched) {
        return Err(LinkFault::BadSignature);
    }
    if !vouched.counts(place) {
        return Err(LinkFault::RetiredKey { origin, key: id });
    }
    Ok(())
}

pub(super) fn key_id(record: &SealedRecord) -> Result<KeyId, LinkFault> {
    KeyId::try_from(&*record.key_id).map_err(|_| LinkFault::KeyId)
}

/// Whether the signature over the header's exact bytes holds under this key.
pub(super) fn holds(record: &SealedRecord, vouched: Vouched<'_>) -> bool {
    vouched
        .key
        .verify(Domain::Header, &record.header, &record.signature)
        .is_ok()
}

/// Each compartment that is here is in the manifest, once, in order, and the signed one.
pub(super) fn check_ciphertexts(record: &SealedRecord, header: &Header) -> Result<(), Fault> {
    let mut next = 0;
    for compartment in &record.compartments {
        let index = compartment.index;
        let entry = header
            .manifest
            .get(index as usize)
            .ok_or(LinkFault::UnknownCompartment(index))?;
        if index < next {
            return Err(LinkFault::CompartmentOrder(index).into());
        }
        next = index + 1;
        if Digest::of(&compartment.ciphertext).as_bytes()[..] != entry.ciphertext_sha256 {
            return Err(LinkFault::CiphertextDigest(index).into());
        }
        // The digest is signed, so a length that does not fit it is the origin's doing.
        if compartment.ciphertext.len() as u64 != entry.padded_size + TAG_BYTES as u64 {
            return Err(Defect::ContentSize(index).into());
        }
    }
    Ok(())
}
