//! sled, behind the journal. The only file that names it.
//!
//! What it is trusted with: to keep rows that the journal can give again. Its own `flush` does not
//! fsync; its batches are atomic within one tree only, so there is one tree; a damaged database can
//! panic, so every call is caught.

mod scan;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::StoreError;
use super::error::io_error;
use super::format::{Cursor, check};
use super::group::{Layout, Overlay};
use super::keyspace::POSITION;
use super::mark::Reached;
use super::medium::Medium;
use super::recent::Recent;
use crate::crypto::Digest;

/// sled's own thread both writes its buffer out and reclaims segments of its file; without it the
/// file only grows. It is slowed down, because each round also fsyncs beside the journal's
/// `fdatasync`. After a SIGKILL at most this long is replayed.
const BACKGROUND_MS: u64 = 5_000;
/// Between the index's name and a number, in the name of one set aside.
const ASIDE: &str = ".set-aside-";

/// The index.
pub(super) struct Index {
    db: sled::Db,
    recent: RwLock<Recent>,
    /// How often sled began to take rows.
    settles: AtomicU64,
    dir: PathBuf,
    layout: Layout,
}

/// How far an index has come, and whether this version can use its rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Come {
    pub(super) reached: Reached,
    pub(super) readable: bool,
}

/// A row of the index: its whole key, with the prefix, and its value.
pub type Row = (Vec<u8>, Vec<u8>);

fn guarded<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(error)) => Err(StoreError::Index(error.to_string())),
        Err(_) => Err(StoreError::Index("sled panicked".to_owned())),
    }
}

impl Index {
    /// Opens or creates the index.
    pub(super) fn open(dir: &Path, cache_bytes: u64, layout: Layout) -> Result<Self, StoreError> {
        remove_unfinished_snapshots(dir)?;
        let config = sled::Config::new()
            .path(dir)
            .cache_capacity(cache_bytes)
            .flush_every_ms(Some(BACKGROUND_MS));
        let db = guarded(|| config.open())?;
        Ok(Self {
            db,
            recent: RwLock::default(),
            settles: AtomicU64::default(),
            dir: dir.to_path_buf(),
            layout,
        })
    }

    /// How far the index has come; `None` for an empty one.
    pub(super) fn reached(&self) -> Result<Option<Come>, StoreError> {
        let Some(value) = self.get(&POSITION.key(&[]))? else {
            return match guarded(|| self.db.first())? {
                None => Ok(None),
                Some(_) => Err(StoreError::Index("rows without a position".to_owned())),
            };
        };
        let damaged = || StoreError::Index("its position is damaged".to_owned());
        let (covered, sum) = value.split_last_chunk::<16>().ok_or_else(damaged)?;
        let mut cursor = Cursor(covered);
        let parts = cursor.u64().zip(cursor.array());
        match parts {
            Some((position, chain)) if *sum == check(&[covered]) => Ok(Some(Come {
                reached: Reached {
                    position,
                    chain: Digest::from_array(chain),
                },
                // The first version wrote no layout, and its rows are not these.
                readable: cursor.0 == self.layout,
            })),
            _ => Err(damaged()),
        }
    }

