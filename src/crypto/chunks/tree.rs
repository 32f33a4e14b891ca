//! RFC 6962's tree over the chunks of a file, chunk after chunk: what must be kept in memory grows with
//! the logarithm of their number, and whoever keeps the hash of every complete subtree proves any chunk.

use tlog_tiles::tlog::{self, Error, Hash, HashReader};

use std::cell::RefCell;

use super::super::{Digest, merkle::MerkleError};

/// A complete subtree: leaves `number << level` up to [`Self::last_leaf`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Subtree {
    /// Height: 0 for one leaf.
    pub level: u8,
    /// Number among those of its level, from 0.
    pub number: u64,
}

impl Subtree {
    /// The leaf that completes it.
    pub const fn last_leaf(&self) -> u64 {
        ((self.number + 1) << self.level) - 1
    }
}

/// A tree that grows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChunkTree {
    leaves: u64,
    /// Complete subtrees, largest first; one for each bit of the number of leaves.
    edge: Vec<Hash>,
}

impl ChunkTree {
    /// How many leaves it has.
    pub const fn leaves(&self) -> u64 {
        self.leaves
    }

    /// Appends the hash of a chunk. The answer are the subtrees that it completes, its own leaf first,
    /// one level after the other.
    pub fn push(&mut self, leaf: Digest) -> Vec<Digest> {
        let mut hash = Hash(*leaf.as_bytes());
        let mut completed = vec![leaf];
        for _ in 0..self.leaves.trailing_ones() {
            if let Some(left) = self.edge.pop() {
                hash = tlog::node_hash(left, hash);
                completed.push(Digest::from_array(hash.0));
            }
        }
        self.edge.push(hash);
        self.leaves = self.leaves.saturating_add(1);
        completed
    }

    /// The root over what it has now; of an empty tree, the SHA-256 of nothing.
    pub fn root(&self) -> Digest {
        let right_to_left = self.edge.iter().rev().copied();
        let root = right_to_left.reduce(|right, left| tlog::node_hash(left, right));
        Digest::from_array(root.unwrap_or(tlog::EMPTY_HASH).0)
    }

    /// The tree of the first `leaves`, from subtrees that were kept.
    ///
    /// # Errors
    /// What `kept` fails with.
    pub fn restore<E>(
        leaves: u64,
        mut kept: impl FnMut(Subtree) -> Result<Digest, E>,
    ) -> Result<Self, E> {
        let edge = tlog::sub_tree_index(0, leaves, Vec::new())
            .into_iter()
            .map(|index| kept(subtree(index)).map(|hash| Hash(*hash.as_bytes())))
            .collect::<Result<_, E>>()?;
        Ok(Self { leaves, edge })
    }
}

fn subtree(index: u64) -> Subtree {
    let (level, number) = tlog::split_stored_hash_index(index);
    Subtree { level, number }
}

/// Reads what was kept; the first failure is kept aside, since the tree's arithmetic has its own.
struct Kept<R, E> {
    read: RefCell<R>,
    failed: RefCell<Option<E>>,
}

impl<E, R: FnMut(Subtree) -> Result<Digest, E>> HashReader for Kept<R, E> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<Hash>, Error> {
        let mut read = self.read.borrow_mut();
        indexes
            .iter()
            .map(|index| match read(subtree(*index)) {
                Ok(hash) => Ok(Hash(*hash.as_bytes())),
                Err(error) => {
                    self.failed.replace(Some(error));
                    Err(Error::IndexesNotInTree)
                }
            })
            .collect()
    }
}

/// The subtrees that a chunk with this hash completes, its own leaf first, as [`ChunkTree::push`] answers
/// them.
///
/// # Errors
/// What `kept` fails with.
pub fn completed_by<E>(
    index: u64,
    leaf: Digest,
    mut kept: impl FnMut(Subtree) -> Result<Digest, E>,
) -> Result<Vec<Digest>, E> {
    let mut completed = vec![leaf];
    let mut hash = Hash(*leaf.as_bytes());
    for level in 0..u8::try_from(index.trailing_ones()).unwrap_or(u8::MAX) {
        let number = (index >> level).saturating_sub(1);
        let left = kept(Subtree { level, number })?;
        hash = tlog::node_hash(Hash(*left.as_bytes()), hash);
        completed.push(Digest::from_array(hash.0));
    }
    Ok(completed)
}

