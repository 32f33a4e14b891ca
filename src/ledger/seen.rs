//! Who did what, and which answers showed which record: indexes over the leaves, so that neither
//! question reads the ledger.
//!
//! A leaf's body is sealed, and projections open nothing; what is indexed stands beside it in the
//! entry: the person as a keyed tag, the records as local numbers. Leaves of earlier versions have no
//! tag. The node opens them once and says what it found in entries of their own ([`LeavesIndexed`]),
//! so that a rebuild finds them too.

use crate::{
    entry::{Entry, EntryError, Event, LeavesIndexed},
    store::{Keyspace, ReadRows, Rows, Store, StoreError},
};

use super::{rows::RowsError, shown};

/// Leaves in a row of [`PERSONS`].
const PERSON_LEAVES: u64 = 1024;
/// Records in a row of [`SHOWN`].
const SHOWN_RECORDS: u64 = 64;
/// Leaves in a row of [`SHOWN`].
const SHOWN_LEAVES: u64 = 512;
/// Bytes of an item of [`SHOWN`].
const ITEM: usize = 10;
/// Microseconds of an hour.
const HOUR_US: i64 = 3_600_000_000;
/// Rows read at a time.
const ROWS: usize = 256;

/// The leaves of a person.
const PERSONS: Keyspace = Keyspace {
    prefix: 0xa8,
    name: "leaves of a person",
    key: "HMAC tag of the person (16), leaf index / 1024 (u64 big endian)",
    value: "bits by leaf index mod 1024, the lowest bit of a byte first; no longer than needed",
    written_by: "every entry with a leaf; leaves indexed",
    goes_away: "never",
};

/// The leaves of answers that showed several records, by the records.
const SHOWN: Keyspace = Keyspace {
    prefix: 0xa9,
    name: "answers that showed a record",
    key: "local number / 64 (u64 big endian), leaf index / 512 (u64 big endian)",
    value: "for each leaf, ascending: leaf index mod 512 (u16 big endian), bits by local number mod 64 (u64 big endian)",
    written_by: "read, attempts refused",
    goes_away: "never",
};

/// When leaves were written, to the hour.
const HOURS: Keyspace = Keyspace {
    prefix: 0xaa,
    name: "hours of the ledger",
    key: "index of the first leaf of an hour (u64 big endian); empty: the hour of the last leaf",
    value: "hours since 1970 (u32 big endian)",
    written_by: "every entry with a leaf that is of another hour than the one before",
    goes_away: "never",
};

/// How far leaves of earlier versions are indexed.
const INDEXED: Keyspace = Keyspace {
    prefix: 0xab,
    name: "leaves indexed later",
    key: "`u` (leaves up to which some have no tag), `i` (leaves up to which these were indexed)",
    value: "u64 big endian",
    written_by: "entries of earlier versions; leaves indexed",
    goes_away: "never",
};

/// The keyspaces of this index.
pub const fn keyspaces() -> [&'static Keyspace; 4] {
    [&PERSONS, &SHOWN, &HOURS, &INDEXED]
}

/// Keyed tag of a person.
pub type PersonTag = [u8; 16];

/// Indexes an entry's leaf, where it has one. Pure: the same entries give the same rows.
pub(super) fn apply(entry: &Entry, rows: &mut Rows<'_>) -> Result<(), RowsError> {
    if let Event::LeavesIndexed(indexed) = &entry.event {
        later(indexed, rows)?;
    }
    let Some(leaf) = &entry.leaf else {
        return Ok(());
    };
    match <&PersonTag>::try_from(leaf.person_tag.as_slice()) {
        Ok(person) => did(person, leaf.index, rows)?,
        Err(_) if leaf.person_tag.is_empty() => raise(b"u", leaf.index.saturating_add(1), rows)?,
        Err(_) => return Err(EntryError::Field("leaf.person_tag").into()),
    }
    let mut numbers = shown::numbers(&leaf.shown).into_iter().peekable();
    while let Some(first) = numbers.next() {
        let block = first / SHOWN_RECORDS;
        let mut bits = bit_of(first);
        while let Some(number) = numbers.next_if(|number| number / SHOWN_RECORDS == block) {
            bits |= bit_of(number);
        }
        showed(block, bits, leaf.index, rows)?;
    }
    let hour = u32::try_from(entry.time.micros().div_euclid(HOUR_US)).unwrap_or(0);
    let (last, hour) = (HOURS.key(&[]), hour.to_be_bytes());
    if rows.row(&last)?.as_deref() != Some(&hour[..]) {
        rows.put(HOURS.key(&[&leaf.index.to_be_bytes()]), hour.to_vec());
        rows.put(last, hour.to_vec());
    }
    Ok(())
}

