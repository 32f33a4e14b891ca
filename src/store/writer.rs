//! The one writer thread, and its door.
//!
//! Proposals wait in a bounded channel. The thread takes the first, then what else waits up to the
//! caps, lets the rules decide each against the state *including the group in hand*, makes the
//! group durable with one write and one sync, applies it to the index in one batch, and only then
//! answers everybody, also those refused: a refusal may rest on a proposal of the same group.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle, Thread};
use std::time::Instant;

use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::group::{Group, Overlay, Pending};
use super::handle::Shared;
use super::journal::Journal;
use super::workload::Moments;

/// Proposals that may wait.
const QUEUE: usize = 4096;

/// What may durably happen, decided in the writer thread.
pub trait Rules: Send + 'static {
    /// What is asked for.
    type Proposal: Send + 'static;
    /// What a proposal that happened is answered.
    type Answer: Send + 'static;
    /// Why a proposal did not happen.
    type Refusal: Send + 'static;

    /// Decides a proposal: checks it against the group and appends what happens.
    ///
    /// # Errors
    /// [`Decline`]; nothing that this proposal appended stays.
    fn decide(
        &mut self,
        proposal: Self::Proposal,
        group: &mut Group<'_>,
    ) -> Result<Self::Answer, Decline<Self::Refusal>>;
}

/// A proposal does not happen.
#[derive(Clone, Debug)]
pub enum Decline<R> {
    /// By the rules.
    Refused(R),
    /// Because the store failed.
    Store(StoreError),
}

impl<R> From<StoreError> for Decline<R> {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// Why a proposal has no answer.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProposeError<R> {
    /// The rules refused it.
    #[error("refused")]
    Refused(R),
    /// The store failed; nothing of the proposal is acknowledged. After
    /// [`StoreError::Poisoned`] it may nevertheless be found durable at the next start; after
    /// [`StoreError::Full`] it is not.
    #[error(transparent)]
    Store(StoreError),
    /// The writer has stopped.
    #[error("the store is closed")]
    Closed,
}

type Answer<R> = Result<<R as Rules>::Answer, ProposeError<<R as Rules>::Refusal>>;
type Reply<R> = oneshot::Sender<Answer<R>>;

enum Job<R: Rules> {
    Propose(R::Proposal, Reply<R>),
    Stop,
}

/// The door to the writer thread. When all are dropped, or the store is closed, the thread ends.
pub struct Writer<R: Rules> {
    jobs: mpsc::Sender<Job<R>>,
    shared: Arc<Shared>,
}

impl<R: Rules> Clone for Writer<R> {
    fn clone(&self) -> Self {
        Self {
            jobs: self.jobs.clone(),
            shared: Arc::clone(&self.shared),
        }
    }
}

impl<R: Rules> Writer<R> {
    /// Proposes, and waits until what happened is durable and applied. If the future is dropped
    /// after the proposal was sent, it may happen nevertheless.
    ///
    /// # Errors
    /// [`ProposeError`].
    pub async fn propose(&self, proposal: R::Proposal) -> Answer<R> {
        let (reply, answer) = oneshot::channel();
        let sent = self.jobs.send(Job::Propose(proposal, reply)).await;
        if sent.is_err() {
            return Err(self.why_closed());
        }
        answer.await.unwrap_or_else(|_| Err(self.why_closed()))
    }

    /// As [`Self::propose`], blocking the calling thread.
    ///
    /// # Errors
    /// [`ProposeError`].
    pub fn propose_blocking(&self, proposal: R::Proposal) -> Answer<R> {
        block_on(self.propose(proposal))
    }

    fn why_closed(&self) -> ProposeError<R::Refusal> {
        self.shared
            .poisoned()
            .map_or(ProposeError::Closed, ProposeError::Store)
    }
}

/// Waits on this thread, inside or outside a runtime.
fn block_on<F: Future>(future: F) -> F::Output {
    struct Unpark(Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(output) => return output,
            Poll::Pending => thread::park(),
        }
    }
}

/// How the store stops its writer.
pub(super) struct Control {
    stop: Box<dyn Fn() + Send>,
    thread: JoinHandle<()>,
}

impl Control {
    /// Lets the writer finish what waits, and waits for its end.
    pub(super) fn stop(self) {
        (self.stop)();
        let _ = self.thread.join();
    }
}

/// Starts the writer thread. A store has one; a second one is closed from the beginning.
pub(super) fn start<R: Rules>(shared: &Arc<Shared>, rules: R) -> Writer<R> {
    let (jobs, queue) = mpsc::channel(QUEUE);
    let writer = Writer {
        jobs: jobs.clone(),
        shared: Arc::clone(shared),
    };
    let mut slot = shared
        .journal
        .lock()
        .unwrap_or_else(PoisonError::into_inner);
    let Some(journal) = slot.take() else {
        return writer;
    };
    drop(slot);
    let thread_side = Committer {
        queue,
        rules,
        journal,
        pending: Pending::default(),
        overlay: Overlay::default(),
        shared: Arc::clone(shared),
    };
    let spawned = thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(move || thread_side.run());
    match spawned {
        Ok(thread) => {
            // Weak, so that the thread ends with the last writer.
            let weak = jobs.downgrade();
            let stop = Box::new(move || {
                if let Some(jobs) = weak.upgrade() {
                    let _ = block_on(jobs.send(Job::Stop));
                }
            });
            let mut control = shared.writer.lock().unwrap_or_else(PoisonError::into_inner);
            *control = Some(Control { stop, thread });
        }
        Err(error) => shared.poison(&format!("cannot start the writer thread: {error}")),
    }
    writer
}

