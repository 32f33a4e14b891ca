//! Writing a bundle, from first to last. A crash leaves a folder without manifests, or a zip without an
//! end: neither is a bundle, and the same command writes another.

use std::{
    collections::BTreeMap,
    fs::{self, DirBuilder, File, OpenOptions},
    io::{self, BufWriter, Write},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use ring::digest::{Context, SHA256};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

use crate::{
    crypto::Digest,
    evidence::bundle::{bagit, names},
};

/// Where a bundle goes.
enum To {
    Folder(PathBuf),
    /// The archive, and the folder inside it.
    Zip(Box<ZipWriter<BufWriter<File>>>, String),
}

/// The file that is being written.
struct Under {
    path: String,
    file: Option<BufWriter<File>>,
    digest: Context,
    size: u64,
}

/// Writes a bundle file by file and its manifests at the end. Files are written as they come and are
/// readable by their owner alone.
pub struct BagWriter {
    to: To,
    under: Option<Under>,
    digests: BTreeMap<String, Digest>,
    octets: u64,
}

impl BagWriter {
    /// A bundle in a folder, which must not exist.
    ///
    /// # Errors
    /// Where it exists or cannot be made.
    pub fn folder(path: &Path) -> io::Result<Self> {
        DirBuilder::new().mode(0o700).create(path)?;
        Ok(Self::to(To::Folder(path.to_owned())))
    }

    /// A bundle in a zip, which must not exist; inside, it lies in the folder `base`.
    ///
    /// # Errors
    /// Where it exists or cannot be made.
    pub fn zip(path: &Path, base: &str) -> io::Result<Self> {
        let file = created(path)?;
        let writer = Box::new(ZipWriter::new(BufWriter::new(file)));
        let base = match names::made_of(base, 60) {
            name if name.is_empty() => "bundle".to_owned(),
            name => name,
        };
        Ok(Self::to(To::Zip(writer, base)))
    }

    const fn to(to: To) -> Self {
        Self {
            to,
            under: None,
            digests: BTreeMap::new(),
            octets: 0,
        }
    }

    /// Begins a file. `size` is what it will have, where it is known: beyond 4 GiB a zip must know.
    ///
    /// # Errors
    /// [`io::Error`]; [`io::ErrorKind::InvalidInput`] for a path that no bundle has.
    pub fn begin(&mut self, path: &str, size: u64) -> io::Result<()> {
        names::check(path).map_err(|fault| io::Error::new(io::ErrorKind::InvalidInput, fault))?;
        let file = match &mut self.to {
            To::Folder(root) => {
                let path = root.join(path);
                if let Some(parent) = path.parent() {
                    DirBuilder::new()
                        .mode(0o700)
                        .recursive(true)
                        .create(parent)?;
                }
                Some(BufWriter::new(created(&path)?))
            }
            To::Zip(writer, base) => {
                let options = SimpleFileOptions::default()
                    .compression_method(CompressionMethod::Stored)
                    .unix_permissions(0o600)
                    .large_file(size >= u64::from(u32::MAX));
                writer.start_file(format!("{base}/{path}"), options)?;
                None
            }
        };
        self.under = Some(Under {
            path: path.to_owned(),
            file,
            digest: Context::new(&SHA256),
            size: 0,
        });
        Ok(())
    }

    /// The next bytes of the file that was begun.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let Some(under) = &mut self.under else {
            return Err(io::Error::other("no file was begun"));
        };
        match (&mut under.file, &mut self.to) {
            (Some(file), _) => file.write_all(bytes)?,
            (None, To::Zip(writer, _)) => writer.write_all(bytes)?,
            (None, To::Folder(_)) => return Err(io::Error::other("the file was not opened")),
        }
        under.digest.update(bytes);
        under.size = under.size.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Ends the file, and says its SHA-256.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn end(&mut self) -> io::Result<Digest> {
        let under = self.under.take();
        let under = under.ok_or_else(|| io::Error::other("no file was begun"))?;
        if let Some(file) = under.file {
            file.into_inner()
                .map_err(io::IntoInnerError::into_error)?
                .sync_all()?;
        }
        let digest = Digest::try_from(under.digest.finish().as_ref()).map_err(io::Error::other)?;
        if under.path.starts_with(bagit::PAYLOAD) {
            self.octets = self.octets.saturating_add(under.size);
        }
        self.digests.insert(under.path, digest);
        Ok(digest)
    }

    /// A whole file.
    ///
    /// # Errors
    /// [`io::Error`].
    pub fn file(&mut self, path: &str, bytes: &[u8]) -> io::Result<Digest> {
        self.begin(path, bytes.len() as u64)?;
        self.write(bytes)?;
        self.end()
    }

    /// Writes declaration, `bag-info.txt` with these lines, and the manifests, and syncs everything.
    ///
    /// # Errors
    /// [`io::Error`]; what was written is no bundle then.
    pub fn finish(mut self, info: &[(&str, String)]) -> io::Result<()> {
        let manifest = bagit::manifest(&self.digests);
        let mut lines = info.to_vec();
        lines.push(("Payload-Oxum", bagit::oxum(self.octets, self.digests.len())));
        let info = bagit::info(&lines);
        let mut tags = BTreeMap::new();
        for (path, text) in [
            (bagit::BAGIT, bagit::DECLARATION),
            (bagit::BAG_INFO, info.as_str()),
            (bagit::MANIFEST, manifest.as_str()),
        ] {
            tags.insert(path.to_owned(), self.file(path, text.as_bytes())?);
        }
        self.file(bagit::TAG_MANIFEST, bagit::manifest(&tags).as_bytes())?;
        match self.to {
            To::Folder(root) => sync_folders(&root),
            To::Zip(writer, _) => {
                let file = writer.finish()?;
                file.into_inner()
                    .map_err(io::IntoInnerError::into_error)?
                    .sync_all()
            }
        }
    }
}

fn created(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
}

/// Syncs a folder and those below it, so that every name is durable.
fn sync_folders(root: &Path) -> io::Result<()> {
    let mut waiting = vec![root.to_owned()];
    while let Some(folder) = waiting.pop() {
        for entry in fs::read_dir(&folder)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() {
                waiting.push(entry.path());
            }
        }
        File::open(&folder)?.sync_all()?;
    }
    Ok(())
}
