//! What is in TAXII's collections, in the order in which it came.

use prost::Message as _;

use crate::{
    crypto::Domain,
    entry::{Entry, EntryError, Event, Shelf, ShelfRow},
    feed::taxii::Collection,
    store::{Keyspace, ProjectionError, ReadRows, Row, Rows, Store, StoreError},
};

use super::super::{Node, NodeError};

/// Statuses that are kept.
const STATUSES: u64 = 10_000;

/// The shelves.
const SHELVES: Keyspace = Keyspace {
    prefix: 0xd6,
    name: "shelves of TAXII",
    key: "HMAC tag of the collection (8), when the first object came (microseconds, u64 big endian)",
    value: "local number (u64 big endian), objects (u16 big endian), 1 when they are revoked (1), ShelfRow encrypted under the storage key",
    written_by: "shelved, locked",
    goes_away: "never: a client that comes back is told what is gone",
};

/// Where a record stands.
const STANDS: Keyspace = Keyspace {
    prefix: 0xd7,
    name: "records on shelves of TAXII",
    key: "local number (u64 big endian); `n`: the last time given; `u`: all records up to this number were looked at",
    value: "for each collection, and once more for what a later version dropped: its tag (8), when the first object came last (u64 big endian), 1 when they are revoked (1); u64 big endian for `n` and `u`",
    written_by: "shelved, locked",
    goes_away: "never",
};

/// What is shared and in a collection already.
const SHARED: Keyspace = Keyspace {
    prefix: 0xd8,
    name: "shared objects of TAXII",
    key: "HMAC tag of the collection (8), HMAC tag of the object (16)",
    value: "when it came, as the first object of its shelf (u64 big endian)",
    written_by: "shelved",
    goes_away: "never",
};

/// What became of objects that were handed in.
const STATUS: Keyspace = Keyspace {
    prefix: 0xd9,
    name: "statuses of TAXII",
    key: "random id (16); `n` and number mod 10,000 (u64 big endian): the id; `n` alone: how many there were",
    value: "HMAC tag of who handed them in (16), the status encrypted under the storage key; the id (16); u64 big endian",
    written_by: "objects taken",
    goes_away: "when 10,000 came after it",
};

/// The keyspaces of this file.
pub(in crate::node) const fn keyspaces() -> [&'static Keyspace; 4] {
    [&SHELVES, &STANDS, &SHARED, &STATUS]
}

/// Keyed tag of a collection.
pub(in crate::node) type Tag = [u8; 8];

/// A shelf: the objects of a record that came into a collection together.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// When the first of them came.
    pub(super) first_us: u64,
    /// Local number of the record.
    pub(super) number: u64,
    /// How many objects.
    pub(super) objects: u16,
    /// Whether they are revoked.
    pub(super) revoked: bool,
    /// Which, sealed.
    pub(super) sealed: Vec<u8>,
}

impl Place {
    fn encode(&self) -> Vec<u8> {
        let mut value = self.number.to_be_bytes().to_vec();
        value.extend_from_slice(&self.objects.to_be_bytes());
        value.push(u8::from(self.revoked));
        value.extend_from_slice(&self.sealed);
        value
    }

    fn decode(key: &[u8], value: &[u8]) -> Option<Self> {
        let first_us = u64::from_be_bytes(*key.last_chunk::<8>()?);
        let (number, rest) = value.split_first_chunk::<8>()?;
        let (objects, rest) = rest.split_first_chunk::<2>()?;
        let (revoked, sealed) = rest.split_first()?;
        Some(Self {
            first_us,
            number: u64::from_be_bytes(*number),
            objects: u16::from_be_bytes(*objects),
            revoked: *revoked == 1,
            sealed: sealed.to_vec(),
        })
    }

    /// When the last object came.
    pub(super) fn last_us(&self) -> u64 {
        let more = u64::from(self.objects).saturating_sub(1);
        self.first_us.saturating_add(more)
    }
}

/// Where a record stands in a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stand {
    /// The collection.
    pub(super) collection: Tag,
    /// When its first object came last.
    pub(super) first_us: u64,
    /// Whether it is revoked.
    pub(super) revoked: bool,
}

const STAND: usize = 17;

fn read_stands(value: &[u8]) -> Vec<Stand> {
    let read = |bytes: &[u8]| {
        let (collection, rest) = bytes.split_first_chunk::<8>()?;
        let (first, rest) = rest.split_first_chunk::<8>()?;
        Some(Stand {
            collection: *collection,
            first_us: u64::from_be_bytes(*first),
            revoked: rest == [1],
        })
    };
    value.chunks_exact(STAND).filter_map(read).collect()
}

