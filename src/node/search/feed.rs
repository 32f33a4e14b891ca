//! Feeding the index: rebuilt from the newest record down after a start, while the node serves;
//! then each record as it becomes durable, and out at once when it is locked.
//!
//! A node holds the index in memory and nowhere else. What is opened for it is closed again with
//! the block it was prepared in; victims' compartments are dropped before anything is looked at.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    entry::EntryError,
    inbox::{HoldingError, ask},
    node::{Node, NodeError, read::blocking},
    record::{Moment, kind_name},
    search::{
        day_of,
        index::{Facts, MAX_NUMBER, Piece, Prepared, prepare},
        text::Lexicon,
    },
};

use super::{super::pace::LOOK, content::searched, state::Searching};

/// Records taken up between two looks at what is new.
const BLOCK: u64 = 8_192;
/// Records that one thread prepares before it adds them.
const PIECE: u64 = 64;
/// Threads that open records for the index, at a low priority.
const MOST_THREADS: usize = 4;
/// Blocks between two counts of the memory.
const COUNTED: u32 = 8;
/// How much nicer than the node's other threads.
const NICE: i32 = 10;
/// Rest between two steps of a sweep.
const BETWEEN_STEPS: Duration = Duration::from_millis(1);
/// What comes within this time is taken up together: a delivery under way goes first.
const GATHERED: Duration = Duration::from_millis(20);

/// Feeds the index until the node goes.
pub(crate) async fn run(node: Weak<Node>, search: Arc<Searching>) {
    let Some(mut feed) = Feed::start(&node, &search) else {
        return;
    };
    let Some(mut durable) = node.upgrade().map(|node| node.store.durable()) else {
        return;
    };
    loop {
        let working = search.working.lock().await;
        if !search.goes_on() {
            return;
        }
        durable.borrow_and_update();
        let step = blocking(move || {
            let idle = feed.step();
            Ok((feed, idle))
        });
        let idle = match step.await {
            Ok((back, idle)) => {
                feed = back;
                idle
            }
            Err(error) => {
                tracing::error!(%error, "the search index is fed no more");
                return;
            }
        };
        drop(working);
        let idle = idle.unwrap_or_else(|error| {
            // The store says what is wrong with it; the index goes on with the next entry.
            tracing::error!(%error, "the search index cannot go on");
            true
        });
        if idle {
            tokio::select! {
                changed = durable.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    tokio::select! {
                        () = tokio::time::sleep(GATHERED) => {}
                        () = search.wake.notified() => {}
                    }
                }
                () = search.wake.notified() => {}
            }
        }
    }
}

/// What feeding needs from step to step.
struct Feed {
    node: Weak<Node>,
    search: Arc<Searching>,
    lexicons: Vec<Lexicon>,
    /// Most bytes that the index may take.
    budget: u64,
    blocks: u32,
    begun: Instant,
}

impl Feed {
    fn start(node: &Weak<Node>, search: &Arc<Searching>) -> Option<Self> {
        let strong = node.upgrade()?;
        let last = ask::last_number(&strong.store)
            .inspect_err(|error| tracing::error!(%error, "the search index cannot be built"))
            .ok()?;
        let next = last.saturating_add(1);
        search.low.store(next, Ordering::SeqCst);
        search.high.store(next, Ordering::SeqCst);
        search.started.store(true, Ordering::SeqCst);
        if last > 0 {
            tracing::info!(records = last, "building the search index");
        }
        let threads = thread::available_parallelism().map_or(1, usize::from);
        Some(Self {
            node: Weak::clone(node),
            search: Arc::clone(search),
            lexicons: (0..threads.min(MOST_THREADS))
                .map(|_| Lexicon::default())
                .collect(),
            budget: strong.config.search.memory_mib << 20,
            blocks: 0,
            begun: Instant::now(),
        })
    }

