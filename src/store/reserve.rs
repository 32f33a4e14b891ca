//! The reserve: a file of a few MiB beside the journal, given up when the disk is really full, so
//! that the writer can still finish, the index be made durable and the stop be a clean one.

use std::{
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use super::{StoreError, error::io_error};

/// Size of the reserve in bytes.
const RESERVE: u64 = 4 << 20;

/// With less room than this the disk counts as full.
pub(super) const LOW: u64 = 2 << 20;

fn path(journal: &Path) -> PathBuf {
    journal.join("reserve")
}

/// Room on the disk that holds the journal, in bytes.
pub(super) fn free(journal: &Path) -> Result<u64, StoreError> {
    let disk = rustix::fs::statvfs(journal)
        .map_err(|error| StoreError::io("cannot measure", journal, error.into()))?;
    Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Sets the reserve aside, where it is not there and the disk has room for it several times over.
pub(super) fn keep(journal: &Path) -> Result<(), StoreError> {
    let path = path(journal);
    let whole = fs::metadata(&path).is_ok_and(|meta| meta.len() >= RESERVE);
    if whole || free(journal)? < 4 * RESERVE {
        return Ok(());
    }
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .map_err(io_error("cannot create", &path))?;
    let flags = rustix::fs::FallocateFlags::empty();
    match rustix::fs::fallocate(&file, flags, 0, RESERVE) {
        Ok(()) => Ok(()),
        // Not every file system sets room aside without bytes.
        Err(_) => file
            .write_all(&vec![0; usize::try_from(RESERVE).unwrap_or(0)])
            .map_err(io_error("cannot write", &path)),
    }
}

/// Gives the reserve up when the disk is full; true when it was given up now.
pub(super) fn release_when_low(journal: &Path) -> Result<bool, StoreError> {
    if free(journal)? >= LOW {
        return Ok(false);
    }
    let path = path(journal);
    match fs::remove_file(&path) {
        Ok(()) => {
            tracing::warn!("the disk is full: the reserve is given up");
            Ok(true)
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_error("cannot remove", &path)(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reserve_is_set_aside_once_and_stays_while_there_is_room() {
        let dir = tempfile::tempdir().unwrap();
        keep(dir.path()).unwrap();
        keep(dir.path()).unwrap();
        assert_eq!(fs::metadata(path(dir.path())).unwrap().len(), RESERVE);
        assert!(!release_when_low(dir.path()).unwrap());
        assert!(path(dir.path()).exists());
    }
}
