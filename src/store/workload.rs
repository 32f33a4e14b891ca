//! What the writer thread spends its time on, for operators and measurements.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What the writer has done since the store was opened. Times are of the wall clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Workload {
    /// Groups made durable.
    pub groups: u64,
    /// Entries in them.
    pub entries: u64,
    /// Rows of the index they changed.
    pub rows: u64,
    /// Deciding proposals: the rules and the projections.
    pub deciding: Duration,
    /// Writing and syncing the journal.
    pub journal: Duration,
    /// Applying rows to the index.
    pub index: Duration,
}

/// The counters behind [`Workload`].
#[derive(Debug, Default)]
pub(super) struct Counters {
    groups: AtomicU64,
    entries: AtomicU64,
    rows: AtomicU64,
    deciding: AtomicU64,
    journal: AtomicU64,
    index: AtomicU64,
}

/// The moments of one group.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    pub(super) begun: Instant,
    pub(super) decided: Instant,
    pub(super) durable: Instant,
    pub(super) applied: Instant,
}

impl Counters {
    pub(super) fn add(&self, entries: u64, rows: u64, at: Moments) {
        let add = |counter: &AtomicU64, more: u64| counter.fetch_add(more, Ordering::Relaxed);
        let between = |from: Instant, to: Instant| {
            u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
        };
        add(&self.groups, 1);
        add(&self.entries, entries);
        add(&self.rows, rows);
        add(&self.deciding, between(at.begun, at.decided));
        add(&self.journal, between(at.decided, at.durable));
        add(&self.index, between(at.durable, at.applied));
    }

    pub(super) fn read(&self) -> Workload {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let time = |counter| Duration::from_nanos(count(counter));
        Workload {
            groups: count(&self.groups),
            entries: count(&self.entries),
            rows: count(&self.rows),
            deciding: time(&self.deciding),
            journal: time(&self.journal),
            index: time(&self.index),
        }
    }
}
