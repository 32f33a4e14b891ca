//! Fetching: one item at a time of a peer, oldest first. A thread opens, hashes and writes what comes and
//! asks for more as it goes; records that become durable meanwhile go first.
//!
//! **What a crash leaves.** The chunks up to the last progress; the next stream asks from there. An item
//! is there once `ItemArrived` is durable, after its chunks are; before, its entry comes with the next stream.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::crypto::chunks::ChunkSeal;
use crate::record::Country;
use crate::wire::link::{FileChunk, FileRefusal, FileRefusalReason};

use super::{
    super::{
        super::{Node, NodeError, read::blocking},
        ItemId,
    },
    FilesEnd, FilesOut,
    jobs::Job,
    locked, refused,
    serve::MOST_CREDIT,
    worker::Worker,
};

/// Bytes of chunks that may be on their way.
const WINDOW_BYTES: u64 = 8 << 20;
/// Times that a chunk may come broken within a stream.
pub(super) const MOST_BROKEN: u32 = 3;
/// Rounds that one item may take at a time: each is a chunk that came broken.
pub(super) const ROUNDS: u32 = 4096;
/// What may still come of an item that is not in hand any more: its credit, twice over.
const MOST_STRAYS: u32 = 512;
/// How often it is looked whether something is to be fetched, when nobody says so.
const LOOK: Duration = Duration::from_secs(2);

/// What comes for the item that is being fetched.
pub(super) enum Came {
    Chunk(u32, u64, ChunkSeal, prost::bytes::Bytes),
    Refused(u32, FileRefusalReason),
}

/// Where frames for the item in hand go; `most` bytes at a time.
struct Hand {
    job: Job,
    most: usize,
    to: mpsc::Sender<Came>,
}

/// Fetching from one peer.
pub(super) struct Fetching {
    node: Arc<Node>,
    peer: Country,
    out: FilesOut,
    hand: Mutex<Option<Hand>>,
    worker: tokio::sync::Mutex<Option<JoinHandle<Result<Outcome, Failure>>>>,
    /// Cancelled when the stream has ended.
    over: CancellationToken,
    /// The last round that was taken: none is taken twice within a stream.
    rounds: AtomicU32,
    /// What came since the last ask for an item and belongs to none in hand.
    strays: AtomicU32,
    /// Refusals since then: an item that is refused is not asked for on.
    refusals: AtomicU32,
    /// The item with which the peer broke the protocol.
    blamed: Mutex<Option<ItemId>>,
}

/// How an item went.
pub(super) enum Outcome {
    /// Every chunk is durable and the root is the record's.
    Whole,
    /// A damaged chunk is put back.
    Repaired,
    /// It is refused for good.
    Refused(&'static str),
    /// It waits.
    Waits(&'static str),
    /// The peer does not serve it now.
    Later,
    /// The stream ended.
    Broke,
}

/// Why an item is not fetched on.
pub(super) enum Failure {
    /// The peer broke the protocol.
    Peer(String),
    /// This node failed.
    Node(NodeError),
}

impl<E: Into<NodeError>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Node(error.into())
    }
}

/// Chunks that are asked for at a time: no more than a peer sends for one ask, or the last of them would
/// be waited for in vain.
fn window(chunk_size: u32) -> u64 {
    (WINDOW_BYTES / u64::from(chunk_size.max(1))).clamp(2, MOST_CREDIT)
}

impl Fetching {
    pub(super) fn new(node: Arc<Node>, peer: Country, out: FilesOut) -> Self {
        Self {
            node,
            peer,
            out,
            hand: Mutex::default(),
            worker: tokio::sync::Mutex::default(),
            over: CancellationToken::new(),
            rounds: AtomicU32::new(0),
            strays: AtomicU32::new(0),
            refusals: AtomicU32::new(0),
            blamed: Mutex::default(),
        }
    }

