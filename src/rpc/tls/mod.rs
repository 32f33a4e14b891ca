//! TLS: profiles of the two ports, the accept loop, dialling.
//!
//! TLS 1.3 only, mutual, no resumption. Links use the hybrid group alone; the client port prefers
//! it. Who is at the other end is read from the connection's certificate, never from a header.

mod accept;
mod checked;
mod dial;
mod hybrid_group;
mod identity;
mod profiles;
mod proxy;
mod verifier;

#[cfg(test)]
mod tests;

pub use accept::{AcceptError, AcceptLimits, Admitted, Door, Live, Serial, Served, serve};
pub use dial::{
    DialError, DialOptions, LinkConnection, connect_client, connect_client_to, dial_link,
};
pub use hybrid_group::X25519_MLKEM768;
pub use identity::{
    Caller, ConnectionIdentity, caller_of, certificate_of, client_of, identity_of, peer_of,
};
pub use profiles::{
    ClientTrust, TlsError, client_config, client_config_to, client_port_server_config,
    link_client_config, link_config_to, link_server_config,
};
pub use proxy::ProxyFault;
pub use verifier::Vouching;

pub(in crate::rpc) use checked::dial_checked;
pub(in crate::rpc) use verifier::explain;
