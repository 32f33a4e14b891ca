//! The node's private keys as files: in the clear, or sealed under a passphrase.
//!
//! A protected home has `keys/protection.age`: a random protection key in age's format under the
//! passphrase, as the roots are. Every key file has the ending `.sealed` then and is encrypted under
//! the protection key. That one file decides: where it is, sealed files are read and no others; where
//! it is not, plain files are. Protecting writes all sealed files first, then `protection.age`, then
//! destroys the plain ones; unprotecting goes the other way. A crash at any moment leaves a home that
//! opens as before or as after, and at worst files that are not read, which the next start destroys.

use std::{
    ffi::OsString,
    fs::{self, OpenOptions},
    io::Write as _,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::{HomeError, Layout, files, root};
use crate::{
    crypto::{FILE_KEY_ROLE, KeySeal, PROTECTION_KEY_BYTES},
    record::Moment,
};

mod loaded;
mod protect;

pub(super) use loaded::{Loaded, read_sealing_keys};

/// Ending of a sealed key file.
const SEALED: &str = ".sealed";
/// Ending of a key that is about to be destroyed.
const GONE: &str = ".gone";

/// How the node's keys lie in the home.
#[derive(Clone, Debug)]
enum State {
    Plain,
    /// Under a passphrase that was not given.
    Locked,
    Open(KeySeal),
}

/// Reads and writes a home's private keys.
#[derive(Clone, Debug)]
pub struct KeyFiles {
    dir: PathBuf,
    protection: PathBuf,
    file_key: PathBuf,
    state: State,
}

/// Where a private key lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Custody {
    /// In a file that its owner alone may read.
    File,
    /// In a file under a passphrase.
    Sealed,
}

impl KeyFiles {
    /// Of a home whose file key is configured at `file_key`.
    pub(super) fn of(layout: &Layout, file_key: PathBuf) -> Self {
        let protection = layout.protection();
        Self {
            dir: layout.keys(),
            state: if protection.exists() {
                State::Locked
            } else {
                State::Plain
            },
            protection,
            file_key,
        }
    }

    /// Whether the keys are under a passphrase.
    pub const fn is_protected(&self) -> bool {
        !matches!(self.state, State::Plain)
    }

    /// Whether the keys can be read: they are in the clear, or the passphrase was given.
    pub const fn is_open(&self) -> bool {
        !matches!(self.state, State::Locked)
    }

    /// How a key lies here.
    pub const fn custody(&self) -> Custody {
        if self.is_protected() {
            Custody::Sealed
        } else {
            Custody::File
        }
    }

    /// Opens the keys with their passphrase; nothing happens when they are in the clear. Takes about a
    /// second and up to a gigabyte, by design.
    ///
    /// # Errors
    /// [`HomeError::WrongPassphrase`] and what else [`root::open_root`] answers.
    pub(super) fn unlock(&mut self, passphrase: &str) -> Result<(), HomeError> {
        if self.is_protected() {
            let key = self.protection_key(passphrase)?;
            self.state = State::Open(self.seal_of(&key)?);
        }
        Ok(())
    }

    fn protection_key(
        &self,
        passphrase: &str,
    ) -> Result<Zeroizing<[u8; PROTECTION_KEY_BYTES]>, HomeError> {
        let key = root::unlock(&self.protection, passphrase)?;
        <[u8; PROTECTION_KEY_BYTES]>::try_from(key.as_slice())
            .map(Zeroizing::new)
            .map_err(|_| HomeError::Key(self.protection.clone()))
    }

    fn seal_of(&self, key: &[u8; PROTECTION_KEY_BYTES]) -> Result<KeySeal, HomeError> {
        KeySeal::new(key).map_err(|_| HomeError::Key(self.protection.clone()))
    }

    /// What seals, where the keys are protected.
    ///
    /// # Errors
    /// [`HomeError::Protected`] while the passphrase was not given.
    pub(super) fn seal(&self) -> Result<Option<KeySeal>, HomeError> {
        match &self.state {
            State::Plain => Ok(None),
            State::Open(seal) => Ok(Some(seal.clone())),
            State::Locked => Err(HomeError::Protected(self.dir.clone())),
        }
    }

    /// The file in which the key of `path` lies.
    pub(super) fn place(&self, path: &Path) -> PathBuf {
        if self.is_protected() {
            with_ending(path, SEALED)
        } else {
            path.to_owned()
        }
    }

    /// Whether there is such a key.
    pub(super) fn exists(&self, path: &Path) -> bool {
        self.place(path).exists()
    }

    /// Reads a private key; nobody but its owner may be able to.
    pub(super) fn read(&self, path: &Path) -> Result<Zeroizing<Vec<u8>>, HomeError> {
        let place = self.place(path);
        match self.seal()? {
            None => files::read_secret(&place),
            Some(seal) => seal
                .open(&self.role(path), &files::read_secret(&place)?)
                .map_err(|_| HomeError::Key(place)),
        }
    }

    /// Reads a secret of the operator's, such as a password: one that lies among the keys is protected
    /// with them.
    pub(in crate::home) fn read_secret(
        &self,
        path: &Path,
    ) -> Result<Zeroizing<Vec<u8>>, HomeError> {
        if path.parent() == Some(&self.dir) {
            self.read(path)
        } else {
            files::read_secret(path)
        }
    }

    /// Reads a private key of 32 bytes.
    pub(super) fn read32(&self, path: &Path) -> Result<Zeroizing<[u8; 32]>, HomeError> {
        let bytes = self.read(path)?;
        <[u8; 32]>::try_from(bytes.as_slice())
            .map(Zeroizing::new)
            .map_err(|_| HomeError::Key(self.place(path)))
    }