const fn bit_of(number: u64) -> u64 {
    1 << (number % SHOWN_RECORDS)
}

/// A person's leaf.
fn did(person: &PersonTag, leaf: u64, rows: &mut Rows<'_>) -> Result<(), StoreError> {
    let key = PERSONS.key(&[person, &(leaf / PERSON_LEAVES).to_be_bytes()]);
    let at = leaf % PERSON_LEAVES;
    let byte = usize::try_from(at / 8).unwrap_or(0);
    rows.update(key, |row| {
        if row.len() <= byte {
            row.resize(byte.saturating_add(1), 0);
        }
        if let Some(bits) = row.get_mut(byte) {
            *bits |= 1 << (at % 8);
        }
    })
}

/// Records of a block that a leaf's answer showed. Leaves come in order, so that items do too.
fn showed(block: u64, bits: u64, leaf: u64, rows: &mut Rows<'_>) -> Result<(), StoreError> {
    let group = leaf / SHOWN_LEAVES;
    let at = u16::try_from(leaf % SHOWN_LEAVES).unwrap_or(0);
    rows.update(
        SHOWN.key(&[&block.to_be_bytes(), &group.to_be_bytes()]),
        |row| {
            row.extend_from_slice(&at.to_be_bytes());
            row.extend_from_slice(&bits.to_be_bytes());
        },
    )
}

/// Leaves of earlier versions, opened once.
fn later(indexed: &LeavesIndexed, rows: &mut Rows<'_>) -> Result<(), RowsError> {
    let mut leaf = indexed.first;
    for which in &indexed.tag_of_leaf {
        let which = usize::try_from(*which).unwrap_or(usize::MAX);
        if let Some(index) = which.checked_sub(1) {
            let tag = indexed.person_tags.get(index);
            let tag = tag.and_then(|tag| <&PersonTag>::try_from(tag.as_slice()).ok());
            did(tag.ok_or(EntryError::Field("person_tags"))?, leaf, rows)?;
        }
        leaf = leaf.saturating_add(1);
    }
    Ok(raise(b"i", leaf, rows)?)
}

fn raise(which: &[u8], to: u64, rows: &mut Rows<'_>) -> Result<(), StoreError> {
    let key = INDEXED.key(&[which]);
    if to > number(rows, which)? {
        rows.put(key, to.to_be_bytes().to_vec());
    }
    Ok(())
}

fn number(rows: &impl ReadRows, which: &[u8]) -> Result<u64, StoreError> {
    let row = rows.row(&INDEXED.key(&[which]))?;
    Ok(row
        .and_then(|value| value.as_slice().try_into().ok())
        .map_or(0, u64::from_be_bytes))
}

/// Leaves that are in no index of persons yet: from the first to before the last.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn unindexed(rows: &impl ReadRows) -> Result<std::ops::Range<u64>, StoreError> {
    let end = number(rows, b"u")?;
    Ok(number(rows, b"i")?.min(end)..end)
}

