//! Where the node is and who calls.

use std::{
    fs::OpenOptions,
    io::{self, Write as _},
    net::{IpAddr, Ipv4Addr, SocketAddr},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{ClientError, node_card};
use crate::{
    access::PrincipalKind,
    card::{CLOCK_TOLERANCE, LinkAddress, TrustedCard},
    home::{Home, LOCAL, TlsMaterial, leaf},
    record::{Country, Moment},
};

/// Where the node is and who calls.
#[derive(Clone, Debug)]
pub struct Profile {
    pub(super) country: Country,
    pub(super) address: LinkAddress,
    pub(super) ca: Vec<u8>,
    pub(super) own: TlsMaterial,
    certificate_path: PathBuf,
    /// The own country's card, where it is at hand: keys that it takes back are refused.
    pub(super) card: Option<TrustedCard>,
    /// The folder in which that card is kept, for a profile of its own.
    pub(super) folder: Option<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileFile {
    country: String,
    address: String,
    ca: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Profile {
    /// The same, reached at another address, such as that of a tunnel.
    #[must_use]
    pub fn at(mut self, address: LinkAddress) -> Self {
        self.address = address;
        self
    }

    /// Reads a profile: TOML with `country`, `address` (host:port), and `ca`, `certificate`, `key`
    /// as paths relative to the profile.
    ///
    /// # Errors
    /// [`ClientError::Profile`] names the file that cannot be used.
    pub fn load(path: &Path) -> Result<Self, ClientError> {
        let unusable = |path: &Path, why: &dyn std::fmt::Display| ClientError::Profile {
            path: path.to_owned(),
            why: why.to_string(),
        };
        let file: ProfileFile =
            toml::from_str(&read(path)?).map_err(|error| unusable(path, &error.message()))?;
        let base = path.parent().unwrap_or(Path::new("."));
        let ca = base.join(file.ca);
        let certificate = base.join(file.certificate);
        let country = file
            .country
            .parse()
            .map_err(|error| unusable(path, &error))?;
        Ok(Self {
            country,
            card: node_card::read(base, country)?,
            folder: Some(base.to_owned()),
            address: file
                .address
                .parse()
                .map_err(|error| unusable(path, &error))?,
            ca: CertificateDer::from_pem_slice(read(&ca)?.as_bytes())
                .map_err(|error| unusable(&ca, &error))?
                .to_vec(),
            own: TlsMaterial::from_pem(&read(&certificate)?, &read(&base.join(file.key))?)
                .ok_or_else(|| unusable(&certificate, &"certificate or key is not PEM"))?,
            certificate_path: certificate,
        })
    }

    /// The first operator of the node whose home this is, on the node's own machine: for what runs
    /// the node.
    ///
    /// # Errors
    /// [`ClientError::Home`] when the certificate cannot be read.
    pub fn operator(home: &Home) -> Result<Self, ClientError> {
        Self::kept(home, PrincipalKind::Operator, LOCAL)
    }

    /// The local officer of the node whose home this is, on the node's own machine: for records.
    ///
    /// # Errors
    /// [`ClientError::Home`] when the certificate cannot be read.
    pub fn officer(home: &Home) -> Result<Self, ClientError> {
        Self::kept(home, PrincipalKind::Officer, LOCAL)
    }

    /// A client whose key stays in the home of its node.
    ///
    /// # Errors
    /// [`ClientError::Home`] when the certificate cannot be read.
    pub fn kept(home: &Home, kind: PrincipalKind, name: &str) -> Result<Self, ClientError> {
        let mut listen: SocketAddr = home.config().client_listen;
        if listen.ip().is_unspecified() {
            listen.set_ip(IpAddr::V4(Ipv4Addr::LOCALHOST));
        }
        Ok(Self {
            country: home.country(),
            address: listen.to_string().parse().map_err(
                |error: crate::card::LinkAddressError| ClientError::Profile {
                    path: home.layout().config(),
                    why: error.to_string(),
                },
            )?,
            ca: home.own_card().issuing_ca_der.clone(),
            own: home.client_material(kind, name)?,
            certificate_path: home.layout().client(kind, name).0,
            card: Some(home.own_card().clone()),
            folder: None,
        })
    }

    /// The country whose node is called.
    pub const fn country(&self) -> Country {
        self.country
    }

    /// The file of the certificate.
    pub const fn certificate_path(&self) -> &PathBuf {
        &self.certificate_path
    }

    /// Whether less than a third is left of the time for which the certificate was issued.
    pub(super) fn renewal_is_due(&self, now: Moment) -> bool {
        leaf(self.own.certificate()).is_ok_and(|leaf| {
            // It begins earlier than it was issued, for nodes whose clock is behind.
            let life = leaf.until.since(leaf.from).saturating_sub(CLOCK_TOLERANCE);
            leaf.until.since(now).saturating_mul(3) < life
        })
    }
}

/// Replaces a certificate's file at once, so that a crash leaves the one before or the new one.
///
/// # Errors
/// Those of the file system.
pub fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut draft = path.to_owned().into_os_string();
    draft.push(format!(".{}.new", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(bytes).and_then(|()| file.sync_all()))
        .and_then(|()| std::fs::rename(&draft, path));
    if written.is_err() {
        // Best effort: the error that matters is the first one.
        let _ = std::fs::remove_file(&draft);
    }
    written
}

fn read(path: &Path) -> Result<Zeroizing<String>, ClientError> {
    std::fs::read_to_string(path)
        .map(Zeroizing::new)
        .map_err(|error| ClientError::Profile {
            path: path.to_owned(),
            why: error.to_string(),
        })
}
