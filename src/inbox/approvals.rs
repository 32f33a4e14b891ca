//! What waits for a second person: a projection of what was asked for, approved and done; and how many
//! records each person recalled lately without one.

mod state;

use crate::{
    entry::{ApprovalChanged, EntryError, Event, RecalledAlone},
    store::{Entry as Stored, Keyspace, Place, ReadRows, Rows, Store, StoreError},
};

use super::holding::HoldingError;

pub use state::{Fault, Move, PersonTag, Stage, State};

/// Bytes of a place in a row.
const PLACE_BYTES: usize = 12;

/// What needs two persons, by its id.
pub(super) const APPROVALS: Keyspace = Keyspace {
    prefix: 0x1b,
    name: "approvals",
    key: "id (16)",
    value: "until when it can be approved or counts (i64 big endian), tag of who asked (16), stage (1), place of the entry (12), place of the answer (12) or nothing",
    written_by: "approval asked, approval changed",
    goes_away: "never",
};

/// What is open: waits, is to be carried out, or counts as a leave.
pub(super) const OPEN: Keyspace = Keyspace {
    prefix: 0xa0,
    name: "open approvals",
    key: "until when (i64 big endian, the highest for what is to be carried out), id (16)",
    value: "empty",
    written_by: "approval asked, approval changed",
    goes_away: "when it is done, failed, refused or void; what expired stays",
};

/// How many records each person recalled alone, by hour.
pub(super) const RECALLED_ALONE: Keyspace = Keyspace {
    prefix: 0x80,
    name: "recalled alone",
    key: "keyed tag of the person (16)",
    value: "for each hour in which there were any: hours since 1970 (u32 big endian), count (u64 big endian)",
    written_by: "recalled alone",
    goes_away: "an hour's count after 32 days, at the person's next recall",
};

/// Microseconds of an hour.
const HOUR_US: i64 = 3_600_000_000;
/// Hours kept; beyond the longest window.
const KEPT_HOURS: u32 = 32 * 24;

/// Open ones looked at together.
const MAX_OPEN: usize = 10_000;

/// Something that needs two persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalRow {
    /// How far it is, until when, and who asked.
    pub state: State,
    /// The entry by which it was asked for.
    pub place: Place,
    /// The last entry that says who decided it, or why it failed.
    pub answered: Option<Place>,
}

impl ApprovalRow {
    fn encode(&self) -> Vec<u8> {
        let mut value = self.state.until_us.to_be_bytes().to_vec();
        value.extend_from_slice(&self.state.asker);
        value.push(self.state.stage.number());
        value.extend_from_slice(&self.place.to_bytes());
        if let Some(answered) = self.answered {
            value.extend_from_slice(&answered.to_bytes());
        }
        value
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let (until, rest) = value.split_first_chunk::<8>()?;
        let (asker, rest) = rest.split_first_chunk::<16>()?;
        let (stage, rest) = rest.split_first()?;
        let (place, answered) = rest.split_at_checked(PLACE_BYTES)?;
        Some(Self {
            state: State {
                stage: Stage::of(*stage)?,
                until_us: i64::from_be_bytes(*until),
                asker: *asker,
            },
            place: Place::from_bytes(place)?,
            answered: Place::from_bytes(answered),
        })
    }

    /// Where it stands among the open ones; `None` once nothing can become of it.
    fn open_key(&self, id: &[u8]) -> Option<Vec<u8>> {
        let until = match self.state.stage {
            // What was approved is carried out, however late.
            Stage::Approved => i64::MAX,
            stage if stage.is_open() => self.state.until_us,
            _ => return None,
        };
        Some(OPEN.key(&[&until.to_be_bytes(), id]))
    }
}

/// What has an id; `None` for nothing.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn of(rows: &impl ReadRows, id: &[u8]) -> Result<Option<ApprovalRow>, StoreError> {
    Ok(rows
        .row(&APPROVALS.key(&[id]))?
        .and_then(|value| ApprovalRow::decode(&value)))
}

