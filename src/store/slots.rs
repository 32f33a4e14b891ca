//! Shred slots: 32 random bytes per record, under which its content keys are kept. Destroying the
//! slot makes them unreadable for ever, though the journal and its copies keep every byte.
//!
//! Slots lie in one file, filled and synced ahead in blocks, so that a commit takes the next slot
//! without a sync of its own. The file is encrypted under a file key that lies elsewhere and is
//! replaced at every erasure (`slots_erase`): a copy of the slot file from before opens nothing.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::StoreError;
use super::error::io_error;
use super::medium::{Disk, Medium, replace, sync_parent};
use super::scan::read_at;
use super::slots_format::{
    BLOCK_SLOTS, COPY_BYTES, ERASED, FileKey, LOST, PLAIN_BYTES, SLOT_BYTES, generation_of,
    open_block, seal_block,
};
use crate::crypto::{KeySeal, random_bytes};

/// Decrypted blocks kept in memory, 128 KiB each.
const CACHED_BLOCKS: usize = 3;
/// Slots left in the last block at which the next is filled.
const FILL_AHEAD: u64 = BLOCK_SLOTS / 4;

/// Where the slots and their key lie.
#[derive(Clone, Debug)]
pub struct SlotPaths {
    /// The slot file.
    pub slots: PathBuf,
    /// The file key; best on another device than the slots and their backups.
    pub file_key: PathBuf,
    /// What seals the file key, where the node's keys are protected; it lies in the clear otherwise.
    pub seal: Option<KeySeal>,
}

/// The slots of a node. Shared by reference; every method may be called from any thread.
pub struct ShredSlots {
    pub(super) paths: SlotPaths,
    pub(super) medium: Arc<dyn Medium>,
    pub(super) inner: Mutex<Inner>,
}

pub(super) struct Inner {
    pub(super) key: FileKey,
    pub(super) file: File,
    /// The next slot to hand out.
    pub(super) next: u64,
    /// Blocks that are filled and synced.
    pub(super) blocks: u64,
    /// Least recently used first.
    pub(super) cache: VecDeque<(u64, Zeroizing<Vec<u8>>)>,
    /// An erasure failed while the new file took its place; only a restart knows whether it did.
    pub(super) stopped: Option<String>,
}

impl ShredSlots {
    /// Makes the slot file and the file key (both 0600). A crash leaves a key without slots, which
    /// the next call takes up, or both. Only for a store in which no durable entry names a slot.
    ///
    /// # Errors
    /// [`StoreError::Exists`] rather than overwrite slots, or a key that is not a new one;
    /// [`StoreError::Io`], [`StoreError::Random`].
    pub fn create(paths: SlotPaths) -> Result<Self, StoreError> {
        Self::create_on(paths, Arc::new(Disk))
    }

    pub(super) fn create_on(paths: SlotPaths, medium: Arc<dyn Medium>) -> Result<Self, StoreError> {
        if paths.slots.exists() {
            return Err(StoreError::Exists(paths.slots));
        }
        for path in [&paths.slots, &paths.file_key] {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent).map_err(io_error("cannot create", parent))?;
            }
        }
        if paths.file_key.exists() {
            // A new key that a crash left here without its slots has nothing under it yet. Its
            // name may not have become durable.
            if !super::slots_erase::is_new_key(&paths)? {
                return Err(StoreError::Exists(paths.file_key));
            }
            sync_parent(&*medium, &paths.file_key)?;
        } else {
            let bytes = FileKey::new(1)?.encode_under(paths.seal.as_ref())?;
            replace(&*medium, &paths.file_key, &bytes)?;
        }
        let path = &paths.slots;
        let mut file = medium
            .create(path)
            .map_err(io_error("cannot create", path))?;
        file.sync().map_err(io_error("cannot sync", path))?;
        sync_parent(&*medium, path)?;
        Self::open_on(paths, 0, medium)
    }

    /// Opens the slots; `next` is the first slot that no durable entry names. Finishes or undoes an
    /// erasure that a crash cut short.
    ///
    /// # Errors
    /// [`StoreError::FileKey`] when the key is missing, damaged or of another slot file;
    /// [`StoreError::Damaged`] when blocks below `next` are missing; [`StoreError::Io`].
    pub fn open(paths: SlotPaths, next: u64) -> Result<Self, StoreError> {
        Self::open_on(paths, next, Arc::new(Disk))
    }

    pub(super) fn open_on(
        paths: SlotPaths,
        next: u64,
        medium: Arc<dyn Medium>,
    ) -> Result<Self, StoreError> {
        let path = &paths.slots;
        let file = File::open(path).map_err(io_error("cannot open", path))?;
        let length = file
            .metadata()
            .map_err(io_error("cannot read", path))?
            .len();
        let blocks = length / (2 * COPY_BYTES as u64);
        let mut generation = None;
        for block in 0..blocks {
            for copy in 0..2 {
                let bytes = read_at(&file, path, copy_offset(block, copy), COPY_BYTES)?;
                generation = generation.or_else(|| generation_of(&bytes, block));
            }
            if generation.is_some() {
                break;
            }
        }
        let key = super::slots_erase::key_of(&paths, generation, &*medium)?;
        let mut inner = Inner {
            key,
            file,
            next,
            blocks,
            cache: VecDeque::new(),
            stopped: None,
        };
        let used = next.div_ceil(BLOCK_SLOTS);
        if blocks < used {
            return Err(damaged("shred slot file: its end is missing", blocks));
        }
        // A block ahead whose filling a crash cut short has handed out nothing.
        for block in used..blocks {
            if inner.load(&paths, block).is_err() {
                tracing::warn!(
                    block,
                    "a shred slot block that was not in use is filled again"
                );
                inner.blocks = block;
                break;
            }
        }
        Ok(Self {
            paths,
            medium,
            inner: Mutex::new(inner),
        })
    }

    /// Takes the next slot: its number and its 32 bytes, durable already. A slot whose commit does
    /// not become durable is handed out again after a restart.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the next block cannot be filled, [`StoreError::Damaged`],
    /// [`StoreError::Random`], or [`StoreError::Poisoned`] after a failed erasure.
    pub fn take(&self) -> Result<(u64, Zeroizing<[u8; 32]>), StoreError> {
        let mut inner = self.inner()?;
        loop {
            let slot = inner.next;
            let block = slot / BLOCK_SLOTS;
            inner.fill_to(self, block)?;
            if slot % BLOCK_SLOTS >= BLOCK_SLOTS - FILL_AHEAD {
                inner.fill_to(self, block + 1)?;
            }
            let bytes = inner.slot(&self.paths, slot)?;
            inner.next = slot + 1;
            if *bytes != ERASED && *bytes != LOST {
                return Ok((slot, bytes));
            }
        }
    }

    /// The bytes of a slot that was taken.
    ///
    /// # Errors
    /// [`StoreError::SlotErased`], [`StoreError::SlotLost`], [`StoreError::NoSuchSlot`],
    /// [`StoreError::Damaged`] when both copies of its block are, [`StoreError::Io`], or
    /// [`StoreError::Poisoned`] after an erasure of which it is not known whether it happened.
    pub fn open_slot(&self, slot: u64) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let mut inner = self.inner()?;
        if slot >= inner.next {
            return Err(StoreError::NoSuchSlot(slot));
        }
        let bytes = inner.slot(&self.paths, slot)?;
        match *bytes {
            ERASED => Err(StoreError::SlotErased(slot)),
            LOST => Err(StoreError::SlotLost(slot)),
            _ => Ok(bytes),
        }
    }

    pub(super) fn inner(&self) -> Result<std::sync::MutexGuard<'_, Inner>, StoreError> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        match &inner.stopped {
            Some(why) => Err(StoreError::Poisoned { why: why.clone() }),
            None => Ok(inner),
        }
    }
}

