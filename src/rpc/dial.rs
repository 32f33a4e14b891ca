//! Dialling peers: a task for each, whichever stream it keeps up; and the frames of a stream, whoever
//! dialled it.

use std::{collections::HashSet, future::Future, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

use super::{
    server::NodeTls,
    tls::{DialOptions, LinkConnection, Vouching, dial_link, link_config_to},
};
use crate::{
    card::{LinkAddress, TrustedCard},
    crypto::random_bytes,
    node::Node,
    record::Country,
    replication::progress::backoff,
};

/// Causes told beneath an error.
const MAX_CAUSES: usize = 8;

/// What it takes to dial a peer.
pub(super) struct Dialling {
    pub(super) node: Arc<Node>,
    pub(super) peer: Country,
    pub(super) stop: CancellationToken,
    tls: Arc<NodeTls>,
    options: DialOptions,
}

/// Why there is no connection.
pub(super) enum NotDialled {
    /// The peer cannot be reached.
    Unreachable(String),
    /// This node failed.
    Failed(String),
}

/// Keeps a task for every imported country that has addresses, until `stop`. Of one without, `stranded`
/// is told once.
pub(super) async fn each<F>(
    node: Arc<Node>,
    tls: Arc<NodeTls>,
    options: DialOptions,
    stop: CancellationToken,
    stranded: impl Fn(Country),
    keep: impl Fn(Dialling) -> F,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let mut changes = node.links().changes();
    let (mut dialling, mut without) = (HashSet::new(), HashSet::new());
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        changes.borrow_and_update();
        for card in node.book().iter() {
            let peer = card.country;
            if card.link_addresses.is_empty() {
                if without.insert(peer) {
                    stranded(peer);
                }
            } else if dialling.insert(peer) {
                let mut options = options.clone();
                options.proxy = tls.proxies().to(peer).cloned();
                tasks.spawn(keep(Dialling {
                    node: Arc::clone(&node),
                    peer,
                    stop: stop.clone(),
                    tls: Arc::clone(&tls),
                    options,
                }));
            }
        }
        tokio::select! {
            () = stop.cancelled() => break,
            changed = changes.changed() => if changed.is_err() { break },
        }
    }
    while tasks.join_next().await.is_some() {}
}

impl Dialling {
    /// Connects once, at the next of the card's addresses; answers which.
    pub(super) async fn connect<'a>(
        &self,
        card: &'a TrustedCard,
        attempt: u32,
    ) -> Result<(&'a LinkAddress, LinkConnection), NotDialled> {
        let addresses = &card.link_addresses;
        let turn = usize::try_from(attempt)
            .ok()
            .and_then(|attempt| attempt.checked_rem(addresses.len()))
            .unwrap_or(0);
        let Some(address) = addresses.get(turn) else {
            let why = "the card names no address any more".to_owned();
            return Err(NotDialled::Unreachable(why));
        };
        let tls = link_config_to(&self.tls.link(), &Vouching::of(card))
            .map_err(|error| NotDialled::Failed(error.to_string()))?;
        let dialled = dial_link(address, self.peer, Arc::new(tls), &self.options).await;
        match dialled {
            Ok(connection) => Ok((address, connection)),
            Err(error) => Err(NotDialled::Unreachable(error.to_string())),
        }
    }

    /// Waits before the next attempt; answers whether there is one.
    pub(super) async fn pause(&self, attempt: u32) -> bool {
        let dial = &self.node.config().dial;
        let jitter = random_bytes::<8>().map_or(0, u64::from_be_bytes);
        let pause = backoff(attempt, dial.min_backoff(), dial.max_backoff(), jitter);
        tokio::select! {
            () = self.stop.cancelled() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }
}

/// The frames that messages carry; a message without one, and what cannot be read, ends them in words.
pub(super) fn frames<T: Send + 'static, F>(
    messages: Streaming<T>,
    frame_of: fn(T) -> Option<F>,
) -> impl Stream<Item = Result<F, String>> + Send + Unpin {
    messages.map(move |message| match message {
        Ok(message) => frame_of(message).ok_or_else(|| "an empty message".to_owned()),
        Err(status) => Err(in_words(&status)),
    })
}

/// A status with what lies beneath it: tonic's "transport error" alone does not tell an operator
/// that the peer refused this node's certificate. A peer may have chosen the words, so control
/// characters are escaped.
pub(super) fn in_words(status: &Status) -> String {
    let mut words = vec![status.message().to_owned()];
    let mut beneath = std::error::Error::source(status);
    while let Some(cause) = beneath
        && words.len() < MAX_CAUSES
    {
        let cause_words = cause.to_string();
        if words.last() != Some(&cause_words) {
            words.push(cause_words);
        }
        beneath = cause.source();
    }
    let words = words.join(": ");
    words
        .chars()
        .flat_map(|c| {
            let escaped: Box<dyn Iterator<Item = char>> = if c.is_control() {
                Box::new(c.escape_default())
            } else {
                Box::new(std::iter::once(c))
            };
            escaped
        })
        .collect()
}
