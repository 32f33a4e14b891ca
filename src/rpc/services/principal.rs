//! The principal a request comes from, and as the ledger names it.

use tonic::{Request, Status};

use crate::{access::Principal, rpc::tls::client_of};

/// `UZ/operator/local`, from the connection's certificate and never from a header.
///
/// # Errors
/// `UNAUTHENTICATED` when the request did not come over the client port.
pub(super) fn actor<T>(request: &Request<T>) -> Result<String, Status> {
    Ok(principal(request)?.to_string())
}

/// Who asks, with authority and roles.
///
/// # Errors
/// As [`actor`].
pub(super) fn principal<T>(request: &Request<T>) -> Result<&Principal, Status> {
    client_of(request)
}