impl Inner {
    /// Fills blocks up to and with `block`, each synced before it counts. After a failure the block
    /// is written anew with other bytes, so that the next sync speaks of what it wrote.
    fn fill_to(&mut self, slots: &ShredSlots, block: u64) -> Result<(), StoreError> {
        while self.blocks <= block {
            let mut plain = Zeroizing::new(Vec::with_capacity(PLAIN_BYTES));
            while plain.len() < PLAIN_BYTES {
                let piece = Zeroizing::new(random_bytes::<4096>()?);
                plain.extend_from_slice(&*piece);
            }
            let sealed = seal_block(&self.key, self.blocks, &plain)?;
            let path = &slots.paths.slots;
            let mut file = slots
                .medium
                .open(path)
                .map_err(io_error("cannot open", path))?;
            for copy in 0..2 {
                file.write(copy_offset(self.blocks, copy), &sealed)
                    .map_err(io_error("cannot write", path))?;
            }
            file.sync().map_err(io_error("cannot sync", path))?;
            self.blocks += 1;
        }
        Ok(())
    }

    fn slot(&mut self, paths: &SlotPaths, slot: u64) -> Result<Zeroizing<[u8; 32]>, StoreError> {
        let block = slot / BLOCK_SLOTS;
        let plain = self.load(paths, block)?;
        let start = (slot % BLOCK_SLOTS) as usize * SLOT_BYTES;
        let bytes = plain
            .get(start..)
            .and_then(|rest| rest.first_chunk::<SLOT_BYTES>());
        Ok(Zeroizing::new(*bytes.ok_or(StoreError::NoSuchSlot(slot))?))
    }

    /// A block's slots, from memory or from the first of its copies that opens.
    pub(super) fn load(&mut self, paths: &SlotPaths, block: u64) -> Result<&[u8], StoreError> {
        if block >= self.blocks {
            return Err(StoreError::NoSuchSlot(block.saturating_mul(BLOCK_SLOTS)));
        }
        let plain = match self.cache.iter().position(|(cached, _)| *cached == block) {
            Some(at) => self.cache.remove(at).map(|(_, plain)| plain),
            None => {
                let path = &paths.slots;
                let (mut opened, mut failed) = (None, None);
                for copy in 0..2 {
                    // A sector that cannot be read is damage like any other: the copy may be whole.
                    match read_at(&self.file, path, copy_offset(block, copy), COPY_BYTES) {
                        Ok(bytes) => opened = open_block(&self.key, block, &bytes),
                        Err(error) => failed = Some(error),
                    }
                    if opened.is_some() {
                        break;
                    }
                    tracing::warn!(block, copy, "a copy of a shred slot block is damaged");
                }
                if let (None, Some(error)) = (&opened, failed) {
                    return Err(error);
                }
                opened
            }
        };
        let plain = plain.ok_or_else(|| damaged("shred slot block", block))?;
        if self.cache.len() >= CACHED_BLOCKS {
            self.cache.pop_front();
        }
        self.cache.push_back((block, plain));
        Ok(self.cache.back().map_or(&[], |(_, plain)| plain.as_slice()))
    }
}

/// Where a copy of a block lies.
pub(super) fn copy_offset(block: u64, copy: u64) -> u64 {
    block
        .saturating_mul(2)
        .saturating_add(copy)
        .saturating_mul(COPY_BYTES as u64)
}

pub(super) fn damaged(what: &'static str, block: u64) -> StoreError {
    StoreError::Damaged {
        what,
        segment: u32::try_from(block).unwrap_or(u32::MAX),
        offset: copy_offset(block, 0),
    }
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
