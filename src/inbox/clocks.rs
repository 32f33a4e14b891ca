//! When the clocks of evidence requests are looked at, and what was told of them. Times and places
//! alone: what a clock is, and of which request, stays inside the seal.
//!
//! A request is looked at at once when something of its thread became durable, and again when a clock is
//! to be told of; so a round opens what is due and nothing else.

use prost::Message as _;

use crate::{
    crypto::Digest,
    entry::{
        ClockTold, ClocksRow, ClocksWorkedOut, EntryError, Event, Holding, LaneId, OutboxPlace,
        Told, incarnation, lane,
    },
    record::EVIDENCE_STEP,
    store::{Keyspace, ReadRows, Rows, Store, StoreError},
};

use super::{ask, holding::HoldingError};

/// When the clocks of a request are looked at.
pub(super) const LOOKS: Keyspace = Keyspace {
    prefix: 0xc0,
    name: "looks at clocks",
    key: "time (microseconds, u64 big endian; 0: at once), local number of the request (u64 big endian)",
    value: "empty",
    written_by: "submitted, received, locked, clocks worked out",
    goes_away: "when they were looked at, or are not looked at again",
};

/// What is known of the clocks of a request.
pub(super) const CLOCKS: Keyspace = Keyspace {
    prefix: 0xc1,
    name: "clocks",
    key: "local number of the request (u64 big endian)",
    value: "encoded ClocksRow: when they are looked at, the earliest end, what was told",
    written_by: "submitted, received, locked, clocks worked out, clock told",
    goes_away: "never",
};

/// Requests with a clock that runs, by the earliest end.
pub(super) const RUNNING: Keyspace = Keyspace {
    prefix: 0xc2,
    name: "clocks that run",
    key: "the earliest end (microseconds, u64 big endian), local number of the request (u64 big endian)",
    value: "empty",
    written_by: "clocks worked out",
    goes_away: "when none runs any more",
};

/// Own requests whose delivery is not known to their clocks yet.
pub(super) const UNDELIVERED: Keyspace = Keyspace {
    prefix: 0xc3,
    name: "requests on their way",
    key: "local number (u64 big endian)",
    value: "lane (peer 2, incarnation 16, lane 1), sequence (u64 big endian)",
    written_by: "submitted",
    goes_away: "when its receipt was seen",
};

/// A request that is to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Since when, microseconds since 1970; 0: at once.
    pub at_us: i64,
    /// Local number.
    pub number: u64,
}

/// An own request on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnItsWay {
    /// Local number.
    pub number: u64,
    /// Lane on which it goes.
    pub lane: LaneId,
    /// Its sequence there.
    pub sequence: u64,
}

/// A request, or what follows one, is held from now on. `sent` are the places of an own record, and the
/// incarnation under which it has them.
pub(super) fn begin(
    holding: &Holding,
    sent: Option<(&[OutboxPlace], &[u8])>,
    rows: &mut Rows<'_>,
) -> Result<(), HoldingError> {
    if holding.evidence_request {
        let own = sent.and_then(|(places, incarnation)| Some((places.first()?, incarnation)));
        if let Some((place, under)) = own {
            let on = LaneId {
                peer: place.peer.parse().map_err(EntryError::from)?,
                incarnation: incarnation(under)?,
                lane: lane(place.lane)?,
            };
            let value = [&on.key()[..], &place.sequence.to_be_bytes()].concat();
            rows.put(UNDELIVERED.key(&[&holding.number.to_be_bytes()]), value);
        }
        let row = ClocksRow {
            now: own.is_none(),
            ..ClocksRow::default()
        };
        put(holding.number, &ClocksRow::default(), &row, rows);
    }
    let Some(follow) = holding
        .follow
        .as_ref()
        .filter(|of| of.step == EVIDENCE_STEP)
    else {
        return Ok(());
    };
    let followed = Digest::try_from(follow.header_digest.as_slice())
        .map_err(|_| EntryError::Field("follow.header_digest"))?;
    match ask::by_digest(rows, &followed)? {
        Some(number) => at_once(number, rows),
        // It is looked at when it comes.
        None => Ok(()),
    }
}

