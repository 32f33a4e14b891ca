//! Proofs about one record, checked with the country's card alone.

use prost::Message as _;

use super::{
    Checkpoint, LedgerFault, MAX_BODY_BYTES, checkpoint, leaf_digest,
    tree::{self, MAX_PATH},
};
use crate::{
    card::LedgerKey,
    crypto::Digest,
    wire::ledger::{Leaf, LeafBody, LeafProof, RecordProof},
};

/// Most leaves of one proof.
pub const MAX_PROOF_LEAVES: usize = 10_000;

/// Checks a record's proof against the ledger `origin` and the country's `keys`. The answer holds
/// the bodies with their leaves' indexes, in the order of the proof; leaves whose body was shredded
/// are checked and left out.
/// Which record the bodies name is for the caller to compare.
///
/// # Errors
/// A [`LedgerFault`] that names the first leaf that does not fit, or the checkpoint's fault.
pub fn verify_record_proof(
    proof: &RecordProof,
    origin: &str,
    keys: &[LedgerKey],
) -> Result<Vec<(u64, LeafBody)>, LedgerFault> {
    if proof.leaves.is_empty() {
        return Err(LedgerFault::NoLeaves);
    }
    if proof.leaves.len() > MAX_PROOF_LEAVES {
        return Err(LedgerFault::TooManyLeaves(proof.leaves.len()));
    }
    let head = checkpoint::open(&proof.checkpoint, origin, keys)?;
    let mut bodies = Vec::new();
    let mut next = 0;
    for leaf in &proof.leaves {
        let index = leaf.leaf.as_ref().map_or(0, |leaf| leaf.index);
        // Ascending, so that one leaf cannot be shown twice as two events.
        if index < next {
            return Err(LedgerFault::Order {
                expected: next,
                found: index,
            });
        }
        bodies.extend(verify_leaf_proof(leaf, &head)?.map(|body| (index, body)));
        next = index.saturating_add(1);
    }
    Ok(bodies)
}

/// Checks that a leaf is in the tree of an opened checkpoint; the answer is its body, `None` when
/// the body was shredded.
///
/// # Errors
/// A [`LedgerFault`] that names the leaf.
pub fn verify_leaf_proof(
    proof: &LeafProof,
    head: &Checkpoint,
) -> Result<Option<LeafBody>, LedgerFault> {
    let leaf = proof.leaf.as_ref().ok_or(LedgerFault::NoLeaves)?;
    let index = leaf.index;
    let (digest, body) = check_leaf(leaf)?;
    if proof.path.len() > MAX_PATH {
        return Err(LedgerFault::NotIncluded { index });
    }
    let path = proof
        .path
        .iter()
        .map(|hash| {
            Digest::try_from(hash.as_slice()).map_err(|_| LedgerFault::Length {
                index,
                part: "a hash of the path",
                bytes: hash.len(),
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    tree::verify_inclusion(&head.root, head.size, index, &digest, &path)
        .map_err(|_| LedgerFault::NotIncluded { index })?;
    Ok(body)
}

/// Checks a leaf's body against its digest, before the body is decoded. A shredded leaf has no
/// body, and no salt either unless the salt was kept.
pub(super) fn check_leaf(leaf: &Leaf) -> Result<(Digest, Option<LeafBody>), LedgerFault> {
    let index = leaf.index;
    let length = |part, bytes| LedgerFault::Length { index, part, bytes };
    let digest = Digest::try_from(leaf.digest.as_slice())
        .map_err(|_| length("the digest", leaf.digest.len()))?;
    if leaf.body.is_empty() {
        return match leaf.salt.len() {
            0 | 32 => Ok((digest, None)),
            bytes => Err(length("the salt", bytes)),
        };
    }
    if leaf.body.len() > MAX_BODY_BYTES {
        return Err(length("the body", leaf.body.len()));
    }
    let salt: &[u8; 32] = leaf
        .salt
        .as_slice()
        .try_into()
        .map_err(|_| length("the salt", leaf.salt.len()))?;
    if leaf_digest(salt, &leaf.body) != digest {
        return Err(LedgerFault::Body { index });
    }
    let body =
        LeafBody::decode(leaf.body.as_slice()).map_err(|_| LedgerFault::Undecodable { index })?;
    Ok((digest, Some(body)))
}
