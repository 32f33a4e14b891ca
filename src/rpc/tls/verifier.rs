//! Certificate verifiers: a country's CA vouches for that country and for one profile, no more.

mod span;

use std::{collections::HashSet, io, sync::Arc};

use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{
        CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
    },
    pki_types::{CertificateDer, CertificateRevocationListDer, ServerName, UnixTime},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use self::span::{Span, anchor};
use super::TlsError;
use crate::{
    card::TrustedCard,
    crypto::Digest,
    home::{CertifiedIdentity, ProfileError, TrustedIssuer, link_key},
    record::Country,
};

/// Which profile a port accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepts {
    Links,
    Clients,
}

impl Accepts {
    const fn admits(self, identity: &CertifiedIdentity) -> bool {
        matches!(
            (self, identity),
            (Self::Links, CertifiedIdentity::Link(_))
                | (Self::Clients, CertifiedIdentity::Client(_))
        )
    }

    const fn purpose(self) -> &'static str {
        match self {
            Self::Links => "links",
            Self::Clients => "clients",
        }
    }
}

/// A trusted issuer with what verifies its cards.
#[derive(Debug)]
struct Trusted {
    issuer: Arc<TrustedIssuer>,
    /// The country for which it vouches.
    country: Country,
    span: Span,
    verifier: Arc<dyn ClientCertVerifier>,
}

/// Verifies who connects: one webpki verifier per country, chosen by the country that the
/// certificate claims, so that no CA can vouch for another country.
#[derive(Debug)]
pub(super) struct CallerVerifier {
    accepts: Accepts,
    countries: Vec<(Country, Span, Arc<dyn ClientCertVerifier>)>,
    /// Public keys that the cards of their countries take back.
    taken_back: HashSet<(Country, Digest)>,
    issuers: Vec<Trusted>,
    algorithms: WebPkiSupportedAlgorithms,
    /// Whether somebody may come without a certificate.
    optional: bool,
}

impl CallerVerifier {
    /// Trusts these CAs, each for its own country. One that rustls cannot use is left out with a
    /// warning: a single country's bad certificate must not close the port for all others. `revoked`
    /// is a list of certificates that count no more, by one of these CAs.
    pub(super) fn new(
        accepts: Accepts,
        trust: &[Vouching],
        revoked: Option<&CertificateRevocationListDer<'static>>,
        provider: &Arc<CryptoProvider>,
    ) -> Self {
        let mut countries = Vec::with_capacity(trust.len());
        let mut taken_back = HashSet::new();
        for vouching in trust {
            let (country, der) = (&vouching.country, &vouching.ca);
            taken_back.extend(vouching.revoked_keys.iter().map(|key| (*country, *key)));
            let built = anchor(der).and_then(|(roots, span)| {
                let mut builder =
                    WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
                if let Some(list) = revoked {
                    builder = builder
                        .with_crls([list.clone()])
                        .only_check_end_entity_revocation();
                }
                let verifier = builder
                    .build()
                    .map_err(|fault| TlsError::Anchor(fault.to_string()))?;
                Ok((span, verifier))
            });
            match built {
                Ok((span, verifier)) => countries.push((*country, span, verifier)),
                Err(fault) => {
                    tracing::warn!(%country, %fault, "the country's CA cannot be used; its connections will be refused");
                }
            }
        }
        Self {
            accepts,
            countries,
            taken_back,
            issuers: Vec::new(),
            algorithms: provider.signature_verification_algorithms,
            optional: false,
        }
    }

    /// Lets somebody come without a certificate, where that is `true`.
    pub(super) const fn optional(mut self, optional: bool) -> Self {
        self.optional = optional;
        self
    }

    /// Trusts these issuers too, each with its list of what it revoked, for cards that name it.
    pub(super) fn trusting(
        mut self,
        issuers: &[(Arc<TrustedIssuer>, CertificateRevocationListDer<'static>)],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let Some((country, ..)) = self.countries.first() else {
            return Ok(self);
        };
        let country = *country;
        for (issuer, list) in issuers {
            let (roots, span) = anchor(issuer.ca())?;
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider))
                .with_crls([list.clone()])
                .only_check_end_entity_revocation()
                .build()
                .map_err(|fault| TlsError::Anchor(fault.to_string()))?;
            self.issuers.push(Trusted {
                issuer: Arc::clone(issuer),
                country,
                span,
                verifier,
            });
        }
        Ok(self)
    }

    /// The issuer that a card names, by the name alone, as `TrustedIssuers::issuer_of`.
    fn issuer_of(&self, certificate: &[u8]) -> Option<&Trusted> {
        if self.issuers.is_empty() {
            return None;
        }
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let name = parsed.issuer().as_raw();
        self.issuers.iter().find(|one| one.issuer.has_name(name))
    }
}

