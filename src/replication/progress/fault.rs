//! What a peer can do wrong on a lane.

use super::{Incarnation, outgoing::MAX_BATCH_RECORDS};
use crate::{crypto::Digest, wire::link::ByeReason};

/// The peer broke the protocol on a lane. The session ends with [`LaneFault::reason`]; nothing of
/// the frame was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LaneFault {
    /// Sequences are missing: withheld or lost on the way.
    #[error("sequences {expected} to {last} are missing: sequence {got} came after {before}", last = got.saturating_sub(1), before = expected.saturating_sub(1))]
    Gap {
        /// The sequence that had to come.
        expected: u64,
        /// The sequence that came.
        got: u64,
    },
    /// A known sequence came with another record: an alarm, never acknowledged.
    #[error("sequence {sequence} is known as {known} and came again as {got}")]
    Conflict {
        /// The sequence.
        sequence: u64,
        /// Header digest known.
        known: Digest,
        /// Header digest that came.
        got: Digest,
    },
    /// Records under another incarnation than the peer's Hello named.
    #[error(
        "records of incarnation {}, the session is for {}",
        hex::encode(got),
        hex::encode(expected)
    )]
    Incarnation {
        /// The session's.
        expected: Incarnation,
        /// That of the frame.
        got: Incarnation,
    },
    /// A frame with no records, or more than allowed.
    #[error("{0} records or receipts in one frame: 1 to {max} are allowed", max = MAX_BATCH_RECORDS)]
    FrameSize(u64),
    /// A sequence that starts at 0 or runs beyond the last number.
    #[error("sequence {0} cannot be: sequences start at 1")]
    Sequence(u64),
    /// More than the credit given.
    #[error(
        "{records} records of {bytes} bytes exceed the credit left: {left_records} of {left_bytes}"
    )]
    Credit {
        /// Records that came.
        records: u64,
        /// Their bytes.
        bytes: u64,
        /// Records allowed.
        left_records: u64,
        /// Bytes allowed.
        left_bytes: u64,
    },
    /// Receipts are left out.
    #[error("receipts for sequences {expected} to {last} are missing", last = got.saturating_sub(1))]
    ReceiptGap {
        /// The sequence whose receipt had to come.
        expected: u64,
        /// The first sequence that is receipted.
        got: u64,
    },
    /// A receipt for a record that was never assigned here: the peer knows more of this node than
    /// it knows itself.
    #[error(
        "a receipt for sequence {sequence}, the last one assigned is {last_assigned}: this node was restored from an older state"
    )]
    NeverAssigned {
        /// The receipted sequence.
        sequence: u64,
        /// Last sequence assigned here.
        last_assigned: u64,
    },
    /// The peer confirms receipts that this node did not issue.
    #[error(
        "receipts are confirmed up to sequence {sequence}, those issued reach {issued}: this node was restored from an older state"
    )]
    NeverIssued {
        /// The sequence confirmed.
        sequence: u64,
        /// Last sequence receipted here.
        issued: u64,
    },
}

impl LaneFault {
    /// What the session ends with.
    pub const fn reason(&self) -> ByeReason {
        match self {
            Self::Conflict { .. } => ByeReason::Conflict,
            Self::NeverAssigned { .. } | Self::NeverIssued { .. } => ByeReason::Fenced,
            Self::Gap { .. }
            | Self::Incarnation { .. }
            | Self::FrameSize(_)
            | Self::Sequence(_)
            | Self::Credit { .. }
            | Self::ReceiptGap { .. } => ByeReason::Protocol,
        }
    }
}