/// Writes the rows of an entry about clocks, or about what ends them.
pub(super) fn apply(event: &Event, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    match event {
        Event::ClocksWorkedOut(worked_out) => {
            if worked_out.delivered {
                rows.delete(UNDELIVERED.key(&[&worked_out.number.to_be_bytes()]));
            }
            change(worked_out.number, rows, |row| look(row, worked_out))
        }
        Event::ClockTold(told) => change(told.number, rows, |row| tell(row, told)),
        Event::Locked(locked) => at_once(locked.number, rows),
        _ => Ok(()),
    }
}

fn look(row: &mut ClocksRow, worked_out: &ClocksWorkedOut) {
    row.now = false;
    row.look_us = worked_out.look_us;
    row.due_us = worked_out.due_us;
}

/// Notes what was told; of a clock only its last round.
fn tell(row: &mut ClocksRow, told: &ClockTold) {
    let Some(told) = &told.told else { return };
    row.told
        .retain(|of| of.clock != told.clock || of.round == told.round);
    row.told.push(*told);
}

fn at_once(number: u64, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    change(number, rows, |row| row.now = true)
}

/// Changes a request's row; a record that is no request has none.
fn change(
    number: u64,
    rows: &mut Rows<'_>,
    change: impl FnOnce(&mut ClocksRow),
) -> Result<(), HoldingError> {
    let Some(before) = of(rows, number)? else {
        return Ok(());
    };
    let mut after = before.clone();
    change(&mut after);
    put(number, &before, &after, rows);
    Ok(())
}

fn put(number: u64, before: &ClocksRow, after: &ClocksRow, rows: &mut Rows<'_>) {
    if let Some(at_us) = looks(before) {
        rows.delete(timed(&LOOKS, at_us, number));
    }
    if let Some(at_us) = looks(after) {
        rows.put(timed(&LOOKS, at_us, number), Vec::new());
    }
    if before.due_us != 0 {
        rows.delete(timed(&RUNNING, before.due_us, number));
    }
    if after.due_us != 0 {
        rows.put(timed(&RUNNING, after.due_us, number), Vec::new());
    }
    rows.put(CLOCKS.key(&[&number.to_be_bytes()]), after.encode_to_vec());
}

/// When a request is looked at; 0: at once.
fn looks(row: &ClocksRow) -> Option<i64> {
    if row.now {
        return Some(0);
    }
    (row.look_us > 0).then_some(row.look_us)
}

fn timed(space: &Keyspace, at_us: i64, number: u64) -> Vec<u8> {
    let at = u64::try_from(at_us).unwrap_or(0).to_be_bytes();
    space.key(&[&at, &number.to_be_bytes()])
}

fn read_timed(key: &[u8]) -> Option<Look> {
    let (_, rest) = key.split_first()?;
    let (at, rest) = rest.split_first_chunk::<8>()?;
    Some(Look {
        at_us: i64::try_from(u64::from_be_bytes(*at)).ok()?,
        number: u64::from_be_bytes(rest.try_into().ok()?),
    })
}

/// What is known of a request's clocks; `None` for a record that is no request.
///
/// # Errors
/// [`StoreError`] when the store cannot be read; so for every question here.
pub fn of(rows: &impl ReadRows, number: u64) -> Result<Option<ClocksRow>, StoreError> {
    let row = rows.row(&CLOCKS.key(&[&number.to_be_bytes()]))?;
    Ok(row.and_then(|value| ClocksRow::decode(value.as_slice()).ok()))
}

/// How far a clock of a request was told of in a round: the highest level; 0: not.
pub fn told(row: &ClocksRow, clock: u32, round: u32) -> u32 {
    let of_clock = |of: &&Told| of.clock == clock && of.round == round;
    let levels = row.told.iter().filter(of_clock).map(|of| of.level);
    levels.max().unwrap_or(0)
}

