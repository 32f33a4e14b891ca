//! Trusted issuers: CAs of the country, beside its own, that vouch for clients by their cards.
//!
//! Which issuer a certificate belongs to is told by the name of its issuer alone, so that verifying
//! and naming always agree on it; no trusted issuer has the name of the own CA or of another one.
//! URIs in such a certificate are not looked at.

use std::{path::PathBuf, sync::Arc};

use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, pem::PemObject as _};
use x509_parser::{
    certificate::X509Certificate,
    extensions::{GeneralName, ParsedExtension},
    prelude::FromDer as _,
    revocation_list::CertificateRevocationList,
    x509::X509Name,
};

use super::{
    Home, HomeError, ProfileError,
    certificates::{leaf, plain_serial},
    files,
};
use crate::{
    access::Principal,
    config::{Config, MappingRule, NameSource, TrustedIssuerConfig},
};

/// The trusted issuers of a home.
#[derive(Clone, Debug, Default)]
pub struct TrustedIssuers {
    issuers: Vec<Arc<TrustedIssuer>>,
}

/// A CA that is trusted to name clients.
#[derive(Debug)]
pub struct TrustedIssuer {
    config: Config,
    own: TrustedIssuerConfig,
    /// Certificate, DER.
    ca: Vec<u8>,
    /// Its subject, DER.
    subject: Vec<u8>,
    crl: PathBuf,
}

/// A list of revoked certificates that its issuer signed.
#[derive(Clone, Debug)]
pub struct IssuersRevocations {
    /// The list, DER.
    pub list: CertificateRevocationListDer<'static>,
    /// What is on it, as [`TrustedIssuers::serial`] tells them from others'.
    pub serials: Vec<Vec<u8>>,
}

impl TrustedIssuers {
    /// Reads the certificates of the configured issuers.
    ///
    /// # Errors
    /// [`HomeError`] names the file of one that is no CA's certificate, or has the name of the own CA
    /// or of another.
    pub fn of(home: &Home) -> Result<Self, HomeError> {
        let mut names = vec![subject_of(&home.own_card().issuing_ca_der).unwrap_or_default()];
        let mut issuers = Vec::new();
        for own in &home.config().trusted_issuers {
            let path = home.dir().join(&own.ca);
            let refused = || HomeError::TrustedIssuer(path.clone());
            let ca = CertificateDer::from_pem_slice(&files::read_public(&path)?)
                .map_err(|_| refused())?
                .to_vec();
            let subject = subject_of(&ca).ok_or_else(refused)?;
            if names.contains(&subject) {
                return Err(refused());
            }
            names.push(subject.clone());
            issuers.push(Arc::new(TrustedIssuer {
                config: home.config().clone(),
                own: own.clone(),
                ca,
                subject,
                crl: home.dir().join(&own.crl),
            }));
        }
        Ok(Self { issuers })
    }

    /// Every issuer.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<TrustedIssuer>> {
        self.issuers.iter()
    }

    /// The issuer that a certificate names as its own. Says nothing about who signed it.
    pub fn issuer_of(&self, certificate: &[u8]) -> Option<&Arc<TrustedIssuer>> {
        if self.issuers.is_empty() {
            return None;
        }
        let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
        let name = parsed.issuer().as_raw();
        self.issuers.iter().find(|issuer| issuer.has_name(name))
    }

    /// A certificate's serial number, told from those that other CAs gave.
    ///
    /// # Errors
    /// [`ProfileError::Certificate`].
    pub fn serial(&self, certificate: &[u8]) -> Result<Vec<u8>, ProfileError> {
        let serial = leaf(certificate)?.serial;
        let issuer = self.issuer_of(certificate);
        Ok(issuer.map_or_else(|| serial.clone(), |issuer| issuer.told_apart(&serial)))
    }
}

impl TrustedIssuer {
    /// The label before the names that it vouches for.
    pub fn label(&self) -> &str {
        &self.own.label
    }

    /// Whether a name (DER) is its own.
    pub fn has_name(&self, name: &[u8]) -> bool {
        self.subject == name
    }

    /// Its certificate, DER.
    pub fn ca(&self) -> &[u8] {
        &self.ca
    }

    /// Where its list of revoked certificates lies.
    pub const fn list_path(&self) -> &PathBuf {
        &self.crl
    }

