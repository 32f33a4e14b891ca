//! The chunk of a download that is due: taken only when it leads to the item's root.

use super::TransferError;
use crate::{
    crypto::{
        Digest,
        chunks::{ChunkPlan, ChunkTree, chunk_hash, verify_chunk},
    },
    wire::node::{Item, ProvedChunk},
};

/// How often a chunk that does not fit is fetched.
const TRIES: u32 = 3;

/// How far a download has come.
pub(super) struct Due {
    pub(super) plan: ChunkPlan,
    root: Digest,
    tree: ChunkTree,
    broken: u32,
}

/// A chunk that does not fit, however often it is fetched.
pub(super) struct Unfit {
    pub(super) index: u64,
    pub(super) times: u32,
}

impl Due {
    /// The download of an item, from its first chunk on.
    pub(super) fn of(item: &Item) -> Result<Self, TransferError> {
        Ok(Self {
            plan: ChunkPlan::new(item.size, item.chunk_size)?,
            root: Digest::try_from(item.root.as_slice())
                .map_err(|_| TransferError::Protocol("an item without a root"))?,
            tree: ChunkTree::default(),
            broken: 0,
        })
    }

    /// Number of the chunk that is due: as many are taken.
    pub(super) const fn index(&self) -> u64 {
        self.tree.leaves()
    }

    /// Whether every chunk is taken.
    pub(super) const fn is_whole(&self) -> bool {
        self.index() >= self.plan.chunks()
    }

    /// Whether what was taken has the item's root.
    pub(super) fn is_the_item(&self) -> bool {
        self.tree.root() == self.root
    }

    /// The hash of a chunk, where it is the one that is due and leads to the item's root; `Ok(None)` for one
    /// that is to be fetched again.
    pub(super) fn check(&mut self, chunk: &ProvedChunk) -> Result<Option<Digest>, Unfit> {
        let index = self.index();
        let path: Result<Vec<Digest>, _> = chunk
            .path
            .iter()
            .map(|hash| Digest::try_from(hash.as_slice()))
            .collect();
        let fits = chunk.index == index && chunk.data.len() == self.plan.length(index);
        if let (true, Ok(path)) = (fits, path) {
            let leaf = chunk_hash(&chunk.data);
            if verify_chunk(&self.root, self.plan.chunks(), index, &leaf, &path).is_ok() {
                self.broken = 0;
                return Ok(Some(leaf));
            }
        }
        self.broken = self.broken.saturating_add(1);
        if self.broken < TRIES {
            return Ok(None);
        }
        let times = self.broken;
        Err(Unfit { index, times })
    }

    /// Takes the chunk that is due, by its hash.
    pub(super) fn push(&mut self, leaf: Digest) {
        self.tree.push(leaf);
    }

    /// Begins again with the first chunk.
    pub(super) fn begin_again(&mut self) {
        self.tree = ChunkTree::default();
    }
}
