//! Runs: values under consecutive numbers, many to a row.
//!
//! A row costs the index some microseconds whatever its size, and most of what a record leaves
//! behind (its place, its sequence, its leaf, the tree's hashes) is numbered without gaps. Such
//! values share a row; the group in hand writes it once, however many values it adds.

use super::{Keyspace, ReadRows, Rows, StoreError};

/// A keyspace of values of `WIDTH` bytes each under consecutive numbers. Its keys end with the
/// number divided by [`Self::per_row`], u64 big endian. Zeros only are no value.
#[derive(Clone, Copy, Debug)]
pub struct Run<const WIDTH: usize> {
    /// The keyspace.
    pub space: Keyspace,
    /// Values in a row; never changed once there are rows.
    pub per_row: u64,
}

impl<const WIDTH: usize> Run<WIDTH> {
    /// The key of the row that holds `number`.
    fn key(&self, prefix: &[u8], number: u64) -> Vec<u8> {
        let row = number.checked_div(self.per_row).unwrap_or(0);
        self.space.key(&[prefix, &row.to_be_bytes()])
    }

    /// Which value of its row `number` is.
    fn slot(&self, number: u64) -> usize {
        let slot = number.checked_rem(self.per_row).unwrap_or(0);
        usize::try_from(slot).unwrap_or(0)
    }

    /// Writes the value of a number.
    ///
    /// # Errors
    /// [`StoreError`] when the row cannot be read.
    pub fn put(
        &self,
        rows: &mut Rows<'_>,
        prefix: &[u8],
        number: u64,
        value: &[u8; WIDTH],
    ) -> Result<(), StoreError> {
        let start = self.slot(number).saturating_mul(WIDTH);
        let end = start.saturating_add(WIDTH);
        rows.update(self.key(prefix, number), |row| {
            if row.len() < end {
                row.resize(end, 0);
            }
            if let Some(place) = row.get_mut(start..end) {
                place.copy_from_slice(value);
            }
        })
    }

    /// The value of a number.
    ///
    /// # Errors
    /// [`StoreError`] when the row cannot be read.
    pub fn get(
        &self,
        rows: &impl ReadRows,
        prefix: &[u8],
        number: u64,
    ) -> Result<Option<[u8; WIDTH]>, StoreError> {
        Ok(rows
            .row(&self.key(prefix, number))?
            .and_then(|row| value_at(&row, self.slot(number))))
    }

    /// Numbers and values from `first` on, ascending, up to the first that has none; `limit` at
    /// most.
    ///
    /// # Errors
    /// [`StoreError`] when a row cannot be read.
    pub fn from(
        &self,
        rows: &impl ReadRows,
        prefix: &[u8],
        first: u64,
        limit: usize,
    ) -> Result<Vec<(u64, [u8; WIDTH])>, StoreError> {
        let mut found = Vec::new();
        let mut number = first;
        while found.len() < limit {
            let Some(row) = rows.row(&self.key(prefix, number))? else {
                break;
            };
            let slots = self.slot(number)..usize::try_from(self.per_row).unwrap_or(0);
            for slot in slots.take(limit.saturating_sub(found.len())) {
                let Some(value) = value_at(&row, slot) else {
                    return Ok(found);
                };
                found.push((number, value));
                number = number.saturating_add(1);
            }
        }
        Ok(found)
    }
}

fn value_at<const WIDTH: usize>(row: &[u8], slot: usize) -> Option<[u8; WIDTH]> {
    let value = *row
        .get(slot.checked_mul(WIDTH)?..)?
        .first_chunk::<WIDTH>()?;
    (value != [0; WIDTH]).then_some(value)
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

    const RUN: Run<2> = Run {
        space: Keyspace {
            prefix: 9,
            ..super::super::POSITION
        },
        per_row: 3,
    };

    #[test]
    fn values_are_found_across_rows_until_the_first_gap() {
        // Numbers 1 to 4 of one prefix, number 1 of another.
        let rows = Map(HashMap::from([
            (RUN.key(b"a", 0), vec![0, 0, 1, 1, 2, 2]),
            (RUN.key(b"a", 3), vec![3, 3, 4, 4]),
            (RUN.key(b"b", 1), vec![0, 0, 7, 7]),
        ]));
        let get = |prefix: &[u8], number| RUN.get(&rows, prefix, number).unwrap();
        assert_eq!(get(b"a", 0), None);
        assert_eq!(get(b"a", 2), Some([2, 2]));
        assert_eq!(get(b"a", 4), Some([4, 4]));
        assert_eq!(get(b"a", 5), None);
        assert_eq!(get(b"a", 6), None);
        assert_eq!(get(b"b", 1), Some([7, 7]));
        let from = |first, limit| -> Vec<u64> {
            let found = RUN.from(&rows, b"a", first, limit).unwrap();
            found.into_iter().map(|(number, _)| number).collect()
        };
        assert_eq!(from(1, 9), [1, 2, 3, 4]);
        assert_eq!(from(2, 2), [2, 3]);
        assert_eq!(from(4, 9), [4]);
        assert!(from(5, 9).is_empty() && from(0, 9).is_empty() && from(1, 0).is_empty());
    }
}
