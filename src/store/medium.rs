//! The file operations on which durability rests, behind a seam so that tests can fail each one.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

use super::StoreError;
use super::error::io_error;

/// Everything that the store writes goes through this.
pub trait Medium: Send + Sync {
    /// A new, empty file that only its owner reads; what was there is emptied.
    ///
    /// # Errors
    /// What the operating system says.
    fn create(&self, path: &Path) -> io::Result<Box<dyn MediumFile>>;
    /// An existing file, for writing.
    ///
    /// # Errors
    /// What the operating system says.
    fn open(&self, path: &Path) -> io::Result<Box<dyn MediumFile>>;
    /// Puts `from` in the place of `to` at once.
    ///
    /// # Errors
    /// What the operating system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Removes a file.
    ///
    /// # Errors
    /// What the operating system says.
    fn remove(&self, path: &Path) -> io::Result<()>;
    /// Makes creations, renames and removals in a directory durable.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;
    /// Runs a write of the index.
    ///
    /// # Errors
    /// What the operating system says.
    fn index(&self, write: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()>;
}

/// A file that is being written.
pub trait MediumFile: Send {
    /// Writes all of `bytes` at `offset`.
    ///
    /// # Errors
    /// What the operating system says.
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// `fdatasync`: the bytes and the length.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync(&mut self) -> io::Result<()>;
    /// Cuts the file.
    ///
    /// # Errors
    /// What the operating system says.
    fn cut(&mut self, length: u64) -> io::Result<()>;
}

/// The real disk.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

struct DiskFile(File);

impl Medium for Disk {
    fn create(&self, path: &Path) -> io::Result<Box<dyn MediumFile>> {
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)?;
        Ok(Box::new(DiskFile(file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn MediumFile>> {
        let file = OpenOptions::new().write(true).open(path)?;
        Ok(Box::new(DiskFile(file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all()
    }

    fn index(&self, write: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        write()
    }
}

impl MediumFile for DiskFile {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.set_len(length)
    }
}

/// Replaces a small file. A crash leaves the old bytes or the new ones, and perhaps a leftover
/// `.new` file, which the next replacement overwrites.
pub(crate) fn replace(medium: &dyn Medium, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
    let fresh = path.with_extension("new");
    let mut file = medium
        .create(&fresh)
        .map_err(io_error("cannot create", &fresh))?;
    file.write(0, bytes)
        .map_err(io_error("cannot write", &fresh))?;
    file.sync().map_err(io_error("cannot sync", &fresh))?;
    medium
        .rename(&fresh, path)
        .map_err(io_error("cannot put in place", path))?;
    sync_parent(medium, path)
}

/// Makes a name durable in its directory.
pub(crate) fn sync_parent(medium: &dyn Medium, path: &Path) -> Result<(), StoreError> {
    let dir = path.parent().unwrap_or(Path::new("."));
    medium
        .sync_dir(dir)
        .map_err(io_error("cannot sync directory", dir))
}
