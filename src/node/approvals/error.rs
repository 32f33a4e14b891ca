//! Why something is not asked for, approved or refused.

use crate::{
    access::{FileFault, Guarded, Refused},
    record::Reference,
};

use super::{
    super::{
        NodeError, purpose::MAX_PURPOSE_CHARS, read::ReadError, rules::Refusal, submit::SubmitError,
    },
    MAX_WAITING,
    leave::asked_how,
};

/// Why something is not asked for, approved or refused.
#[derive(Debug, thiserror::Error)]
pub enum ApprovalError {
    /// It does not wait, or not for this person.
    #[error("{0}")]
    Approval(Refusal),
    /// The permissions.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// A record.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// A reason is missing or too long.
    #[error("say why, in 1 to {MAX_PURPOSE_CHARS} characters without personal data")]
    Reason,
    /// Too much waits already.
    #[error(
        "{MAX_WAITING} requests of yours wait for a second person already; `comity approvals list` shows them"
    )]
    TooMany,
    /// Nothing has to be asked for.
    #[error("`{}` needs no second person at this node", .0.as_str())]
    Unneeded(Guarded),
    /// It is asked for by another command.
    #[error(
        "`{}` is no leave that is asked for: {}", .0.as_str(), asked_how(*.0)
    )]
    NoLeave(Guarded),
    /// The table proposed.
    #[error(transparent)]
    Table(FileFault),
    /// What is to be done is not said.
    #[error("{0}")]
    Unsaid(&'static str),
    /// Nothing of victims is in it.
    #[error("{0} has no compartment `victims` here, so there is nothing to open")]
    NoVictims(Reference),
    /// What was approved is not carried out yet.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The node failed.
    #[error(transparent)]
    Node(NodeError),
}

impl From<NodeError> for ApprovalError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Refused(refusal) => Self::Approval(refusal),
            error => Self::Node(error),
        }
    }
}
