//! Client certificates issued and revoked: a register of what was issued, and the issuing CA's list
//! of what counts no more (a CRL, RFC 5280).

use std::{
    collections::BTreeSet,
    fs::{File, OpenOptions},
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
    time::Duration,
};

use rcgen::{CertificateRevocationListParams, KeyIdMethod, RevokedCertParams, SerialNumber};
use rustls::pki_types::{CertificateRevocationListDer, pem::PemObject as _};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use x509_parser::{
    certificate::X509Certificate, prelude::FromDer as _, revocation_list::CertificateRevocationList,
};

use super::{
    Home, HomeError, Layout,
    certificates::{leaf, plain_serial},
    files,
    issue::IssuingCa,
};
use crate::{access::Principal, record::Moment};

/// First line of the register.
const HEADER: &str = "serial,name,until,authority,roles\n";
/// How long a list says that it counts. An old list goes on revoking; a new one comes with the next
/// revocation.
const LIST_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);

/// A client certificate that was issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issued {
    /// Its serial number.
    pub serial: Vec<u8>,
    /// To whom, such as `comity://UZ/operator/n.karimova`.
    pub name: String,
    /// When it ends.
    pub until: String,
    /// For which authority; empty for none.
    pub authority: String,
    /// With which roles; empty for those that the kind implies.
    pub roles: Vec<String>,
}

/// Length of a time to the second, as [`Moment`] writes it.
const TO_THE_SECOND: usize = 19;

impl Issued {
    /// Whether it has not ended yet.
    pub fn counts(&self, now: Moment) -> bool {
        let now = now.to_string();
        self.until.get(..TO_THE_SECOND) >= now.get(..TO_THE_SECOND)
    }

    /// When it ends, as far as the register still says it.
    pub fn ends(&self) -> Option<Moment> {
        OffsetDateTime::parse(&self.until, &Rfc3339)
            .ok()
            .map(Moment::from)
    }

    /// The principal, as far as the register still makes one.
    pub fn principal(&self) -> Option<Principal> {
        let authority = Some(self.authority.as_str()).filter(|name| !name.is_empty());
        let roles = self.roles.iter().map(|role| role.parse());
        let roles = roles.collect::<Result<_, _>>().ok()?;
        Principal::from_uris(&[&self.name])
            .and_then(|principal| principal.with_authority(authority))
            .and_then(|principal| principal.with_roles(roles))
            .ok()
    }
}

/// The client certificates that count no more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Revocations {
    /// The list as the CA signed it; `None` before the first revocation.
    pub list: Option<CertificateRevocationListDer<'static>>,
    /// Serials on it.
    pub serials: BTreeSet<Vec<u8>>,
}

impl Revocations {
    /// Reads the list of a home, and checks that `ca`, the issuing CA's certificate in DER, signed
    /// it.
    ///
    /// # Errors
    /// [`HomeError::Revocations`] for one that is damaged or another CA's: who would be let in by an
    /// unreadable list was revoked for a reason.
    pub fn read(layout: &Layout, ca: &[u8]) -> Result<Self, HomeError> {
        let path = layout.revocations();
        if !path.exists() {
            return Ok(Self::default());
        }
        let list = CertificateRevocationListDer::from_pem_slice(&files::read_public(&path)?)
            .map_err(|_| HomeError::Revocations(path.clone()))?;
        let serials = serials(&list, ca).ok_or(HomeError::Revocations(path))?;
        Ok(Self {
            list: Some(list),
            serials,
        })
    }
}

/// The serials on a list that this CA signed.
fn serials(list: &[u8], ca: &[u8]) -> Option<BTreeSet<Vec<u8>>> {
    let (rest, parsed) = CertificateRevocationList::from_der(list).ok()?;
    let (_, ca) = X509Certificate::from_der(ca).ok()?;
    parsed.verify_signature(ca.public_key()).ok()?;
    rest.is_empty().then(|| {
        parsed
            .iter_revoked_certificates()
            .map(|revoked| plain_serial(revoked.raw_serial()))
            .collect()
    })
}

pub(super) fn open_register(path: &Path) -> Result<File, HomeError> {
    OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .open(path)
        .map_err(files::io(path, "opened"))
}

