//! The careful start: where the journal ends, what vouches for it, and whether the index is of use.
//!
//! The steps, and what a crash after each leaves:
//! 1. Find the journal's end, reading only. Bytes that are no group are a torn tail only if nothing
//!    vouches for them (sync mark, index) and nothing durable follows them; otherwise the store
//!    refuses and changes nothing.
//! 2. After an unclean stop, write the groups since the last vouched point on to a fresh segment
//!    and sync it: they may lie in the page cache only, if the last sync failed, and a second sync
//!    of the same pages would not tell. The fresh segment gets its name when it is whole; from then
//!    on it supersedes the old tail, also for a start that comes after a crash right here.
//! 3. Cut the old tail. Torn bytes are first copied to `torn.last`, for someone to look at.
//! 4. Write the sync mark. If the index is not to be trusted, the mark says so before the index is
//!    set aside, and takes over what the index vouched for.
//! 5. Replay what the index lacks, then name this boot in the mark.

use std::collections::BTreeSet;
use std::fs::{self, File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use super::distrust;
use super::end::{End, Vouch, find_end};
use super::error::io_error;
use super::fresh::fresh_tail;
use super::group::{Layout, Projection};
use super::handle::Store;
use super::index::{Index, set_aside};
use super::journal::{Journal, Tail};
use super::mark::{Mark, Reached};
use super::medium::Medium;
use super::read::Segments;
use super::replay::replay;
use super::scan::{SegmentFile, list};
use super::scrub::DamagedBlob;
use super::{StoreError, StoreOptions, reserve, witness};

/// How a store was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenedHow {
    /// There was none.
    New,
    /// Closed properly; the index had everything.
    Clean,
    /// The index lacked the last entries, or the stop was unclean.
    Replayed,
    /// The index was made anew from the journal.
    Rebuilt,
}

impl std::fmt::Display for OpenedHow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::New => "new",
            Self::Clean => "clean",
            Self::Replayed => "replayed",
            Self::Rebuilt => "rebuilt",
        })
    }
}

/// What opening found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// How the store was found.
    pub how: OpenedHow,
    /// Position of the last durable entry; 0 if there is none.
    pub position: u64,
    /// Entries applied to the index.
    pub entries_replayed: u64,
    /// Bytes of an unfinished group that were cut; a copy lies in `torn.last`.
    pub torn_bytes_cut: u64,
    /// True when these are the very files that the last run left, in the same boot. False after a
    /// boot, and where a copy was put in their place: then others may know more than the store.
    pub untouched: bool,
    /// Damaged blobs seen on the way; their entries are whole, and nothing else is touched.
    pub damaged: Vec<DamagedBlob>,
}

/// What takes time when opening.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenPhase {
    /// Finding and verifying the journal's end.
    Verify,
    /// Applying entries to the index.
    Replay,
    /// Comparing two indexes (only `check`).
    Compare,
}

/// How far opening has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenProgress {
    /// What is being done.
    pub phase: OpenPhase,
    /// Journal bytes done.
    pub done_bytes: u64,
    /// Journal bytes to do.
    pub total_bytes: u64,
}

pub(super) type Progress<'a> = &'a mut dyn FnMut(OpenProgress);

/// Whether the index may be trusted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// As far as it holds.
    Normal,
    /// Its rows are not: another one is made. It still vouches for how far the journal was durable.
    Rebuild {
        /// The operator gives up what was durable after this position.
        accept_loss_after: Option<u64>,
    },
}

impl Mode {
    const fn rebuilds(self) -> bool {
        matches!(self, Self::Rebuild { .. })
    }
}

pub(super) fn lock(dir: &Path) -> Result<File, StoreError> {
    let path = dir.join("lock");
    let file = File::create(&path).map_err(io_error("cannot create", &path))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(StoreError::Locked(dir.to_path_buf())),
        Err(TryLockError::Error(error)) => Err(io_error("cannot lock", &path)(error)),
    }
}

