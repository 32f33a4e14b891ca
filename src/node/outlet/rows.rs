//! The keyspaces of subscriptions and webhooks, and how entries write them.

use crate::{
    entry::{CursorMoved, Entry, EntryError, Event},
    feed::subscription::Position,
    record::Moment,
    store::{Entry as Stored, Keyspace, Place, ReadRows, Rows, Run, Store, StoreError},
};

/// Subscriptions.
const SUBSCRIPTIONS: Keyspace = Keyspace {
    prefix: 0xd2,
    name: "subscriptions",
    key: "HMAC tag of authority and name (16)",
    value: "place of the entry (12), HMAC tag of the authority (16), HMAC tag of who made it (16)",
    written_by: "subscription made",
    goes_away: "subscription removed",
};

/// Where subscriptions and webhooks stand.
const CURSORS: Keyspace = Keyspace {
    prefix: 0xd3,
    name: "cursors",
    key: "HMAC tag of the subscription, or of the webhook (16)",
    value: "number, gone, epoch, backlog, number and gone at the end of the batch under way, time (7 times u64 big endian)",
    written_by: "subscription made, cursor moved",
    goes_away: "subscription removed",
};

/// Records that were locked, in the order in which they were.
const GONE: Run<16> = Run {
    space: Keyspace {
        prefix: 0xd4,
        name: "records gone",
        key: "index / 64, u64 big endian",
        value: "64 times: local number (u64 be), time (microseconds, u64 be)",
        written_by: "locked",
        goes_away: "never",
    },
    per_row: 64,
};

/// Counters, and what is paused.
const STATES: Keyspace = Keyspace {
    prefix: 0xd5,
    name: "outlet states",
    key: "`g` (records gone), `o` and HMAC tag of who made subscriptions (how many), `p` and HMAC tag of a webhook (paused)",
    value: "u64 big endian",
    written_by: "locked, subscription made, subscription removed, webhook paused",
    goes_away: "`p`: webhook paused no more; the others never",
};

/// Rows read at a time.
const PAGE: usize = 256;

/// Keyed tag of a subscription or a webhook.
pub(in crate::node) type Tag = [u8; 16];

pub(in crate::node) const fn keyspaces() -> [&'static Keyspace; 4] {
    [&SUBSCRIPTIONS, &CURSORS, &GONE.space, &STATES]
}

/// A cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::node) struct CursorRow {
    /// Up to where everything is acknowledged.
    pub(in crate::node) at: Position,
    /// Of the last time that somebody chose its place.
    pub(in crate::node) epoch: u64,
    /// Last local number at that time.
    pub(in crate::node) backlog: u64,
    /// Up to where the batch under way goes.
    pub(in crate::node) batch: Position,
    /// When it moved last.
    pub(in crate::node) moved: Moment,
}

/// A subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::node) struct SubscriptionRow {
    /// The entry that made it.
    pub(in crate::node) place: Place,
    /// Keyed tag of its authority.
    pub(in crate::node) authority: Tag,
    /// Keyed tag of who made it.
    pub(in crate::node) owner: Tag,
}

pub(super) fn tag_of(bytes: &[u8]) -> Result<Tag, EntryError> {
    bytes.try_into().map_err(|_| EntryError::Field("tag"))
}

fn read_number(value: &[u8]) -> u64 {
    value.try_into().map_or(0, u64::from_be_bytes)
}

fn counted(rows: &impl ReadRows, key: &[u8]) -> Result<u64, StoreError> {
    Ok(rows.row(key)?.map_or(0, |value| read_number(&value)))
}

pub(in crate::node) fn apply(
    entry: &Entry,
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), crate::store::ProjectionError> {
    let invalid = |error: EntryError| crate::store::ProjectionError::Entry(error.to_string());
    match &entry.event {
        Event::Locked(locked) if !locked.victims_only => {
            let index = gone_count(rows)?;
            let mut value = [0; 16];
            let time = u64::try_from(entry.time.micros()).unwrap_or(0);
            let parts = locked.number.to_be_bytes().into_iter();
            let parts = parts.chain(time.to_be_bytes());
            value
                .iter_mut()
                .zip(parts)
                .for_each(|(to, from)| *to = from);
            GONE.put(rows, &[], index, &value)?;
            let count = index.saturating_add(1).to_be_bytes().to_vec();
            rows.put(STATES.key(&[b"g"]), count);
        }
        Event::SubscriptionMade(made) => {
            let key = SUBSCRIPTIONS.key(&[&tag_of(&made.tag).map_err(invalid)?]);
            let owner = tag_of(&made.owner_tag).map_err(invalid)?;
            if rows.row(&key)?.is_none() {
                recount(&owner, 1, rows)?;
            }
            let mut value = stored.place.to_bytes().to_vec();
            value.extend_from_slice(&tag_of(&made.authority_tag).map_err(invalid)?);
            value.extend_from_slice(&owner);
            rows.put(key, value);
            if let Some(start) = &made.start {
                moved(start, entry.time, rows).map_err(invalid)?;
            }
        }
        Event::CursorMoved(cursor) => moved(cursor, entry.time, rows).map_err(invalid)?,
        Event::SubscriptionRemoved(removed) => {
            let tag = tag_of(&removed.tag).map_err(invalid)?;
            let key = SUBSCRIPTIONS.key(&[&tag]);
            if rows.row(&key)?.is_some() {
                recount(&tag_of(&removed.owner_tag).map_err(invalid)?, -1, rows)?;
            }
            rows.delete(key);
            rows.delete(CURSORS.key(&[&tag]));
        }
        Event::WebhookPaused(paused) => {
            let key = STATES.key(&[b"p", &tag_of(&paused.tag).map_err(invalid)?]);
            match paused.paused {
                true => rows.put(key, 1_u64.to_be_bytes().to_vec()),
                false => rows.delete(key),
            }
        }
        _ => {}
    }
    Ok(())
}

