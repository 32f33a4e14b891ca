//! Issuing certificates to principals, and renewing them for who holds one that counts.

use std::{fs, path::PathBuf, time::Duration};

use rcgen::SubjectPublicKeyInfo;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use x509_parser::prelude::{FromDer as _, X509Certificate};

use super::{
    CertificateRequest, CertifiedIdentity, ClientCertificate, Home, HomeError, KeyFiles, Layout,
    ProfileError, Revocations,
    certificates::leaf,
    files,
    issue::IssuingCa,
    open::issuing_ca,
    revocation::{Issued, issued, open_register, register},
};
use crate::{
    access::{Principal, PrincipalKind},
    card::CLOCK_TOLERANCE,
    record::{Country, Moment},
};

/// How long a certificate may be issued for.
pub const CERTIFICATE_LIVES: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(60)..=Duration::from_secs(366 * 24 * 3600);
/// Certificates of one principal that count at a time, at most, where the holder renews: the register
/// cannot be filled.
pub const MAX_RENEWED: usize = 8;

/// A certificate for a key that its holder has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certified {
    /// Who holds it.
    pub principal: Principal,
    /// Certificate, PEM.
    pub certificate_pem: String,
    /// When it ends.
    pub expires_at: Moment,
}

/// Why a certificate is not renewed.
#[derive(Debug, thiserror::Error)]
pub enum RenewalError {
    /// It is no client's certificate, or not in the register.
    #[error(
        "this node's register does not know the certificate; have an operator issue one with `comity \
         officer add`"
    )]
    Unknown,
    /// It was revoked.
    #[error("the certificate was revoked; have an operator issue one with `comity officer add`")]
    Revoked,
    /// It has ended.
    #[error("the certificate ended at {0}; have an operator issue one with `comity officer add`")]
    Ended(Moment),
    /// There are too many.
    #[error("{MAX_RENEWED} certificates of {0} count already; renew when one of them has ended")]
    TooMany(Principal),
    /// The home failed.
    #[error(transparent)]
    Home(#[from] HomeError),
}

/// Renews certificates of a home, while its node runs.
#[derive(Clone, Debug)]
pub struct Enrolment {
    country: Country,
    layout: Layout,
    keys: KeyFiles,
    ca: Vec<u8>,
}

impl Enrolment {
    /// Of a home.
    pub fn of(home: &Home) -> Self {
        Self {
            country: home.country(),
            layout: home.layout().clone(),
            keys: home.key_files().clone(),
            ca: home.own_card().issuing_ca_der.clone(),
        }
    }

    /// Issues the certificate `current` (DER), which a handshake verified, again: for the same time,
    /// for its own key or the key of `request`. Authority and roles are those of the newest
    /// certificate that was issued to its principal, so that a change reaches who renews. A crash
    /// leaves a line in the register for a certificate that nobody has.
    ///
    /// # Errors
    /// [`RenewalError`].
    pub fn renew(
        &self,
        current: &[u8],
        request: Option<&CertificateRequest>,
        now: Moment,
    ) -> Result<Certified, RenewalError> {
        let own = match CertifiedIdentity::of(current) {
            Ok(CertifiedIdentity::Client(own)) if own.country() == self.country => own,
            _ => return Err(RenewalError::Unknown),
        };
        // A trusted issuer's card may have any serial number, and any URI.
        if !is_issued_by(current, &self.ca) {
            return Err(RenewalError::Unknown);
        }
        let held = leaf(current).map_err(HomeError::from)?;
        // A revocation that goes on at once comes before or after, never in between.
        let path = self.layout.issued();
        let alone = open_register(&path)?;
        alone.lock().map_err(files::io(&path, "locked"))?;
        let revoked = Revocations::read(&self.layout, &self.ca)?.serials;
        if revoked.contains(&held.serial) {
            return Err(RenewalError::Revoked);
        }
        if held.until <= now {
            return Err(RenewalError::Ended(held.until));
        }
        let uri = own.uri();
        let of_own: Vec<Issued> = issued(&self.layout)?
            .into_iter()
            .filter(|issued| issued.name == uri)
            .collect();
        if !of_own.iter().any(|issued| issued.serial == held.serial) {
            return Err(RenewalError::Unknown);
        }
        let counting = of_own
            .iter()
            .filter(|issued| issued.counts(now) && !revoked.contains(&issued.serial));
        if counting.count() >= MAX_RENEWED {
            return Err(RenewalError::TooMany(own));
        }
        let principal = of_own
            .iter()
            .rev()
            .find(|issued| !revoked.contains(&issued.serial))
            .and_then(Issued::principal)
            .ok_or(RenewalError::Unknown)?;
        let (life, key) = life_and_key(current)
            .ok_or(ProfileError::Certificate)
            .map_err(HomeError::from)?;
        let key = request.map_or(key, |request| request.public_key().clone());
        let authority = issuing_ca(&self.layout, &self.keys, &self.ca)?;
        Ok(certify(
            &self.layout,
            &authority,
            principal,
            &key,
            life,
            now,
        )?)
    }
}