/// Notes a certificate before it is handed out. A crash leaves the line, or a torn one that is
/// passed over: nobody has the certificate then.
pub(super) fn register(
    path: &Path,
    certificate_der: &[u8],
    principal: &Principal,
    until: Moment,
) -> Result<(), HomeError> {
    let serial = leaf(certificate_der)?.serial;
    let mut file = open_register(path)?;
    let length = file.metadata().map_err(files::io(path, "read"))?.len();
    let mut line = String::new();
    if length == 0 {
        line.push_str(HEADER);
    } else {
        let mut last = [0];
        let torn = file
            .seek(SeekFrom::End(-1))
            .and_then(|_| file.read_exact(&mut last))
            .map_err(files::io(path, "read"))
            .map(|()| last != [b'\n'])?;
        if torn {
            line.push('\n');
        }
    }
    let roles: Vec<&str> = principal.roles().iter().map(|role| role.as_str()).collect();
    line.push_str(&format!(
        "{},{},{until},{},{}\n",
        hex::encode(serial),
        principal.uri(),
        principal.authority().unwrap_or_default(),
        roles.join(" "),
    ));
    file.write_all(line.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(files::io(path, "written"))
}

/// Reads the register, oldest first. A torn line is passed over.
pub(super) fn issued(layout: &Layout) -> Result<Vec<Issued>, HomeError> {
    let path = layout.issued();
    if !path.exists() {
        return Ok(Vec::new());
    }
    let text = files::read_public(&path)?;
    // A line without its end is torn, or being written at this moment.
    let whole = text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
    Ok(
        String::from_utf8_lossy(text.get(..whole).unwrap_or_default())
            .lines()
            .filter_map(|line| {
                let mut fields = line.split(',');
                let serial = hex::decode(fields.next()?).ok()?;
                let (name, until) = (fields.next()?.to_owned(), fields.next()?.to_owned());
                // Lines of earlier versions end here.
                let authority = fields.next().unwrap_or_default().to_owned();
                let roles = fields.next().unwrap_or_default().split_whitespace();
                Some(Issued {
                    serial,
                    name,
                    until,
                    authority,
                    roles: roles.map(str::to_owned).collect(),
                })
            })
            .collect(),
    )
}

impl Home {
    /// The client certificates issued here, oldest first.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn issued_clients(&self) -> Result<Vec<Issued>, HomeError> {
        issued(self.layout())
    }

    /// The client certificates revoked here.
    ///
    /// # Errors
    /// As [`Revocations::read`].
    pub fn revocations(&self) -> Result<Revocations, HomeError> {
        Revocations::read(self.layout(), &self.own_card().issuing_ca_der)
    }

    /// Revokes client certificates by their serials: the issuing CA signs a new list with these and
    /// every earlier one. A crash leaves the list before or the new one. A running node takes it up
    /// by itself. Answers how many were not on the list before.
    ///
    /// # Errors
    /// [`HomeError`] when the CA's key or the list cannot be read, or the list not be replaced.
    pub fn revoke_clients(&self, new: &[Vec<u8>], now: Moment) -> Result<usize, HomeError> {
        // Two at once would each sign a list without the other's.
        let _alone = self.alone()?;
        self.revoke(new, now)
    }

    /// Revokes every certificate that was issued under a name, such as
    /// `comity://UZ/officer/n.karimova`, as [`Self::revoke_clients`]. Answers their serials, and how
    /// many were not on the list before.
    ///
    /// # Errors
    /// As [`Self::revoke_clients`].
    pub fn revoke_named(
        &self,
        name: &str,
        now: Moment,
    ) -> Result<(Vec<Vec<u8>>, usize), HomeError> {
        // What is renewed meanwhile is in the register before, or refused after.
        let _alone = self.alone()?;
        let serials: Vec<Vec<u8>> = self
            .issued_clients()?
            .into_iter()
            .filter(|issued| issued.name == name)
            .map(|issued| issued.serial)
            .collect();
        let added = self.revoke(&serials, now)?;
        Ok((serials, added))
    }

    fn alone(&self) -> Result<File, HomeError> {
        let register = self.layout().issued();
        let alone = open_register(&register)?;
        alone.lock().map_err(files::io(&register, "locked"))?;
        Ok(alone)
    }

    fn revoke(&self, new: &[Vec<u8>], now: Moment) -> Result<usize, HomeError> {
        let path = self.layout().revocations();
        let before = self.revocations()?;
        let number = match &before.list {
            Some(list) => CertificateRevocationList::from_der(list)
                .ok()
                .and_then(|(_, parsed)| parsed.crl_number().map(|number| number.to_bytes_be()))
                .and_then(|bytes| {
                    let mut whole = [0; 8];
                    let start = whole.len().checked_sub(bytes.len())?;
                    whole.get_mut(start..)?.copy_from_slice(&bytes);
                    u64::from_be_bytes(whole).checked_add(1)
                })
                .ok_or_else(|| HomeError::Revocations(path.clone()))?,
            None => 1,
        };
        let dates = earlier_dates(before.list.as_deref());
        let mut serials = before.serials.clone();
        serials.extend(new.iter().map(|serial| plain_serial(serial)));
        let added = serials.len().saturating_sub(before.serials.len());
        if added == 0 {
            return Ok(0);
        }
        let date = |moment: Moment| moment.utc().ok_or(rcgen::Error::Time);
        let at = date(now)?;
        let revoked = serials
            .iter()
            .map(|serial| RevokedCertParams {
                serial_number: SerialNumber::from_slice(serial),
                revocation_time: dates
                    .iter()
                    .find(|(known, _)| known == serial)
                    .map_or(at, |(_, date)| *date),
                reason_code: None,
                invalidity_date: None,
            })
            .collect();
        let params = CertificateRevocationListParams {
            this_update: at,
            next_update: date(now + LIST_LIFE)?,
            crl_number: SerialNumber::from(number),
            issuing_distribution_point: None,
            revoked_certs: revoked,
            key_identifier_method: KeyIdMethod::Sha256,
        };
        let pem = self.issuing_ca()?.sign_list(params)?;
        files::replace(&path, pem.as_bytes())?;
        Ok(added)
    }
}

/// Since when what is on a list has been revoked.
fn earlier_dates(list: Option<&[u8]>) -> Vec<(Vec<u8>, OffsetDateTime)> {
    let parsed = list.and_then(|list| CertificateRevocationList::from_der(list).ok());
    parsed.map_or_else(Vec::new, |(_, parsed)| {
        parsed
            .iter_revoked_certificates()
            .map(|revoked| {
                let since = revoked.revocation_date.to_datetime();
                (plain_serial(revoked.raw_serial()), since)
            })
            .collect()
    })
}

impl IssuingCa {
    /// Signs a list of revoked certificates; PEM.
    fn sign_list(&self, params: CertificateRevocationListParams) -> Result<String, HomeError> {
        Ok(params.signed_by(self.issuer())?.pem()?)
    }
}
