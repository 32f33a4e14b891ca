//! Why nothing is subscribed to, delivered or acknowledged.

use crate::{
    access::{PurposeFault, Refused},
    feed::subscription::{AckFault, FilterFault, NameFault, Position},
    node::{NodeError, read::ReadError, rules::Refusal},
};

/// Why nothing is subscribed to, delivered or acknowledged.
#[derive(Debug, thiserror::Error)]
pub enum OutletError {
    /// The name is none.
    #[error(transparent)]
    Name(#[from] NameFault),
    /// The filter is refused.
    #[error(transparent)]
    Filter(#[from] FilterFault),
    /// What is said as a purpose is none.
    #[error(transparent)]
    Purpose(#[from] PurposeFault),
    /// The authority has none of this name.
    #[error(
        "the authority has no subscription of this name; `comity feed subscriptions` lists those that it has"
    )]
    Unknown,
    /// There is another one of this name.
    #[error(
        "the authority has a subscription `{0}` with another filter or purpose; choose another name, or remove it first"
    )]
    Exists(String),
    /// Too many.
    #[error(
        "one principal has at most {0} subscriptions (`outlet.subscriptions_per_principal` in the node's config.toml); remove one first"
    )]
    TooMany(u64),
    /// The node never came as far.
    #[error(
        "this node never came as far as the position: it has {} records, and {} locks of records",
        .0.number, .0.gone
    )]
    PositionUnknown(Position),
    /// What was acknowledged was not sent.
    #[error(transparent)]
    NotSent(#[from] AckFault),
    /// Somebody else follows, or pulled, since.
    #[error(
        "another consumer follows this subscription now, or somebody moved or removed it; what was not acknowledged comes again: follow again"
    )]
    TakenOver,
    /// No webhook of this name.
    #[error(
        "config.toml has no webhook of this name; `comity feed webhooks` lists those that it has"
    )]
    NoWebhook,
    /// Whoever a webhook delivers for has no certificate that counts.
    #[error(
        "`{0}` has no certificate that counts, so nothing is delivered for it; issue one, or name another system in config.toml"
    )]
    NoSystem(String),
    /// A second person has to agree, or the permissions do not allow it.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The node failed.
    #[error(transparent)]
    Node(NodeError),
}

impl From<NodeError> for OutletError {
    fn from(error: NodeError) -> Self {
        match error {
            NodeError::Refused(Refusal::NoSubscription) => Self::Unknown,
            NodeError::Refused(Refusal::CursorMoved) => Self::TakenOver,
            other => Self::Node(other),
        }
    }
}

impl From<Refused> for OutletError {
    fn from(refused: Refused) -> Self {
        Self::Read(refused.into())
    }
}
