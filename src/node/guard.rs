//! The question at the start: whether peers know more of this node than the node itself does.
//!
//! A node that finds its store as the last run left it signs at once. One that cannot be sure (the
//! machine started anew, or the files were put there by somebody) first hears two peers, or the
//! only one: their Hellos say what they hold. Until then it receives no record, sends no mark and
//! signs no checkpoint, and submissions wait; reading goes on. A country whose links are down must
//! still accept: after a bounded time the node goes on, and says so in its ledger and its status.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};

use tokio_util::sync::CancellationToken;

use crate::{
    entry::{Event, StartUnconfirmed},
    record::Country,
    store::{Opened, OpenedHow},
    wire::node::StartCheck,
};

use super::{Node, NodeError};

/// How many peers are heard.
const PEERS: usize = 2;

/// The question, and who answered it.
#[derive(Debug)]
pub(crate) struct Guard {
    wanted: usize,
    confirmed: Mutex<BTreeSet<Country>>,
    answer: Mutex<StartCheck>,
    passed: CancellationToken,
}

impl Guard {
    /// The guard of a store that was found so, of a node that knows `cards` countries.
    pub(super) fn of(opened: &Opened, cards: usize) -> Self {
        let wanted = cards.min(PEERS);
        let needless = opened.how == OpenedHow::New || opened.untouched || wanted == 0;
        let guard = Self {
            wanted,
            confirmed: Mutex::default(),
            answer: Mutex::new(StartCheck::Asking),
            passed: CancellationToken::new(),
        };
        if needless {
            guard.pass(StartCheck::NotNeeded);
        }
        guard
    }

    fn pass(&self, answer: StartCheck) {
        let mut stands = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        if *stands == StartCheck::Asking {
            *stands = answer;
        }
        drop(stands);
        self.passed.cancel();
    }

    /// A peer knows no more than this node; true when with it enough do.
    fn confirms(&self, peer: Country) -> bool {
        let mut confirmed = self
            .confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        confirmed.insert(peer);
        confirmed.len() >= self.wanted
    }

    fn heard(&self) -> usize {
        self.confirmed
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

impl Node {
    /// How the question at the start stands.
    pub(crate) fn start_check(&self) -> StartCheck {
        *self
            .guard
            .answer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the node may sign, as far as the question at the start goes.
    pub(super) fn start_is_checked(&self) -> bool {
        self.guard.passed.is_cancelled()
    }

    /// Waits until the question at the start is answered, one way or the other: who signs looks at
    /// the fence then.
    pub(crate) async fn start_checked(&self) {
        if self.start_is_checked() {
            return;
        }
        tokio::select! {
            () = self.guard.passed.cancelled() => {}
            () = self.fence.holds() => {}
        }
    }

    /// A peer's Hello says that it knows no more of this node than the node itself does.
    pub(super) fn confirmed_by(&self, peer: Country) {
        if self.start_is_checked() || !self.guard.confirms(peer) {
            return;
        }
        tracing::info!("the peers know no more of this node than it does itself");
        self.start_answered(StartCheck::Confirmed);
    }

    /// From here on the files are known again, so that the next start need not ask. Where that
    /// cannot be written, it asks.
    fn start_answered(&self, answer: StartCheck) {
        if let Err(error) = self.store.vouch() {
            tracing::warn!(%error, "the next start will ask peers again");
        }
        self.guard.pass(answer);
    }

    /// At the start: the files are known already, or the question runs for a bounded time.
    pub(super) fn begin_start_check(self: &Arc<Self>) {
        if self.start_is_checked() {
            self.start_answered(StartCheck::NotNeeded);
            return;
        }
        tracing::warn!(
            peers = self.guard.wanted,
            "this may not be the state in which the last run left the store: nothing is signed before peers were asked"
        );
        let wait = Duration::from_secs(self.config.store.ask_peers_s);
        tokio::spawn(give_up(Arc::downgrade(self), wait));
    }
}

/// Goes on without an answer after a while, unless the fence holds by then.
async fn give_up(node: Weak<Node>, wait: Duration) {
    tokio::time::sleep(wait).await;
    let Some(node) = node.upgrade() else { return };
    if node.start_is_checked() || node.is_fenced() {
        return;
    }
    let confirmed = node.guard.heard();
    tracing::error!(
        confirmed,
        wanted = node.guard.wanted,
        "too few peers could be asked whether this node was restored from an older state; it goes on"
    );
    let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    let event = Event::StartUnconfirmed(StartUnconfirmed {
        confirmed: count(confirmed),
        wanted: count(node.guard.wanted),
    });
    // A crash before leaves the question open, and the next start asks again.
    match node.note(event, Vec::new()).await {
        Ok(()) | Err(NodeError::Closed) => node.start_answered(StartCheck::Unconfirmed),
        Err(error) => tracing::error!(%error, "the node goes on asking"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_peers_are_heard_or_the_only_one_and_nobody_where_the_files_are_known() {
        let opened = |how, untouched| Opened {
            how,
            position: 9,
            entries_replayed: 0,
            torn_bytes_cut: 0,
            damaged: Vec::new(),
            untouched,
        };
        let (uz, kz): (Country, Country) = ("UZ".parse().unwrap(), "KZ".parse().unwrap());
        let copied = opened(OpenedHow::Clean, false);
        for (opened, cards) in [
            (opened(OpenedHow::New, false), 3),
            (opened(OpenedHow::Replayed, true), 3),
            (copied.clone(), 0),
        ] {
            assert!(Guard::of(&opened, cards).passed.is_cancelled());
        }
        let guard = Guard::of(&copied, 1);
        assert!(!guard.passed.is_cancelled());
        assert!(guard.confirms(uz));
        let guard = Guard::of(&copied, 190);
        assert!(!guard.confirms(uz) && !guard.confirms(uz) && guard.confirms(kz));
        guard.pass(StartCheck::Confirmed);
        guard.pass(StartCheck::Unconfirmed);
        assert_eq!(*guard.answer.lock().unwrap(), StartCheck::Confirmed);
    }
}
