//! A bundle in a zip. Its end is read before the archive is: how many entries there are, and where the
//! directory lies, so that nothing is allocated for an archive that states a million entries, and no
//! second directory hides behind another.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom},
    path::Path,
};

use zip::{
    CompressionMethod, ZipArchive,
    read::{ArchiveOffset, Config},
    result::ZipError,
};

use crate::evidence::bundle::{FileEntry, MAX_FILES, NameFault, Source, SourceFault, bagit, names};

/// Bytes of the end record without a comment.
const END_BYTES: u64 = 22;
/// Bytes of the locator of the end record of ZIP64.
const LOCATOR_BYTES: u64 = 20;
/// Bytes of the end record of ZIP64 without an extension.
const END64_BYTES: u64 = 56;
/// Most bytes of the directory: as many entries as there may be, each with a path and an extra field.
const MAX_DIRECTORY: u64 = 4 * 1024 * 1024;
/// How many times its size in the archive a file may have; text comes to ten or twenty.
const MAX_RATIO: u64 = 200;
/// Files below this size are not asked for their ratio.
const SMALL: u64 = 1024 * 1024;

/// Kind of file in a Unix mode, and a regular file and a folder in it.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;

/// A zip whose directory was checked.
pub(super) struct Zipped {
    archive: ZipArchive<BufReader<File>>,
    /// Files, and their indexes in the archive.
    files: Vec<FileEntry>,
    indexes: Vec<usize>,
}

impl Zipped {
    pub(super) fn open(path: &Path) -> Result<Self, SourceFault> {
        let mut file = BufReader::new(File::open(path)?);
        let stated = check_end(&mut file)?;
        let config = Config {
            archive_offset: ArchiveOffset::Known(0),
        };
        let mut archive = ZipArchive::with_config(config, file).map_err(fault)?;
        if archive.has_duplicate_names() || archive.len() as u64 != stated {
            return Err(NameFault::Twice("an entry of the archive".to_owned()).into());
        }
        let mut entries = Vec::new();
        for index in 0..archive.len() {
            if let Some(entry) = checked(&mut archive, index)? {
                entries.push((entry, index));
            }
        }
        // Each local header says what the directory says, and no two entries share a byte.
        archive
            .validate_header_consistency()
            .map_err(|error| match error {
                ZipError::Io(error) => SourceFault::Io(error),
                _ => SourceFault::Archive(
                    "its entries overlap, or their headers contradict its directory",
                ),
            })?;
        let base = base(&entries)?;
        let mut files = Vec::with_capacity(entries.len());
        let mut indexes = Vec::with_capacity(entries.len());
        for (FileEntry { path, size }, index) in entries {
            let path = path.strip_prefix(&base).unwrap_or(&path).to_owned();
            files.push(FileEntry { path, size });
            indexes.push(index);
        }
        Ok(Self {
            archive,
            files,
            indexes,
        })
    }
}

/// An entry that is a file; none for a folder.
fn checked(
    archive: &mut ZipArchive<BufReader<File>>,
    index: usize,
) -> Result<Option<FileEntry>, SourceFault> {
    let entry = archive.by_index_raw(index).map_err(fault)?;
    let Ok(name) = std::str::from_utf8(entry.name_raw()) else {
        return Err(
            NameFault::Encoding(names::shown(&String::from_utf8_lossy(entry.name_raw()))).into(),
        );
    };
    let folder = name.ends_with('/');
    let path = name.strip_suffix('/').unwrap_or(name);
    names::check(path)?;
    if entry.encrypted() {
        return Err(SourceFault::Archive("an entry is encrypted"));
    }
    match entry.unix_mode().unwrap_or_default() & KIND {
        _ if entry.is_symlink() => return Err(SourceFault::Link(path.to_owned())),
        0 | REGULAR => {}
        DIRECTORY if folder => {}
        _ => return Err(SourceFault::Device(path.to_owned())),
    }
    let (size, packed) = (entry.size(), entry.compressed_size());
    let path = path.to_owned();
    match entry.compression() {
        CompressionMethod::Stored if size == packed => {}
        CompressionMethod::Stored => return Err(SourceFault::Size { path, stated: size }),
        CompressionMethod::Deflated => {
            let ratio = size / packed.max(1);
            if size > SMALL && ratio > MAX_RATIO {
                return Err(SourceFault::Ratio { path, ratio });
            }
        }
        _ => {
            return Err(SourceFault::Archive(
                "an entry is packed by a method other than `stored` and `deflated`",
            ));
        }
    }
    if folder {
        return if size == 0 {
            Ok(None)
        } else {
            Err(SourceFault::Size { path, stated: 0 })
        };
    }
    Ok(Some(FileEntry { path, size }))
}

