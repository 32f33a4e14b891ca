//! An HTTP proxy that knows CONNECT, as stands at the edge of many government networks, and that cuts
//! tunnels where it is told to.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::PATIENCE;

/// `user:password` in base64.
const CREDENTIALS: &str = "Proxy-Authorization: Basic bm9kZTpodW50ZXIy\r\n";
/// What [`CREDENTIALS`] says.
pub(crate) const USER: &str = "node";
pub(crate) const PASSWORD: &str = "hunter2";

/// A running proxy; ends when dropped.
pub(crate) struct ConnectProxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    tunnels: AtomicUsize,
    permits: AtomicBool,
    /// Bytes after which a tunnel is cut.
    cut: AtomicU64,
    /// Bytes that each tunnel carried, both ways, as they were opened.
    carried: Mutex<Vec<u64>>,
}

impl ConnectProxy {
    /// Starts a proxy that wants a password.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            tunnels: AtomicUsize::new(0),
            permits: AtomicBool::new(true),
            cut: AtomicU64::new(u64::MAX),
            carried: Mutex::default(),
        });
        let serving = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(one(stream, Arc::clone(&shared)));
                }
            }
        });
        Self {
            address,
            shared,
            serving,
        }
    }

    /// How many tunnels were opened so far.
    pub(crate) fn tunnels(&self) -> usize {
        self.shared.tunnels.load(Ordering::SeqCst)
    }

    /// Permits new tunnels, or forbids them.
    pub(crate) fn permit(&self, permits: bool) {
        self.shared.permits.store(permits, Ordering::SeqCst);
    }

    /// Cuts the first tunnel that carries so many bytes, there; then no tunnel is permitted.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.shared.cut.store(bytes, Ordering::SeqCst);
    }

    /// Whether the tunnel that was to be cut is.
    pub(crate) fn has_cut(&self) -> bool {
        self.shared.cut.load(Ordering::SeqCst) == u64::MAX
    }

    /// Bytes that each tunnel carried so far, both ways, as they were opened.
    pub(crate) fn carried(&self) -> Vec<u64> {
        self.shared.carried.lock().unwrap().clone()
    }
}

impl Drop for ConnectProxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn one(mut stream: TcpStream, shared: Arc<Shared>) {
    let permits = shared.permits.load(Ordering::SeqCst);
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
    let Ok(through) = TcpStream::connect(target).await else {
        let _ = stream.write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n").await;
        return;
    };
    shared.tunnels.fetch_add(1, Ordering::SeqCst);
    let established = stream
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await;
    if established.is_ok() {
        carry(stream, through, &shared).await;
    }
}

/// Carries bytes both ways until a side ends, or the tunnel is cut.
async fn carry(mut inward: TcpStream, mut outward: TcpStream, shared: &Shared) {
    let at = {
        let mut carried = shared.carried.lock().unwrap();
        carried.push(0);
        carried.len() - 1
    };
    let (mut here, mut there) = (vec![0; 16 << 10], vec![0; 16 << 10]);
    let mut before = 0;
    loop {
        let (read, to, bytes) = tokio::select! {
            read = inward.read(&mut here) => (read, &mut outward, &here),
            read = outward.read(&mut there) => (read, &mut inward, &there),
        };
        let Ok(read @ 1..) = read else { return };
        let cut = shared.cut.load(Ordering::SeqCst);
        let left = usize::try_from(cut.saturating_sub(before)).unwrap_or(usize::MAX);
        let goes = read.min(left);
        before += goes as u64;
        shared.carried.lock().unwrap()[at] = before;
        if to.write_all(&bytes[..goes]).await.is_err() {
            return;
        }
        if goes < read {
            shared.permits.store(false, Ordering::SeqCst);
            shared.cut.store(u64::MAX, Ordering::SeqCst);
            // What went so far arrives, and no byte more.
            let _ = (inward.shutdown().await, outward.shutdown().await);
            // Whoever writes on is not reset: a side that cannot write would not read what came before.
            let (mut none, mut nobody) = (tokio::io::sink(), tokio::io::sink());
            let rest = async {
                tokio::join!(
                    tokio::io::copy(&mut inward, &mut none),
                    tokio::io::copy(&mut outward, &mut nobody),
                )
            };
            let _ = tokio::time::timeout(PATIENCE, rest).await;
            return;
        }
    }
}
