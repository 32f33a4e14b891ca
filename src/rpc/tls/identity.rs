//! Who is at the other end of a connection.

use std::{fmt, net::SocketAddr};

use rustls::pki_types::CertificateDer;
use tonic::{Request, Status};

use crate::{
    access::{Caller, Principal},
    home::{CertifiedIdentity, Leaf, ProfileError, leaf},
    record::Country,
};

/// Who is at the other end of a connection, as its verified certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionIdentity {
    /// The node of a country, on a link.
    Peer(Country),
    /// A client of the own country: who it is, with its authority and roles.
    Client(Principal),
}

/// Who is at the other end of a connection, and from where. The accept loop puts it into the
/// extensions of every request.
#[derive(Clone, Debug)]
pub struct ConnectedFrom {
    /// Who.
    pub identity: ConnectionIdentity,
    /// From where; `None` when the system does not tell.
    pub address: Option<SocketAddr>,
}

/// As the ledger names it: `UZ/operator/local`, or `KZ/node`.
impl fmt::Display for ConnectionIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(country) => write!(f, "{country}/node"),
            Self::Client(principal) => principal.fmt(f),
        }
    }
}

/// The identity in a chain that a handshake has verified. The verifier lets a country's CA vouch
/// for that country only, so reading the leaf is enough; on a chain that was not verified this
/// means nothing.
///
/// # Errors
/// [`ProfileError`] when the leaf is missing or fits no profile of a caller.
pub fn identity_of(chain: &[CertificateDer<'_>]) -> Result<ConnectionIdentity, ProfileError> {
    let leaf = chain.first().ok_or(ProfileError::Certificate)?;
    match CertifiedIdentity::of(leaf)? {
        CertifiedIdentity::Link(country) => Ok(ConnectionIdentity::Peer(country)),
        CertifiedIdentity::Client(client) => Ok(ConnectionIdentity::Client(client)),
        other @ CertifiedIdentity::ClientPort(_) => Err(ProfileError::WrongProfile {
            presented: other.purpose(),
            expected: "links or clients",
        }),
    }
}

/// Serial number and end of the leaf in a chain that a handshake has verified.
///
/// # Errors
/// [`ProfileError::Certificate`].
pub(super) fn leaf_of(chain: &[CertificateDer<'_>]) -> Result<Leaf, ProfileError> {
    leaf(chain.first().ok_or(ProfileError::Certificate)?)
}

/// The country that sent a request over a link.
///
/// # Errors
/// `UNAUTHENTICATED` when the request did not come over a link.
pub fn peer_of<T>(request: &Request<T>) -> Result<Country, Status> {
    match identity(request) {
        Some(ConnectionIdentity::Peer(country)) => Ok(*country),
        _ => Err(Status::unauthenticated("this call is for links only")),
    }
}

/// The principal that sent a request over the client port.
///
/// # Errors
/// `UNAUTHENTICATED` when the request did not come over the client port.
pub fn client_of<T>(request: &Request<T>) -> Result<&Principal, Status> {
    match identity(request) {
        Some(ConnectionIdentity::Client(principal)) => Ok(principal),
        _ => Err(Status::unauthenticated("this call is for clients only")),
    }
}

/// The principal that sent a request over the client port, and from where.
///
/// # Errors
/// As [`client_of`].
pub fn caller_of<T>(request: &Request<T>) -> Result<Caller, Status> {
    let principal = client_of(request)?.clone();
    let from = request.extensions().get::<ConnectedFrom>();
    let address = from.and_then(|from| from.address);
    Ok(Caller {
        principal,
        from: address.map_or_else(String::new, |address| address.to_string()),
    })
}

fn identity<T>(request: &Request<T>) -> Option<&ConnectionIdentity> {
    let from = request.extensions().get::<ConnectedFrom>()?;
    Some(&from.identity)
}
