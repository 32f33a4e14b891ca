//! Which officer has opened which record: a bit for each, from the entries of readings.

use crate::{
    entry::{EntryError, Read},
    store::{Keyspace, ReadRows, Rows, StoreError},
};

use super::holding::HoldingError;

/// Bits of a row.
const PER_ROW: u64 = 1024;

/// What each officer has opened.
pub(super) const READERS: Keyspace = Keyspace {
    prefix: 0x1e,
    name: "readers",
    key: "HMAC tag of the officer (16), local number / 1024 (u64 big endian)",
    value: "bits by local number mod 1024, the lowest bit of a byte first; no longer than needed",
    written_by: "read",
    goes_away: "never",
};

/// Key of a record's row, byte in it, bit in that.
fn bit(officer: &[u8; 16], number: u64) -> (Vec<u8>, usize, u8) {
    let key = READERS.key(&[officer, &(number / PER_ROW).to_be_bytes()]);
    let at = number % PER_ROW;
    let byte = usize::try_from(at / 8).unwrap_or(0);
    (key, byte, 1 << (at % 8))
}

/// Whether an officer has opened a record.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn has_read(rows: &impl ReadRows, officer: &[u8; 16], number: u64) -> Result<bool, StoreError> {
    let (key, byte, bit) = bit(officer, number);
    let row = rows.row(&key)?;
    Ok(row.is_some_and(|row| row.get(byte).is_some_and(|bits| bits & bit != 0)))
}

/// Notes that an officer opened a record.
pub(super) fn apply(read: &Read, rows: &mut Rows<'_>) -> Result<(), HoldingError> {
    if read.officer_tag.is_empty() {
        return Ok(());
    }
    let officer: &[u8; 16] = read
        .officer_tag
        .as_slice()
        .try_into()
        .map_err(|_| EntryError::Field("officer_tag"))?;
    let (key, byte, bit) = bit(officer, read.number);
    rows.update(key, |row| {
        if row.len() <= byte {
            row.resize(byte.saturating_add(1), 0);
        }
        if let Some(bits) = row.get_mut(byte) {
            *bits |= bit;
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    struct Map(HashMap<Vec<u8>, Vec<u8>>);

    impl ReadRows for Map {
        fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
            Ok(self.0.get(key).cloned())
        }
    }

    #[test]
    fn each_record_and_officer_has_a_bit_of_its_own() {
        let (one, other) = ([1; 16], [2; 16]);
        let mut rows = Map(HashMap::new());
        for number in [1, 8, 1023, 1024] {
            let (key, byte, bit) = bit(&one, number);
            let row = rows.0.entry(key).or_default();
            row.resize(row.len().max(byte + 1), 0);
            row[byte] |= bit;
        }
        let read: Vec<u64> = (0..3000)
            .filter(|number| has_read(&rows, &one, *number).unwrap())
            .collect();
        assert_eq!(read, [1, 8, 1023, 1024]);
        assert!(!has_read(&rows, &other, 8).unwrap());
    }
}