    /// Takes up what is new, then one block of what is old; true when nothing is left to do.
    fn step(&mut self) -> Result<bool, NodeError> {
        let search = Arc::clone(&self.search);
        let withdrawn = search.withdrawn.take();
        if !withdrawn.is_empty() {
            search.remove(&withdrawn);
        }
        let Some(last) = self
            .node
            .upgrade()
            .map(|node| ask::last_number(&node.store))
            .transpose()?
        else {
            return Ok(true);
        };
        let high = search.high.load(Ordering::SeqCst);
        let end = last.saturating_add(1).min(high.saturating_add(BLOCK));
        if high < end {
            self.take_up(high, end, Order::Upwards);
            search.high.store(end, Ordering::SeqCst);
        }
        let low = search.low.load(Ordering::SeqCst);
        if low > 1 && !search.full.load(Ordering::SeqCst) {
            let start = low.saturating_sub(BLOCK).max(1);
            self.take_up(start, low, Order::Downwards);
            search.low.store(start, Ordering::SeqCst);
        }
        self.blocks = self.blocks.wrapping_add(1);
        let done = search.low.load(Ordering::SeqCst) <= 1 || search.full.load(Ordering::SeqCst);
        let first_time = done && search.built_ms.load(Ordering::SeqCst) == 0;
        if first_time {
            search.write().shrink();
            // What words were is found out again where it is needed.
            self.lexicons.iter_mut().for_each(Lexicon::forget);
        }
        if self.blocks % COUNTED == 1 || first_time {
            self.weigh();
        }
        if first_time {
            self.built(last);
        }
        let idle = end > last && done;
        if idle && search.is_littered() {
            self.sweep();
            self.weigh();
        }
        Ok(idle || !search.goes_on())
    }

    fn built(&self, last: u64) {
        let took = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.search.built_ms.store(took.max(1), Ordering::SeqCst);
        if last > 0 {
            tracing::info!(
                records = last,
                milliseconds = took,
                mebibytes = self.search.bytes.load(Ordering::SeqCst) >> 20,
                "the search index is built"
            );
        }
    }

    /// Takes what left out of every set, and lets questions in between the steps.
    fn sweep(&self) {
        while self.search.is_littered() && self.search.goes_on() {
            self.search.write().sweep();
            thread::sleep(BETWEEN_STEPS);
        }
    }

    /// Counts the memory; beyond what is allowed, the oldest records leave.
    fn weigh(&self) {
        let search = &self.search;
        let bytes = || u64::try_from(search.locked().bytes()).unwrap_or(u64::MAX);
        let mut now = bytes();
        if now > self.budget {
            search.full.store(true, Ordering::SeqCst);
            let low = search.low.load(Ordering::SeqCst);
            let high = search.high.load(Ordering::SeqCst);
            let until = low.saturating_add(high.saturating_sub(low).div_ceil(8));
            let mut index = search.write();
            for number in low..until {
                if let Ok(number) = u32::try_from(number) {
                    index.remove(number);
                }
            }
            drop(index);
            self.sweep();
            search.low.store(until, Ordering::SeqCst);
            now = bytes();
            tracing::warn!(
                oldest = until,
                "the search index has no room for older records; raise `search.memory_mib` in config.toml"
            );
        }
        search.bytes.store(now, Ordering::SeqCst);
    }

    /// Indexes the records from `start` (inclusive) to `end` (exclusive): those that are new upwards,
    /// those that are old downwards, so that the index grows at its ends.
    fn take_up(&mut self, start: u64, end: u64, order: Order) {
        let block = Block {
            start,
            end,
            order,
            pieces: end.saturating_sub(start).div_ceil(PIECE),
            begun: self.begun,
            next: AtomicU64::new(0),
            ready: Mutex::default(),
        };
        let (node, search, block) = (&self.node, &self.search, &block);
        let threads = usize::try_from(block.pieces).unwrap_or(MOST_THREADS);
        thread::scope(|scope| {
            for lexicon in self.lexicons.iter_mut().take(threads) {
                scope.spawn(move || {
                    // Of the calling thread alone; not being nice is no fault.
                    let _ = rustix::process::setpriority_process(None, NICE);
                    block.take_up(node, search, lexicon);
                });
            }
        });
    }
}

/// Which way the numbers of a block go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Upwards,
    Downwards,
}

