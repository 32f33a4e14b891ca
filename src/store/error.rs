//! What can go wrong in the store, and whose fault it is.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Why the store refuses. Cloneable, because one failed group has many proposers.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused a file operation.
    #[error("{doing} {}: {source}", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's word.
        source: Arc<io::Error>,
    },
    /// Another process holds this journal.
    #[error("another process holds the journal in {}; stop it first", .0.display())]
    Locked(PathBuf),
    /// Bytes that were durable are no longer what was written.
    #[error(
        "the {what} in segment {segment} at offset {offset} is damaged; \
         restore the file from a copy or repair from peers"
    )]
    Damaged {
        /// Which part is damaged.
        what: &'static str,
        /// Number of the segment (of the block, for shred slots).
        segment: u32,
        /// Offset in the file, in bytes.
        offset: u64,
    },
    /// Something vouches for entries which the journal no longer has.
    #[error(
        "acknowledged entries are missing: the {what} vouches for position {position}, \
         the journal ends at {journal}; restore the journal or repair from peers"
    )]
    AcknowledgedDataMissing {
        /// What is ahead of the journal.
        what: &'static str,
        /// The position it vouches for.
        position: u64,
        /// The journal's last position.
        journal: u64,
    },
    /// Making another index would give up entries that were durable.
    #[error(
        "{why}; nothing was changed. The journal can be read up to position {position}; to give up \
         for good what was acknowledged after it, rebuild with --accept-loss-after {position}"
    )]
    WouldLose {
        /// The last position that can be read.
        position: u64,
        /// What vouches for more.
        why: String,
    },
    /// Something vouches for another history than the journal's.
    #[error(
        "the {what} and the journal differ at position {position}: they are not of one history; \
         restore both from the same copy"
    )]
    ChainDiffers {
        /// What differs.
        what: &'static str,
        /// The position at which the hashes differ.
        position: u64,
    },
    /// The sync mark is damaged or missing.
    #[error("the sync mark {} is {problem}; restore it from a copy, or let \
         `comity store rebuild` trust the journal and what the index vouches for", path.display())]
    Mark {
        /// What is wrong with it.
        problem: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// A file was written by a newer version.
    #[error("the {what} has format version {version}, which this version does not read; upgrade")]
    Version {
        /// Which file.
        what: &'static str,
        /// The version found.
        version: u32,
    },
    /// No entry lies at this place, or not that many blobs.
    #[error("nothing lies in segment {segment} at offset {offset}")]
    NoSuchPlace {
        /// Number of the segment.
        segment: u32,
        /// Offset in the file, in bytes.
        offset: u64,
    },
    /// The blob has been dropped; its digest stays in the chain.
    #[error("the blob is gone: only its digest is kept")]
    Gone,
    /// Something is larger than the store takes.
    #[error("the {what} is {size}, the store takes {limit} at most")]
    TooLarge {
        /// What is too large.
        what: &'static str,
        /// Its size in bytes, or its count.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// A row was written under the store's own prefix or without a prefix.
    #[error("a row's key is empty or starts with the store's own prefix 0")]
    ReservedKey,
    /// sled failed.
    #[error("the index failed: {0}; the next start makes another from the journal")]
    Index(String),
    /// A projection could not apply an entry.
    #[error("the entry at position {position} does not apply: {why}")]
    Projection {
        /// The entry's position.
        position: u64,
        /// The projection's reason.
        why: String,
    },
    /// A write or sync failed before; nothing is acknowledged any more.
    #[error("the store has stopped after a failed write: {why}; restart the node")]
    Poisoned {
        /// The first failure.
        why: String,
    },
    /// The disk had no room for a group. Nothing of it was kept, and nothing more is taken; what was
    /// acknowledged is whole, and the stop can be a clean one.
    #[error("the disk is full: nothing of this was kept; the node stops until there is room")]
    Full,
    /// No randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// The shred slot was destroyed.
    #[error("shred slot {0} was erased")]
    SlotErased(u64),
    /// The shred slot was lost with its block.
    #[error(
        "shred slot {0} is lost: both copies of its block were damaged when the file was written anew"
    )]
    SlotLost(u64),
    /// The shred slot was never filled.
    #[error("shred slot {0} does not exist")]
    NoSuchSlot(u64),
    /// The file key is missing, damaged, or of another slot file.
    #[error("the file key {} is {problem}", path.display())]
    FileKey {
        /// What is wrong with it.
        problem: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The file is there already and is not overwritten.
    #[error("{} exists already", .0.display())]
    Exists(PathBuf),
}

impl StoreError {
    /// Names what was being done, and to which file.
    pub(super) fn io(doing: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            doing,
            path: path.to_path_buf(),
            source: Arc::new(source),
        }
    }
}

impl StoreError {
    /// Whether a write, and no sync, failed since there was no room.
    pub(super) fn lacks_room(&self) -> bool {
        let Self::Io { doing, source, .. } = self else {
            return false;
        };
        let kinds = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded];
        matches!(*doing, CREATE | WRITE) && kinds.contains(&source.kind())
    }
}

impl From<crate::crypto::RandomError> for StoreError {
    fn from(_: crate::crypto::RandomError) -> Self {
        Self::Random
    }
}

/// What is being done when a file is created.
pub(super) const CREATE: &str = "cannot create";
/// What is being done when a file is written.
pub(super) const WRITE: &str = "cannot write";

/// For `map_err`: names what was being done, and to which file.
pub(super) fn io_error(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    move |source| StoreError::io(doing, path, source)
}
