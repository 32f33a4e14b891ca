//! Opening a home: every key belongs to the own card, and nobody else can read them.

use std::{
    fs::{File, OpenOptions, TryLockError},
    io::{Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use prost::Message as _;
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use zeroize::Zeroizing;

use super::{
    HomeError, Layout, TlsMaterial, files, issue::IssuingCa, renewal::is_renewal, rotation::in_use,
};
use crate::{
    access::{MAX_BYTES, PrincipalKind},
    card::{CardError, TrustedCard, verify_stored_card},
    config::Config,
    crypto::{AeadKey, SealingSecret, SigningKey},
    record::Country,
    wire::card::SignedCard,
};

/// A node's home with the keys that run it. Card key and issuing CA stay on disk until used; the
/// roots are never read.
#[derive(Debug)]
pub struct Home {
    layout: Layout,
    config: Config,
    card: TrustedCard,
    signing: Arc<SigningKey>,
    sealing: Arc<Vec<SealingSecret>>,
    storage: Zeroizing<[u8; 32]>,
    index: Zeroizing<[u8; 32]>,
}

/// Held while a node runs; given back when dropped, and by the system when the process ends.
#[derive(Debug)]
pub struct HomeLock {
    _file: File,
}

impl Home {
    /// The text of `access.toml`, where there is one; of one that is too large the beginning, which is
    /// refused as too large.
    ///
    /// # Errors
    /// [`HomeError::Io`] when it cannot be read.
    pub fn access_file(&self) -> Result<Option<String>, HomeError> {
        use std::io::Read as _;
        let path = self.layout().access();
        let file = match std::fs::File::open(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(files::io(&path, "read"))?,
        };
        let most = u64::try_from(MAX_BYTES)
            .unwrap_or(u64::MAX)
            .saturating_add(1);
        let mut bytes = Vec::new();
        file.take(most)
            .read_to_end(&mut bytes)
            .map_err(files::io(&path, "read"))?;
        Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Opens the home at `dir`. Time is not checked here, so that an expired card can be issued
    /// again; a node that starts also asks [`TrustedCard::check_validity`].
    ///
    /// # Errors
    /// [`HomeError`] naming the file and what to do.
    pub fn open(dir: &Path) -> Result<Self, HomeError> {
        let layout = Layout::new(dir);
        for needed in [layout.config(), layout.card()] {
            if !needed.is_file() {
                return Err(HomeError::NotAHome(dir.to_owned(), needed));
            }
        }
        let config = Config::load(&layout.config()).map_err(|fault| HomeError::Config {
            path: layout.config(),
            fault,
        })?;
        let card = read_card(&layout.card())?;
        if config.country != card.country {
            return Err(HomeError::CountryMismatch {
                configured: config.country,
                card: card.country,
            });
        }
        let mut signing = signing_key(&layout.signing_key())?;
        let next = layout.signing_key_next();
        if !in_use(&card, &signing) && next.exists() {
            // A crash came between the card and the key's place.
            let named = signing_key(&next)?;
            if in_use(&card, &named) {
                signing = named;
            }
        }
        let sealing = sealing_key(&layout.sealing_key())?;
        let home = Self {
            storage: files::read_key32(&layout.storage_key())?,
            index: files::read_key32(&layout.index_key())?,
            signing: Arc::new(signing),
            sealing: Arc::new(vec![sealing]),
            layout,
            config,
            card,
        };
        home.check_keys()?;
        Ok(home)
    }

    /// Signing and sealing key and the CA are the card's.
    fn check_keys(&self) -> Result<(), HomeError> {
        let signs = in_use(&self.card, &self.signing);
        let opens = self.sealing.iter().all(|secret| {
            self.card
                .sealing_keys
                .iter()
                .any(|key| key.as_bytes() == secret.public().as_bytes())
        });
        let issues = is_renewal(&self.card.issuing_ca_der, &self.issuing_ca_certificate()?);
        for (matches, path) in [
            (signs, self.layout.signing_key()),
            (opens, self.layout.sealing_key()),
            (issues, self.layout.issuing_ca()),
        ] {
            if !matches {
                return Err(self.mismatch(path));
            }
        }
        Ok(())
    }

    /// Takes the home for this process.
    ///
    /// # Errors
    /// [`HomeError::Locked`] when another process has it, [`HomeError::Io`].
    pub fn lock(&self) -> Result<HomeLock, HomeError> {
        let path = self.layout.lock();
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(files::io(&path, "opened"))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(HomeError::Locked {
                    home: self.dir().to_owned(),
                    holder: holder(&mut file),
                });
            }
            Err(TryLockError::Error(fault)) => return Err(files::io(&path, "locked")(fault)),
        }
        // Only a courtesy to who finds the home taken; the lock itself is the system's.
        let written = file
            .set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| write!(file, "{}", std::process::id()));
        written.map_err(files::io(&path, "written"))?;
        Ok(HomeLock { _file: file })
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        self.layout.dir()
    }

    /// Paths inside.
    pub const fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The country.
    pub const fn country(&self) -> Country {
        self.card.country
    }

    /// The own card, as it was when the home was opened.
    pub const fn own_card(&self) -> &TrustedCard {
        &self.card
    }

    /// Signs headers, receipts, marks and checkpoints.
    pub fn signing_key(&self) -> Arc<SigningKey> {
        Arc::clone(&self.signing)
    }

    /// Open what peers sealed, the current one first.
    pub fn sealing_secrets(&self) -> Arc<Vec<SealingSecret>> {
        Arc::clone(&self.sealing)
    }

    /// Encrypts values at rest.
    ///
    /// # Errors
    /// [`HomeError::Key`] never happens for 32 bytes; it stands for ring's refusal.
    pub fn storage_key(&self) -> Result<AeadKey, HomeError> {
        AeadKey::new(&self.storage).map_err(|_| HomeError::Key(self.layout.storage_key()))
    }

    /// Keys the index's tags.
    pub fn index_key(&self) -> &[u8; 32] {
        &self.index
    }

    /// Path of the file key, as configured.
    pub fn file_key_path(&self) -> PathBuf {
        self.layout.file_key(&self.config.store.file_key)
    }

    /// The card key, read from disk for this use.
    ///
    /// # Errors
    /// [`HomeError`] when it cannot be read or is not the card's.
    pub fn card_key(&self) -> Result<SigningKey, HomeError> {
        let path = self.layout.card_key();
        let key = signing_key(&path)?;
        if key.public().as_bytes() != &self.card.card_key.subject {
            return Err(self.mismatch(path));
        }
        Ok(key)
    }

    /// The node's certificate and key on links.
    ///
    /// # Errors
    /// [`HomeError`] when a file is missing, open to others or damaged.
    pub fn link_material(&self) -> Result<TlsMaterial, HomeError> {
        node_material(&self.layout, &self.layout.link_certificate())
    }

    /// The node's certificate and key on its client port.
    ///
    /// # Errors
    /// As [`Self::link_material`].
    pub fn client_port_material(&self) -> Result<TlsMaterial, HomeError> {
        node_material(&self.layout, &self.layout.client_port_certificate())
    }

    /// The operator's certificate and key.
    ///
    /// # Errors
    /// As [`Self::link_material`].
    pub fn operator_material(&self) -> Result<TlsMaterial, HomeError> {
        material(
            &self.layout.operator_certificate(),
            &self.layout.operator_key(),
        )
    }

    /// Certificate and key of a client whose key stays in this home.
    ///
    /// # Errors
    /// As [`Self::link_material`].
    pub fn client_material(
        &self,
        kind: PrincipalKind,
        name: &str,
    ) -> Result<TlsMaterial, HomeError> {
        let (certificate, key) = self.layout.client(kind, name);
        material(&certificate, &key)
    }

    pub(super) fn issuing_ca(&self) -> Result<IssuingCa, HomeError> {
        // The card's, which the file beside it may lag behind after a crash.
        issuing_ca(&self.layout, &self.card.issuing_ca_der)
    }

    fn issuing_ca_certificate(&self) -> Result<CertificateDer<'static>, HomeError> {
        let path = self.layout.issuing_ca();
        CertificateDer::from_pem_slice(&files::read_public(&path)?)
            .map_err(|_| HomeError::Certificate(path))
    }

    fn mismatch(&self, path: PathBuf) -> HomeError {
        mismatch(&self.layout, path)
    }
}

