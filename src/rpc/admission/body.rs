//! The body of a request, message by message: each has a size and a time.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use http_body::{Frame, SizeHint};
use prost::bytes::Bytes;
use tokio::time::{Sleep, sleep};
use tonic::{Status, body::Body};

use super::{Admission, Usage, methods::Taken, refusal};
use crate::limits::{Exceeded, Limit};

/// gRPC's length prefix: a flag and four bytes.
const PREFIX: usize = 5;

/// Where a body is among its messages.
#[derive(Debug, Default)]
struct Place {
    prefix: [u8; PREFIX],
    /// Bytes of the prefix that came; 0 between two messages.
    heard: usize,
    /// Bytes of the message that are to come.
    left: u64,
}

impl Place {
    const fn is_within(&self) -> bool {
        self.heard > 0
    }

    /// Goes on by the bytes that came. Answers the length of a message that is too long.
    fn take(&mut self, mut bytes: &[u8], most: u64) -> Result<(), u64> {
        while !bytes.is_empty() {
            if self.heard < PREFIX {
                let take = bytes.len().min(PREFIX - self.heard);
                let (first, rest) = bytes.split_at(take);
                let room = self.prefix.iter_mut().skip(self.heard);
                room.zip(first).for_each(|(to, from)| *to = *from);
                self.heard += take;
                bytes = rest;
                if self.heard < PREFIX {
                    return Ok(());
                }
                let [_, a, b, c, d] = self.prefix;
                self.left = u32::from_be_bytes([a, b, c, d]).into();
                if self.left > most {
                    return Err(self.left);
                }
            }
            let left = usize::try_from(self.left).unwrap_or(usize::MAX);
            let (taken, rest) = bytes.split_at(left.min(bytes.len()));
            self.left -= u64::try_from(taken.len()).unwrap_or(self.left);
            bytes = rest;
            if self.left == 0 {
                self.heard = 0;
            }
        }
        Ok(())
    }
}

/// A request's body whose messages are neither too long nor too slow.
pub(super) struct Messages {
    inner: Body,
    taken: Taken,
    place: Place,
    time: Duration,
    /// Runs while a message is awaited that has begun; of a request that is no stream, from the start.
    running: Option<Pin<Box<Sleep>>>,
    admission: Arc<Admission>,
    who: Arc<str>,
    usage: Arc<Usage>,
}

impl Messages {
    pub(super) fn new(
        inner: Body,
        taken: Taken,
        admission: Arc<Admission>,
        who: Arc<str>,
        usage: Arc<Usage>,
    ) -> Self {
        let time = admission.limits().message_timeout;
        Self {
            inner,
            taken,
            place: Place::default(),
            time,
            running: (!taken.stream).then(|| Box::pin(sleep(time))),
            admission,
            who,
            usage,
        }
    }

    fn refuse(&self, limit: Limit, most: u64) -> Status {
        let after = Duration::ZERO;
        let exceeded = Exceeded { limit, most, after };
        self.admission.note(exceeded, &self.who);
        refusal(exceeded)
    }
}

impl http_body::Body for Messages {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) else {
            if let Some(running) = &mut self.running {
                ready!(running.as_mut().poll(cx));
                let most = u64::try_from(self.time.as_millis()).unwrap_or(u64::MAX);
                self.usage.stalls();
                return Poll::Ready(Some(Err(self.refuse(Limit::MessageTime, most))));
            }
            return Poll::Pending;
        };
        let frame = match frame {
            Some(Ok(frame)) => frame,
            ended => return Poll::Ready(ended),
        };
        if let Some(data) = frame.data_ref() {
            let most = self.taken.most;
            if self.place.take(data, most).is_err() {
                return Poll::Ready(Some(Err(self.refuse(Limit::MessageSize, most))));
            }
        }
        if self.taken.stream {
            match (self.place.is_within(), self.running.is_some()) {
                (true, false) => self.running = Some(Box::pin(sleep(self.time))),
                (false, _) => self.running = None,
                (true, true) => {}
            }
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: usize) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(u32::try_from(length).unwrap().to_be_bytes());
        bytes.resize(PREFIX + length, 7);
        bytes
    }

    #[test]
    fn messages_are_followed_however_they_are_cut() {
        let bytes = [message(0), message(3), message(300)].concat();
        for cut in 1..bytes.len() {
            let mut place = Place::default();
            for piece in bytes.chunks(cut) {
                place.take(piece, 300).unwrap();
            }
            assert!(!place.is_within(), "cut by {cut}");
        }
        let mut place = Place::default();
        place.take(&bytes[..bytes.len() - 1], 300).unwrap();
        assert!(place.is_within());
    }

    #[test]
    fn a_message_that_is_too_long_is_known_by_its_prefix() {
        let mut place = Place::default();
        let bytes = [message(3), message(301)].concat();
        let cut = PREFIX + 3 + PREFIX;
        assert_eq!(place.take(&bytes[..cut], 300), Err(301));
    }
}
