//! The keyspaces of the life of records: what each is in, and what is due.

use prost::Message as _;

use crate::{
    crypto::Digest,
    entry::{Entry, EntryError, Event, Holding, LateReceiptsKept, LifeRow},
    store::{Entry as Stored, Keyspace, ReadRows, Rows, Store, StoreError},
    wire::{envelope::ReceiptType, record::FollowType},
};

use super::{
    ask, due,
    holding::HoldingError,
    late_rows::{self, LateRow},
    life::{self, Due},
    projection::slot_used,
};

/// Record number → what it is in; only for records that expire or to which something happened.
const LIFE: Keyspace = Keyspace {
    prefix: 0x18,
    name: "life",
    key: "local number, u64 big endian",
    value: "encoded LifeRow: locks, hold, what is due, answers",
    written_by: "submitted, received, read, disclosed, locked, hold changed, rekeyed, erased, late receipts kept, charge changed, escalated",
    goes_away: "never",
};

/// What is due, by time.
const DUE: Keyspace = Keyspace {
    prefix: 0x19,
    name: "due",
    key: "time (microseconds, u64 big endian; 0: at once), local number (u64 big endian), what (1)",
    value: "empty",
    written_by: "as life",
    goes_away: "when it is done, or no longer due",
};

/// What officers owe: records of which something is due, by the time by which it is.
const OPEN: Keyspace = Keyspace {
    prefix: 0x1c,
    name: "open",
    key: "time by which it is due (microseconds, u64 big endian), local number (u64 big endian)",
    value: "1 at a reader, 0 at the origin",
    written_by: "as life",
    goes_away: "when it is done, or no longer due",
};

/// Rows read at a time.
const PAGE: usize = 1024;

/// The keyspaces of this file.
pub(super) const fn keyspaces() -> [&'static Keyspace; 3] {
    [&LIFE, &DUE, &OPEN]
}

/// What a record is in; `None` when nothing ever happened to it and nothing falls due by itself.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn of(rows: &impl ReadRows, number: u64) -> Result<Option<LifeRow>, StoreError> {
    Ok(rows
        .row(&LIFE.key(&[&number.to_be_bytes()]))?
        .and_then(|value| LifeRow::decode(value.as_slice()).ok()))
}

/// Local numbers of the records under a legal hold, `limit` at most.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn held(store: &Store, limit: usize) -> Result<Vec<(u64, LifeRow)>, StoreError> {
    let prefix = LIFE.key(&[]);
    let mut found = Vec::new();
    let mut from = prefix.clone();
    loop {
        let page = store.scan(&prefix, &from, PAGE)?;
        let Some((last, _)) = page.last() else {
            return Ok(found);
        };
        from.clone_from(last);
        // The next key after this one.
        from.push(0);
        for (key, value) in &page {
            let number = key
                .last_chunk::<8>()
                .map(|number| u64::from_be_bytes(*number));
            let row = LifeRow::decode(value.as_slice()).ok();
            if let (Some(number), Some(row)) = (number, row)
                && row.held
                && found.len() < limit
            {
                found.push((number, row));
            }
        }
    }
}

/// Something that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DueRow {
    /// Since when, microseconds since 1970; 0: at once.
    pub at_us: i64,
    /// Local number.
    pub number: u64,
    /// What.
    pub due: Due,
}

/// What is due up to and with `now_us`, longest due first, beginning after a row where one is named,
/// `limit` at most.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn due(
    store: &Store,
    after: Option<&DueRow>,
    now_us: i64,
    limit: usize,
) -> Result<Vec<DueRow>, StoreError> {
    let prefix = DUE.key(&[]);
    let from = match after {
        Some(row) => {
            // The next key after this one.
            let mut from = due_key(row.at_us, row.number, row.due);
            from.push(0);
            from
        }
        None => prefix.clone(),
    };
    // Mostly nothing is due, and then one row says so.
    let first = store.scan(&prefix, &from, 1)?;
    let due = first.first().and_then(|(key, _)| read_due(key));
    if due.is_none_or(|row| row.at_us > now_us) {
        return Ok(Vec::new());
    }
    let found = store.scan(&prefix, &from, limit)?;
    Ok(found
        .iter()
        .filter_map(|(key, _)| read_due(key))
        .take_while(|row| row.at_us <= now_us)
        .collect())
}

