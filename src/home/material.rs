//! Certificates with their keys, for one end of a TLS connection.

use std::path::Path;

use rustls::pki_types::{CertificateDer, pem::PemObject as _};

use super::{HomeError, KeyFiles, Layout, TlsMaterial, files};

/// Reads a certificate of the node and its key: of the two that there are while one takes the other's
/// place, the one that the certificate is for.
pub(super) fn node_material(
    layout: &Layout,
    keys: &KeyFiles,
    certificate: &Path,
) -> Result<TlsMaterial, HomeError> {
    let next = layout.node_tls_key_next();
    if keys.exists(&next) {
        let der = CertificateDer::from_pem_slice(&files::read_public(certificate)?)
            .map_err(|_| HomeError::Certificate(certificate.to_owned()))?;
        let text = keys.read_text(&next)?;
        let key = rcgen::KeyPair::from_pem(&text).map_err(|_| HomeError::Key(next.clone()))?;
        let named = x509_parser::parse_x509_certificate(&der).is_ok_and(|(_, parsed)| {
            parsed.public_key().subject_public_key.data.as_ref() == key.public_key_raw()
        });
        if named {
            return material_of(certificate, &next, &text);
        }
    }
    let key = layout.node_tls_key();
    material_of(certificate, &key, &keys.read_text(&key)?)
}

/// Reads a certificate and its key.
pub(super) fn material(certificate: &Path, key: &Path) -> Result<TlsMaterial, HomeError> {
    let bytes = files::read_secret(key)?;
    let text = std::str::from_utf8(&bytes).map_err(|_| HomeError::Key(key.to_owned()))?;
    material_of(certificate, key, text)
}

fn material_of(certificate: &Path, key: &Path, text: &str) -> Result<TlsMaterial, HomeError> {
    let pem = files::read_public(certificate)?;
    let pem = String::from_utf8(pem).map_err(|_| HomeError::Certificate(certificate.to_owned()))?;
    if CertificateDer::from_pem_slice(pem.as_bytes()).is_err() {
        return Err(HomeError::Certificate(certificate.to_owned()));
    }
    TlsMaterial::from_pem(&pem, text).ok_or_else(|| HomeError::Key(key.to_owned()))
}
