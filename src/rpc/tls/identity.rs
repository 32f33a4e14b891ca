//! Who is at the other end of a connection.

use std::{fmt, net::SocketAddr, sync::Arc};

use rustls::pki_types::CertificateDer;
use tonic::{Request, Status};

use crate::{
    access::{self, Principal},
    crypto::Digest,
    home::{CertifiedIdentity, HomeError, Leaf, ProfileError, TrustedIssuers, leaf, link_key},
    record::Country,
};

/// Who calls, with the verified certificate that says so, and from where. The accept loop puts it
/// into the extensions of every request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Who it is.
    pub identity: ConnectionIdentity,
    /// The certificate, DER.
    pub certificate: Arc<[u8]>,
    /// From where; `None` when the system does not tell.
    pub address: Option<SocketAddr>,
}

/// Who is at the other end of a connection, as its verified certificate says.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionIdentity {
    /// The node of a country, on a link.
    Peer(Country),
    /// A client of the own country: who it is, with its authority and roles.
    Client(Principal),
    /// A client without a certificate. It is let in to TAXII alone, where a token says who it is.
    Unknown,
}

/// As the ledger names it: `UZ/operator/local`, or `KZ/node`.
impl fmt::Display for ConnectionIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer(country) => write!(f, "{country}/node"),
            Self::Client(principal) => principal.fmt(f),
            Self::Unknown => f.write_str("a client without a certificate"),
        }
    }
}

/// The identity in a chain that a handshake has verified. The verifier lets a country's CA vouch
/// for that country only, so reading the leaf is enough; on a chain that was not verified this
/// means nothing.
///
/// # Errors
/// [`ProfileError`] when the leaf is missing or fits no profile of a caller.
pub fn identity_of(
    chain: &[CertificateDer<'_>],
    issuers: &TrustedIssuers,
) -> Result<ConnectionIdentity, ProfileError> {
    let leaf = chain.first().ok_or(ProfileError::Certificate)?;
    // As the verifier did: whoever names a trusted issuer was verified by it, and by nobody else.
    if let Some(issuer) = issuers.issuer_of(leaf) {
        return Ok(ConnectionIdentity::Client(issuer.principal(leaf)?));
    }
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

/// What decides whether the leaf in a verified chain still counts, and the SHA-256 of its public key, as
/// cards name it.
///
/// # Errors
/// [`HomeError::Profile`].
pub(super) fn shown_in(chain: &[CertificateDer<'_>]) -> Result<(Leaf, Digest), HomeError> {
    let own = chain.first().ok_or(ProfileError::Certificate)?;
    Ok((leaf(own)?, link_key(own)?))
}

/// The country that sent a request over a link.
///
/// # Errors
/// `UNAUTHENTICATED` when the request did not come over a link.
pub fn peer_of<T>(request: &Request<T>) -> Result<Country, Status> {
    match caller(request) {
        Some(ConnectionIdentity::Peer(country)) => Ok(*country),
        _ => Err(Status::unauthenticated("this call is for links only")),
    }
}

/// The principal that sent a request over the client port.
///
/// # Errors
/// `UNAUTHENTICATED` when the request did not come over the client port.
pub fn client_of<T>(request: &Request<T>) -> Result<&Principal, Status> {
    match caller(request) {
        Some(ConnectionIdentity::Client(principal)) => Ok(principal),
        _ => Err(Status::unauthenticated("this call is for clients only")),
    }
}

/// The principal that sent a request over the client port, and from where.
///
/// # Errors
/// As [`client_of`].
pub fn caller_of<T>(request: &Request<T>) -> Result<access::Caller, Status> {
    let principal = client_of(request)?.clone();
    let caller = request.extensions().get::<Caller>();
    let address = caller.and_then(|caller| caller.address);
    Ok(access::Caller {
        principal,
        from: address.map_or_else(String::new, |address| address.to_string()),
    })
}

/// The certificate by which a request's connection was let in, DER.
///
/// # Errors
/// `UNAUTHENTICATED` when the request came over no such connection.
pub fn certificate_of<T>(request: &Request<T>) -> Result<Arc<[u8]>, Status> {
    let caller = request.extensions().get::<Caller>();
    caller
        .map(|caller| Arc::clone(&caller.certificate))
        .ok_or_else(|| Status::unauthenticated("the connection has no certificate"))
}

fn caller<T>(request: &Request<T>) -> Option<&ConnectionIdentity> {
    let caller = request.extensions().get::<Caller>();
    caller.map(|caller| &caller.identity)
}
