//! The links' registry: one session a peer, who is up, what ended the last one.

mod log;

pub use log::{Change, ChangeLog};

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    entry::{Incarnation, LaneId},
    record::{Country, Moment},
    replication::progress::{SessionInfo, Verdict, survivor},
    wire::envelope::Lane,
};

use super::{Node, NodeError, rules::Proposal};

/// How often changes of links that waited are looked for.
const WRITE_EVERY: Duration = Duration::from_secs(60);
/// Longest error kept of a link, in characters.
const MAX_ERROR_CHARS: usize = 500;

#[derive(Debug, Default)]
struct LinkState {
    session: Option<(SessionInfo, CancellationToken)>,
    incarnation: Option<Incarnation>,
    last_error: String,
    wake: Arc<Notify>,
    broken: HashMap<(LaneId, u64), u32>,
    /// Lanes that wait for a record which cannot be taken out of the store, with its sequence.
    stuck: HashMap<Lane, u64>,
    /// Version of the own card that the peer said to hold.
    card_held: u64,
}

/// What is known of a link.
#[derive(Debug, Clone, Default)]
pub struct LinkFacts {
    /// True when a session is up.
    pub up: bool,
    /// The peer's incarnation, once it said hello.
    pub incarnation: Option<Incarnation>,
    /// What ended the last session; empty when nothing did.
    pub last_error: String,
    /// Lanes that wait for a record which cannot be taken out of the store, with its sequence.
    pub stuck: HashMap<Lane, u64>,
}

/// A session's place in the registry; leaving it is [`Links::leave`].
#[derive(Debug, Clone)]
pub struct Seat {
    /// Cancelled when a newer session takes the place.
    pub replaced: CancellationToken,
    /// Notified when the outbox may hold more for the peer.
    pub wake: Arc<Notify>,
}

/// The links of a node.
#[derive(Debug)]
pub struct Links {
    peers: Mutex<HashMap<Country, LinkState>>,
    changes: watch::Sender<u64>,
}

impl Default for Links {
    fn default() -> Self {
        Self {
            peers: Mutex::default(),
            changes: watch::Sender::new(0),
        }
    }
}

impl Links {
    fn peers(&self) -> MutexGuard<'_, HashMap<Country, LinkState>> {
        self.peers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the peer's place for a session, if the rules of [`survivor`] let it: the loser of two
    /// sessions is cancelled, or refused with `None`.
    pub fn enter(&self, own: Country, peer: Country, session: SessionInfo) -> Option<Seat> {
        let mut peers = self.peers();
        let state = peers.entry(peer).or_default();
        let existing = state.session.as_ref().map(|(info, _)| info);
        if survivor(own, peer, existing, &session) == Verdict::KeepExisting {
            return None;
        }
        if let Some((_, replaced)) = state.session.take() {
            replaced.cancel();
        }
        let replaced = CancellationToken::new();
        state.session = Some((session, replaced.clone()));
        // A session that is being replaced must not take what is meant for its successor.
        let wake = Arc::new(Notify::new());
        state.wake = Arc::clone(&wake);
        drop(peers);
        self.changed();
        Some(Seat { replaced, wake })
    }

    /// Leaves the place a session took; what ended it is kept for the operator.
    pub fn leave(&self, peer: Country, session: &[u8; 16], error: &str) {
        let mut peers = self.peers();
        let state = peers.entry(peer).or_default();
        if state
            .session
            .as_ref()
            .is_some_and(|(info, _)| info.session == *session)
        {
            state.session = None;
        }
        state.last_error = error.chars().take(MAX_ERROR_CHARS).collect();
        drop(peers);
        self.changed();
    }

    /// Keeps what ended an attempt to dial.
    pub fn failed(&self, peer: Country, error: &str) {
        self.peers().entry(peer).or_default().last_error =
            error.chars().take(MAX_ERROR_CHARS).collect();
    }

    /// Keeps the incarnation a peer said hello with.
    pub fn greeted(&self, peer: Country, incarnation: Incarnation) {
        self.peers().entry(peer).or_default().incarnation = Some(incarnation);
    }

    /// Counts that a sequence came broken on its origin's own link; answers how often by now.
    pub fn broke(&self, lane: LaneId, sequence: u64) -> u32 {
        let mut peers = self.peers();
        let broken = &mut peers.entry(lane.peer).or_default().broken;
        // A lane breaks at one sequence at a time: what is older has ended.
        broken.retain(|(known, at), _| *known != lane || *at == sequence);
        let times = broken.entry((lane, sequence)).or_default();
        *times = times.saturating_add(1);
        *times
    }

