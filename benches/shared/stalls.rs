//! Connections that stall, in four ways, and are opened again when the node closes them; and a newcomer
//! who has nothing to do with them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use comity::{
    access::{Principal, PrincipalKind},
    home::{TlsMaterial, node_name},
    node::system_clock,
    rpc::tls::client_config,
};
use rustls::pki_types::ServerName;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpSocket, TcpStream},
    time::sleep,
};
use tokio_rustls::TlsConnector;

use super::{Site, threads};

/// The thread of the attackers.
pub(crate) const ATTACKERS: &str = "stalled";
/// Certificates of those that stall after their handshake.
const IDENTITIES: usize = 80;

/// What is read before and after a measurement.
pub(crate) struct Measured {
    at: Instant,
    made: (usize, usize),
    attackers: f64,
    node: f64,
}

impl Measured {
    /// Now, with a node's process.
    pub(crate) fn now(attack: &Attack, process: u32) -> Self {
        let threads = threads::cpu_seconds();
        Self {
            at: Instant::now(),
            made: attack.made(),
            attackers: threads.get(ATTACKERS).copied().unwrap_or_default(),
            node: threads::process_seconds(process),
        }
    }

    /// Connections tried and whole handshakes a second, and cores of the attackers and of the node.
    pub(crate) fn a_second(&self, later: &Self) -> ((f64, f64), (f64, f64)) {
        let seconds = (later.at - self.at).as_secs_f64();
        let (tried, handshaken) = (later.made.0 - self.made.0, later.made.1 - self.made.1);
        let made = (tried as f64 / seconds, handshaken as f64 / seconds);
        let attackers = (later.attackers - self.attackers) / seconds;
        (made, (attackers, (later.node - self.node) / seconds))
    }
}

/// How a connection stalls.
#[derive(Clone, Copy)]
enum Stall {
    Silent,
    HalfHello,
    AfterHandshake,
    HalfRequest,
}

const STALLS: [Stall; 4] = [
    Stall::Silent,
    Stall::HalfHello,
    Stall::AfterHandshake,
    Stall::HalfRequest,
];

/// A certificate of an operator, and the node's CA.
struct Identity {
    own: TlsMaterial,
    ca: Vec<u8>,
    country: comity::record::Country,
}

/// What attackers need, and what they hold.
pub(crate) struct Attack {
    node: SocketAddr,
    identities: Vec<Identity>,
    newcomer: Identity,
    open: AtomicUsize,
    tried: AtomicUsize,
    handshaken: AtomicUsize,
}

/// How attackers come.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// Connections.
    pub(crate) connections: usize,
    /// All from one address, or each from one of its own.
    pub(crate) one_address: bool,
    /// Pause before a connection that the node closed, or did not take, is opened again.
    pub(crate) again: Duration,
}

impl Attack {
    /// On the client port of a node that is not running yet.
    pub(crate) fn on(site: &Site) -> Self {
        Self {
            node: site.open_home().config().client_listen,
            identities: identities(site, "o", IDENTITIES),
            newcomer: identities(site, "newcomer", 1).remove(0),
            open: AtomicUsize::new(0),
            tried: AtomicUsize::new(0),
            handshaken: AtomicUsize::new(0),
        }
    }

