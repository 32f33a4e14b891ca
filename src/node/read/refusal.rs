//! Why a record is not read.

use crate::{
    access::{PurposeFault, Refused, purpose_words},
    entry::LockCause,
    inbox::HoldingError,
    record::Reference,
};

use super::super::{NodeError, purpose::MAX_PURPOSE_CHARS};

/// Why a record is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nothing here has this reference.
    #[error("no record {0} is held here; records listed by `comity records list` can be read")]
    Unknown(Reference),
    /// It was recalled or has expired.
    #[error(
        "{reference} is locked and nobody reads it any more: it {}; `comity receipts {reference}` and `comity audit prove {reference}` still prove that it was here",
        if *.expired { "expired" } else { "was recalled by its origin" }
    )]
    Locked {
        /// Which.
        reference: Reference,
        /// Whether it expired; else it was recalled.
        expired: bool,
    },
    /// The purpose is longer than it may be.
    #[error("a purpose has at most {MAX_PURPOSE_CHARS} characters, this one has {0}")]
    PurposeTooLong(usize),
    /// What is beyond the situation is read for a purpose.
    #[error(
        "{reference} {}: give --purpose, one of {words}, and --case{}",
        if *.told {
            "is read for a purpose, of which its origin is told".to_owned()
        } else {
            format!(
                "holds more than the situation ({}), which is read for a purpose",
                .compartments
            )
        },
        if *.told { "" } else { "; or --situation to read the situation alone" },
        words = purpose_words()
    )]
    PurposeMissing {
        /// Which.
        reference: Reference,
        /// What it holds beyond the situation, as far as the reader may see it.
        compartments: String,
        /// Whether its origin demands to be told.
        told: bool,
    },
    /// What was given as a purpose is none.
    #[error(transparent)]
    Purpose(#[from] PurposeFault),
    /// The permissions do not allow it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl ReadError {
    /// What a reader of `reference` is told when it cannot be opened.
    pub(in crate::node) fn of(reference: Reference, error: NodeError) -> Self {
        match error {
            NodeError::Holding(HoldingError::Locked(cause)) => Self::Locked {
                reference,
                expired: cause == LockCause::Expiry,
            },
            other => Self::Node(other),
        }
    }
}