    /// Sequences of a lane that came broken `times` or more often.
    pub fn broken(&self, lane: LaneId, times: u32) -> HashSet<u64> {
        self.peers()
            .get(&lane.peer)
            .map(|state| {
                state
                    .broken
                    .iter()
                    .filter(|((known, _), count)| *known == lane && **count >= times)
                    .map(|((_, sequence), _)| *sequence)
                    .collect()
            })
            .unwrap_or_default()
    }

    /// Says that the outbox may hold more for a peer.
    pub fn wake(&self, peer: Country) {
        if let Some(state) = self.peers().get(&peer) {
            state.wake.notify_one();
        }
    }

    /// Says to every session that there is something to send.
    pub fn wake_all(&self) {
        for state in self.peers().values() {
            state.wake.notify_one();
        }
    }

    /// A peer said that it holds this version of the own card.
    pub fn holds_card(&self, peer: Country, version: u64) {
        let mut peers = self.peers();
        let held = &mut peers.entry(peer).or_default().card_held;
        *held = version.max(*held);
    }

    /// Version of the own card that a peer said to hold since this node started; 0 for none.
    pub fn card_held(&self, peer: Country) -> u64 {
        self.peers().get(&peer).map_or(0, |state| state.card_held)
    }

    /// Says that the book of cards changed: dialers look again.
    pub fn book_changed(&self) {
        self.changed();
    }

    fn changed(&self) {
        self.changes
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Changes whenever a session comes or goes, or the book changes.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Whether a session with a peer is up.
    pub fn is_up(&self, peer: Country) -> bool {
        self.peers()
            .get(&peer)
            .is_some_and(|state| state.session.is_some())
    }

    /// Whether a session with a peer is up that this node dialled.
    pub fn dialled(&self, peer: Country) -> bool {
        let peers = self.peers();
        let session = peers.get(&peer).and_then(|state| state.session.as_ref());
        session.is_some_and(|(info, _)| info.dialled_by != peer)
    }

    /// A lane to a peer waits for this sequence, whose record cannot be taken out of the store; `None`:
    /// it goes on. Kept while the link is down.
    pub fn lane_stuck(&self, peer: Country, lane: Lane, at: Option<u64>) {
        let mut peers = self.peers();
        let stuck = &mut peers.entry(peer).or_default().stuck;
        match at {
            Some(sequence) => stuck.insert(lane, sequence),
            None => stuck.remove(&lane),
        };
    }

    /// When the session with a peer was established; `None` when none is up.
    pub fn established(&self, peer: Country) -> Option<Moment> {
        let peers = self.peers();
        let (info, _) = peers.get(&peer)?.session.as_ref()?;
        Some(info.established)
    }

    /// What is known of a link.
    pub fn facts(&self, peer: Country) -> LinkFacts {
        self.peers()
            .get(&peer)
            .map(|state| LinkFacts {
                up: state.session.is_some(),
                incarnation: state.incarnation,
                last_error: state.last_error.clone(),
                stuck: state.stuck.clone(),
            })
            .unwrap_or_default()
    }
}

impl Node {
    fn link_log(&self) -> MutexGuard<'_, ChangeLog> {
        self.link_changes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// A link came up or went down: into the ledger at once, or later together with others while it
    /// flaps.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot make it durable.
    pub(crate) async fn link_changed(&self, peer: Country, up: bool) -> Result<(), NodeError> {
        let change = self.link_log().changed(peer, up, self.now());
        if let Some(change) = change {
            self.writer.propose(Proposal::Link { peer, change }).await?;
        }
        Ok(())
    }

    async fn write_link_changes(&self, changes: Vec<(Country, Change)>) {
        for (peer, change) in changes {
            if let Err(error) = self.writer.propose(Proposal::Link { peer, change }).await {
                tracing::warn!(%peer, %error, "changes of the link are not in the ledger");
            }
        }
    }

    /// The node stops: what waited is written.
    pub(super) async fn write_rest_of_link_changes(&self) {
        let rest = self.link_log().rest(self.now());
        self.write_link_changes(rest).await;
    }
}

/// Writes changes of links that waited, as long as the node is there.
pub(super) async fn write_changes(node: Weak<Node>) {
    let mut ticks = tokio::time::interval(WRITE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(node) = node.upgrade() else { return };
        let due = node.link_log().due(node.now());
        node.write_link_changes(due).await;
    }
}