fn write_stands(stands: &[Stand]) -> Vec<u8> {
    let mut value = Vec::with_capacity(stands.len().saturating_mul(STAND));
    for stand in stands {
        value.extend_from_slice(&stand.collection);
        value.extend_from_slice(&stand.first_us.to_be_bytes());
        value.push(u8::from(stand.revoked));
    }
    value
}

fn number(value: &[u8]) -> Option<u64> {
    value.try_into().ok().map(u64::from_be_bytes)
}

fn counter(rows: &impl ReadRows, key: &[u8]) -> Result<u64, StoreError> {
    Ok(rows.row(key)?.and_then(|value| number(&value)).unwrap_or(0))
}

/// Up to which local number records were looked at.
///
/// # Errors
/// [`StoreError`] when the store cannot be read; so for every question here.
pub(in crate::node) fn shelved(rows: &impl ReadRows) -> Result<u64, StoreError> {
    counter(rows, &STANDS.key(&[b"u"]))
}

/// Where a record stands.
pub(super) fn stands(rows: &impl ReadRows, of: u64) -> Result<Vec<Stand>, StoreError> {
    let row = rows.row(&STANDS.key(&[&of.to_be_bytes()]))?;
    Ok(row.map(|value| read_stands(&value)).unwrap_or_default())
}

/// When something shared came into a collection, as the first object of its shelf.
pub(super) fn shared_at(
    rows: &impl ReadRows,
    collection: &Tag,
    tag: &[u8],
) -> Result<Option<u64>, StoreError> {
    let row = rows.row(&SHARED.key(&[collection, tag]))?;
    Ok(row.and_then(|value| number(&value)))
}

/// The shelf of a collection whose first object came at a time.
pub(super) fn place(
    rows: &impl ReadRows,
    collection: &Tag,
    first_us: u64,
) -> Result<Option<Place>, StoreError> {
    let key = SHELVES.key(&[collection, &first_us.to_be_bytes()]);
    Ok(rows
        .row(&key)?
        .and_then(|value| Place::decode(&key, &value)))
}

/// Shelves of a collection that have an object after a time, in order, `limit` at most.
pub(super) fn after(
    store: &Store,
    collection: &Tag,
    after_us: u64,
    limit: usize,
) -> Result<Vec<Place>, StoreError> {
    let prefix = SHELVES.key(&[collection]);
    let from = SHELVES.key(&[collection, &after_us.saturating_add(1).to_be_bytes()]);
    let read = |(key, value): &Row| Place::decode(key, value);
    // The one that began before may not have ended.
    let begun = store.scan_back(&prefix, &from, 1)?;
    let mut found: Vec<Place> = begun.iter().filter_map(read).collect();
    found.retain(|place| place.last_us() > after_us);
    found.extend(store.scan(&prefix, &from, limit)?.iter().filter_map(read));
    Ok(found)
}

/// What became of objects that somebody handed in, sealed.
pub(super) fn status(
    rows: &impl ReadRows,
    id: &[u8; 16],
    by: &[u8; 16],
) -> Result<Option<Vec<u8>>, StoreError> {
    let row = rows.row(&STATUS.key(&[id]))?;
    Ok(row.and_then(|value| {
        let (of, sealed) = value.split_first_chunk::<16>()?;
        (of == by).then(|| sealed.to_vec())
    }))
}

/// Applies what came on shelves, and what left them. Times come from the entry and from the row before:
/// a replay gives the same.
pub(in crate::node) fn apply(entry: &Entry, rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
    match &entry.event {
        Event::Shelved(shelved) => {
            for shelf in &shelved.shelves {
                put(shelf, entry.time.micros(), rows)?;
            }
            let key = STANDS.key(&[b"u"]);
            rows.put(key, shelved.up_to.to_be_bytes().to_vec());
        }
        Event::Locked(locked) if !locked.victims_only => {
            revoke(locked.number, entry.time.micros(), rows)?;
        }
        Event::ObjectsTaken(taken) => {
            let id: [u8; 16] = taken.id.as_slice().try_into().map_err(|_| malformed())?;
            let count = counter(rows, &STATUS.key(&[b"n"]))?;
            let turn = STATUS.key(&[b"n", &(count % STATUSES).to_be_bytes()]);
            if let Some(before) = rows.get(&turn)? {
                rows.delete(STATUS.key(&[&before]));
            }
            rows.put(turn, id.to_vec());
            let next = count.saturating_add(1).to_be_bytes().to_vec();
            rows.put(STATUS.key(&[b"n"]), next);
            let value = [taken.person_tag.as_slice(), &taken.sealed].concat();
            rows.put(STATUS.key(&[&id]), value);
        }
        _ => {}
    }
    Ok(())
}

