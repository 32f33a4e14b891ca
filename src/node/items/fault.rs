//! Why an item is not taken, or not given.

use crate::{
    crypto::{Digest, chunks::PlanError},
    evidence::{custody::OrderFault, items::NoRoom},
    record::{Country, Reference},
    store::{ChunkError, StoreError},
};

use super::super::{NodeError, read::ReadError, rules::Refusal};

/// Why an item is not taken, or not given.
#[derive(Debug, thiserror::Error)]
pub enum ItemError {
    /// The record it belongs to.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// Items belong to evidence requests.
    #[error(
        "files are uploaded to an evidence request or to spontaneous information, and {reference} is neither ({kind})"
    )]
    Kind {
        /// The record.
        reference: Reference,
        /// What it is.
        kind: String,
    },
    /// No such item.
    #[error(
        "no item {item} belongs to {reference}; `comity evidence items {reference}` lists them"
    )]
    Unknown {
        /// The record.
        reference: Reference,
        /// Its id in hex.
        item: String,
    },
    /// Not every chunk is there yet.
    #[error("the item is not whole yet: {chunks} of {all} chunks are here")]
    NotWhole {
        /// Chunks that are here.
        chunks: u64,
        /// Chunks that it has.
        all: u64,
    },
    /// A step handed it over.
    #[error(
        "the item was handed over to {} already; what was handed over is not taken back, recall the step that did",
        .0.join(", ")
    )]
    HandedOver(Vec<String>),
    /// Somebody else's.
    #[error("only who uploaded the item, or the authority in charge of the request, takes it back")]
    NotYours,
    /// It was refused.
    #[error("the item was refused when it came: {0}")]
    Refused(String),
    /// What is said of the file is out of bounds.
    #[error("`{field}` {why}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// Custody of it cannot be stated.
    #[error("custody of the item cannot be stated: {0}")]
    Custody(OrderFault),
    /// It cannot be cut in chunks.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// There is no room.
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
    /// Too many uploads of one principal are not finished.
    #[error(
        "{most} uploads of yours are not finished; finish one with the same command, or wait until it expires"
    )]
    TooManyUploads {
        /// Most that are allowed.
        most: u64,
    },
    /// The record has as many items as one may have.
    #[error("the record has {0} items already, and no record has more")]
    TooManyItems(usize),
    /// A chunk came out of its order.
    #[error("chunk {found} came where chunk {expected} was due")]
    Order {
        /// What came.
        found: u64,
        /// What was due.
        expected: u64,
    },
    /// The file has more bytes than was said.
    #[error("the file grew: it was stated to have {stated} bytes, and more came")]
    Grew {
        /// Bytes stated.
        stated: u64,
    },
    /// The file has fewer bytes than was said.
    #[error("the file shrank: it was stated to have {stated} bytes, and {came} came")]
    Shrank {
        /// Bytes stated.
        stated: u64,
        /// Bytes that came.
        came: u64,
    },
    /// Client and node worked out different roots.
    #[error(
        "the file changed while it was uploaded, or was altered on its way: the client read one with root {theirs}, the node received one with root {ours}; nothing is kept, upload it again"
    )]
    Changed {
        /// The client's root.
        theirs: Digest,
        /// The node's.
        ours: Digest,
    },
    /// The same upload began again over another connection.
    #[error("the same upload goes on over another connection")]
    Replaced,
    /// A chunk does not open any more.
    #[error(
        "chunk {index} of the item is damaged on this node's disk; {}",
        from_where(.holders)
    )]
    Damaged {
        /// Which.
        index: u64,
        /// Who may have it whole.
        holders: Vec<Country>,
    },
    /// The chunks.
    #[error(transparent)]
    Chunk(ChunkError),
    /// The node failed.
    #[error(transparent)]
    Node(NodeError),
}

/// What becomes of a damaged chunk that these countries may have whole.
fn from_where(holders: &[Country]) -> String {
    if holders.is_empty() {
        return "upload the file again".to_owned();
    }
    let codes: Vec<&str> = holders.iter().map(Country::code).collect();
    format!(
        "it is fetched again from {}, try again in a moment",
        codes.join(" or ")
    )
}

impl From<NodeError> for ItemError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Refused(Refusal::Raced) => Self::Replaced,
            other => Self::Node(other),
        }
    }
}

impl From<StoreError> for ItemError {
    fn from(error: StoreError) -> Self {
        Self::Node(error.into())
    }
}

impl From<ChunkError> for ItemError {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::Store(error) => Self::Chunk(ChunkError::Store(error)),
            ChunkError::NotYet(index) => Self::NotWhole {
                chunks: index,
                all: index.saturating_add(1),
            },
            other => Self::Chunk(other),
        }
    }
}
