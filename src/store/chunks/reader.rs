//! Reading a file in chunks: any chunk, any hash, in any order.

use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::super::StoreError;
use super::super::error::io_error;
use super::format::{HEAD_BYTES, Head, Progress, place_of};
use super::{ChunkError, ChunkFileId};
use crate::crypto::{
    Digest, OpenError,
    chunks::{ChunkKey, ChunkPlace, ChunkPlan, ChunkSeal, Subtree, prove_chunk},
};

/// Heads kept open: a proof of the next chunk asks for most of what the one before asked for.
const KEPT_HEADS: usize = 64;

/// A file in chunks, open to be read.
pub struct ChunkReader {
    id: ChunkFileId,
    plan: ChunkPlan,
    durable: u64,
    /// Which of the two records of the progress counted.
    turn: u64,
    path: PathBuf,
    file: File,
    /// Hashes completed by chunks, those read last at the end.
    heads: Mutex<Vec<(u64, Vec<Digest>)>>,
}

impl ChunkReader {
    pub(super) fn open(path: &Path, id: ChunkFileId, plan: ChunkPlan) -> Result<Self, ChunkError> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Err(ChunkError::Missing);
            }
            Err(error) => return Err(io_error("cannot open", path)(error).into()),
        };
        let page = read_some(&file, path, 0, HEAD_BYTES as usize)?;
        // One whose beginning was never synced has no chunk that was acknowledged.
        let (progress, turn) = Progress::read(&page).ok_or(ChunkError::Missing)?;
        if progress.plan != plan {
            return Err(ChunkError::Missing);
        }
        Ok(Self {
            id,
            plan,
            durable: progress.durable,
            turn,
            path: path.to_owned(),
            file,
            heads: Mutex::default(),
        })
    }

    /// How the file is cut.
    pub const fn plan(&self) -> ChunkPlan {
        self.plan
    }

    /// Chunks that were durable when it was opened.
    pub const fn durable(&self) -> u64 {
        self.durable
    }

    pub(super) const fn turn(&self) -> u64 {
        self.turn
    }

    pub(super) fn place(&self, index: u64) -> Result<ChunkPlace, ChunkError> {
        if index >= self.durable {
            return Err(ChunkError::NotYet(index));
        }
        Ok(ChunkPlace {
            file: self.id,
            index,
            last: self.plan.is_last(index),
        })
    }

    /// A chunk as it lies there: nonce, tag and ciphertext. Whether it opens, whoever has the key finds out.
    ///
    /// # Errors
    /// [`ChunkError::NotYet`], [`ChunkError::Damaged`] when the file ends before it, [`ChunkError::Store`].
    pub fn sealed(&self, index: u64) -> Result<(ChunkSeal, Vec<u8>), ChunkError> {
        self.place(index)?;
        let begins = place_of(self.plan, index);
        let head = read_some(&self.file, &self.path, begins, HEAD_BYTES as usize)?;
        let seal = Head::seal(&head).ok_or(ChunkError::Damaged(index))?;
        let length = self.plan.length(index);
        let from = begins.saturating_add(HEAD_BYTES);
        let chunk = read_some(&self.file, &self.path, from, length)?;
        if chunk.len() != length {
            return Err(ChunkError::Damaged(index));
        }
        Ok((seal, chunk))
    }

    /// A chunk in plain.
    ///
    /// # Errors
    /// As [`Self::sealed`], and [`ChunkError::Damaged`] when it does not open.
    pub fn plain(&self, key: &ChunkKey, index: u64) -> Result<Vec<u8>, ChunkError> {
        let (seal, mut chunk) = self.sealed(index)?;
        key.open(&self.place(index)?, &seal, &mut chunk)
            .map_err(|OpenError| ChunkError::Damaged(index))?;
        Ok(chunk)
    }

    /// The hash of a complete subtree.
    ///
    /// # Errors
    /// As [`Self::plain`].
    pub fn hash(&self, key: &ChunkKey, subtree: Subtree) -> Result<Digest, ChunkError> {
        let index = subtree.last_leaf();
        let level = usize::from(subtree.level);
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = heads.iter().position(|(of, _)| *of == index);
        let completed = match kept {
            Some(at) => heads.remove(at).1,
            None => {
                let place = self.place(index)?;
                let begins = place_of(self.plan, index);
                let head = read_some(&self.file, &self.path, begins, HEAD_BYTES as usize)?;
                Head::hashes(key, &place, &head).ok_or(ChunkError::Damaged(index))?
            }
        };
        let hash = completed.get(level).copied();
        if heads.len() >= KEPT_HEADS {
            heads.remove(0);
        }
        heads.push((index, completed));
        hash.ok_or(ChunkError::Damaged(index))
    }

    /// The path that proves a chunk against the root over every chunk.
    ///
    /// # Errors
    /// As [`Self::plain`]; [`ChunkError::NotYet`] while chunks are missing.
    pub fn proof(&self, key: &ChunkKey, index: u64) -> Result<Vec<Digest>, ChunkError> {
        let chunks = self.plan.chunks();
        prove_chunk(chunks, index, |subtree| self.hash(key, subtree))?
            .ok_or(ChunkError::NotYet(index))
    }
}

/// Reads up to `length` bytes; fewer where the file ends.
fn read_some(file: &File, path: &Path, offset: u64, length: usize) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; length];
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(read as u64);
        match file.read_at(rest, at) {
            Ok(0) => break,
            Ok(more) => read = read.saturating_add(more),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(io_error("cannot read", path)(error)),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}
