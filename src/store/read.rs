//! Reading the journal: by place, and in order. Every digest is verified at every read.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use super::error::io_error;
use super::format::{EntryHead, HeadFault, MAX_GROUP_BYTES, SEGMENT_HEADER, SegmentHeader};
use super::scan::{Fault, GroupReader, SegmentFile, Step, read_at, segment_of, segment_path};
use super::{DamagedBlob, Place, StoreError};
use crate::crypto::Digest;

/// Files kept open for reading.
const OPEN_FILES: usize = 16;
/// First read of an entry: most heads and bodies fit.
const FIRST_READ: usize = 4096;

/// The segments there are, shared by readers and the writer.
pub(super) struct Segments {
    dir: PathBuf,
    all: RwLock<Vec<SegmentFile>>,
    bytes: AtomicU64,
    /// Least recently opened first.
    open: Mutex<VecDeque<(u32, Arc<File>)>>,
}

impl Segments {
    pub(super) fn new(dir: PathBuf, all: Vec<SegmentFile>) -> Self {
        Self {
            dir,
            bytes: AtomicU64::new(all.iter().map(|segment| segment.length).sum()),
            all: RwLock::new(all),
            open: Mutex::default(),
        }
    }

    pub(super) fn add(&self, header: &SegmentHeader) {
        self.grow(SEGMENT_HEADER as u64);
        let mut all = self.all.write().unwrap_or_else(PoisonError::into_inner);
        all.push(SegmentFile {
            path: segment_path(&self.dir, header.number),
            length: SEGMENT_HEADER as u64,
            header: header.clone(),
        });
    }

    pub(super) fn grow(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn all(&self) -> Vec<SegmentFile> {
        self.all
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn file(&self, place: Place) -> Result<(Arc<File>, PathBuf), StoreError> {
        let path = segment_path(&self.dir, place.segment);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = open.iter().find(|(number, _)| *number == place.segment) {
            return Ok((Arc::clone(file), path));
        }
        let file = match File::open(&path) {
            Ok(file) => Arc::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(nothing(place)),
            Err(error) => return Err(io_error("cannot open", &path)(error)),
        };
        if open.len() >= OPEN_FILES {
            open.pop_front();
        }
        open.push_back((place.segment, Arc::clone(&file)));
        Ok((file, path))
    }

    /// An entry's head, with the bytes read so far.
    fn head(&self, place: Place) -> Result<Opened, StoreError> {
        let (file, path) = self.file(place)?;
        let mut bytes = read_at(&file, &path, place.offset, FIRST_READ)?;
        if bytes.is_empty() {
            return Err(nothing(place));
        }
        let mut head = EntryHead::decode(&bytes);
        if let Err(HeadFault::Short(needed)) = head {
            bytes = read_at(&file, &path, place.offset, needed)?;
            head = EntryHead::decode(&bytes);
        }
        let head = head.map_err(|_| damaged("entry header", place))?;
        if head.entry_length() > MAX_GROUP_BYTES {
            return Err(damaged("entry header", place));
        }
        Ok(Opened {
            head,
            bytes,
            file,
            path,
            place,
        })
    }

    pub(super) fn body(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        self.head(place)?.body()
    }

    pub(super) fn blob(&self, place: Place, index: u32) -> Result<Vec<u8>, StoreError> {
        self.head(place)?.blob(index)
    }

    /// Length and digest of a blob, as its entry's head has them.
    pub(super) fn blob_row(&self, place: Place, blob: u32) -> Result<(usize, Digest), StoreError> {
        let opened = self.head(place)?;
        let row = opened.head.blobs.get(blob as usize);
        row.copied().ok_or(nothing(place))
    }

    /// Where a blob's bytes lie: the file and the offset in it.
    pub(super) fn blob_place(&self, damaged: &DamagedBlob) -> Result<(PathBuf, u64), StoreError> {
        let place = damaged.place;
        let opened = self.head(place)?;
        let named = opened.head.blobs.get(damaged.blob as usize);
        if named != Some(&(damaged.length, damaged.digest)) {
            return Err(nothing(place));
        }
        let start = opened.blob_start(damaged.blob as usize)?;
        Ok((opened.path, place.offset.saturating_add(start as u64)))
    }

    pub(super) fn body_with_blob(
        &self,
        place: Place,
        index: u32,
    ) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
        let opened = self.head(place)?;
        Ok((opened.body()?, opened.blob(index)?))
    }
}

/// An entry whose head was read.
struct Opened {
    head: EntryHead,
    /// The entry's first bytes.
    bytes: Vec<u8>,
    file: Arc<File>,
    path: PathBuf,
    place: Place,
}

impl Opened {
    fn body(&self) -> Result<Vec<u8>, StoreError> {
        let body = self.part(self.head.length(), self.head.body_length)?;
        if !self.head.holds(&body) {
            return Err(damaged("entry body", self.place));
        }
        Ok(body)
    }

