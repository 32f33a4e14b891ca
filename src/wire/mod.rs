//! Generated protobuf, and its canonical JSON form.
//!
//! Leans on nothing. The domain types of the other rooms convert to and from these messages at
//! their own edges; signed bytes are always kept beside what was decoded from them.

pub mod bounds;
pub mod codec;
pub(crate) mod comments;
pub mod json;
pub mod methods;

#[allow(missing_docs, rustdoc::all, clippy::all, unreachable_pub)]
mod generated {
    include!(concat!(env!("OUT_DIR"), "/comity_protos.rs"));
}

pub use generated::comity::{
    bundle::v1 as bundle, card::v1 as card, entry::v1 as entry, envelope::v1 as envelope,
    ledger::v1 as ledger, link::v1 as link, node::v1 as node, record::v1 as record,
};
