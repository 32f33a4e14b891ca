//! What can be wrong with a ledger or a proof that somebody hands over.

use super::{CheckpointError, tree::ReadError};
use crate::crypto::Digest;

/// The first thing that does not fit. The fault is with whoever made the export or the proof,
/// unless reading it failed.
#[derive(Debug, thiserror::Error)]
pub enum LedgerFault {
    /// The checkpoint is not accepted.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The export does not begin with a checkpoint.
    #[error("the export does not begin with a checkpoint")]
    NoCheckpoint,
    /// A second checkpoint.
    #[error("a second checkpoint stands before leaf {before}")]
    SecondCheckpoint {
        /// The leaf that was expected.
        before: u64,
    },
    /// A line cannot be read.
    #[error("the line for leaf {expected} cannot be read")]
    Line {
        /// The leaf that was expected.
        expected: u64,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// A leaf is left out, doubled or out of order.
    #[error("leaf {expected} should stand where leaf {found} stands")]
    Order {
        /// The leaf that was expected.
        expected: u64,
        /// The leaf that is there.
        found: u64,
    },
    /// The export ends before the checkpoint's size.
    #[error("the export ends before leaf {first_missing}; the checkpoint has {size} leaves")]
    Missing {
        /// First leaf that is not there.
        first_missing: u64,
        /// Leaves of the checkpoint.
        size: u64,
    },
    /// The export goes beyond the checkpoint's size.
    #[error("leaf {index} is beyond the checkpoint's {size} leaves")]
    Extra {
        /// First leaf too many.
        index: u64,
        /// Leaves of the checkpoint.
        size: u64,
    },
    /// A part of a leaf has the wrong length.
    #[error("leaf {index}: {part} has {bytes} bytes")]
    Length {
        /// The leaf.
        index: u64,
        /// `salt`, `digest`, `body` or `path`.
        part: &'static str,
        /// Its length.
        bytes: usize,
    },
    /// The body or salt is not what the tree vouches for.
    #[error("leaf {index}: the body does not match its digest; it was altered")]
    Body {
        /// The leaf.
        index: u64,
    },
    /// The body is what the tree vouches for and still no leaf body.
    #[error("leaf {index}: the body does not decode; the node that wrote it is at fault")]
    Undecodable {
        /// The leaf.
        index: u64,
    },
    /// The leaves are not those of the checkpoint.
    #[error(
        "the {size} leaves have the root {computed}, the checkpoint says {signed}: a leaf was altered"
    )]
    Root {
        /// Leaves.
        size: u64,
        /// Root of the leaves.
        computed: Digest,
        /// Root of the checkpoint.
        signed: Digest,
    },
    /// What was kept of the ledger before a restore is not what the root signed.
    #[error(
        "the first {size} leaves have the root {computed}, the country root signed {signed} when the node was restored: what it kept was altered since"
    )]
    Predecessor {
        /// Leaves kept.
        size: u64,
        /// Their root.
        computed: Digest,
        /// The root signed.
        signed: Digest,
    },
    /// No leaf names the renewal on the card.
    #[error(
        "the card says that the node was restored at {size} leaves, and no leaf after them names that renewal"
    )]
    Unnamed {
        /// Leaves kept.
        size: u64,
    },
    /// The proof does not put the leaf into the checkpoint's tree.
    #[error("leaf {index} is not in the checkpoint's tree: its path does not lead to the root")]
    NotIncluded {
        /// The leaf.
        index: u64,
    },
    /// A proof about nothing.
    #[error("the proof names no leaf")]
    NoLeaves,
    /// A proof of more leaves than any record has.
    #[error("a proof of {0} leaves is beyond the bound of {max}", max = super::MAX_PROOF_LEAVES)]
    TooManyLeaves(usize),
}

impl LedgerFault {
    /// A stable word for the fault, as vectors name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Checkpoint(fault) => fault.name(),
            Self::NoCheckpoint => "no_checkpoint",
            Self::SecondCheckpoint { .. } => "second_checkpoint",
            Self::Line { .. } => "line",
            Self::Order { .. } => "order",
            Self::Missing { .. } => "missing",
            Self::Extra { .. } => "extra",
            Self::Length { .. } => "length",
            Self::Body { .. } => "body",
            Self::Undecodable { .. } => "undecodable",
            Self::Root { .. } => "root",
            Self::Predecessor { .. } => "predecessor",
            Self::Unnamed { .. } => "unnamed",
            Self::NotIncluded { .. } => "not_included",
            Self::NoLeaves => "no_leaves",
            Self::TooManyLeaves(_) => "too_many_leaves",
        }
    }

    /// The leaf at which it is found, where it names one.
    pub const fn leaf(&self) -> Option<u64> {
        match self {
            Self::SecondCheckpoint { before: leaf }
            | Self::Line { expected: leaf, .. }
            | Self::Order { found: leaf, .. }
            | Self::Missing {
                first_missing: leaf,
                ..
            }
            | Self::Extra { index: leaf, .. }
            | Self::Length { index: leaf, .. }
            | Self::Body { index: leaf }
            | Self::Undecodable { index: leaf }
            | Self::NotIncluded { index: leaf } => Some(*leaf),
            Self::Checkpoint(_)
            | Self::NoCheckpoint
            | Self::Root { .. }
            | Self::Predecessor { .. }
            | Self::Unnamed { .. }
            | Self::NoLeaves
            | Self::TooManyLeaves(_) => None,
        }
    }
}
