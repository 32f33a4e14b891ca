//! Where a session's frames go.
//!
//! Small frames (hello, receipts, credit) pass record frames that wait for the network, and nobody
//! ever waits to send one: the half that reads would not read on, and two nodes could wait for each
//! other. They are answers, so whoever reads them cannot have many waiting; who does not is let go.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use futures_util::Stream;
use prost::Message as _;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};

use crate::wire::link::{Bye, Frame, frame};

use super::SessionEnd;

/// Record frames waiting for the network.
const RECORD_FRAMES: usize = 4;
/// Pages of receipts that go again, waiting for the network.
const PAGES: usize = 2;
/// Bytes of small frames waiting for the network. What a peer is owed within its credit takes less
/// than half of it, were every receipt in a frame of its own.
pub(super) const SMALL_BYTES: usize = 2 << 20;

/// A small frame, with the room that it takes until the network has it.
type Small = (Frame, Option<OwnedSemaphorePermit>);

/// Where a session's frames go.
#[derive(Debug, Clone)]
pub struct Outlet {
    small: mpsc::UnboundedSender<Small>,
    records: mpsc::Sender<Frame>,
    small_room: Arc<Semaphore>,
    pages: Arc<Semaphore>,
    waiting: Arc<Mutex<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    small: mpsc::UnboundedReceiver<Small>,
    records: mpsc::Receiver<Frame>,
}

/// Room for one page.
pub(super) struct Page(OwnedSemaphorePermit);

/// A session's frames in the order they go out.
#[derive(Debug)]
pub struct Frames(Arc<Mutex<Waiting>>);

impl Outlet {
    /// The outlet, and the frames in the order they go out.
    pub fn new() -> (Self, Frames) {
        let (small, small_frames) = mpsc::unbounded_channel();
        let (records, record_frames) = mpsc::channel(RECORD_FRAMES);
        let waiting = Arc::new(Mutex::new(Waiting {
            small: small_frames,
            records: record_frames,
        }));
        let outlet = Self {
            small,
            records,
            small_room: Arc::new(Semaphore::new(SMALL_BYTES)),
            pages: Arc::new(Semaphore::new(PAGES)),
            waiting: Arc::clone(&waiting),
        };
        (outlet, Frames(waiting))
    }

    /// Sends a small frame.
    pub(super) fn small(&self, frame: frame::Frame) -> Result<(), SessionEnd> {
        let frame = Frame { frame: Some(frame) };
        let bytes = u32::try_from(frame.encoded_len()).unwrap_or(u32::MAX);
        let room = Arc::clone(&self.small_room)
            .try_acquire_many_owned(bytes)
            .map_err(|_| SessionEnd::Unread)?;
        self.send(frame, Some(room))
    }

    /// Says goodbye, whether there is room or not.
    pub(super) fn bye(&self, bye: Bye) -> Result<(), SessionEnd> {
        let frame = Some(frame::Frame::Bye(bye));
        self.send(Frame { frame }, None)
    }

    /// Waits until the network takes pages. Only for the half that sends.
    pub(super) async fn room_for_page(&self) -> Result<Page, SessionEnd> {
        let room = Arc::clone(&self.pages).acquire_owned().await;
        room.map(Page).map_err(|_| SessionEnd::Closed)
    }

    /// Sends a page: it keeps its place among the small frames.
    pub(super) fn page(&self, frame: frame::Frame, room: Page) -> Result<(), SessionEnd> {
        self.send(Frame { frame: Some(frame) }, Some(room.0))
    }

    fn send(&self, frame: Frame, room: Option<OwnedSemaphorePermit>) -> Result<(), SessionEnd> {
        self.small
            .send((frame, room))
            .map_err(|_| SessionEnd::Closed)
    }

    /// Sends a frame of records, once the network takes it.
    pub(super) async fn record(&self, frame: frame::Frame) -> Result<(), SessionEnd> {
        self.records
            .send(Frame { frame: Some(frame) })
            .await
            .map_err(|_| SessionEnd::Closed)
    }

    /// Lets go of what a session that ended leaves behind: the records, which go again in the next
    /// one, and after a peer that does not read everything. Its stream may stay open for long.
    pub(super) fn abandon(&self, end: &SessionEnd) {
        let mut waiting = lock(&self.waiting);
        while waiting.records.try_recv().is_ok() {}
        if matches!(end, SessionEnd::Unread) {
            while waiting.small.try_recv().is_ok() {}
        }
    }
}

