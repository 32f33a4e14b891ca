//! Evidence requests at this node: submitted, answered step by step, listed and shown.
//!
//! A request is a record, and so is each step; both travel like any other. What state a request is in
//! follows from its steps alone ([`crate::evidence::lifecycle`]): nothing of it is stored. A step is
//! completed where submissions are prepared (`complete`): there its number, the step before and what
//! was seen of the other side come from the store, and the writer refuses it when another record
//! followed the request meanwhile, so that it is prepared again.
//!
//! A crash leaves a step durable or not; no state can be half changed.

mod cases;
mod clocks;
mod complete;
mod list;
mod request;
mod show;
mod step;
mod terms;
mod thread;

pub use crate::inbox::clocks::Look;
pub(crate) use cases::{Cases, look_through};
pub use list::{Wanted, party_of, state, state_of};
pub use request::Checked;
pub use show::Shown;
pub use step::{StepOrder, StepTaken};
pub use terms::TermsFault;

use crate::{
    evidence::{
        custody::OrderFault,
        lifecycle::{Act, Void, Wait},
    },
    record::Reference,
    wire::record::{Record, situation::Kind},
};

use super::{NodeError, items::ItemError, read::ReadError, submit::SubmitError};

/// Why a request, or a step of one, cannot be submitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceFault {
    /// A request came in as any other record.
    #[error(
        "an evidence request is submitted by `comity evidence request` and its call, which check that it is complete"
    )]
    AsRecord,
    /// What came in as a request is none.
    #[error("the record is no evidence request: set `situation.evidenceRequest`")]
    NotARequest,
    /// The caller set what the node sets.
    #[error("`{0}` is set by the node; leave it out")]
    SetByNode(&'static str),
    /// The agreements do not let it go.
    #[error(transparent)]
    Terms(#[from] TermsFault),
    /// The step would be void.
    #[error("this step cannot be taken: {0}")]
    Void(#[from] Void),
    /// An officer took what the node takes.
    #[error("`{0}` is said by the node alone, when it is so")]
    NodesOwn(Act),
    /// A step of the other side is missing that an own step was taken after.
    #[error(
        "this step cannot be taken yet: step {} of the {} side did not arrive", .0.number, .0.side
    )]
    Waits(Wait),
    /// The side took as many steps as a request has.
    #[error("the request has as many steps of this side as it may have; close it and send another")]
    TooMany,
    /// A request is reassigned to an authority of the own card.
    #[error("`{authority}` is no authority of this country; its card names {}", .known.join(", "))]
    Authority {
        /// To whom.
        authority: String,
        /// Who there is.
        known: Vec<String>,
    },
    /// Custody of an item cannot be stated.
    #[error("custody of an item cannot be stated: {0}")]
    Custody(OrderFault),
    /// The request cannot be read here.
    #[error("the request cannot be read here: {0}")]
    Unreadable(String),
}

/// Why nothing is done, listed or shown of a request.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The record cannot be found or read.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// It is no request, nor a step of one.
    #[error("{0} is no evidence request and no step of one; `comity evidence list` lists them")]
    NotARequest(Reference),
    /// An item that is to go along.
    #[error(transparent)]
    Item(#[from] Box<ItemError>),
    /// What was to be submitted is refused.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<NodeError> for EvidenceError {
    fn from(error: NodeError) -> Self {
        Self::Record(error.into())
    }
}

/// The evidence request that a record is; `None` for any other, and for one that passes another on.
pub(super) fn request_of(record: &Record) -> Option<&crate::wire::record::EvidenceRequest> {
    if record.onward.is_some() {
        return None;
    }
    match record.situation.as_ref()?.kind.as_ref()? {
        Kind::EvidenceRequest(request) => Some(request),
        _ => None,
    }
}

/// Whether a record is an evidence request.
pub(super) fn is_request(record: &Record) -> bool {
    request_of(record).is_some()
}
