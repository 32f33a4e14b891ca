//! The index of a node, how far it is, and what is to leave it.

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::sync::Notify;

use crate::{entry::Event, search::Index, wire::node::SearchCoverage};

use super::super::pace::Pace;

/// Numbers that were locked and are still to leave the index.
#[derive(Clone, Debug, Default)]
pub(crate) struct Withdrawn(Arc<Mutex<Vec<u64>>>);

impl Withdrawn {
    /// Takes note of what an event closes. Called by the writer, before the event is durable: a
    /// record that leaves the index too early is only not found.
    pub(crate) fn note(&self, event: &Event) {
        let number = match event {
            Event::Locked(locked) if !locked.victims_only => locked.number,
            Event::Erased(erased) if !erased.victims_only => erased.number,
            _ => return,
        };
        self.push(number);
    }

    pub(super) fn push(&self, number: u64) {
        let mut numbers = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.push(number);
    }

    pub(super) fn take(&self) -> Vec<u64> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The index of a node and how far it is.
#[derive(Debug)]
pub(crate) struct Searching {
    pub(super) index: RwLock<Index>,
    pub(super) withdrawn: Withdrawn,
    /// Numbers covered: from `low`, inclusive, to `high`, exclusive.
    pub(super) low: AtomicU64,
    pub(super) high: AtomicU64,
    /// True when the oldest records do not fit into the memory allowed.
    pub(super) full: AtomicBool,
    pub(super) started: AtomicBool,
    pub(super) bytes: AtomicU64,
    pub(super) built_ms: AtomicU64,
    pace: Mutex<Pace>,
    pub(super) stopped: AtomicBool,
    pub(super) wake: Notify,
    /// Held by the feed while it works.
    pub(super) working: tokio::sync::Mutex<()>,
}

impl Searching {
    pub(crate) fn new(withdrawn: Withdrawn) -> Self {
        Self {
            index: RwLock::default(),
            withdrawn,
            low: AtomicU64::new(1),
            high: AtomicU64::new(1),
            full: AtomicBool::new(false),
            started: AtomicBool::new(false),
            bytes: AtomicU64::new(0),
            built_ms: AtomicU64::new(0),
            pace: Mutex::default(),
            stopped: AtomicBool::new(false),
            wake: Notify::new(),
            working: tokio::sync::Mutex::default(),
        }
    }

    /// The index, without what was locked meanwhile.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Index> {
        let withdrawn = self.withdrawn.take();
        if !withdrawn.is_empty() {
            self.remove(&withdrawn);
        }
        self.locked()
    }

    pub(super) fn locked(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_littered(&self) -> bool {
        self.locked().is_littered()
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes records out, at once.
    pub(super) fn remove(&self, numbers: &[u64]) {
        let mut index = self.write();
        for number in numbers {
            if let Ok(number) = u32::try_from(*number) {
                index.remove(number);
            }
        }
        drop(index);
        self.wake.notify_one();
    }

    /// Whether the feed waits for deliveries, a time after it began and at a position of the store.
    pub(super) fn waits(&self, now: Duration, position: u64) -> bool {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        pace.waits(now, position)
    }

    /// Ends the feed: it takes up nothing more, and holds nothing of the node when this returns.
    pub(crate) async fn stop(&self) {
        self.stopped.store(true, Ordering::SeqCst);
        self.wake.notify_one();
        drop(self.working.lock().await);
    }

    pub(super) fn goes_on(&self) -> bool {
        !self.stopped.load(Ordering::SeqCst)
    }

    /// How much is in the index of `total` records held.
    pub(super) fn coverage(&self, total: u64) -> SearchCoverage {
        let low = self.low.load(Ordering::SeqCst);
        let high = self.high.load(Ordering::SeqCst);
        let indexed = high.saturating_sub(low);
        SearchCoverage {
            complete: self.started.load(Ordering::SeqCst) && indexed >= total,
            indexed: indexed.min(total),
            total,
            memory_bytes: self.bytes.load(Ordering::SeqCst),
            built_ms: self.built_ms.load(Ordering::SeqCst),
        }
    }
}
