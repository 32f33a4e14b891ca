//! [`Store`]: reading, and the life cycle.

use std::fs::File;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::watch;

use crate::crypto::Digest;

use super::distrust;
use super::group::Projection;
use super::index::{Index, Row};
use super::journal::Journal;
use super::medium::{Disk, Medium};
use super::read::{Entries, Segments};
use super::scan::SegmentFile;
use super::start::{Mode, OpenProgress, Opened, start};
use super::workload::{Counters, Workload};
use super::writer::{self, Control, Rules, Writer};
use super::{DamagedBlob, Place, StoreError, StoreOptions};
use super::{reserve, witness};

/// Room on the disk that holds the journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that the node may still write.
    pub free: u64,
    /// Size of the file system, in bytes.
    pub total: u64,
    /// Bytes of the journal's segments.
    pub journal_bytes: u64,
}

/// The store: everyone reads, one thread writes. Cloning shares it; the journal's lock goes with
/// the last clone and the last [`Writer`].
#[derive(Clone)]
pub struct Store(Arc<Shared>);

/// What readers and the writer share.
pub(super) struct Shared {
    pub(super) index: Index,
    pub(super) projection: Arc<dyn Projection>,
    pub(super) durable: watch::Sender<u64>,
    pub(super) workload: Counters,
    pub(super) max_group_entries: usize,
    pub(super) max_group_bytes: usize,
    /// The append side, while no writer has it.
    pub(super) journal: Mutex<Option<Journal>>,
    pub(super) writer: Mutex<Option<Control>>,
    segments: Arc<Segments>,
    medium: Arc<dyn Medium>,
    journal_dir: PathBuf,
    boot_id: String,
    poison: OnceLock<String>,
    /// Whether a group found no room; the writer takes nothing more then.
    full: AtomicBool,
    fatal: watch::Sender<Option<String>>,
    _lock: File,
}

impl Shared {
    /// Nothing is acknowledged from here on.
    pub(super) fn poison(&self, why: &str) {
        if self.poison.set(why.to_owned()).is_ok() {
            tracing::error!(why, "the store has stopped");
            self.fatal.send_replace(Some(why.to_owned()));
        }
    }

    /// Passes an answer of the index on. A failure stops the store: what the index does not answer
    /// cannot be decided, and the next start makes another one.
    pub(super) fn asked<T>(&self, answer: Result<T, StoreError>) -> Result<T, StoreError> {
        if let Err(error @ StoreError::Index(_)) = &answer
            && self.poison.get().is_none()
        {
            distrust::note(&self.journal_dir);
            self.poison(&error.to_string());
        }
        answer
    }

    pub(super) fn poisoned(&self) -> Option<StoreError> {
        let why = self.poison.get()?.clone();
        Some(StoreError::Poisoned { why })
    }

    /// What was decided of a group is gone with it, the rules' memory may not be: nothing is decided
    /// any more.
    pub(super) fn found_full(&self) {
        tracing::error!("the disk has no room for what is to be kept: nothing more is taken");
        self.full.store(true, Ordering::Release);
    }

    /// Why the writer takes nothing any more.
    pub(super) fn halted(&self) -> Option<StoreError> {
        let full = || {
            self.full
                .load(Ordering::Acquire)
                .then_some(StoreError::Full)
        };
        self.poisoned().or_else(full)
    }
}

impl Store {
    /// Opens the store, or makes one: finds the journal's end, brings the index up to it. Blocking;
    /// `progress` is called at every group, so it must be cheap.
    ///
    /// # Errors
    /// [`StoreError::Locked`], [`StoreError::Damaged`], [`StoreError::AcknowledgedDataMissing`],
    /// [`StoreError::ChainDiffers`], [`StoreError::Mark`], [`StoreError::Version`],
    /// [`StoreError::Projection`], [`StoreError::Index`] or [`StoreError::Io`].
    pub fn open(
        options: StoreOptions,
        projection: Arc<dyn Projection>,
        progress: &mut dyn FnMut(OpenProgress),
    ) -> Result<(Self, Opened), StoreError> {
        Self::open_on(options, projection, Arc::new(Disk), progress)
    }