fn lock(waiting: &Mutex<Waiting>) -> MutexGuard<'_, Waiting> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Stream for Frames {
    type Item = Frame;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Frame>> {
        let mut waiting = lock(&self.0);
        let small = waiting.small.poll_recv(context);
        if let Poll::Ready(Some((frame, _room))) = small {
            return Poll::Ready(Some(frame));
        }
        match waiting.records.poll_recv(context) {
            // Both end together: the outlet has both.
            Poll::Ready(None) if small.is_pending() => Poll::Pending,
            records => records,
        }
    }
}

impl Drop for Frames {
    /// The network is gone: nobody waits for it any more.
    fn drop(&mut self) {
        let mut waiting = lock(&self.0);
        waiting.small.close();
        waiting.records.close();
        while waiting.small.try_recv().is_ok() {}
        while waiting.records.try_recv().is_ok() {}
    }
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, StreamExt as _};

    use super::*;
    use crate::wire::link::{Ack, Credit, Deliver};

    fn credit() -> frame::Frame {
        frame::Frame::Credit(Credit {
            lane: 1,
            records: 7,
            bytes: 7,
        })
    }

    fn page() -> frame::Frame {
        frame::Frame::Ack(Ack::default())
    }

    fn kind(frame: Option<Frame>) -> &'static str {
        match frame.and_then(|frame| frame.frame) {
            Some(frame::Frame::Credit(_)) => "credit",
            Some(frame::Frame::Ack(_)) => "page",
            Some(frame::Frame::Deliver(_)) => "records",
            Some(frame::Frame::Bye(_)) => "bye",
            _ => "nothing",
        }
    }

    #[tokio::test]
    async fn a_peer_that_does_not_read_is_let_go_and_costs_no_more() {
        let (outlet, mut frames) = Outlet::new();
        let mut sent = 0;
        let end = loop {
            match outlet.small(credit()) {
                Ok(()) => sent += 1,
                Err(end) => break end,
            }
        };
        let size = Frame {
            frame: Some(credit()),
        }
        .encoded_len();
        assert_eq!(sent, SMALL_BYTES / size);
        assert!(matches!(end, SessionEnd::Unread), "{end}");
        // What is read makes room.
        assert_eq!(kind(frames.next().await), "credit");
        outlet.small(credit()).unwrap();
        outlet.small(credit()).unwrap_err();
        outlet.abandon(&end);
        outlet.bye(Bye::default()).unwrap();
        assert_eq!(kind(frames.next().await), "bye");
        drop(outlet);
        assert_eq!(kind(frames.next().await), "nothing");
    }

    #[tokio::test]
    async fn pages_wait_for_the_network_and_keep_their_place() {
        let (outlet, mut frames) = Outlet::new();
        let deliver = frame::Frame::Deliver(Deliver::default());
        outlet.record(deliver).await.unwrap();
        for _ in 0..PAGES {
            let room = outlet.room_for_page().await.unwrap();
            outlet.page(page(), room).unwrap();
        }
        outlet.small(credit()).unwrap();
        assert!(outlet.room_for_page().now_or_never().is_none());
        assert_eq!(kind(frames.next().await), "page");
        let room = outlet.room_for_page().now_or_never().unwrap().unwrap();
        outlet.page(page(), room).unwrap();
        for next in ["page", "credit", "page", "records"] {
            assert_eq!(kind(frames.next().await), next);
        }
        assert!(frames.next().now_or_never().is_none());
    }

    #[tokio::test]
    async fn records_of_a_session_that_ended_go_and_its_last_words_stay() {
        let (outlet, mut frames) = Outlet::new();
        for _ in 0..RECORD_FRAMES {
            let deliver = frame::Frame::Deliver(Deliver::default());
            outlet.record(deliver).await.unwrap();
        }
        outlet.small(credit()).unwrap();
        outlet.abandon(&SessionEnd::Replaced);
        outlet.bye(Bye::default()).unwrap();
        drop(outlet);
        for last in ["credit", "bye", "nothing"] {
            assert_eq!(kind(frames.next().await), last);
        }
    }

    #[tokio::test]
    async fn nobody_waits_for_a_network_that_is_gone() {
        let (outlet, frames) = Outlet::new();
        for _ in 0..RECORD_FRAMES {
            let deliver = frame::Frame::Deliver(Deliver::default());
            outlet.record(deliver).await.unwrap();
        }
        let waits = outlet.record(frame::Frame::Deliver(Deliver::default()));
        let mut waits = Box::pin(waits);
        assert!(futures_util::poll!(&mut waits).is_pending());
        drop(frames);
        assert!(matches!(waits.await, Err(SessionEnd::Closed)));
        assert!(matches!(outlet.small(credit()), Err(SessionEnd::Closed)));
    }
}
