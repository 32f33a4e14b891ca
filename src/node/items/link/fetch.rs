//! Fetching: one item at a time of a peer, oldest first. A thread opens, hashes and writes what comes and
//! asks for more as it goes; records that become durable meanwhile go first.
//!
//! **What a crash leaves.** The chunks up to the last progress; the next stream asks from there. The item
//! is there once `ItemArrived` is durable, after every chunk is and the root was compared. A crash before
//! leaves an item of which every chunk is there and whose entry comes with the next stream.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::mpsc, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use crate::{
    crypto::chunks::ChunkSeal,
    evidence::items::{Ask, Owner, Pull, PullFault, Took},
    record::Country,
    store::{ChunkError, ChunkWriter},
    wire::link::{
        FileAsk, FileChunk, FileFrame, FileRefusal, FileRefusalReason, FileReport,
        file_frame::Frame,
    },
};

use super::{
    super::{
        super::{
            Node, NodeError,
            pace::Pace,
            read::blocking,
            rules::{ItemOrder, Proposal},
        },
        ItemId,
        known::Known,
        plan_of, rows,
    },
    FilesEnd, FilesOut, locked, refused,
};

/// Bytes of chunks that may be on their way.
const WINDOW_BYTES: u64 = 8 << 20;
/// Times that a chunk may come broken within a stream.
const MOST_BROKEN: u32 = 3;
/// How often it is looked whether something is to be fetched, when nobody says so.
const LOOK: Duration = Duration::from_secs(2);
/// Pause while records go first.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest silence of a peer that was asked.
const SILENCE: Duration = Duration::from_secs(120);

/// What comes for the item that is being fetched.
enum Came {
    Chunk(u32, u64, ChunkSeal, prost::bytes::Bytes),
    Refused(u32, FileRefusalReason),
}

/// Where frames for the item in hand go.
struct Hand {
    id: ItemId,
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
}

/// How an item went.
enum Outcome {
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
enum Failure {
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

/// What is fetched.
#[derive(Clone, Copy)]
enum Job {
    Item(ItemId),
    Repair(ItemId, u64),
}

fn window(chunk_size: u32) -> u64 {
    (WINDOW_BYTES / u64::from(chunk_size.max(1))).max(2)
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
        self.came(
            &chunk.item,
            Came::Chunk(chunk.round, chunk.index, seal, chunk.data),
        )
    }

    /// What was asked for is not sent.
    pub(super) fn refusal(&self, refusal: &FileRefusal) -> Result<(), FilesEnd> {
        self.came(
            &refusal.item,
            Came::Refused(refusal.round, refusal.reason()),
        )
    }

