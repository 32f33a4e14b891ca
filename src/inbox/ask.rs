//! Questions about the records held.

use crate::{
    crypto::Digest,
    record::Country,
    store::{ReadRows, Store, StoreError},
};

use super::{
    RecordRow, ReferenceTag,
    projection::{self, COUNTERS, IDEMPOTENCY, IDS, RECORDS, digest_row, number, year_key},
};

/// Last local number given; 0 before the first.
///
/// # Errors
/// [`StoreError`] when the store cannot be read; so for every question here.
pub fn last_number(rows: &impl ReadRows) -> Result<u64, StoreError> {
    counter(rows, &COUNTERS.key(&[b"n"]))
}

/// Next shred slot never named by an entry.
pub fn next_slot(rows: &impl ReadRows) -> Result<u64, StoreError> {
    counter(rows, &COUNTERS.key(&[b"s"]))
}

/// Last reference number of a two-digit year.
pub fn last_reference(rows: &impl ReadRows, year: u32) -> Result<u64, StoreError> {
    counter(rows, &year_key(year))
}

fn counter(rows: &impl ReadRows, key: &[u8]) -> Result<u64, StoreError> {
    Ok(rows.row(key)?.and_then(|value| number(&value)).unwrap_or(0))
}

/// The record with a local number.
pub fn record(rows: &impl ReadRows, local: u64) -> Result<Option<RecordRow>, StoreError> {
    Ok(RECORDS
        .get(rows, &[], local)?
        .and_then(|value| RecordRow::decode(&value)))
}

/// Local number of the record whose header has this digest.
pub fn by_digest(rows: &impl ReadRows, digest: &Digest) -> Result<Option<u64>, StoreError> {
    let Ok((key, rest)) = digest_row(digest.as_bytes()) else {
        return Ok(None);
    };
    Ok(rows.row(&key)?.and_then(|value| {
        let (local, found) = value.split_first_chunk::<8>()?;
        (found == rest).then(|| u64::from_be_bytes(*local))
    }))
}

/// Local number of the record with a reference's tag.
pub fn by_reference(rows: &impl ReadRows, tag: &ReferenceTag) -> Result<Option<u64>, StoreError> {
    projection::by_reference(rows, tag)
}

/// Local number of the record first seen under an origin's record id.
pub fn by_id(
    rows: &impl ReadRows,
    origin: Country,
    id: &[u8; 16],
) -> Result<Option<u64>, StoreError> {
    Ok(rows
        .row(&IDS.key(&[origin.code().as_bytes(), id]))?
        .and_then(|value| number(&value)))
}

/// Local number of the record submitted under an idempotency tag.
pub fn by_idempotency(rows: &impl ReadRows, tag: &[u8]) -> Result<Option<u64>, StoreError> {
    let row = rows.row(&IDEMPOTENCY.key(&[tag]))?;
    Ok(row.and_then(|value| number(&value)))
}

/// Records below `before` (exclusive), newest first, `limit` at most.
///
/// # Errors
/// As [`last_number`].
pub fn newest(
    store: &Store,
    before: u64,
    limit: usize,
) -> Result<Vec<(u64, RecordRow)>, StoreError> {
    // Numbers begin with 1 and have no gaps.
    let end = before.min(last_number(store)?.saturating_add(1)).max(1);
    let first = end
        .saturating_sub(u64::try_from(limit).unwrap_or(u64::MAX))
        .max(1);
    let count = usize::try_from(end.saturating_sub(first)).unwrap_or(limit);
    let mut found = numbered(&RECORDS.from(store, &[], first, count)?);
    found.reverse();
    Ok(found)
}

/// Records above `after`, oldest first, `limit` at most.
///
/// # Errors
/// As [`last_number`].
pub fn following(
    store: &Store,
    after: u64,
    limit: usize,
) -> Result<Vec<(u64, RecordRow)>, StoreError> {
    let first = after.saturating_add(1);
    Ok(numbered(&RECORDS.from(store, &[], first, limit)?))
}

fn numbered(rows: &[(u64, [u8; 14])]) -> Vec<(u64, RecordRow)> {
    rows.iter()
        .filter_map(|(number, value)| Some((*number, RecordRow::decode(value)?)))
        .collect()
}
