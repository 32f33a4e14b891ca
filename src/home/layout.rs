//! Paths inside a home.

use std::path::{Path, PathBuf};

use crate::access::PrincipalKind;

/// Name of the first operator and the local officer, whose keys stay in the home.
pub const LOCAL: &str = "local";

/// Paths inside a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    dir: PathBuf,
}

macro_rules! paths {
    ($($(#[$doc:meta])* $name:ident = $path:literal;)*) => {
        $(
            $(#[$doc])*
            pub fn $name(&self) -> PathBuf {
                self.dir.join($path)
            }
        )*
    };
}

impl Layout {
    /// The layout of the home at `dir`.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self { dir: dir.into() }
    }

    /// The home itself.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    paths! {
        /// Configuration.
        config = "config.toml";
        /// Folder of the agreements with other countries, one file each.
        agreements = "agreements";
        /// Folder of the country's own agreement profiles.
        profiles = "profiles";
        /// Folder of working-day calendars, one per country.
        calendars = "calendars";
        /// The permissions, where the country wrote its own.
        access = "access.toml";
        /// Own signed card.
        card = "card.bin";
        /// Held while a node runs.
        lock = "lock";
        /// Folder of the private keys.
        keys = "keys";
        /// Signing key, PKCS #8.
        signing_key = "keys/signing.pk8";
        /// The signing key that is to take its place.
        signing_key_next = "keys/signing.next.pk8";
        /// Sealing key, 32 bytes.
        sealing_key = "keys/sealing.key";
        /// The sealing key that is to take its place.
        sealing_key_next = "keys/sealing.next.key";
        /// Storage key, 32 bytes.
        storage_key = "keys/storage.key";
        /// The storage key that is to take its place.
        storage_key_next = "keys/storage.next.key";
        /// The protection key under the passphrase, where the keys are protected.
        protection = "keys/protection.age";
        /// Index key, 32 bytes.
        index_key = "keys/index.key";
        /// Card key, PKCS #8.
        card_key = "keys/card-key.pk8";
        /// Key of the issuing CA, PEM.
        issuing_ca_key = "keys/issuing-ca.key";
        /// Key of the node's certificates, PEM.
        node_tls_key = "keys/node-tls.key";
        /// The key that is to take its place, PEM.
        node_tls_key_next = "keys/node-tls.next.key";
        /// Folder of the certificates.
        certs = "certs";
        /// Certificate of the issuing CA, PEM.
        issuing_ca = "certs/issuing-ca.pem";
        /// The node's certificate on links, PEM.
        link_certificate = "certs/link.pem";
        /// The node's certificate on the client port, PEM.
        client_port_certificate = "certs/client-port.pem";
        /// The operator's client certificate, PEM.
        operator_certificate = "certs/operator.pem";
        /// Key of the operator's certificate, PEM.
        operator_key = "certs/operator.key";
        /// The local officer's client certificate, PEM.
        officer_certificate = "certs/officer.pem";
        /// Key of the local officer's certificate, PEM.
        officer_key = "certs/officer.key";
        /// Register of the client certificates issued, CSV.
        issued = "certs/issued.csv";
        /// The issuing CA's list of revoked client certificates, PEM.
        revocations = "certs/clients.crl";
        /// Tokens for TAXII, by their digests.
        taxii_tokens = "taxii-tokens.json";
        /// Folder of the roots, to be moved offline.
        root = "root";
        /// Country root under a passphrase.
        country_root = "root/root.age";
        /// Recovery root under a passphrase.
        recovery_root = "root/recovery.age";
        /// Folder of the store.
        data = "data";
        /// Folder of the journal's segments.
        journal = "data/journal";
        /// Folder of the index.
        index = "data/index";
        /// Folder of the files in chunks.
        chunks = "data/chunks";
        /// Shred slots.
        slots = "data/slots";
    }

    /// Folder of the certificates and keys of other clients that stay in the home.
    pub fn clients(&self) -> PathBuf {
        self.dir.join("certs/clients")
    }

    /// Certificate and key of a client of this home, PEM. The first operator and the local officer
    /// have places of their own.
    pub fn client(&self, kind: PrincipalKind, name: &str) -> (PathBuf, PathBuf) {
        match (kind, name) {
            (PrincipalKind::Operator, LOCAL) => (self.operator_certificate(), self.operator_key()),
            (PrincipalKind::Officer, LOCAL) => (self.officer_certificate(), self.officer_key()),
            _ => {
                let stem = self.clients().join(kind.as_str()).join(name);
                let ending = |ending: &str| {
                    let mut path = stem.clone().into_os_string();
                    path.push(ending);
                    PathBuf::from(path)
                };
                (ending(".pem"), ending(".key"))
            }
        }
    }

    /// The file key at the path that the configuration gives, relative to the home or absolute.
    pub fn file_key(&self, configured: &Path) -> PathBuf {
        self.dir.join(configured)
    }
}
