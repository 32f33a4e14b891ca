//! Split views: whether two checkpoints of one ledger can belong to one history.

use super::{Checkpoint, tree};
use crate::crypto::Digest;

/// What two checkpoints of one ledger say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// The same head.
    Same,
    /// The smaller tree is a prefix of the larger one.
    Extends,
    /// The sizes differ and no consistency proof is at hand: ask the ledger's owner for one.
    NeedsProof,
    /// No single history has both heads, or the owner's proof that one does is false: an alarm.
    /// Keep both notes; two heads of one size are evidence by themselves.
    Split,
}

/// Compares a checkpoint held with one seen; either may be the larger. `proof` is the consistency
/// proof from the smaller to the larger. Both must have been opened for the same origin;
/// checkpoints of two ledgers say nothing about each other and are never more than
/// [`View::NeedsProof`].
pub fn compare(known: &Checkpoint, seen: &Checkpoint, proof: Option<&[Digest]>) -> View {
    if known.origin != seen.origin {
        return View::NeedsProof;
    }
    let (old, new) = if known.size <= seen.size {
        (known, seen)
    } else {
        (seen, known)
    };
    if old.size == new.size {
        return if old.root == new.root {
            View::Same
        } else {
            View::Split
        };
    }
    // From the empty tree there is nothing to prove.
    let empty: &[Digest] = &[];
    let Some(proof) = proof.or((old.size == 0).then_some(empty)) else {
        return View::NeedsProof;
    };
    match tree::verify_consistency(old.size, &old.root, new.size, &new.root, proof) {
        Ok(()) => View::Extends,
        Err(_) => View::Split,
    }
}

#[cfg(test)]
mod tests {
    use proptest::{
        strategy::{Strategy as _, ValueTree as _},
        test_runner::TestRunner,
    };

    use super::*;
    use crate::ledger::tests_support::{Stored, grow};

    fn head(size: u64, stored: &Stored) -> Checkpoint {
        Checkpoint {
            origin: "comity.ledger/UZ/3f2a9c10".into(),
            size,
            root: tree::root(size, stored).unwrap(),
        }
    }

    #[test]
    fn one_history_is_never_called_split() {
        let stored = grow(40, |n| n);
        for old in 0..=40 {
            for new in old..=40 {
                let (a, b) = (head(old, &stored), head(new, &stored));
                let proof = tree::consistency(old, new, &stored).unwrap();
                let view = if old == new {
                    View::Same
                } else {
                    View::Extends
                };
                assert_eq!(compare(&a, &b, Some(&proof)), view);
                assert_eq!(compare(&b, &a, Some(&proof)), view);
                let without = match (old, new) {
                    _ if old == new => View::Same,
                    (0, _) => View::Extends,
                    _ => View::NeedsProof,
                };
                assert_eq!(compare(&a, &b, None), without);
            }
        }
    }

    #[test]
    fn other_ledgers_are_not_compared() {
        let stored = grow(3, |n| n);
        let mut other = head(3, &stored);
        other.origin = "comity.ledger/UZ/00000000".into();
        other.root = Digest::ZERO;
        assert_eq!(compare(&head(3, &stored), &other, None), View::NeedsProof);
    }

    /// THREATS row 4: a node shows two peers two ledgers that part at `fork`; whatever proof the
    /// forger offers from either of its histories, the heads do not go together.
    #[test]
    fn a_hundred_forks_at_random_sizes_are_detected() {
        let mut runner = TestRunner::deterministic();
        let sizes = (0_u64..300, 1_u64..200, 1_u64..200);
        let mut detected = 0;
        for _ in 0..100 {
            let (fork, more, less) = sizes.new_tree(&mut runner).unwrap().current();
            let (shown, hidden) = (fork + more, fork + less);
            let honest = grow(shown, |n| n);
            let forged = grow(hidden, |n| if n < fork { n } else { n + 1_000_000 });
            let (a, b) = (head(shown, &honest), head(hidden, &forged));
            let (old, new) = (shown.min(hidden), shown.max(hidden));
            let larger = if shown >= hidden { &honest } else { &forged };
            let proof = tree::consistency(old, new, larger).unwrap();
            let both = [compare(&a, &b, Some(&proof)), compare(&b, &a, Some(&proof))];
            detected += u32::from(both == [View::Split, View::Split]);
        }
        assert_eq!(detected, 100);
    }
}
