//! The accept loop: one per port, each with its own TLS profile and its own router.
//!
//! What a stranger can occupy is bounded: how often an address comes, handshakes in progress of an
//! address and of all (the oldest gives way, so stalled ones never keep others out), connections per
//! identity, and connections per port (one that idles gives way, of whoever has most). An address whose
//! connections keep coming to nothing is closed before any TLS for a while. Of the cores handshakes have
//! half.

mod connection;
mod http1;
mod limits;
mod live;
mod paced;
mod seats;

use std::{
    io,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use rustls::{ServerConfig, server::Acceptor};
use time::OffsetDateTime;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::mpsc,
    time::{sleep, timeout},
};
use tokio_rustls::LazyConfigAcceptor;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{service::Routes, transport::Server};

pub use self::{
    connection::Admitted,
    limits::AcceptLimits,
    live::{Live, Serial},
};
use self::{
    connection::Connection,
    paced::Paced,
    seats::{Handshakes, NoSeat, Seats},
};
use super::{
    Caller, ConnectionIdentity,
    identity::{identity_of, leaf_of},
    profiles::{ALPN, ALPN_HTTP1},
    verifier::explain,
};
use crate::{
    home::ProfileError,
    limits::{Limit, address_key},
    record::Moment,
    rpc::{
        admission::{Admission, Admitting, Usage},
        taxii::Taxii,
    },
};

/// Pause after the system could not accept, for instance without free file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Handshaken connections waiting for the HTTP/2 server.
const WAITING: usize = 64;
/// The log says at most this often that the system could not accept.
const ACCEPT_QUIET: Duration = Duration::from_secs(60);
/// Bytes of a call's headers; h2 ends a connection whose CONTINUATION frames go beyond it.
const MAX_HEADER_BYTES: u32 = 16 * 1024;
const MAX_FRAME_BYTES: u32 = 64 * 1024;
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Longest connection of a client without a certificate.
const WITHOUT_CERTIFICATE: Duration = Duration::from_secs(24 * 3600);
/// Streams that a client may open and reset at once (CVE-2023-44487).
const MAX_RESETS: usize = 64;

/// Which port this is, and so who may come through it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Door {
    /// Nodes of other countries.
    Links,
    /// Clients of the own country.
    Clients,
}

/// What a connection speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protocol {
    Http2,
    Http1,
}

/// What a port serves.
#[derive(Debug)]
pub struct Served {
    /// Calls over HTTP/2.
    pub routes: Routes,
    /// TAXII over HTTP/1.1, where it is served.
    pub(in crate::rpc) http1: Option<Arc<Taxii>>,
}

impl From<Routes> for Served {
    fn from(routes: Routes) -> Self {
        Self {
            routes,
            http1: None,
        }
    }
}

/// Why a port stopped serving.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// The HTTP/2 server failed.
    #[error("the server failed: {0}")]
    Server(#[from] tonic::transport::Error),
}

