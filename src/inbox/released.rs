//! Tables of statistics as they were released: with records of this country, and as exports.

use crate::{
    entry::ReleasedTable,
    store::{Keyspace, ReadRows, Rows, StoreError},
};

/// Released tables, by what they are about.
const RELEASED: Keyspace = Keyspace {
    prefix: 0x90,
    name: "released tables",
    key: "HMAC tag of exercise flag, country, indicator and year (16 bytes), number from 0 (u32 big endian)",
    value: "the year's table, encrypted under the storage key",
    written_by: "submitted, table exported",
    goes_away: "never: whoever has what was released keeps it",
};

/// Tables of one country, indicator and year that are released at most.
pub const MAX_RELEASED: u32 = 64;

/// The keyspace of this file.
pub(super) const fn keyspace() -> &'static Keyspace {
    &RELEASED
}

fn key(tag: &[u8], number: u32) -> Vec<u8> {
    RELEASED.key(&[tag, &number.to_be_bytes()])
}

/// The tables released under a tag, oldest first, each still encrypted.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn released(rows: &impl ReadRows, tag: &[u8; 16]) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut found = Vec::new();
    for number in 0..MAX_RELEASED {
        let Some(row) = rows.row(&key(tag, number))? else {
            break;
        };
        found.push(row);
    }
    Ok(found)
}

/// Adds tables to those released; the writer lets no more than [`MAX_RELEASED`] come here.
pub(super) fn add(tables: &[ReleasedTable], rows: &mut Rows<'_>) -> Result<(), StoreError> {
    for table in tables {
        let mut number = 0;
        while number < MAX_RELEASED && rows.row(&key(&table.table_tag, number))?.is_some() {
            number += 1;
        }
        rows.put(key(&table.table_tag, number), table.sealed.clone());
    }
    Ok(())
}
