//! Walking segments, group by group, every byte verified.

use std::fs::{self, File};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::error::io_error;
use super::format::{
    GROUP_HEADER, GROUP_MAGIC, GROUP_TRAILER, GroupHeader, GroupView, SEGMENT_HEADER, SegmentFault,
    SegmentHeader, TRAILER_CHAIN, parse_group,
};
use super::mark::Reached;
use crate::crypto::Digest;

/// Bytes read at once when searching.
const WINDOW: u64 = 1 << 20;
/// Bytes read at once when looking where the room at a file's end begins.
const ROOM_WINDOW: u64 = 64 << 10;

/// A segment on disk.
#[derive(Clone, Debug)]
pub(super) struct SegmentFile {
    pub(super) path: PathBuf,
    pub(super) length: u64,
    pub(super) header: SegmentHeader,
}

/// Path of a segment.
pub(super) fn segment_path(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{number:08}.seg"))
}

/// All segments in order, their headers verified.
pub(super) fn list(dir: &Path) -> Result<Vec<SegmentFile>, StoreError> {
    let mut numbers = Vec::new();
    for found in fs::read_dir(dir).map_err(io_error("cannot list", dir))? {
        let name = found.map_err(io_error("cannot list", dir))?.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".seg"));
        numbers.extend(number.and_then(|number| number.parse::<u32>().ok()));
    }
    numbers.sort_unstable();
    numbers
        .into_iter()
        .map(|number| open_segment(dir, number))
        .collect()
}

fn open_segment(dir: &Path, number: u32) -> Result<SegmentFile, StoreError> {
    let path = segment_path(dir, number);
    let file = File::open(&path).map_err(io_error("cannot open", &path))?;
    let length = file
        .metadata()
        .map_err(io_error("cannot read", &path))?
        .len();
    let bytes = read_at(&file, &path, 0, SEGMENT_HEADER)?;
    // A segment gets its name only after its header is synced, so a bad header is never a torn one.
    let damaged = StoreError::Damaged {
        what: "segment header",
        segment: number,
        offset: 0,
    };
    match SegmentHeader::decode(&bytes) {
        Ok(header) if header.number == number => Ok(SegmentFile {
            path,
            length,
            header,
        }),
        Err(SegmentFault::Version(version)) => Err(StoreError::Version {
            what: "journal segment",
            version,
        }),
        Ok(_) | Err(SegmentFault::Damaged) => Err(damaged),
    }
}

/// Index of the segment that holds `position`, or would.
pub(super) fn segment_of(segments: &[SegmentFile], position: u64) -> usize {
    segments
        .partition_point(|segment| segment.header.first_position <= position)
        .saturating_sub(1)
}

/// The chain that a segment's last trailer names; of an empty segment, its header's.
pub(super) fn closing_chain(segment: &SegmentFile) -> Result<Option<Digest>, StoreError> {
    if segment.length == SEGMENT_HEADER as u64 {
        return Ok(Some(segment.header.chain));
    }
    let Some(offset) = segment.length.checked_sub(TRAILER_CHAIN as u64) else {
        return Ok(None);
    };
    let file = File::open(&segment.path).map_err(io_error("cannot open", &segment.path))?;
    let bytes = read_at(&file, &segment.path, offset, 32)?;
    Ok(Digest::try_from(bytes.as_slice()).ok())
}

/// Up to `length` bytes at `offset`: fewer only at the file's end.
pub(super) fn read_at(
    file: &File,
    path: &Path,
    offset: u64,
    length: usize,
) -> Result<Vec<u8>, StoreError> {
    let mut bytes = vec![0; length];
    let filled = fill(file, offset, &mut bytes).map_err(io_error("cannot read", path))?;
    bytes.truncate(filled);
    Ok(bytes)
}

