//! A connection between its handshake and its end.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use super::{super::Caller, live::Entered, seats::Seat};

/// A connection that was let in.
pub(super) struct Connection {
    stream: TlsStream<TcpStream>,
    caller: Caller,
    entered: Entered,
    was_cut: Pin<Box<WaitForCancellationFutureOwned>>,
    /// Until the caller's certificate ends.
    ending: Pin<Box<Sleep>>,
    /// Until the first byte: HTTP/2 pings only begin after the client's preface.
    silence: Option<Pin<Box<Sleep>>>,
    _seat: Seat<String>,
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl Connection {
    /// Cut when `entered` is, when the caller's certificate ends after `left`, and when nothing comes
    /// within `silence`.
    pub(super) fn new(
        stream: TlsStream<TcpStream>,
        caller: Caller,
        entered: Entered,
        left: Duration,
        silence: Duration,
        seat: Seat<String>,
    ) -> Self {
        Self {
            stream,
            caller,
            was_cut: Box::pin(entered.cut.clone().cancelled_owned()),
            entered,
            ending: Box::pin(sleep(left)),
            silence: Some(Box::pin(sleep(silence))),
            _seat: seat,
        }
    }

    /// Fails once the connection was cut; otherwise the task wakes when it is.
    fn check_cut(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        if self.entered.cut.is_cancelled()
            || self.was_cut.as_mut().poll(cx).is_ready()
            || self.ending.as_mut().poll(cx).is_ready()
        {
            return Err(io::ErrorKind::ConnectionAborted.into());
        }
        Ok(())
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.check_cut(cx)?;
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if buffer.filled().len() > before {
            self.silence = None;
        } else if let Some(silence) = &mut self.silence
            && read.is_pending()
            && silence.as_mut().poll(cx).is_ready()
        {
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
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
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.check_cut(cx)?;
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
        Pin::new(&mut self.stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
