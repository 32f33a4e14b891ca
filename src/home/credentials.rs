//! What a running node takes up from its home without a restart.

use std::{fs, path::PathBuf, time::SystemTime};

use super::{
    Home, HomeError, Layout, Revocations, TlsMaterial, TrustedIssuers, open::node_material,
};

/// The files of a home that may change while its node runs: certificates and revocations.
#[derive(Clone, Debug)]
pub struct Credentials {
    layout: Layout,
    ca: Vec<u8>,
    /// Lists of revoked certificates that trusted issuers signed.
    lists: Vec<PathBuf>,
}

impl Credentials {
    /// Of a home, whose trusted issuers were read.
    pub fn of(home: &Home, issuers: &TrustedIssuers) -> Self {
        Self {
            lists: issuers.iter().map(|one| one.list_path().clone()).collect(),
            layout: home.layout().clone(),
            ca: home.own_card().issuing_ca_der.clone(),
        }
    }

    /// The issuing CA's certificate, DER.
    pub fn ca(&self) -> &[u8] {
        &self.ca
    }

    /// The node's certificate and key on links.
    ///
    /// # Errors
    /// As [`Home::link_material`].
    pub fn link(&self) -> Result<TlsMaterial, HomeError> {
        node_material(&self.layout, &self.layout.link_certificate())
    }

    /// The node's certificate and key on its client port.
    ///
    /// # Errors
    /// As [`Home::link_material`].
    pub fn client_port(&self) -> Result<TlsMaterial, HomeError> {
        node_material(&self.layout, &self.layout.client_port_certificate())
    }

    /// The client certificates that count no more.
    ///
    /// # Errors
    /// As [`Revocations::read`].
    pub fn revocations(&self) -> Result<Revocations, HomeError> {
        Revocations::read(&self.layout, &self.ca)
    }

    /// What tells whether any of the files changed: their times and lengths. A file that is missing
    /// has none.
    pub fn stamp(&self) -> Vec<Option<(SystemTime, u64)>> {
        [
            self.layout.link_certificate(),
            self.layout.client_port_certificate(),
            self.layout.revocations(),
        ]
        .iter()
        .chain(&self.lists)
        .map(|path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
        .collect()
    }
}
