//! The items of feeds that the node has: a projection.

use crate::{
    entry::{EntryError, Event, Submitted},
    store::{Keyspace, ProjectionError, ReadRows, Rows, StoreError},
};

/// What is held of each item. The key is a keyed tag, so that no case number stands in the clear; what
/// the item said stands nowhere but under its record's slot, and goes with it.
const ITEMS: Keyspace = Keyspace {
    prefix: 0xd0,
    name: "items of feeds",
    key: "HMAC tag of authority, name of the feed and own id (16 bytes)",
    value: "newest version (u64 big endian), local number of the newest record (u64 big endian), 1 once it is deleted (1)",
    written_by: "submitted, feed item noted",
    goes_away: "never: an item that was deleted must not come again by a repeat",
};

pub(in crate::node) const fn keyspace() -> &'static Keyspace {
    &ITEMS
}

/// What is held of an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FedRow {
    /// The newest version that came; 0 while none had a number.
    pub version: u64,
    /// Local number of the record that was submitted for it last.
    pub number: u64,
    /// Whether it was deleted in its system.
    pub deleted: bool,
}

impl FedRow {
    fn encode(self) -> Vec<u8> {
        let mut value = Vec::with_capacity(17);
        value.extend_from_slice(&self.version.to_be_bytes());
        value.extend_from_slice(&self.number.to_be_bytes());
        value.push(u8::from(self.deleted));
        value
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let (version, rest) = value.split_first_chunk::<8>()?;
        let (number, rest) = rest.split_first_chunk::<8>()?;
        Some(Self {
            version: u64::from_be_bytes(*version),
            number: u64::from_be_bytes(*number),
            deleted: rest == [1],
        })
    }
}

/// What is held of an item.
pub(in crate::node) fn of(
    rows: &impl ReadRows,
    tag: &[u8; 16],
) -> Result<Option<FedRow>, StoreError> {
    let row = rows.row(&ITEMS.key(&[tag]))?;
    Ok(row.and_then(|value| FedRow::decode(&value)))
}

/// Writes the row of one entry. Pure: the same entries give the same rows.
pub(in crate::node) fn apply(event: &Event, rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
    match event {
        Event::Submitted(Submitted {
            feed_item: Some(item),
            holding: Some(holding),
            ..
        }) => {
            let row = FedRow {
                version: item.version,
                number: holding.number,
                deleted: false,
            };
            rows.put(ITEMS.key(&[&item.item_tag]), row.encode());
        }
        Event::FeedItemNoted(noted) => {
            let key = ITEMS.key(&[&noted.item_tag]);
            let before = rows.get(&key)?.and_then(|value| FedRow::decode(&value));
            let before = before.ok_or_else(|| {
                ProjectionError::Entry(EntryError::Field("feed_item_noted").to_string())
            })?;
            let row = FedRow {
                version: noted.version,
                deleted: noted.deleted,
                ..before
            };
            rows.put(key, row.encode());
        }
        _ => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_read_as_it_was_written() {
        for deleted in [true, false] {
            let row = FedRow {
                version: u64::MAX,
                number: 7,
                deleted,
            };
            assert_eq!(FedRow::decode(&row.encode()), Some(row));
        }
        assert_eq!(FedRow::decode(&[0; 15]), None);
    }
}