/// The path that proves a chunk in a tree of `leaves`, from the leaf up; `None` for a chunk beyond it.
///
/// # Errors
/// What `kept` fails with.
pub fn prove_chunk<E>(
    leaves: u64,
    index: u64,
    kept: impl FnMut(Subtree) -> Result<Digest, E>,
) -> Result<Option<Vec<Digest>>, E> {
    let reader = Kept {
        read: RefCell::new(kept),
        failed: RefCell::new(None),
    };
    let path = tlog::prove_record(leaves, index, &reader);
    if let Some(error) = reader.failed.into_inner() {
        return Err(error);
    }
    Ok(path.ok().map(|path| {
        path.into_iter()
            .map(|hash| Digest::from_array(hash.0))
            .collect()
    }))
}

/// Checks that a chunk with this hash stands at `index` in the tree of `leaves` under `root`.
///
/// # Errors
/// [`MerkleError`], by what does not fit.
pub fn verify_chunk(
    root: &Digest,
    leaves: u64,
    index: u64,
    leaf: &Digest,
    path: &[Digest],
) -> Result<(), MerkleError> {
    if index >= leaves {
        return Err(MerkleError::Index {
            index,
            size: leaves,
        });
    }
    if path.len() > super::super::merkle::MAX_PATH {
        return Err(MerkleError::PathLength(path.len()));
    }
    let path: Vec<Hash> = path.iter().map(|hash| Hash(*hash.as_bytes())).collect();
    let (root, leaf) = (Hash(*root.as_bytes()), Hash(*leaf.as_bytes()));
    tlog::check_record(&path, leaves, root, index, leaf).map_err(|_| MerkleError::Root)
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::convert::Infallible;

    use proptest::prelude::*;

    use super::super::super::merkle;
    use super::super::chunk_hash;
    use super::*;

    fn chunk(index: u64) -> Vec<u8> {
        format!("chunk {index}").into_bytes()
    }

    /// A tree of `leaves`, with what it completed.
    fn grown(leaves: u64) -> (ChunkTree, HashMap<Subtree, Digest>) {
        let mut tree = ChunkTree::default();
        let mut kept = HashMap::new();
        for index in 0..leaves {
            let completed = tree.push(chunk_hash(&chunk(index)));
            for (level, hash) in (0u8..).zip(completed) {
                let number = index >> level;
                let subtree = Subtree { level, number };
                assert_eq!(subtree.last_leaf(), index);
                kept.insert(subtree, hash);
            }
        }
        (tree, kept)
    }

    #[test]
    fn the_root_is_that_of_the_tree_in_memory() {
        for leaves in 0..70 {
            let (tree, _) = grown(leaves);
            let chunks: Vec<Vec<u8>> = (0..leaves).map(chunk).collect();
            assert_eq!(tree.root(), merkle::root(&chunks), "{leaves} leaves");
        }
    }

    proptest! {
        #[test]
        fn any_chunk_is_proved_and_no_other_passes_for_it(leaves in 1u64..300, pick in any::<u64>(), cut in any::<u64>()) {
            let (tree, kept) = grown(leaves);
            let index = pick % leaves;
            let read = |subtree| Ok::<_, Infallible>(kept[&subtree]);
            let path = prove_chunk(leaves, index, read).unwrap().unwrap();
            let leaf = chunk_hash(&chunk(index));
            let root = tree.root();
            prop_assert_eq!(verify_chunk(&root, leaves, index, &leaf, &path), Ok(()));
            let other = chunk_hash(b"another");
            prop_assert_eq!(verify_chunk(&root, leaves, index, &other, &path), Err(MerkleError::Root));
            if leaves > 1 {
                let beside = (index + 1) % leaves;
                prop_assert!(verify_chunk(&root, leaves, beside, &leaf, &path).is_err());
            }
            let completed = completed_by(index, leaf, read).unwrap();
            for (level, hash) in (0u8..).zip(completed) {
                let number = index >> level;
                prop_assert_eq!(hash, kept[&Subtree { level, number }]);
            }
            // Cut anywhere and taken up again, it is the same tree.
            let cut = cut % (leaves + 1);
            let mut again = ChunkTree::restore(cut, read).unwrap();
            for index in cut..leaves {
                again.push(chunk_hash(&chunk(index)));
            }
            prop_assert_eq!(again, tree);
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        let failed = prove_chunk(8, 3, Err::<Digest, Subtree>);
        assert!(failed.is_err());
        let beyond = prove_chunk(8, 8, |_| Ok::<_, Infallible>(chunk_hash(b"")));
        assert_eq!(beyond, Ok(None));
        let leaf = chunk_hash(b"");
        let long = vec![leaf; 65];
        assert_eq!(
            verify_chunk(&leaf, 1, 0, &leaf, &long),
            Err(MerkleError::PathLength(65))
        );
        assert_eq!(
            verify_chunk(&leaf, 1, 1, &leaf, &[]),
            Err(MerkleError::Index { index: 1, size: 1 })
        );
    }
}
