//! What becomes of rows is noted: in the dead letters, and in how far the push has come.

use std::time::{Duration, Instant};

use crate::{cli::exit::Failure, feed::rows::Row};

use super::{
    letters::{DeadLetters, Why},
    progress::Progress,
    source::Source,
};

/// How often what was noted is made durable.
const NOTED_EVERY: Duration = Duration::from_millis(300);

/// Where what becomes of rows is noted.
pub(super) struct Noting<'a> {
    pub(super) progress: &'a mut Progress,
    pub(super) letters: Option<&'a mut DeadLetters>,
    /// Called after each row.
    pub(super) tick: &'a mut dyn FnMut(&Progress),
    /// Called with each row that failed.
    pub(super) failed: &'a mut dyn FnMut(&Row, &[Why]),
    /// Whether anything is to be made durable: not in a dry run.
    pub(super) kept: bool,
    pub(super) began: Instant,
    /// Seconds of the runs before.
    pub(super) before: u64,
    pub(super) noted: Instant,
}

impl Noting<'_> {
    pub(super) fn done(&mut self, row: &Row) {
        self.progress.done += 1;
        self.progress.line = row.line;
        (self.tick)(self.progress);
    }

    pub(super) fn failed(&mut self, row: &Row, whys: &[Why]) -> Result<(), Failure> {
        if let Some(letters) = &mut self.letters {
            letters.add(row, whys)?;
        }
        (self.failed)(row, whys);
        self.progress.count("failed");
        self.done(row);
        Ok(())
    }

    pub(super) fn keep_now_and_then(&mut self, source: &Source) -> Result<(), Failure> {
        if self.noted.elapsed() < NOTED_EVERY {
            return Ok(());
        }
        self.keep(source)
    }

    /// Makes dead letters durable, then how far the file was pushed. A crash in between leaves
    /// letters that the next run cuts off, and writes again.
    pub(super) fn keep(&mut self, source: &Source) -> Result<(), Failure> {
        if self.kept {
            if let Some(letters) = &mut self.letters {
                self.progress.dead_letters = letters.sync()?;
            }
            self.progress.seconds = self.before + self.began.elapsed().as_secs();
            self.progress.save(source)?;
        }
        self.noted = Instant::now();
        Ok(())
    }
}
