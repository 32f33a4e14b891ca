//! The client a request comes from, as the ledger names it.

use tonic::{Request, Status};

use crate::rpc::tls::{ConnectionIdentity, client_of};

/// `UZ/operator/local`, from the connection's certificate and never from a header.
///
/// # Errors
/// `UNAUTHENTICATED` when the request did not come over the client port.
pub(super) fn actor<T>(request: &Request<T>) -> Result<String, Status> {
    Ok(match client_of(request)? {
        ConnectionIdentity::Client {
            country,
            role,
            name,
        } => format!("{country}/{role}/{name}"),
        ConnectionIdentity::Peer(country) => format!("{country}/node"),
    })
}
