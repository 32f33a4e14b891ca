//! Why a configuration is not taken.

use std::{net::SocketAddr, path::PathBuf};

use crate::card::LinkAddressError;

use super::{MAX_CONFIG_BYTES, ProxyUrlError};

/// Why a configuration is not taken. The fault is the file's; each says what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("{path} cannot be read: {source}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is too large.
    #[error("{path} is larger than {MAX_CONFIG_BYTES} bytes")]
    TooLarge {
        /// The file.
        path: PathBuf,
    },
    /// Not TOML, an unknown field, or a value of the wrong kind.
    #[error("the configuration does not parse: {0}")]
    Syntax(#[from] Box<toml::de::Error>),
    /// A number outside its range.
    #[error("`{field}` is {value}, but must be from {low} to {high}")]
    Range {
        /// The field.
        field: &'static str,
        /// Its value.
        value: u64,
        /// Least value.
        low: u64,
        /// Greatest value.
        high: u64,
    },
    /// An address that peers could not dial.
    #[error("`addresses[{index}]` is refused: {fault}")]
    Address {
        /// Position, from 0.
        index: usize,
        /// What is wrong with it.
        fault: LinkAddressError,
    },
    /// A name that is no authority's.
    #[error("`authorities[{index}]` is refused: {fault}")]
    Authority {
        /// Position, from 0.
        index: usize,
        /// What is wrong with it.
        fault: crate::card::AuthorityError,
    },
    /// A name that no kind of record has.
    #[error("`due.routine_kinds[{index}]` is {kind:?}, but must be one of {known}")]
    Kind {
        /// Position, from 0.
        index: usize,
        /// What stands there.
        kind: String,
        /// The kinds there are.
        known: String,
    },
    /// Too many entries.
    #[error("`{field}` has {count} entries, but may have {limit}")]
    TooMany {
        /// The field.
        field: &'static str,
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// A proxy that cannot be one.
    #[error("`{field}` is refused: {fault}")]
    Proxy {
        /// The field.
        field: String,
        /// What is wrong with it.
        fault: ProxyUrlError,
    },
    /// A peer that is no country.
    #[error("a table under `links.peers` is not named by a country: {0}")]
    Peer(String),
    /// An address of a node that accepts no links.
    #[error(
        "`links.accept` is false, but `addresses` would have peers dial this node; empty `addresses` and run `comity card reissue`, or accept links"
    )]
    AddressWithoutDoor,
    /// A trusted issuer that would not do what it should.
    #[error("`trusted_issuers[{index}]` is refused: {fault}")]
    Issuer {
        /// Position, from 0.
        index: usize,
        /// What is wrong with it.
        fault: String,
    },
    /// A webhook that would not do what it should.
    #[error("`webhooks[{index}]` is refused: {fault}")]
    Webhook {
        /// Position, from 0.
        index: usize,
        /// What is wrong with it.
        fault: String,
    },
    /// A token that cannot be found by what is said of it.
    #[error("`keys.signer.{field}` is refused: {fault}")]
    Signer {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// What is said of TAXII does not hold together.
    #[error("`taxii.{field}` is refused: {fault}")]
    Taxii {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        fault: String,
    },
    /// One port for two things.
    #[error("`listen` and `client_listen` are both {0}; links and clients need a port each")]
    SamePort(SocketAddr),
    /// No file key path.
    #[error("`store.file_key` is empty; name a file, such as `keys/file-key`")]
    FileKey,
}
