//! The tail of an unclean stop, written on to a fresh segment: a step of the careful start.

use std::fs::File;
use std::path::Path;

use super::StoreError;
use super::end::{End, Point};
use super::error::io_error;
use super::format::{SEGMENT_HEADER, resalt};
use super::journal::Tail;
use super::mark::{Mark, Reached};
use super::medium::{Medium, replace, sync_parent};
use super::scan::{GroupReader, SegmentFile, Step, read_at};

/// Torn bytes kept for someone to look at, at most.
const KEEP_TORN: usize = 16 << 20;

/// Writes the unvouched tail on to a fresh segment, then cuts it from the old one.
pub(super) fn fresh_tail(
    medium: &dyn Medium,
    dir: &Path,
    segments: &[SegmentFile],
    found: &End,
) -> Result<Tail, StoreError> {
    if let Some(point) = &found.superseded {
        cut(medium, segments, point)?;
    }
    let number = segments
        .last()
        .map_or(0, |last| last.header.number)
        .saturating_add(1);
    let Some(last) = segments.last() else {
        // A crash before the first segment is there leaves a mark at 0, or nothing.
        let mark = Mark {
            clean: false,
            reached: Reached::START,
            boot_id: String::new(),
        };
        mark.write(medium, dir)?;
        return Tail::create(medium, dir, number, Reached::START, |_| Ok(()));
    };
    if found.torn > 0 {
        keep_torn(medium, dir, last, found)?;
    }
    let vouched = found.vouched;
    let tail = Tail::create(medium, dir, number, vouched.reached, |tail| {
        let mut reader = GroupReader::open(last)?;
        reader.offset = vouched.offset;
        reader.reached = vouched.reached;
        while reader.reached != found.end.reached {
            let Step::Group {
                header,
                bytes,
                view,
                ..
            } = reader.next()?
            else {
                return Err(StoreError::Damaged {
                    what: "group",
                    segment: last.header.number,
                    offset: vouched.offset,
                });
            };
            let mut bytes = bytes.to_vec();
            resalt(&mut bytes, &header, &tail.header.salt, &view.chain);
            tail.write(&last.path, &bytes)?;
        }
        Ok(())
    })?;
    cut(medium, segments, &vouched)?;
    Ok(tail)
}

/// Cuts a segment; one that then holds nothing goes. The next segment already holds what is cut.
fn cut(medium: &dyn Medium, segments: &[SegmentFile], at: &Point) -> Result<(), StoreError> {
    let Some(segment) = segments.get(at.segment) else {
        return Ok(());
    };
    let path = &segment.path;
    if at.offset <= SEGMENT_HEADER as u64 {
        medium
            .remove(path)
            .map_err(io_error("cannot remove", path))?;
        return sync_parent(medium, path);
    }
    if at.offset == segment.length {
        return Ok(());
    }
    let mut file = medium.open(path).map_err(io_error("cannot open", path))?;
    file.cut(at.offset).map_err(io_error("cannot cut", path))?;
    file.sync().map_err(io_error("cannot sync", path))
}

fn keep_torn(
    medium: &dyn Medium,
    dir: &Path,
    last: &SegmentFile,
    found: &End,
) -> Result<(), StoreError> {
    let length = usize::try_from(found.torn)
        .unwrap_or(KEEP_TORN)
        .min(KEEP_TORN);
    let file = File::open(&last.path).map_err(io_error("cannot open", &last.path))?;
    let bytes = read_at(&file, &last.path, found.end.offset, length)?;
    tracing::warn!(
        segment = last.header.number,
        offset = found.end.offset,
        bytes = found.torn,
        "the journal ends in an unfinished group, which is cut; a copy lies in torn.last"
    );
    replace(medium, &dir.join("torn.last"), &bytes)
}
