//! A tunnel through an HTTP proxy: CONNECT of RFC 9110, section 9.3.6, with Basic credentials.
//!
//! The proxy sees which peer is dialled and how much is said, nothing more: the link's mutual TLS
//! runs inside. What it answers is bounded in size and time and believed in one point only, that
//! the tunnel stands.

use std::{io, net::IpAddr};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::{Instant, timeout_at},
};
use zeroize::Zeroizing;

use self::answer::Answer;
use super::{
    DialError,
    dial::{connect, resolve},
};
use crate::{
    card::{AddressPolicy, AddressRefusal, LinkAddress, address_allowed},
    home::Proxy,
};

mod answer;

/// Names that resolve inside the proxy's own network (RFC 6761, 6762, 8375, and what clouds and
/// offices use).
const LOCAL_NAMES: [&str; 6] = [
    "localhost",
    "local",
    "localdomain",
    "internal",
    "lan",
    "arpa",
];

/// Why a proxy opened no tunnel, and whose fault it is.
#[derive(Debug, thiserror::Error)]
pub enum ProxyFault {
    /// No connection to the proxy itself.
    #[error("the proxy itself cannot be reached: {0}; check `links.proxy` and this network")]
    Unreachable(String),
    /// The peer's address may not be dialled; the fault is of the peer's card.
    #[error("the peer's address is not dialled: {0}")]
    Refused(#[from] AddressRefusal),
    /// A name of the proxy's own network; the fault is of the peer's card.
    #[error(
        "the peer's address names a host of the local network; set `allow_private_addresses = true` if a peer really is there"
    )]
    LocalName,
    /// 407.
    #[error(
        "the proxy does not take this node's credentials (407); check the user in `links.proxy` and `proxy_password_file` (only the Basic scheme is spoken)"
    )]
    Credentials,
    /// 403.
    #[error("the proxy forbids this destination (403); have its operator permit CONNECT to it")]
    Forbidden,
    /// 502, 503, 504.
    #[error(
        "the proxy could not reach the peer ({0}); the peer is down, or the network between the two"
    )]
    NotThrough(u16),
    /// A redirect, which a tunnel cannot follow.
    #[error("it answers with a redirect ({0}), which a tunnel does not follow; is it a proxy?")]
    Redirect(u16),
    /// Any other status.
    #[error("the proxy refuses with status {0}; its operator can tell why")]
    Status(u16),
    /// Not HTTP/1.
    #[error("what answers is no HTTP proxy: {0}; check `links.proxy`")]
    NoProxy(&'static str),
    /// A head without end.
    #[error(
        "the proxy's answer has more than {} bytes of header; the proxy is faulty",
        answer::MAX_HEAD
    )]
    Endless,
    /// Bytes where only the tunnel may be.
    #[error("the proxy said something of its own into the tunnel; the proxy is faulty")]
    Intruding,
    /// Closed in between.
    #[error("the proxy closed the connection before its answer was complete")]
    Closed,
    /// No answer in time.
    #[error(
        "no complete answer from the proxy within `dial.connect_timeout_ms`; the proxy is slow, or the peer does not answer it"
    )]
    Slow,
}

/// Connects to the proxy and has it open a tunnel to `address`.
pub(super) async fn open_tunnel(
    proxy: &Proxy,
    address: &LinkAddress,
    policy: &AddressPolicy,
    deadline: Instant,
) -> Result<TcpStream, ProxyFault> {
    permitted(address, policy)?;
    timeout_at(deadline, async {
        let mut stream = reach(&proxy.address).await?;
        ask(&mut stream, proxy, address).await?;
        Ok(stream)
    })
    .await
    .map_err(|_| ProxyFault::Slow)?
}