/// Serves `routes` on `listener` until `shutdown`; then takes nothing new, lets calls end within
/// the drain timeout, and cuts what is left. Each handshake takes the `config` of its moment, so a
/// new card or CA counts from the next connection on. A connection ends with the caller's
/// certificate, or when `live` is told that the certificate was revoked.
///
/// # Errors
/// [`AcceptError`] when the HTTP/2 server fails.
pub async fn serve(
    listener: TcpListener,
    config: Arc<ArcSwap<ServerConfig>>,
    live: Arc<Live>,
    door: Door,
    admission: Arc<Admission>,
    shutdown: impl Future<Output = ()> + Send,
    served: impl Into<Served>,
) -> Result<(), AcceptError> {
    let Served { routes, http1 } = served.into();
    let stop = CancellationToken::new();
    let cut = CancellationToken::new();
    // Also when this future is dropped, nothing goes on behind its back.
    let _stopped = stop.clone().drop_guard();
    let _cut = cut.clone().drop_guard();

    let (sender, receiver) = mpsc::channel(WAITING);
    let (http1_sender, http1_receiver) = mpsc::channel(WAITING);
    let takes_http1 = http1.is_some();
    let limits = admission.limits().clone();
    let drain_timeout = limits.drain_timeout;
    let streams = usize::try_from(limits.max_streams).unwrap_or(usize::MAX);
    let http2 = Server::builder()
        .http2_keepalive_interval(Some(limits.keepalive))
        .http2_keepalive_timeout(Some(limits.keepalive))
        .http2_max_pending_accept_reset_streams(Some(MAX_RESETS))
        .http2_max_local_error_reset_streams(Some(MAX_RESETS))
        .http2_max_header_list_size(Some(MAX_HEADER_BYTES))
        .max_frame_size(Some(MAX_FRAME_BYTES))
        .initial_stream_window_size(Some(STREAM_WINDOW))
        .initial_connection_window_size(Some(CONNECTION_WINDOW))
        .max_concurrent_streams(Some(limits.max_streams))
        .concurrency_limit_per_connection(streams)
        .layer(Admitting(Arc::clone(&admission)))
        .add_routes(routes)
        .serve_with_incoming_shutdown(
            ReceiverStream::new(receiver),
            stop.clone().cancelled_owned(),
        );
    let (other, stopping) = (http1::serve(http1_receiver, http1), stop.clone());
    let served = async move {
        // A failure of the one is told at once; the other goes with it.
        let others = async move {
            other(stopping).await;
            Ok::<(), tonic::transport::Error>(())
        };
        tokio::try_join!(http2, others).map(|_| ())
    };
    tokio::pin!(served);
    let gate = Gate {
        config,
        live,
        door,
        seats: Arc::new(Seats::new(Arc::clone(&admission))),
        admission,
        sender,
        http1: takes_http1.then_some(http1_sender),
        cut: cut.clone(),
    };
    tokio::spawn(stop.clone().run_until_cancelled_owned(gate.admit(listener)));

    tokio::select! {
        ended = &mut served => return ended.map_err(Into::into),
        () = shutdown => stop.cancel(),
    }
    match timeout(drain_timeout, &mut served).await {
        Ok(ended) => ended?,
        Err(_) => {
            cut.cancel();
            served.await?;
        }
    }
    Ok(())
}

/// Why a connection is not let in. Logged, never answered: the peer sees its connection end.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("the handshake took too long")]
    Slow,
    #[error("the handshake failed: {0}")]
    Handshake(String),
    #[error(transparent)]
    Profile(#[from] ProfileError),
    #[error("HTTP/2 was not agreed on")]
    Protocol,
    #[error("the certificate is for another port")]
    Door,
    #[error("the certificate was revoked")]
    Revoked,
    #[error("connections of this identity came to nothing, and its pause is not over")]
    Stalls,
    #[error("this identity has its share of connections")]
    Share,
    #[error("there are too many connections, and none that yields")]
    Full,
}

impl Refusal {
    /// Whether it cost a handshake's time for nothing, or will as often as it is tried: not what a wrong
    /// card or certificate costs, which somebody will put right, nor that others have filled the port.
    const fn is_stall(&self) -> bool {
        matches!(self, Self::Slow | Self::Share)
    }
}

/// Takes connections from the listener through their handshake to the HTTP/2 server.
#[derive(Clone)]
struct Gate {
    config: Arc<ArcSwap<ServerConfig>>,
    live: Arc<Live>,
    door: Door,
    admission: Arc<Admission>,
    seats: Arc<Seats>,
    sender: mpsc::Sender<Result<Connection, io::Error>>,
    /// Where connections that speak HTTP/1.1 go; `None` where none is taken.
    http1: Option<mpsc::Sender<Connection>>,
    cut: CancellationToken,
}

