//! Dialling: a link to another country's node, a client's connection to its own.
//!
//! A channel made here lives as long as its connection. It never reconnects behind its user's back:
//! a link's next session is a new one, with a new hello.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use http::Uri;
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout, timeout_at},
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tonic::transport::{Channel, Endpoint};

use super::{
    TlsError, Vouching, client_config_to,
    identity::shown_in,
    profiles::ALPN,
    proxy::{ProxyFault, open_tunnel},
    verifier::explain,
};
use crate::{
    card::{AddressPolicy, AddressRefusal, LinkAddress, address_allowed},
    config::Config,
    crypto::Digest,
    home::{Proxy, TlsMaterial, link_name, node_name},
    record::{Country, Moment},
};

/// Most addresses of one name that are tried.
const MAX_TRIES: usize = 8;
const KEEPALIVE: Duration = Duration::from_secs(20);
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

/// How to dial.
#[derive(Clone, Debug)]
pub struct DialOptions {
    /// What may be dialled.
    pub policy: AddressPolicy,
    /// Longest time for name, connection and handshake together.
    pub connect_timeout: Duration,
    /// Through which proxy, if any.
    pub proxy: Option<Proxy>,
}

/// A link's connection that was dialled.
#[derive(Debug)]
pub struct LinkConnection {
    /// Carries the calls.
    pub channel: Channel,
    /// When the certificate ends with which the peer answered: the link must end with it.
    pub until: Moment,
    /// SHA-256 of that certificate's public key, as cards name it.
    pub key: Digest,
}

/// Without a proxy: its password is not in the configuration.
impl From<&Config> for DialOptions {
    fn from(config: &Config) -> Self {
        Self {
            policy: config.address_policy(),
            connect_timeout: config.dial.connect_timeout(),
            proxy: None,
        }
    }
}

/// Why a dial failed.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// The name does not resolve.
    #[error("{address} does not resolve: {source}")]
    Resolve {
        /// What was dialled.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The name resolves to nothing.
    #[error("{0} resolves to no address")]
    NoAddress(String),
    /// Every address is refused; the last refusal.
    #[error("{address} is not dialled: {refusal}")]
    Refused {
        /// What was dialled.
        address: String,
        /// Why.
        refusal: AddressRefusal,
    },
    /// No connection; the last failure.
    #[error("{address} cannot be reached: {source}")]
    Connect {
        /// What was dialled.
        address: String,
        /// Why.
        source: io::Error,
    },
    /// The proxy opened no tunnel.
    #[error("{address} is not reached through the proxy {proxy}: {fault}")]
    Proxy {
        /// What was dialled.
        address: String,
        /// Through which proxy, host:port.
        proxy: String,
        /// Why, and whose fault it is.
        fault: ProxyFault,
    },
    /// The handshake failed: the other end refused this node, or is not who it should be.
    #[error("the TLS handshake with {address} failed: {reason}")]
    Handshake {
        /// What was dialled.
        address: String,
        /// Why.
        reason: String,
    },
    /// The other end does not speak HTTP/2.
    #[error("{0} does not speak HTTP/2; is it a node?")]
    Protocol(String),
    /// It took too long.
    #[error("{address} did not answer within {} ms", within.as_millis())]
    Slow {
        /// What was dialled.
        address: String,
        /// How long was waited.
        within: Duration,
    },
    /// The TLS configuration cannot be made.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// HTTP/2 could not begin.
    #[error("HTTP/2 with {address} could not begin: {source}")]
    Http {
        /// What was dialled.
        address: String,
        /// Why.
        source: tonic::transport::Error,
    },
}

/// Dials the node of `peer` at an address from its card. The name is resolved and every address
/// checked at each dial: a name may point elsewhere than when the card was accepted. Through a proxy
/// the name goes to the proxy, which resolves it.
///
/// # Errors
/// [`DialError`].
pub async fn dial_link(
    address: &LinkAddress,
    peer: Country,
    tls: Arc<ClientConfig>,
    options: &DialOptions,
) -> Result<LinkConnection, DialError> {
    let within = options.connect_timeout;
    let policy = &options.policy;
    let dialled = Dialled {
        shown: address.to_string(),
        name: link_name(peer),
        deadline: Instant::now() + within,
        within,
    };
    let stream = match &options.proxy {
        Some(proxy) => {
            let tunnel = open_tunnel(proxy, address, policy, dialled.deadline).await;
            tunnel.map_err(|fault| DialError::Proxy {
                address: dialled.shown.clone(),
                proxy: proxy.address.to_string(),
                fault,
            })?
        }
        None => dialled.connect(address, Some(policy)).await?,
    };
    dialled.speak(stream, tls).await
}

/// Connects a client of `country` to its node. Where, its user says; so no address is refused.
///
/// # Errors
/// [`DialError`].
pub async fn connect_client(
    address: &LinkAddress,
    country: Country,
    ca: &[u8],
    own: &TlsMaterial,
    connect_timeout: Duration,
) -> Result<Channel, DialError> {
    let node = (country, ca.to_vec()).into();
    connect_client_to(address, &node, own, connect_timeout).await
}