fn recount(owner: &Tag, by: i64, rows: &mut Rows<'_>) -> Result<(), StoreError> {
    let key = STATES.key(&[b"o", owner]);
    let count = counted(rows, &key)?.saturating_add_signed(by);
    rows.put(key, count.to_be_bytes().to_vec());
    Ok(())
}

fn moved(cursor: &CursorMoved, time: Moment, rows: &mut Rows<'_>) -> Result<(), EntryError> {
    let tag = tag_of(&cursor.tag)?;
    let time = u64::try_from(time.micros()).unwrap_or(0);
    let parts = [
        cursor.number,
        cursor.gone,
        cursor.epoch,
        cursor.backlog,
        cursor.batch_number,
        cursor.batch_gone,
        time,
    ];
    let value = parts.iter().flat_map(|part| part.to_be_bytes()).collect();
    rows.put(CURSORS.key(&[&tag]), value);
    Ok(())
}

/// Where a subscription or a webhook stands; `None` where there is none.
pub(in crate::node) fn cursor(
    rows: &impl ReadRows,
    tag: &Tag,
) -> Result<Option<CursorRow>, StoreError> {
    let Some(value) = rows.row(&CURSORS.key(&[tag]))? else {
        return Ok(None);
    };
    let mut parts = value.chunks_exact(8).map(read_number);
    let mut next = || parts.next().unwrap_or(0);
    let at = Position {
        number: next(),
        gone: next(),
    };
    let (epoch, backlog) = (next(), next());
    let batch = Position {
        number: next(),
        gone: next(),
    };
    let moved = Moment::from_micros(i64::try_from(next()).unwrap_or(i64::MAX));
    Ok(Some(CursorRow {
        at,
        epoch,
        backlog,
        batch,
        moved,
    }))
}

fn decode(value: &[u8]) -> Option<SubscriptionRow> {
    let (place, rest) = value.split_first_chunk::<12>()?;
    let (authority, owner) = rest.split_first_chunk::<16>()?;
    Some(SubscriptionRow {
        place: Place::from_bytes(place)?,
        authority: *authority,
        owner: owner.try_into().ok()?,
    })
}

/// A subscription; `None` where there is none.
pub(in crate::node) fn subscription(
    rows: &impl ReadRows,
    tag: &Tag,
) -> Result<Option<SubscriptionRow>, StoreError> {
    let row = rows.row(&SUBSCRIPTIONS.key(&[tag]))?;
    Ok(row.and_then(|value| decode(&value)))
}

/// How many subscriptions somebody made.
pub(in crate::node) fn count_of(rows: &impl ReadRows, owner: &Tag) -> Result<u64, StoreError> {
    counted(rows, &STATES.key(&[b"o", owner]))
}

/// The subscriptions of an authority.
pub(in crate::node) fn of_authority(
    store: &Store,
    authority: &Tag,
) -> Result<Vec<(Tag, SubscriptionRow)>, StoreError> {
    let prefix = SUBSCRIPTIONS.key(&[]);
    let (mut from, mut found) = (prefix.clone(), Vec::new());
    loop {
        let page = store.scan(&prefix, &from, PAGE)?;
        for (key, value) in &page {
            let tag = key.get(prefix.len()..).and_then(|tag| tag.try_into().ok());
            if let (Some(tag), Some(row)) = (tag, decode(value))
                && row.authority == *authority
            {
                found.push((tag, row));
            }
        }
        match page.last() {
            Some((last, _)) if page.len() == PAGE => from = [last.as_slice(), &[0]].concat(),
            _ => return Ok(found),
        }
    }
}

/// How many records were locked.
pub(in crate::node) fn gone_count(rows: &impl ReadRows) -> Result<u64, StoreError> {
    counted(rows, &STATES.key(&[b"g"]))
}

/// Locks from an index on, `limit` at most: index, local number and time.
pub(in crate::node) fn gone(
    rows: &impl ReadRows,
    first: u64,
    limit: usize,
) -> Result<Vec<(u64, u64, Moment)>, StoreError> {
    let found = GONE.from(rows, &[], first, limit)?;
    let found = found.iter().map(|(index, value)| {
        let (number, time) = value.split_at(8);
        let time = i64::try_from(read_number(time)).unwrap_or(i64::MAX);
        (*index, read_number(number), Moment::from_micros(time))
    });
    Ok(found.collect())
}

/// Whether a webhook is paused.
pub(in crate::node) fn is_paused(rows: &impl ReadRows, tag: &Tag) -> Result<bool, StoreError> {
    Ok(rows.row(&STATES.key(&[b"p", tag]))?.is_some())
}
