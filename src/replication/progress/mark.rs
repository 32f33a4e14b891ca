//! High-water marks: a withheld tail is seen and named.

use std::ops::RangeInclusive;

use super::{IncomingLane, Position};
use crate::crypto::Digest;

/// What a mark says about a lane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MarkView {
    /// Everything the mark names has arrived.
    UpToDate,
    /// Sequences that were assigned and have not arrived. Normal while they are under way; an alarm
    /// when it stays so on an idle link.
    Behind {
        /// Which.
        missing: RangeInclusive<u64>,
    },
    /// The mark contradicts what arrived: another running hash at the same sequence, or an
    /// incarnation that the peer's Hello did not name. An alarm.
    Conflict,
}

/// Compares a lane with a mark whose signature was verified. A mark below the lane's head was
/// overtaken by records and says nothing new.
pub fn check_mark(lane: &IncomingLane, mark: &Position) -> MarkView {
    if mark.incarnation != lane.durable().incarnation {
        return MarkView::Conflict;
    }
    let (head, hash) = (lane.head(), lane.head_hash());
    let contradicts = if mark.sequence == head {
        mark.running_hash != hash
    } else if mark.sequence == lane.durable().sequence {
        mark.running_hash != lane.durable().running_hash
    } else {
        mark.sequence == 0 && mark.running_hash != Digest::ZERO
    };
    if contradicts {
        return MarkView::Conflict;
    }
    if mark.sequence > head {
        return MarkView::Behind {
            missing: head.saturating_add(1)..=mark.sequence,
        };
    }
    MarkView::UpToDate
}