/// Requests to look at up to and with `now_us`, after a row where one is named, the longest due first,
/// `limit` at most.
///
/// # Errors
/// As [`of`].
pub fn due(
    store: &Store,
    after: Option<Look>,
    now_us: i64,
    limit: usize,
) -> Result<Vec<Look>, StoreError> {
    let found = from(store, &LOOKS, after, limit)?;
    let due = found.into_iter().take_while(|look| look.at_us <= now_us);
    Ok(due.collect())
}

/// Requests with a clock that runs, by the earliest end, after a row where one is named, `limit` at
/// most.
///
/// # Errors
/// As [`of`].
pub fn running(store: &Store, after: Option<Look>, limit: usize) -> Result<Vec<Look>, StoreError> {
    from(store, &RUNNING, after, limit)
}

fn from(
    store: &Store,
    space: &Keyspace,
    after: Option<Look>,
    limit: usize,
) -> Result<Vec<Look>, StoreError> {
    let prefix = space.key(&[]);
    let from = match after {
        Some(look) => {
            // The next key after this one.
            let mut from = timed(space, look.at_us, look.number);
            from.push(0);
            from
        }
        None => prefix.clone(),
    };
    let found = store.scan(&prefix, &from, limit)?;
    Ok(found
        .iter()
        .filter_map(|(key, _)| read_timed(key))
        .collect())
}

/// Own requests on their way above a local number, `limit` at most.
///
/// # Errors
/// As [`of`].
pub fn on_their_way(store: &Store, after: u64, limit: usize) -> Result<Vec<OnItsWay>, StoreError> {
    let from = UNDELIVERED.key(&[&after.saturating_add(1).to_be_bytes()]);
    let rows = store.scan(&UNDELIVERED.key(&[]), &from, limit)?;
    let read = |(key, value): &(Vec<u8>, Vec<u8>)| {
        let (peer, rest) = value.split_first_chunk::<2>()?;
        let (under, rest) = rest.split_first_chunk::<16>()?;
        let (on, sequence) = rest.split_first()?;
        Some(OnItsWay {
            number: u64::from_be_bytes(*key.last_chunk::<8>()?),
            lane: LaneId {
                peer: std::str::from_utf8(peer).ok()?.parse().ok()?,
                incarnation: *under,
                lane: lane(i32::from(*on)).ok()?,
            },
            sequence: u64::from_be_bytes(sequence.try_into().ok()?),
        })
    };
    Ok(rows.iter().filter_map(read).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_of(clock: u32, round: u32, level: u32) -> ClockTold {
        ClockTold {
            told: Some(Told {
                clock,
                round,
                level,
                at_us: 1,
            }),
            ..ClockTold::default()
        }
    }

    #[test]
    fn of_a_clock_only_the_last_round_is_kept() {
        let mut row = ClocksRow::default();
        for of in [
            told_of(0, 0, 1),
            told_of(1, 0, 1),
            told_of(0, 0, 2),
            told_of(0, 1, 1),
        ] {
            tell(&mut row, &of);
        }
        assert_eq!(told(&row, 0, 0), 0);
        assert_eq!(told(&row, 0, 1), 1);
        assert_eq!(told(&row, 1, 0), 1);
        assert_eq!(row.told.len(), 2);
    }

    #[test]
    fn a_thread_that_changed_is_looked_at_at_once_and_a_clock_later() {
        let mut row = ClocksRow {
            now: true,
            look_us: 7,
            ..ClocksRow::default()
        };
        assert_eq!(looks(&row), Some(0));
        let worked_out = ClocksWorkedOut {
            look_us: 9,
            due_us: 11,
            ..ClocksWorkedOut::default()
        };
        look(&mut row, &worked_out);
        assert_eq!((looks(&row), row.due_us), (Some(9), 11));
        look(&mut row, &ClocksWorkedOut::default());
        assert_eq!((looks(&row), row.due_us), (None, 0));
        let key = timed(&LOOKS, 5, 6);
        let read = Look {
            at_us: 5,
            number: 6,
        };
        assert_eq!(read_timed(&key), Some(read));
    }
}
