//! Where the store lies and how much it takes at once.

use std::path::{Path, PathBuf};

use super::StoreError;

/// Where the store lies and how much it takes at once.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// Directory of the journal's segments.
    pub journal_dir: PathBuf,
    /// Directory of the index (sled). May be deleted while the node is stopped; it is rebuilt.
    pub index_dir: PathBuf,
    /// Size at which a new segment is begun, in bytes. A group never spans segments.
    pub segment_bytes: u64,
    /// Room made behind the journal's end at once, in bytes; 0 for none.
    pub room_bytes: u64,
    /// sled's cache, in bytes. sled can exceed it several times over.
    pub cache_bytes: u64,
    /// The operating system's boot id; another one than at the last open means that the page cache
    /// was lost in between.
    pub boot_id: String,
    /// Entries after which a group is closed.
    pub max_group_entries: usize,
    /// Bytes after which a group is closed.
    pub max_group_bytes: usize,
}

impl StoreOptions {
    /// Defaults below `dir`: `journal/`, `index/`, 64 MiB segments, 4 MiB of room, 64 MiB cache.
    pub fn new(dir: &Path) -> Self {
        Self {
            journal_dir: dir.join("journal"),
            index_dir: dir.join("index"),
            segment_bytes: 64 << 20,
            room_bytes: 4 << 20,
            cache_bytes: 64 << 20,
            boot_id: boot_id().unwrap_or_default(),
            max_group_entries: 512,
            max_group_bytes: 8 << 20,
        }
    }
}

/// The boot id of the running kernel. Where there is none, the index is rebuilt after every
/// unclean stop: an empty boot id equals nothing.
///
/// # Errors
/// [`StoreError::Io`] when the kernel does not tell.
pub fn boot_id() -> Result<String, StoreError> {
    let path = Path::new("/proc/sys/kernel/random/boot_id");
    let text = std::fs::read_to_string(path)
        .map_err(|source| StoreError::io("cannot read", path, source))?;
    Ok(text.trim().to_owned())
}
