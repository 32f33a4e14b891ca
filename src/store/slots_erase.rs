//! Erasing shred slots: the file is written anew under a new file key, then the old key goes.
//!
//! What a crash leaves, step by step (`K` the key file, `K.next` the new one, `S` the slot file):
//! 1. `K.next` written and synced — `S` still opens with `K`: the next start removes `K.next`.
//! 2. `S.next` written and synced — the same; it goes too.
//! 3. `S.next` renamed to `S`, directory synced — `S` opens with `K.next` only: the next start goes
//!    on with step 4. The slots are erased from here on.
//! 4. `K` overwritten with zeros and synced. On flash the old bytes may survive in spare cells;
//!    that is why the key belongs on another device, or into a TPM.
//! 5. `K.next` renamed to `K`, directory synced.

use std::ffi::OsString;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::StoreError;
use super::error::io_error;
use super::medium::{Medium, replace, sync_parent};
use super::slots::{Inner, ShredSlots, SlotPaths, copy_offset};
use super::slots_format::{
    BLOCK_SLOTS, ERASED, FileKey, LOST, PLAIN_BYTES, SLOT_BYTES, seal_block,
};
use crate::crypto::KeySeal;

/// No key file is longer than this.
const MOST_KEY_FILE: u64 = 4096;

fn next_of(path: &Path) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(".next");
    PathBuf::from(name)
}

fn read_key(path: &Path, seal: Option<&KeySeal>) -> Result<Option<FileKey>, StoreError> {
    match fs::read(path).map(Zeroizing::new) {
        Ok(bytes) => Ok(FileKey::decode_under(&bytes, seal)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io_error("cannot read", path)(error)),
    }
}

/// Whether a key is whole and no erasure has replaced it yet.
pub(super) fn is_new_key(paths: &SlotPaths) -> Result<bool, StoreError> {
    let key = read_key(&paths.file_key, paths.seal.as_ref())?;
    Ok(key.is_some_and(|key| key.generation == 1))
}

/// The key that opens the slot file of this generation (`None`: a file without blocks). Finishes an
/// erasure that came to step 3, undoes one that did not.
pub(super) fn key_of(
    paths: &SlotPaths,
    generation: Option<u64>,
    medium: &dyn Medium,
) -> Result<FileKey, StoreError> {
    let next_path = next_of(&paths.file_key);
    let wrong = |problem| StoreError::FileKey {
        problem,
        path: paths.file_key.clone(),
    };
    let seal = paths.seal.as_ref();
    let key = read_key(&paths.file_key, seal)?;
    let next = read_key(&next_path, seal)?;
    let fits = |key: &FileKey| generation.is_none_or(|generation| key.generation == generation);
    if let Some(key) = key.filter(fits) {
        for leftover in [next_path, next_of(&paths.slots)] {
            if leftover.exists() {
                medium
                    .remove(&leftover)
                    .map_err(io_error("cannot remove", &leftover))?;
                sync_parent(medium, &leftover)?;
            }
        }
        return Ok(key);
    }
    if let Some(next) = next.filter(|next| generation == Some(next.generation)) {
        retire(paths, medium)?;
        return Ok(next);
    }
    if !paths.file_key.exists() {
        return Err(wrong("missing"));
    }
    match read_key(&paths.file_key, seal)? {
        Some(_) => Err(wrong("of another slot file, or older than an erasure")),
        None => Err(wrong("damaged")),
    }
}

/// Steps 4 and 5.
fn retire(paths: &SlotPaths, medium: &dyn Medium) -> Result<(), StoreError> {
    let path = &paths.file_key;
    if path.exists() {
        let length = fs::metadata(path)
            .map_err(io_error("cannot read", path))?
            .len();
        let zeros = vec![0; usize::try_from(length.min(MOST_KEY_FILE)).unwrap_or_default()];
        let mut old = medium.open(path).map_err(io_error("cannot open", path))?;
        old.write(0, &zeros)
            .map_err(io_error("cannot overwrite", path))?;
        old.sync().map_err(io_error("cannot sync", path))?;
    }
    medium
        .rename(&next_of(path), path)
        .map_err(io_error("cannot put in place", path))?;
    sync_parent(medium, path)
}

/// What an erasure came upon.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Erasure {
    /// Blocks of which neither copy could be read: what of them was not to be erased is lost.
    pub lost: Vec<u64>,
}