fn malformed() -> ProjectionError {
    ProjectionError::Entry("a shelf of TAXII".to_owned())
}

/// A time for so many objects, after every one given before.
fn times(objects: u16, now_us: i64, rows: &mut Rows<'_>) -> Result<u64, ProjectionError> {
    let key = STANDS.key(&[b"n"]);
    let last = counter(rows, &key)?;
    let first = last
        .saturating_add(1)
        .max(u64::try_from(now_us).unwrap_or(0));
    let end = first.saturating_add(u64::from(objects).saturating_sub(1));
    rows.put(key, end.to_be_bytes().to_vec());
    Ok(first)
}

fn put(shelf: &Shelf, now_us: i64, rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
    let collection: Tag = shelf
        .collection
        .as_slice()
        .try_into()
        .map_err(|_| malformed())?;
    let objects = u16::try_from(shelf.objects).map_err(|_| malformed())?;
    let first_us = times(objects, now_us, rows)?;
    let place = Place {
        first_us,
        number: shelf.number,
        objects,
        revoked: shelf.revoked,
        sealed: shelf.sealed.clone(),
    };
    stand(&place, collection, shelf.revoked, rows)?;
    for tag in &shelf.shared_tags {
        let key = SHARED.key(&[&collection, tag]);
        rows.put(key, first_us.to_be_bytes().to_vec());
    }
    Ok(())
}

/// Puts a record's shelf there; `beside` the one with its text, where a later version dropped some of its
/// objects, in place of what it had otherwise.
fn stand(
    place: &Place,
    collection: Tag,
    beside: bool,
    rows: &mut Rows<'_>,
) -> Result<(), ProjectionError> {
    let key = SHELVES.key(&[&collection, &place.first_us.to_be_bytes()]);
    rows.put(key, place.encode());
    let mut all = stands(rows, place.number)?;
    all.retain(|stand| stand.collection != collection || (beside && !stand.revoked));
    all.push(Stand {
        collection,
        first_us: place.first_us,
        revoked: place.revoked,
    });
    rows.put(
        STANDS.key(&[&place.number.to_be_bytes()]),
        write_stands(&all),
    );
    Ok(())
}

/// Puts what a record has on shelves there again, revoked.
fn revoke(of: u64, now_us: i64, rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
    for one in stands(rows, of)? {
        if one.revoked {
            continue;
        }
        let Some(before) = place(rows, &one.collection, one.first_us)? else {
            continue;
        };
        let again = Place {
            first_us: times(before.objects, now_us, rows)?,
            revoked: true,
            ..before
        };
        stand(&again, one.collection, false, rows)?;
    }
    Ok(())
}

impl Node {
    /// Keyed tag of a collection.
    pub(super) fn shelf_tag(&self, collection: Collection) -> Tag {
        let tag = self
            .keys
            .index
            .tag("taxii collection", collection.alias().as_bytes());
        tag.first_chunk().copied().unwrap_or_default()
    }

    /// Keyed tag of something shared, by its id.
    pub(super) fn shared_tag(&self, id: &str) -> [u8; 16] {
        self.keys.index.tag("taxii shared", id.as_bytes())
    }

    /// Which objects a shelf has.
    pub(super) fn shelf_row(&self, sealed: &[u8]) -> Result<ShelfRow, NodeError> {
        let opened = self.keys.storage.open(&shelf_aad(), sealed);
        let opened = opened.map_err(|_| EntryError::Field("shelf"))?;
        Ok(ShelfRow::decode(opened.as_slice()).map_err(EntryError::from)?)
    }
}

/// Additional data of a shelf at rest.
pub(super) fn shelf_aad() -> Vec<u8> {
    [Domain::Storage.prefix(), b"taxii shelf"].concat()
}

/// Additional data of a status at rest.
pub(super) fn status_aad(id: &[u8; 16]) -> Vec<u8> {
    [Domain::Storage.prefix(), b"taxii status", id].concat()
}