/// Indexes of the leaves of a person below `before`, newest first, `limit` at most.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn of_person(
    store: &Store,
    person: &PersonTag,
    before: u64,
    limit: usize,
) -> Result<Vec<u64>, StoreError> {
    let prefix = PERSONS.key(&[person]);
    let mut found = Vec::new();
    // The row of `before` itself may hold leaves below it.
    let row = (before / PERSON_LEAVES).saturating_add(1);
    let mut below = PERSONS.key(&[person, &row.to_be_bytes()]);
    loop {
        let rows = store.scan_back(&prefix, &below, ROWS)?;
        let Some((last, _)) = rows.last() else {
            return Ok(found);
        };
        below.clone_from(last);
        for (key, bits) in &rows {
            let first = tail(key).saturating_mul(PERSON_LEAVES);
            for (byte, bits) in bits.iter().enumerate().rev() {
                let byte = u64::try_from(byte).unwrap_or(0).saturating_mul(8);
                for bit in (0..8).rev().filter(|bit| bits & (1 << bit) != 0) {
                    let leaf = first.saturating_add(byte).saturating_add(bit);
                    if leaf < before {
                        found.push(leaf);
                    }
                    if found.len() >= limit {
                        return Ok(found);
                    }
                }
            }
        }
    }
}

/// Indexes below `before` of the leaves of answers that showed a record among others, newest first,
/// `limit` at most.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn showing(
    store: &Store,
    number: u64,
    before: u64,
    limit: usize,
) -> Result<Vec<u64>, StoreError> {
    let block = (number / SHOWN_RECORDS).to_be_bytes();
    let prefix = SHOWN.key(&[&block]);
    let row = (before / SHOWN_LEAVES).saturating_add(1);
    let mut below = SHOWN.key(&[&block, &row.to_be_bytes()]);
    let mut found = Vec::new();
    loop {
        let rows = store.scan_back(&prefix, &below, ROWS)?;
        let Some((last, _)) = rows.last() else {
            return Ok(found);
        };
        below.clone_from(last);
        for (key, items) in &rows {
            let first = tail(key).saturating_mul(SHOWN_LEAVES);
            for item in items.chunks_exact(ITEM).rev() {
                let Some((at, bits)) = item.split_first_chunk::<2>() else {
                    continue;
                };
                let bits = bits.first_chunk().copied().map_or(0, u64::from_be_bytes);
                let leaf = first.saturating_add(u16::from_be_bytes(*at).into());
                if bits & bit_of(number) != 0 && leaf < before {
                    found.push(leaf);
                    if found.len() >= limit {
                        return Ok(found);
                    }
                }
            }
        }
    }
}

/// The leaves that may have been written from one time to before another, as ranges of indexes,
/// ascending; to the hour, so that some are of shortly before or after. Clocks go back now and then:
/// the same hour may come twice.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn between(
    store: &Store,
    size: u64,
    from_us: i64,
    to_us: i64,
) -> Result<Vec<std::ops::Range<u64>>, StoreError> {
    let hours = from_us.div_euclid(HOUR_US)..=to_us.saturating_sub(1).div_euclid(HOUR_US);
    let prefix = HOURS.key(&[]);
    let mut from = HOURS.key(&[&0_u64.to_be_bytes()]);
    let mut ranges: Vec<std::ops::Range<u64>> = Vec::new();
    // The first leaf of the hour before, where it is wanted.
    let mut open: Option<u64> = None;
    loop {
        let rows = store.scan(&prefix, &from, ROWS)?;
        let Some((last, _)) = rows.last() else { break };
        from.clone_from(last);
        from.push(0);
        for (key, hour) in &rows {
            let first = tail(key);
            let hour = hour.first_chunk().copied().map_or(0, u32::from_be_bytes);
            let wanted = hours.contains(&hour.into());
            match (open, wanted) {
                (None, true) => open = Some(first),
                (Some(start), false) => {
                    ranges.push(start..first.min(size));
                    open = None;
                }
                _ => {}
            }
        }
    }
    if let Some(start) = open {
        ranges.push(start..size);
    }
    ranges.retain(|range| !range.is_empty());
    Ok(ranges)
}

fn tail(key: &[u8]) -> u64 {
    key.last_chunk().copied().map_or(0, u64::from_be_bytes)
}
