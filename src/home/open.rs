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

use super::{
    HomeError, KeyFiles, Layout, TlsMaterial, TokenKey,
    custody::Loaded,
    files,
    issue::IssuingCa,
    material::{material, node_material},
    renewal::is_renewal,
};
use crate::{
    access::{MAX_BYTES, PrincipalKind},
    card::{CardError, TrustedCard, verify_stored_card},
    config::Config,
    crypto::{KeySeal, SealingSecret, Signer, SigningKey, StorageKey},
    record::Country,
    wire::card::SignedCard,
};

/// A node's home with the keys that run it. Card key and issuing CA stay on disk until used; the
/// roots are never read. Of a home whose keys are protected nothing secret is read before
/// [`Self::unlock`].
#[derive(Debug)]
pub struct Home {
    layout: Layout,
    config: Config,
    card: TrustedCard,
    pub(super) key_files: KeyFiles,
    keys: Option<Loaded>,
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
        let file_key = layout.file_key(&config.store.file_key);
        let mut home = Self {
            key_files: KeyFiles::of(&layout, file_key),
            keys: None,
            layout,
            config,
            card,
        };
        let path = home.layout.issuing_ca();
        if !is_renewal(&home.card.issuing_ca_der, &home.issuing_ca_certificate()?) {
            return Err(home.mismatch(path));
        }
        if home.key_files.is_open() {
            home.keys = Some(Loaded::read(&home)?);
        }
        Ok(home)
    }

    /// Reads the keys of a home where they are protected; nothing happens where they are not.
    ///
    /// # Errors
    /// [`HomeError::WrongPassphrase`]; [`HomeError`] naming the file and what to do.
    pub fn unlock(&mut self, passphrase: &str) -> Result<(), HomeError> {
        if self.keys.is_none() {
            self.key_files.unlock(passphrase)?;
            self.keys = Some(Loaded::read(self)?);
        }
        Ok(())
    }

    pub(super) fn keys(&self) -> Result<&Loaded, HomeError> {
        self.keys
            .as_ref()
            .ok_or_else(|| HomeError::Protected(self.layout.keys()))
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

    /// The signing key that lies in this home and that the own card names.
    ///
    /// # Errors
    /// [`HomeError::Protected`]; [`HomeError::KeyMismatch`] when the card names a key that is
    /// elsewhere.
    pub fn signing_key(&self) -> Result<Arc<SigningKey>, HomeError> {
        let own = self.keys()?.signing.as_ref();
        own.map(Arc::clone)
            .ok_or_else(|| self.mismatch(self.layout.signing_key()))
    }

    /// Label of the token that keeps the signing key; `None` when it lies in this home.
    pub fn signing_token(&self) -> Option<&str> {
        let here = self
            .keys
            .as_ref()
            .is_some_and(|keys| keys.signing.is_some());
        let signer = self.config.keys.signer.as_ref().filter(|_| !here);
        signer.map(|signer| signer.token.as_str())
    }

    /// Who signs headers, receipts, marks and checkpoints: the signing key in this home, or a token's.
    ///
    /// # Errors
    /// [`HomeError::Protected`]; [`HomeError::Token`] when the token does not serve.
    pub fn signer(&self) -> Result<Arc<dyn Signer>, HomeError> {
        if let Some(own) = &self.keys()?.signing {
            return Ok(Arc::clone(own) as Arc<dyn Signer>);
        }
        let mut keys = self.card.signing_keys.iter();
        let named = keys
            .find(|key| key.retired.is_none())
            .ok_or_else(|| self.mismatch(self.layout.signing_key()))?;
        Ok(Arc::new(TokenKey::open(self, named.key)?))
    }

    /// Open what peers sealed, the current one first.
    ///
    /// # Errors
    /// [`HomeError::Protected`].
    pub fn sealing_secrets(&self) -> Result<Arc<Vec<SealingSecret>>, HomeError> {
        Ok(Arc::clone(&self.keys()?.sealing))
    }

    /// Encrypts values at rest.
    ///
    /// # Errors
    /// [`HomeError::Protected`].
    pub fn storage_key(&self) -> Result<StorageKey, HomeError> {
        let keys = self.keys()?;
        StorageKey::new(&keys.storage, keys.earlier_storage.iter().map(|key| &**key))
            .map_err(|_| HomeError::Key(self.layout.storage_key()))
    }

    /// Keys the index's tags.
    ///
    /// # Errors
    /// [`HomeError::Protected`].
    pub fn index_key(&self) -> Result<&[u8; 32], HomeError> {
        Ok(&self.keys()?.index)
    }

    /// Where the file key lies, and what seals it where the keys are protected.
    ///
    /// # Errors
    /// [`HomeError::Protected`].
    pub fn file_key(&self) -> Result<(PathBuf, Option<KeySeal>), HomeError> {
        let place = self.key_files.place(&self.file_key_path());
        Ok((place, self.key_files.seal()?))
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
        let key = signing_key(&self.key_files, &path)?;
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
        node_material(
            &self.layout,
            &self.key_files,
            &self.layout.link_certificate(),
        )
    }

    /// The node's certificate and key on its client port.
    ///
    /// # Errors
    /// As [`Self::link_material`].
    pub fn client_port_material(&self) -> Result<TlsMaterial, HomeError> {
        node_material(
            &self.layout,
            &self.key_files,
            &self.layout.client_port_certificate(),
        )
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
        issuing_ca(&self.layout, &self.key_files, &self.card.issuing_ca_der)
    }

    fn issuing_ca_certificate(&self) -> Result<CertificateDer<'static>, HomeError> {
        let path = self.layout.issuing_ca();
        CertificateDer::from_pem_slice(&files::read_public(&path)?)
            .map_err(|_| HomeError::Certificate(path))
    }

    pub(super) fn mismatch(&self, path: PathBuf) -> HomeError {
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
pub(super) fn issuing_ca(
    layout: &Layout,
    keys: &KeyFiles,
    ca: &[u8],
) -> Result<IssuingCa, HomeError> {
    let path = layout.issuing_ca_key();
    let certificate = CertificateDer::from(ca.to_vec());
    let authority = IssuingCa::load(&certificate, &keys.read_text(&path)?)
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

pub(super) fn signing_key(keys: &KeyFiles, path: &Path) -> Result<SigningKey, HomeError> {
    SigningKey::from_pkcs8(&keys.read(path)?).map_err(|_| HomeError::Key(path.to_owned()))
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