fn mismatch(layout: &Layout, path: PathBuf) -> HomeError {
    HomeError::KeyMismatch {
        path,
        card: layout.card(),
    }
}

/// The issuing CA whose certificate is `ca`, with its key, read from disk for this use.
pub(super) fn issuing_ca(layout: &Layout, ca: &[u8]) -> Result<IssuingCa, HomeError> {
    let path = layout.issuing_ca_key();
    let certificate = CertificateDer::from(ca.to_vec());
    let authority = IssuingCa::load(&certificate, &files::read_secret_text(&path)?)
        .ok_or_else(|| HomeError::Key(path.clone()))?;
    // A certificate signed by another key would be refused by every peer, much later.
    let vouched = x509_parser::parse_x509_certificate(&certificate).is_ok_and(|(_, parsed)| {
        parsed.public_key().subject_public_key.data.as_ref() == authority.public_key()
    });
    if !vouched {
        return Err(mismatch(layout, path));
    }
    Ok(authority)
}

/// Reads a certificate of the node and its key: of the two that there are while one takes the other's
/// place, the one that the certificate is for.
pub(super) fn node_material(layout: &Layout, certificate: &Path) -> Result<TlsMaterial, HomeError> {
    let next = layout.node_tls_key_next();
    if next.exists() {
        let der = CertificateDer::from_pem_slice(&files::read_public(certificate)?)
            .map_err(|_| HomeError::Certificate(certificate.to_owned()))?;
        let key = rcgen::KeyPair::from_pem(&files::read_secret_text(&next)?)
            .map_err(|_| HomeError::Key(next.clone()))?;
        let named = x509_parser::parse_x509_certificate(&der).is_ok_and(|(_, parsed)| {
            parsed.public_key().subject_public_key.data.as_ref() == key.public_key_raw()
        });
        if named {
            return material(certificate, &next);
        }
    }
    material(certificate, &layout.node_tls_key())
}