    /// A chunk came.
    pub(super) fn chunk(&self, chunk: FileChunk) -> Result<(), FilesEnd> {
        let (Ok(nonce), Ok(tag)) = (
            chunk.nonce.as_ref().try_into(),
            chunk.tag.as_ref().try_into(),
        ) else {
            return Err(refused("a chunk without nonce or tag"));
        };
        let seal = ChunkSeal { nonce, tag };
        let came = Came::Chunk(chunk.round, chunk.index, seal, chunk.data);
        self.came(&chunk.item, came)
    }

    /// What was asked for is not sent.
    pub(super) fn refusal(&self, refusal: &FileRefusal) -> Result<(), FilesEnd> {
        if self.refusals.fetch_add(1, Ordering::Relaxed) >= MOST_STRAYS {
            return Err(refused("more chunks than were asked for"));
        }
        let came = Came::Refused(refusal.round, refusal.reason());
        self.came(&refusal.item, came)
    }

    /// Hands it to the thread. What belongs to an item that is not in hand any more is dropped; more than
    /// was asked for ends the stream.
    fn came(&self, item: &[u8], came: Came) -> Result<(), FilesEnd> {
        let hand = locked(&self.hand);
        let Some(hand) = hand.as_ref().filter(|hand| hand.job.id() == item) else {
            return match self.strays.fetch_add(1, Ordering::Relaxed) {
                MOST_STRAYS.. => Err(refused("more chunks than were asked for")),
                _ => Ok(()),
            };
        };
        if matches!(&came, Came::Chunk(.., data) if data.len() > hand.most) {
            self.blame(hand.job);
            return Err(refused("a chunk larger than the item's"));
        }
        match hand.to.try_send(came) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.blame(hand.job);
                Err(refused("more chunks than were asked for"))
            }
        }
    }

    /// The peer broke the protocol with this item. A damaged chunk that is fetched again changes nothing
    /// of what is known of its item.
    fn blame(&self, job: Job) {
        if let Job::Item(id) = job {
            *locked(&self.blamed) = Some(id);
        }
    }

    /// After the end of the stream: the item with which the peer broke the protocol waits, and the ledger
    /// and the request's thread say why. A crash before leaves it waiting without a word.
    pub(super) async fn tell_of_blame(&self) {
        let Some(id) = locked(&self.blamed).take() else {
            return;
        };
        let told = self.node.conclude_fetch(id, Some("protocol"), true).await;
        if let Err(error) = told {
            tracing::error!(%error, item = hex::encode(id), "that a peer broke the protocol is not in the ledger");
        }
    }

    /// Fetches one item after the other until the stream ends.
    pub(super) async fn run(&self) -> FilesEnd {
        loop {
            let woken = self.node.items.streams.wake.notified();
            tokio::pin!(woken);
            woken.as_mut().enable();
            let (node, peer) = (Arc::clone(&self.node), self.peer);
            let job = match blocking(move || node.next_job(peer)).await {
                Ok(job) => job,
                Err(error) => return FilesEnd::Failed(error.to_string()),
            };
            let Some(job) = job else {
                tokio::select! {
                    () = woken => {}
                    () = tokio::time::sleep(LOOK) => {}
                }
                continue;
            };
            if let Err(end) = self.fetch(job).await {
                return end;
            }
        }
    }

    async fn fetch(&self, job: Job) -> Result<(), FilesEnd> {
        let id = *job.id();
        let (node, peer) = (Arc::clone(&self.node), self.peer);
        let prepared = blocking(move || node.prepare_fetch(id, peer, job)).await;
        let prepared = prepared.map_err(|error| FilesEnd::Failed(error.to_string()))?;
        let known = match prepared {
            Ok(known) => known,
            Err(outcome) => return self.conclude(job, outcome).await,
        };
        let window = window(known.plan.chunk_size());
        // One round's credit in full, and what was on its way of the round before.
        let most = usize::try_from(window.saturating_mul(2)).unwrap_or(64);
        let (to, from) = mpsc::channel(most.saturating_add(2));
        self.strays.store(0, Ordering::Relaxed);
        self.refusals.store(0, Ordering::Relaxed);
        let most = usize::try_from(known.plan.chunk_size()).unwrap_or(usize::MAX);
        *locked(&self.hand) = Some(Hand { job, most, to });
        let seat = self.node.items.sit(id);
        let writing = Arc::clone(&seat.writing).lock_owned().await;
        if seat.replaced.is_cancelled() {
            // Another has the place since, or the item is no more.
            *locked(&self.hand) = None;
            self.rest(job);
            return Ok(());
        }
        let work = Worker {
            node: Arc::clone(&self.node),
            peer,
            out: self.out.clone(),
            from,
            known,
            first_round: self
                .rounds
                .fetch_add(ROUNDS, Ordering::Relaxed)
                .saturating_add(1),
            over: self.over.clone(),
            replaced: seat.replaced.clone(),
            runtime: Handle::current(),
        };
        let begun = tokio::task::spawn_blocking(move || {
            let done = match job {
                Job::Item(_) => work.item(window),
                Job::Repair(_, index) => work.repair(index),
            };
            drop(writing);
            done
        });
        *self.worker.lock().await = Some(begun);
        let done = self.ended().await;
        *locked(&self.hand) = None;
        self.node.items.unseat(&id, &seat);
        match done {
            Some(Ok(outcome)) => self.conclude(job, outcome).await,
            Some(Err(Failure::Peer(why))) => {
                self.rest(job);
                self.blame(job);
                Err(refused(why))
            }
            Some(Err(Failure::Node(error))) => {
                self.rest(job);
                Err(FilesEnd::Failed(error.to_string()))
            }
            None => Err(FilesEnd::Failed("a task ended unexpectedly".to_owned())),
        }
    }

    /// It is not asked for again at once.
    fn rest(&self, job: Job) {
        let streams = &self.node.items.streams;
        match job {
            Job::Item(id) => streams.failed(id),
            Job::Repair(id, _) => streams.not_repaired(self.peer, id),
        }
    }

    /// Waits for the thread; it stays to be waited for when this is dropped.
    async fn ended(&self) -> Option<Result<Outcome, Failure>> {
        let mut worker = self.worker.lock().await;
        let done = match worker.as_mut() {
            Some(running) => running.await.ok(),
            None => None,
        };
        *worker = None;
        done
    }

    /// The stream has ended: the thread makes durable what it has.
    pub(super) async fn settle(&self) {
        self.over.cancel();
        *locked(&self.hand) = None;
        self.ended().await;
    }

    async fn conclude(&self, job: Job, outcome: Outcome) -> Result<(), FilesEnd> {
        let node = &self.node;
        let id = match job {
            Job::Item(id) => id,
            Job::Repair(id, index) => {
                if matches!(outcome, Outcome::Repaired) {
                    tracing::info!(
                        item = hex::encode(id),
                        chunk = index,
                        "a damaged chunk is put back"
                    );
                    node.items.streams.repaired(&id, index);
                } else {
                    // One that broke rests too: whoever took its place goes first.
                    node.items.streams.not_repaired(self.peer, id);
                }
                return Ok(());
            }
        };
        let (fault, waits) = match outcome {
            Outcome::Whole => (None, false),
            Outcome::Refused(fault) => (Some(fault), false),
            Outcome::Waits(fault) => (Some(fault), true),
            Outcome::Later => {
                node.items.streams.failed(id);
                return Ok(());
            }
            Outcome::Broke | Outcome::Repaired => return Ok(()),
        };
        let concluded = node.conclude_fetch(id, fault, waits).await;
        concluded.map_err(|error| FilesEnd::Failed(error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::chunks::{MAX_CHUNK, MIN_CHUNK};

    #[test]
    fn no_more_is_asked_for_at_a_time_than_a_peer_sends() {
        let mut size = MIN_CHUNK;
        while size <= MAX_CHUNK {
            assert!((2..=MOST_CREDIT).contains(&window(size)), "{size}");
            size *= 2;
        }
    }
}
