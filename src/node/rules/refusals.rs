//! Why the writer refuses what use cases propose.

use crate::record::Violations;

/// Why the writer refused one submission of a batch.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionRefusal {
    /// Its statistics give away a count, beside what was released before.
    #[error("{0}")]
    Differenced(Violations),
    /// The idempotency key named another submission before.
    #[error(
        "this idempotency key was used before for another record; choose a new key, or send the first record again"
    )]
    IdempotencyConflict,
    /// The reference given to it is another record's.
    #[error(
        "the reference given to this record is another record's; nothing was made durable, send the record again"
    )]
    ReferenceTaken,
    /// The version was amended before.
    #[error(
        "this version was amended before; amend the newest one, which `comity records show` names"
    )]
    AlreadyAmended,
    /// The record was recalled before.
    #[error("the record was recalled before; `comity recall status` says who complied")]
    AlreadyRecalled,
    /// The record to amend or to answer is locked.
    #[error("the record was recalled or has expired; nothing follows it any more")]
    FollowsLocked,
    /// The consent request was answered before.
    #[error("the request was answered before; the first answer counts")]
    AlreadyAnswered,
    /// The consent token served before.
    #[error(
        "the consent was given for one use and was used before; ask again with `comity consent request`"
    )]
    ConsentUsed,
    /// The record to pass on is locked.
    #[error("the record was recalled or has expired and is not passed on any more")]
    OriginalLocked,
    /// Another step of the evidence request became durable since this one was prepared.
    #[error("another step of the request was taken meanwhile; look at it and try again")]
    EvidenceMoved,
    /// Another version of the joint case became durable since this one was prepared.
    #[error("the joint case was changed meanwhile; look at its newest version and try again")]
    JointCaseMoved,
    /// Something else became durable of the item since this was decided.
    #[error("another stream fed the same item at this moment; feed it again")]
    ItemMoved,
}

/// Why the writer refused a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The store was created before.
    #[error("this store was created before")]
    Exists,
    /// The lane is not where the proposal says.
    #[error("the lane stands at sequence {at}, the proposal begins at {first}")]
    LaneMoved {
        /// Last durable sequence.
        at: u64,
        /// First sequence proposed.
        first: u64,
    },
    /// Another session made a record with this id, digest or reference durable meanwhile.
    #[error("another session was faster; look again")]
    Raced,
    /// The record is not in the state that the proposal needs.
    #[error("the record is {0}")]
    Life(&'static str),
    /// An officer of the authority acknowledged it before, or that officer is in charge already.
    #[error("the record is acknowledged, or the officer in charge already")]
    Charged,
    /// Nothing with this id waits for approval.
    #[error("nothing with this id waits for approval")]
    NoApproval,
    /// One operator recalled too many records alone.
    #[error("too many records were recalled without a second operator")]
    NeedsSecond,
    /// It was approved before.
    #[error("it was approved before")]
    Approved,
    /// The time for approving it is over.
    #[error("the time for approving it is over; ask again")]
    ApprovalExpired,
    /// It was refused before.
    #[error("it was refused before; `comity approvals show` says why")]
    ApprovalRefused,
    /// Who asked for it has left.
    #[error("who asked for it has left, so that it cannot be approved any more")]
    ApprovalVoid,
    /// It was not approved, so it is not carried out.
    #[error("it was not approved, and is not carried out")]
    NotApproved,
    /// Other permissions are in force than those that a proposal was compared with.
    #[error("other permissions came in force meanwhile; look at them and propose again")]
    PermissionsMoved,
    /// Nobody approves what they asked for.
    #[error("nobody approves what they asked for: another person has to")]
    OwnApproval,
    /// The consent token served before.
    #[error(
        "the consent was given for one use and was used before; ask again with `comity consent request`"
    )]
    ConsentUsed,
    /// Something else became durable of the item since this was decided.
    #[error("another stream fed the same item at this moment; feed it again")]
    ItemMoved,
    /// Receipts for sequences never assigned.
    #[error("receipts reach sequence {last}, only {assigned} were assigned")]
    NeverAssigned {
        /// Last sequence of the receipts.
        last: u64,
        /// Last sequence assigned.
        assigned: u64,
    },
}
