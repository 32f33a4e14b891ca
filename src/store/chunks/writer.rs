//! Writing a file in chunks, one after the other.

use std::path::PathBuf;

use super::super::StoreError;
use super::super::error::{WRITE, io_error};
use super::super::medium::MediumFile;
use super::format::{HEAD_BYTES, Head, place_of};
use super::syncer::Syncer;
use super::{ChunkError, ChunkFileId};
use crate::crypto::{
    Digest, OpenError,
    chunks::{ChunkKey, ChunkPlace, ChunkPlan, ChunkSeal, ChunkTree, chunk_hash},
};

/// Bytes written between two syncs.
const SYNC_EVERY: u64 = 64 << 20;

/// A file that is being written, chunk after chunk.
pub struct ChunkWriter {
    pub(super) id: ChunkFileId,
    pub(super) plan: ChunkPlan,
    pub(super) path: PathBuf,
    pub(super) file: Box<dyn MediumFile>,
    pub(super) tree: ChunkTree,
    pub(super) syncer: Syncer,
    pub(super) unsynced: u64,
}

impl ChunkWriter {
    /// How the file is cut.
    pub const fn plan(&self) -> ChunkPlan {
        self.plan
    }

    /// How many chunks were taken, durable or not.
    pub const fn taken(&self) -> u64 {
        self.tree.leaves()
    }

    /// How many are durable.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a sync failed: nothing more is durable until the file is opened again.
    pub fn durable(&self) -> Result<u64, StoreError> {
        self.syncer.durable()
    }

    /// The root over what was taken.
    pub fn root(&self) -> Digest {
        self.tree.root()
    }

    /// The next chunk's place, and its length.
    ///
    /// # Errors
    /// [`ChunkError::Beyond`], [`ChunkError::Length`].
    fn next(&self, found: usize) -> Result<ChunkPlace, ChunkError> {
        let index = self.tree.leaves();
        if index >= self.plan.chunks() {
            return Err(ChunkError::Beyond(self.plan.chunks()));
        }
        let expected = self.plan.length(index);
        if found != expected {
            return Err(ChunkError::Length {
                index,
                found,
                expected,
            });
        }
        Ok(ChunkPlace {
            file: self.id,
            index,
            last: self.plan.is_last(index),
        })
    }

    /// Takes the next chunk in plain: hashes it, encrypts it in place and writes it. Durable once
    /// [`Self::durable`] counts it.
    ///
    /// # Errors
    /// [`ChunkError`]; nothing was taken then.
    pub fn append(&mut self, key: &ChunkKey, chunk: &mut [u8]) -> Result<(), ChunkError> {
        let place = self.next(chunk.len())?;
        let leaf = chunk_hash(chunk);
        let seal = key.seal(&place, chunk)?;
        self.write(key, &place, leaf, seal, chunk)
    }

    /// Takes the next chunk as it was encrypted elsewhere: writes it, opens it in place and hashes it. A
    /// chunk that does not open is not taken; the next attempt is written over it.
    ///
    /// # Errors
    /// [`ChunkError::Damaged`] when it does not open; as [`Self::append`] otherwise.
    pub fn append_sealed(
        &mut self,
        key: &ChunkKey,
        seal: ChunkSeal,
        chunk: &mut [u8],
    ) -> Result<(), ChunkError> {
        let place = self.next(chunk.len())?;
        self.put(&place, HEAD_BYTES, chunk)?;
        key.open(&place, &seal, chunk)
            .map_err(|OpenError| ChunkError::Damaged(place.index))?;
        let leaf = chunk_hash(chunk);
        self.write(key, &place, leaf, seal, &[])
    }

    fn put(&mut self, place: &ChunkPlace, from: u64, bytes: &[u8]) -> Result<(), StoreError> {
        let offset = place_of(self.plan, place.index).saturating_add(from);
        self.file
            .write(offset, bytes)
            .map_err(io_error(WRITE, &self.path))
    }

    fn write(
        &mut self,
        key: &ChunkKey,
        place: &ChunkPlace,
        leaf: Digest,
        seal: ChunkSeal,
        chunk: &[u8],
    ) -> Result<(), ChunkError> {
        let before = self.tree.clone();
        let completed = self.tree.push(leaf);
        let written = Head::new(key, place, seal, &completed)
            .map_err(ChunkError::from)
            .and_then(|head| {
                self.put(place, 0, head.bytes())?;
                if !chunk.is_empty() {
                    self.put(place, HEAD_BYTES, chunk)?;
                }
                Ok(())
            });
        if let Err(error) = written {
            self.tree = before;
            return Err(error);
        }
        self.unsynced = self.unsynced.saturating_add(self.plan.chunk_size().into());
        if self.unsynced >= SYNC_EVERY {
            self.unsynced = 0;
            self.syncer.begin(self.tree.leaves())?;
        }
        Ok(())
    }

    /// Makes everything taken durable.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn finish(&mut self) -> Result<u64, StoreError> {
        self.unsynced = 0;
        self.syncer.finish(self.tree.leaves())
    }
}
