//! Where a use case does its work: most off the runtime's threads, a little of it right where it
//! was asked for. Handing over to another thread and being woken by it takes about as long as
//! sealing or verifying one record, and an urgent record crosses four such places on its way.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tokio::task::JoinHandle;

use super::NodeError;

/// Bytes of a little work, at most: some hundred microseconds of cryptography.
pub(super) const LITTLE_BYTES: usize = 16 << 10;

/// Work that was begun.
#[derive(Debug)]
pub enum Work<T> {
    /// It is done.
    Done(Result<T, NodeError>),
    /// Another thread does it.
    Elsewhere(JoinHandle<T>),
}

impl<T: Send + 'static> Work<T> {
    /// Begins `work`: here and now when it is `little`, else on a thread for it.
    pub(super) fn begin(little: bool, work: impl FnOnce() -> T + Send + 'static) -> Self {
        if little {
            Self::Done(catch_unwind(AssertUnwindSafe(work)).map_err(|_| NodeError::Task))
        } else {
            Self::Elsewhere(tokio::task::spawn_blocking(work))
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
        }
    }
}

#[cfg(test)]
mod tests {
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
    async fn work_that_panics_is_an_error_wherever_it_is_done() {
        for little in [true, false] {
            let work = Work::begin(little, || panic!("on purpose"));
            let answer: Result<(), NodeError> = work.answer().await;
            assert!(matches!(answer, Err(NodeError::Task)));
        }
    }
}