    /// Reads a private key in PEM.
    pub(super) fn read_text(&self, path: &Path) -> Result<Zeroizing<String>, HomeError> {
        let bytes = self.read(path)?;
        std::str::from_utf8(&bytes)
            .map(|text| Zeroizing::new(text.to_owned()))
            .map_err(|_| HomeError::Key(self.place(path)))
    }

    /// Writes a private key, durably and at once.
    pub(super) fn replace(&self, path: &Path, key: &[u8]) -> Result<(), HomeError> {
        let place = self.place(path);
        match self.seal()? {
            None => files::replace(&place, key),
            Some(seal) => files::replace(&place, &seal.seal(&self.role(path), key)?),
        }
    }

    /// Renames a key into its place, over the one before. Both have the same role.
    pub(super) fn put_in_place(&self, next: &Path, path: &Path) -> Result<(), HomeError> {
        let (next, path) = (self.place(next), self.place(path));
        fs::rename(&next, &path).map_err(files::io(&path, "replaced"))?;
        files::sync_dir(files::parent(&path))
    }

    /// As [`Self::put_in_place`], and destroys the key before.
    pub(super) fn put_over(&self, next: &Path, path: &Path) -> Result<(), HomeError> {
        let gone = with_ending(path, GONE);
        self.destroy(&gone)?;
        if self.exists(path) {
            self.keep_as(path, &gone)?;
        }
        self.put_in_place(next, path)?;
        self.destroy(&gone)
    }

    /// Keeps the key of `path` under another name too, for as long as the old one is needed.
    pub(super) fn keep_as(&self, path: &Path, kept: &Path) -> Result<(), HomeError> {
        let (path, kept) = (self.place(path), self.place(kept));
        fs::hard_link(&path, &kept).map_err(files::io(&kept, "created"))?;
        files::sync_dir(files::parent(&kept))
    }

    /// Destroys a key: overwrites its file with zeros and removes it. What a disk keeps beside, as
    /// flash does, is out of reach. A key that is not there is none.
    pub(super) fn destroy(&self, path: &Path) -> Result<(), HomeError> {
        destroy(&self.place(path))
    }

    /// Names of the keys that are there, without their ending, in order.
    pub(super) fn names(&self) -> Result<Vec<String>, HomeError> {
        let names = self.files()?.into_iter();
        Ok(match self.state {
            State::Plain => names.filter(|name| !name.ends_with(SEALED)).collect(),
            _ => names
                .filter_map(|name| name.strip_suffix(SEALED).map(str::to_owned))
                .collect(),
        })
    }

    /// The key of `path` when it was replaced at `at`.
    pub(super) fn retired_path(path: &Path, at: Moment) -> PathBuf {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (stem, ending) = name.split_once('.').unwrap_or((&name, "key"));
        path.with_file_name(format!("{stem}.until-{}.{ending}", at.micros()))
    }

    /// Keys that `path` held before and that are still needed, newest first, with when they were
    /// replaced.
    pub(super) fn retired(&self, path: &Path) -> Result<Vec<(Moment, PathBuf)>, HomeError> {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let (stem, ending) = name.split_once('.').unwrap_or((&name, "key"));
        let (before, after) = (format!("{stem}.until-"), format!(".{ending}"));
        let mut retired: Vec<(Moment, PathBuf)> = self
            .names()?
            .iter()
            .filter_map(|name| {
                let at = name.strip_prefix(&before)?.strip_suffix(&after)?;
                let at = Moment::from_micros(at.parse().ok()?);
                Some((at, path.with_file_name(name)))
            })
            .collect();
        retired.sort();
        retired.reverse();
        Ok(retired)
    }

    /// Every file of the folder but `protection.age` and drafts.
    fn files(&self) -> Result<Vec<String>, HomeError> {
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(files::io(&self.dir, "read"))? {
            let entry = entry.map_err(files::io(&self.dir, "read"))?;
            let kind = entry
                .file_type()
                .map_err(files::io(&entry.path(), "read"))?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            if kind.is_file() && !name.starts_with('.') && entry.path() != self.protection {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Every key there is, the file key included wherever it lies.
    fn paths(&self) -> Result<Vec<PathBuf>, HomeError> {
        let mut paths: Vec<PathBuf> = self
            .names()?
            .into_iter()
            .map(|name| self.dir.join(name))
            .collect();
        if !paths.contains(&self.file_key) && self.exists(&self.file_key) {
            paths.push(self.file_key.clone());
        }
        Ok(paths)
    }

    /// What a key is for, which its sealed form is bound to: its name up to the first dot.
    fn role(&self, path: &Path) -> String {
        if path == self.file_key {
            return FILE_KEY_ROLE.to_owned();
        }
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        name.split('.').next().unwrap_or_default().to_owned()
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Overwrites a file with zeros, syncs, and removes it. Of one that has another name too only this
/// name goes: a crash came before the other was replaced.
fn destroy(path: &Path) -> Result<(), HomeError> {
    let length = match fs::metadata(path) {
        Ok(metadata) if metadata.nlink() > 1 => 0,
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(files::io(path, "read")(error)),
    };
    let zeros = vec![0; usize::try_from(length.min(files::MAX_FILE_BYTES)).unwrap_or_default()];
    OpenOptions::new()
        .write(true)
        .open(path)
        .and_then(|mut file| {
            file.write_all(&zeros)?;
            file.sync_all()
        })
        .map_err(files::io(path, "overwritten"))?;
    fs::remove_file(path).map_err(files::io(path, "removed"))?;
    files::sync_dir(files::parent(path))
}
