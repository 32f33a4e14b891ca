//! Why an item of a feed is refused.

use tonic::Code;

use super::Refusal;
use crate::{feed::item::ItemFault, node::intake::IngestError};

impl From<ItemFault> for Refusal {
    fn from(fault: ItemFault) -> Self {
        let (code, reason) = match fault {
            ItemFault::FeedName => (Code::InvalidArgument, "FEED_NAME_INVALID"),
            ItemFault::OwnId => (Code::InvalidArgument, "OWN_ID_INVALID"),
            ItemFault::Empty => (Code::InvalidArgument, "ITEM_EMPTY"),
            ItemFault::Reason { .. } => (Code::InvalidArgument, "REASON_INVALID"),
            ItemFault::Follows => (Code::InvalidArgument, "FOLLOWS_INVALID"),
            ItemFault::VersionReused(_) => (Code::AlreadyExists, "VERSION_REUSED"),
            ItemFault::Deleted(_) => (Code::FailedPrecondition, "ITEM_DELETED"),
            ItemFault::Unknown => (Code::NotFound, "ITEM_UNKNOWN"),
        };
        Self::new(code, reason, fault.to_string())
    }
}

impl From<IngestError> for Refusal {
    fn from(error: IngestError) -> Self {
        match error {
            IngestError::Item(fault) => fault.into(),
            IngestError::Submit(error) => error.into(),
            IngestError::Read(error) => error.into(),
            IngestError::NeedsSecond { .. } => Self::new(
                Code::FailedPrecondition,
                "RECALL_NEEDS_SECOND",
                error.to_string(),
            ),
        }
    }
}
