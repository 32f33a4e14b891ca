//! Appending to the journal: groups, segments, the sync mark.
//!
//! Groups are written into room that was made before: zeros, synced together with the file's new
//! length. A group's own sync then has nothing to say about the file, only its bytes to bring home,
//! and does not wait for what others write to the same file system. Zeros where a group may begin
//! are the journal's end.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::StoreError;
use super::error::{CREATE, WRITE, io_error};
use super::format::{GROUP_HEADER, GroupHeader, SEGMENT_HEADER, SegmentHeader, encode_trailer};
use super::group::Pending;
use super::mark::{Mark, Reached};
use super::medium::{Medium, MediumFile, sync_parent};
use super::read::Segments;
use super::scan::segment_path;
use crate::crypto::random_bytes;

/// Bytes after which the sync mark is renewed.
const MARK_EVERY: u64 = 4 << 20;

/// The append side. After an error of any of its methods it must not be used again: what a failed
/// write or sync left on disk is not known, and a later sync would not tell.
pub(super) struct Journal {
    pub(super) medium: Arc<dyn Medium>,
    pub(super) dir: PathBuf,
    pub(super) boot_id: String,
    pub(super) segment_bytes: u64,
    pub(super) segments: Arc<Segments>,
    pub(super) tail: Tail,
    pub(super) reached: Reached,
    pub(super) since_mark: u64,
    /// Room that is made at once, in bytes; 0 for none.
    pub(super) room_bytes: u64,
}

/// The segment that is being appended to.
pub(super) struct Tail {
    pub(super) file: Box<dyn MediumFile>,
    pub(super) header: SegmentHeader,
    /// Where its last group ends.
    pub(super) offset: u64,
    /// Where the zeros end that lie behind it; not beyond `offset` when there are none.
    pub(super) room: u64,
}

impl Tail {
    /// Begins a segment after `reached`, with what `fill` writes behind its header. The file gets
    /// its name only once all of that is synced, so a crash leaves either no segment (and a `.new`
    /// file that the next start removes) or a whole one.
    pub(super) fn create(
        medium: &dyn Medium,
        dir: &Path,
        number: u32,
        reached: Reached,
        fill: impl FnOnce(&mut Self) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let path = segment_path(dir, number);
        let fresh = path.with_extension("new");
        let header = SegmentHeader {
            number,
            first_position: reached.position + 1,
            chain: reached.chain,
            salt: random_bytes()?,
        };
        let mut file = medium.create(&fresh).map_err(io_error(CREATE, &fresh))?;
        file.write(0, &header.encode())
            .map_err(io_error(WRITE, &fresh))?;
        let mut tail = Self {
            file,
            header,
            offset: SEGMENT_HEADER as u64,
            room: 0,
        };
        fill(&mut tail)?;
        tail.file.sync().map_err(io_error("cannot sync", &fresh))?;
        medium
            .rename(&fresh, &path)
            .map_err(io_error("cannot put in place", &path))?;
        sync_parent(medium, &path)?;
        Ok(tail)
    }

    /// Writes zeros behind the last group, durably. A crash leaves some of them, or none.
    fn make_room(&mut self, path: &Path, bytes: u64) -> Result<(), StoreError> {
        let from = self.room.max(self.offset);
        let to = self.offset.saturating_add(bytes);
        let zeros = vec![0; usize::try_from(to.saturating_sub(from)).unwrap_or(0)];
        // Some of them may lie there although writing fails: they are cut off like all others.
        self.room = to;
        self.file
            .write(from, &zeros)
            .map_err(io_error(WRITE, path))?;
        self.file.sync().map_err(io_error("cannot sync", path))
    }

    /// Cuts the room off, durably. A crash before leaves it, and it says nothing.
    fn trim(&mut self, path: &Path) -> Result<(), StoreError> {
        if self.room <= self.offset {
            return Ok(());
        }
        self.file
            .cut(self.offset)
            .map_err(io_error("cannot cut", path))?;
        self.room = 0;
        self.file.sync().map_err(io_error("cannot sync", path))
    }

