//! A node's folder: its keys, certificates, configuration and own card.
//!
//! ```text
//! config.toml                what the operator decides
//! card.bin                   own signed card
//! agreements/AE.toml         what is sent to AE and accepted from it; default.toml: all others
//! keys/                      0700, files 0600
//!   signing.pk8              Ed25519: headers, receipts, marks, checkpoints
//!   sealing.key              X-Wing: peers seal to it
//!   storage.key, index.key   values and index tags at rest
//!   file-key                 over the shred slots; better on another device, see `store.file_key`
//!   card-key.pk8             Ed25519: signs cards, delegated by the root
//!   issuing-ca.key           P-256: issues certificates, delegated by the root
//!   node-tls.key             P-256: of both node certificates
//!   *.next.*, *.until-T.*    while one key takes another's place; what the old one is needed for
//!   protection.age, *.sealed where the keys are under a passphrase (`custody`)
//! certs/
//!   issuing-ca.pem           the country's CA
//!   link.pem, client-port.pem   the node's certificates, one per port
//!   operator.pem, operator.key  the operator's client certificate
//!   officer.pem, officer.key    the local officer's, for commands about contents
//!   issued.csv               client certificates issued: serial, name, end, authority, roles
//!   clients.crl              client certificates that count no more, signed by the issuing CA
//! root/                      to be moved offline: the node never reads it
//!   root.age, recovery.age   country root and recovery root under a passphrase (age, scrypt)
//! data/                      journal, index, slots
//! lock                       held while a node runs
//! ```
//!
//! Leans on access, card, config, crypto, record and wire.

mod certificates;
mod credentials;
mod custody;
mod enrolment;
mod error;
mod files;
mod init;
mod issue;
mod issuers;
mod kept;
mod layout;
mod material;
mod open;
mod own_card;
mod proxies;
pub mod renewal;
mod request;
mod revocation;
pub mod root;
mod roster;
mod rotation;
mod taxii_tokens;
mod textual;
mod tokens;
mod webhooks;

#[cfg(test)]
mod tests;

pub use certificates::{CertifiedIdentity, Leaf, ProfileError, leaf, link_name, node_name};
pub use credentials::{Credentials, OwnCardFile};
pub use custody::{Custody, KeyFiles};
pub use enrolment::{CERTIFICATE_LIVES, Certified, Enrolment, MAX_RENEWED, RenewalError};
pub use error::HomeError;
pub use init::{InitOptions, InitReport, init, write_config};
pub use issue::{CERTIFICATE_LIFE, ClientCertificate, TlsMaterial};
pub use issuers::{IssuersRevocations, TrustedIssuer, TrustedIssuers};
pub use kept::{Kept, KeyKept, KeyState};
pub use layout::{LOCAL, Layout};
pub use open::{Home, HomeLock};
pub use own_card::{CardContents, reissue_card, renew_card};
pub use proxies::{Proxies, Proxy};
pub use request::{CertificateRequest, MAX_REQUEST_BYTES, RequestError};
pub use revocation::{Issued, Revocations};
pub use roster::Roster;
pub use rotation::link_key;
pub use taxii_tokens::{KeptToken, TaxiiToken, taxii_tokens, token_digest};
pub use textual::textual;
pub use tokens::TokenKey;
pub use webhooks::WebhookFiles;
