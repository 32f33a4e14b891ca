//! Whom the country's CA issued client certificates to: the certificates themselves, without keys,
//! beside the node's own.

use std::{fs, path::PathBuf};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{CertifiedIdentity, ClientCertificate, ClientName, HomeError, Layout, files};
use crate::record::Moment;

/// Certificates looked at, at most.
const MAX_CERTIFICATES: usize = 10_000;

/// Whom certificates were issued to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Roster {
    operator: PathBuf,
    dir: PathBuf,
}

impl Roster {
    /// The roster of a home.
    pub fn of(layout: &Layout) -> Self {
        Self {
            operator: layout.operator_certificate(),
            dir: layout.clients(),
        }
    }

    /// Notes a certificate; an older one of the same client is replaced.
    pub(super) fn note(&self, issued: &ClientCertificate) -> Result<(), HomeError> {
        if !self.dir.is_dir() {
            files::make_dir(&self.dir)?;
            files::sync_dir(files::parent(&self.dir))?;
        }
        // A role has no dot, so the first one ends it.
        let name = format!("{}.{}.pem", issued.name.role(), issued.name.name());
        files::replace(&self.dir.join(name), issued.certificate_pem.as_bytes())
    }

    /// Clients of a name, whatever their role, whose certificate counts at `now`.
    ///
    /// # Errors
    /// [`HomeError::Io`] when the folder cannot be read. A file in it that is no client's
    /// certificate names nobody.
    pub fn named(&self, name: &str, now: Moment) -> Result<Vec<ClientName>, HomeError> {
        let mut paths = vec![self.operator.clone()];
        if self.dir.is_dir() {
            let ending = format!(".{name}.pem");
            let entries = fs::read_dir(&self.dir).map_err(files::io(&self.dir, "read"))?;
            for entry in entries.take(MAX_CERTIFICATES) {
                let path = entry.map_err(files::io(&self.dir, "read"))?.path();
                let file = path.file_name().and_then(|file| file.to_str());
                if file.is_some_and(|file| file.ends_with(&ending)) {
                    paths.push(path);
                }
            }
        }
        let mut named = Vec::new();
        for path in paths {
            let Some(client) = client_of(&files::read_public(&path)?, now) else {
                continue;
            };
            if client.name() == name && !named.contains(&client) {
                named.push(client);
            }
        }
        Ok(named)
    }
}

/// The client that a certificate names, while it counts.
fn client_of(pem: &[u8], now: Moment) -> Option<ClientName> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    let CertifiedIdentity::Client(client) = CertifiedIdentity::of(&der).ok()? else {
        return None;
    };
    let (_, certificate) = x509_parser::parse_x509_certificate(&der).ok()?;
    let seconds = now.micros().div_euclid(1_000_000);
    (certificate.validity().not_after.timestamp() >= seconds).then_some(client)
}
