//! Pushing one file, from where an earlier run stopped.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{
        exit::{DATAERR, Failure, SOFTWARE},
        out::Out,
    },
    feed::{
        fault::{Fault, Reason},
        layouts::{Conflicts, Entry, Unfit, look},
        mapping::Kept,
        rows::Row,
    },
    record::MAX_RECORD_BYTES,
    wire::node::{IngestBegin, feed_item},
};

use super::{
    files,
    letters::{DeadLetters, Why},
    noting::Noting,
    options::{Loaded, Options},
    progress::Progress,
    report::Report,
    source::Source,
    stream::{Ended, Streaming},
};

/// Rows read ahead.
const AHEAD: usize = 64;
/// Failed rows that are shown at the terminal.
const SHOWN: u64 = 20;

/// How a file is pushed.
pub(super) struct Run<'a> {
    pub(super) options: &'a Options,
    pub(super) loaded: &'a Loaded,
    pub(super) dry_run: bool,
    /// Forget what an earlier run left.
    pub(super) fresh: bool,
    pub(super) patience: Duration,
    pub(super) stop: &'a CancellationToken,
}

impl Run<'_> {
    /// Pushes a file. The report says what became of it, also where it was not gone through.
    pub(super) async fn file(&self, path: &Path, out: &mut Out) -> Result<Report, Failure> {
        let source = self.blocking(path, |path, options, loaded| {
            Source::look(path, options, &loaded.mapping)
        })?;
        let _lock = lock(path)?;
        let fresh = Progress::new(
            &source,
            self.loaded,
            &self.options.feed,
            &self.options.whom(),
        );
        let (mut progress, resumed) = if self.dry_run || self.fresh {
            (fresh, false)
        } else {
            fresh.resume(&source)?
        };
        // Every row is read once before any is sent: a file that breaks off is not half taken.
        let (total, conflicts) = {
            let (source, loaded) = (source.clone(), self.loaded.clone());
            let looked = tokio::task::spawn_blocking(move || look_through(&source, &loaded));
            looked
                .await
                .map_err(|error| Failure::new(SOFTWARE, error.to_string()))??
        };
        if !self.dry_run && self.fresh {
            files::remove_if_there(&Progress::path(&source))?;
        }
        let mut letters = match self.dry_run {
            true => None,
            false => Some(DeadLetters::open(&source, progress.dead_letters, resumed)?),
        };
        if !self.dry_run {
            // From here on a crash is gone on from.
            progress.save(&source)?;
        }
        let (done_before, before) = (progress.done, progress.seconds);
        let began = Instant::now();
        let entries = self.reading(&source, conflicts, done_before)?;
        let bar = bar(total);
        bar.set_position(done_before);
        let streaming = Streaming {
            target: &self.options.target,
            begin: IngestBegin {
                feed: self.options.feed.clone(),
                dry_run: self.dry_run,
            },
            mapping: &self.loaded.mapping,
            source: &source,
            patience: self.patience,
            stop: self.stop,
        };
        let mut shown = 0_u64;
        let mut failed = |row: &Row, whys: &[Why]| {
            shown += 1;
            if shown <= SHOWN {
                bar.suspend(|| tell(row, whys, out));
            }
        };
        let mut noting = Noting {
            progress: &mut progress,
            letters: letters.as_mut(),
            tick: &mut |progress| bar.set_position(progress.done),
            failed: &mut failed,
            kept: !self.dry_run,
            began,
            before,
            noted: Instant::now(),
        };
        let ran = streaming.run(entries, &mut noting).await;
        bar.finish_and_clear();
        let ended = ran.and_then(|ended| source.unchanged().map(|()| ended));
        let ended = ended.map_err(|failure| match progress.done {
            0 => failure,
            done => failure.and(format!(
                "{done} of {total} rows were gone through; the same command goes on there"
            )),
        })?;
        if shown > SHOWN && !out.json() {
            out.note(&format!("and {} rows more", shown - SHOWN));
        }
        let rows = progress.done.saturating_sub(done_before);
        let dead = DeadLetters::path(&source);
        // A table whose rows failed is corrected as a whole.
        let alone = self.loaded.mapping.layout != Kept::Glotip;
        let report = Report {
            file: path.to_owned(),
            mapping: self.loaded.mapping.name.clone(),
            feed: self.options.feed.clone(),
            encoding: source.written_as().to_owned(),
            dead_letters: (progress.dead_letters > 0).then_some(dead),
            progress,
            alone,
            resumed,
            dry_run: self.dry_run,
            complete: ended == Ended::Complete,
            why: None,
            pace: (rows, began.elapsed().as_secs_f64()),
        };
        if ended == Ended::Complete && !self.dry_run {
            report.save(&source)?;
            // A crash in between leaves a push with nothing left to do.
            files::remove_if_there(&Progress::path(&source))?;
        }
        Ok(report)
    }

    fn blocking<T>(
        &self,
        path: &Path,
        look: impl FnOnce(&Path, &Options, &Loaded) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        tokio::task::block_in_place(|| look(path, self.options, self.loaded))
    }

    /// Reads the entries behind those that are done, on a thread of its own.
    fn reading(
        &self,
        source: &Source,
        conflicts: Option<Conflicts>,
        done: u64,
    ) -> Result<mpsc::Receiver<Result<Entry, Unfit>>, Failure> {
        let entries = source.entries(&self.loaded.mapping)?;
        let (sender, receiver) = mpsc::channel(AHEAD);
        tokio::task::spawn_blocking(move || {
            let skip = usize::try_from(done).unwrap_or(usize::MAX);
            for entry in entries.skip(skip) {
                let entry = entry.map(|entry| judged(entry, conflicts.as_ref()));
                if sender.blocking_send(entry).is_err() {
                    return;
                }
            }
        });
        Ok(receiver)
    }
}

