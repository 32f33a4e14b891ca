//! Handshakes share the machine with calls: each step of one takes a core for up to some milliseconds,
//! and a crowd that connects at once would have all of them.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    thread,
};

use tokio::sync::Semaphore;
use tokio_util::sync::PollSemaphore;

/// Steps of handshakes at a time: half of the cores are left to whoever is in already.
pub(super) fn turns() -> Arc<Semaphore> {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    Arc::new(Semaphore::new((cores / 2).max(1)))
}

/// A handshake of which each step waits for its turn, in the order in which they come. It has no turn
/// while it waits for the other end, so that one which says nothing keeps nobody waiting.
pub(super) struct Paced<F> {
    handshake: Pin<Box<F>>,
    turns: PollSemaphore,
}

impl<F: Future> Paced<F> {
    pub(super) fn new(handshake: F, turns: &Arc<Semaphore>) -> Self {
        Self {
            handshake: Box::pin(handshake),
            turns: PollSemaphore::new(Arc::clone(turns)),
        }
    }
}

impl<F: Future> Future for Paced<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let _turn = ready!(self.turns.poll_acquire(context));
        self.handshake.as_mut().poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::{pending, poll_fn},
        sync::atomic::{AtomicUsize, Ordering},
    };

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn steps_are_made_one_at_a_time() {
        let turns = Arc::new(Semaphore::new(1));
        let (inside, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let handshakes = (0..16).map(|_| {
            let (inside, most) = (Arc::clone(&inside), Arc::clone(&most));
            let mut left = 5;
            let steps = poll_fn(move |context| {
                most.fetch_max(inside.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
                left -= 1;
                context.waker().wake_by_ref();
                if left == 0 {
                    Poll::Ready(())
                } else {
                    Poll::Pending
                }
            });
            tokio::spawn(Paced::new(steps, &turns))
        });
        for done in join_all(handshakes).await {
            done.unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }

    #[tokio::test]
    async fn one_that_waits_for_its_other_end_keeps_nobody_waiting() {
        let turns = Arc::new(Semaphore::new(1));
        let silent = tokio::spawn(Paced::new(pending::<()>(), &turns));
        tokio::task::yield_now().await;
        Paced::new(async {}, &turns).await;
        assert!(!silent.is_finished());
        silent.abort();
    }
}