/// Opens a store on a medium.
pub(super) fn start(
    options: StoreOptions,
    projection: Arc<dyn Projection>,
    medium: Arc<dyn Medium>,
    progress: Progress<'_>,
    mode: Mode,
) -> Result<(Store, Opened), StoreError> {
    let dir = options.journal_dir.clone();
    fs::create_dir_all(&dir).map_err(io_error("cannot create", &dir))?;
    let lock = lock(&dir)?;
    // A disk that is still full must let the journal's end be written and read.
    reserve::release_when_low(&dir)?;
    let untouched = witness::is_true(&dir, &options.boot_id);
    remove_unfinished(&dir)?;
    let mark = match Mark::read(&dir) {
        // Whoever rebuilds trusts the journal alone.
        Err(error @ StoreError::Mark { .. }) if mode.rebuilds() => {
            tracing::warn!(%error, "rebuilding without a sync mark");
            None
        }
        read => read?,
    };
    let mut segments = list(&dir)?;
    let (index, index_reached) = peek_index(&options, projection.layout());
    let was_new = segments.is_empty();
    let mut vouches = Vec::new();
    match &mark {
        Some(mark) => vouches.push(Vouch {
            what: if mark.clean {
                "clean mark"
            } else {
                "sync mark"
            },
            reached: mark.reached,
        }),
        None if was_new || mode.rebuilds() => {}
        None => {
            return Err(StoreError::Mark {
                problem: "missing",
                path: Mark::path(&dir),
            });
        }
    }
    if let Some(reached) = index_reached {
        vouches.push(Vouch {
            what: "index",
            reached,
        });
    }
    let found = match mode {
        Mode::Normal => find_end(&segments, &vouches, progress)?,
        Mode::Rebuild { accept_loss_after } => {
            end_to_rebuild(&segments, vouches, accept_loss_after, progress)?
        }
    };

    let clean = mark.as_ref().is_some_and(|mark| mark.clean);
    let same_boot = mark
        .as_ref()
        .is_some_and(|mark| !mark.boot_id.is_empty() && mark.boot_id == options.boot_id);
    // An empty index holds nothing false; it is filled from the start.
    let mut trusted = mode == Mode::Normal
        && index.is_some()
        && !distrust::is_noted(&dir)
        && (clean || same_boot || index_reached.is_none());
    let mut from = index_reached.filter(|_| trusted).unwrap_or(Reached::START);

    let tail = if clean && found.torn == 0 && found.superseded.is_none() && !was_new {
        let last = segments.last().ok_or(StoreError::NoSuchPlace {
            segment: 0,
            offset: 0,
        })?;
        let file = medium
            .open(&last.path)
            .map_err(io_error("cannot open", &last.path))?;
        Tail {
            file,
            header: last.header.clone(),
            offset: found.end.offset,
            room: 0,
        }
    } else {
        let tail = fresh_tail(&*medium, &dir, &segments, &found)?;
        segments = list(&dir)?;
        tail
    };
    let mut journal = Journal {
        boot_id: if trusted {
            options.boot_id.clone()
        } else {
            String::new()
        },
        segment_bytes: options.segment_bytes,
        segments: Arc::new(Segments::new(dir.clone(), segments.clone())),
        tail,
        reached: found.end.reached,
        since_mark: 0,
        room_bytes: options.room_bytes,
        medium: Arc::clone(&medium),
        dir,
    };
    journal.write_mark(false)?;
    let another = || {
        set_aside(&options.index_dir)?;
        Index::open(&options.index_dir, options.cache_bytes, projection.layout())
    };
    let mut index = match index.filter(|_| trusted) {
        Some(index) => index,
        None => another()?,
    };
    let end = found.end.reached;
    let mut damaged: BTreeSet<DamagedBlob> = found.damaged.iter().copied().collect();
    let mut fill = |from, index: &Index| {
        replay(
            &segments,
            from,
            end,
            index,
            &*medium,
            &*projection,
            &mut damaged,
            progress,
        )
    };
    let replayed = match fill(from, &index) {
        Err(StoreError::Index(why)) if trusted => {
            tracing::warn!(
                why,
                "the index failed while it was brought up to date; it is rebuilt"
            );
            (trusted, from) = (false, Reached::START);
            journal.boot_id.clear();
            journal.write_mark(false)?;
            drop(index);
            index = another()?;
            fill(from, &index)?
        }
        replayed => replayed?,
    };
    if !trusted {
        journal.boot_id.clone_from(&options.boot_id);
        journal.write_mark(false)?;
        distrust::forget(&*medium, &journal.dir)?;
    }
    if let Err(error) = reserve::keep(&journal.dir) {
        tracing::warn!(%error, "there is no reserve for a full disk");
    }
    let opened = Opened {
        how: if was_new {
            OpenedHow::New
        } else if !trusted || (from == Reached::START && replayed > 0) {
            OpenedHow::Rebuilt
        } else if clean && replayed == 0 {
            OpenedHow::Clean
        } else {
            OpenedHow::Replayed
        },
        position: end.position,
        entries_replayed: replayed,
        torn_bytes_cut: found.torn,
        untouched,
        damaged: damaged.into_iter().collect(),
    };
    Ok((
        Store::assemble(journal, index, projection, lock, &options),
        opened,
    ))
}

