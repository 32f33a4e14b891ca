//! Where a bundle's files come from.

use std::io::{self, Read};

use super::{MAX_PART_BYTES, NameFault};

/// A file of a bundle, as its folder or archive states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    /// Its path below the bundle, with `/`.
    pub path: String,
    /// Its size in bytes, as stated: what is read may not be more, nor less.
    pub size: u64,
}

/// A folder or an archive with a bundle.
pub trait Source {
    /// Every file that is there, links and devices refused before.
    fn files(&self) -> &[FileEntry];

    /// Opens a file by its index in [`Self::files`].
    ///
    /// # Errors
    /// [`SourceFault`].
    fn open(&mut self, index: usize) -> Result<Box<dyn Read + '_>, SourceFault>;
}

/// A folder or archive that is no bundle, or cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SourceFault {
    /// A name that no file of a bundle has.
    #[error(transparent)]
    Name(#[from] NameFault),
    /// Neither a file nor a folder.
    #[error("`{0}` is a link; a bundle has none")]
    Link(String),
    /// Neither a file nor a folder.
    #[error("`{0}` is neither a file nor a folder: a device, a pipe or a socket")]
    Device(String),
    /// Too many files.
    #[error("there are more than {0} files")]
    TooMany(usize),
    /// A file that is too large for what it is.
    #[error("`{path}` has {size} bytes, more than {most}")]
    TooLarge {
        /// Which.
        path: String,
        /// Its size.
        size: u64,
        /// The bound.
        most: u64,
    },
    /// It unpacks to more than it is.
    #[error("`{path}` unpacks to {ratio} times its size in the archive")]
    Ratio {
        /// Which.
        path: String,
        /// How many times.
        ratio: u64,
    },
    /// Another size than stated.
    #[error("`{path}` has another size than the {stated} bytes that are stated")]
    Size {
        /// Which.
        path: String,
        /// What was stated.
        stated: u64,
    },
    /// The archive is not one that this program reads.
    #[error("the archive is refused: {0}")]
    Archive(&'static str),
    /// Reading failed.
    #[error("reading failed: {0}")]
    Io(#[from] io::Error),
}

impl SourceFault {
    /// A stable word for the fault.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Name(fault) => fault.name(),
            Self::Link(_) => "link",
            Self::Device(_) => "device",
            Self::TooMany(_) => "too-many-files",
            Self::TooLarge { .. } => "too-large",
            Self::Ratio { .. } => "archive-ratio",
            Self::Size { .. } => "size",
            Self::Archive(_) => "archive",
            Self::Io(_) => "unreadable",
        }
    }
}

/// Reads a file in pieces, no more and no less than was stated.
///
/// # Errors
/// [`SourceFault`].
pub(super) fn each_piece(
    source: &mut dyn Source,
    index: usize,
    mut take: impl FnMut(&[u8]),
) -> Result<(), SourceFault> {
    let Some(FileEntry { path, size }) = source.files().get(index).cloned() else {
        return Err(SourceFault::Archive("a file that is not there"));
    };
    let mut left = size;
    let mut reader = source.open(index)?;
    let mut buffer = vec![0; 256 * 1024];
    loop {
        let read = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        let stated = SourceFault::Size {
            path: path.clone(),
            stated: size,
        };
        left = left.checked_sub(read as u64).ok_or(stated)?;
        take(buffer.get(..read).unwrap_or_default());
    }
    match left {
        0 => Ok(()),
        _ => Err(SourceFault::Size { path, stated: size }),
    }
}

/// Reads a file that is not an item.
///
/// # Errors
/// [`SourceFault`].
pub(super) fn whole(source: &mut dyn Source, index: usize) -> Result<Vec<u8>, SourceFault> {
    let entry = source.files().get(index).cloned();
    if let Some(FileEntry { path, size }) = entry
        && size > MAX_PART_BYTES
    {
        return Err(SourceFault::TooLarge {
            path,
            size,
            most: MAX_PART_BYTES,
        });
    }
    let mut bytes = Vec::new();
    each_piece(source, index, |piece| bytes.extend_from_slice(piece))?;
    Ok(bytes)
}