fn fill(file: &File, mut offset: u64, mut into: &mut [u8]) -> std::io::Result<usize> {
    let wanted = into.len();
    while !into.is_empty() {
        match file.read_at(into, offset) {
            Ok(0) => break,
            Ok(count) => {
                offset += count as u64;
                into = into.get_mut(count..).unwrap_or_default();
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(wanted - into.len())
}

/// Where the zeros begin that a file ends in.
fn written(file: &File, path: &Path, length: u64) -> Result<u64, StoreError> {
    let mut end = length;
    while end > 0 {
        let start = end.saturating_sub(ROOM_WINDOW);
        let window = read_at(file, path, start, (end - start) as usize)?;
        if let Some(last) = window.iter().rposition(|byte| *byte != 0) {
            return Ok(start + last as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// What comes next in a segment.
pub(super) enum Step<'a> {
    /// A group, verified.
    Group {
        header: GroupHeader,
        /// Offset of the group in the segment.
        start: u64,
        bytes: &'a [u8],
        view: GroupView<'a>,
    },
    /// Nothing was written from here on, where a group may begin.
    End,
    /// The bytes here are no group.
    Fault(Fault),
}

/// Bytes that are no group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) what: &'static str,
    pub(super) offset: u64,
    /// Nothing was written where the group ends.
    pub(super) short: bool,
    /// Bytes lie behind the group: it was durable before they were written.
    pub(super) followed: bool,
}

/// Reads one segment group by group; holds one group in memory.
pub(super) struct GroupReader {
    file: File,
    path: PathBuf,
    salt: [u8; 16],
    /// Length of the file.
    length: u64,
    /// What lies from here to the file's end are zeros: room for more.
    written: u64,
    pub(super) segment: u32,
    pub(super) offset: u64,
    /// Up to this position a damaged blob does not make a group a fault: it was durable, and
    /// something else vouches for its entry.
    pub(super) tolerate: u64,
    /// Before the next group.
    pub(super) reached: Reached,
    buffer: Vec<u8>,
}

impl GroupReader {
    pub(super) fn open(segment: &SegmentFile) -> Result<Self, StoreError> {
        let path = segment.path.clone();
        let file = File::open(&path).map_err(io_error("cannot open", &path))?;
        let length = file
            .metadata()
            .map_err(io_error("cannot read", &path))?
            .len();
        Ok(Self {
            length,
            written: written(&file, &path, length)?,
            file,
            path,
            salt: segment.header.salt,
            segment: segment.header.number,
            offset: SEGMENT_HEADER as u64,
            tolerate: 0,
            reached: Reached {
                position: segment.header.first_position.saturating_sub(1),
                chain: segment.header.chain,
            },
            buffer: Vec::new(),
        })
    }

    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Bytes that were written from here on. What ends in zeros takes up to so many more.
    pub(super) fn rest(&self) -> u64 {
        self.written.saturating_sub(self.offset)
    }

    /// Reads and verifies the next group.
    pub(super) fn next(&mut self) -> Result<Step<'_>, StoreError> {
        if self.rest() == 0 {
            return Ok(Step::End);
        }
        let start = self.offset;
        // A group may end in zeros.
        let rest = self.length.saturating_sub(start);
        let fault = |what, offset, short, followed| {
            Ok(Step::Fault(Fault {
                what,
                offset,
                short,
                followed,
            }))
        };
        if rest < GROUP_HEADER as u64 {
            return fault("group header", start, true, false);
        }
        let head = read_at(&self.file, &self.path, start, GROUP_HEADER)?;
        let Some(header) = GroupHeader::decode(&head, &self.salt) else {
            let followed = self.group_after(start + 1)?;
            return fault("group header", start, false, followed);
        };
        if header.first_position != self.reached.position + 1 {
            return fault("group position", start, false, true);
        }
        let whole = GROUP_HEADER + header.length as usize + GROUP_TRAILER;
        if rest < whole as u64 {
            return fault("group", start, true, false);
        }
        self.buffer.clear();
        self.buffer.resize(whole, 0);
        let filled = fill(&self.file, start, &mut self.buffer);
        if filled.map_err(io_error("cannot read", &self.path))? < whole {
            return fault("group", start, true, false);
        }
        let (end, written) = (start + whole as u64, self.written);
        match parse_group(&self.buffer, &header, &self.salt, self.reached.chain) {
            Ok(view) => {
                let last = self.reached.position + u64::from(header.count);
                let damaged = view.damaged.first().filter(|_| last > self.tolerate);
                if let Some(entry) = damaged.and_then(|(entry, _)| view.entries.get(*entry)) {
                    let offset = start + entry.offset as u64;
                    return fault("blob", offset, false, written > end);
                }
                self.offset = end;
                self.reached = Reached {
                    position: last,
                    chain: view.chain,
                };
                Ok(Step::Group {
                    header,
                    start,
                    bytes: &self.buffer,
                    view,
                })
            }
            Err(inner) => {
                let offset = start + inner.offset as u64;
                fault(inner.what, offset, written < end, written > end)
            }
        }
    }

    /// Whether a group's header lies anywhere from `from` on. Its check is salted, so entries
    /// cannot hold one by design of their author.
    fn group_after(&self, from: u64) -> Result<bool, StoreError> {
        let mut at = from;
        while at < self.written {
            let window = read_at(&self.file, &self.path, at, WINDOW as usize + GROUP_HEADER)?;
            let found = window.windows(GROUP_HEADER).any(|bytes| {
                bytes.starts_with(GROUP_MAGIC) && GroupHeader::decode(bytes, &self.salt).is_some()
            });
            if found {
                return Ok(true);
            }
            at += WINDOW;
        }
        Ok(false)
    }

    /// Names a fault as damage.
    pub(super) fn damaged(&self, fault: &Fault) -> StoreError {
        StoreError::Damaged {
            what: fault.what,
            segment: self.segment,
            offset: fault.offset,
        }
    }
}
