//! Reading and writing files of a home: nothing half written, nothing readable by others.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use zeroize::Zeroizing;

use super::HomeError;
use crate::crypto::random_bytes;

/// Largest file of a home that is read whole.
pub(super) const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// Permission bits that let others in.
const OTHERS: u32 = 0o077;

/// Turns an I/O error into one that names the file and what was tried.
pub(super) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> HomeError {
    let path = path.to_owned();
    move |source| HomeError::Io {
        path,
        action,
        source,
    }
}

/// Makes a folder that only the owner may enter.
pub(super) fn make_dir(path: &Path) -> Result<(), HomeError> {
    DirBuilder::new()
        .mode(0o700)
        .create(path)
        .map_err(io(path, "created"))
}

/// Writes a file that must not exist yet and syncs it; only the owner may read it.
pub(super) fn write_new(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(io(path, "created"))?;
    file.write_all(bytes).map_err(io(path, "written"))?;
    file.sync_all().map_err(io(path, "synced"))
}

/// Replaces a file as a whole: a crash leaves the old one or the new one, and at worst a stray
/// file whose name starts with a dot.
pub(super) fn replace(path: &Path, bytes: &[u8]) -> Result<(), HomeError> {
    let fresh = sibling(path, "new")?;
    let replaced = write_new(&fresh, bytes)
        .and_then(|()| fs::rename(&fresh, path).map_err(io(path, "replaced")))
        .and_then(|()| sync_dir(parent(path)));
    if replaced.is_err() {
        // Best effort: the error that matters is the first one.
        let _ = fs::remove_file(&fresh);
    }
    replaced
}

/// Makes the names in a folder durable.
pub(super) fn sync_dir(path: &Path) -> Result<(), HomeError> {
    File::open(path)
        .and_then(|dir| dir.sync_all())
        .map_err(io(path, "synced"))
}

/// A name beside `path` that nothing else has, on the same file system so that it can be renamed.
pub(super) fn sibling(path: &Path, purpose: &str) -> Result<PathBuf, HomeError> {
    let name = path
        .file_name()
        .ok_or_else(|| HomeError::NoName(path.to_owned()))?;
    let unique = hex::encode(random_bytes::<8>()?);
    Ok(path.with_file_name(format!(".{}.{purpose}-{unique}", name.to_string_lossy())))
}

/// The folder that holds `path`.
pub(super) fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Reads a file that anyone may read.
pub(super) fn read_public(path: &Path) -> Result<Vec<u8>, HomeError> {
    let file = File::open(path).map_err(io(path, "read"))?;
    read_all(path, &file).map(|bytes| bytes.to_vec())
}

/// Longest list of revoked certificates that another CA signed, in bytes.
const MAX_LIST_BYTES: u64 = 16 * 1024 * 1024;

/// Reads a list of revoked certificates, which may be long.
pub(super) fn read_list(path: &Path) -> Result<Vec<u8>, HomeError> {
    let file = File::open(path).map_err(io(path, "read"))?;
    if file.metadata().map_err(io(path, "read"))?.len() > MAX_LIST_BYTES {
        return Err(HomeError::TooLarge(path.to_owned()));
    }
    let mut bytes = Vec::new();
    file.take(MAX_LIST_BYTES)
        .read_to_end(&mut bytes)
        .map_err(io(path, "read"))?;
    Ok(bytes)
}

/// Reads a private key after checking that only its owner may.
pub(super) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, HomeError> {
    let file = File::open(path).map_err(io(path, "read"))?;
    let mode = file.metadata().map_err(io(path, "read"))?.mode() & 0o7777;
    if mode & OTHERS != 0 {
        return Err(HomeError::OpenPermissions {
            path: path.to_owned(),
            mode,
        });
    }
    read_all(path, &file)
}

fn read_all(path: &Path, file: &File) -> Result<Zeroizing<Vec<u8>>, HomeError> {
    let length = file.metadata().map_err(io(path, "read"))?.len();
    if length > MAX_FILE_BYTES {
        return Err(HomeError::TooLarge(path.to_owned()));
    }
    // Of the right capacity at once, so that growing leaves no copy of a key behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(
        usize::try_from(length).unwrap_or_default() + 1,
    ));
    file.take(MAX_FILE_BYTES)
        .read_to_end(&mut bytes)
        .map_err(io(path, "read"))?;
    Ok(bytes)
}

/// Whether `dir` does not exist, or is an empty folder.
pub(super) fn is_vacant(dir: &Path) -> Result<bool, HomeError> {
    match fs::read_dir(dir) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(fault) if fault.kind() == ErrorKind::NotFound => Ok(true),
        Err(fault) if fault.kind() == ErrorKind::NotADirectory => Ok(false),
        Err(fault) => Err(io(dir, "read")(fault)),
    }
}
