//! What use cases propose to the writer, and what it answers.

use super::approvals::{AnswerOrder, AskOrder};
use super::clocks::ClocksOrder;
use super::consent::{DiscloseOrder, ExportedEvidence};
use super::custody::CustodyDraft;
use super::desk::{ChargeOrder, EscalateOrder};
use super::intake::{FeedClaim, NoteOrder};
use super::items::ItemOrder;
use super::permissions::TableOrder;
use super::reading::{ReadOrder, SearchOrder};
use super::refusals::SubmissionRefusal;
use super::released::ExportedTable;
use super::subject::ScanOrder;
use super::told::{CertificateOrder, KeyOrder};
use crate::{
    crypto::Digest,
    entry::{Event, Incarnation, LaneId},
    inbox::ReferenceTag,
    ledger::Checkpoint,
    record::{Country, Reference},
    wire::envelope::{Lane, NonDeliveryReason},
};

use super::super::{access::RefusedAttempts, fence::Claim, links::Change};
use super::facts::{AloneOrder, ErasedOrder, Facts, LockOrder, Rekeying};

pub use crate::access::ApprovalId;

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
    /// A reading or a listing, before data leaves.
    Read(Box<ReadOrder>),
    /// An officer is in charge of a record.
    Charge(Box<ChargeOrder>),
    /// What is due of records is late.
    Escalate(Vec<EscalateOrder>),
    /// Clocks of evidence requests were worked out; what is to be told of them is told.
    Clocks(Vec<ClocksOrder>),
    /// Records whose time is over are locked, or shredded sooner than they would be.
    Lock {
        /// Which.
        orders: Vec<LockOrder>,
        /// Who: the node, or an operator.
        actor: String,
    },
    /// A legal hold is set or released.
    Hold {
        /// Local number.
        number: u64,
        /// Header.
        digest: Digest,
        /// As officers say it.
        reference: String,
        /// The ground under which it is set; `None` to release it.
        ground: Option<String>,
        /// Who.
        actor: String,
    },
    /// The keys that stay of a record stand under a new slot.
    Rekey(Rekeying),
    /// Keys are gone from the slots.
    Erased(Vec<ErasedOrder>),
    /// A search or a correlation, before data leaves.
    Searched(Box<SearchOrder>),
    /// Something that needs two persons is asked for.
    Ask(Box<AskOrder>),
    /// It is approved, refused, void, or can never be done.
    Answer(Box<AnswerOrder>),
    /// What was approved is done.
    ApprovalDone(ApprovalId),
    /// Permissions come in force.
    AccessTable(Box<TableOrder>),
    /// A scan for a data subject begins, or ends before its answer leaves.
    Scanned(Box<ScanOrder>),
    /// Leaves of an earlier version are indexed by person.
    Indexed(Event),
    /// Client certificates that the ledger is to be told of.
    Certificates(Vec<CertificateOrder>),
    /// A key of the node that the ledger is to be told of.
    Key(KeyOrder),
    /// Attempts that the permissions refused, summed up.
    RefusedAttempts(Vec<RefusedAttempts>),
    /// An operator recalls records without a second one.
    RecallAlone(AloneOrder),
    /// A link came up or went down.
    Link {
        /// Which.
        peer: Country,
        /// How it is now, and how many changes that sums up.
        change: Change,
    },
    /// A record leaves the node in plain text, once this is durable.
    Disclose(Box<DiscloseOrder>),
    /// Records leave the node in plain text, once this is durable: all of them, or none.
    DiscloseAll(Vec<DiscloseOrder>),
    /// An evidence request leaves the node in plain text, once this is durable.
    ExportEvidence(Box<ExportedEvidence>),
    /// Custody of items is stated.
    Custody(Vec<CustodyDraft>),
    /// A table of statistics leaves the node, once this is durable.
    ExportTable(Box<ExportedTable>),
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
        /// Signed statements that prove it.
        evidence: Vec<String>,
    },
    /// Something happens to an item.
    Item(ItemOrder),
    /// An item of a feed came under another version, or was deleted.
    NoteFed(NoteOrder),
    /// Something about incarnations happened, own or a peer's; with its blobs.
    Life(Box<Event>, Vec<Vec<u8>>),
    /// A peer knows more of this node than the node itself does.
    Fence {
        /// Who.
        peer: Country,
        /// Of what.
        claim: Claim,
        /// Whether the node signs nothing any more from here on.
        decisive: bool,
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
    /// A peer's control lane is carried out as far as it said that it reaches.
    Heard {
        /// The peer.
        peer: Country,
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
    pub reference_tag: ReferenceTag,
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
    /// What the writer may know of its content.
    pub facts: Facts,
    /// Destinations in header order.
    pub destinations: Vec<Country>,
    /// Lane.
    pub lane: Lane,
    /// Keyed tag of principal and idempotency key.
    pub idempotency_tag: Option<[u8; 16]>,
    /// SHA-256 of what was submitted, with an idempotency key or as an item of a feed.
    pub submission: Option<Digest>,
    /// The same, under the slot.
    pub sealed_submission: Vec<u8>,
    /// The item of a feed that it is.
    pub item: Option<FeedClaim>,
    /// Position of the store at which reference and idempotency key were unknown.
    pub unknown_at: u64,
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
    /// Position of the store at which their ids and references were unknown.
    pub unknown_at: u64,
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
        reference_tag: ReferenceTag,
        /// Encoded envelope without wrap.
        envelope: Vec<u8>,
        /// Shred slot taken.
        slot: u64,
        /// Content keys under that slot.
        sealed_keys: Vec<u8>,
        /// Exercise flag.
        exercise: bool,
        /// What the writer may know of its content.
        facts: Facts,
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
