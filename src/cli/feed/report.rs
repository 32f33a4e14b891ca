//! What became of a file.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::cli::{exit::Failure, out::Out};

use super::{files, progress::Progress, source::Source};

/// What became of a file.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) file: PathBuf,
    pub(super) mapping: String,
    pub(super) feed: String,
    pub(super) encoding: String,
    pub(super) progress: Progress,
    pub(super) dead_letters: Option<PathBuf>,
    /// Whether they can be pushed by themselves.
    pub(super) alone: bool,
    /// Whether it went on where an earlier run stopped.
    pub(super) resumed: bool,
    pub(super) dry_run: bool,
    /// Whether every row was gone through.
    pub(super) complete: bool,
    /// Why it was not.
    pub(super) why: Option<String>,
    /// Rows of this run and how long it took.
    pub(super) pace: (u64, f64),
}

impl Report {
    /// Where it is kept beside the file.
    pub(super) fn path(file: &Path) -> PathBuf {
        files::beside(file, ".report.json")
    }

    pub(super) fn failed(&self) -> u64 {
        self.progress.counts.get("failed").copied().unwrap_or(0)
    }
    fn rows_per_second(&self) -> f64 {
        let (rows, seconds) = self.pace;
        if seconds > 0.0 {
            (rows as f64 / seconds).round()
        } else {
            0.0
        }
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "file": self.file,
            "mapping": self.mapping,
            "feed": self.feed,
            "encoding": self.encoding,
            "rows": self.progress.done,
            "outcomes": self.progress.counts,
            "deadLetters": self.dead_letters,
            "dryRun": self.dry_run,
            "resumed": self.resumed,
            "complete": self.complete,
            "why": self.why,
            "seconds": self.progress.seconds,
            "rowsPerSecond": self.rows_per_second(),
        })
    }

    /// Keeps it beside the file.
    pub(super) fn save(&self, source: &Source) -> Result<(), Failure> {
        let path = Self::path(&source.path);
        let text = format!("{:#}\n", self.to_json());
        files::replace(&path, text.as_bytes()).map_err(|error| Failure::not_written(&path, &error))
    }

    /// Shows it.
    pub(super) fn show(&self, out: &mut Out) -> Result<(), Failure> {
        if out.json() {
            return out.value(&self.to_json());
        }
        let outcomes: Vec<String> = self
            .progress
            .counts
            .iter()
            .map(|(what, count)| format!("{count} {what}"))
            .collect();
        let outcomes = if outcomes.is_empty() {
            "nothing".to_owned()
        } else {
            outcomes.join(", ")
        };
        let dry = if self.dry_run {
            "; a dry run: nothing is kept"
        } else {
            ""
        };
        out.line(&format!(
            "{}  {} rows ({}): {outcomes}{dry}",
            self.file.display(),
            self.progress.done,
            self.encoding,
        ))?;
        if self.resumed {
            out.note("  went on where an earlier push stopped");
        }
        if let Some(path) = &self.dead_letters {
            let then = if self.alone {
                "correct them and push that file with the same mapping and feed"
            } else {
                "correct these rows in the file itself and push the whole file again"
            };
            out.note(&format!("  dead letters: {}; {then}", path.display()));
        }
        let (rows, seconds) = self.pace;
        out.note(&format!(
            "  {rows} rows in {seconds:.1} s, {} a second",
            self.rows_per_second()
        ));
        Ok(())
    }
}