    /// Reads its list of revoked certificates and checks that it signed it.
    ///
    /// # Errors
    /// [`HomeError::IssuersList`]: without a list that can be read nobody is let in, because who is on
    /// it was revoked for a reason.
    pub fn revocations(&self) -> Result<IssuersRevocations, HomeError> {
        let damaged = || HomeError::IssuersList(self.crl.clone());
        let bytes = files::read_list(&self.crl)?;
        let list = if bytes.trim_ascii_start().starts_with(b"-----BEGIN") {
            CertificateRevocationListDer::from_pem_slice(&bytes).map_err(|_| damaged())?
        } else {
            CertificateRevocationListDer::from(bytes)
        };
        let serials = {
            let (rest, parsed) =
                CertificateRevocationList::from_der(&list).map_err(|_| damaged())?;
            let (_, ca) = X509Certificate::from_der(&self.ca).map_err(|_| damaged())?;
            parsed
                .verify_signature(ca.public_key())
                .map_err(|_| damaged())?;
            if !rest.is_empty() {
                return Err(damaged());
            }
            let revoked = parsed.iter_revoked_certificates();
            revoked
                .map(|one| self.told_apart(&plain_serial(one.raw_serial())))
                .collect()
        };
        Ok(IssuersRevocations { list, serials })
    }

    /// Begins with a zero byte, as no own serial number does.
    fn told_apart(&self, serial: &[u8]) -> Vec<u8> {
        [&[0], self.own.label.as_bytes(), &[0], serial].concat()
    }

    /// Who a certificate of this issuer makes its holder. Says nothing about who signed it.
    ///
    /// # Errors
    /// [`ProfileError::Unnamed`] without a name that counts, [`ProfileError::Unmapped`] when no rule
    /// fits.
    pub fn principal(&self, certificate: &[u8]) -> Result<Principal, ProfileError> {
        let (rest, parsed) =
            X509Certificate::from_der(certificate).map_err(|_| ProfileError::Certificate)?;
        if !rest.is_empty() {
            return Err(ProfileError::Certificate);
        }
        let label = || self.own.label.clone();
        let name = name_in(&parsed, self.own.name).ok_or_else(|| ProfileError::Unnamed(label()))?;
        let name = name.to_ascii_lowercase();
        let rule = self
            .own
            .rules
            .iter()
            .find(|rule| fits(rule, &parsed, &name))
            .ok_or_else(|| ProfileError::Unmapped(label()))?;
        Ok(rule.principal(&self.config, &self.own.label, &name)?)
    }
}

fn subject_of(ca: &[u8]) -> Option<Vec<u8>> {
    let (rest, parsed) = X509Certificate::from_der(ca).ok()?;
    (rest.is_empty() && parsed.is_ca()).then(|| parsed.subject().as_raw().to_vec())
}

/// The only value of its kind; two would leave open which one counts.
fn only<'a>(mut values: impl Iterator<Item = &'a str>) -> Option<String> {
    let one = values.next()?.to_owned();
    values.next().is_none().then_some(one)
}

fn name_in(certificate: &X509Certificate<'_>, source: NameSource) -> Option<String> {
    /// `serialNumber` and `UID` (X.520, RFC 4519).
    const SERIAL_NUMBER: &str = "2.5.4.5";
    const USER_ID: &str = "0.9.2342.19200300.100.1.1";
    let subject = certificate.subject();
    match source {
        NameSource::CommonName => only(
            subject
                .iter_common_name()
                .filter_map(|value| value.as_str().ok()),
        ),
        NameSource::SerialNumber => only(values(subject, SERIAL_NUMBER)),
        NameSource::UserId => only(values(subject, USER_ID)),
        NameSource::Email => {
            let names = certificate.subject_alternative_name().ok()??;
            only(
                names
                    .value
                    .general_names
                    .iter()
                    .filter_map(|name| match name {
                        GeneralName::RFC822Name(address) => Some(*address),
                        _ => None,
                    }),
            )
        }
    }
}

fn values<'a>(subject: &'a X509Name<'_>, oid: &str) -> impl Iterator<Item = &'a str> {
    subject
        .iter_attributes()
        .filter(move |attribute| attribute.attr_type().to_id_string() == oid)
        .filter_map(|attribute| attribute.as_str().ok())
}

fn fits(rule: &MappingRule, certificate: &X509Certificate<'_>, name: &str) -> bool {
    let mut units = certificate.subject().iter_organizational_unit();
    let has_unit =
        |wanted: &String| units.any(|unit| unit.as_str().is_ok_and(|unit| unit == wanted));
    let has_policy = |wanted: &String| {
        certificate.extensions().iter().any(|extension| {
            matches!(extension.parsed_extension(), ParsedExtension::CertificatePolicies(policies)
                if policies.iter().any(|policy| policy.policy_id.to_id_string() == *wanted))
        })
    };
    rule.unit.as_ref().is_none_or(has_unit)
        && rule.policy.as_ref().is_none_or(has_policy)
        && (rule.names.is_empty() || rule.names.contains(name))
}
