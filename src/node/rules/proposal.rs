//! What use cases propose to the writer, what it answers, and why it refuses.

use crate::{
    crypto::Digest,
    entry::{Incarnation, LaneId},
    ledger::Checkpoint,
    record::{Country, Reference},
    wire::envelope::{Lane, NonDeliveryReason},
};

/// What may durably happen, as use cases propose it.
#[derive(Debug)]
pub enum Proposal {
    /// The store begins.
    Create {
        /// Own country.
        country: Country,
        /// First incarnation.
        incarnation: Incarnation,
        /// Origin line of the ledger.
        ledger_origin: String,
    },
    /// The node starts.
    Start {
        /// How the store was found.
        store: String,
    },
    /// A verified card is accepted.
    Card {
        /// Whose.
        country: Country,
        /// Its version.
        version: u64,
        /// SHA-256 of the encoded card.
        digest: Digest,
        /// Encoded signed card.
        signed: Vec<u8>,
        /// Who: an operator, or the peer's node.
        actor: String,
    },
    /// Sealed submissions; each is decided on its own.
    Submit(Vec<Prepared>),
    /// Verified records of one lane, with their signed receipts.
    Receive(Box<ReceivedBatch>),
    /// Verified receipts of a peer.
    ReceiptsArrived(Box<ArrivedReceipts>),
    /// A reading, before data leaves.
    Read {
        /// Local number; 0 for a listing.
        number: u64,
        /// Header; `None` for a listing.
        digest: Option<Digest>,
        /// As officers say it; empty for a listing.
        reference: String,
        /// Labels opened.
        compartments: Vec<u32>,
        /// Who.
        actor: String,
        /// Why.
        purpose: String,
        /// `read` or `listed`.
        detail: &'static str,
    },
    /// A link came up or went down.
    Link {
        /// Which.
        peer: Country,
        /// True when up.
        up: bool,
    },
    /// Other agreements are in force.
    Agreements {
        /// SHA-256 over the files.
        digest: Digest,
        /// How many.
        count: u32,
        /// Who: the node at its start, or an operator.
        actor: Option<String>,
    },
    /// Something that must not happen was seen.
    Alarm {
        /// With whom.
        peer: Option<Country>,
        /// Stable word.
        kind: &'static str,
    },
    /// A peer's checkpoint was found consistent with the one before.
    Checkpoint {
        /// Whose.
        peer: Country,
        /// Signed note.
        note: String,
        /// What it says.
        checkpoint: Checkpoint,
    },
}

/// A submission, validated, sealed and signed; nothing of it is durable yet.
#[derive(Debug)]
pub struct Prepared {
    /// SHA-256 of the header.
    pub digest: Digest,
    /// Id of the record.
    pub record_id: [u8; 16],
    /// Reference given to it.
    pub reference: Reference,
    /// Keyed tag of the reference.
    pub reference_tag: [u8; 16],
    /// Encoded envelope with every compartment, without wrap.
    pub envelope: Vec<u8>,
    /// Shred slot taken.
    pub slot: u64,
    /// Content keys under that slot.
    pub sealed_keys: Vec<u8>,
    /// The sharing matrix under that slot.
    pub sealed_sharing: Vec<u8>,
    /// Exercise flag.
    pub exercise: bool,
    /// Destinations in header order.
    pub destinations: Vec<Country>,
    /// Lane.
    pub lane: Lane,
    /// Keyed tag of principal and idempotency key.
    pub idempotency_tag: Option<[u8; 16]>,
    /// SHA-256 of what was submitted.
    pub submission_digest: Digest,
    /// Encoded SUBMISSION_ACCEPTANCE with its proof.
    pub acceptance: Vec<u8>,
    /// Who submitted.
    pub actor: String,
}

/// Consecutive records of one lane, verified, opened and re-keyed; nothing durable yet.
#[derive(Debug)]
pub struct ReceivedBatch {
    /// The lane they came on.
    pub lane: LaneId,
    /// Sequence of the first.
    pub first: u64,
    /// What becomes of each.
    pub arrivals: Vec<Arrival>,
    /// Encoded receipt group, one receipt each.
    pub receipts: Vec<u8>,
    /// Root the group's signature is over.
    pub receipts_root: Digest,
}

/// What becomes of one sequence.
#[derive(Debug)]
pub enum Arrival {
    /// It is held.
    Record {
        /// SHA-256 of the header.
        digest: Digest,
        /// Id of the record.
        record_id: [u8; 16],
        /// As officers say it.
        reference: Reference,
        /// Keyed tag of the reference.
        reference_tag: [u8; 16],
        /// Encoded envelope without wrap.
        envelope: Vec<u8>,
        /// Shred slot taken.
        slot: u64,
        /// Content keys under that slot.
        sealed_keys: Vec<u8>,
        /// Exercise flag.
        exercise: bool,
    },
    /// It ends without its record.
    Refused {
        /// SHA-256 of the header as it came.
        digest: Digest,
        /// Why.
        reason: NonDeliveryReason,
    },
}

/// Verified receipts for consecutive sequences of an own lane.
#[derive(Debug)]
pub struct ArrivedReceipts {
    /// The lane they answer; own incarnation.
    pub lane: LaneId,
    /// Sequence of the first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// Encoded receipt group.
    pub receipts: Vec<u8>,
    /// Root of the group.
    pub root: Digest,
}

/// What the writer answers.
#[derive(Debug)]
pub enum Answer {
    /// It is durable.
    Done,
    /// What became of each submission, in order.
    Submitted(Vec<Result<Submission, SubmissionRefusal>>),
}

/// A submission that is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Submission {
    /// Local number.
    pub number: u64,
    /// True when the idempotency key was known: this is the first submission.
    pub repeated: bool,
}

/// Why the writer refused one submission of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubmissionRefusal {
    /// The idempotency key named another submission before.
    #[error(
        "this idempotency key was used before for another record; choose a new key, or send the first record again"
    )]
    IdempotencyConflict,
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
    /// Receipts for sequences never assigned.
    #[error("receipts reach sequence {last}, only {assigned} were assigned")]
    NeverAssigned {
        /// Last sequence of the receipts.
        last: u64,
        /// Last sequence assigned.
        assigned: u64,
    },
}