/// An own id that stands for two things is refused, in both rows.
/// So is a record that is larger than a node takes.
fn judged(mut entry: Entry, conflicts: Option<&Conflicts>) -> Entry {
    if let Ok(item) = &entry.outcome
        && let Some(feed_item::Content::Record(record)) = &item.content
        && record.encoded_len() > MAX_RECORD_BYTES
    {
        let message = format!("the record takes more than {MAX_RECORD_BYTES} bytes");
        entry.outcome = Err(vec![Fault::of_row(Reason::RowTooLarge, message)]);
    }
    let conflict = match (&entry.outcome, conflicts) {
        (Ok(item), Some(conflicts)) => conflicts.of(&item.own_id).map(|of| (of, item)),
        _ => None,
    };
    if let Some(((first, other), item)) = conflict {
        let message = format!(
            "the rows {first} and {other} have this own id and say different things, and without a version nobody can tell which counts"
        );
        let fault = Fault::new("own id", &item.own_id, Reason::DuplicateId, message);
        entry.outcome = Err(vec![fault]);
    }
    entry
}

/// Reads every row once: how many there are, and which own ids stand for two things.
fn look_through(source: &Source, loaded: &Loaded) -> Result<(u64, Option<Conflicts>), Failure> {
    let mapping = &loaded.mapping;
    let unfit = |error: &Unfit| source.unfit(error);
    if mapping.layout != Kept::Rows {
        let mut total = 0_u64;
        for entry in source.entries(mapping)? {
            entry.map_err(|error| unfit(&error))?;
            total += 1;
        }
        return Ok((total, None));
    }
    let (total, own_ids) = look(mapping, source.rows()?).map_err(|error| unfit(&error))?;
    let Some(mut conflicts) = own_ids.repeated() else {
        return Ok((total, None));
    };
    for entry in source.entries(mapping)? {
        let entry = entry.map_err(|error| unfit(&error))?;
        if let Ok(item) = &entry.outcome {
            conflicts.look(entry.row.line, item);
        }
    }
    Ok((total, Some(conflicts)))
}

/// Two pushes of one file at once would write one progress.
fn lock(path: &Path) -> Result<std::fs::File, Failure> {
    let file = std::fs::File::open(path)?;
    match file.try_lock() {
        Err(std::fs::TryLockError::WouldBlock) => {
            let why = format!("{} is being pushed by another process", path.display());
            Err(Failure::new(crate::cli::exit::TEMPFAIL, why))
        }
        // Some network shares have no locks.
        Ok(()) | Err(std::fs::TryLockError::Error(_)) => Ok(file),
    }
}

fn tell(row: &Row, whys: &[Why], out: &mut Out) {
    for why in whys {
        if out.json() {
            out.note(
                &serde_json::json!({
                    "row": row.line,
                    "field": why.field,
                    "reason": why.reason,
                    "message": why.message,
                })
                .to_string(),
            );
        } else {
            let Why {
                field,
                reason,
                message,
                ..
            } = why;
            out.note(&format!("row {}  {reason}  {field}: {message}", row.line));
        }
    }
}

/// A bar on standard error; hidden when that is not a terminal.
fn bar(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    let template = "{bar:40} {human_pos}/{human_len} rows {per_sec} {eta}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// The failure of a push whose report is not all well.
pub(super) fn verdict(report: &Report) -> Result<(), Failure> {
    if !report.complete {
        let why = "stopped; the same command goes on where it stopped";
        return Err(Failure::new(crate::cli::exit::INTERRUPTED, why));
    }
    match report.failed() {
        0 => Ok(()),
        failed => {
            let all = report.progress.done;
            let where_to = report.dead_letters.as_ref();
            let where_to = where_to.map_or(String::new(), |path| {
                format!("; they are in {}", path.display())
            });
            Err(Failure::new(
                DATAERR,
                format!("{failed} of {all} rows failed{where_to}"),
            ))
        }
    }
}
