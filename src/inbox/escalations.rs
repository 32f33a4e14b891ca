//! What became late, in the order in which it was noticed, so that a watch can follow it.

use crate::{
    entry::Escalated,
    record::Moment,
    store::{Keyspace, ReadRows, Rows, Run, StoreError},
};

use super::{holding::HoldingError, projection};

/// Escalations by their index.
pub(super) const ESCALATIONS: Run<17> = Run {
    space: Keyspace {
        prefix: 0x1f,
        name: "escalations",
        key: "index / 64, u64 big endian",
        value: "64 times: local number (u64 be), level (1), time (microseconds, u64 be)",
        written_by: "escalated",
        goes_away: "never",
    },
    per_row: 64,
};

/// A record that became late.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscalationRow {
    /// Its index.
    pub index: u64,
    /// Local number of the record.
    pub number: u64,
    /// 1 when it became late, 2 at the second time.
    pub level: u8,
    /// When it was noticed.
    pub time: Moment,
}

/// How many there were.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn count(rows: &impl ReadRows) -> Result<u64, StoreError> {
    projection::escalated(rows)
}

/// Escalations from an index on, `limit` at most.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn from(
    rows: &impl ReadRows,
    first: u64,
    limit: usize,
) -> Result<Vec<EscalationRow>, StoreError> {
    let found = ESCALATIONS.from(rows, &[], first, limit)?;
    Ok(found
        .iter()
        .filter_map(|(index, value)| {
            let (number, rest) = value.split_first_chunk::<8>()?;
            let (level, time) = rest.split_first()?;
            let time = u64::from_be_bytes(time.try_into().ok()?);
            Some(EscalationRow {
                index: *index,
                number: u64::from_be_bytes(*number),
                level: *level,
                time: Moment::from_micros(i64::try_from(time).ok()?),
            })
        })
        .collect())
}

pub(super) fn apply(
    escalated: &Escalated,
    time: Moment,
    rows: &mut Rows<'_>,
) -> Result<(), HoldingError> {
    if escalated.over {
        return Ok(());
    }
    let index = projection::next_escalation(rows)?;
    let mut value = [0; 17];
    let parts = escalated
        .number
        .to_be_bytes()
        .into_iter()
        .chain([u8::try_from(escalated.level).unwrap_or(u8::MAX)])
        .chain(u64::try_from(time.micros()).unwrap_or(0).to_be_bytes());
    for (to, from) in value.iter_mut().zip(parts) {
        *to = from;
    }
    ESCALATIONS.put(rows, &[], index, &value)?;
    Ok(())
}
