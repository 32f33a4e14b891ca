//! Makes what was written durable beside the writing of more: a thread for each file that is written.

use std::path::PathBuf;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use super::super::StoreError;
use super::super::error::{WRITE, io_error};
use super::super::medium::MediumFile;
use super::format::Progress;
use crate::crypto::chunks::ChunkPlan;

#[derive(Debug)]
struct State {
    durable: u64,
    failed: Option<StoreError>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Syncs one file. Ends with it.
pub(super) struct Syncer {
    shared: Arc<Shared>,
    /// At most one request waits: who writes faster than the disk syncs waits with it.
    requests: Option<SyncSender<u64>>,
    thread: Option<JoinHandle<()>>,
}

impl Syncer {
    /// `turn` says which of the two records of the progress is written next.
    pub(super) fn start(
        file: Box<dyn MediumFile>,
        path: PathBuf,
        plan: ChunkPlan,
        durable: u64,
        turn: u64,
    ) -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                durable,
                failed: None,
            }),
            changed: Condvar::new(),
        });
        let (requests, asked) = sync_channel(1);
        let its = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("chunks-sync".to_owned())
            .spawn(move || run(&its, file, &path, (plan, turn), &asked));
        let thread = match thread {
            Ok(thread) => Some(thread),
            Err(error) => {
                let path = std::path::Path::new("a thread");
                shared.state().failed = Some(io_error("cannot start", path)(error));
                None
            }
        };
        Self {
            shared,
            requests: Some(requests),
            thread,
        }
    }

    /// How many chunks are durable.
    pub(super) fn durable(&self) -> Result<u64, StoreError> {
        let state = self.shared.state();
        match &state.failed {
            Some(error) => Err(error.clone()),
            None => Ok(state.durable),
        }
    }

    /// Begins to make the first `chunks` durable. Waits while two syncs before it are not done.
    pub(super) fn begin(&self, chunks: u64) -> Result<(), StoreError> {
        self.durable()?;
        if let Some(requests) = &self.requests
            && requests.send(chunks).is_err()
        {
            self.durable()?;
        }
        Ok(())
    }

    /// Makes the first `chunks` durable.
    pub(super) fn finish(&self, chunks: u64) -> Result<u64, StoreError> {
        if self.durable()? == chunks {
            return Ok(chunks);
        }
        self.begin(chunks)?;
        let mut state = self.shared.state();
        while state.failed.is_none() && state.durable < chunks {
            let waited = self.shared.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        match &state.failed {
            Some(error) => Err(error.clone()),
            None => Ok(state.durable),
        }
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        drop(self.requests.take());
        if let Some(thread) = self.thread.take() {
            // It never panics; were it to, there is nobody to tell.
            let _ = thread.join();
        }
    }
}

fn run(
    shared: &Shared,
    mut file: Box<dyn MediumFile>,
    path: &std::path::Path,
    (plan, mut turn): (ChunkPlan, u64),
    asked: &Receiver<u64>,
) {
    while let Ok(chunks) = asked.recv() {
        let record = Progress::new(plan, chunks).record();
        let synced = file
            .sync()
            .map_err(io_error("cannot sync", path))
            .and_then(|()| {
                // Never over the record that counts now: one that a crash tears leaves that.
                file.write(Progress::offset(turn), &record)
                    .map_err(io_error(WRITE, path))
            })
            .and_then(|()| file.sync().map_err(io_error("cannot sync", path)));
        turn = turn.wrapping_add(1);
        let mut state = shared.state();
        match synced {
            Ok(()) => state.durable = chunks,
            Err(error) => state.failed = Some(error),
        }
        let failed = state.failed.is_some();
        drop(state);
        shared.changed.notify_all();
        if failed {
            return;
        }
    }
}
