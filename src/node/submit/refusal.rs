//! Why a submission is refused.

use super::{
    super::{
        NodeError, evidence::EvidenceFault, fence::FENCED, joint::JointFault,
        rules::SubmissionRefusal, steps::FollowFault,
    },
    MAX_KEY_CHARS,
};
use crate::{
    access::Refused,
    record::{MAX_RECORD_BYTES, Violations},
};

/// Why a submission is refused.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The record breaks rules; each is named.
    #[error("{0}")]
    Invalid(Violations),
    /// The record is larger than a record may be.
    #[error(
        "the record takes {0} bytes, a record may take {MAX_RECORD_BYTES}; files travel as evidence"
    )]
    TooLarge(usize),
    /// The idempotency key is longer than it may be.
    #[error("an idempotency key has 1 to {MAX_KEY_CHARS} characters, this one has {0}")]
    KeyTooLong(usize),
    /// The idempotency key named another record.
    #[error(transparent)]
    Conflict(SubmissionRefusal),
    /// The permissions do not allow it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A client submitted a step as a record.
    #[error(
        "a record that carries `step` or `onward` is made by the node: recall, consent, passing on and the like have commands and calls of their own"
    )]
    StepAsRecord,
    /// What it follows does not let it.
    #[error("the record cannot follow what it names: {0}")]
    Follows(#[from] FollowFault),
    /// It is an evidence request, or a step of one, that cannot be taken.
    #[error(transparent)]
    Evidence(#[from] EvidenceFault),
    /// It cannot belong to its joint case, or change it.
    #[error(transparent)]
    JointCase(#[from] JointFault),
    /// The disk is nearly full.
    #[error(
        "the node's disk is {used}% full and it accepts no submissions above {limit}%; free space or ask the operator"
    )]
    DiskFull {
        /// Used, in percent.
        used: u64,
        /// Limit, in percent.
        limit: u64,
    },
    /// A peer knows more of this node than the node itself does.
    #[error("{FENCED}")]
    Fenced,
    /// Reference numbers of this year are used up.
    #[error("all reference numbers of this year are used")]
    ReferencesExhausted,
    /// The record cannot be sealed.
    #[error("the record cannot be sealed: {0}")]
    Seal(String),
    /// As many bytes of submissions as the node takes are under way.
    #[error(
        "the node has as many submissions under way as it takes; send the record again in a moment, with the same idempotency key"
    )]
    Busy,
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl From<SubmissionRefusal> for SubmitError {
    fn from(refusal: SubmissionRefusal) -> Self {
        match refusal {
            SubmissionRefusal::Differenced(violations) => Self::Invalid(violations),
            other => Self::Conflict(other),
        }
    }
}