fn is_issued_by(certificate: &[u8], ca: &[u8]) -> bool {
    let parsed = |der| X509Certificate::from_der(der).map(|(_, parsed)| parsed);
    match (parsed(certificate), parsed(ca)) {
        (Ok(own), Ok(ca)) => own.verify_signature(Some(ca.public_key())).is_ok(),
        _ => false,
    }
}

/// For how long a certificate was issued, and its key.
fn life_and_key(certificate: &[u8]) -> Option<(Duration, SubjectPublicKeyInfo)> {
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let validity = parsed.validity();
    let span = validity.not_after.timestamp() - validity.not_before.timestamp();
    let life = Duration::from_secs(u64::try_from(span).ok()?).saturating_sub(CLOCK_TOLERANCE);
    let life = life.clamp(*CERTIFICATE_LIVES.start(), *CERTIFICATE_LIVES.end());
    let key = SubjectPublicKeyInfo::from_der(parsed.public_key().raw).ok()?;
    Some((life, key))
}

/// Issues a certificate and notes it in the register, before anybody has it: what is not in the
/// register cannot be revoked by name.
fn certify(
    layout: &Layout,
    authority: &IssuingCa,
    principal: Principal,
    key: &SubjectPublicKeyInfo,
    life: Duration,
    now: Moment,
) -> Result<Certified, HomeError> {
    let (certificate_pem, expires_at) = authority.issue_client(&principal, key, life, now)?;
    let der = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
        .map_err(|_| HomeError::Certificate(layout.issued()))?;
    register(&layout.issued(), &der, &principal, expires_at)?;
    Ok(Certified {
        principal,
        certificate_pem,
        expires_at,
    })
}

impl Home {
    /// Issues a certificate and a new key to a principal of this country, for `life` or as long as
    /// the issuing CA counts, and notes it in the register. A crash in between leaves a note of a
    /// certificate that nobody has.
    ///
    /// # Errors
    /// [`HomeError`] when the CA's key cannot be read, or `life` is out of [`CERTIFICATE_LIVES`].
    pub fn issue_client(
        &self,
        principal: Principal,
        life: Duration,
        now: Moment,
    ) -> Result<ClientCertificate, HomeError> {
        let (key, key_pem) = super::issue::tls_key()?;
        let key = rcgen::PublicKeyData::subject_public_key_info(&key);
        let key = SubjectPublicKeyInfo::from_der(&key)?;
        let issued = self.certify(principal, &key, life, now)?;
        Ok(ClientCertificate {
            principal: issued.principal,
            certificate_pem: issued.certificate_pem,
            key_pem,
            expires_at: issued.expires_at,
        })
    }

    /// Issues a certificate for the key of a request, as [`Self::issue_client`].
    ///
    /// # Errors
    /// As [`Self::issue_client`].
    pub fn issue_for(
        &self,
        principal: Principal,
        request: &CertificateRequest,
        life: Duration,
        now: Moment,
    ) -> Result<Certified, HomeError> {
        self.certify(principal, request.public_key(), life, now)
    }

    fn certify(
        &self,
        principal: Principal,
        key: &SubjectPublicKeyInfo,
        life: Duration,
        now: Moment,
    ) -> Result<Certified, HomeError> {
        if !CERTIFICATE_LIVES.contains(&life) {
            return Err(HomeError::Life(life.as_secs()));
        }
        certify(
            self.layout(),
            &self.issuing_ca()?,
            principal,
            key,
            life,
            now,
        )
    }

    /// Keeps certificate and key of a client in the home, for commands with `--as`. What was there
    /// before is replaced. A crash in between leaves a certificate and a key that do not fit, and
    /// issuing again mends it.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn keep_client(&self, client: &ClientCertificate) -> Result<PathBuf, HomeError> {
        let (certificate, key) = self
            .layout()
            .client(client.principal.kind(), client.principal.name());
        let folder = files::parent(&certificate);
        for folder in [self.layout().clients().as_path(), folder] {
            if !folder.exists() {
                files::make_dir(folder)?;
            }
        }
        files::replace(&key, client.key_pem.as_bytes())?;
        files::replace(&certificate, client.certificate_pem.as_bytes())?;
        Ok(certificate)
    }

    /// Principals whose keys lie in this home beside the first operator and the local officer.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn kept_clients(&self) -> Result<Vec<Principal>, HomeError> {
        let mut kept = Vec::new();
        for kind in PrincipalKind::ALL {
            let folder = self.layout().clients().join(kind.as_str());
            if !folder.is_dir() {
                continue;
            }
            for entry in fs::read_dir(&folder).map_err(files::io(&folder, "read"))? {
                let path = entry.map_err(files::io(&folder, "read"))?.path();
                let name = path.file_name().and_then(|name| name.to_str());
                let name = name.and_then(|name| name.strip_suffix(".pem"));
                let named = name.and_then(|name| Principal::new(self.country(), kind, name).ok());
                kept.extend(named);
            }
        }
        kept.sort();
        Ok(kept)
    }
}
