//! Replaying: from the journal into the index.

use std::collections::BTreeSet;

use super::group::{Entry, Overlay, Projection, apply};
use super::index::Index;
use super::mark::Reached;
use super::medium::Medium;
use super::scan::{GroupReader, SegmentFile, Step, segment_of};
use super::scrub::{DamagedBlob, MAX_NAMED, damaged_in};
use super::start::{OpenPhase, OpenProgress, Progress};
use super::{Place, StoreError};

/// Rows after which a replay applies a batch.
const REPLAY_ROWS: usize = 4096;
/// Applies the entries after `from`, up to `to`, in batches that end where groups end. Projections
/// see no blobs: damaged ones are added to `damaged` and hold nothing up.
#[expect(
    clippy::too_many_arguments,
    reason = "one call of two callers, each naming its parts"
)]
pub(super) fn replay(
    segments: &[SegmentFile],
    from: Reached,
    to: Reached,
    index: &Index,
    medium: &dyn Medium,
    projection: &dyn Projection,
    damaged: &mut BTreeSet<DamagedBlob>,
    progress: Progress<'_>,
) -> Result<u64, StoreError> {
    let mut overlay = Overlay::default();
    let mut applied = from;
    let mut replayed = 0;
    let first = segment_of(segments, from.position.saturating_add(1));
    let total: u64 = segments
        .iter()
        .skip(first)
        .map(|segment| segment.length)
        .sum();
    let mut done = 0;
    let mut reached = None;
    for segment in segments.iter().skip(first) {
        if applied.position >= to.position {
            break;
        }
        let mut reader = GroupReader::open(segment)?;
        if reached.is_some_and(|reached| reached != reader.reached) {
            return Err(StoreError::Damaged {
                what: "segment: it does not follow the one before",
                segment: reader.segment,
                offset: 0,
            });
        }
        let number = reader.segment;
        reader.tolerate = to.position;
        while reader.reached.position < to.position {
            let (header, start, view) = match reader.next()? {
                Step::Group {
                    header,
                    start,
                    view,
                    ..
                } => (header, start, view),
                Step::End => break,
                Step::Fault(fault) => return Err(reader.damaged(&fault)),
            };
            for blob in damaged_in(&view, number, start) {
                if damaged.len() < MAX_NAMED {
                    damaged.insert(blob);
                }
            }
            for (position, entry) in (header.first_position..).zip(&view.entries) {
                if position <= from.position {
                    continue;
                }
                let entry = Entry {
                    position,
                    place: Place {
                        segment: number,
                        offset: start + entry.offset as u64,
                    },
                    body: entry.body,
                };
                apply(projection, &entry, &mut overlay, index)?;
                overlay.keep();
                replayed += 1;
            }
            applied = reader.reached;
            progress(OpenProgress {
                phase: OpenPhase::Replay,
                done_bytes: done + reader.offset,
                total_bytes: total,
            });
            if overlay.len() >= REPLAY_ROWS && applied.position > from.position {
                index.apply(medium, &mut overlay, applied)?;
            }
        }
        reached = Some(reader.reached);
        done += segment.length;
    }
    if applied != to {
        return Err(StoreError::AcknowledgedDataMissing {
            what: "journal's end",
            position: to.position,
            journal: applied.position,
        });
    }
    if replayed > 0 {
        index.apply(medium, &mut overlay, applied)?;
    }
    Ok(replayed)
}