    /// Hands it to the thread. What belongs to an item that is not in hand any more is dropped; more than
    /// was asked for ends the stream.
    fn came(&self, item: &[u8], came: Came) -> Result<(), FilesEnd> {
        let hand = locked(&self.hand);
        let Some(hand) = hand.as_ref().filter(|hand| hand.id == item) else {
            return Ok(());
        };
        match hand.to.try_send(came) {
            Ok(()) | Err(mpsc::error::TrySendError::Closed(_)) => Ok(()),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(refused("more chunks than were asked for"))
            }
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
        let (Job::Item(id) | Job::Repair(id, _)) = job;
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
        *locked(&self.hand) = Some(Hand { id, to });
        let seat = self.node.items.sit(id);
        let writing = Arc::clone(&seat.writing).lock_owned().await;
        let work = Worker {
            node: Arc::clone(&self.node),
            peer,
            out: self.out.clone(),
            from,
            known,
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
        self.node.items.unseat(&id);
        match done {
            Some(Ok(outcome)) => self.conclude(job, outcome).await,
            Some(Err(Failure::Peer(why))) => {
                self.node.items.streams.failed(id);
                Err(refused(why))
            }
            Some(Err(Failure::Node(error))) => {
                self.node.items.streams.failed(id);
                Err(FilesEnd::Failed(error.to_string()))
            }
            None => Err(FilesEnd::Failed("a task ended unexpectedly".to_owned())),
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
                match outcome {
                    Outcome::Repaired => {
                        tracing::info!(
                            item = hex::encode(id),
                            chunk = index,
                            "a damaged chunk is put back"
                        );
                        node.items.streams.repaired(&id, index);
                    }
                    Outcome::Broke => {}
                    _ => node.items.streams.failed(id),
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

impl Node {
    /// What to fetch next from a peer: a chunk that is damaged here, else the item that waits longest.
    fn next_job(&self, peer: Country) -> Result<Option<Job>, NodeError> {
        let streams = &self.items.streams;
        if let Some((id, index)) = streams.to_repair(peer) {
            return Ok(Some(Job::Repair(id, index)));
        }
        let mut oldest: Option<(i64, ItemId)> = None;
        for id in rows::open(&self.store, Some(peer.code()))? {
            if streams.rests(&id) {
                continue;
            }
            let Some(row) = self.item_row(&id)? else {
                continue;
            };
            if oldest.is_none_or(|(at, _)| row.at_us < at) {
                oldest = Some((row.at_us, id));
            }
        }
        Ok(oldest.map(|(_, id)| Job::Item(id)))
    }

    /// Opens what is to be fetched and gives it room.
    fn prepare_fetch(
        &self,
        id: ItemId,
        peer: Country,
        job: Job,
    ) -> Result<Result<Known, Outcome>, NodeError> {
        let Some(row) = self.item_row(&id)? else {
            return Ok(Err(Outcome::Later));
        };
        if plan_of(&row).is_none() {
            return Ok(Err(Outcome::Refused("size")));
        }
        let known = match self.known(id, row) {
            Ok(Some(known)) => known,
            Ok(None) => return Ok(Err(Outcome::Refused("named"))),
            // Its record is locked: recalled, or expired. It goes when the record does.
            Err(NodeError::Holding(_)) => return Ok(Err(Outcome::Later)),
            Err(error) => return Err(error),
        };
        if let Job::Item(_) = job {
            let room = self.items.take_room(id, Owner::Peer(peer), known.plan)?;
            if let Err(full) = room {
                tracing::warn!(%peer, item = hex::encode(id), "{full}");
                return Ok(Err(Outcome::Waits(full.word())));
            }
        }
        Ok(Ok(known))
    }

    /// Makes durable what became of an item. A fault that is known already is not written again.
    async fn conclude_fetch(
        self: &Arc<Self>,
        id: ItemId,
        fault: Option<&'static str>,
        waits: bool,
    ) -> Result<(), NodeError> {
        let Some(row) = self.item_row(&id)? else {
            return Ok(());
        };
        if let Some(fault) = fault {
            self.items.streams.failed(id);
            if waits && row.fault == fault {
                return Ok(());
            }
        } else {
            self.items.streams.went_on(&id);
            self.items.room().left(&id, 0);
        }
        let number = self.number_of(&row)?;
        let reference = number.and_then(|number| self.reference_of(&self.held(number).ok()?).ok());
        let mut custody = Vec::new();
        if let (None, Some(number)) = (fault, number) {
            let node = Arc::clone(self);
            custody.extend(blocking(move || node.delivered_entry(number, &id)).await?);
        }
        let order = ItemOrder::Arrive {
            id,
            reference: reference.map(|of| of.to_string()).unwrap_or_default(),
            fault,
            waits,
            custody,
        };
        self.writer.propose(Proposal::Item(order)).await?;
        if fault.is_some() && !waits {
            self.items.chunks.remove(&id)?;
            self.items.room().give_back(&id);
        }
        self.items.streams.wake.notify_waiters();
        Ok(())
    }
}

/// The thread that fetches one item.
struct Worker {
    node: Arc<Node>,
    peer: Country,
    out: FilesOut,
    from: mpsc::Receiver<Came>,
    known: Known,
    /// Cancelled when the stream has ended.
    over: CancellationToken,
    /// Cancelled when the item goes.
    replaced: CancellationToken,
    runtime: Handle,
}

impl Worker {
    fn give(&self, frame: Frame) -> bool {
        let frame = FileFrame { frame: Some(frame) };
        self.runtime.block_on(async {
            tokio::select! {
                given = self.out.send(frame) => given.is_ok(),
                () = self.over.cancelled() => false,
                () = self.replaced.cancelled() => false,
            }
        })
    }

    fn ask(&self, ask: Ask) -> bool {
        self.give(Frame::Ask(FileAsk {
            item: self.known.id.to_vec(),
            round: ask.round,
            from: ask.from,
            until: ask.until,
        }))
    }

    /// The next thing that comes; `None` when the stream ended or the peer fell silent.
    fn next(&mut self) -> Option<Came> {
        let (from, over, replaced) = (&mut self.from, &self.over, &self.replaced);
        self.runtime.block_on(async {
            tokio::select! {
                came = tokio::time::timeout(SILENCE, from.recv()) => came.ok().flatten(),
                () = over.cancelled() => None,
                () = replaced.cancelled() => None,
            }
        })
    }

    /// A chunk came broken: log, ledger and the peer are told.
    fn broken(&self, index: u64) {
        let (id, peer) = (self.known.id, self.peer);
        tracing::error!(%peer, item = hex::encode(id), chunk = index, "a chunk came broken; it is fetched again");
        self.node.note_damaged(id, peer.code(), index);
        let item = id.to_vec();
        self.give(Frame::Report(FileReport { item, index }));
    }

    fn item(mut self, window: u64) -> Result<Outcome, Failure> {
        let (id, plan) = (self.known.id, self.known.plan);
        let chunks = &self.node.items.chunks;
        let mut writer = match chunks.write_on(id, plan, &self.known.key) {
            Ok(writer) => writer,
            Err(ChunkError::Store(error)) => return Err(error.into()),
            Err(_) => {
                // What is there does not open any more: it is fetched from the beginning.
                chunks.remove(&id)?;
                match chunks.write_on(id, plan, &self.known.key) {
                    Ok(writer) => writer,
                    Err(ChunkError::Store(error)) => return Err(error.into()),
                    Err(_) => return Err(NodeError::Task.into()),
                }
            }
        };
        let mut pull = Pull::new(plan.chunks(), writer.taken(), window, MOST_BROKEN);
        let fetched = self.chunks(&mut pull, &mut writer);
        let finished = writer.finish();
        self.node.items.written(&id, plan, writer.taken());
        let outcome = fetched?;
        finished?;
        match outcome {
            Outcome::Whole if self.known.root != Some(writer.root()) => {
                tracing::error!(peer = %self.peer, item = hex::encode(id), "every chunk opens, and the root is not the one that the record names");
                Ok(Outcome::Refused("root"))
            }
            outcome => Ok(outcome),
        }
    }

    fn chunks(&mut self, pull: &mut Pull, writer: &mut ChunkWriter) -> Result<Outcome, Failure> {
        let began = Instant::now();
        let mut pace = Pace::default();
        let mut told = 0;
        while !pull.is_whole() {
            if let Some(ask) = pull.ask()
                && !self.ask(ask)
            {
                return Ok(Outcome::Broke);
            }
            let Some(came) = self.next() else {
                return Ok(Outcome::Broke);
            };
            let (round, index, seal, data) = match came {
                Came::Chunk(round, index, seal, data) => (round, index, seal, data),
                Came::Refused(round, reason) => match reason {
                    _ if round < pull.round() => continue,
                    FileRefusalReason::Damaged => return Ok(Outcome::Waits("damaged")),
                    FileRefusalReason::Unknown
                    | FileRefusalReason::Busy
                    | FileRefusalReason::Unspecified => return Ok(Outcome::Later),
                },
            };
            match pull.came(round, index) {
                Ok(Took::Old) => continue,
                Ok(Took::Open) => {}
                Err(fault) => return Err(Failure::Peer(fault.to_string())),
            }
            while pace.waits(began.elapsed(), self.node.store.position()) {
                std::thread::sleep(PAUSE);
            }
            let mut chunk = match data.try_into_mut() {
                Ok(chunk) => chunk,
                Err(shared) => shared.as_ref().into(),
            };
            match writer.append_sealed(&self.known.key, seal, &mut chunk) {
                Ok(()) => pull.took(),
                Err(ChunkError::Damaged(index)) => {
                    self.broken(index);
                    if let Err(PullFault::Damaged { .. }) = pull.broke() {
                        return Ok(Outcome::Waits("damaged"));
                    }
                }
                Err(error @ (ChunkError::Length { .. } | ChunkError::Beyond(_))) => {
                    return Err(Failure::Peer(error.to_string()));
                }
                Err(error) if error.lacks_room() => return Ok(Outcome::Waits("disk")),
                Err(ChunkError::Store(error)) => return Err(error.into()),
                Err(_) => return Err(NodeError::Task.into()),
            }
            let durable = writer.durable()?;
            if durable > told {
                told = durable;
                let id = self.known.id;
                self.node.items.streams.went_on(&id);
                self.node.items.written(&id, self.known.plan, durable);
            }
        }
        Ok(Outcome::Whole)
    }

    /// Fetches one chunk again that is damaged here.
    fn repair(mut self, index: u64) -> Result<Outcome, Failure> {
        let (id, plan) = (self.known.id, self.known.plan);
        let reader = match self.node.items.chunks.read(id, plan) {
            Ok(reader) => reader,
            Err(ChunkError::Store(error)) => return Err(error.into()),
            Err(_) => return Ok(Outcome::Later),
        };
        let Some(root) = self.known.root else {
            return Ok(Outcome::Later);
        };
        for round in 1..=MOST_BROKEN {
            let ask = Ask {
                round,
                from: index,
                until: index.saturating_add(1),
            };
            if !self.ask(ask) {
                return Ok(Outcome::Broke);
            }
            let Some(came) = self.next() else {
                return Ok(Outcome::Broke);
            };
            let Came::Chunk(_, came, seal, data) = came else {
                return Ok(Outcome::Later);
            };
            if came != index || data.len() != plan.length(index) {
                return Err(Failure::Peer(format!(
                    "chunk {came} with {} bytes came where chunk {index} was asked for",
                    data.len()
                )));
            }
            let put = self.node.items.chunks.repair(
                &reader,
                &self.known.key,
                &root,
                index,
                (seal, &data),
            );
            match put {
                Ok(()) => return Ok(Outcome::Repaired),
                Err(ChunkError::Store(error)) => return Err(error.into()),
                // That of another chunk is damaged too: it is next.
                Err(ChunkError::Damaged(other)) if other != index => {
                    self.node.items.streams.repair(self.peer, id, other);
                    return Ok(Outcome::Later);
                }
                Err(_) => self.broken(index),
            }
        }
        Ok(Outcome::Later)
    }
}