/// The end of a journal whose index is made anew. What vouches is overruled only where the operator
/// names the position after which entries are given up; an index of another history does not vouch.
fn end_to_rebuild(
    segments: &[SegmentFile],
    mut vouches: Vec<Vouch>,
    accept_loss_after: Option<u64>,
    progress: Progress<'_>,
) -> Result<End, StoreError> {
    let refused = match find_end(segments, &vouches, progress) {
        Err(StoreError::ChainDiffers { what: "index", .. }) => {
            tracing::warn!(
                "the index and the journal are not of one history; it vouches for nothing"
            );
            vouches.retain(|vouch| vouch.what != "index");
            find_end(segments, &vouches, progress)
        }
        found => found,
    };
    match refused {
        Err(
            missing @ (StoreError::AcknowledgedDataMissing { .. } | StoreError::Damaged { .. }),
        ) => {
            // Damage that is no torn tail is not cured by giving up what follows.
            let readable = find_end(segments, &[], progress)?;
            let position = readable.end.reached.position;
            if accept_loss_after == Some(position) {
                tracing::warn!(position, why = %missing, "acknowledged entries are given up");
                return Ok(readable);
            }
            Err(StoreError::WouldLose {
                position,
                why: missing.to_string(),
            })
        }
        found => found,
    }
}

/// Segments and marks that a crash kept from getting their names.
fn remove_unfinished(dir: &Path) -> Result<(), StoreError> {
    for found in fs::read_dir(dir)
        .map_err(io_error("cannot list", dir))?
        .flatten()
    {
        let path = found.path();
        if path.extension().is_some_and(|extension| extension == "new") {
            fs::remove_file(&path).map_err(io_error("cannot remove", &path))?;
        }
    }
    Ok(())
}

/// Opens the index and asks how far it has come. One that fails here is not of use; the journal
/// makes another.
fn peek_index(options: &StoreOptions, layout: Layout) -> (Option<Index>, Option<Reached>) {
    let index = Index::open(&options.index_dir, options.cache_bytes, layout);
    let asked = index.and_then(|index| index.reached().map(|come| (index, come)));
    match asked {
        Ok((_, Some(come))) if !come.readable => {
            tracing::warn!(
                "the index was written by a version with another layout of rows; it is made anew from the journal"
            );
            // It still vouches for how far the journal was durable.
            (None, Some(come.reached))
        }
        Ok((index, come)) => (Some(index), come.map(|come| come.reached)),
        Err(error) => {
            tracing::warn!(%error, "the index does not open and will be rebuilt");
            (None, None)
        }
    }
}
