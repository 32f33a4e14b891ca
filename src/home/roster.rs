//! Whom the country's CA issued client certificates to that count, by the register of what was
//! issued and the list of what was revoked.

use std::{collections::BTreeSet, fs, time::SystemTime};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{
    Home, HomeError, Layout, Revocations, files,
    revocation::{Issued, issued},
};
use crate::{
    access::Principal,
    crypto::Digest,
    record::{Country, Moment},
};

/// Whom certificates were issued to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    country: Country,
    layout: Layout,
    ca: Vec<u8>,
}

impl Roster {
    /// The roster of a home.
    pub fn of(home: &Home) -> Self {
        Self {
            country: home.country(),
            layout: home.layout().clone(),
            ca: home.own_card().issuing_ca_der.clone(),
        }
    }

    /// Every client certificate issued, oldest first.
    ///
    /// # Errors
    /// [`HomeError`] when the register cannot be read.
    pub fn certificates(&self) -> Result<Vec<Issued>, HomeError> {
        issued(&self.layout)
    }

    /// Whom certificates were issued to, whether they count or not, oldest first; of one principal the
    /// newest comes last.
    ///
    /// # Errors
    /// [`HomeError`] when the register cannot be read.
    pub fn principals(&self) -> Result<Vec<Principal>, HomeError> {
        Ok(self
            .certificates()?
            .iter()
            .filter_map(Issued::principal)
            .collect())
    }

    /// Serials of the certificates that count no more.
    ///
    /// # Errors
    /// [`HomeError`] when the list of revocations cannot be read.
    pub fn revoked(&self) -> Result<BTreeSet<Vec<u8>>, HomeError> {
        Ok(Revocations::read(&self.layout, &self.ca)?.serials)
    }

    /// SHA-256 of the public key in the node's certificate for links.
    ///
    /// # Errors
    /// [`HomeError`] when the certificate cannot be read.
    pub fn node_key(&self) -> Result<Digest, HomeError> {
        let path = self.layout.link_certificate();
        let der = CertificateDer::from_pem_slice(&files::read_public(&path)?)
            .map_err(|_| HomeError::Certificate(path.clone()))?;
        let (_, parsed) =
            X509Certificate::from_der(&der).map_err(|_| HomeError::Certificate(path))?;
        Ok(Digest::of(parsed.public_key().raw))
    }

    /// SHA-256 of the issuing CA's certificate.
    pub fn issuing_ca(&self) -> Digest {
        Digest::of(&self.ca)
    }

    /// What tells whether the register, the revocations or the node's certificate changed: times and
    /// lengths. A file that is missing has none.
    pub fn stamp(&self) -> Vec<Option<(SystemTime, u64)>> {
        [
            self.layout.issued(),
            self.layout.revocations(),
            self.layout.link_certificate(),
        ]
        .iter()
        .map(|path| {
            let metadata = fs::metadata(path).ok()?;
            Some((metadata.modified().ok()?, metadata.len()))
        })
        .collect()
    }

    /// Principals of a name, whatever their kind, of whom a certificate counts at `now`.
    ///
    /// # Errors
    /// [`HomeError`] when the register or the list of revocations cannot be read.
    pub fn named(&self, name: &str, now: Moment) -> Result<Vec<Principal>, HomeError> {
        let revoked = Revocations::read(&self.layout, &self.ca)?.serials;
        let mut named = Vec::new();
        for of in issued(&self.layout)? {
            let counts = of.counts(now) && !revoked.contains(&of.serial);
            let Some(principal) = of.principal().filter(|_| counts) else {
                continue;
            };
            if principal.name() != name || principal.country() != self.country {
                continue;
            }
            // The newest certificate says what somebody's authority and roles are.
            named.retain(|other: &Principal| other.to_string() != principal.to_string());
            named.push(principal);
        }
        Ok(named)
    }
}