    /// Connections tried, and whole handshakes made, so far.
    pub(crate) fn made(&self) -> (usize, usize) {
        let of = |count: &AtomicUsize| count.load(Ordering::Relaxed);
        (of(&self.tried), of(&self.handshaken))
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

fn identities(site: &Site, name: &str, count: usize) -> Vec<Identity> {
    let home = site.open_home();
    (0..count)
        .map(|number| {
            let principal = Principal::new(
                home.country(),
                PrincipalKind::Operator,
                &format!("{name}{number}"),
            )
            .expect("a name");
            let issued = home
                .issue_client(principal, Duration::from_secs(86_400), system_clock()())
                .expect("a certificate");
            Identity {
                own: TlsMaterial::from_pem(&issued.certificate_pem, &issued.key_pem)
                    .expect("a certificate"),
                ca: home.own_card().issuing_ca_der.clone(),
                country: home.country(),
            }
        })
        .collect()
}

/// Opens a connection from an address, stalls, and waits until the node closes it.
async fn stall(attack: &Attack, number: usize, from: Ipv4Addr) -> std::io::Result<()> {
    attack.tried.fetch_add(1, Ordering::Relaxed);
    let mut tcp = connect(attack, from).await?;
    let counted = Counted::new(&attack.open);
    let kind = STALLS.get(number % STALLS.len()).copied();
    match kind.unwrap_or(Stall::Silent) {
        Stall::Silent => until_closed(&mut tcp).await,
        Stall::HalfHello => {
            // A handshake record of 512 bytes, of which a few come.
            tcp.write_all(&[22, 3, 1, 2, 0, 1, 0, 1, 252, 3, 3]).await?;
            until_closed(&mut tcp).await;
        }
        Stall::AfterHandshake => {
            let mut stream = handshake(attack, known(attack, number), tcp).await?;
            until_closed(&mut stream).await;
        }
        Stall::HalfRequest => {
            let mut stream = handshake(attack, known(attack, number), tcp).await?;
            stream.write_all(&half_request()).await?;
            stream.flush().await?;
            until_closed(&mut stream).await;
        }
    }
    drop(counted);
    Ok(())
}

async fn connect(attack: &Attack, from: Ipv4Addr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(attack.node).await
}

/// The certificate of a connection that stalls after its handshake.
fn known(attack: &Attack, number: usize) -> &Identity {
    let place = number / STALLS.len() % attack.identities.len().max(1);
    attack.identities.get(place).expect("an identity")
}

/// Counts a connection while it is open.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

async fn until_closed(stream: &mut (impl tokio::io::AsyncRead + Unpin)) {
    let mut heard = [0; 1024];
    while matches!(stream.read(&mut heard).await, Ok(bytes) if bytes > 0) {}
}

async fn handshake(
    attack: &Attack,
    identity: &Identity,
    tcp: TcpStream,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let tls = client_config(&identity.own, identity.country, &identity.ca).expect("TLS");
    let name = ServerName::try_from(node_name(identity.country)).expect("a name");
    let connector = TlsConnector::from(Arc::new(tls));
    let stream = connector.connect(name, tcp).await?;
    attack.handshaken.fetch_add(1, Ordering::Relaxed);
    Ok(stream)
}

/// A message of which half comes.
fn half_request() -> Vec<u8> {
    let path = "/comity.node.v1.RecordService/SubmitRecord";
    // 4096 bytes are announced, three come.
    request(path, &[0, 0, 0, 16, 0, 10, 20, 30], 0)
}

/// A call from an address that nobody came from before, with a certificate that never stalled.
pub(crate) async fn newcomer(attack: &Attack, from: Ipv4Addr) -> std::io::Result<()> {
    let tcp = connect(attack, from).await?;
    let mut stream = handshake(attack, &attack.newcomer, tcp).await?;
    let path = "/comity.node.v1.StatusService/GetStatus";
    stream.write_all(&request(path, &[0; 5], 1)).await?;
    stream.flush().await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [a, b, c, kind, ..] = head;
        // The headers of the answer.
        if kind == 1 {
            return Ok(());
        }
        let length = u32::from_be_bytes([0, a, b, c]);
        let mut payload = vec![0; usize::try_from(length).expect("a length")];
        stream.read_exact(&mut payload).await?;
    }
}

/// HTTP/2 by hand: preface, settings, the headers of a call, and a frame of its message.
fn request(path: &str, message: &[u8], flags: u8) -> Vec<u8> {
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let frame = |kind: u8, flags: u8, stream: u32, payload: &[u8]| {
        let length = u32::try_from(payload.len())
            .expect("a length")
            .to_be_bytes();
        let [_, a, b, c] = length;
        let mut frame = vec![a, b, c, kind, flags];
        frame.extend_from_slice(&stream.to_be_bytes());
        frame.extend_from_slice(payload);
        frame
    };
    out.extend(frame(4, 0, 0, &[]));
    let mut block = Vec::new();
    for (name, value) in [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "node"),
        (":path", path),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ] {
        // HPACK: a literal field without indexing, with a new name.
        block.push(0);
        for text in [name, value] {
            block.push(u8::try_from(text.len()).expect("a length"));
            block.extend_from_slice(text.as_bytes());
        }
    }
    out.extend(frame(1, 4, 1, &block));
    out.extend(frame(0, flags, 1, message));
    out
}

/// Opens so many connections and opens again, after a pause, what the node closes.
pub(crate) fn attack(attack: &Arc<Attack>, manner: Manner) -> tokio::task::JoinSet<()> {
    let mut slots = tokio::task::JoinSet::new();
    for number in 0..manner.connections {
        let attack = Arc::clone(attack);
        slots.spawn(async move {
            let place = u32::try_from(number).expect("a number");
            let from = match manner.one_address {
                true => Ipv4Addr::new(127, 9, 9, 9),
                // Every connection from an address of its own.
                false => Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + place),
            };
            // Opened over two seconds, not all in one moment.
            sleep(Duration::from_micros(u64::from(place) * 400)).await;
            loop {
                // What went wrong is as good as closed.
                let _ = stall(&attack, number, from).await;
                sleep(manner.again).await;
            }
        });
    }
    slots
}
