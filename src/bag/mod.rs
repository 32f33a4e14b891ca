//! Bundles on a disk: a folder or a zip, read with every bound and written once, from first to last.
//!
//! What may stand in a bundle and what it proves is `evidence::bundle`'s; here is only where its bytes
//! come from and go to.

mod folder;
mod write;
mod zipped;

use std::path::Path;

use crate::evidence::bundle::{Source, SourceFault};

pub use write::BagWriter;

/// Opens a bundle: a folder, or a zip.
///
/// # Errors
/// [`SourceFault`] for what is no bundle, may not be one, or cannot be read.
pub fn open(path: &Path) -> Result<Box<dyn Source>, SourceFault> {
    // What the caller names is followed, links and all: it is the caller's word. Nothing below it is.
    if path.metadata()?.is_dir() {
        Ok(Box::new(folder::Folder::open(path)?))
    } else {
        Ok(Box::new(zipped::Zipped::open(path)?))
    }
}

#[cfg(test)]
mod tests;
