//! Issuing certificates: the country's CA, the node's two certificates, clients'.

use std::{net::IpAddr, time::Duration};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, SanType, SerialNumber,
    SubjectPublicKeyInfo,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use zeroize::Zeroizing;

use super::{HomeError, leaf, link_name, node_name};
use crate::{
    access::Principal,
    card::CLOCK_TOLERANCE,
    crypto::random_bytes,
    record::{Country, Moment},
};

/// How long a certificate of the node or a client counts.
pub const CERTIFICATE_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);
/// How long a delegation, and so the issuing CA, counts.
pub(super) const DELEGATION_LIFE: Duration = Duration::from_secs(2 * 365 * 24 * 3600);

/// A certificate and its key, for one end of a TLS connection.
pub struct TlsMaterial {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl TlsMaterial {
    /// From PEM; of several certificates the first counts. `None` when either does not parse.
    pub fn from_pem(certificate: &str, key: &str) -> Option<Self> {
        Some(Self {
            certificate: CertificateDer::from_pem_slice(certificate.as_bytes()).ok()?,
            key: PrivateKeyDer::from_pem_slice(key.as_bytes()).ok()?,
        })
    }

    /// The certificate.
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    /// The same key with another certificate.
    pub fn with_certificate(&self, certificate: CertificateDer<'static>) -> Self {
        Self {
            certificate,
            key: self.key(),
        }
    }

    /// A copy of the key, for rustls to own.
    pub fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

impl Clone for TlsMaterial {
    fn clone(&self) -> Self {
        Self {
            certificate: self.certificate.clone(),
            key: self.key(),
        }
    }
}

impl std::fmt::Debug for TlsMaterial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsMaterial(..)")
    }
}

/// A client's new certificate with its key.
pub struct ClientCertificate {
    /// Who the client is.
    pub principal: Principal,
    /// Certificate, PEM.
    pub certificate_pem: String,
    /// Private key, PKCS #8 in PEM.
    pub key_pem: Zeroizing<String>,
    /// When it ends.
    pub expires_at: Moment,
}

/// The country's issuing CA with its key.
pub(super) struct IssuingCa {
    issuer: Issuer<'static, KeyPair>,
    /// When its certificate ends.
    until: Moment,
}

/// A new CA, and what to keep of it.
pub(super) struct NewIssuingCa {
    pub(super) ca: IssuingCa,
    pub(super) certificate: CertificateDer<'static>,
    pub(super) certificate_pem: String,
    pub(super) key_pem: Zeroizing<String>,
}

/// P-256, because browsers and gRPC's C core accept no Ed25519 certificates.
pub(super) fn tls_key() -> Result<(KeyPair, Zeroizing<String>), HomeError> {
    let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
    let pem = Zeroizing::new(key.serialize_pem());
    Ok((key, pem))
}

impl IssuingCa {
    /// Makes a CA for a country.
    pub(super) fn create(country: Country, now: Moment) -> Result<NewIssuingCa, HomeError> {
        let (key, key_pem) = tls_key()?;
        let serial = serial()?;
        // Two CAs of one country must not share a name: verifiers find issuers by it.
        let name = format!("{country} issuing CA {}", hex::encode(serial.to_bytes()));
        let params = ca_params(country, &name, serial, now)?;
        let certificate = params.self_signed(&key)?;
        Ok(NewIssuingCa {
            certificate: certificate.der().clone(),
            certificate_pem: certificate.pem(),
            key_pem,
            ca: Self {
                issuer: Issuer::new(params, key),
                until: now + DELEGATION_LIFE,
            },
        })
    }

