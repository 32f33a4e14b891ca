//! The right edge of a growing tree: enough to append and to know the root, in constant memory.

use tlog_tiles::tlog;

use super::{HashReader, MAX_SIZE, TreeError, bounded};
use crate::crypto::Digest;

/// Hashes of the complete subtrees that make up a tree, largest first; one per set bit of its size.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edge {
    size: u64,
    subtrees: Vec<tlog::Hash>,
}

impl Edge {
    /// The edge of the empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The edge of the first `size` leaves, from stored hashes.
    ///
    /// # Errors
    /// [`TreeError::Size`] beyond the bound; [`TreeError::Missing`] or [`TreeError::Read`] when a
    /// hash cannot be had.
    pub fn load<R: HashReader + ?Sized>(size: u64, reader: &R) -> Result<Self, TreeError> {
        bounded(size)?;
        let subtrees = tlog::sub_tree_index(0, size, Vec::new())
            .into_iter()
            .map(|index| match reader.read(index) {
                Ok(Some(hash)) => Ok(tlog::Hash(hash)),
                Ok(None) => Err(TreeError::Missing(index)),
                Err(source) => Err(TreeError::Read { index, source }),
            })
            .collect::<Result<_, _>>()?;
        Ok(Self { size, subtrees })
    }

    /// Appends a leaf; the answer is what to store: index and hash, ascending, as of
    /// [`super::append`].
    ///
    /// # Errors
    /// [`TreeError::Size`] at the bound.
    pub fn push(&mut self, digest: &Digest) -> Result<Vec<(u64, [u8; 32])>, TreeError> {
        self.push_hash(tlog::record_hash(digest.as_bytes()))
    }

    pub(super) fn push_hash(
        &mut self,
        leaf: tlog::Hash,
    ) -> Result<Vec<(u64, [u8; 32])>, TreeError> {
        if self.size >= MAX_SIZE {
            return Err(TreeError::Size(self.size));
        }
        let mut index = tlog::stored_hash_index(0, self.size);
        let mut hash = leaf;
        let mut stored = vec![(index, hash.0)];
        // Each trailing one of the size is a subtree that this leaf completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.subtrees.pop() {
                hash = tlog::node_hash(left, hash);
                index += 1;
                stored.push((index, hash.0));
            }
        }
        self.subtrees.push(hash);
        self.size += 1;
        Ok(stored)
    }

    /// Leaves so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Root of the tree so far; SHA-256 of nothing for the empty tree.
    pub fn root(&self) -> Digest {
        let root = self
            .subtrees
            .iter()
            .rev()
            .copied()
            .reduce(|right, left| tlog::node_hash(left, right))
            .unwrap_or(tlog::EMPTY_HASH);
        Digest::from_array(root.0)
    }
}