/// Records that are taken up together, in pieces.
struct Block {
    start: u64,
    end: u64,
    order: Order,
    pieces: u64,
    /// When the feed began.
    begun: Instant,
    /// The next piece to prepare.
    next: AtomicU64,
    ready: Mutex<Ready>,
}

/// Pieces that wait for one before them.
#[derive(Default)]
struct Ready {
    /// The next piece to add.
    next: u64,
    waiting: BTreeMap<u64, Piece>,
    /// Whether a thread adds one.
    adding: bool,
}

impl Block {
    fn ready(&self) -> MutexGuard<'_, Ready> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds the pieces whose turn it is, and lets questions in between them. While another thread
    /// does so there is nothing to wait for: it looks again before it stops.
    fn add(&self, search: &Searching) {
        loop {
            let mut ready = self.ready();
            if ready.adding {
                return;
            }
            let next = ready.next;
            let Some(piece) = ready.waiting.remove(&next) else {
                return;
            };
            ready.next = next.saturating_add(1);
            ready.adding = true;
            drop(ready);
            search.write().insert_all(&piece);
            self.ready().adding = false;
        }
    }

    /// Lets a burst of deliveries go first.
    fn wait(&self, node: &Weak<Node>, search: &Searching) {
        while search.goes_on()
            && let Some(position) = node.upgrade().map(|node| node.store.position())
            && search.waits(self.begun.elapsed(), position)
        {
            thread::sleep(LOOK);
        }
    }

    /// Takes up pieces until none is left, or the node goes.
    fn take_up(&self, node: &Weak<Node>, search: &Searching, lexicon: &mut Lexicon) {
        loop {
            self.wait(node, search);
            let piece = self.next.fetch_add(1, Ordering::SeqCst);
            if piece >= self.pieces {
                return;
            }
            let mut prepared = Vec::new();
            let from = piece.saturating_mul(PIECE);
            let to = from.saturating_add(PIECE);
            for at in from..to.min(self.end.saturating_sub(self.start)) {
                let Some(node) = node.upgrade().filter(|_| search.goes_on()) else {
                    return;
                };
                let number = match self.order {
                    Order::Upwards => self.start.saturating_add(at),
                    Order::Downwards => self.end.saturating_sub(at).saturating_sub(1),
                };
                match node.prepared(number, lexicon) {
                    Ok(record) => prepared.extend(record),
                    Err(error) => {
                        tracing::debug!(number, %error, "a record is not in the search index");
                    }
                }
            }
            // What the records have in common is sorted out before anyone waits for it.
            let prepared = Piece::new(prepared);
            self.ready().waiting.insert(piece, prepared);
            self.add(search);
        }
    }
}

impl Node {
    /// A record made ready for the index; `None` when there is nothing of it to search.
    fn prepared(&self, number: u64, lexicon: &mut Lexicon) -> Result<Option<Prepared>, NodeError> {
        let Some(local) = u32::try_from(number)
            .ok()
            .filter(|local| *local <= MAX_NUMBER)
        else {
            return Ok(None);
        };
        let stored = self.stored(number)?;
        let opened = self.check_open(&stored).and_then(|()| {
            let record = stored.open_to_index(&self.slots);
            record.map_err(NodeError::Holding)
        });
        let record = match opened {
            Err(NodeError::Holding(HoldingError::Locked(_))) => return Ok(None),
            other => other?,
        };
        if record.onward.is_some() && stored.holding.origin == self.country.code() {
            // Who passed it on has the original.
            return Ok(None);
        }
        let day = record
            .submitted_at
            .as_ref()
            .map_or(0, |at| day_of(Moment::from(at)));
        let found = searched(record)?;
        // Steps have no situation.
        let Some(kind) = kind_name(&found.record).filter(|_| found.record.situation.is_some())
        else {
            return Ok(None);
        };
        let facts = Facts {
            number: local,
            kind: kind.to_owned(),
            origin: stored.holding.origin.parse().map_err(EntryError::from)?,
            day,
        };
        Ok(Some(prepare(facts, &found.extract_to_index(), lexicon)))
    }
}
