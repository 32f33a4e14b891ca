//! The keyspaces of the records a node holds, and how entries write them.

use crate::{
    entry::{EntryError, Event, Holding},
    store::{Entry as Stored, Keyspace, Place, Rows, Run},
};

use super::{RecordRow, followers, holding::HoldingError, life_rows};

/// Record number → where its entry stands.
pub(super) const RECORDS: Run<14> = Run {
    space: Keyspace {
        prefix: 0x10,
        name: "records",
        key: "local number / 64, u64 big endian",
        value: "64 times: origin (2 bytes), place of the entry (12 bytes)",
        written_by: "submitted, received",
        goes_away: "never: the header stays verifiable after erasure",
    },
    per_row: 64,
};

/// Header digest → record number.
pub(super) const DIGESTS: Keyspace = Keyspace {
    prefix: 0x11,
    name: "digests",
    key: "SHA-256 of the header",
    value: "local number, u64 big endian",
    written_by: "submitted, received",
    goes_away: "never",
};

/// Origin and record id → header digest, so that one id cannot name two headers.
pub(super) const IDS: Keyspace = Keyspace {
    prefix: 0x12,
    name: "ids",
    key: "origin (2 bytes), record id (16 bytes)",
    value: "SHA-256 of the header",
    written_by: "received",
    goes_away: "never",
};

/// Keyed tag of a reference → record number.
pub(super) const REFERENCES: Keyspace = Keyspace {
    prefix: 0x13,
    name: "references",
    key: "HMAC tag of the reference (16 bytes)",
    value: "local number, u64 big endian",
    written_by: "submitted, received",
    goes_away: "never: officers ask by reference what became of an erased record",
};

/// Keyed tag of a client's idempotency key → record number and submission digest.
pub(super) const IDEMPOTENCY: Keyspace = Keyspace {
    prefix: 0x14,
    name: "idempotency",
    key: "HMAC tag of principal and key (16 bytes)",
    value: "local number (u64 big endian), SHA-256 of the submission",
    written_by: "submitted",
    goes_away: "never",
};

/// Counters: last record number, next shred slot, last reference number per year.
pub(super) const COUNTERS: Keyspace = Keyspace {
    prefix: 0x15,
    name: "record counters",
    key: "`n` (last number), `s` (next shred slot), `y` and year (last reference number)",
    value: "u64 big endian",
    written_by: "submitted, received",
    goes_away: "never",
};

/// The keyspaces of this room.
pub const fn keyspaces() -> [&'static Keyspace; 11] {
    let [life, due, late] = life_rows::keyspaces();
    [
        &RECORDS.space,
        &DIGESTS,
        &IDS,
        &REFERENCES,
        &IDEMPOTENCY,
        &COUNTERS,
        &followers::FOLLOWERS.space,
        &followers::FOLLOWED,
        life,
        due,
        late,
    ]
}

/// Writes the rows of one entry. Pure: the same entries give the same rows.
///
/// # Errors
/// [`HoldingError`] when the entry is malformed or the rows cannot be read.
pub fn apply(event: &Event, stored: &Stored<'_>, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    match event {
        Event::Submitted(submitted) => {
            let holding = holding(submitted.holding.as_ref())?;
            hold(holding, stored.place, rows)?;
            life_rows::begin(holding, false, rows);
            if !submitted.idempotency_tag.is_empty() {
                let mut value = holding.number.to_be_bytes().to_vec();
                value.extend_from_slice(&submitted.submission_digest);
                rows.put(IDEMPOTENCY.key(&[&submitted.idempotency_tag]), value);
            }
            raise(
                rows,
                year_key(submitted.reference_year),
                submitted.reference_number,
            )
        }
        Event::Received(received) => {
            let holding = holding(received.holding.as_ref())?;
            hold(holding, stored.place, rows)?;
            life_rows::begin(holding, true, rows);
            rows.put(
                IDS.key(&[holding.origin.as_bytes(), &holding.record_id]),
                holding.header_digest.clone(),
            );
            Ok(())
        }
        _ => life_rows::apply(event, stored, rows),
    }
}

fn holding(holding: Option<&Holding>) -> Result<&Holding, HoldingError> {
    holding.ok_or(HoldingError::Entry(EntryError::Field("holding")))
}

fn hold(holding: &Holding, place: Place, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    let number = holding.number.to_be_bytes();
    let row = RecordRow {
        origin: holding.origin.parse().map_err(EntryError::from)?,
        place,
    };
    RECORDS.put(rows, &[], holding.number, &row.encode())?;
    rows.put(DIGESTS.key(&[&holding.header_digest]), number.to_vec());
    rows.put(REFERENCES.key(&[&holding.reference_tag]), number.to_vec());
    followers::add(holding, rows)?;
    raise(rows, COUNTERS.key(&[b"n"]), holding.number)?;
    slot_used(holding.slot, rows)
}

/// An entry names a shred slot: it is never given again.
pub(super) fn slot_used(slot: u64, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    raise(rows, COUNTERS.key(&[b"s"]), slot.saturating_add(1))
}

/// Raises a counter to `to`; counters never fall, whatever order slots were taken in.
fn raise(rows: &mut Rows<'_>, key: Vec<u8>, to: u64) -> Result<(), HoldingError> {
    let now = rows
        .get(&key)?
        .and_then(|value| number(&value))
        .unwrap_or(0);
    if to > now {
        rows.put(key, to.to_be_bytes().to_vec());
    }
    Ok(())
}

pub(super) fn year_key(year: u32) -> Vec<u8> {
    COUNTERS.key(&[b"y", &year.to_be_bytes()])
}

pub(super) fn number(bytes: &[u8]) -> Option<u64> {
    bytes.try_into().ok().map(u64::from_be_bytes)
}
