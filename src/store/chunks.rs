//! Files in chunks, outside the journal: one file on disk for each, named by its random id in hex.
//! Nothing but ciphertext lies in them; what they are, whose and under which key is in entries.
//!
//! A file begins with two records of its progress, which take turns; then each chunk has a place of its
//! own, found by its number: a head with nonce and tag, the hashes of the subtrees that the chunk
//! completes (encrypted like the chunk), then the ciphertext. So everything is written once, at its place.
//!
//! **What a crash leaves.** Chunks are written, synced, and only then is the progress written and synced
//! that counts them. Whatever lies beyond the progress was never acknowledged: opening a file to write on
//! cuts it off. A file whose beginning was never synced is begun again.

mod format;
mod reader;
mod syncer;
#[cfg(test)]
mod tests;
mod writer;

use std::fs;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::format::{HEAD_BYTES, Head, Progress, place_of};
use self::syncer::Syncer;
use super::StoreError;
use super::error::{CREATE, WRITE, io_error};
use super::medium::{Disk, Medium, sync_parent};
use crate::crypto::{
    Digest, OpenError, RandomError,
    chunks::{ChunkKey, ChunkPlan, ChunkSeal, ChunkTree, chunk_hash, completed_by, verify_chunk},
};

pub use reader::ChunkReader;
pub use writer::ChunkWriter;

/// Id of a file in chunks: random, and all that its name says.
pub type ChunkFileId = [u8; 16];

/// A chunk cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ChunkError {
    /// The disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// There is no such file, or it was cut in chunks otherwise.
    #[error("no chunks of this item lie in the store")]
    Missing,
    /// The chunk was not written yet.
    #[error("chunk {0} is not in the store")]
    NotYet(u64),
    /// The chunk, or the hashes beside it, are not what was written.
    #[error("chunk {0} is damaged: it does not open under the item's key")]
    Damaged(u64),
    /// The chunk has another length than its place asks for.
    #[error("chunk {index} has {found} bytes, not {expected}")]
    Length {
        /// Its number.
        index: u64,
        /// Bytes that came.
        found: usize,
        /// Bytes that it should have.
        expected: usize,
    },
    /// Every chunk is there already.
    #[error("the item has {0} chunks, and all of them are there")]
    Beyond(u64),
}

impl ChunkError {
    /// Whether the disk had no room.
    pub fn lacks_room(&self) -> bool {
        matches!(self, Self::Store(error) if error.lacks_room())
    }
}

impl From<RandomError> for ChunkError {
    fn from(error: RandomError) -> Self {
        Self::Store(error.into())
    }
}

/// The folder of files in chunks.
#[derive(Clone)]
pub struct ChunkStore {
    dir: PathBuf,
    medium: Arc<dyn Medium>,
}

