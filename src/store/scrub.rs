//! Reading everything again: bytes that were durable may rot. What is damaged is named, and a blob
//! is made whole again from the same bytes, wherever they come from.
//!
//! The chain runs over entry digests, and these name each blob by its SHA-256. So a damaged blob
//! hides nothing else: its entry is still proved, and whoever brings bytes of that digest brings
//! the right ones.

use std::fs::File;
use std::ops::ControlFlow;

use rustix::fs::{Advice, fadvise};

use super::error::io_error;
use super::format::GroupView;
use super::scan::{GroupReader, SegmentFile, Step};
use super::{Place, Store, StoreError};
use crate::crypto::Digest;

/// Damaged blobs that one pass names, at most.
pub(super) const MAX_NAMED: usize = 4096;

/// A blob whose bytes are no longer those that its entry was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DamagedBlob {
    /// Where its entry lies.
    pub place: Place,
    /// Which of the entry's blobs, from 0.
    pub blob: u32,
    /// Its length in bytes.
    pub length: usize,
    /// What its bytes must hash to (SHA-256).
    pub digest: Digest,
}

impl std::fmt::Display for DamagedBlob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Place { segment, offset } = self.place;
        write!(
            f,
            "blob {} ({} bytes) of the entry in segment {segment} at offset {offset}",
            self.blob, self.length
        )
    }
}

/// What one pass over the journal found.
#[derive(Clone, Debug, Default)]
pub struct Scrubbed {
    /// Bytes read.
    pub bytes: u64,
    /// Groups read.
    pub groups: u64,
    /// Damaged blobs; their entries are whole.
    pub damaged: Vec<DamagedBlob>,
    /// Other damage: what follows it in its segment was not read.
    pub faults: Vec<StoreError>,
    /// The pass was broken off.
    pub broken_off: bool,
}

/// The damaged blobs of a group.
pub(super) fn damaged_in(view: &GroupView<'_>, segment: u32, start: u64) -> Vec<DamagedBlob> {
    let named = |(entry, blob): &(usize, usize)| {
        let entry_view = view.entries.get(*entry)?;
        let (length, digest) = *entry_view.head.blobs.get(*blob)?;
        Some(DamagedBlob {
            place: Place {
                segment,
                offset: start + entry_view.offset as u64,
            },
            blob: *blob as u32,
            length,
            digest,
        })
    };
    view.damaged.iter().filter_map(named).collect()
}

impl Store {
    /// Reads every durable byte of the journal from the disk and verifies it. Blocking and slow:
    /// `pace` is told of the bytes of every group read, may sleep, and may break the pass off.
    pub fn scrub(&self, pace: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Scrubbed {
        let to = *self.durable().borrow();
        let segments = self.segments();
        let mut found = Scrubbed::default();
        for (at, segment) in segments.iter().enumerate() {
            // The last one was written lately, and is read all the time.
            let from_disk = at + 1 < segments.len();
            match scrub_segment(segment, to, from_disk, &mut found, pace) {
                Ok(ControlFlow::Continue(())) => {}
                Ok(ControlFlow::Break(())) => {
                    found.broken_off = true;
                    break;
                }
                Err(fault) => found.faults.push(fault),
            }
        }
        found
    }

    /// Reads one blob; what it says of itself if it is damaged.
    ///
    /// # Errors
    /// As [`Store::blob`], for everything but damage of the blob itself.
    pub fn check_blob(&self, place: Place, blob: u32) -> Result<Option<DamagedBlob>, StoreError> {
        match self.blob(place, blob) {
            Ok(_) => Ok(None),
            Err(StoreError::Damaged { what: "blob", .. }) => {
                let (length, digest) = self.blob_row(place, blob)?;
                Ok(Some(DamagedBlob {
                    place,
                    blob,
                    length,
                    digest,
                }))
            }
            Err(error) => Err(error),
        }
    }

    /// Writes a blob's bytes again where they lay, durably. A crash in between leaves it damaged.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when `bytes` are not the blob's, and nothing is written, or when the
    /// disk does not keep them; [`StoreError::NoSuchPlace`], [`StoreError::Gone`] or
    /// [`StoreError::Io`].
    pub fn repair_blob(&self, damaged: &DamagedBlob, bytes: &[u8]) -> Result<(), StoreError> {
        let (path, offset) = self.blob_place(damaged)?;
        if bytes.len() != damaged.length || Digest::of(bytes) != damaged.digest {
            return Err(StoreError::Damaged {
                what: "replacement",
                segment: damaged.place.segment,
                offset: damaged.place.offset,
            });
        }
        let mut file = self
            .medium()
            .open(&path)
            .map_err(io_error("cannot open", &path))?;
        file.write(offset, bytes)
            .map_err(io_error("cannot write", &path))?;
        file.sync().map_err(io_error("cannot sync", &path))?;
        self.blob(damaged.place, damaged.blob).map(drop)
    }
}

fn scrub_segment(
    segment: &SegmentFile,
    to: u64,
    from_disk: bool,
    found: &mut Scrubbed,
    pace: &mut dyn FnMut(u64) -> ControlFlow<()>,
) -> Result<ControlFlow<()>, StoreError> {
    if from_disk {
        // What the page cache holds says nothing about the disk. Only advice: it may stay.
        let file = File::open(&segment.path).map_err(io_error("cannot open", &segment.path))?;
        let _ = fadvise(&file, 0, None, Advice::DontNeed);
    }
    let mut reader = GroupReader::open(segment)?;
    reader.tolerate = to;
    let number = reader.segment;
    while reader.reached.position < to {
        let bytes = match reader.next()? {
            Step::End => break,
            Step::Fault(fault) => {
                return Err(StoreError::Damaged {
                    what: fault.what,
                    segment: number,
                    offset: fault.offset,
                });
            }
            Step::Group {
                start, bytes, view, ..
            } => {
                let damaged = damaged_in(&view, number, start);
                let room = MAX_NAMED.saturating_sub(found.damaged.len());
                found.damaged.extend(damaged.into_iter().take(room));
                bytes.len() as u64
            }
        };
        found.groups += 1;
        found.bytes += bytes;
        if pace(bytes).is_break() {
            return Ok(ControlFlow::Break(()));
        }
    }
    Ok(ControlFlow::Continue(()))
}