    fn recent(&self) -> RwLockReadGuard<'_, Recent> {
        self.recent.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let change = self.recent().get(key).cloned();
        if let Some(change) = change {
            return Ok(change);
        }
        Ok(guarded(|| self.db.get(key))?.map(|value| value.to_vec()))
    }

    /// Keeps a group's rows in memory; every question sees them from now on.
    pub(super) fn keep(&self, overlay: &mut Overlay, reached: Reached) {
        let changes = overlay.drain();
        let mut recent = self.recent.write().unwrap_or_else(PoisonError::into_inner);
        recent.take_in(changes, reached);
    }

    /// Whether rows are kept that sled does not have.
    pub(super) fn keeps(&self) -> bool {
        self.recent().reached().is_some()
    }

    /// Lets sled take the rows kept, when there are enough of them. Only for the one who keeps them.
    pub(super) fn settle_if_due(&self, medium: &dyn Medium) -> Result<(), StoreError> {
        if self.recent().is_full() {
            self.settle(medium)?;
        }
        Ok(())
    }

    /// Lets sled take all rows kept and the position that they reach, in one batch. A crash leaves
    /// all of it or nothing, and what sled has not written to disk goes too: it is replayed.
    pub(super) fn settle(&self, medium: &dyn Medium) -> Result<(), StoreError> {
        let recent = self.recent();
        let Some(reached) = recent.reached() else {
            return Ok(());
        };
        let mut batch = sled::Batch::default();
        for (key, value) in recent.rows() {
            match value {
                Some(value) => batch.insert(key.as_slice(), value.as_slice()),
                None => batch.remove(key.as_slice()),
            }
        }
        // Questions go on, and see the same rows here and there; a scan that began before learns of it.
        self.settles.fetch_add(1, SeqCst);
        drop(recent);
        self.write(medium, batch, reached)?;
        *self.recent.write().unwrap_or_else(PoisonError::into_inner) = Recent::default();
        Ok(())
    }

    /// Applies rows and the position reached to sled in one batch, as a replay does.
    pub(super) fn apply(
        &self,
        medium: &dyn Medium,
        overlay: &mut Overlay,
        reached: Reached,
    ) -> Result<(), StoreError> {
        let mut batch = sled::Batch::default();
        for (key, value) in overlay.drain() {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.write(medium, batch, reached)
    }

    fn write(
        &self,
        medium: &dyn Medium,
        mut batch: sled::Batch,
        reached: Reached,
    ) -> Result<(), StoreError> {
        let mut position = Vec::with_capacity(64);
        position.extend_from_slice(&reached.position.to_be_bytes());
        position.extend_from_slice(reached.chain.as_ref());
        position.extend_from_slice(&self.layout);
        let sum = check(&[&position]);
        position.extend_from_slice(&sum);
        batch.insert(POSITION.key(&[]), position);
        let mut batch = Some(batch);
        let mut write = || match batch.take() {
            Some(batch) => guarded(|| self.db.apply_batch(batch)).map_err(io::Error::other),
            None => Ok(()),
        };
        medium
            .index(&mut write)
            .map_err(|error| StoreError::Index(error.to_string()))
    }

    /// Every row but the store's own, ascending, for comparing two indexes.
    pub(super) fn first_difference(&self, other: &Self) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(|| {
            let mut left = self.db.range([POSITION.prefix + 1]..);
            let mut right = other.db.range([POSITION.prefix + 1]..);
            loop {
                match (left.next().transpose()?, right.next().transpose()?) {
                    (None, None) => return Ok(None),
                    (left, right) if left == right => {}
                    (Some((left, _)), Some((right, _))) => {
                        return Ok(Some(left.min(right).to_vec()));
                    }
                    (left, right) => {
                        return Ok(left.or(right).map(|(key, _)| key.to_vec()));
                    }
                }
            }
        })
    }

    /// Makes the index durable: the rows kept, sled's own flush, then an fsync of its files, which sled omits.
    /// Only for a stopped writer: concurrent flushes can deadlock sled.
    pub(super) fn make_durable(&self, medium: &dyn Medium) -> Result<(), StoreError> {
        self.settle(medium)?;
        let mut write = || {
            guarded(|| self.db.flush()).map_err(io::Error::other)?;
            for found in fs::read_dir(&self.dir)? {
                let path = found?.path();
                if path.is_file() {
                    File::open(path)?.sync_all()?;
                }
            }
            File::open(&self.dir)?.sync_all()
        };
        medium
            .index(&mut write)
            .map_err(|error| StoreError::Index(error.to_string()))
    }
}

/// A `snap.*.generating` file left by a crash keeps sled from opening, for good.
fn remove_unfinished_snapshots(dir: &Path) -> Result<(), StoreError> {
    let Ok(files) = fs::read_dir(dir) else {
        return Ok(());
    };
    for path in files.flatten().map(|found| found.path()) {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if name.starts_with("snap.") && name.ends_with(".generating") {
            fs::remove_file(&path).map_err(io_error("cannot remove", &path))?;
        }
    }
    Ok(())
}

/// Renames the index out of the way, for someone to look at; earlier ones go.
/// A crash leaves the index in place or aside; the mark of that moment trusts neither.
pub(super) fn set_aside(dir: &Path) -> Result<(), StoreError> {
    if !dir.exists() {
        return Ok(());
    }
    let parent = dir.parent().unwrap_or(Path::new("."));
    let name = dir
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or("index");
    let earlier = earlier(dir)?;
    let next = earlier
        .keys()
        .next_back()
        .map_or(1, |last| last.saturating_add(1));
    for path in earlier.values() {
        fs::remove_dir_all(path).map_err(io_error("cannot remove", path))?;
    }
    let aside = parent.join(format!("{name}{ASIDE}{next}"));
    fs::rename(dir, &aside).map_err(io_error("cannot set aside", dir))?;
    tracing::warn!(
        aside = %aside.display(),
        "the index was set aside for someone to look at; `comity store rebuild` removes it"
    );
    File::open(parent)
        .and_then(|parent| parent.sync_all())
        .map_err(io_error("cannot sync directory", parent))
}

/// Indexes set aside before, by number.
fn earlier(dir: &Path) -> Result<BTreeMap<u64, PathBuf>, StoreError> {
    let parent = dir.parent().unwrap_or(Path::new("."));
    let name = dir.file_name().and_then(|name| name.to_str());
    let stem = format!("{}{ASIDE}", name.unwrap_or("index"));
    let mut earlier = BTreeMap::new();
    for found in fs::read_dir(parent)
        .map_err(io_error("cannot list", parent))?
        .flatten()
    {
        let name = found.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix(&stem));
        if let Some(number) = number.and_then(|number| number.parse().ok()) {
            earlier.insert(number, found.path());
        }
    }
    Ok(earlier)
}

/// Removes what [`set_aside`] left: another index is whole.
pub(super) fn remove_set_aside(dir: &Path) -> Result<(), StoreError> {
    for path in earlier(dir)?.values() {
        fs::remove_dir_all(path).map_err(io_error("cannot remove", path))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_the_indexes_set_aside_one_remains_until_it_is_removed() {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("index");
        for round in 0..4 {
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("round"), round.to_string()).unwrap();
            set_aside(&dir).unwrap();
        }
        let names = |n| home.path().join(format!("index.set-aside-{n}"));
        assert!((1..4).all(|number| !names(number).exists()) && !dir.exists());
        assert_eq!(fs::read_to_string(names(4).join("round")).unwrap(), "3");
        remove_set_aside(&dir).unwrap();
        assert!(!names(4).exists());
    }
}