/// As [`connect_client`], to the node that `node` vouches for and with none of its keys that its card
/// takes back.
///
/// # Errors
/// [`DialError`].
pub async fn connect_client_to(
    address: &LinkAddress,
    node: &Vouching,
    own: &TlsMaterial,
    connect_timeout: Duration,
) -> Result<Channel, DialError> {
    let tls = Arc::new(client_config_to(own, node)?);
    let dialled = Dialled {
        shown: address.to_string(),
        name: node_name(node.country),
        deadline: Instant::now() + connect_timeout,
        within: connect_timeout,
    };
    let stream = dialled.connect(address, None).await?;
    Ok(dialled.speak(stream, tls).await?.channel)
}

/// One dial: what is dialled, who should answer, until when.
struct Dialled {
    shown: String,
    name: String,
    deadline: Instant,
    within: Duration,
}

impl Dialled {
    async fn connect(
        &self,
        address: &LinkAddress,
        policy: Option<&AddressPolicy>,
    ) -> Result<TcpStream, DialError> {
        let connected = timeout_at(self.deadline, async {
            let addresses = resolve(address).await?;
            let allowed = match policy {
                Some(policy) => allowed(&self.shown, &addresses, policy)?,
                None => addresses,
            };
            connect(&allowed)
                .await
                .map_err(|source| DialError::Connect {
                    address: self.shown.clone(),
                    source,
                })
        });
        connected
            .await
            .map_err(|_| slow(&self.shown, self.within))?
    }

    async fn speak(
        &self,
        stream: TcpStream,
        tls: Arc<ClientConfig>,
    ) -> Result<LinkConnection, DialError> {
        let (shown, name) = (&self.shown, &self.name);
        let stream = timeout_at(self.deadline, handshake(shown, stream, name, tls))
            .await
            .map_err(|_| slow(shown, self.within))??;
        let chain = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let (leaf, key) = shown_in(chain).map_err(|fault| DialError::Handshake {
            address: shown.clone(),
            reason: fault.to_string(),
        })?;
        let channel = channel(shown, name, stream, self.within).await?;
        Ok(LinkConnection {
            channel,
            until: leaf.until,
            key,
        })
    }
}

pub(super) async fn resolve(address: &LinkAddress) -> Result<Vec<SocketAddr>, DialError> {
    if let Ok(ip) = address.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, address.port())]);
    }
    let found: Vec<_> = lookup_host((address.host(), address.port()))
        .await
        .map_err(|source| DialError::Resolve {
            address: address.to_string(),
            source,
        })?
        .take(MAX_TRIES)
        .collect();
    if found.is_empty() {
        return Err(DialError::NoAddress(address.to_string()));
    }
    Ok(found)
}

pub(super) fn allowed(
    shown: &str,
    addresses: &[SocketAddr],
    policy: &AddressPolicy,
) -> Result<Vec<SocketAddr>, DialError> {
    let mut allowed = Vec::with_capacity(addresses.len());
    let mut refused = None;
    for address in addresses {
        match address_allowed(address.ip(), policy) {
            Ok(()) => allowed.push(*address),
            Err(refusal) => refused = Some(refusal),
        }
    }
    match refused {
        Some(refusal) if allowed.is_empty() => Err(DialError::Refused {
            address: shown.to_owned(),
            refusal,
        }),
        _ => Ok(allowed),
    }
}

/// Connects to the first of `addresses` that answers.
pub(super) async fn connect(addresses: &[SocketAddr]) -> io::Result<TcpStream> {
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(fault) => last = fault,
        }
    }
    Err(last)
}

async fn handshake(
    shown: &str,
    stream: TcpStream,
    name: &str,
    tls: Arc<ClientConfig>,
) -> Result<TlsStream<TcpStream>, DialError> {
    let failed = |reason| DialError::Handshake {
        address: shown.to_owned(),
        reason,
    };
    let name = ServerName::try_from(name.to_owned()).map_err(|fault| failed(fault.to_string()))?;
    let stream = TlsConnector::from(tls)
        .connect(name, stream)
        .await
        .map_err(|fault| failed(explain(&fault)))?;
    if stream.get_ref().1.alpn_protocol() != Some(ALPN) {
        return Err(DialError::Protocol(shown.to_owned()));
    }
    Ok(stream)
}

/// Speaks HTTP/2 over a connection that stands. tonic sees an `http` URI, or it would ask for TLS
/// of its own; the requests say `https`.
async fn channel(
    shown: &str,
    name: &str,
    stream: TlsStream<TcpStream>,
    within: Duration,
) -> Result<Channel, DialError> {
    let failed = |source| DialError::Http {
        address: shown.to_owned(),
        source,
    };
    let origin = Uri::builder()
        .scheme("https")
        .authority(name)
        .path_and_query("/")
        .build()
        .unwrap_or_default();
    let endpoint = Endpoint::from_shared(format!("http://{name}"))
        .map_err(failed)?
        .origin(origin)
        .http2_keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE)
        .keep_alive_while_idle(true)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW);
    let once = Arc::new(Mutex::new(Some(TokioIo::new(stream))));
    let connector = tower::service_fn(move |_: Uri| {
        let taken = once.lock().unwrap_or_else(PoisonError::into_inner).take();
        std::future::ready(taken.ok_or_else(|| {
            io::Error::new(
                io::ErrorKind::NotConnected,
                "the connection has ended; dial again",
            )
        }))
    });
    timeout(within, endpoint.connect_with_connector(connector))
        .await
        .map_err(|_| slow(shown, within))?
        .map_err(failed)
}

pub(super) fn slow(shown: &str, within: Duration) -> DialError {
    DialError::Slow {
        address: shown.to_owned(),
        within,
    }
}