    /// Writes at the end; the caller syncs.
    pub(super) fn write(&mut self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        self.file
            .write(self.offset, bytes)
            .map_err(io_error(WRITE, path))?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

impl Journal {
    /// Makes `pending` an empty group at the journal's end, on a new segment if the last is full.
    pub(super) fn begin(&mut self, pending: &mut Pending) -> Result<(), StoreError> {
        let empty = self.tail.offset == SEGMENT_HEADER as u64;
        if self.tail.offset >= self.segment_bytes && !empty {
            self.trim()?;
            self.write_mark(false)?;
            let number = self.tail.header.number.saturating_add(1);
            self.tail = Tail::create(&*self.medium, &self.dir, number, self.reached, |_| Ok(()))
                .map_err(|error| {
                    // The file without a name goes at the next start.
                    if error.lacks_room() {
                        StoreError::Full
                    } else {
                        error
                    }
                })?;
            self.segments.add(&self.tail.header);
        }
        pending.begin(self.tail.header.number, self.tail.offset, self.reached);
        Ok(())
    }

    /// Makes the group durable: one write, one sync. A crash before the sync's end leaves a group
    /// that is whole, torn or absent, and nobody was answered; after it, the group is there.
    pub(super) fn commit(&mut self, pending: &mut Pending) -> Result<Reached, StoreError> {
        let reached = pending.reached.unwrap_or(self.reached);
        let salt = &self.tail.header.salt;
        let header = GroupHeader {
            length: pending.bytes.len().saturating_sub(GROUP_HEADER) as u32,
            count: pending.count,
            first_position: self.reached.position + 1,
        };
        let head = header.encode(salt);
        for (to, from) in pending.bytes.iter_mut().zip(&head) {
            *to = *from;
        }
        let trailer = encode_trailer(salt, &head, &reached.chain);
        pending.bytes.extend_from_slice(&trailer);
        let path = segment_path(&self.dir, self.tail.header.number);
        if let Err(error) = self.tail.write(&path, &pending.bytes) {
            return Err(self.take_back(&path, error));
        }
        self.tail
            .file
            .sync()
            .map_err(io_error("cannot sync", &path))?;
        self.segments.grow(pending.bytes.len() as u64);
        self.since_mark += pending.bytes.len() as u64;
        self.reached = reached;
        Ok(reached)
    }

    /// Makes room for the next groups, when little is left. Nobody waits for it but the next group.
    /// A disk that is too full for it takes groups as long as it can.
    pub(super) fn make_room(&mut self) -> Result<(), StoreError> {
        let left = self.tail.room.saturating_sub(self.tail.offset);
        if left >= self.room_bytes.div_ceil(2) || self.tail.offset >= self.segment_bytes {
            return Ok(());
        }
        let path = segment_path(&self.dir, self.tail.header.number);
        match self.tail.make_room(&path, self.room_bytes) {
            Err(error) if error.lacks_room() => {
                tracing::warn!("the disk has no room to write the journal ahead");
                self.room_bytes = 0;
                Ok(())
            }
            made => made,
        }
    }

    /// Cuts off the room that is left.
    pub(super) fn trim(&mut self) -> Result<(), StoreError> {
        let path = segment_path(&self.dir, self.tail.header.number);
        self.tail.trim(&path)
    }

    /// A group could not be written for want of room. Unlike after a failed sync, the page cache is to
    /// be believed: everything before the group was synced, and nobody was told of the group. So it is
    /// cut off, and the cut synced; where that fails, the store has failed like after any other write. A
    /// crash before leaves a torn tail, which the next start cuts.
    fn take_back(&mut self, path: &Path, error: StoreError) -> StoreError {
        if !error.lacks_room() {
            return error;
        }
        self.tail.room = 0;
        let file = &mut self.tail.file;
        match file.cut(self.tail.offset).and_then(|()| file.sync()) {
            Ok(()) => StoreError::Full,
            Err(source) => io_error("cannot cut", path)(source),
        }
    }

    /// Renews the sync mark now and then, so that a start has little to doubt.
    pub(super) fn mark_if_due(&mut self) -> Result<(), StoreError> {
        if self.since_mark >= MARK_EVERY {
            self.write_mark(false)?;
        }
        Ok(())
    }

    /// Vouches for everything committed so far.
    pub(super) fn write_mark(&mut self, clean: bool) -> Result<(), StoreError> {
        let mark = Mark {
            clean,
            reached: self.reached,
            boot_id: self.boot_id.clone(),
        };
        mark.write(&*self.medium, &self.dir)?;
        self.since_mark = 0;
        Ok(())
    }
}
