//! Inclusion and consistency.

use super::{
    LedgerVector, Subject, VectorError, VectorHead,
    make::{SIZE, fails, grow, head, holds, leaves, note, vector_head},
};
use crate::{
    crypto::Digest,
    ledger::{MAX_SIZE, tree},
    wire::{
        json::to_json,
        ledger::{LeafProof, RecordProof},
    },
};

pub(super) fn all() -> Result<Vec<LedgerVector>, VectorError> {
    let mut vectors = included()?;
    vectors.extend(not_included()?);
    vectors.extend(consistent()?);
    vectors.extend(inconsistent()?);
    Ok(vectors)
}

/// Proof of some leaves in the whole tree.
fn proof(indexes: &[u64]) -> Result<RecordProof, VectorError> {
    let leaves = leaves(SIZE);
    let stored = grow(&leaves)?;
    let prove = |index: &u64| {
        let path = tree::inclusion(SIZE, *index, &stored)?;
        let leaf = usize::try_from(*index).ok().and_then(|at| leaves.get(at));
        Ok(LeafProof {
            leaf: leaf.cloned(),
            path: path.iter().map(|hash| hash.to_vec()).collect(),
        })
    };
    Ok(RecordProof {
        checkpoint: note(&head(&leaves, SIZE)?)?,
        leaves: indexes
            .iter()
            .map(prove)
            .collect::<Result<_, VectorError>>()?,
    })
}

fn subject(proof: &RecordProof) -> Result<Subject, VectorError> {
    let proof = to_json("comity.ledger.v1.RecordProof", proof)?;
    Ok(Subject::Proof { proof })
}

fn included() -> Result<Vec<LedgerVector>, VectorError> {
    let good = |name, about, proof: &RecordProof| holds(name, about, subject(proof)?);
    let mut shredded = proof(&[4, 5])?;
    if let Some(leaf) = shredded
        .leaves
        .first_mut()
        .and_then(|first| first.leaf.as_mut())
    {
        leaf.body.clear();
    }
    Ok(vec![
        good(
            "inclusion-of-the-first",
            "a path of four hashes",
            &proof(&[0])?,
        )?,
        good(
            "inclusion-of-the-last",
            "a path of two hashes",
            &proof(&[10])?,
        )?,
        good(
            "inclusion-of-a-record",
            "the four leaves of one record",
            &proof(&[4, 5, 6, 7])?,
        )?,
        good(
            "inclusion-of-a-shredded-leaf",
            "its digest is there still",
            &shredded,
        )?,
    ])
}

fn not_included() -> Result<Vec<LedgerVector>, VectorError> {
    let case = |name, about, change: fn(&mut LeafProof), fault, leaf| {
        let mut changed = proof(&[4])?;
        changed.leaves.iter_mut().for_each(change);
        fails(name, about, subject(&changed)?, fault, Some(leaf))
    };
    let mut turned = proof(&[4, 5])?;
    turned.leaves.reverse();
    let mut stranger = proof(&[4])?;
    stranger.checkpoint = stranger.checkpoint.replacen("\n11\n", "\n10\n", 1);
    Ok(vec![
        case(
            "inclusion-path-altered",
            "one bit of the first hash",
            |leaf| {
                if let Some(byte) = leaf.path.first_mut().and_then(|hash| hash.first_mut()) {
                    *byte ^= 1;
                }
            },
            "not_included",
            4,
        )?,
        case(
            "inclusion-path-too-short",
            "the last hash is gone",
            |leaf| {
                leaf.path.pop();
            },
            "not_included",
            4,
        )?,
        case(
            "inclusion-path-beyond-the-bound",
            "65 hashes",
            |leaf| leaf.path.resize(65, vec![0; 32]),
            "not_included",
            4,
        )?,
        case(
            "inclusion-path-hash-short",
            "a hash of 31 bytes",
            |leaf| {
                if let Some(hash) = leaf.path.first_mut() {
                    hash.truncate(31);
                }
            },
            "length",
            4,
        )?,
        case(
            "inclusion-at-another-place",
            "index 5 for leaf 4",
            |leaf| {
                if let Some(leaf) = &mut leaf.leaf {
                    leaf.index = 5;
                }
            },
            "not_included",
            5,
        )?,
        case(
            "inclusion-beyond-the-tree",
            "index 11 of eleven leaves",
            |leaf| {
                if let Some(leaf) = &mut leaf.leaf {
                    leaf.index = 11;
                }
            },
            "not_included",
            11,
        )?,
        fails(
            "inclusion-of-nothing",
            "a checkpoint without a leaf",
            subject(&proof(&[])?)?,
            "no_leaves",
            None,
        )?,
        fails(
            "inclusion-of-one-leaf-twice",
            "one event is not two",
            subject(&proof(&[4, 4])?)?,
            "order",
            Some(4),
        )?,
        fails(
            "inclusion-not-ascending",
            "leaf 5 before leaf 4",
            subject(&turned)?,
            "order",
            Some(4),
        )?,
        fails(
            "inclusion-in-an-altered-checkpoint",
            "its size was changed",
            subject(&stranger)?,
            "checkpoint_signature",
            None,
        )?,
    ])
}

