//! What waits for a second person: a projection of what was asked for, approved and done.

use crate::{
    entry::{EntryError, Event},
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
                row.stage = if changed.done {
                    Stage::Done
                } else {
                    Stage::Approved
                };
                rows.put(APPROVALS.key(&[&changed.id]), row.encode());
            }
        }
        _ => {}
    }
    Ok(())
}
