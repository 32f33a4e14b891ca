//! Where a use case does its work: most off the runtime's threads, a little of it right where it
//! was asked for. Handing over to another thread and being woken by it takes about as long as
//! sealing or verifying one record, and an urgent record crosses four such places on its way.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
};

use tokio::{
    sync::{AcquireError, OwnedSemaphorePermit, Semaphore},
    task::{JoinHandle, spawn_blocking},
};

use tokio_util::task::AbortOnDropHandle;

use super::NodeError;

/// Bytes of a little work, at most: some hundred microseconds of cryptography.
pub(super) const LITTLE_BYTES: usize = 16 << 10;

/// Whose turn it is among work of one kind: as many at a time as there are cores, in the order in
/// which they came. More would only share the cores, so that all of it is done late and together, and
/// what waits for the first of it waits for the last.
#[derive(Clone, Debug)]
pub(crate) struct Turns(Arc<Semaphore>);

impl Turns {
    /// At least two at a time.
    pub(crate) fn new() -> Self {
        let cores = thread::available_parallelism().map_or(2, |cores| cores.get().max(2));
        Self(Arc::new(Semaphore::new(cores)))
    }
}

/// Work that was begun.
#[derive(Debug)]
pub enum Work<T> {
    /// It is done.
    Done(Result<T, NodeError>),
    /// Another thread does it.
    Elsewhere(JoinHandle<T>),
    /// Another thread will do it; nobody does once this is dropped before its turn.
    InTurn(AbortOnDropHandle<Result<T, NodeError>>),
}

impl<T: Send + 'static> Work<T> {
    /// Begins `work`: here and now when it is `little`, else on a thread for it.
    pub(super) fn begin(little: bool, work: impl FnOnce() -> T + Send + 'static) -> Self {
        if little {
            Self::Done(catch_unwind(AssertUnwindSafe(work)).map_err(|_| NodeError::Task))
        } else {
            Self::Elsewhere(spawn_blocking(work))
        }
    }

    /// As [`Self::begin`]; what is not `little` is done once it has its turn. What a session that ended
    /// leaves waiting goes with it, so that a peer that comes again and again fills no queue.
    pub(super) fn in_turn(
        little: bool,
        turns: &Turns,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Self {
        if little {
            return Self::begin(little, work);
        }
        let mut turn = Box::pin(Arc::clone(&turns.0).acquire_owned());
        // It has its place in the queue from the first time that it is asked for on.
        match turn.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(turn) => Self::Elsewhere(spawn_blocking(|| with(turn, work))),
            Poll::Pending => Self::InTurn(AbortOnDropHandle::new(tokio::spawn(async move {
                let turn = turn.await;
                let done = spawn_blocking(|| with(turn, work)).await;
                done.map_err(|_| NodeError::Task)
            }))),
        }
    }

    /// What came of it.
    ///
    /// # Errors
    /// [`NodeError::Task`] when the work panicked.
    pub async fn answer(self) -> Result<T, NodeError> {
        match self {
            Self::Done(answer) => answer,
            Self::Elsewhere(handle) => handle.await.map_err(|_| NodeError::Task),
            Self::InTurn(handle) => handle.await.map_err(|_| NodeError::Task)?,
        }
    }
}

/// Does the work and gives the turn back, also when it panics.
fn with<T>(turn: Result<OwnedSemaphorePermit, AcquireError>, work: impl FnOnce() -> T) -> T {
    let _turn = turn;
    work()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[tokio::test]
    async fn little_work_is_done_at_once_and_other_work_elsewhere() {
        let here = std::thread::current().id();
        for little in [true, false] {
            let work = Work::begin(little, || std::thread::current().id());
            assert_eq!(matches!(work, Work::Done(_)), little);
            assert_eq!(work.answer().await.unwrap() == here, little);
        }
    }

    #[tokio::test]
    async fn work_has_its_turn_in_the_order_in_which_it_came() {
        let turns = Turns(Arc::new(Semaphore::new(1)));
        let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
        let first = Work::in_turn(false, &turns, move || goes_on.recv().is_ok());
        let little = Work::in_turn(true, &turns, || ());
        assert!(matches!(little, Work::Done(Ok(()))), "it waits for nobody");
        let done = Arc::new(Mutex::new(Vec::new()));
        let others: Vec<_> = (0..20)
            .map(|number| {
                let done = Arc::clone(&done);
                Work::in_turn(false, &turns, move || done.lock().unwrap().push(number))
            })
            .collect();
        assert!(done.lock().unwrap().is_empty());
        go_on.send(()).unwrap();
        assert!(first.answer().await.unwrap());
        for other in others {
            other.answer().await.unwrap();
        }
        assert_eq!(*done.lock().unwrap(), Vec::from_iter(0..20));
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_is_not_begun() {
        let turns = Turns(Arc::new(Semaphore::new(1)));
        let (go_on, goes_on) = std::sync::mpsc::channel::<()>();
        let first = Work::in_turn(false, &turns, move || goes_on.recv().is_ok());
        let held = Arc::new(());
        let its = Arc::clone(&held);
        drop(Work::in_turn(false, &turns, move || drop(its)));
        while Arc::strong_count(&held) > 1 {
            tokio::task::yield_now().await;
        }
        go_on.send(()).unwrap();
        assert!(first.answer().await.unwrap());
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_turn_back() {
        let turns = Turns(Arc::new(Semaphore::new(1)));
        let work = Work::in_turn(false, &turns, || panic!("on purpose"));
        let answer: Result<(), NodeError> = work.answer().await;
        assert!(matches!(answer, Err(NodeError::Task)));
        let next = Work::in_turn(false, &turns, || 1);
        assert_eq!(next.answer().await.unwrap(), 1);
    }

    #[tokio::test]
    async fn work_that_panics_is_an_error_wherever_it_is_done() {
        for little in [true, false] {
            let work = Work::begin(little, || panic!("on purpose"));
            let answer: Result<(), NodeError> = work.answer().await;
            assert!(matches!(answer, Err(NodeError::Task)));
        }
    }
}
