//! The node's doors: TLS, the accept loops, the link and the services for clients.
//!
//! Two ports with two TLS profiles and two routers: links are for nodes whose country's card was
//! imported, the client port is for this country's own officers, case systems and operators.
//! Identity comes from the connection and never from a header.

pub mod admission;
mod dial;
mod files;
pub mod link;
mod node_tls;
pub mod server;
pub mod services;
mod status;
mod taxii;
pub mod tls;
mod webhooks;

pub(crate) use status::REFUSAL_TYPE;