    fn blob(&self, index: u32) -> Result<Vec<u8>, StoreError> {
        let head = &self.head;
        let index = index as usize;
        let (length, digest) = *head.blobs.get(index).ok_or(nothing(self.place))?;
        let blob = self.part(self.blob_start(index)?, length)?;
        if Digest::of(&blob) != digest {
            return Err(damaged("blob", self.place));
        }
        Ok(blob)
    }

    /// Offset of a blob from the entry's start.
    fn blob_start(&self, index: usize) -> Result<usize, StoreError> {
        let head = &self.head;
        if head.stub {
            return Err(StoreError::Gone);
        }
        let before = head.blobs.iter().take(index).map(|(length, _)| length);
        Ok(head.length() + head.body_length + before.sum::<usize>())
    }

    /// Bytes of the entry: those read already, or read now.
    fn part(&self, start: usize, length: usize) -> Result<Vec<u8>, StoreError> {
        match self.bytes.get(start..start.saturating_add(length)) {
            Some(part) => Ok(part.to_vec()),
            None => {
                let offset = self.place.offset.saturating_add(start as u64);
                read_at(&self.file, &self.path, offset, length)
            }
        }
    }
}

fn nothing(place: Place) -> StoreError {
    StoreError::NoSuchPlace {
        segment: place.segment,
        offset: place.offset,
    }
}

fn damaged(what: &'static str, place: Place) -> StoreError {
    StoreError::Damaged {
        what,
        segment: place.segment,
        offset: place.offset,
    }
}

/// An entry as it lies in the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredEntry {
    /// From 1, without gaps.
    pub position: u64,
    /// Where it lies.
    pub place: Place,
    /// What the chain runs over.
    pub digest: Digest,
    /// What happened.
    pub body: Vec<u8>,
    /// Its blobs; `None` when they are gone.
    pub blobs: Option<Vec<Vec<u8>>>,
}

/// The journal's entries in order, up to what was durable when the iterator was made. Verified as
/// they are read; ends after the first error. Holds one group in memory.
pub struct Entries {
    segments: VecDeque<SegmentFile>,
    reader: Option<GroupReader>,
    ready: VecDeque<StoredEntry>,
    from: u64,
    to: u64,
    at: u64,
}

impl Entries {
    pub(super) fn new(segments: Vec<SegmentFile>, from: u64, to: u64) -> Self {
        let first = segment_of(&segments, from);
        Self {
            segments: segments.into_iter().skip(first).collect(),
            reader: None,
            ready: VecDeque::new(),
            from,
            to,
            at: 0,
        }
    }

    /// Reads the next group; false at the end.
    fn read_group(&mut self) -> Result<bool, StoreError> {
        if self.at >= self.to {
            return Ok(false);
        }
        let reader = match &mut self.reader {
            Some(reader) => reader,
            None => match self.segments.pop_front() {
                Some(segment) => self.reader.insert(GroupReader::open(&segment)?),
                None => return Ok(false),
            },
        };
        let segment = reader.segment;
        match reader.next()? {
            Step::End => self.reader = None,
            Step::Fault(Fault { what, offset, .. }) => {
                return Err(StoreError::Damaged {
                    what,
                    segment,
                    offset,
                });
            }
            Step::Group {
                header,
                start,
                view,
                ..
            } => {
                for (position, entry) in (header.first_position..).zip(&view.entries) {
                    self.at = position;
                    if position < self.from || position > self.to {
                        continue;
                    }
                    let blobs = entry.each_blob().into_iter().map(<[u8]>::to_vec).collect();
                    self.ready.push_back(StoredEntry {
                        position,
                        place: Place {
                            segment,
                            offset: start + entry.offset as u64,
                        },
                        digest: entry.head.digest,
                        body: entry.body.to_vec(),
                        blobs: (!entry.head.stub).then_some(blobs),
                    });
                }
            }
        }
        Ok(true)
    }
}

impl Iterator for Entries {
    type Item = Result<StoredEntry, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Some(Ok(entry));
            }
            match self.read_group() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.to = 0;
                    self.segments.clear();
                    self.reader = None;
                    return Some(Err(error));
                }
            }
        }
    }
}
