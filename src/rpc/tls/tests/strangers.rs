//! Who comes with what it should not have.

use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, Issuer, KeyPair, SanType};
use rustls::{
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};

use super::Party;
use crate::{
    home::{TlsMaterial, link_name},
    record::Country,
};

/// A client that asks nothing of the server, so that only the server's rules are tested.
#[derive(Debug)]
pub(super) struct TrustAnyone;

impl rustls::client::danger::ServerCertVerifier for TrustAnyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls::pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

/// A link certificate for `claimed`, signed by the CA of `signer`.
pub(super) fn forged_link(signer: &Party, claimed: Country) -> TlsMaterial {
    let ca_key = KeyPair::from_pem(&signer.ca_key).unwrap();
    let ca = CertificateDer::from(signer.ca.clone());
    let issuer = Issuer::from_ca_cert_der(&ca, ca_key).unwrap();
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![SanType::DnsName(link_name(claimed).try_into().unwrap())];
    params.extended_key_usages = vec![
        ExtendedKeyUsagePurpose::ServerAuth,
        ExtendedKeyUsagePurpose::ClientAuth,
    ];
    let certificate = params.signed_by(&key, &issuer).unwrap();
    TlsMaterial::from_pem(&certificate.pem(), &key.serialize_pem()).unwrap()
}
