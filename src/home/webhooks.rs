//! The files of a webhook: the secret that signs, and who vouches for its receiver. Read at each attempt, so
//! that a rotation takes no restart.

use std::path::PathBuf;

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use zeroize::Zeroizing;

use super::{Home, HomeError, KeyFiles, files};
use crate::config::WebhookConfig;

/// Certificates of a CA file at most.
const MAX_CAS: usize = 64;

/// The files of a webhook.
#[derive(Clone, Debug)]
pub struct WebhookFiles {
    keys: KeyFiles,
    secret: PathBuf,
    ca: PathBuf,
}

impl WebhookFiles {
    /// The text of the secret's file.
    ///
    /// # Errors
    /// [`HomeError`] names the file: it is not there, not text, or others may read it.
    pub fn secret(&self) -> Result<Zeroizing<String>, HomeError> {
        let bytes = self.keys.read_secret(&self.secret)?;
        let text = std::str::from_utf8(&bytes);
        let text = text.map_err(|_| HomeError::Key(self.secret.clone()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// The certificates that vouch for the receiver.
    ///
    /// # Errors
    /// [`HomeError`] names the file.
    pub fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, HomeError> {
        let pem = files::read_public(&self.ca)?;
        let all = CertificateDer::pem_slice_iter(&pem).take(MAX_CAS);
        let all: Result<Vec<_>, _> = all.collect();
        let all = all.map_err(|_| HomeError::Certificate(self.ca.clone()))?;
        if all.is_empty() {
            return Err(HomeError::Certificate(self.ca.clone()));
        }
        Ok(all)
    }

    /// Where the secret lies, for messages.
    pub const fn secret_path(&self) -> &PathBuf {
        &self.secret
    }

    /// Where the certificates lie, for messages.
    pub const fn ca_path(&self) -> &PathBuf {
        &self.ca
    }
}

impl Home {
    /// The files of each webhook, in the order of the configuration.
    pub fn webhooks(&self) -> Vec<WebhookFiles> {
        let of = |webhook: &WebhookConfig| WebhookFiles {
            keys: self.key_files().clone(),
            secret: self.dir().join(&webhook.secret_file),
            ca: self.dir().join(&webhook.ca_file),
        };
        self.config().webhooks.iter().map(of).collect()
    }
}
