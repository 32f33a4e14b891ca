//! What the writer is told of a record's content, and what its life orders.

use super::consent::PassesOn;
use crate::{
    crypto::Digest,
    entry::{Follow, Holding, LateReceipt, LockCause},
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
    /// When this reader deletes compartment `victims`; 0: it holds none, or is the origin.
    pub victims_until_us: i64,
    /// What is due of it, and by when.
    pub clock: Option<Clock>,
    /// The record that it passes on.
    pub passes_on: Option<PassesOn>,
    /// What its step does in the same group.
    pub effect: Option<Effect>,
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
    /// Until when backups that still open exist, microseconds since 1970; 0: there are none.
    pub backups_until_us: i64,
}
