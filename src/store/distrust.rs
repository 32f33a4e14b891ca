//! A note that the index failed, so that the next start makes another one.
//!
//! sled's damage shows when a row is read, and the next start of the same boot would trust the index
//! again. Whoever meets it leaves this note beside the journal; a crash before the note is there
//! leaves the damage to be met again.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::error::io_error;
use super::medium::{Medium, sync_parent};

fn path(journal: &Path) -> PathBuf {
    journal.join("index.failed")
}

/// Notes that the index failed.
pub(super) fn note(journal: &Path) {
    let noted = File::create(path(journal))
        .and_then(|file| file.sync_all())
        .and_then(|()| File::open(journal)?.sync_all());
    if let Err(error) = noted {
        tracing::error!(%error, "cannot note that the index failed; rebuild it by hand");
    }
}

/// Whether the index failed since it was made.
pub(super) fn is_noted(journal: &Path) -> bool {
    path(journal).exists()
}

/// The index is another one, and whole.
pub(super) fn forget(medium: &dyn Medium, journal: &Path) -> Result<(), StoreError> {
    let path = path(journal);
    if !path.exists() {
        return Ok(());
    }
    medium
        .remove(&path)
        .map_err(io_error("cannot remove", &path))?;
    sync_parent(medium, &path)
}