fn between(old: u64, new: u64) -> Result<(VectorHead, VectorHead, Vec<String>), VectorError> {
    let leaves = leaves(SIZE);
    let path = tree::consistency(old, new, &grow(&leaves)?)?;
    Ok((
        vector_head(&head(&leaves, old)?),
        vector_head(&head(&leaves, new)?),
        path.iter().map(Digest::to_string).collect(),
    ))
}

fn consistent() -> Result<Vec<LedgerVector>, VectorError> {
    [
        (
            "consistency-from-one",
            "the tree grew from a single leaf",
            1,
            SIZE,
        ),
        (
            "consistency-from-a-power-of-two",
            "the old root is a hash of the new tree",
            8,
            SIZE,
        ),
        (
            "consistency-from-seven",
            "the old root is computed from the path",
            7,
            SIZE,
        ),
        ("consistency-to-itself", "an empty path", SIZE, SIZE),
        (
            "consistency-from-nothing",
            "an empty path: there is nothing to prove",
            0,
            SIZE,
        ),
    ]
    .into_iter()
    .map(|(name, about, old, new)| {
        let (old, new, path) = between(old, new)?;
        holds(name, about, Subject::Consistency { old, new, path })
    })
    .collect()
}

fn inconsistent() -> Result<Vec<LedgerVector>, VectorError> {
    type Change = fn(&mut VectorHead, &mut VectorHead, &mut Vec<String>);
    let cases: [(&str, &str, &str, Change); 7] = [
        (
            "consistency-of-a-split-view",
            "another old root of that size",
            "proof",
            |old, _, _| {
                old.root = Digest::of(b"a split view").to_string();
            },
        ),
        (
            "consistency-of-another-new-root",
            "the new head is another's",
            "proof",
            |_, new, _| {
                new.root = Digest::of(b"a split view").to_string();
            },
        ),
        (
            "consistency-path-too-short",
            "the last hash is gone",
            "proof",
            |_, _, path| {
                path.pop();
            },
        ),
        (
            "consistency-path-too-long",
            "a hash more",
            "proof",
            |_, _, path| {
                path.push(Digest::ZERO.to_string());
            },
        ),
        (
            "consistency-path-beyond-the-bound",
            "65 hashes",
            "proof",
            |_, _, path| {
                path.resize(65, Digest::ZERO.to_string());
            },
        ),
        (
            "consistency-shrinking",
            "a larger tree before a smaller",
            "order",
            |old, new, _| {
                std::mem::swap(old, new);
            },
        ),
        (
            "consistency-beyond-the-bound",
            "2^48 + 1 leaves",
            "size",
            |_, new, _| {
                new.size = MAX_SIZE + 1;
            },
        ),
    ];
    cases
        .into_iter()
        .map(|(name, about, fault, change)| {
            let (mut old, mut new, mut path) = between(7, SIZE)?;
            change(&mut old, &mut new, &mut path);
            fails(
                name,
                about,
                Subject::Consistency { old, new, path },
                fault,
                None,
            )
        })
        .collect()
}
