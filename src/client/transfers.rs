//! Files of evidence requests: uploads and downloads that go on where they broke off.

mod download;
mod due;
mod into;
mod upload;

use std::{
    fs::File,
    io,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use super::ClientError;
use crate::crypto::chunks::PlanError;

pub use download::DownloadOrder;
pub use into::IntoOrder;
pub use upload::UploadOrder;

/// Why a file was not uploaded or downloaded.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The node, or the way there.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The file cannot be read or written.
    #[error("{doing} {}: {source}", path.display())]
    File {
        /// What was being done.
        doing: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// It cannot be sent as it is.
    #[error("{} cannot be uploaded: {why}", path.display())]
    Unfit {
        /// Which file.
        path: PathBuf,
        /// Why.
        why: String,
    },
    /// It has more bytes than when the upload began.
    #[error("{} grew while it was uploaded: it had {size} bytes and has more now; nothing is kept, upload it once it is finished", path.display())]
    Grew {
        /// Which file.
        path: PathBuf,
        /// Bytes that it had.
        size: u64,
    },
    /// It has fewer bytes than when the upload began.
    #[error("{} shrank while it was uploaded: it had {size} bytes and has {left} now; nothing is kept, upload it once it is finished", path.display())]
    Shrank {
        /// Which file.
        path: PathBuf,
        /// Bytes that it had.
        size: u64,
        /// Bytes that it has.
        left: u64,
    },
    /// Its bytes are others than when the upload began.
    #[error("{} changed while it was uploaded; nothing is kept, upload it again", .0.display())]
    Changed(PathBuf),
    /// A chunk does not fit the item's root, however often it is fetched.
    #[error(
        "chunk {index} of the item does not fit its root, {times} times over: it is altered on the way or at the node; what came before it is kept in {}", part.display()
    )]
    Damaged {
        /// Which.
        index: u64,
        /// How often it came so.
        times: u32,
        /// Where what came is kept.
        part: PathBuf,
    },
    /// The output is there already.
    #[error("{} is there already; name a file that does not exist", .0.display())]
    Exists(PathBuf),
    /// Another download writes the same file.
    #[error("{} is being written by another download", .0.display())]
    Busy(PathBuf),
    /// The node answered what it must not.
    #[error("the node's answer makes no sense: {0}")]
    Protocol(&'static str),
}

impl TransferError {
    fn file(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            doing,
            path: path.to_owned(),
            source,
        }
    }
}

impl From<PlanError> for TransferError {
    fn from(_: PlanError) -> Self {
        Self::Protocol("the item cannot be cut in chunks as it says")
    }
}

impl From<tonic::Status> for TransferError {
    fn from(status: tonic::Status) -> Self {
        Self::Client(status.into())
    }
}

/// Reads up to `length` bytes at an offset; fewer where the file ends.
fn read_up_to(file: &File, offset: u64, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; length];
    let mut read = 0;
    while let Some(rest) = bytes.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match file.read_at(rest, offset.saturating_add(read as u64)) {
            Ok(0) => break,
            Ok(more) => read = read.saturating_add(more),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(read);
    Ok(bytes)
}