fn read_due(key: &[u8]) -> Option<DueRow> {
    let (_, rest) = key.split_first()?;
    let (at, rest) = rest.split_first_chunk::<8>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    Some(DueRow {
        at_us: i64::try_from(u64::from_be_bytes(*at)).ok()?,
        number: u64::from_be_bytes(*number),
        due: Due::of(*rest.first()?)?,
    })
}

fn due_key(at_us: i64, number: u64, due: Due) -> Vec<u8> {
    let at = u64::try_from(at_us).unwrap_or(0).to_be_bytes();
    DUE.key(&[&at, &number.to_be_bytes(), &[due.number()]])
}

/// A record of which something is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenRow {
    /// By when, microseconds since 1970.
    pub due_us: i64,
    /// Local number.
    pub number: u64,
    /// True for a record of another country.
    pub foreign: bool,
}

/// Records of which something is due after `after` (time and local number), the earliest first,
/// `limit` at most.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn open(store: &Store, after: (i64, u64), limit: usize) -> Result<Vec<OpenRow>, StoreError> {
    let (due_us, number) = after;
    let from = open_key(due_us, number.saturating_add(1));
    Ok(store
        .scan(&OPEN.key(&[]), &from, limit)?
        .iter()
        .filter_map(|(key, value)| {
            let (_, rest) = key.split_first()?;
            let (due, rest) = rest.split_first_chunk::<8>()?;
            Some(OpenRow {
                due_us: i64::try_from(u64::from_be_bytes(*due)).ok()?,
                number: u64::from_be_bytes(rest.try_into().ok()?),
                foreign: value == &[1],
            })
        })
        .collect())
}

fn open_key(due_us: i64, number: u64) -> Vec<u8> {
    let due = u64::try_from(due_us).unwrap_or(0).to_be_bytes();
    OPEN.key(&[&due, &number.to_be_bytes()])
}

/// The life of a record that is held from now on. `awaited` are the countries that an own record
/// goes to.
pub(super) fn begin(
    holding: &Holding,
    entry: &Entry,
    awaited: Option<Vec<String>>,
    rows: &mut Rows<'_>,
) -> Result<(), HoldingError> {
    let foreign = awaited.is_none();
    let from_us = entry.time.micros();
    if let Some(row) = life::begin(holding, foreign, from_us, awaited.unwrap_or_default()) {
        put(holding.number, &LifeRow::default(), &row, rows);
    }
    replied(holding, foreign, from_us, rows)
}

/// A reply does what is due of the record that it follows, where that is an answer.
fn replied(
    holding: &Holding,
    foreign: bool,
    at_us: i64,
    rows: &mut Rows<'_>,
) -> Result<(), HoldingError> {
    let Some(follow) = &holding.follow else {
        return Ok(());
    };
    if follow.r#type != FollowType::Reply as i32 {
        return Ok(());
    }
    let Ok(followed) = Digest::try_from(follow.header_digest.as_slice()) else {
        return Ok(());
    };
    let Some(number) = ask::by_digest(rows, &followed)? else {
        return Ok(());
    };
    if of(rows, number)?.is_none_or(|row| !due::is_open(&row)) {
        return Ok(());
    }
    change(number, !foreign, rows, |row| {
        if foreign {
            due::done_by(row, &holding.origin, true, at_us);
        } else {
            due::done(row, true, at_us);
        }
    })
}

