//! Finding the journal's end, and holding it against everything that vouches for it. Reads only.

use super::StoreError;
use super::format::SEGMENT_HEADER;
use super::mark::Reached;
use super::scan::{Fault, GroupReader, SegmentFile, Step, closing_chain, segment_of};
use super::scrub::{DamagedBlob, MAX_NAMED, damaged_in};
use super::start::{OpenPhase, OpenProgress, Progress};

/// Something that vouches for a position.
pub(super) struct Vouch {
    pub(super) what: &'static str,
    pub(super) reached: Reached,
}

impl Vouch {
    fn differs(&self) -> StoreError {
        StoreError::ChainDiffers {
            what: self.what,
            position: self.reached.position,
        }
    }
}

/// A point between two groups.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Point {
    /// Index of the segment in the list.
    pub(super) segment: usize,
    pub(super) offset: u64,
    pub(super) reached: Reached,
}

/// The journal's end.
pub(super) struct End {
    pub(super) end: Point,
    /// The last point that is vouched for within the last segment.
    pub(super) vouched: Point,
    /// Bytes behind the end.
    pub(super) torn: u64,
    /// An old tail that the last segment supersedes: cut it here.
    pub(super) superseded: Option<Point>,
    pub(super) groups: u64,
    /// Damaged blobs of entries that are vouched for.
    pub(super) damaged: Vec<DamagedBlob>,
}

/// Finds the journal's end and holds it against everything that vouches.
pub(super) fn find_end(
    segments: &[SegmentFile],
    vouches: &[Vouch],
    progress: Progress<'_>,
) -> Result<End, StoreError> {
    let lowest = vouches
        .iter()
        .map(|vouch| vouch.reached.position)
        .min()
        .unwrap_or(0);
    let first = segment_of(segments, lowest.saturating_add(1));
    let first = links_hold(segments, first)?;
    let mut walk = Walk {
        segments,
        vouches,
        // A crash before the first segment is there leaves a mark that vouches for nothing.
        met: vouches
            .iter()
            .map(|vouch| segments.is_empty() && vouch.reached == Reached::START)
            .collect(),
        end: Point {
            segment: 0,
            offset: 0,
            reached: Reached::START,
        },
        vouched: None,
        superseded: None,
        groups: 0,
        damaged: Vec::new(),
        torn: None,
    };
    let total: u64 = segments
        .iter()
        .skip(first)
        .map(|segment| segment.length)
        .sum();
    let mut done = 0;
    for (at, segment) in segments.iter().enumerate().skip(first) {
        walk.segment(at, segment, &mut |offset| {
            progress(OpenProgress {
                phase: OpenPhase::Verify,
                done_bytes: done + offset,
                total_bytes: total,
            });
        })?;
        done += segment.length;
    }
    walk.finish()
}

/// The segments before the walk are whole at their ends, and each follows the one before; answers
/// where the walk begins. A start that ended after it had written the tail on, and before it cut the
/// old one, leaves a last segment that begins within the one before: then the walk begins there.
fn links_hold(segments: &[SegmentFile], first: usize) -> Result<usize, StoreError> {
    if let Some(segment) = segments.first() {
        let header = &segment.header;
        if header.first_position != 1 || header.chain != Reached::START.chain {
            return Err(StoreError::Damaged {
                what: "journal: the segment before this one is missing",
                segment: header.number,
                offset: 0,
            });
        }
    }
    let pairs = segments.iter().zip(segments.iter().skip(1)).take(first);
    for (at, (before, after)) in pairs.enumerate() {
        if closing_chain(before)? != Some(after.header.chain) {
            if at + 2 == segments.len() {
                return Ok(at);
            }
            return Err(StoreError::Damaged {
                what: "last group",
                segment: before.header.number,
                offset: before.length,
            });
        }
    }
    Ok(first)
}

struct Walk<'a> {
    segments: &'a [SegmentFile],
    vouches: &'a [Vouch],
    /// Which vouches were met at their position, with their chain.
    met: Vec<bool>,
    end: Point,
    vouched: Option<Point>,
    superseded: Option<Point>,
    groups: u64,
    damaged: Vec<DamagedBlob>,
    torn: Option<(Fault, u32, u64)>,
}

