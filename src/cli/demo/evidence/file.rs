//! The file that is asked for: made of numbers that follow from its place, so that it takes no room in
//! memory.

use std::{
    fs::File,
    io::{self, BufWriter, Read as _, Write as _},
    path::Path,
};

use crate::cli::exit::{CANTCREAT, Failure, IOERR, SOFTWARE};

/// Bytes written and read at a time.
const BLOCK: usize = 1 << 20;

/// Writes a file of so many bytes.
pub(super) fn write(path: &Path, size: u64) -> Result<(), Failure> {
    let failed = |error: io::Error| {
        Failure::new(
            CANTCREAT,
            format!("{} cannot be written: {error}", path.display()),
        )
    };
    let mut file = BufWriter::with_capacity(BLOCK, File::create_new(path).map_err(failed)?);
    // A multiplicative sequence modulo 2^64: no block is like another.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut left = size;
    while left > 0 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let bytes = state.to_be_bytes();
        let part = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        file.write_all(bytes.get(..part).unwrap_or(&bytes))
            .map_err(failed)?;
        left -= part as u64;
    }
    file.into_inner()
        .map_err(|error| failed(error.into_error()))?
        .sync_all()
        .map_err(failed)
}

/// Whether two files have the same bytes; the second is removed.
pub(super) fn same_then_gone(one: &Path, other: &Path) -> Result<bool, Failure> {
    let same = same(one, other)?;
    std::fs::remove_file(other).map_err(|error| Failure::not_written(other, &error))?;
    Ok(same)
}

fn same(one: &Path, other: &Path) -> Result<bool, Failure> {
    let failed = |path: &Path, error: io::Error| {
        Failure::new(IOERR, format!("{} cannot be read: {error}", path.display()))
    };
    let open = |path: &Path| {
        let file = File::open(path).map_err(|error| failed(path, error))?;
        let size = file.metadata().map_err(|error| failed(path, error))?.len();
        Ok::<_, Failure>((file, size))
    };
    let ((mut first, size), (mut second, other_size)) = (open(one)?, open(other)?);
    if size != other_size {
        return Ok(false);
    }
    let (mut here, mut there) = (vec![0; BLOCK], vec![0; BLOCK]);
    let mut left = size;
    while left > 0 {
        let part = usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK));
        let (Some(here), Some(there)) = (here.get_mut(..part), there.get_mut(..part)) else {
            return Ok(false);
        };
        first.read_exact(here).map_err(|error| failed(one, error))?;
        second
            .read_exact(there)
            .map_err(|error| failed(other, error))?;
        if here != there {
            return Ok(false);
        }
        left -= part as u64;
    }
    Ok(true)
}

/// Bytes as people say them.
pub(super) fn in_words(size: u64) -> String {
    indicatif::BinaryBytes(size).to_string()
}

/// Work on files, off the runtime's threads.
pub(super) async fn on_disk<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Failure::new(SOFTWARE, error.to_string()))?
}