/// The folder in which the bag lies: RFC 8493 packs a bag with its folder.
fn base(entries: &[(FileEntry, usize)]) -> Result<String, SourceFault> {
    if entries.iter().any(|(of, _)| of.path == bagit::BAGIT) {
        return Ok(String::new());
    }
    let first = entries.first().and_then(|(of, _)| of.path.split_once('/'));
    let base = first.map_or(String::new(), |(base, _)| format!("{base}/"));
    if base.is_empty() || entries.iter().any(|(of, _)| !of.path.starts_with(&base)) {
        return Err(SourceFault::Archive(
            "it has no `bagit.txt`, neither at its top nor in the one folder there",
        ));
    }
    Ok(base)
}

/// Checks the end of the archive; how many entries it states.
fn check_end(file: &mut (impl Read + Seek)) -> Result<u64, SourceFault> {
    let no_zip = || SourceFault::Archive("it does not end as a zip without a comment does");
    let length = file.seek(SeekFrom::End(0))?;
    let end_at = length.checked_sub(END_BYTES).ok_or_else(no_zip)?;
    let end = bytes::<22>(file, end_at)?;
    if !end.starts_with(b"PK\x05\x06") || number(&end, 20, 2) != 0 {
        return Err(no_zip());
    }
    let (mut entries, mut size, mut start) = (
        number(&end, 10, 2),
        number(&end, 12, 4),
        number(&end, 16, 4),
    );
    let mut directory_end = end_at;
    if number(&end, 8, 2) != entries || number(&end, 4, 4) != 0 && entries != 0xffff {
        return Err(SourceFault::Archive("it is in several parts"));
    }
    if entries == 0xffff || size == 0xffff_ffff || start == 0xffff_ffff {
        let locator_at = end_at.checked_sub(LOCATOR_BYTES).ok_or_else(no_zip)?;
        let locator = bytes::<20>(file, locator_at)?;
        let end64_at = number(&locator, 8, 8);
        if !locator.starts_with(b"PK\x06\x07")
            || end64_at.checked_add(END64_BYTES) != Some(locator_at)
        {
            return Err(no_zip());
        }
        let end64 = bytes::<56>(file, end64_at)?;
        if !end64.starts_with(b"PK\x06\x06") {
            return Err(no_zip());
        }
        (entries, size, start) = (
            number(&end64, 32, 8),
            number(&end64, 40, 8),
            number(&end64, 48, 8),
        );
        directory_end = end64_at;
    }
    if entries > MAX_FILES as u64 {
        return Err(SourceFault::TooMany(MAX_FILES));
    }
    if size > MAX_DIRECTORY {
        return Err(SourceFault::Archive(
            "its directory is larger than one may be",
        ));
    }
    if start.checked_add(size) != Some(directory_end) {
        return Err(SourceFault::Archive(
            "its directory is not where its end says",
        ));
    }
    file.seek(SeekFrom::Start(0))?;
    Ok(entries)
}

fn bytes<const N: usize>(file: &mut (impl Read + Seek), at: u64) -> Result<[u8; N], SourceFault> {
    let mut bytes = [0; N];
    file.seek(SeekFrom::Start(at))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}

/// A number in little endian.
fn number(bytes: &[u8], at: usize, length: usize) -> u64 {
    let bytes = bytes.get(at..at.saturating_add(length)).unwrap_or_default();
    bytes
        .iter()
        .rev()
        .fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn fault(error: ZipError) -> SourceFault {
    match error {
        ZipError::Io(error) => SourceFault::Io(error),
        ZipError::UnsupportedArchive(_) => {
            SourceFault::Archive("it is of a kind that this program does not read")
        }
        _ => SourceFault::Archive("its directory is malformed"),
    }
}

impl Source for Zipped {
    fn files(&self) -> &[FileEntry] {
        &self.files
    }

    fn open(&mut self, index: usize) -> Result<Box<dyn Read + '_>, SourceFault> {
        let index = self.indexes.get(index).copied();
        let index = index.ok_or(SourceFault::Archive("a file that is not there"))?;
        Ok(Box::new(self.archive.by_index(index).map_err(fault)?))
    }
}