/// Everything that waits, is to be carried out, or counts as a leave at a moment, with its id.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn open(store: &Store, now_us: i64) -> Result<Vec<([u8; 16], ApprovalRow)>, StoreError> {
    let after = now_us.saturating_add(1).max(0);
    let from = OPEN.key(&[&after.to_be_bytes()]);
    let mut found = Vec::new();
    for (key, _) in store.scan(&OPEN.key(&[]), &from, MAX_OPEN)? {
        let id: Option<[u8; 16]> = key.get(1 + 8..).and_then(|id| id.try_into().ok());
        let Some(id) = id else { continue };
        if let Some(row) = of(store, &id)? {
            found.push((id, row));
        }
    }
    Ok(found)
}

fn hour(time_us: i64) -> u32 {
    u32::try_from(time_us / HOUR_US).unwrap_or(0)
}

fn by_hour(rows: &impl ReadRows, person: &[u8]) -> Result<Vec<(u32, u64)>, StoreError> {
    let value = rows.row(&RECALLED_ALONE.key(&[person]))?;
    let value = value.unwrap_or_default();
    let (hours, _) = value.as_chunks::<12>();
    Ok(hours
        .iter()
        .filter_map(|one| {
            let (hour, count) = one.split_first_chunk::<4>()?;
            let count = u64::from_be_bytes(count.try_into().ok()?);
            Some((u32::from_be_bytes(*hour), count))
        })
        .collect())
}

/// How many records a person recalled alone since a moment, the whole of its hour included.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn recalled_alone(
    rows: &impl ReadRows,
    person: &[u8],
    since_us: i64,
) -> Result<u64, StoreError> {
    let since = hour(since_us);
    let counts = by_hour(rows, person)?;
    let lately = counts.iter().filter(|(hour, _)| *hour >= since);
    Ok(lately.fold(0, |sum, (_, count)| sum.saturating_add(*count)))
}

fn count(alone: &RecalledAlone, rows: &mut Rows<'_>) -> Result<(), StoreError> {
    let now = hour(alone.time_us);
    let mut counts = by_hour(rows, &alone.person_tag)?;
    counts.retain(|(hour, _)| *hour >= now.saturating_sub(KEPT_HOURS));
    match counts.iter_mut().find(|(hour, _)| *hour == now) {
        Some((_, count)) => *count = count.saturating_add(alone.count),
        None => counts.push((now, alone.count)),
    }
    let value = counts
        .iter()
        .flat_map(|(hour, count)| hour.to_be_bytes().into_iter().chain(count.to_be_bytes()))
        .collect();
    rows.put(RECALLED_ALONE.key(&[&alone.person_tag]), value);
    Ok(())
}

const fn stage_of(changed: &ApprovalChanged) -> Stage {
    match changed {
        ApprovalChanged { voided: true, .. } => Stage::Void,
        ApprovalChanged { refused: true, .. } => Stage::Refused,
        ApprovalChanged { failed: true, .. } => Stage::Failed,
        ApprovalChanged { done: true, .. } => Stage::Done,
        ApprovalChanged { until_us: 0, .. } => Stage::Approved,
        _ => Stage::Granted,
    }
}

fn put(id: &[u8], row: &ApprovalRow, rows: &mut Rows<'_>) {
    if let Some(key) = row.open_key(id) {
        rows.put(key, Vec::new());
    }
    rows.put(APPROVALS.key(&[id]), row.encode());
}

pub(super) fn apply(
    event: &Event,
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), HoldingError> {
    match event {
        Event::ApprovalAsked(asked) => {
            let asker = asked.asker_tag.as_slice().try_into();
            let row = ApprovalRow {
                state: State {
                    stage: Stage::Asked,
                    until_us: asked.expires_us,
                    asker: asker
                        .map_err(|_| HoldingError::Entry(EntryError::Field("asker_tag")))?,
                },
                place: stored.place,
                answered: None,
            };
            put(&asked.id, &row, rows);
        }
        Event::ApprovalChanged(changed) => {
            if let Some(mut row) = of(rows, &changed.id)? {
                if let Some(key) = row.open_key(&changed.id) {
                    rows.delete(key);
                }
                let state = &mut row.state;
                state.stage = stage_of(changed);
                if state.stage == Stage::Granted {
                    state.until_us = changed.until_us;
                }
                if !changed.done {
                    row.answered = Some(stored.place);
                }
                put(&changed.id, &row, rows);
            }
        }
        Event::RecalledAlone(alone) => count(alone, rows)?,
        _ => {}
    }
    Ok(())
}
