//! Connections that stall, in four ways, and are opened again when the node closes them.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
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

use super::Site;

/// Pause before a connection that the node closed is opened again.
const AGAIN: Duration = Duration::from_secs(10);
/// Certificates of those that stall after their handshake.
const IDENTITIES: usize = 80;

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
    open: AtomicUsize,
}

impl Attack {
    /// On the client port of a node that is not running yet.
    pub(crate) fn on(site: &Site) -> Self {
        Self {
            node: site.open_home().config().client_listen,
            identities: identities(site),
            open: AtomicUsize::new(0),
        }
    }

    /// Connections that are open now.
    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::Relaxed)
    }
}

fn identities(site: &Site) -> Vec<Identity> {
    let home = site.open_home();
    (0..IDENTITIES)
        .map(|number| {
            let principal = Principal::new(
                home.country(),
                PrincipalKind::Operator,
                &format!("o{number}"),
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
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::from((from, 0)))?;
    let mut tcp = socket.connect(attack.node).await?;
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
            let mut stream = handshake(attack, number, tcp).await?;
            until_closed(&mut stream).await;
        }
        Stall::HalfRequest => {
            let mut stream = handshake(attack, number, tcp).await?;
            stream.write_all(&half_request()).await?;
            stream.flush().await?;
            until_closed(&mut stream).await;
        }
    }
    drop(counted);
    Ok(())
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
    number: usize,
    tcp: TcpStream,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let place = number / STALLS.len() % attack.identities.len().max(1);
    let identity = attack.identities.get(place).expect("an identity");
    let tls = client_config(&identity.own, identity.country, &identity.ca).expect("TLS");
    let name = ServerName::try_from(node_name(identity.country)).expect("a name");
    TlsConnector::from(Arc::new(tls)).connect(name, tcp).await
}

/// HTTP/2 by hand: preface, settings, the headers of a call, and a message of which half comes.
fn half_request() -> Vec<u8> {
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
        (":path", "/comity.node.v1.RecordService/SubmitRecord"),
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
    out.extend(frame(0, 0, 1, &[0, 0, 0, 16, 0, 10, 20, 30]));
    out
}

/// Opens so many connections and opens again, after a pause, what the node closes.
pub(crate) fn attack(
    attack: &Arc<Attack>,
    connections: usize,
    one_address: bool,
) -> tokio::task::JoinSet<()> {
    let mut slots = tokio::task::JoinSet::new();
    for number in 0..connections {
        let attack = Arc::clone(attack);
        slots.spawn(async move {
            let place = u32::try_from(number).expect("a number");
            let from = match one_address {
                true => Ipv4Addr::new(127, 9, 9, 9),
                // Every connection from an address of its own.
                false => Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + place),
            };
            // Opened over two seconds, not all in one moment.
            sleep(Duration::from_micros(u64::from(place) * 400)).await;
            loop {
                // What went wrong is as good as closed.
                let _ = stall(&attack, number, from).await;
                sleep(AGAIN).await;
            }
        });
    }
    slots
}
