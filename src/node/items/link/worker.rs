//! The thread that fetches one item: it asks, opens, hashes and writes, and asks for more as it goes.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{runtime::Handle, sync::mpsc};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        super::{Node, NodeError, pace::Pace},
        known::Known,
    },
    FilesOut,
    fetch::{Came, Failure, MOST_BROKEN, Outcome, ROUNDS},
};
use crate::{
    evidence::items::{Ask, Pull, PullFault, Took},
    record::Country,
    store::{ChunkError, ChunkWriter},
    wire::link::{FileAsk, FileFrame, FileRefusalReason, FileReport, file_frame::Frame},
};

/// Pause while records go first.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest silence of a peer that was asked.
const SILENCE: Duration = Duration::from_secs(120);

/// The thread that fetches one item.
pub(super) struct Worker {
    pub(super) node: Arc<Node>,
    pub(super) peer: Country,
    pub(super) out: FilesOut,
    pub(super) from: mpsc::Receiver<Came>,
    pub(super) known: Known,
    /// The first of [`ROUNDS`] rounds.
    pub(super) first_round: u32,
    /// Cancelled when the stream has ended.
    pub(super) over: CancellationToken,
    /// Cancelled when the item goes.
    pub(super) replaced: CancellationToken,
    pub(super) runtime: Handle,
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

    /// The next thing that comes; `None` when the peer fell silent, or the stream has ended and nothing is
    /// left of what came over it: what came whole is not asked for again.
    fn next(&mut self) -> Option<Came> {
        let (from, over, replaced) = (&mut self.from, &self.over, &self.replaced);
        self.runtime.block_on(async {
            tokio::select! {
                biased;
                () = replaced.cancelled() => None,
                came = tokio::time::timeout(SILENCE, from.recv()) => came.ok().flatten(),
                () = over.cancelled() => None,
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

    /// Fetches every chunk that is missing.
    pub(super) fn item(mut self, window: u64) -> Result<Outcome, Failure> {
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
        let mut pull = Pull::new(
            plan.chunks(),
            writer.taken(),
            window,
            MOST_BROKEN,
            self.first_round,
        );
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
            if let Some(ask) = pull.ask() {
                // Where the stream has ended, what came before is still taken.
                self.ask(ask);
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
                    let last = self.first_round.saturating_add(ROUNDS.saturating_sub(2));
                    if matches!(pull.broke(), Err(PullFault::Damaged { .. }))
                        || pull.round() >= last
                    {
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

    /// Fetches one chunk again that is damaged here: from the country that it came from, or from one that an own
    /// item was handed over to. Only what opens and fits the root takes its place.
    pub(super) fn repair(mut self, index: u64) -> Result<Outcome, Failure> {
        let (id, plan) = (self.known.id, self.known.plan);
        let reader = match self.node.items.chunks.read(id, plan) {
            Ok(reader) => reader,
            Err(ChunkError::Store(error)) => return Err(error.into()),
            Err(_) => return Ok(Outcome::Later),
        };
        let Some(root) = self.known.root else {
            return Ok(Outcome::Later);
        };
        for round in (self.first_round..).take(MOST_BROKEN as usize) {
            let ask = Ask {
                round,
                from: index,
                until: index.saturating_add(1),
            };
            if !self.ask(ask) {
                return Ok(Outcome::Broke);
            }
            let (came, seal, data) = loop {
                match self.next() {
                    None => return Ok(Outcome::Broke),
                    // Still on its way from before.
                    Some(Came::Chunk(of, ..) | Came::Refused(of, _)) if of < round => {}
                    Some(Came::Refused(..)) => return Ok(Outcome::Later),
                    Some(Came::Chunk(_, came, seal, data)) => break (came, seal, data),
                }
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
