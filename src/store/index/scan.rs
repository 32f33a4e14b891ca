//! Rows of a prefix in order: what sled has, and over it what it does not have yet.
//!
//! sled changes only when it takes the rows kept in memory. A scan copies those of its prefix and then
//! reads sled without keeping the writer from its rows; if sled took more meanwhile, it begins anew, so
//! that what it answers is one moment's rows.

use std::ops::Bound;
use std::sync::atomic::Ordering::SeqCst;

use super::{Index, Row, guarded};
use crate::store::StoreError;
use crate::store::recent::merge;

/// How often a scan reads beside the writer before the writer waits for it.
const ATTEMPTS: usize = 3;

/// Bounds of keys.
type Range = (Bound<Vec<u8>>, Bound<Vec<u8>>);
/// Changed rows in the order of a scan.
type Ours = Vec<(Vec<u8>, Option<Vec<u8>>)>;

impl Index {
    /// Rows whose key begins with `prefix`, from `from` on, ascending.
    pub(in crate::store) fn scan(
        &self,
        prefix: &[u8],
        from: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let end = prefix_end(prefix).map_or(Bound::Unbounded, Bound::Excluded);
        let first = prefix.max(from).to_vec();
        if matches!(&end, Bound::Excluded(end) if *end <= first) {
            return Ok(Vec::new());
        }
        let range = (Bound::Included(first), end);
        self.at_one_moment(&range, |ours| {
            let rows = self.db.range(range.clone());
            merge(each(&ours), rows.map(owned), |a, b| a.cmp(b), limit)
        })
    }

    /// Rows whose key begins with `prefix`, below `before` (empty: all), descending.
    pub(in crate::store) fn scan_back(
        &self,
        prefix: &[u8],
        before: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        let end = match (prefix_end(prefix), before) {
            (end, []) => end,
            (Some(end), before) if end.as_slice() < before => Some(end),
            (_, before) => Some(before.to_vec()),
        };
        let end = end.map_or(Bound::Unbounded, Bound::Excluded);
        if matches!(&end, Bound::Excluded(end) if end.as_slice() <= prefix) {
            return Ok(Vec::new());
        }
        let range = (Bound::Included(prefix.to_vec()), end);
        self.at_one_moment(&range, |mut ours| {
            ours.reverse();
            let rows = self.db.range(range.clone()).rev();
            merge(each(&ours), rows.map(owned), |a, b| b.cmp(a), limit)
        })
    }

    /// What `read` makes of the rows kept of a range and of sled as it is beneath them.
    fn at_one_moment(
        &self,
        range: &Range,
        read: impl Fn(Ours) -> sled::Result<Vec<Row>>,
    ) -> Result<Vec<Row>, StoreError> {
        for _ in 0..ATTEMPTS {
            let (ours, before) = {
                let recent = self.recent();
                (kept(recent.rows(), range), self.settles.load(SeqCst))
            };
            let rows = guarded(|| read(ours))?;
            if self.settles.load(SeqCst) == before {
                return Ok(rows);
            }
        }
        let recent = self.recent();
        guarded(|| read(kept(recent.rows(), range)))
    }
}

fn kept(rows: &crate::store::recent::Changed, range: &Range) -> Ours {
    let rows = rows.range(range.clone());
    rows.map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn each(ours: &Ours) -> impl Iterator<Item = (&Vec<u8>, &Option<Vec<u8>>)> {
    ours.iter().map(|(key, value)| (key, value))
}

fn owned(row: sled::Result<(sled::IVec, sled::IVec)>) -> sled::Result<Row> {
    row.map(|(key, value)| (key.to_vec(), value.to_vec()))
}

/// The first key after all that begin with `prefix`; `None` when there is no such key.
fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if let Some(next) = last.checked_add(1) {
            end.push(next);
            return Some(end);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::crypto::Digest;
    use crate::store::mark::Reached;
    use crate::store::medium::Disk;

    #[test]
    fn a_scan_that_sled_overtakes_begins_anew() {
        let home = tempfile::tempdir().unwrap();
        let index = Index::open(&home.path().join("index"), 1 << 20, [0; 8]).unwrap();
        // A row that moves: it is under one key or the other, never under both or none.
        let step = |from: u8, to: u8, position| {
            let changes = vec![(vec![200, from], None), (vec![200, to], Some(vec![1]))];
            let reached = Reached {
                position,
                chain: Digest::ZERO,
            };
            let mut recent = index.recent.write().unwrap();
            recent.take_in(changes, reached);
        };
        let range = (Bound::Included(vec![200]), Bound::Unbounded);
        let scanned = |overtaken: u32| {
            let times = Cell::new(0);
            let rows = index.at_one_moment(&range, |ours| {
                times.set(times.get() + 1);
                if times.get() <= overtaken {
                    let now = index.settles.load(SeqCst) % 2;
                    let (from, to) = if now == 0 { (1, 2) } else { (2, 1) };
                    step(from, to, 10 + index.settles.load(SeqCst));
                    index.settle(&Disk).unwrap();
                }
                let rows = index.db.range(range.clone());
                merge(each(&ours), rows.map(owned), |a, b| a.cmp(b), 9)
            });
            (times.get(), rows.unwrap())
        };
        step(2, 1, 7);
        assert_eq!(scanned(0), (1, vec![(vec![200, 1], vec![1])]));
        assert_eq!(scanned(1), (2, vec![(vec![200, 2], vec![1])]));
        assert_eq!(scanned(2), (3, vec![(vec![200, 2], vec![1])]));
        // And then the writer waits for it.
        let (times, rows) = scanned(3);
        assert_eq!((times, rows.len()), (4, 1));
    }

    #[test]
    fn the_end_of_a_prefix() {
        assert_eq!(prefix_end(b"a"), Some(b"b".to_vec()));
        assert_eq!(prefix_end(&[1, 255]), Some(vec![2]));
        assert_eq!(prefix_end(&[255, 255]), None);
        assert_eq!(prefix_end(&[]), None);
    }
}
