//! An HTTP proxy that knows CONNECT, as stands at the edge of many government networks.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

/// `user:password` in base64.
const CREDENTIALS: &str = "Proxy-Authorization: Basic bm9kZTpodW50ZXIy\r\n";
/// What [`CREDENTIALS`] says.
pub(crate) const USER: &str = "node";
pub(crate) const PASSWORD: &str = "hunter2";

/// A running proxy; ends when dropped.
pub(crate) struct ConnectProxy {
    pub(crate) address: SocketAddr,
    tunnels: Arc<AtomicUsize>,
    permits: Arc<AtomicBool>,
    serving: JoinHandle<()>,
}

impl ConnectProxy {
    /// Starts a proxy that wants a password.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let tunnels = Arc::new(AtomicUsize::new(0));
        let permits = Arc::new(AtomicBool::new(true));
        let serving = tokio::spawn({
            let (tunnels, permits) = (Arc::clone(&tunnels), Arc::clone(&permits));
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let permits = permits.load(Ordering::SeqCst);
                    tokio::spawn(one(stream, permits, Arc::clone(&tunnels)));
                }
            }
        });
        Self {
            address,
            tunnels,
            permits,
            serving,
        }
    }

    /// How many tunnels were opened so far.
    pub(crate) fn tunnels(&self) -> usize {
        self.tunnels.load(Ordering::SeqCst)
    }

    /// Permits new tunnels, or forbids them.
    pub(crate) fn permit(&self, permits: bool) {
        self.permits.store(permits, Ordering::SeqCst);
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn one(mut stream: TcpStream, permits: bool, tunnels: Arc<AtomicUsize>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let Ok(byte) = stream.read_u8().await else {
            return;
        };
        head.push(byte);
    }
    let head = String::from_utf8(head).unwrap();
    let refusal = if !head.contains(CREDENTIALS) {
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"p\"\r\n\r\n"
    } else if !permits {
        "HTTP/1.1 403 Forbidden\r\n\r\n"
    } else {
        ""
    };
    if !refusal.is_empty() {
        let _ = stream.write_all(refusal.as_bytes()).await;
        return;
    }
    let target = head.split(' ').nth(1).unwrap_or_default();
    let Ok(mut through) = TcpStream::connect(target).await else {
        let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
        return;
    };
    tunnels.fetch_add(1, Ordering::SeqCst);
    let established = stream
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await;
    if established.is_ok() {
        let _ = copy_bidirectional(&mut stream, &mut through).await;
    }
}
