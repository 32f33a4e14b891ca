//! `comity feed`: what case systems send and take.

mod pull;
mod rows;
mod start;
mod subscriptions;
mod webhooks;

use clap::Subcommand;

use super::{exit::Failure, out::Out};

/// Send what case systems hold, and take what the node has for them.
#[derive(Debug, Subcommand)]
pub(super) enum Feed {
    /// Make a subscription: what it matches is delivered in order, at least once, until acknowledged.
    Subscribe(subscriptions::Subscribe),
    /// List the authority's subscriptions and how far each is.
    Subscriptions(subscriptions::List),
    /// Move a subscription's cursor: what lies behind the new place is delivered, again or not at all.
    Seek(subscriptions::Seek),
    /// Remove a subscription.
    Unsubscribe(subscriptions::Unsubscribe),
    /// Write what a subscription delivers as NDJSON or CSV; acknowledged once it is written.
    Pull(pull::Pull),
    /// List the node's webhooks and how each goes.
    Webhooks(webhooks::List),
    /// Let a webhook go on at once.
    #[command(subcommand)]
    Webhook(webhooks::Webhook),
}

impl Feed {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        match self {
            Self::Subscribe(subscribe) => subscribe.carry_out(out).await,
            Self::Subscriptions(list) => list.carry_out(out).await,
            Self::Seek(seek) => seek.carry_out(out).await,
            Self::Unsubscribe(unsubscribe) => unsubscribe.carry_out(out).await,
            Self::Pull(pull) => pull.carry_out(out).await,
            Self::Webhooks(list) => list.carry_out(out).await,
            Self::Webhook(webhook) => webhook.carry_out(out).await,
        }
    }
}
