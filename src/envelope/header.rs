//! The header, decoded strictly: one meaning has one encoding, and every count has a bound.

use prost::{Message as _, bytes::Bytes};

use super::{
    Defect, Header, Lane, MAX_COMPARTMENTS, MAX_DESTINATIONS, MAX_HANDLING, MAX_PADDED_BYTES,
    VERSION,
};
use crate::record::{Country, Moment};

/// 9999-12-31T23:59:59Z, the last second of google.protobuf.Timestamp.
const LAST_SECOND: i64 = 253_402_300_799;

/// A header that keeps every rule.
#[derive(Clone, Debug)]
pub(super) struct CheckedHeader {
    pub(super) header: Header,
    pub(super) origin: Country,
    pub(super) record_id: [u8; 16],
    pub(super) expires_at: Option<Moment>,
}

/// Decodes a header whose signature was checked before.
pub(super) fn decode(bytes: &Bytes) -> Result<CheckedHeader, Defect> {
    let header = Header::decode(bytes.clone()).map_err(|_| Defect::HeaderEncoding)?;
    if header.encoded_len() != bytes.len() || header.encode_to_vec() != *bytes {
        return Err(Defect::HeaderCanonical);
    }
    check(header)
}

/// Checks every rule of version 1.
pub(super) fn check(header: Header) -> Result<CheckedHeader, Defect> {
    if header.version != VERSION {
        return Err(Defect::HeaderVersion(header.version));
    }
    let record_id = <[u8; 16]>::try_from(&*header.id).map_err(|_| Defect::HeaderId)?;
    let origin = header.origin.parse().map_err(|_| Defect::HeaderOrigin)?;
    if header.incarnation.len() != 16 {
        return Err(Defect::HeaderIncarnation);
    }
    check_destinations(&header)?;
    if matches!(Lane::try_from(header.lane), Err(_) | Ok(Lane::Unspecified)) {
        return Err(Defect::HeaderLane);
    }
    let in_range = header.handling.iter().all(|code| *code <= MAX_HANDLING);
    if !in_range || !header.handling.is_sorted_by(|a, b| a < b) {
        return Err(Defect::HeaderHandling);
    }
    if !matches!(header.follows.len(), 0 | 32) {
        return Err(Defect::HeaderFollows);
    }
    let expires_at = check_expiry(&header)?;
    check_manifest(&header)?;
    Ok(CheckedHeader {
        header,
        origin,
        record_id,
        expires_at,
    })
}

/// Destinations are two capital letters and not checked against the list of countries: a code that
/// ISO assigns tomorrow must not make a record malformed for a reader with yesterday's list.
fn check_destinations(header: &Header) -> Result<(), Defect> {
    let count = header.destinations.len();
    let well_formed = header.destinations.iter().all(|destination| {
        let code = destination.country.as_bytes();
        code.len() == 2
            && code.iter().all(u8::is_ascii_uppercase)
            && destination.entitlement_digest.len() == 32
    });
    let ordered = header
        .destinations
        .is_sorted_by(|a, b| a.country < b.country);
    if count == 0 || count > MAX_DESTINATIONS || !well_formed || !ordered {
        return Err(Defect::HeaderDestinations);
    }
    Ok(())
}

fn check_expiry(header: &Header) -> Result<Option<Moment>, Defect> {
    let Some(stamp) = &header.expires_at else {
        return Ok(None);
    };
    let whole_micros = (0..1_000_000_000).contains(&stamp.nanos) && stamp.nanos % 1000 == 0;
    if !whole_micros || !(0..=LAST_SECOND).contains(&stamp.seconds) {
        return Err(Defect::HeaderExpiry);
    }
    Ok(Some(Moment::from(stamp)))
}

fn check_manifest(header: &Header) -> Result<(), Defect> {
    let count = header.manifest.len();
    let well_formed = header
        .manifest
        .iter()
        .all(|entry| entry.ciphertext_sha256.len() == 32 && entry.key_commitment.len() == 32);
    let padded = header
        .manifest
        .iter()
        .try_fold(0_u64, |sum, entry| sum.checked_add(entry.padded_size));
    let in_bounds = padded.is_some_and(|sum| sum <= MAX_PADDED_BYTES);
    if count == 0 || count > MAX_COMPARTMENTS || !well_formed || !in_bounds {
        return Err(Defect::HeaderManifest);
    }
    Ok(())
}
