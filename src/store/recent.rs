//! Rows of the last groups, in memory over the index: sled takes them together, which costs it far
//! less than group by group, and nobody waits for it. Pure.
//!
//! What is here is durable in the journal. A crash loses it, sled's position says so, and the next
//! start replays it.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::index::Row;
use super::mark::Reached;

/// Rows after which sled takes them.
const FULL_ROWS: usize = 512;
/// Bytes of rows after which sled takes them.
const FULL_BYTES: usize = 1 << 20;

/// Changed rows, by key; `None` for a deleted one.
pub(super) type Changed = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Rows that sled does not have yet.
#[derive(Default)]
pub(super) struct Recent {
    rows: Changed,
    /// Of all changes, those of one row counted each time.
    bytes: usize,
    reached: Option<Reached>,
}

impl Recent {
    /// Takes a group's rows in.
    pub(super) fn take_in(&mut self, changes: Vec<(Vec<u8>, Option<Vec<u8>>)>, reached: Reached) {
        for (key, value) in changes {
            self.bytes += key.len() + value.as_ref().map_or(0, Vec::len);
            self.rows.insert(key, value);
        }
        self.reached = Some(reached);
    }

    /// A row's change, if it is here.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Option<Vec<u8>>> {
        self.rows.get(key)
    }

    /// All of them.
    pub(super) const fn rows(&self) -> &Changed {
        &self.rows
    }

    /// How far they reach; `None` when nothing is here.
    pub(super) const fn reached(&self) -> Option<Reached> {
        self.reached
    }

    /// Whether it is time for sled to take them.
    pub(super) fn is_full(&self) -> bool {
        self.rows.len() >= FULL_ROWS || self.bytes >= FULL_BYTES
    }
}

/// Up to `limit` rows of both, in the order that `order` says both are in: a row that is in `ours`
/// counts as it is there.
pub(super) fn merge<'a, E>(
    ours: impl Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)>,
    theirs: impl Iterator<Item = Result<Row, E>>,
    order: impl Fn(&[u8], &[u8]) -> Ordering,
    limit: usize,
) -> Result<Vec<Row>, E> {
    let (mut ours, mut theirs) = (ours.peekable(), theirs.peekable());
    let mut merged = Vec::new();
    while merged.len() < limit {
        let next = match (ours.peek(), theirs.peek()) {
            (None, None) => break,
            (None, Some(_)) | (Some(_), Some(Err(_))) => Ordering::Greater,
            (Some(_), None) => Ordering::Less,
            (Some((our, _)), Some(Ok((their, _)))) => order(our, their),
        };
        if next == Ordering::Greater {
            merged.extend(theirs.next().transpose()?);
            continue;
        }
        if next == Ordering::Equal {
            theirs.next();
        }
        if let Some((key, Some(value))) = ours.next() {
            merged.push((key.clone(), value.clone()));
        }
    }
    Ok(merged)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::*;
    use crate::crypto::Digest;

    const REACHED: Reached = Reached {
        position: 7,
        chain: Digest::ZERO,
    };

    fn rows() -> impl Strategy<Value = BTreeMap<Vec<u8>, Option<Vec<u8>>>> {
        let value = prop::option::of(prop::collection::vec(any::<u8>(), 0..3));
        prop::collection::btree_map(prop::collection::vec(0_u8..4, 1..3), value, 0..12)
    }

    proptest! {
        #[test]
        fn merged_rows_are_those_of_one_map(ours in rows(), theirs in rows(), limit in 0_usize..20) {
            let theirs: BTreeMap<_, _> = theirs
                .into_iter()
                .filter_map(|(key, value)| Some((key, value?)))
                .collect();
            let mut one = theirs.clone();
            for (key, value) in &ours {
                match value {
                    Some(value) => one.insert(key.clone(), value.clone()),
                    None => one.remove(key),
                };
            }
            let those = |rows: Vec<Row>| rows.into_iter().map(Ok::<_, Infallible>);
            let up = merge(
                ours.iter(),
                those(theirs.clone().into_iter().collect()),
                |a, b| a.cmp(b),
                limit,
            );
            prop_assert_eq!(up.unwrap(), one.clone().into_iter().take(limit).collect::<Vec<_>>());
            let down = merge(
                ours.iter().rev(),
                those(theirs.into_iter().rev().collect()),
                |a, b| b.cmp(a),
                limit,
            );
            prop_assert_eq!(down.unwrap(), one.into_iter().rev().take(limit).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_fault_of_the_index_is_no_end() {
        let mut recent = Recent::default();
        recent.take_in(
            vec![(vec![1], Some(vec![1])), (vec![9], Some(vec![9]))],
            REACHED,
        );
        let theirs = [Ok((vec![2], vec![2])), Err("damaged")];
        let merged = merge(recent.rows().iter(), theirs.into_iter(), |a, b| a.cmp(b), 9);
        assert_eq!(merged.unwrap_err(), "damaged");
    }

    #[test]
    fn it_is_full_by_rows_or_by_bytes() {
        let mut recent = Recent::default();
        assert!(recent.reached().is_none() && !recent.is_full());
        for number in 0..FULL_ROWS - 1 {
            let key = (number as u64).to_be_bytes().to_vec();
            recent.take_in(vec![(key, Some(vec![]))], REACHED);
        }
        assert!(!recent.is_full());
        recent.take_in(vec![(b"one more".to_vec(), None)], REACHED);
        assert!(recent.is_full());
        assert_eq!(recent.get(b"one more"), Some(&None));
        let mut recent = Recent::default();
        for _ in 0..FULL_BYTES / 1_000 + 1 {
            recent.take_in(vec![(vec![7], Some(vec![0; 999]))], REACHED);
        }
        assert!(recent.is_full());
        assert_eq!((recent.rows().len(), recent.reached()), (1, Some(REACHED)));
    }
}