    /// As [`Self::open`], on a medium of its own: tests fail it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_on(
        options: StoreOptions,
        projection: Arc<dyn Projection>,
        medium: Arc<dyn Medium>,
        progress: &mut dyn FnMut(OpenProgress),
    ) -> Result<(Self, Opened), StoreError> {
        start(options, projection, medium, progress, Mode::Normal)
    }

    #[cfg(test)]
    pub(super) fn segment_count(&self) -> usize {
        self.0.segments.all().len()
    }

    pub(super) fn assemble(
        journal: Journal,
        index: Index,
        projection: Arc<dyn Projection>,
        lock: File,
        options: &StoreOptions,
    ) -> Self {
        Self(Arc::new(Shared {
            index,
            projection,
            durable: watch::Sender::new(journal.reached.position),
            workload: Counters::default(),
            max_group_entries: options.max_group_entries,
            max_group_bytes: options.max_group_bytes,
            segments: Arc::clone(&journal.segments),
            medium: Arc::clone(&journal.medium),
            journal: Mutex::new(Some(journal)),
            writer: Mutex::new(None),
            journal_dir: options.journal_dir.clone(),
            boot_id: options.boot_id.clone(),
            poison: OnceLock::new(),
            full: AtomicBool::new(false),
            fatal: watch::Sender::new(None),
            _lock: lock,
        }))
    }

    /// Starts the one writer thread. A second call gives a writer that answers
    /// [`super::ProposeError::Closed`].
    pub fn start_writer<R: Rules>(&self, rules: R) -> Writer<R> {
        writer::start(&self.0, rules)
    }

    /// A row's value.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.asked(self.0.index.get(key))
    }

    /// Up to `limit` rows whose key begins with `prefix`, from the whole key `from` on (inclusive;
    /// empty: from the first), ascending.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn scan(&self, prefix: &[u8], from: &[u8], limit: usize) -> Result<Vec<Row>, StoreError> {
        self.0.asked(self.0.index.scan(prefix, from, limit))
    }

    /// Up to `limit` rows whose key begins with `prefix`, below the whole key `before` (exclusive;
    /// empty: from the last), descending.
    ///
    /// # Errors
    /// [`StoreError::Index`].
    pub fn scan_back(
        &self,
        prefix: &[u8],
        before: &[u8],
        limit: usize,
    ) -> Result<Vec<Row>, StoreError> {
        self.0.asked(self.0.index.scan_back(prefix, before, limit))
    }

    /// An entry's body, verified.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::NoSuchPlace`] or [`StoreError::Io`].
    pub fn body(&self, place: Place) -> Result<Vec<u8>, StoreError> {
        self.0.segments.body(place)
    }

    /// One of an entry's blobs, verified. Counted from 0.
    ///
    /// # Errors
    /// [`StoreError::Gone`] when it was dropped, else as [`Self::body`].
    pub fn blob(&self, place: Place, index: u32) -> Result<Vec<u8>, StoreError> {
        self.0.segments.blob(place, index)
    }

    /// An entry's body and one of its blobs, as [`Self::body`] and [`Self::blob`] give them, with
    /// one read of a small entry.
    ///
    /// # Errors
    /// As for those.
    pub fn body_with_blob(
        &self,
        place: Place,
        index: u32,
    ) -> Result<(Vec<u8>, Vec<u8>), StoreError> {
        self.0.segments.body_with_blob(place, index)
    }

    #[cfg(test)]
    pub(super) fn keeps_rows(&self) -> bool {
        self.0.index.keeps()
    }

    pub(super) fn segments(&self) -> Vec<SegmentFile> {
        self.0.segments.all()
    }

    pub(super) fn medium(&self) -> &dyn Medium {
        &*self.0.medium
    }

    pub(super) fn blob_row(&self, place: Place, blob: u32) -> Result<(usize, Digest), StoreError> {
        self.0.segments.blob_row(place, blob)
    }

    pub(super) fn blob_place(&self, damaged: &DamagedBlob) -> Result<(PathBuf, u64), StoreError> {
        self.0.segments.blob_place(damaged)
    }

    /// The position that is durable and applied now.
    pub fn position(&self) -> u64 {
        *self.0.durable.borrow()
    }

    /// The position that is durable and applied.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.0.durable.subscribe()
    }

    /// Waits until the store has stopped, or finds that it has, and answers why. The process must
    /// end then.
    pub async fn stopped(&self) -> String {
        let mut fatal = self.0.fatal.subscribe();
        let why = fatal.wait_for(Option::is_some).await;
        match why.map(|why| why.clone()) {
            Ok(Some(why)) => why,
            // The other end lives as long as the store.
            Ok(None) | Err(_) => std::future::pending().await,
        }
    }

    /// What the writer has done since the store was opened.
    pub fn workload(&self) -> Workload {
        self.0.workload.read()
    }

    /// Room on the disk.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn space(&self) -> Result<Space, StoreError> {
        let dir = &self.0.journal_dir;
        let disk = rustix::fs::statvfs(dir)
            .map_err(|error| StoreError::io("cannot measure", dir, error.into()))?;
        Ok(Space {
            free: disk.f_bavail.saturating_mul(disk.f_frsize),
            total: disk.f_blocks.saturating_mul(disk.f_frsize),
            journal_bytes: self.0.segments.bytes(),
        })
    }

    /// Whether the disk has no room any more, or had none for a group. The reserve is given up with the first such answer:
    /// then there is room for a clean stop, and for nothing else.
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn is_full(&self) -> Result<bool, StoreError> {
        let dir = &self.0.journal_dir;
        let full = reserve::free(dir)? < reserve::LOW || self.0.full.load(Ordering::Acquire);
        if full {
            reserve::release_when_low(dir)?;
        }
        Ok(full)
    }

    /// Vouches that these files are the newest state of the store, so that the next start in this
    /// boot finds them [`super::Opened::untouched`].
    ///
    /// # Errors
    /// [`StoreError::Io`].
    pub fn vouch(&self) -> Result<(), StoreError> {
        witness::write(&self.0.journal_dir, &self.0.boot_id)
    }

    /// The entries from `from_position` on, up to what is durable now.
    pub fn entries(&self, from_position: u64) -> Entries {
        let to = *self.0.durable.borrow();
        Entries::new(self.0.segments.all(), from_position, to)
    }

    /// Closes the store: the writer decides what waits and ends, the index is made durable, the
    /// mark says that the stop was clean. Blocking. Reading goes on to work; proposals answer
    /// [`super::ProposeError::Closed`]. A crash at any moment of it is an unclean stop.
    ///
    /// # Errors
    /// [`StoreError::Poisoned`] after an earlier failure: the stop is then not clean.
    pub fn close(&self) -> Result<(), StoreError> {
        let control = self
            .0
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(control) = control {
            control.stop();
        }
        if let Some(poisoned) = self.0.poisoned() {
            return Err(poisoned);
        }
        let journal = self
            .0
            .journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut journal) = journal else {
            return Ok(());
        };
        // What follows needs room; without it the stop is unclean, and nothing is lost.
        if let Err(error) = reserve::release_when_low(&self.0.journal_dir) {
            tracing::warn!(%error, "the reserve stays");
        }
        let closed = self
            .0
            .index
            .make_durable(&*journal.medium)
            .and_then(|()| journal.trim())
            .and_then(|()| journal.write_mark(true));
        if let Err(error) = &closed {
            self.0.poison(&error.to_string());
        }
        closed
    }
}