/// What can be said of an address that the proxy is to resolve.
fn permitted(address: &LinkAddress, policy: &AddressPolicy) -> Result<(), ProxyFault> {
    if let Ok(ip) = address.host().parse::<IpAddr>() {
        return Ok(address_allowed(ip, policy)?);
    }
    let host = address.host();
    let last = host.rsplit('.').next().unwrap_or(host);
    if policy.allow_private || (host.contains('.') && !LOCAL_NAMES.contains(&last)) {
        return Ok(());
    }
    Err(ProxyFault::LocalName)
}

async fn reach(proxy: &LinkAddress) -> Result<TcpStream, ProxyFault> {
    let addresses = resolve(proxy).await.map_err(|fault| match fault {
        DialError::Resolve { source, .. } => ProxyFault::Unreachable(source.to_string()),
        other => ProxyFault::Unreachable(other.to_string()),
    })?;
    connect(&addresses)
        .await
        .map_err(|fault| ProxyFault::Unreachable(fault.to_string()))
}

async fn ask(
    stream: &mut TcpStream,
    proxy: &Proxy,
    address: &LinkAddress,
) -> Result<(), ProxyFault> {
    let broken = |fault: io::Error| match fault.kind() {
        io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => ProxyFault::Closed,
        _ => ProxyFault::Unreachable(fault.to_string()),
    };
    let request = request(proxy, address);
    stream.write_all(request.as_bytes()).await.map_err(broken)?;
    let mut answer = Answer::default();
    let mut chunk = [0; 1024];
    loop {
        let read = stream.read(&mut chunk).await.map_err(broken)?;
        if read == 0 {
            return Err(ProxyFault::Closed);
        }
        if answer.take(chunk.get(..read).unwrap_or_default())? {
            return Ok(());
        }
    }
}

fn request(proxy: &Proxy, address: &LinkAddress) -> Zeroizing<String> {
    let (line, host) = (
        format!("CONNECT {address} HTTP/1.1\r\n"),
        format!("Host: {address}\r\n"),
    );
    let credentials = proxy.credentials().unwrap_or_default();
    // Of the right capacity at once, so that growing leaves no copy of the password behind.
    let length = line.len() + host.len() + credentials.len() + 64;
    let mut request = Zeroizing::new(String::with_capacity(length));
    request.push_str(&line);
    request.push_str(&host);
    if !credentials.is_empty() {
        request.push_str("Proxy-Authorization: Basic ");
        request.push_str(credentials);
        request.push_str("\r\n");
    }
    request.push_str("\r\n");
    request
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> LinkAddress {
        text.parse().unwrap()
    }

    #[test]
    fn the_request_names_the_peer_and_carries_the_password_encoded() {
        let open = Proxy::open(at("proxy:3128"));
        assert_eq!(
            request(&open, &at("[2a00::1]:7443")).as_str(),
            "CONNECT [2a00::1]:7443 HTTP/1.1\r\nHost: [2a00::1]:7443\r\n\r\n"
        );
        // The example of RFC 7617, section 2.
        let closed = Proxy::with_password(at("proxy:3128"), "Aladdin", "open sesame");
        assert!(
            request(&closed, &at("node.kz:7443"))
                .contains("\r\nProxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n")
        );
        assert!(!format!("{closed:?}").contains("QWxh"));
    }

    #[test]
    fn a_card_does_not_send_the_proxy_into_its_own_network() {
        let strict = AddressPolicy::default();
        for local in ["proxy:80", "localhost:80", "db.internal:80", "a.local:80"] {
            let refused = permitted(&at(local), &strict);
            assert!(matches!(refused, Err(ProxyFault::LocalName)), "{local}");
        }
        for literal in ["10.0.0.1:80", "169.254.169.254:80", "[::1]:80"] {
            let refused = permitted(&at(literal), &strict);
            assert!(matches!(refused, Err(ProxyFault::Refused(_))), "{literal}");
        }
        permitted(&at("node.kz:7443"), &strict).unwrap();
        let private = AddressPolicy {
            allow_private: true,
            permitted: Vec::new(),
        };
        permitted(&at("node:7443"), &private).unwrap();
        permitted(&at("10.0.0.1:7443"), &private).unwrap();
    }
}