impl Gate {
    async fn admit(self, listener: TcpListener) {
        let handshakes = Handshakes::new(Arc::clone(&self.admission));
        let turns = paced::turns();
        let mut said: Option<Instant> = None;
        loop {
            let (stream, remote) = match listener.accept().await {
                Ok(accepted) => accepted,
                Err(fault) => {
                    if said.is_none_or(|said| said.elapsed() > ACCEPT_QUIET) {
                        said = Some(Instant::now());
                        tracing::warn!(%fault, "a connection could not be accepted");
                    }
                    sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            if self.admission.come(remote.ip()).is_err() {
                continue;
            }
            let gate = self.clone();
            let turns = Arc::clone(&turns);
            handshakes.start(remote.ip(), async move {
                match Paced::new(gate.handshake(stream), &turns).await {
                    // Full only while the server is busy; the handshake's time has been spent.
                    Ok((connection, Protocol::Http2)) => {
                        drop(gate.sender.send(Ok(connection)).await);
                    }
                    Ok((connection, Protocol::Http1)) => {
                        if let Some(sender) = &gate.http1 {
                            drop(sender.send(connection).await);
                        }
                    }
                    Err(fault) => {
                        if matches!(fault, Refusal::Slow) {
                            let limit = Limit::HandshakeTime;
                            gate.admission.note_of(limit, &remote.ip());
                        }
                        if fault.is_stall() {
                            gate.admission.came_to_nothing(remote.ip());
                        } else if matches!(fault, Refusal::Stalls) {
                            gate.admission.came_while_pausing(remote.ip());
                        }
                        tracing::debug!(%remote, door = ?gate.door, %fault, "connection refused");
                    }
                }
            });
        }
    }

    async fn handshake(&self, stream: TcpStream) -> Result<(Connection, Protocol), Refusal> {
        let failed = |fault: io::Error| Refusal::Handshake(explain(&fault));
        stream.set_nodelay(true).map_err(failed)?;
        let limits = self.admission.limits();
        let stream = timeout(limits.handshake_timeout, async {
            let started = LazyConfigAcceptor::new(Acceptor::default(), stream).await?;
            started.into_stream(self.config.load_full()).await
        })
        .await
        .map_err(|_| Refusal::Slow)?
        .map_err(failed)?;
        let (_, session) = stream.get_ref();
        let protocol = match session.alpn_protocol() {
            Some(ALPN) => Protocol::Http2,
            Some(ALPN_HTTP1) if self.http1.is_some() => Protocol::Http1,
            _ => return Err(Refusal::Protocol),
        };
        let chain = session.peer_certificates().unwrap_or_default();
        // Without one somebody comes to TAXII alone, and nothing of gRPC is within reach.
        let shown = match (protocol, chain.first()) {
            (Protocol::Http1, None) => None,
            _ => Some((
                identity_of(chain, self.live.issuers())?,
                leaf_of(chain)?,
                self.live
                    .issuers()
                    .serial(chain.first().map_or(&[][..], |own| own))?,
            )),
        };
        let certificate = chain.first().map_or(&[][..], |own| own).into();
        let (identity, until, serial) = match shown {
            Some((identity, leaf, serial)) => (identity, Some(leaf.until), serial),
            None => (ConnectionIdentity::Unknown, None, Serial::new()),
        };
        // The verifier has refused these already; a wrong configuration must not open the door.
        let fits = matches!(
            (self.door, protocol, &identity),
            (Door::Links, Protocol::Http2, ConnectionIdentity::Peer(_))
                | (Door::Clients, _, ConnectionIdentity::Client(_))
                | (Door::Clients, Protocol::Http1, ConnectionIdentity::Unknown)
        );
        if !fits {
            return Err(Refusal::Door);
        }
        let entered = Live::enter(&self.live, serial, &self.cut).ok_or(Refusal::Revoked)?;
        let address = stream.get_ref().0.peer_addr().ok();
        let who: Arc<str> = match (&identity, address) {
            // Each address by itself, so that one keeps no other out.
            (ConnectionIdentity::Unknown, Some(address)) => {
                format!("{identity} at {}", address_key(address.ip())).into()
            }
            _ => identity.to_string().into(),
        };
        self.admission.known(&who).map_err(|_| Refusal::Stalls)?;
        let usage = Usage::new(&self.admission, &who, address.map(|of| of.ip()));
        let usage = Arc::new(usage);
        let seat = Seats::take(&self.seats, &who, &usage, &entered.cut);
        let seat = seat.map_err(|none| match none {
            NoSeat::Share => Refusal::Share,
            NoSeat::Full => Refusal::Full,
        })?;
        // By the clock that the handshake judged the certificate by.
        let now = Moment::from(OffsetDateTime::now_utc());
        let left = until.map_or(WITHOUT_CERTIFICATE, |until| until.since(now));
        let connection = Connection::new(
            stream,
            Admitted {
                caller: Caller {
                    identity,
                    certificate,
                    address,
                },
                usage,
            },
            entered,
            left,
            Arc::clone(&self.admission),
            seat,
        );
        Ok((connection, protocol))
    }
}