/// Writes the rows of an entry about a record's life.
pub(super) fn apply(
    entry: &Entry,
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), HoldingError> {
    match &entry.event {
        Event::Read(read) if read.retrieval => change(read.number, true, rows, |row| {
            due::opened(row, entry.time.micros());
        }),
        // An export for court shows the text too.
        Event::Disclosed(disclosed) if disclosed.retrieval => {
            change(disclosed.number, true, rows, |row| {
                due::opened(row, entry.time.micros());
            })
        }
        Event::ChargeChanged(changed) if changed.acknowledged => {
            change(changed.number, true, rows, |row| {
                due::acknowledged(row, entry.time.micros(), stored.place.to_bytes());
            })
        }
        Event::Escalated(escalated) => change(escalated.number, true, rows, |row| {
            due::escalate(row, escalated);
        }),
        Event::Locked(locked) => change(locked.number, locked.foreign, rows, |row| {
            life::lock(row, locked);
        }),
        Event::HoldChanged(changed) => change(changed.number, changed.foreign, rows, |row| {
            life::hold(row, changed.held, stored.place.to_bytes());
        }),
        Event::Erased(erased) => change(erased.number, erased.foreign, rows, |row| {
            life::erase(row, erased);
        }),
        Event::Rekeyed(rekeyed) => {
            slot_used(rekeyed.slot, rows)?;
            change(rekeyed.number, true, rows, |row| {
                row.keys_place = stored.place.to_bytes().to_vec();
            })
        }
        Event::LateReceiptsKept(kept) => late(kept, stored, rows),
        _ => Ok(()),
    }
}

/// Changes a record's row and what is due with it.
fn change(
    number: u64,
    foreign: bool,
    rows: &mut Rows<'_>,
    change: impl FnOnce(&mut LifeRow),
) -> Result<(), HoldingError> {
    let before = of(rows, number)?.unwrap_or(LifeRow {
        foreign,
        ..LifeRow::default()
    });
    let mut after = before.clone();
    change(&mut after);
    put(number, &before, &after, rows);
    Ok(())
}

fn put(number: u64, before: &LifeRow, after: &LifeRow, rows: &mut Rows<'_>) {
    for (at, due) in life::dues(before) {
        rows.delete(due_key(at, number, due));
    }
    for (at, due) in life::dues(after) {
        rows.put(due_key(at, number, due), Vec::new());
    }
    if due::is_open(before) {
        rows.delete(open_key(before.due_us, number));
    }
    if due::is_open(after) {
        rows.put(
            open_key(after.due_us, number),
            vec![u8::from(after.foreign)],
        );
    }
    rows.put(LIFE.key(&[&number.to_be_bytes()]), after.encode_to_vec());
}

fn late(
    kept: &LateReceiptsKept,
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), HoldingError> {
    for (index, receipt) in (0_u32..).zip(&kept.receipts) {
        let field = |name| HoldingError::Entry(EntryError::Field(name));
        let header = Digest::try_from(receipt.header_digest.as_slice())
            .map_err(|_| field("late.header_digest"))?;
        let kind = ReceiptType::try_from(receipt.r#type).map_err(|_| field("late.type"))?;
        late_rows::put(
            &header,
            receipt,
            kind,
            &LateRow {
                place: stored.place,
                blob: kept.blob,
                index,
            },
            rows,
        );
        if receipt.relayed {
            // Said by a third country: neither an answer of this one nor of whom the record was sent to.
            continue;
        }
        // At the issuer the record is foreign, and the answer is given with this. A record that was
        // locked or held has a row; one without owes no answer.
        if let Some(number) = ask::by_digest(rows, &header)?
            && of(rows, number)?.is_some()
        {
            change(number, true, rows, |row| {
                if receipt.partial {
                    life::answer_victims(row);
                } else {
                    life::answer(row, kind);
                }
                if kind == ReceiptType::Acknowledged {
                    due::done_by(row, &receipt.issuer, false, receipt.time_us);
                }
            })?;
        }
    }
    Ok(())
}