impl ShredSlots {
    /// Erases slots for ever, and with them whatever was encrypted under them. Rewrites the whole
    /// file: erase many at a time. Slots that are erased already stay so. A block that cannot be read
    /// is carried on as lost: it must not keep every other record from being erased, and with the old
    /// key gone no copy of it opens either.
    ///
    /// # Errors
    /// [`StoreError::NoSuchSlot`] for a slot that was not taken; [`StoreError::Io`] or
    /// [`StoreError::Random`] before the new file takes its place, on a full disk for instance.
    /// Nothing is erased then, and the slots serve on. After an error later than that the slots must
    /// be opened again to know whether it happened; until then every method answers
    /// [`StoreError::Poisoned`].
    pub fn erase(&self, slots: &[u64]) -> Result<Erasure, StoreError> {
        let mut inner = self.inner()?;
        if let Some(unknown) = slots.iter().find(|slot| **slot >= inner.next) {
            return Err(StoreError::NoSuchSlot(*unknown));
        }
        let mut slots = slots.to_vec();
        slots.sort_unstable();
        let written = self.write_next(&mut inner, &slots);
        let (key, erasure) = match written {
            Ok(written) => written,
            Err(error) => {
                self.undo();
                return Err(error);
            }
        };
        let placed = self.put_in_place(&mut inner, key);
        if let Err(error) = placed {
            inner.stopped = Some(error.to_string());
            return Err(error);
        }
        Ok(erasure)
    }

    /// Steps 1 and 2.
    fn write_next(
        &self,
        inner: &mut Inner,
        slots: &[u64],
    ) -> Result<(FileKey, Erasure), StoreError> {
        let medium: &Arc<dyn Medium> = &self.medium;
        let key = FileKey::new(inner.key.generation + 1)?;
        let (paths, next_path) = (&self.paths, next_of(&self.paths.slots));
        let bytes = key.encode_under(paths.seal.as_ref())?;
        replace(&**medium, &next_of(&paths.file_key), &bytes)?;
        let mut file = medium
            .create(&next_path)
            .map_err(io_error("cannot create", &next_path))?;
        let mut erasure = Erasure::default();
        for block in 0..inner.blocks {
            let mut plain = match inner.load(paths, block) {
                Ok(plain) => Zeroizing::new(plain.to_vec()),
                Err(error @ (StoreError::Damaged { .. } | StoreError::Io { .. })) => {
                    tracing::error!(block, %error, "a shred slot block is lost");
                    erasure.lost.push(block);
                    Zeroizing::new(LOST.repeat(PLAIN_BYTES / SLOT_BYTES))
                }
                Err(error) => return Err(error),
            };
            let first = block * BLOCK_SLOTS;
            let from = slots.partition_point(|slot| *slot < first);
            for slot in slots
                .iter()
                .skip(from)
                .take_while(|slot| **slot < first + BLOCK_SLOTS)
            {
                let start = (slot - first) as usize * SLOT_BYTES;
                if let Some(bytes) = plain.get_mut(start..start + SLOT_BYTES) {
                    bytes.copy_from_slice(&ERASED);
                }
            }
            let sealed = seal_block(&key, block, &plain)?;
            for copy in 0..2 {
                file.write(copy_offset(block, copy), &sealed)
                    .map_err(io_error("cannot write", &next_path))?;
            }
        }
        file.sync().map_err(io_error("cannot sync", &next_path))?;
        Ok((key, erasure))
    }

    /// After a failure of steps 1 and 2. What cannot be removed now the next erasure writes over, or
    /// the next start removes.
    fn undo(&self) {
        for path in [next_of(&self.paths.slots), next_of(&self.paths.file_key)] {
            if path.exists()
                && let Err(error) = self.medium.remove(&path)
            {
                tracing::warn!(path = %path.display(), %error, "cannot remove what a failed erasure left");
            }
        }
    }

    /// Steps 3 to 5.
    fn put_in_place(&self, inner: &mut Inner, key: FileKey) -> Result<(), StoreError> {
        let (medium, paths) = (&*self.medium, &self.paths);
        let path = &paths.slots;
        medium
            .rename(&next_of(path), path)
            .map_err(io_error("cannot put in place", path))?;
        sync_parent(medium, path)?;
        retire(paths, medium)?;
        inner.cache.clear();
        inner.key = key;
        inner.file = File::open(path).map_err(io_error("cannot open", path))?;
        Ok(())
    }
}