impl ClientCertVerifier for CallerVerifier {
    fn client_auth_mandatory(&self) -> bool {
        !self.optional
    }

    // No hints: a stranger must not learn which countries this node trusts.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if let Some(trusted) = self.issuer_of(end_entity) {
            trusted.issuer.principal(end_entity).map_err(refused)?;
            trusted.span.check(trusted.country, now)?;
            return trusted.verifier.verify_client_cert(end_entity, &[], now);
        }
        let identity = CertifiedIdentity::of(end_entity).map_err(refused)?;
        if !self.accepts.admits(&identity) {
            return Err(refused(ProfileError::WrongProfile {
                presented: identity.purpose(),
                expected: self.accepts.purpose(),
            }));
        }
        let claimed = identity.country();
        let (_, span, verifier) = self
            .countries
            .iter()
            .find(|(country, ..)| *country == claimed)
            .ok_or_else(|| refused(ProfileError::UnknownCountry(claimed)))?;
        span.check(claimed, now)?;
        if !self.taken_back.is_empty() {
            let key = link_key(end_entity).map_err(|_| refused(ProfileError::Certificate))?;
            if self.taken_back.contains(&(claimed, key)) {
                return Err(refused(ProfileError::RevokedKey(claimed)));
            }
        }
        // Issuing CAs sign leaves themselves: intermediates are not looked at.
        verifier.verify_client_cert(end_entity, &[], now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A country's CA, and the keys of its node that its card takes back.
#[derive(Clone, Debug)]
pub struct Vouching {
    /// The country.
    pub country: Country,
    /// Its issuing CA, DER.
    pub ca: Vec<u8>,
    /// SHA-256 of public keys whose certificates count no more.
    pub revoked_keys: Vec<Digest>,
}

impl Vouching {
    /// As a country's card says.
    pub fn of(card: &TrustedCard) -> Self {
        Self {
            country: card.country,
            ca: card.issuing_ca_der.clone(),
            revoked_keys: card
                .revoked_link_keys
                .iter()
                .map(|revoked| revoked.key)
                .collect(),
        }
    }
}

impl From<(Country, Vec<u8>)> for Vouching {
    /// A CA whose country's card is not at hand.
    fn from((country, ca): (Country, Vec<u8>)) -> Self {
        Self {
            country,
            ca,
            revoked_keys: Vec::new(),
        }
    }
}

/// Verifies who was dialled: the node of one country, by that country's CA, for one port.
#[derive(Debug)]
pub(super) struct NodeVerifier {
    expected: CertifiedIdentity,
    revoked_keys: Vec<Digest>,
    span: Span,
    inner: Arc<WebPkiServerVerifier>,
}

impl NodeVerifier {
    pub(super) fn new(
        expected: CertifiedIdentity,
        vouching: &Vouching,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, TlsError> {
        let (roots, span) = anchor(&vouching.ca)?;
        let inner = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(provider))
            .build()
            .map_err(|fault| TlsError::Anchor(fault.to_string()))?;
        Ok(Self {
            expected,
            revoked_keys: vouching.revoked_keys.clone(),
            span,
            inner,
        })
    }
}

impl ServerCertVerifier for NodeVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let presented = CertifiedIdentity::of(end_entity).map_err(refused)?;
        if presented.country() != self.expected.country() {
            return Err(refused(ProfileError::WrongCountry {
                presented: presented.country(),
                expected: self.expected.country(),
            }));
        }
        if presented != self.expected {
            return Err(refused(ProfileError::WrongProfile {
                presented: presented.purpose(),
                expected: self.expected.purpose(),
            }));
        }
        self.span.check(self.expected.country(), now)?;
        let key = link_key(end_entity).map_err(|_| refused(ProfileError::Certificate))?;
        if self.revoked_keys.contains(&key) {
            return Err(refused(ProfileError::RevokedKey(self.expected.country())));
        }
        self.inner
            .verify_server_cert(end_entity, &[], server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Carries the reason through rustls to the log; the peer sees only an alert.
fn refused(fault: ProfileError) -> Error {
    Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(fault))))
}

/// A failed handshake in words: of what this node refused, its own reason instead of rustls's
/// debug form.
pub(in crate::rpc) fn explain(fault: &io::Error) -> String {
    let tls = fault
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Error>());
    match tls {
        Some(Error::InvalidCertificate(CertificateError::Other(reason))) => reason.to_string(),
        Some(Error::InvalidCertificate(CertificateError::Revoked)) => {
            "the certificate was revoked".to_owned()
        }
        Some(tls) => tls.to_string(),
        None => fault.to_string(),
    }
}
