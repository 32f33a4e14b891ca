//! Waiting for a future on a thread of its own, inside or outside a runtime.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Waits on this thread for a while; `None` when it was too short.
pub(super) fn within<F: Future>(time: Duration, future: F) -> Option<F::Output> {
    let until = Instant::now() + time;
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Some(output);
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return None;
        }
        thread::park_timeout(left);
    }
}

/// Waits on this thread.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_while_ends_and_what_comes_within_it_is_answered() {
        let (give, mut take) = tokio::sync::mpsc::channel(1);
        assert_eq!(within(Duration::from_millis(5), take.recv()), None);
        let giver = thread::spawn(move || give.blocking_send(7));
        assert_eq!(within(Duration::from_secs(60), take.recv()), Some(Some(7)));
        giver.join().unwrap().unwrap();
        // Its end is an answer too.
        assert_eq!(within(Duration::from_secs(60), take.recv()), Some(None));
        assert_eq!(block_on(async { 7 }), 7);
    }
}