impl Walk<'_> {
    fn highest(&self) -> Option<&Vouch> {
        self.vouches
            .iter()
            .max_by_key(|vouch| vouch.reached.position)
    }

    /// Notes a point between groups; true when the next segment begins here.
    fn point(&mut self, point: Point) -> Result<bool, StoreError> {
        for (vouch, met) in self.vouches.iter().zip(&mut self.met) {
            if vouch.reached.position == point.reached.position {
                if vouch.reached.chain != point.reached.chain {
                    return Err(vouch.differs());
                }
                *met = true;
            }
        }
        self.end = point;
        // What lies in an earlier segment was durable before the next one was begun.
        let starts = point.offset == SEGMENT_HEADER as u64;
        let at_vouch = self
            .highest()
            .is_some_and(|vouch| vouch.reached == point.reached);
        if starts || at_vouch {
            self.vouched = Some(point);
        }
        let next = self
            .segments
            .get(point.segment + 1)
            .map(|next| &next.header);
        Ok(next.is_some_and(|next| {
            next.first_position == point.reached.position + 1 && next.chain == point.reached.chain
        }))
    }

    fn segment(
        &mut self,
        at: usize,
        segment: &SegmentFile,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(), StoreError> {
        let mut reader = GroupReader::open(segment)?;
        reader.tolerate = self.highest().map_or(0, |vouch| vouch.reached.position);
        let number = reader.segment;
        let is_last = at + 1 == self.segments.len();
        loop {
            let point = Point {
                segment: at,
                offset: reader.offset,
                reached: reader.reached,
            };
            progress(reader.offset);
            if self.point(point)? {
                if reader.rest() > 0 {
                    // Only the last segment can have been made to supersede a tail.
                    if at + 2 != self.segments.len() {
                        return Err(StoreError::Damaged {
                            what: "segment: more groups than the next one follows",
                            segment: reader.segment,
                            offset: reader.offset,
                        });
                    }
                    self.superseded = Some(point);
                }
                return Ok(());
            }
            let fault = match reader.next()? {
                Step::Group { start, view, .. } => {
                    self.groups += 1;
                    let damaged = damaged_in(&view, number, start);
                    let room = MAX_NAMED.saturating_sub(self.damaged.len());
                    self.damaged.extend(damaged.into_iter().take(room));
                    continue;
                }
                Step::End if is_last => return Ok(()),
                Step::End => {
                    return Err(StoreError::Damaged {
                        what: "segment: groups are missing at its end",
                        segment: reader.segment,
                        offset: reader.length(),
                    });
                }
                Step::Fault(fault) => fault,
            };
            if !is_last || fault.followed {
                return Err(reader.damaged(&fault));
            }
            self.torn = Some((fault, reader.segment, reader.rest()));
            return Ok(());
        }
    }

    fn finish(self) -> Result<End, StoreError> {
        let end = self.end.reached;
        if let Some(vouch) = self
            .highest()
            .filter(|vouch| vouch.reached.position > end.position)
        {
            return Err(match self.torn {
                Some((fault, segment, _)) if !fault.short => StoreError::Damaged {
                    what: fault.what,
                    segment,
                    offset: fault.offset,
                },
                _ => StoreError::AcknowledgedDataMissing {
                    what: vouch.what,
                    position: vouch.reached.position,
                    journal: end.position,
                },
            });
        }
        // A vouched position within a group is of another history.
        if let Some((vouch, _)) = self.vouches.iter().zip(&self.met).find(|(_, met)| !**met) {
            return Err(vouch.differs());
        }
        Ok(End {
            end: self.end,
            vouched: self.vouched.unwrap_or(self.end),
            torn: self.torn.map_or(0, |(_, _, bytes)| bytes),
            superseded: self.superseded,
            groups: self.groups,
            damaged: self.damaged,
        })
    }
}