impl ChunkStore {
    /// Opens the folder; makes it (0700) where there is none.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn open(dir: PathBuf) -> Result<Self, StoreError> {
        Self::open_on(dir, Arc::new(Disk))
    }

    /// As [`Self::open`], on a medium of its own.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(dir: PathBuf, medium: Arc<dyn Medium>) -> Result<Self, StoreError> {
        if !dir.is_dir() {
            let mut builder = fs::DirBuilder::new();
            let made = builder.recursive(true).mode(0o700).create(&dir);
            made.map_err(io_error(CREATE, &dir))?;
            sync_parent(&*medium, &dir)?;
        }
        Ok(Self { dir, medium })
    }

    fn path(&self, id: &ChunkFileId) -> PathBuf {
        self.dir.join(hex::encode(id))
    }

    /// Opens a file to write on from its durable progress, or begins it. What lies beyond is cut off.
    ///
    /// # Errors
    /// [`ChunkError::Store`]; [`ChunkError::Damaged`] when the hashes of what is there do not open.
    pub fn write_on(
        &self,
        id: ChunkFileId,
        plan: ChunkPlan,
        key: &ChunkKey,
    ) -> Result<ChunkWriter, ChunkError> {
        let path = self.path(&id);
        let (tree, turn) = match ChunkReader::open(&path, id, plan) {
            Ok(reader) => {
                let kept = reader.durable();
                let tree = ChunkTree::restore(kept, |subtree| reader.hash(key, subtree))?;
                (tree, reader.turn().wrapping_add(1))
            }
            Err(ChunkError::Missing) => {
                let progress = Progress::new(plan, 0);
                let mut file = self.medium.create(&path).map_err(io_error(CREATE, &path))?;
                file.write(0, &progress.page())
                    .map_err(io_error(WRITE, &path))?;
                file.sync().map_err(io_error("cannot sync", &path))?;
                sync_parent(&*self.medium, &path)?;
                (ChunkTree::default(), 0)
            }
            Err(error) => return Err(error),
        };
        let open = || {
            self.medium
                .open(&path)
                .map_err(io_error("cannot open", &path))
        };
        let mut file = open()?;
        file.cut(place_of(plan, tree.leaves()))
            .map_err(io_error("cannot cut", &path))?;
        // What counts from here on is synced: a record that was only read out of the page cache, after a
        // crash between its writing and its sync, is written and synced once more.
        let record = Progress::new(plan, tree.leaves()).record();
        file.write(Progress::offset(turn), &record)
            .map_err(io_error(WRITE, &path))?;
        file.sync().map_err(io_error("cannot sync", &path))?;
        sync_parent(&*self.medium, &path)?;
        let turn = turn.wrapping_add(1);
        let syncer = Syncer::start(open()?, path.clone(), plan, tree.leaves(), turn);
        Ok(ChunkWriter {
            id,
            plan,
            path,
            file,
            tree,
            syncer,
            unsynced: 0,
        })
    }

    /// Opens a file to read.
    ///
    /// # Errors
    /// [`ChunkError::Missing`], [`ChunkError::Store`].
    pub fn read(&self, id: ChunkFileId, plan: ChunkPlan) -> Result<ChunkReader, ChunkError> {
        ChunkReader::open(&self.path(&id), id, plan)
    }

    /// Puts a chunk that was damaged back in its place, as it was encrypted: durable when this answers.
    /// Only what opens and fits the root is written.
    ///
    /// # Errors
    /// [`ChunkError::Damaged`] when it does not; [`ChunkError::Store`].
    pub fn repair(
        &self,
        reader: &ChunkReader,
        key: &ChunkKey,
        root: &Digest,
        index: u64,
        sealed: (ChunkSeal, &[u8]),
    ) -> Result<(), ChunkError> {
        let (seal, chunk) = sealed;
        let plan = reader.plan();
        let place = reader.place(index)?;
        let mut plain = chunk.to_vec();
        let damaged = || ChunkError::Damaged(index);
        key.open(&place, &seal, &mut plain)
            .map_err(|OpenError| damaged())?;
        let leaf = chunk_hash(&plain);
        let path = reader.proof(key, index)?;
        verify_chunk(root, plan.chunks(), index, &leaf, &path).map_err(|_| damaged())?;
        let completed = completed_by(index, leaf, |subtree| reader.hash(key, subtree))?;
        let head = Head::new(key, &place, seal, &completed)?;
        let path = self.path(&place.file);
        let begins = place_of(plan, index);
        let mut file = self
            .medium
            .open(&path)
            .map_err(io_error("cannot open", &path))?;
        file.write(begins, head.bytes())
            .map_err(io_error(WRITE, &path))?;
        file.write(begins.saturating_add(HEAD_BYTES), chunk)
            .map_err(io_error(WRITE, &path))?;
        file.sync().map_err(io_error("cannot sync", &path))?;
        Ok(())
    }

    /// Whether every chunk of a file is counted as durable and there by the file's length.
    ///
    /// # Errors
    /// [`ChunkError::Missing`], [`ChunkError::NotYet`] or [`ChunkError::Damaged`] with the first chunk
    /// that is not; [`ChunkError::Store`].
    pub fn is_whole(&self, id: &ChunkFileId, plan: ChunkPlan) -> Result<(), ChunkError> {
        let path = self.path(id);
        let durable = ChunkReader::open(&path, *id, plan)?.durable();
        if durable < plan.chunks() {
            return Err(ChunkError::NotYet(durable));
        }
        let about = fs::metadata(&path).map_err(io_error("cannot read", &path))?;
        let last = plan.chunks().saturating_sub(1);
        let ends = place_of(plan, last)
            .saturating_add(HEAD_BYTES)
            .saturating_add(plan.length(last) as u64);
        if about.len() < ends {
            let stride = HEAD_BYTES.saturating_add(plan.chunk_size().into());
            let lost = about.len().saturating_sub(HEAD_BYTES) / stride;
            return Err(ChunkError::Damaged(lost.min(last)));
        }
        Ok(())
    }

    /// Removes a file, durably; answers whether there was one. Its blocks are the file system's to use
    /// again: what makes it unreadable is the end of its key.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn remove(&self, id: &ChunkFileId) -> Result<bool, StoreError> {
        let path = self.path(id);
        match self.medium.remove(&path) {
            Ok(()) => {
                sync_parent(&*self.medium, &path)?;
                Ok(true)
            }
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(io_error("cannot remove", &path)(error)),
        }
    }

    /// Every file that lies in the folder, with its bytes on disk. What is not named like one is no file
    /// of this store and is left alone.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn list(&self) -> Result<Vec<(ChunkFileId, u64)>, StoreError> {
        list(&self.dir)
    }

    /// Bytes that may still be written to the disk of the folder.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn free(&self) -> Result<u64, StoreError> {
        let disk = rustix::fs::statvfs(&self.dir)
            .map_err(|error| StoreError::io("cannot measure", &self.dir, error.into()))?;
        Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
    }
}

fn list(dir: &Path) -> Result<Vec<(ChunkFileId, u64)>, StoreError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).map_err(io_error("cannot list", dir))? {
        let entry = entry.map_err(io_error("cannot list", dir))?;
        let mut id = [0; 16];
        let name = entry.file_name();
        let named = name.to_str().filter(|name| name.len() == 32);
        if named.is_none_or(|name| hex::decode_to_slice(name, &mut id).is_err()) {
            continue;
        }
        let bytes = entry.metadata().map_err(io_error("cannot read", dir))?;
        found.push((id, bytes.len()));
    }
    Ok(found)
}

/// Bytes that a file of this plan takes on disk.
pub const fn bytes_on_disk(plan: ChunkPlan) -> u64 {
    HEAD_BYTES
        .saturating_mul(plan.chunks().saturating_add(1))
        .saturating_add(plan.size())
}
