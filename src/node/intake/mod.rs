//! Intake: the items of a case system become records, each once. A new item is submitted, a changed one
//! amended, a deleted one recalled; a repeat changes nothing.
//!
//! What is held of an item is one row (`rows`), under a keyed tag. What becomes of an item that comes is
//! decided by it ([`crate::feed::item`]), off the runtime's threads and many at a time; the entry of
//! the record carries the item, and the writer takes it only while the row is what it was decided by.
//! So row and record become durable in one group: a crash before its sync leaves neither, and the
//! item fed again is new; after it the item is known, and a repeat is answered with its reference.
//!
//! What the item said is kept as a digest under the record's slot, as for a submission with an
//! idempotency key, and not as a tag in the row: whoever has the index key could test guesses
//! against a tag for ever, and nothing of a record may outlive its slot.

mod amend;
mod delete;
mod look;
pub(in crate::node) mod rows;
mod take;
mod under_way;

pub use take::{MOST_TOGETHER, Outcomes};
pub(crate) use under_way::UnderWay;

use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use crate::{
    access::{Permit, Refused, act},
    feed::item::{ItemFault, check_feed},
    record::Reference,
    wire::node::{FeedOutcome, IngestBegin},
};

use super::{
    Node, NodeError,
    read::ReadError,
    rules::{Refusal, SubmissionRefusal},
    submit::SubmitError,
};

/// Room for records that one stream keeps to decide again about, in KiB.
const KEPT_KIB: u32 = 8 * 1024;

/// Why an item is refused.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// What came of it.
    #[error(transparent)]
    Item(#[from] ItemFault),
    /// Its record, or the node.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// Its record is out of reach.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Its recall is beyond what one person recalls alone.
    #[error(
        "this recall is beyond what one person recalls alone in the time that is configured; have `comity recall {reference}` \
         approved by a second person, and feed the deletion again: it is taken once the record is recalled"
    )]
    NeedsSecond {
        /// The record.
        reference: Reference,
    },
}

impl From<NodeError> for IngestError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Refused(Refusal::ItemMoved) => {
                SubmitError::from(SubmissionRefusal::ItemMoved).into()
            }
            error => SubmitError::from(error).into(),
        }
    }
}

impl From<Refused> for IngestError {
    fn from(refused: Refused) -> Self {
        SubmitError::from(refused).into()
    }
}

/// An item that the node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// What was done.
    pub outcome: FeedOutcome,
    /// The record that holds it; `None` in a dry run of a new one.
    pub reference: Option<Reference>,
}

/// What became of an item.
pub type Outcome = Result<Taken, IngestError>;

/// What becomes of an item.
#[derive(Debug)]
pub enum Coming {
    /// It is known.
    Now(Outcome),
    /// It is known once the item is durable.
    Later(oneshot::Receiver<Outcome>),
}

impl Coming {
    /// What became of it. Letting go of this does not stop it.
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn outcome(self) -> Outcome {
        match self {
            Self::Now(outcome) => outcome,
            Self::Later(coming) => match coming.await {
                Ok(outcome) => outcome,
                Err(_) => Err(NodeError::Closed.into()),
            },
        }
    }
}

/// A stream of items.
#[derive(Clone, Debug)]
pub struct Feed {
    node: Arc<Node>,
    permit: Permit<act::Ingest>,
    /// Its name.
    name: Arc<str>,
    dry_run: bool,
    /// Room for records that are kept until it is certain that nothing has to be decided again.
    kept: Arc<Semaphore>,
}

impl Node {
    /// Begins to take the items of a feed.
    ///
    /// # Errors
    /// [`ItemFault::FeedName`].
    pub fn feed(
        self: &Arc<Self>,
        permit: Permit<act::Ingest>,
        begin: IngestBegin,
    ) -> Result<Feed, ItemFault> {
        let name: Arc<str> = if begin.feed.is_empty() {
            permit.principal().name().into()
        } else {
            check_feed(&begin.feed)?;
            begin.feed.into()
        };
        Ok(Feed {
            node: Arc::clone(self),
            permit,
            name,
            dry_run: begin.dry_run,
            kept: Arc::new(Semaphore::new(
                usize::try_from(KEPT_KIB).unwrap_or(usize::MAX),
            )),
        })
    }
}

impl Feed {
    /// Keyed tag of an item: of one authority's feed. The principal's name alone does not count, so
    /// that another machine may go on with a feed.
    fn tag(&self, own_id: &str) -> [u8; 16] {
        let authority = self.permit.principal().authority().unwrap_or_default();
        // None of the three has a NUL.
        let name = format!("{authority}\0{}\0{own_id}", self.name);
        self.node.keys.index.tag("feed-item", name.as_bytes())
    }
}
