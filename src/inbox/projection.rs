//! The keyspaces of the records a node holds, and how entries write them.

use crate::{
    entry::{Entry, EntryError, Event, Holding},
    record::Reference,
    store::{Entry as Stored, Keyspace, Place, ReadRows, Rows, Run, StoreError},
};

use super::{
    RecordRow, approvals, charges, clocks, consents, escalations, followers, holding::HoldingError,
    late_rows, life_rows, readers, released, requests,
};

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

/// Header digest → record number. Split so that key and value stay within the 22 bytes that sled
/// keeps in place: longer ones cost an allocation each, at every change of a row beside them.
pub(super) const DIGESTS: Keyspace = Keyspace {
    prefix: 0x11,
    name: "digests",
    key: "first 16 bytes of the header's SHA-256",
    value: "local number (u64 big endian), the next 12 bytes of the SHA-256",
    written_by: "submitted, received",
    goes_away: "never",
};

/// Origin and record id → record number, so that one id cannot name two headers.
pub(super) const IDS: Keyspace = Keyspace {
    prefix: 0x12,
    name: "ids",
    key: "origin (2 bytes), record id (16 bytes)",
    value: "local number, u64 big endian",
    written_by: "received",
    goes_away: "never",
};

/// Keyed tag of a block of references → record numbers. References of a country and year are given
/// one after the other, so those that come together share a row.
pub(super) const REFERENCES: Run<8> = Run {
    space: Keyspace {
        prefix: 0x13,
        name: "references",
        key: "HMAC tag of country, year and number / 64 (16 bytes), zero (u64)",
        value: "64 times, by number mod 64: local number, u64 big endian",
        written_by: "submitted, received",
        goes_away: "never: officers ask by reference what became of an erased record",
    },
    per_row: REFERENCES_PER_BLOCK as u64,
};

/// References whose numbers share a tag.
const REFERENCES_PER_BLOCK: u32 = 64;

/// Where a reference is looked up: the keyed tag of its block, and its place there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ReferenceTag {
    block: [u8; 16],
    place: u8,
}

impl ReferenceTag {
    /// The tag of a reference; `keyed` makes the tag of its block's name.
    pub fn of(reference: &Reference, keyed: impl FnOnce(&str) -> [u8; 16]) -> Self {
        let block = reference.number / REFERENCES_PER_BLOCK;
        let name = format!("{}-{:02}/{block}", reference.country, reference.year);
        Self {
            block: keyed(&name),
            place: u8::try_from(reference.number % REFERENCES_PER_BLOCK).unwrap_or(0),
        }
    }

    /// The 17 bytes that stand in an entry.
    pub fn to_bytes(self) -> Vec<u8> {
        let mut bytes = self.block.to_vec();
        bytes.push(self.place);
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first_chunk::<16>()? {
            (block, [place]) => Some(Self {
                block: *block,
                place: *place,
            }),
            _ => None,
        }
    }
}

/// The record number under a reference's tag.
pub(super) fn by_reference(
    rows: &impl ReadRows,
    tag: &ReferenceTag,
) -> Result<Option<u64>, StoreError> {
    Ok(REFERENCES
        .get(rows, &tag.block, tag.place.into())?
        .map(u64::from_be_bytes))
}

/// Keyed tag of a client's idempotency key → record number. What was submitted under it stands, as a
/// digest under the record's slot, in the entry.
pub(super) const IDEMPOTENCY: Keyspace = Keyspace {
    prefix: 0x14,
    name: "idempotency",
    key: "HMAC tag of principal and key (16 bytes)",
    value: "local number, u64 big endian",
    written_by: "submitted",
    goes_away: "never",
};

/// Counters: last record number, next shred slot, last reference number per year.
pub(super) const COUNTERS: Keyspace = Keyspace {
    prefix: 0x15,
    name: "record counters",
    key: "`n` (last number), `s` (next shred slot), `y` and year (last reference number), `e` (escalations)",
    value: "u64 big endian",
    written_by: "submitted, received, escalated, node renewed",
    goes_away: "never",
};

/// The keyspaces of this room.
pub const fn keyspaces() -> [&'static Keyspace; 30] {
    let [life, due, open] = life_rows::keyspaces();
    let [requests, tokens, passed_on, revoked] = consents::keyspaces();
    [
        &RECORDS.space,
        &DIGESTS,
        &IDS,
        &REFERENCES.space,
        &IDEMPOTENCY,
        &COUNTERS,
        &followers::FOLLOWERS.space,
        &followers::FOLLOWED,
        life,
        due,
        open,
        &late_rows::LATE,
        &approvals::APPROVALS,
        &approvals::OPEN,
        &approvals::RECALLED_ALONE,
        requests,
        tokens,
        passed_on,
        revoked,
        &charges::CHARGES,
        &charges::CHARGE_STEPS,
        &readers::READERS,
        &escalations::ESCALATIONS.space,
        released::keyspace(),
        &requests::REQUESTS,
        &requests::NUMBERED,
        &clocks::LOOKS,
        &clocks::CLOCKS,
        &clocks::RUNNING,
        &clocks::UNDELIVERED,
    ]
}

