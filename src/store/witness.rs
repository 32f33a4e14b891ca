//! The witness: a small file beside the journal that knows which file it is.
//!
//! It names the boot, and its own device, inode and time of birth. A copy of the store, put in the
//! place of the store, has another file there, and so does every machine that started anew: only
//! who finds the witness true can be sure, without asking others, that this is the state in which
//! the last run left the store. A disk that was rolled back below its file system, without a boot
//! in between, is not seen by it.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{StoreError, error::io_error};

const FILE: &str = "witness";

fn path(journal: &Path) -> PathBuf {
    journal.join(FILE)
}

/// What the file must say to be itself; `None` where the file system keeps no time of birth.
fn expected(file: &File, boot_id: &str) -> Option<String> {
    let meta = file.metadata().ok()?;
    let born = meta
        .created()
        .ok()?
        .duration_since(SystemTime::UNIX_EPOCH)
        .ok()?;
    Some(format!(
        "{boot_id} {} {} {}",
        meta.dev(),
        meta.ino(),
        born.as_nanos()
    ))
}

/// Whether the witness is the file that the last run wrote, in this boot.
pub(super) fn is_true(journal: &Path, boot_id: &str) -> bool {
    let path = path(journal);
    let (Ok(said), Ok(file)) = (fs::read_to_string(&path), File::open(&path)) else {
        return false;
    };
    !boot_id.is_empty() && expected(&file, boot_id) == Some(said)
}

/// Writes the witness. A crash leaves a false one, or none: others are asked at the next start.
pub(super) fn write(journal: &Path, boot_id: &str) -> Result<(), StoreError> {
    let path = path(journal);
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .map_err(io_error("cannot create", &path))?;
    let Some(text) = expected(&file, boot_id) else {
        return Ok(());
    };
    file.write_all(text.as_bytes())
        .map_err(io_error("cannot write", &path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_no_witness_and_another_boot_has_none() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (dir.path().join("a"), dir.path().join("b"));
        fs::create_dir(&first).unwrap();
        fs::create_dir(&second).unwrap();
        assert!(!is_true(&first, "boot"));
        write(&first, "boot").unwrap();
        assert!(is_true(&first, "boot"));
        assert!(!is_true(&first, "another"));
        assert!(!is_true(&first, ""));
        fs::copy(path(&first), path(&second)).unwrap();
        assert!(!is_true(&second, "boot"));
        // Put back in the place of the original, it is still another file.
        fs::remove_file(path(&first)).unwrap();
        fs::copy(path(&second), path(&first)).unwrap();
        assert!(!is_true(&first, "boot"));
        write(&first, "boot").unwrap();
        assert!(is_true(&first, "boot"));
    }
}
