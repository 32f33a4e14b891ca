//! A bundle in a folder.

use std::{
    fs::{self, OpenOptions},
    io::Read,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustix::fs::OFlags;

use crate::evidence::bundle::{
    FileEntry, MAX_FILES, NameFault, Source, SourceFault,
    names::{self, MAX_DEPTH},
};

/// A folder that was walked once; no link in it is followed.
pub(super) struct Folder {
    root: PathBuf,
    files: Vec<FileEntry>,
}

impl Folder {
    pub(super) fn open(root: &Path) -> Result<Self, SourceFault> {
        let mut folder = Self {
            root: root.to_owned(),
            files: Vec::new(),
        };
        let mut seen = 0_usize;
        let mut waiting = vec![(String::new(), 0_usize)];
        while let Some((below, depth)) = waiting.pop() {
            for entry in fs::read_dir(root.join(&below))? {
                let entry = entry?;
                seen += 1;
                if seen > MAX_FILES {
                    return Err(SourceFault::TooMany(MAX_FILES));
                }
                let name = entry.file_name();
                let Some(name) = name.to_str() else {
                    let lossy = names::shown(&name.to_string_lossy());
                    return Err(NameFault::Encoding(lossy).into());
                };
                let path = if below.is_empty() {
                    name.to_owned()
                } else {
                    format!("{below}/{name}")
                };
                names::check(&path)?;
                let metadata = entry.metadata()?;
                let kind = metadata.file_type();
                if kind.is_symlink() {
                    return Err(SourceFault::Link(path));
                } else if kind.is_dir() && depth + 1 >= MAX_DEPTH {
                    return Err(NameFault::TooDeep(path).into());
                } else if kind.is_dir() {
                    waiting.push((path, depth + 1));
                } else if kind.is_file() {
                    folder.files.push(FileEntry {
                        path,
                        size: metadata.len(),
                    });
                } else {
                    return Err(SourceFault::Device(path));
                }
            }
        }
        folder.files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(folder)
    }
}

impl Source for Folder {
    fn files(&self) -> &[FileEntry] {
        &self.files
    }

    fn open(&mut self, index: usize) -> Result<Box<dyn Read + '_>, SourceFault> {
        let Some(entry) = self.files.get(index) else {
            return Err(SourceFault::Archive("a file that is not there"));
        };
        // Whatever took its place since it was walked: no link is followed, no pipe waited for.
        let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
        let flags = i32::try_from(flags.bits()).unwrap_or_default();
        let file = OpenOptions::new()
            .read(true)
            .custom_flags(flags)
            .open(self.root.join(&entry.path))?;
        if !file.metadata()?.is_file() {
            return Err(SourceFault::Device(entry.path.clone()));
        }
        Ok(Box::new(file))
    }
}