/// Writes the rows of one entry. Pure: the same entries give the same rows.
///
/// # Errors
/// [`HoldingError`] when the entry is malformed or the rows cannot be read.
pub fn apply(entry: &Entry, stored: &Stored<'_>, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    let event = &entry.event;
    match event {
        Event::Submitted(submitted) => {
            let holding = holding(submitted.holding.as_ref())?;
            hold(holding, stored.place, rows)?;
            let peers = submitted.outbox.iter().map(|place| place.peer.clone());
            life_rows::begin(holding, entry, Some(peers.collect()), rows)?;
            consents::begin(holding, false, rows)?;
            let sent = (
                submitted.outbox.as_slice(),
                submitted.incarnation.as_slice(),
            );
            clocks::begin(holding, Some(sent), rows)?;
            released::add(&submitted.released, rows)?;
            if !submitted.idempotency_tag.is_empty() {
                rows.put(
                    IDEMPOTENCY.key(&[&submitted.idempotency_tag]),
                    holding.number.to_be_bytes().to_vec(),
                );
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
            life_rows::begin(holding, entry, None, rows)?;
            consents::begin(holding, true, rows)?;
            clocks::begin(holding, None, rows)?;
            rows.put(
                IDS.key(&[holding.origin.as_bytes(), &holding.record_id]),
                holding.number.to_be_bytes().to_vec(),
            );
            Ok(())
        }
        Event::ApprovalAsked(_) | Event::ApprovalChanged(_) | Event::RecalledAlone(_) => {
            approvals::apply(event, stored, rows)
        }
        // Numbers given after the older state was written are not known, and none is given twice.
        Event::NodeRenewed(renewed) => renewed
            .references
            .iter()
            .try_for_each(|floor| raise(rows, year_key(floor.year), floor.number)),
        Event::Disclosed(disclosed) => {
            consents::disclosed(disclosed, rows)?;
            life_rows::apply(entry, stored, rows)
        }
        Event::ItemBegun(begun) => slot_used(begun.slot, rows),
        Event::TableExported(exported) => Ok(released::add(&exported.released, rows)?),
        Event::Read(read) => {
            readers::apply(read, rows)?;
            life_rows::apply(entry, stored, rows)
        }
        Event::ChargeChanged(changed) => {
            charges::apply(changed, stored, rows)?;
            life_rows::apply(entry, stored, rows)
        }
        Event::Escalated(escalated) => {
            escalations::apply(escalated, entry.time, rows)?;
            life_rows::apply(entry, stored, rows)
        }
        Event::ClocksWorkedOut(_) | Event::ClockTold(_) => clocks::apply(event, rows),
        Event::Locked(_) => {
            clocks::apply(event, rows)?;
            life_rows::apply(entry, stored, rows)
        }
        _ => life_rows::apply(entry, stored, rows),
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
    let (key, rest) = digest_row(&holding.header_digest)?;
    rows.put(key, [&number[..], rest].concat());
    let tag = ReferenceTag::from_bytes(&holding.reference_tag)
        .ok_or(EntryError::Field("holding.reference_tag"))?;
    REFERENCES.put(rows, &tag.block, tag.place.into(), &number)?;
    followers::add(holding, rows)?;
    requests::add(holding, rows)?;
    raise(rows, COUNTERS.key(&[b"n"]), holding.number)?;
    slot_used(holding.slot, rows)
}

/// An entry names a shred slot: it is never given again.
pub(super) fn slot_used(slot: u64, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    raise(rows, COUNTERS.key(&[b"s"]), slot.saturating_add(1))
}

/// Key of a header digest's row, and the bytes of the digest that stand in its value.
pub(super) fn digest_row(digest: &[u8]) -> Result<(Vec<u8>, &[u8]), EntryError> {
    digest
        .split_first_chunk::<16>()
        .and_then(|(head, rest)| Some((DIGESTS.key(&[head]), rest.get(..12)?)))
        .ok_or(EntryError::Field("holding.header_digest"))
}

/// How many escalations there were.
pub(super) fn escalated(rows: &impl ReadRows) -> Result<u64, StoreError> {
    let count = rows.row(&COUNTERS.key(&[b"e"]))?;
    Ok(count.and_then(|value| number(&value)).unwrap_or(0))
}

/// One escalation more; answers its index, from 0.
pub(super) fn next_escalation(rows: &mut Rows<'_>) -> Result<u64, HoldingError> {
    let index = escalated(rows)?;
    raise(rows, COUNTERS.key(&[b"e"]), index.saturating_add(1))?;
    Ok(index)
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
