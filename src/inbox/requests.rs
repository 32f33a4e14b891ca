//! Evidence requests among the records held, and the first step of each number of a side.

use crate::{
    crypto::Digest,
    entry::{EntryError, Holding},
    record::Country,
    store::{Keyspace, ReadRows, Rows, Store, StoreError},
};

use super::holding::HoldingError;

/// The requests.
pub(super) const REQUESTS: Keyspace = Keyspace {
    prefix: 0xb8,
    name: "evidence requests",
    key: "local number (u64 big endian)",
    value: "empty",
    written_by: "submitted, received",
    goes_away: "never",
};

/// The first step with a number of a side.
pub(super) const NUMBERED: Keyspace = Keyspace {
    prefix: 0xb9,
    name: "evidence steps",
    key: "SHA-256 of the request's header, country that took the step (2), its number there (u32 big endian)",
    value: "local number of the step that became durable first (u64 big endian)",
    written_by: "submitted, received",
    goes_away: "never",
};

/// Notes a request, or a step of one.
pub(super) fn add(holding: &Holding, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    if holding.evidence_request {
        rows.put(REQUESTS.key(&[&holding.number.to_be_bytes()]), Vec::new());
    }
    let Some(follow) = holding.follow.as_ref().filter(|of| of.evidence_number != 0) else {
        return Ok(());
    };
    let followed = Digest::try_from(follow.header_digest.as_slice())
        .map_err(|_| EntryError::Field("follow.header_digest"))?;
    let origin = holding.origin.parse().map_err(EntryError::from)?;
    let key = numbered_key(&followed, origin, follow.evidence_number);
    if rows.get(&key)?.is_none() {
        rows.put(key, holding.number.to_be_bytes().to_vec());
    }
    Ok(())
}

fn numbered_key(request: &Digest, origin: Country, number: u32) -> Vec<u8> {
    NUMBERED.key(&[
        request.as_bytes(),
        origin.code().as_bytes(),
        &number.to_be_bytes(),
    ])
}

/// Local number of the step with this number of a country's side that became durable first.
///
/// # Errors
/// [`StoreError`] when the store cannot be read; so for every question here.
pub fn numbered(
    rows: &impl ReadRows,
    request: &Digest,
    origin: Country,
    number: u32,
) -> Result<Option<u64>, StoreError> {
    let value = rows.row(&numbered_key(request, origin, number))?;
    Ok(value.and_then(|value| value.as_slice().try_into().ok().map(u64::from_be_bytes)))
}

/// Requests above a local number, oldest first, `limit` at most.
///
/// # Errors
/// As [`numbered`].
pub fn following(store: &Store, after: u64, limit: usize) -> Result<Vec<u64>, StoreError> {
    let from = REQUESTS.key(&[&after.saturating_add(1).to_be_bytes()]);
    let rows = store.scan(&REQUESTS.key(&[]), &from, limit)?;
    Ok(numbers(rows.iter().map(|(key, _)| key.as_slice())))
}

/// Requests below a local number, newest first, `limit` at most.
///
/// # Errors
/// As [`numbered`].
pub fn before(store: &Store, before: u64, limit: usize) -> Result<Vec<u64>, StoreError> {
    let end = REQUESTS.key(&[&before.to_be_bytes()]);
    let rows = store.scan_back(&REQUESTS.key(&[]), &end, limit)?;
    Ok(numbers(rows.iter().map(|(key, _)| key.as_slice())))
}

fn numbers<'a>(keys: impl Iterator<Item = &'a [u8]>) -> Vec<u64> {
    keys.filter_map(|key| Some(u64::from_be_bytes(*key.last_chunk::<8>()?)))
        .collect()
}
