//! A connection between its handshake and its end.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Sleep, sleep},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use super::{super::Caller, live::Entered, seats::Seat};
use crate::{
    limits::Limit,
    rpc::admission::{Admission, Usage},
};

/// Bytes with which every HTTP/2 client begins: the preface and the head of its SETTINGS frame (RFC
/// 9113, 3.4). From there on pings tell who is stalled.
const PREFACE: usize = 24 + 9;

/// Who is at the other end of a connection that was let in, and how it is used. The extensions of
/// each request have it.
#[derive(Clone, Debug)]
pub struct Admitted {
    pub(in crate::rpc) caller: Caller,
    pub(in crate::rpc) usage: Arc<Usage>,
}

/// A connection that was let in.
pub(super) struct Connection {
    stream: TlsStream<TcpStream>,
    admitted: Admitted,
    entered: Entered,
    was_cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Until the caller's certificate ends.
    ending: Pin<Box<Sleep>>,
    /// Until HTTP/2 began: its pings only begin after the client's preface.
    silence: Option<Pin<Box<Sleep>>>,
    /// Bytes that came until then.
    heard: usize,
    /// Until it may have had no call for too long.
    idle: Pin<Box<Sleep>>,
    admission: Arc<Admission>,
    /// Whether no pings tell who is stalled.
    without_pings: bool,
    _seat: Seat,
}

impl Connected for Connection {
    type ConnectInfo = Admitted;

    fn connect_info(&self) -> Admitted {
        self.admitted.clone()
    }
}

impl Connection {
    /// Cut when `entered` is, when the caller's certificate ends after `left`, when HTTP/2 does not
    /// begin in the time for handshakes, and when it has no call for too long.
    pub(super) fn new(
        stream: TlsStream<TcpStream>,
        admitted: Admitted,
        entered: Entered,
        left: Duration,
        admission: Arc<Admission>,
        seat: Seat,
    ) -> Self {
        let limits = admission.limits();
        Self {
            stream,
            admitted,
            was_cut: Box::pin(entered.cut.clone().cancelled_owned()),
            entered,
            ending: Box::pin(sleep(left)),
            silence: Some(Box::pin(sleep(limits.handshake_timeout))),
            heard: 0,
            idle: Box::pin(sleep(limits.idle_timeout)),
            admission,
            without_pings: false,
            _seat: seat,
        }
    }

    /// Counts what a limit cut, and that it stalled.
    fn over(&self, limit: Limit) -> io::Error {
        self.admission
            .note_of(limit, &self.admitted.caller.identity);
        self.admitted.usage.stalls();
        io::ErrorKind::TimedOut.into()
    }

    /// Fails when there was no call for too long; otherwise the task wakes when that may be so.
    fn check_idle(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let longest = self.admission.limits().idle_timeout;
        while self.idle.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            let until = match self.admitted.usage.idle_since() {
                Some(since) => Instant::from_std(since) + longest,
                None => now + longest,
            };
            if until <= now {
                return Err(self.over(Limit::Idle));
            }
            self.idle.as_mut().reset(until);
        }
        Ok(())
    }

    /// As [`Self::check_idle`], while an answer over HTTP/1.1 is not taken: nothing pings there, so who reads
    /// nothing is found out by the time.
    fn check_unread(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.without_pings {
            self.check_idle(cx)?;
        }
        Ok(())
    }

    /// Says that HTTP/1.1 is spoken.
    pub(super) const fn without_pings(mut self) -> Self {
        self.without_pings = true;
        self
    }

    /// Who is at the other end, and how it uses the connection.
    pub(super) fn admitted(&self) -> Admitted {
        self.admitted.clone()
    }

    /// What its port allows.
    pub(super) fn admission(&self) -> Arc<Admission> {
        Arc::clone(&self.admission)
    }

    /// Fails once the connection was cut; otherwise the task wakes when it is.
    fn check_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.entered.cut.is_cancelled()
            || self.was_cut.as_mut().poll(cx).is_ready()
            || self.ending.as_mut().poll(cx).is_ready()
            || self.admitted.usage.floods()
        {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        let cut = self.entered.cut.is_cancelled() || self.ending.is_elapsed();
        self.admitted.usage.ends(cut);
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_cut(cx)?;
        self.check_idle(cx)?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if self.silence.is_some() {
            self.heard += buffer.filled().len() - before;
            if self.heard >= PREFACE {
                self.silence = None;
            }
        }
        if let Some(silence) = &mut self.silence
            && read.is_pending()
            && silence.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(self.over(Limit::HandshakeTime)));
        }
        read
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.check_cut(cx)?;
        self.check_unread(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_cut(cx)?;
        self.check_unread(cx)?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_cut(cx)?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.check_cut(cx)?;
        self.check_unread(cx)?;
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
