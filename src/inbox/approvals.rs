//! What waits for a second person: a projection of what was asked for, approved and done; and how many
//! records each person recalled lately without one.

use crate::{
    entry::{EntryError, Event, RecalledAlone},
    store::{Entry as Stored, Keyspace, Place, ReadRows, Rows, Store, StoreError},
};

use super::holding::HoldingError;

/// What needs two persons, by its id.
pub(super) const APPROVALS: Keyspace = Keyspace {
    prefix: 0x1b,
    name: "approvals",
    key: "id (16)",
    value: "expiry (i64 big endian), tag of who asked (16), stage (1), place of the entry (12)",
    written_by: "approval asked, approval changed",
    goes_away: "never",
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

/// Approvals looked at together.
const MAX_APPROVALS: usize = 10_000;

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It waits for a second person.
    Asked,
    /// It was approved and is to be carried out.
    Approved,
    /// It is done.
    Done,
    /// It cannot be approved any more: who asked has left.
    Void,
}

/// Something that needs two persons.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ApprovalRow {
    /// Until when it can be approved, microseconds since 1970.
    pub expires_us: i64,
    /// Keyed tag of who asked.
    pub asker_tag: [u8; 16],
    /// How far it is.
    pub stage: Stage,
    /// The entry by which it was asked for.
    pub place: Place,
}

impl ApprovalRow {
    fn encode(&self) -> Vec<u8> {
        let stage = match self.stage {
            Stage::Asked => 1,
            Stage::Approved => 2,
            Stage::Done => 3,
            Stage::Void => 10,
        };
        let mut value = self.expires_us.to_be_bytes().to_vec();
        value.extend_from_slice(&self.asker_tag);
        value.push(stage);
        value.extend_from_slice(&self.place.to_bytes());
        value
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let (expires, rest) = value.split_first_chunk::<8>()?;
        let (asker_tag, rest) = rest.split_first_chunk::<16>()?;
        let (stage, place) = rest.split_first()?;
        Some(Self {
            expires_us: i64::from_be_bytes(*expires),
            asker_tag: *asker_tag,
            stage: match stage {
                1 => Stage::Asked,
                2 => Stage::Approved,
                3 => Stage::Done,
                10 => Stage::Void,
                _ => return None,
            },
            place: Place::from_bytes(place)?,
        })
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

/// Everything at a stage, with its id.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn at_stage(store: &Store, stage: Stage) -> Result<Vec<([u8; 16], ApprovalRow)>, StoreError> {
    let prefix = APPROVALS.key(&[]);
    Ok(store
        .scan(&prefix, &prefix, MAX_APPROVALS)?
        .iter()
        .filter_map(|(key, value)| {
            let id = key.get(1..)?.try_into().ok()?;
            Some((id, ApprovalRow::decode(value)?))
        })
        .filter(|(_, row)| row.stage == stage)
        .collect())
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

pub(super) fn apply(
    event: &Event,
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), HoldingError> {
    match event {
        Event::ApprovalAsked(asked) => {
            let row = ApprovalRow {
                expires_us: asked.expires_us,
                asker_tag: asked
                    .asker_tag
                    .as_slice()
                    .try_into()
                    .map_err(|_| HoldingError::Entry(EntryError::Field("asker_tag")))?,
                stage: Stage::Asked,
                place: stored.place,
            };
            rows.put(APPROVALS.key(&[&asked.id]), row.encode());
        }
        Event::ApprovalChanged(changed) => {
            if let Some(mut row) = of(rows, &changed.id)? {
                row.stage = match (changed.voided, changed.done) {
                    (true, _) => Stage::Void,
                    (false, true) => Stage::Done,
                    (false, false) => Stage::Approved,
                };
                rows.put(APPROVALS.key(&[&changed.id]), row.encode());
            }
        }
        Event::RecalledAlone(alone) => count(alone, rows)?,
        _ => {}
    }
    Ok(())
}