    /// The CA's certificate for another span, with the same name and key.
    pub(super) fn renew(
        &self,
        country: Country,
        held: &[u8],
        now: Moment,
    ) -> Result<CertificateDer<'static>, HomeError> {
        let name = X509Certificate::from_der(held)
            .ok()
            .and_then(|(_, held)| {
                let name = held.subject().iter_common_name().next()?;
                name.as_str().ok().map(str::to_owned)
            })
            .ok_or(HomeError::Request("the CA's certificate has no name"))?;
        let params = ca_params(country, &name, serial()?, now)?;
        Ok(params.self_signed(self.issuer.key())?.der().clone())
    }

    /// Takes a CA from its kept parts. `None` when they do not parse.
    pub(super) fn load(certificate: &CertificateDer<'static>, key_pem: &str) -> Option<Self> {
        let key = KeyPair::from_pem(key_pem).ok()?;
        let issuer = Issuer::from_ca_cert_der(certificate, key).ok()?;
        let until = leaf(certificate).ok()?.until;
        Some(Self { issuer, until })
    }

    /// Name and key of the CA, for what it signs.
    pub(super) const fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }

    /// The public key of the CA, raw.
    pub(super) fn public_key(&self) -> &[u8] {
        self.issuer.key().public_key_raw()
    }

    /// The node's certificate on links.
    pub(super) fn issue_link(
        &self,
        country: Country,
        key: &KeyPair,
        now: Moment,
    ) -> Result<String, HomeError> {
        let name = link_name(country);
        let mut params = params(country, &name, serial()?, now, CERTIFICATE_LIFE)?;
        params.subject_alt_names = vec![SanType::DnsName(name.try_into()?)];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        Ok(params.signed_by(key, &self.issuer)?.pem())
    }

    /// The node's certificate on its client port, also under `hosts`.
    pub(super) fn issue_client_port(
        &self,
        country: Country,
        key: &KeyPair,
        hosts: &[String],
        now: Moment,
    ) -> Result<String, HomeError> {
        let name = node_name(country);
        let mut params = params(country, &name, serial()?, now, CERTIFICATE_LIFE)?;
        let mut names = vec![SanType::DnsName(name.try_into()?)];
        for host in ["localhost", "127.0.0.1", "::1"]
            .into_iter()
            .chain(hosts.iter().map(String::as_str))
        {
            let name = match host.parse::<IpAddr>() {
                Ok(address) if address.is_unspecified() => continue,
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(host.try_into()?),
            };
            if !names.contains(&name) {
                names.push(name);
            }
        }
        params.subject_alt_names = names;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        Ok(params.signed_by(key, &self.issuer)?.pem())
    }

    /// A client's certificate for its key, in PEM, and when it ends: after `life`, or with this CA
    /// where that is sooner.
    pub(super) fn issue_client(
        &self,
        principal: &Principal,
        key: &SubjectPublicKeyInfo,
        life: Duration,
        now: Moment,
    ) -> Result<(String, Moment), HomeError> {
        let life = life.min(self.until.since(now));
        let common = format!("{} {}", principal.kind(), principal.name());
        // Subjects are for people who look at a certificate; names beyond 64 characters do not fit.
        let common: String = common.chars().take(64).collect();
        let mut params = params(principal.country(), &common, serial()?, now, life)?;
        for uri in principal.uris() {
            params.subject_alt_names.push(SanType::URI(uri.try_into()?));
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        Ok((params.signed_by(key, &self.issuer)?.pem(), now + life))
    }
}

/// What all certificates share. They start earlier than now, for peers whose clock is behind.
fn params(
    country: Country,
    common_name: &str,
    serial: SerialNumber,
    now: Moment,
    life: Duration,
) -> Result<CertificateParams, HomeError> {
    let date = |moment: Moment| moment.utc().ok_or(rcgen::Error::Time);
    let mut params = CertificateParams::default();
    let mut subject = DistinguishedName::new();
    subject.push(DnType::CountryName, country.code());
    subject.push(DnType::OrganizationName, "Comity");
    subject.push(DnType::CommonName, common_name);
    params.distinguished_name = subject;
    params.serial_number = Some(serial);
    params.not_before = date(before(now))?;
    params.not_after = date(now + life)?;
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

/// A CA's own certificate.
fn ca_params(
    country: Country,
    name: &str,
    serial: SerialNumber,
    now: Moment,
) -> Result<CertificateParams, HomeError> {
    let mut params = params(country, name, serial, now, DELEGATION_LIFE)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.use_authority_key_identifier_extension = false;
    Ok(params)
}

/// The beginning of what is issued at `now`.
pub(super) fn before(now: Moment) -> Moment {
    let tolerance = i64::try_from(CLOCK_TOLERANCE.as_micros()).unwrap_or_default();
    Moment::from_micros(now.micros().saturating_sub(tolerance))
}

/// 127 random bits. Not rcgen's own, which comes from the key: both node certificates share one.
fn serial() -> Result<SerialNumber, HomeError> {
    let mut bytes = random_bytes::<16>()?;
    if let Some(first) = bytes.first_mut() {
        // Positive, and never shortened by a leading zero.
        *first = *first & 0x7f | 0x40;
    }
    Ok(SerialNumber::from_slice(&bytes))
}
