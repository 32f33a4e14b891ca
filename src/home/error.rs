//! What can go wrong with a home, whose fault it is and what to do.

use std::path::PathBuf;

use super::ProfileError;
use crate::{
    card::{AuthorityError, CardError, LinkAddressError},
    config::ConfigError,
    crypto::{KeyError, RandomError},
    record::Country,
};

/// What can go wrong with a home.
#[derive(Debug, thiserror::Error)]
pub enum HomeError {
    /// There is something already.
    #[error("{0} is not empty; `comity init` never overwrites: choose another folder")]
    NotEmpty(PathBuf),
    /// The path has no name to create.
    #[error("{0} cannot be a home; name a folder, such as /var/lib/comity")]
    NoName(PathBuf),
    /// The folder is no home.
    #[error("{0} is no home: {1} is missing; run `comity init`, or give the right --home")]
    NotAHome(PathBuf, PathBuf),
    /// A file operation failed.
    #[error("{path} cannot be {action}: {source}")]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file is larger than anything that belongs there.
    #[error("{0} is larger than anything that belongs there; restore it from a backup")]
    TooLarge(PathBuf),
    /// Others may read a private key.
    #[error("others on this machine may read {path} (mode {mode:04o}); run: chmod 600 {path}")]
    OpenPermissions {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// What a proxy's password file holds is no password.
    #[error("{path} {what}; it must hold the proxy's password alone, on one line")]
    ProxyPassword {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        what: &'static str,
    },
    /// A file that commands write does not read.
    #[error("{0} is damaged; restore it from a backup")]
    Damaged(PathBuf),
    /// There are as many tokens as there may be.
    #[error(
        "{0} tokens count already; take back one that nobody uses with `comity system token NAME --revoke`"
    )]
    TooManyTokens(usize),
    /// A key file does not parse.
    #[error("{0} is damaged or holds another kind of key; restore it from a backup")]
    Key(PathBuf),
    /// The node's keys are under a passphrase that was not given.
    #[error(
        "the keys in {0} are protected: give their passphrase with --key-passphrase-file, at the terminal, \
         or as the systemd credential `comity-keys`"
    )]
    Protected(PathBuf),
    /// The node's keys are under no passphrase.
    #[error(
        "the keys in {0} are not protected; `comity keys protect` puts them under a passphrase"
    )]
    NotProtected(PathBuf),
    /// A crash cut an erasure short, and which file key counts the store has to find out.
    #[error(
        "{0} is left of an erasure that was cut short: start the node once, stop it, and try again"
    )]
    ErasureUnfinished(PathBuf),
    /// A token that keeps the signing key does not serve.
    #[error("the token of `keys.signer` does not serve: {0}")]
    Token(String),
    /// The token refuses the PIN.
    #[error(
        "the token of `keys.signer` refuses the PIN: {0}; correct it and start again: none is tried twice, \
         since a token locks itself after a few wrong ones"
    )]
    Pin(String),
    /// No token is configured.
    #[error("no token is configured: fill in `[keys.signer]` in config.toml first")]
    NoSigner,
    /// Nobody says the PIN.
    #[error(
        "the token's PIN is missing: name a file with `keys.signer.pin_file`, or give the systemd \
         credential `comity-pin`"
    )]
    NoPin,
    /// A certificate file does not parse.
    #[error("{0} holds no certificate in PEM; restore it from a backup")]
    Certificate(PathBuf),
    /// A request for delegations, or the delegations, are refused.
    #[error(
        "the request or the delegations are refused: {0}; begin again with `comity root request`"
    )]
    Request(&'static str),
    /// The time that a certificate should count is out of its bounds.
    #[error("a certificate counts from 60 seconds to 366 days, not {0} seconds")]
    Life(u64),
    /// A trusted issuer's certificate cannot be one.
    #[error(
        "{0} is no certificate of a CA in PEM, or has the name of the own CA or of another trusted \
         issuer; put the CA's that signs the cards there"
    )]
    TrustedIssuer(PathBuf),
    /// A trusted issuer's list of revocations cannot be read, or is not its own.
    #[error(
        "{0} is no list of revoked certificates that its issuer signed; fetch it from there again"
    )]
    IssuersList(PathBuf),
    /// The list of revocations cannot be read, or is not the own CA's.
    #[error(
        "{0} is damaged or signed by another CA; restore it from a backup, or remove it and revoke \
         again with `comity operator revoke` whom it named"
    )]
    Revocations(PathBuf),
    /// The key in a file is not the one on the own card.
    #[error(
        "{path} does not match {card}; they belong to different homes: restore both from one backup"
    )]
    KeyMismatch {
        /// The key's file.
        path: PathBuf,
        /// The card's file.
        card: PathBuf,
    },
    /// The configuration names another country than the card.
    #[error(
        "config.toml says {configured}, but the keys of this home are {card}'s; correct `country`"
    )]
    CountryMismatch {
        /// In config.toml.
        configured: Country,
        /// On the own card.
        card: Country,
    },
    /// The own card does not verify.
    #[error("the own card {path} is refused: {fault}")]
    Card {
        /// The card's file.
        path: PathBuf,
        /// What is wrong with it.
        fault: CardError,
    },
    /// The configuration is not taken.
    #[error("{path}: {fault}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        fault: ConfigError,
    },
    /// Another node runs.
    #[error("another node runs on {home}{holder}; stop it first")]
    Locked {
        /// The home.
        home: PathBuf,
        /// Its process, when it said so.
        holder: String,
    },
    /// The passphrase is too short.
    #[error(
        "the passphrase has {characters} characters; it needs at least {}",
        super::root::MIN_PASSPHRASE
    )]
    WeakPassphrase {
        /// How many it has.
        characters: usize,
    },
    /// The passphrase is wrong.
    #[error(
        "{0} does not open with this passphrase; the file may also be damaged: try again, or another copy"
    )]
    WrongPassphrase(PathBuf),
    /// The file is no age file under a passphrase.
    #[error("{0} is no age file under a passphrase, or was cut short; use another copy")]
    NotARoot(PathBuf),
    /// The file asks for more work than this node is ready to do.
    #[error(
        "{path} asks for scrypt work 2^{required}, more than the 2^{allowed} allowed; it was not made by `comity init`"
    )]
    ExcessiveWork {
        /// The file.
        path: PathBuf,
        /// Work that it asks for.
        required: u8,
        /// Work that is allowed.
        allowed: u8,
    },
    /// The scrypt work factor is out of bounds.
    #[error(
        "scrypt work factor {factor} is not from 1 to {}",
        super::root::MAX_WORK_FACTOR
    )]
    WorkFactor {
        /// The factor given.
        factor: u8,
    },
    /// A key could not be encrypted under a passphrase.
    #[error("the key could not be encrypted: {0}")]
    Encrypt(String),
    /// The address is refused.
    #[error("address `{address}` is refused: {fault}")]
    Address {
        /// The address.
        address: String,
        /// What is wrong with it.
        fault: LinkAddressError,
    },
    /// The authority is refused.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// A client's name or role is refused.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// A certificate could not be made.
    #[error("the certificate could not be made: {0}")]
    Issue(#[from] rcgen::Error),
    /// The card's version is used up.
    #[error("the card's version cannot grow beyond {0}")]
    Version(u64),
    /// No randomness.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A key could not be made.
    #[error(transparent)]
    KeyMaking(#[from] KeyError),
    /// A sealing key cannot be made.
    #[error(transparent)]
    SealingKey(#[from] crate::crypto::SealingError),
}
