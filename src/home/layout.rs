//! Paths inside a home.

use std::path::{Path, PathBuf};

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
        /// Own signed card.
        card = "card.bin";
        /// Held while a node runs.
        lock = "lock";
        /// Folder of the private keys.
        keys = "keys";
        /// Signing key, PKCS #8.
        signing_key = "keys/signing.pk8";
        /// Sealing key, 32 bytes.
        sealing_key = "keys/sealing.key";
        /// Storage key, 32 bytes.
        storage_key = "keys/storage.key";
        /// Index key, 32 bytes.
        index_key = "keys/index.key";
        /// Card key, PKCS #8.
        card_key = "keys/card-key.pk8";
        /// Key of the issuing CA, PEM.
        issuing_ca_key = "keys/issuing-ca.key";
        /// Key of the node's certificates, PEM.
        node_tls_key = "keys/node-tls.key";
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
        /// Register of the client certificates issued, CSV.
        issued = "certs/issued.csv";
        /// The issuing CA's list of revoked client certificates, PEM.
        revocations = "certs/clients.crl";
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
        /// Shred slots.
        slots = "data/slots";
    }

    /// The file key at the path that the configuration gives, relative to the home or absolute.
    pub fn file_key(&self, configured: &Path) -> PathBuf {
        self.dir.join(configured)
    }
}
