//! rustls configurations of the two ports, for both ends.

use std::sync::{Arc, LazyLock};

use rustls::{
    ClientConfig, ServerConfig, SupportedProtocolVersion,
    client::Resumption,
    crypto::{CryptoProvider, SupportedKxGroup, ring},
    pki_types::CertificateRevocationListDer,
    server::NoServerSessionStorage,
    version::{TLS12, TLS13},
};

use super::{
    X25519_MLKEM768,
    verifier::{Accepts, CallerVerifier, NodeVerifier, Vouching},
};
use crate::{
    home::{CertifiedIdentity, TlsMaterial, TrustedIssuer},
    record::Country,
};

/// The application protocol of both ports: HTTP/2.
pub(super) const ALPN: &[u8] = b"h2";
/// What TAXII's clients speak, at a client port that serves TAXII.
pub(super) const ALPN_HTTP1: &[u8] = b"http/1.1";

/// Why a TLS configuration cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A CA cannot be used as trust anchor: the fault of the country that issued it.
    #[error("the CA's certificate cannot be used: {0}; ask the country for a new card")]
    Anchor(String),
    /// The own certificate and key do not fit each other or rustls.
    #[error("the own certificate or key cannot be used: {0}; issue it again")]
    Own(rustls::Error),
}

/// Links: the hybrid group and nothing else.
static LINK_PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| provider(vec![X25519_MLKEM768]));

/// Client port: the hybrid group preferred; X25519 for clients that lack it.
static CLIENT_PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| provider(vec![X25519_MLKEM768, ring::kx_group::X25519]));

/// Client port where TLS 1.2 is taken: the NIST curves too, which cards' software may be limited to.
/// rustls has no TLS 1.2 suites but ECDHE with AES-GCM or ChaCha20-Poly1305.
static CARD_PROVIDER: LazyLock<Arc<CryptoProvider>> = LazyLock::new(|| {
    provider(vec![
        X25519_MLKEM768,
        ring::kx_group::X25519,
        ring::kx_group::SECP256R1,
        ring::kx_group::SECP384R1,
    ])
});

fn provider(kx_groups: Vec<&'static dyn SupportedKxGroup>) -> Arc<CryptoProvider> {
    Arc::new(CryptoProvider {
        kx_groups,
        ..ring::default_provider()
    })
}

/// What a node answers on its link port: nodes of the countries in `trust`, each vouched for by
/// its own CA.
///
/// # Errors
/// [`TlsError::Own`].
pub fn link_server_config<T: Clone + Into<Vouching>>(
    own: &TlsMaterial,
    trust: &[T],
) -> Result<ServerConfig, TlsError> {
    let trust: Vec<Vouching> = trust.iter().cloned().map(Into::into).collect();
    let verifier = CallerVerifier::new(Accepts::Links, &trust, None, &LINK_PROVIDER);
    server_config(own, verifier, &LINK_PROVIDER, &[&TLS13])
}

/// Who may come through a client port.
#[derive(Clone, Debug)]
pub struct ClientTrust {
    /// The own country.
    pub country: Country,
    /// Its issuing CA, DER.
    pub ca: Vec<u8>,
    /// What that CA revoked; `None` before the first revocation.
    pub revoked: Option<CertificateRevocationListDer<'static>>,
    /// Trusted issuers with what they revoked.
    pub issuers: Vec<(Arc<TrustedIssuer>, CertificateRevocationListDer<'static>)>,
    /// Whether TLS 1.2 is taken too.
    pub allow_tls12: bool,
    /// Whether HTTP/1.1 is taken too, for TAXII.
    pub http1: bool,
    /// Whether a client may come without a certificate: the accept loop lets it in to TAXII alone.
    pub without_certificate: bool,
}

/// What a node answers on its client port: clients of its own country whose certificates were not
/// revoked.
///
/// # Errors
/// [`TlsError::Own`], and [`TlsError::Anchor`] for a trusted issuer that cannot be used.
pub fn client_port_server_config(
    own: &TlsMaterial,
    trust: &ClientTrust,
) -> Result<ServerConfig, TlsError> {
    let (provider, versions): (&Arc<_>, &[_]) = if trust.allow_tls12 {
        (&CARD_PROVIDER, &[&TLS13, &TLS12])
    } else {
        (&CLIENT_PROVIDER, &[&TLS13])
    };
    let own_ca = [Vouching::from((trust.country, trust.ca.clone()))];
    let verifier = CallerVerifier::new(Accepts::Clients, &own_ca, trust.revoked.as_ref(), provider)
        .trusting(&trust.issuers, provider)?
        .optional(trust.without_certificate);
    let mut config = server_config(own, verifier, provider, versions)?;
    // A TLS 1.2 session that is not bound to its handshake can be spliced into another (RFC 7627).
    config.require_ems = trust.allow_tls12;
    if trust.http1 {
        config.alpn_protocols.push(ALPN_HTTP1.to_vec());
    }
    Ok(config)
}

/// How a node dials the node of `peer`, whose CA is `ca` and whose card takes no key back.
///
/// # Errors
/// [`TlsError`].
pub fn link_client_config(
    own: &TlsMaterial,
    peer: Country,
    ca: &[u8],
) -> Result<ClientConfig, TlsError> {
    link_config_to(own, &(peer, ca.to_vec()).into())
}

/// How a node dials the node of the country that `peer` vouches for.
///
/// # Errors
/// [`TlsError`].
pub fn link_config_to(own: &TlsMaterial, peer: &Vouching) -> Result<ClientConfig, TlsError> {
    let expected = CertifiedIdentity::Link(peer.country);
    dialling_config(own, expected, peer, &LINK_PROVIDER)
}

/// How a client of `country` dials its node, whose CA is `ca` and whose card takes no key back.
///
/// # Errors
/// [`TlsError`].
pub fn client_config(
    own: &TlsMaterial,
    country: Country,
    ca: &[u8],
) -> Result<ClientConfig, TlsError> {
    client_config_to(own, &(country, ca.to_vec()).into())
}

/// How a client dials the node of the country that `node` vouches for.
///
/// # Errors
/// [`TlsError`].
pub fn client_config_to(own: &TlsMaterial, node: &Vouching) -> Result<ClientConfig, TlsError> {
    let expected = CertifiedIdentity::ClientPort(node.country);
    dialling_config(own, expected, node, &CLIENT_PROVIDER)
}

fn server_config(
    own: &TlsMaterial,
    verifier: CallerVerifier,
    provider: &Arc<CryptoProvider>,
    versions: &[&'static SupportedProtocolVersion],
) -> Result<ServerConfig, TlsError> {
    let mut config = ServerConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(versions)
        .map_err(TlsError::Own)?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![own.certificate().clone()], own.key())
        .map_err(TlsError::Own)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would skip the certificate: who was revoked since would still get in.
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn dialling_config(
    own: &TlsMaterial,
    expected: CertifiedIdentity,
    vouching: &Vouching,
    provider: &Arc<CryptoProvider>,
) -> Result<ClientConfig, TlsError> {
    let verifier = Arc::new(NodeVerifier::new(expected, vouching, provider)?);
    let mut config = ClientConfig::builder_with_provider(Arc::clone(provider))
        .with_protocol_versions(&[&TLS13])
        .map_err(TlsError::Own)?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_client_auth_cert(vec![own.certificate().clone()], own.key())
        .map_err(TlsError::Own)?;
    config.alpn_protocols = vec![ALPN.to_vec()];
    config.resumption = Resumption::disabled();
    // The name would tell an onlooker in the clear which country is dialled; no node needs it.
    config.enable_sni = false;
    Ok(config)
}