struct Committer<R: Rules> {
    queue: mpsc::Receiver<Job<R>>,
    rules: R,
    journal: Journal,
    pending: Pending,
    overlay: Overlay,
    shared: Arc<Shared>,
}

impl<R: Rules> Committer<R> {
    fn run(mut self) {
        self.between_groups();
        while let Some(job) = self.queue.blocking_recv() {
            let Job::Propose(proposal, reply) = job else {
                // Nothing more comes in; what waits is still decided.
                self.queue.close();
                continue;
            };
            if let Some(halted) = self.shared.halted() {
                let _ = reply.send(Err(ProposeError::Store(halted)));
                continue;
            }
            let mut answers = Vec::new();
            let turn = AssertUnwindSafe(|| self.group(proposal, reply, &mut answers));
            let outcome = catch_unwind(turn).unwrap_or_else(|_| {
                Err(StoreError::Poisoned {
                    why: "the writer panicked".to_owned(),
                })
            });
            match outcome {
                Ok(()) => {}
                Err(StoreError::Full) => self.shared.found_full(),
                Err(error) => self.shared.poison(&error.to_string()),
            }
            let halted = self.shared.halted();
            for (reply, answer) in answers {
                let answer = match &halted {
                    None => answer,
                    Some(halted) => Err(ProposeError::Store(halted.clone())),
                };
                // Whoever does not wait any more learns it from the state.
                let _ = reply.send(answer);
            }
            if halted.is_none() {
                self.between_groups();
            }
        }
        let mut slot = self
            .shared
            .journal
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        *slot = Some(self.journal);
    }

    /// What the journal needs that nobody waits for.
    fn between_groups(&mut self) {
        let due = self.journal.mark_if_due();
        if let Err(error) = due.and_then(|()| self.journal.make_room()) {
            self.shared.poison(&error.to_string());
        }
    }

    /// Decides, makes durable, applies. The answers are given by the caller.
    fn group(
        &mut self,
        proposal: R::Proposal,
        reply: Reply<R>,
        answers: &mut Vec<(Reply<R>, Answer<R>)>,
    ) -> Result<(), StoreError> {
        // The caller holds every reply before anything can fail.
        answers.push((reply, Err(ProposeError::Closed)));
        let begun = Instant::now();
        self.journal.begin(&mut self.pending)?;
        let mut next = Some(proposal);
        while let Some(proposal) = next.take() {
            let answer = self.decide(proposal);
            if let Err(ProposeError::Store(error @ StoreError::Index(_))) = &answer {
                return self.shared.asked(Err(error.clone()));
            }
            if let Some((_, last)) = answers.last_mut() {
                *last = answer;
            }
            let full = self.pending.count as usize >= self.shared.max_group_entries
                || self.pending.bytes.len() >= self.shared.max_group_bytes
                || answers.len() >= QUEUE;
            if !full {
                next = match self.queue.try_recv() {
                    Ok(Job::Propose(proposal, reply)) => {
                        answers.push((reply, Err(ProposeError::Closed)));
                        Some(proposal)
                    }
                    Ok(Job::Stop) => {
                        self.queue.close();
                        None
                    }
                    Err(_) => None,
                };
            }
        }
        if self.pending.count == 0 {
            return Ok(());
        }
        let decided = Instant::now();
        let (entries, rows) = (self.pending.count, self.overlay.len());
        // A crash before the journal's sync: nobody was answered, the group is cut or found whole.
        let reached = self.journal.commit(&mut self.pending)?;
        let durable = Instant::now();
        // A crash between: the group is durable, and replayed into the index.
        let index = &self.shared.index;
        let applied = index.apply(&*self.journal.medium, &mut self.overlay, reached);
        self.shared.asked(applied)?;
        self.shared.workload.add(
            entries.into(),
            rows as u64,
            Moments {
                begun,
                decided,
                durable,
                applied: Instant::now(),
            },
        );
        self.shared.durable.send_replace(reached.position);
        Ok(())
    }

    fn decide(&mut self, proposal: R::Proposal) -> Answer<R> {
        let savepoint = self.pending.savepoint();
        let mut group = Group {
            pending: &mut self.pending,
            overlay: &mut self.overlay,
            index: &self.shared.index,
            projection: &self.shared.projection,
            failed: None,
        };
        let decided = self.rules.decide(proposal, &mut group);
        let decided = match (decided, group.failed.take()) {
            (Ok(_), Some(error)) => Err(Decline::Store(error)),
            (decided, _) => decided,
        };
        match decided {
            Ok(answer) => {
                self.overlay.keep();
                Ok(answer)
            }
            Err(declined) => {
                self.pending.take_back(savepoint);
                self.overlay.drop_proposal();
                Err(match declined {
                    Decline::Refused(refusal) => ProposeError::Refused(refusal),
                    Decline::Store(error) => ProposeError::Store(error),
                })
            }
        }
    }
}
