//! Which records one answer showed, in few bytes: runs of local numbers, and a digest over the
//! records' headers that tells whether a list of records is the one that was shown.

use crate::{crypto::Digest, wire::ledger::LeafBody};

/// Records that one leaf names at most.
pub const MAX_SHOWN: usize = 4096;

/// The records that one answer showed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Pairs: how many local numbers are passed over, and how many that follow these were shown.
    pub runs: Vec<u64>,
    /// How many records.
    pub count: u64,
    /// SHA-256 over the header digests in the order of the numbers; empty when there are none.
    pub digest: Vec<u8>,
}

impl Shown {
    /// Of local numbers and header digests, in any order; the same record twice counts once.
    pub fn of<D: AsRef<[u8]>>(records: impl IntoIterator<Item = (u64, D)>) -> Self {
        let mut records: Vec<(u64, D)> = records.into_iter().filter(|(n, _)| *n > 0).collect();
        records.sort_unstable_by_key(|(number, _)| *number);
        records.dedup_by_key(|(number, _)| *number);
        records.truncate(MAX_SHOWN);
        if records.is_empty() {
            return Self::default();
        }
        let digests: Vec<u8> = records
            .iter()
            .flat_map(|(_, digest)| digest.as_ref().iter().copied())
            .collect();
        let mut runs: Vec<u64> = Vec::new();
        // The number after the last run.
        let mut next = 0_u64;
        for (number, _) in &records {
            match runs.last_mut() {
                Some(length) if *number == next => *length = length.saturating_add(1),
                _ => runs.extend([number.saturating_sub(next), 1]),
            }
            next = number.saturating_add(1);
        }
        Self {
            runs,
            count: u64::try_from(records.len()).unwrap_or(u64::MAX),
            digest: Digest::of(&digests).to_vec(),
        }
    }

    /// Their local numbers, ascending.
    pub fn numbers(&self) -> Vec<u64> {
        numbers(&self.runs)
    }

    /// Writes into a leaf which records were shown, and how many.
    #[must_use]
    pub fn leaf(self, leaf: LeafBody) -> LeafBody {
        LeafBody {
            shown: self.runs,
            count: self.count,
            shown_digest: self.digest,
            ..leaf
        }
    }
}

/// The local numbers of runs, ascending, [`MAX_SHOWN`] at most. Of runs that nobody wrote so, as far
/// as they can be read.
pub fn numbers(runs: &[u64]) -> Vec<u64> {
    let mut numbers = Vec::new();
    let mut next = 0_u64;
    for pair in runs.chunks_exact(2) {
        let [gap, length] = pair else { break };
        next = next.saturating_add(*gap);
        for _ in 0..*length {
            if numbers.len() >= MAX_SHOWN || next == u64::MAX {
                return numbers;
            }
            numbers.push(next);
            next = next.saturating_add(1);
        }
    }
    numbers
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(list: &[u64]) -> Shown {
        Shown::of(list.iter().map(|number| (*number, number.to_be_bytes())))
    }

    #[test]
    fn a_page_of_a_list_is_two_numbers() {
        let page: Vec<u64> = (1001..=1500).rev().collect();
        let shown = of(&page);
        assert_eq!(shown.runs, [1001, 500]);
        assert_eq!(shown.count, 500);
        assert_eq!(of(&[7, 7, 3, 0]).runs, [3, 1, 3, 1]);
        assert_eq!(of(&[]), Shown::default());
        assert_ne!(of(&[3, 7]).digest, of(&[3, 8]).digest);
        assert_eq!(of(&[7, 3]).digest, of(&[3, 7]).digest);
    }

    #[test]
    fn runs_that_nobody_wrote_end() {
        assert_eq!(numbers(&[1, u64::MAX]).len(), MAX_SHOWN);
        assert_eq!(numbers(&[u64::MAX, 5, 1, 1]), [] as [u64; 0]);
        assert_eq!(numbers(&[4]), [] as [u64; 0]);
    }

    proptest! {
        #[test]
        fn what_was_shown_is_read_again(mut list in prop::collection::vec(1_u64..10_000, 0..600)) {
            let shown = of(&list);
            list.sort_unstable();
            list.dedup();
            prop_assert_eq!(numbers(&shown.runs), list.clone());
            prop_assert_eq!(shown.count, list.len() as u64);
        }
    }
}
