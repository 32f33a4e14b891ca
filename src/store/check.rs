//! Verifying and rebuilding a store that no node is running on.

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use super::end::{Vouch, find_end};
use super::error::io_error;
use super::group::Projection;
use super::index::{Index, remove_set_aside};
use super::mark::{Mark, Reached};
use super::medium::Disk;
use super::replay::replay;
use super::scan::list;
use super::start::{Mode, OpenPhase, OpenProgress, Opened, Progress, lock, start};
use super::{DamagedBlob, StoreError, StoreOptions};

/// What a check found.
#[derive(Clone, Debug)]
pub struct CheckReport {
    /// Segments of the journal.
    pub segments: u64,
    /// Groups verified, each with its entries, blobs and chain.
    pub groups: u64,
    /// Entries verified.
    pub entries: u64,
    /// Bytes of the journal.
    pub journal_bytes: u64,
    /// Bytes of an unfinished group at the end, which the next start cuts.
    pub torn_bytes: u64,
    /// The index's position; `None` when it does not open or is empty.
    pub index_position: Option<u64>,
    /// Damaged blobs; their entries are whole.
    pub damaged: Vec<DamagedBlob>,
    /// The first other fault found; `None` when all is well. An index that does not open is no fault of
    /// the journal: it is rebuilt at the next start.
    pub fault: Option<StoreError>,
}

/// Verifies every byte of the journal, and compares the index with one made anew beside it.
///
/// sled has no reading without writing: opening the index may tidy its file up. The journal is only
/// read.
///
/// # Errors
/// [`StoreError::Locked`] while a node runs, [`StoreError::Io`]; what is wrong with the store itself
/// is in the report.
pub fn check(
    options: &StoreOptions,
    projection: Arc<dyn Projection>,
    progress: &mut dyn FnMut(OpenProgress),
) -> Result<CheckReport, StoreError> {
    let dir = &options.journal_dir;
    fs::read_dir(dir).map_err(io_error("cannot list", dir))?;
    let _lock = lock(dir)?;
    let mut report = CheckReport {
        segments: 0,
        groups: 0,
        entries: 0,
        journal_bytes: 0,
        torn_bytes: 0,
        index_position: None,
        damaged: Vec::new(),
        fault: None,
    };
    report.fault = inspect(options, &*projection, &mut report, progress).err();
    Ok(report)
}

fn inspect(
    options: &StoreOptions,
    projection: &dyn Projection,
    report: &mut CheckReport,
    progress: Progress<'_>,
) -> Result<(), StoreError> {
    let dir = &options.journal_dir;
    let segments = list(dir)?;
    report.segments = segments.len() as u64;
    report.journal_bytes = segments.iter().map(|segment| segment.length).sum();
    // Vouching for the start makes the walk begin there.
    let mut vouches = vec![Vouch {
        what: "start",
        reached: Reached::START,
    }];
    match Mark::read(dir)? {
        Some(mark) => vouches.push(Vouch {
            what: if mark.clean {
                "clean mark"
            } else {
                "sync mark"
            },
            reached: mark.reached,
        }),
        None if segments.is_empty() => {}
        None => {
            return Err(StoreError::Mark {
                problem: "missing",
                path: Mark::path(dir),
            });
        }
    }
    let layout = projection.layout();
    let index = Index::open(&options.index_dir, options.cache_bytes, layout);
    let asked = index.and_then(|index| index.reached().map(|come| (index, come)));
    let index = asked
        .ok()
        .and_then(|(index, come)| Some((index, come.filter(|come| come.readable)?.reached)));
    if let Some((_, reached)) = &index {
        report.index_position = Some(reached.position);
        vouches.push(Vouch {
            what: "index",
            reached: *reached,
        });
    }
    let found = find_end(&segments, &vouches, progress)?;
    report.groups = found.groups;
    report.entries = found.end.reached.position;
    report.torn_bytes = found.torn;
    report.damaged = found.damaged;
    let Some((index, reached)) = index else {
        return Ok(());
    };
    let beside = options.index_dir.with_extension("check");
    remove(&beside)?;
    let fresh = Index::open(&beside, options.cache_bytes, layout)?;
    replay(
        &segments,
        Reached::START,
        reached,
        &fresh,
        &Disk,
        projection,
        &mut BTreeSet::new(),
        progress,
    )?;
    progress(OpenProgress {
        phase: OpenPhase::Compare,
        done_bytes: report.journal_bytes,
        total_bytes: report.journal_bytes,
    });
    let difference = fresh.first_difference(&index);
    drop(fresh);
    remove(&beside)?;
    match difference? {
        None => Ok(()),
        // A key may be a keyed tag: only its keyspace is named.
        Some(key) => Err(StoreError::Index(format!(
            "its rows differ from the journal's in keyspace {}",
            key.first().copied().unwrap_or_default()
        ))),
    }
}

fn remove(dir: &std::path::Path) -> Result<(), StoreError> {
    if dir.exists() {
        fs::remove_dir_all(dir).map_err(io_error("cannot remove", dir))?;
    }
    Ok(())
}

/// Makes another index from the whole journal, every byte of it verified; the old one is set aside
/// first, and removed once the new one is durable. `accept_loss_after` names the position after
/// which entries that the sync mark or the old index vouch for are given up.
///
/// # Errors
/// As [`super::Store::open`], and [`StoreError::WouldLose`] where entries that were durable cannot
/// be read and are not given up; nothing is changed then.
pub fn rebuild(
    options: StoreOptions,
    projection: Arc<dyn Projection>,
    accept_loss_after: Option<u64>,
    progress: &mut dyn FnMut(OpenProgress),
) -> Result<Opened, StoreError> {
    let dir = options.index_dir.clone();
    let mode = Mode::Rebuild { accept_loss_after };
    let (store, opened) = start(options, projection, Arc::new(Disk), progress, mode)?;
    store.close()?;
    // The new one is whole and durable.
    remove_set_aside(&dir)?;
    Ok(opened)
}
