//! `comity feed`: what case systems send and take.

mod exercise;
mod files;
mod letters;
mod mapping;
mod noting;
mod options;
mod progress;
mod pull;
mod push;
mod report;
mod rows;
mod run;
mod source;
mod start;
mod stream;
mod subscriptions;
mod watch;
mod webhooks;

use clap::Subcommand;

use super::{exit::Failure, out::Out};

/// Send what case systems hold, and take what the node has for them.
#[derive(Debug, Subcommand)]
pub(super) enum Feed {
    /// Push the rows of files; every row becomes a record or is explained.
    Push(push::Push),
    /// Push every file that is put into a folder.
    Watch(watch::Watch),
    /// List, show and check mappings, and write one to start from.
    #[command(subcommand)]
    Mapping(mapping::MappingCommand),
    /// Write a synthetic file of a case system.
    Exercise(exercise::Exercise),
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
            Self::Push(push) => push.carry_out(out).await,
            Self::Watch(watch) => watch.carry_out(out).await,
            Self::Mapping(mapping) => mapping.carry_out(out),
            Self::Exercise(exercise) => exercise.carry_out(out),
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