/// Reads a certificate and its key.
pub(super) fn material(certificate: &Path, key: &Path) -> Result<TlsMaterial, HomeError> {
    let pem = files::read_public(certificate)?;
    let pem = String::from_utf8(pem).map_err(|_| HomeError::Certificate(certificate.to_owned()))?;
    if CertificateDer::from_pem_slice(pem.as_bytes()).is_err() {
        return Err(HomeError::Certificate(certificate.to_owned()));
    }
    TlsMaterial::from_pem(&pem, &files::read_secret_text(key)?)
        .ok_or_else(|| HomeError::Key(key.to_owned()))
}

/// Reads and verifies a card that this home holds, time aside.
pub(super) fn read_card(path: &Path) -> Result<TrustedCard, HomeError> {
    let refused = |fault| HomeError::Card {
        path: path.to_owned(),
        fault,
    };
    let signed = SignedCard::decode(files::read_public(path)?.as_slice())
        .map_err(|_| refused(CardError::Undecodable))?;
    verify_stored_card(&signed).map_err(refused)
}

pub(super) fn signing_key(path: &Path) -> Result<SigningKey, HomeError> {
    SigningKey::from_pkcs8(&files::read_secret(path)?).map_err(|_| HomeError::Key(path.to_owned()))
}

fn sealing_key(path: &Path) -> Result<SealingSecret, HomeError> {
    SealingSecret::from_bytes(&files::read_secret(path)?)
        .map_err(|_| HomeError::Key(path.to_owned()))
}

/// ` (process N)` when the lock file says so.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    match file.take(20).read_to_string(&mut text) {
        Ok(_) => text
            .trim()
            .parse::<u32>()
            .map_or_else(|_| String::new(), |process| format!(" (process {process})")),
        Err(_) => String::new(),
    }
}
