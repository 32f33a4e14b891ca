//! Who is at the other end of a connection.

use rustls::pki_types::CertificateDer;
use tonic::{Request, Status};

use crate::{
    home::{CertifiedIdentity, ClientName, Leaf, ProfileError, leaf},
    record::Country,
};

/// Who is at the other end of a connection, as its verified certificate says. The accept loop puts
/// it into the extensions of every request.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionIdentity {
    /// The node of a country, on a link.
    Peer(Country),
    /// A client of the own country.
    Client {
        /// The country whose CA vouches: the own one.
        country: Country,
        /// The role, such as `operator`.
        role: String,
        /// The client's own name.
        name: String,
    },
}

impl From<&ClientName> for ConnectionIdentity {
    fn from(client: &ClientName) -> Self {
        Self::Client {
            country: client.country(),
            role: client.role().to_owned(),
            name: client.name().to_owned(),
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
        CertifiedIdentity::Client(client) => Ok(ConnectionIdentity::from(&client)),
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
    match request.extensions().get() {
        Some(ConnectionIdentity::Peer(country)) => Ok(*country),
        _ => Err(Status::unauthenticated("this call is for links only")),
    }
}

/// The client that sent a request over the client port: always [`ConnectionIdentity::Client`].
///
/// # Errors
/// `UNAUTHENTICATED` when the request did not come over the client port.
pub fn client_of<T>(request: &Request<T>) -> Result<&ConnectionIdentity, Status> {
    match request.extensions().get() {
        Some(identity @ ConnectionIdentity::Client { .. }) => Ok(identity),
        _ => Err(Status::unauthenticated("this call is for clients only")),
    }
}
