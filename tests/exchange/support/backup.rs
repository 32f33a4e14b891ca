//! Backups of a node's data, taken and put back while it does not run.

use std::{
    fs,
    path::{Path, PathBuf},
};

use super::Country;

impl Country {
    /// Takes a backup of the data of a node that does not run.
    pub(crate) fn back_up(&self) -> PathBuf {
        let backup = self.dir().with_extension("backup");
        let _ = fs::remove_dir_all(&backup);
        copy(&self.layout().data(), &backup);
        backup
    }

    /// Puts a backup in the place of the data of a node that does not run.
    pub(crate) fn restore(&self, backup: &Path) {
        fs::remove_dir_all(self.layout().data()).unwrap();
        copy(backup, &self.layout().data());
    }
}

/// Whether a folder holds these bytes as they are, in any of its files.
pub(crate) fn lies_in(folder: &Path, words: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            lies_in(&path, words)
        } else {
            let bytes = fs::read(&path).unwrap_or_default();
            bytes.windows(words.len()).any(|window| window == words)
        }
    })
}

/// Copies a folder with everything in it.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}
