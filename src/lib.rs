//! Comity: a message broker through which countries exchange signed, sealed records against
//! trafficking in persons.
//!
//! The main path, a line a step: `record` validates a submission, `envelope` seals and signs it,
//! `store` makes it durable through one writer, `ledger` gives it a leaf, `replication` carries it
//! over a link, the destination verifies before it decodes, re-keys it, makes it durable with a
//! receipt, and the receipt becomes durable at the origin. `node` holds these steps as use cases,
//! `rpc` and `cli` are its doors. docs/ARCHITECTURE.md has the whole house.

pub mod access;
pub mod bag;
pub mod card;
pub mod catalogue;
pub mod cli;
pub mod client;
pub mod config;
pub mod crypto;
pub mod entry;
pub mod envelope;
pub mod evidence;
pub mod exercise;
pub mod feed;
pub mod home;
pub mod inbox;
pub mod ledger;
pub mod limits;
pub mod node;
pub mod record;
pub mod replication;
pub mod rpc;
pub mod search;
pub mod shutdown;
pub mod statistics;
pub mod store;
pub mod telemetry;
pub mod wire;
