//! What the writer is told of a record's content, and what its life orders.

use super::{consent::PassesOn, custody::CustodyDraft, items::NamedItems, released::Release};
use crate::node::joint::CaseFact;
use crate::{
    crypto::{Digest, Domain},
    entry::{Follow, Holding, LateReceipt, Lock, LockCause},
    record::due::Clock,
};

/// What the writer and the projections may know of a record's content: enough to carry out a step,
/// and no more.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// What it follows.
    pub follow: Option<Follow>,
    /// Keyed tag of its kind, bound to its own header; empty for a step.
    pub kind_tag: Vec<u8>,
    /// When it expires, microseconds since 1970; 0: it does not.
    pub expires_us: i64,
    /// When this country deletes compartment `victims`; 0: it holds none.
    pub victims_until_us: i64,
    /// What is due of it, and by when.
    pub clock: Option<Clock>,
    /// The record that it passes on.
    pub passes_on: Option<PassesOn>,
    /// What it releases of statistics.
    pub releases: Vec<Release>,
    /// The items that it names with their keys.
    pub items: NamedItems,
    /// What is stated of items in the same group.
    pub custody: Vec<CustodyDraft>,
    /// The joint case that it belongs to, or is a version of.
    pub joint_case: Option<CaseFact>,
    /// What its step does in the same group.
    pub effect: Option<Effect>,
    /// Whether it is an evidence request.
    pub evidence_request: bool,
    /// On an own step of an evidence request: how many records followed the request when the step was
    /// prepared. Where more do, it is prepared again.
    pub evidence_followers: Option<u64>,
}

/// The tag of a joint case as an entry has it; empty for none.
pub(super) fn case_tag(fact: Option<CaseFact>) -> Vec<u8> {
    fact.map(|of| of.tag.to_vec()).unwrap_or_default()
}

/// Which version of a joint case it is; 0 for none.
pub(super) fn case_edition(fact: Option<CaseFact>) -> u32 {
    fact.map_or(0, |of| of.edition)
}

/// Writes into a holding what is due of it.
pub(super) fn timed(holding: Holding, clock: Option<Clock>) -> Holding {
    let Some(clock) = clock else {
        return holding;
    };
    Holding {
        // 0 stands for nothing.
        due_us: clock.due.micros().max(1),
        escalate_us: clock.again.map_or(0, |again| again.micros().max(1)),
        answer_due: clock.answer,
        ..holding
    }
}

/// What a step does once it is durable, in the same group.
#[derive(Clone, Debug)]
pub enum Effect {
    /// Locks the followed record.
    Recall {
        /// Reference of the followed record, for the ledger.
        reference: String,
    },
    /// Keeps receipts for what happened after delivery.
    LateReceipts(KeptReceipts),
}

/// Late receipts, verified.
#[derive(Clone, Debug)]
pub struct KeptReceipts {
    /// Encoded `LateReceipts`.
    pub encoded: Vec<u8>,
    /// What they say, in their order.
    pub receipts: Vec<LateReceipt>,
}

/// A record, or its victim data, that is to be locked because its time is over.
#[derive(Clone, Copy, Debug)]
pub struct LockOrder {
    /// Local number.
    pub number: u64,
    /// SHA-256 of the header.
    pub digest: Digest,
    /// Why.
    pub cause: LockCause,
    /// When it is shredded, microseconds since 1970.
    pub shred_us: i64,
    /// True when only compartment `victims` is meant.
    pub victims_only: bool,
}

/// Records that an operator recalls without a second one.
#[derive(Clone, Debug)]
pub struct AloneOrder {
    /// Keyed tag of the operator.
    pub person_tag: [u8; 16],
    /// How many.
    pub count: u64,
    /// How many one operator may recall alone.
    pub most: u64,
    /// Since when they are counted, microseconds since 1970.
    pub since_us: i64,
    /// Who.
    pub actor: String,
}

/// A record, or its victim data, whose keys are gone from the slots.
#[derive(Clone, Copy, Debug)]
pub struct ErasedOrder {
    /// Local number.
    pub number: u64,
    /// SHA-256 of the header.
    pub digest: Digest,
    /// True when only compartment `victims` went.
    pub victims_only: bool,
    /// What the operator states of backups.
    pub backups: Backups,
}

/// What is stated of backups in which a record still opens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Backups {
    /// Nothing: nobody knows.
    #[default]
    Unknown,
    /// There are none.
    None,
    /// They exist until then, microseconds since 1970.
    Until(i64),
}

impl Backups {
    /// As a lock has it.
    pub const fn of(lock: &Lock) -> Self {
        match (lock.backups_unknown, lock.backups_until_us) {
            (true, _) => Self::Unknown,
            (false, 0) => Self::None,
            (false, until) => Self::Until(until),
        }
    }

    /// The time that stands in an entry or a receipt; 0 without one.
    pub const fn until_us(self) -> i64 {
        match self {
            Self::Until(until) => until,
            Self::Unknown | Self::None => 0,
        }
    }
}

/// The keys that stay of a record, and what is kept beside it, under a new slot.
#[derive(Clone, Debug)]
pub struct Rekeying {
    /// Local number.
    pub number: u64,
    /// SHA-256 of the header.
    pub digest: Digest,
    /// The new slot.
    pub slot: u64,
    /// The keys.
    pub sealed_keys: Vec<u8>,
    /// The sharing matrix as sent; empty for a record of another country.
    pub sealed_sharing: Vec<u8>,
    /// What was submitted under an idempotency key; empty without one.
    pub sealed_submission: Vec<u8>,
}

/// Additional data of a leaf's body at rest.
pub(in crate::node) fn leaf_aad(index: u64) -> Vec<u8> {
    [Domain::Storage.prefix(), b"leaf", &index.to_be_bytes()].concat()
}
