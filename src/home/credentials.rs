//! What a running node takes up from its home without a restart: certificates, revocations, the own
//! card and the sealing keys that it names.

use std::{
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use super::{
    Home, HomeError, KeyFiles, Layout, Revocations, TlsMaterial, TrustedIssuers,
    custody::read_sealing_keys, material::node_material, open::read_card,
};
use crate::{card::TrustedCard, crypto::SealingSecret, record::Moment};

/// The files of a home that may change while its node runs: certificates and revocations.
#[derive(Clone, Debug)]
pub struct Credentials {
    layout: Layout,
    keys: KeyFiles,
    ca: Vec<u8>,
    /// Lists of revoked certificates that trusted issuers signed.
    lists: Vec<PathBuf>,
}

impl Credentials {
    /// Of a home, whose trusted issuers were read.
    pub fn of(home: &Home, issuers: &TrustedIssuers) -> Self {
        Self {
            lists: issuers.iter().map(|one| one.list_path().clone()).collect(),
            layout: home.layout().clone(),
            keys: home.key_files().clone(),
            ca: home.own_card().issuing_ca_der.clone(),
        }
    }

    /// The issuing CA's certificate, DER.
    pub fn ca(&self) -> &[u8] {
        &self.ca
    }

    /// The node's certificate and key on links.
    ///
    /// # Errors
    /// As [`Home::link_material`].
    pub fn link(&self) -> Result<TlsMaterial, HomeError> {
        node_material(&self.layout, &self.keys, &self.layout.link_certificate())
    }

    /// The node's certificate and key on its client port.
    ///
    /// # Errors
    /// As [`Home::link_material`].
    pub fn client_port(&self) -> Result<TlsMaterial, HomeError> {
        node_material(
            &self.layout,
            &self.keys,
            &self.layout.client_port_certificate(),
        )
    }

    /// The client certificates that count no more.
    ///
    /// # Errors
    /// As [`Revocations::read`].
    pub fn revocations(&self) -> Result<Revocations, HomeError> {
        Revocations::read(&self.layout, &self.ca)
    }

    /// What tells whether any of the files changed: their times and lengths. A file that is missing
    /// has none.
    pub fn stamp(&self) -> Vec<Option<(SystemTime, u64)>> {
        [
            self.layout.link_certificate(),
            self.layout.client_port_certificate(),
            self.layout.revocations(),
        ]
        .iter()
        .chain(&self.lists)
        .map(|path| stamp(path))
        .collect()
    }
}

/// When a file was changed, and its length; `None` when it is not there.
fn stamp(path: &Path) -> Option<(SystemTime, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.modified().ok()?, metadata.len()))
}

/// The own card's file, and the sealing keys that belong to it.
#[derive(Clone, Debug)]
pub struct OwnCardFile {
    layout: Layout,
    keys: KeyFiles,
}

impl OwnCardFile {
    /// Of a home whose keys can be read.
    pub fn of(home: &Home) -> Self {
        Self {
            layout: home.layout().clone(),
            keys: home.key_files().clone(),
        }
    }

    /// Whether the keys are under a passphrase.
    pub const fn is_protected(&self) -> bool {
        self.keys.is_protected()
    }

    /// What tells whether the card was issued again.
    pub fn stamp(&self) -> Option<(SystemTime, u64)> {
        stamp(&self.layout.card())
    }

    /// The card as it is now.
    ///
    /// # Errors
    /// [`HomeError::Card`], [`HomeError::Io`].
    pub fn card(&self) -> Result<TrustedCard, HomeError> {
        read_card(&self.layout.card())
    }

    /// The sealing keys that are held, the one that `card` names first.
    ///
    /// # Errors
    /// [`HomeError`] when a key cannot be read, or none is the card's; while a rotation goes on it may
    /// be on its way, and the next look finds it.
    pub fn sealing_secrets(&self, card: &TrustedCard) -> Result<Vec<SealingSecret>, HomeError> {
        read_sealing_keys(&self.layout, &self.keys, card)
    }

    /// When the sealing keys were replaced that are still held beside the current one.
    ///
    /// # Errors
    /// [`HomeError::Io`].
    pub fn replaced(&self) -> Result<Vec<Moment>, HomeError> {
        let retired = self.keys.retired(&self.layout.sealing_key())?;
        Ok(retired.into_iter().map(|(at, _)| at).collect())
    }

    /// Destroys the sealing keys that were replaced at `until` or earlier. Answers how many.
    ///
    /// # Errors
    /// [`HomeError::Io`]; those before are gone then.
    pub fn destroy_replaced(&self, until: Moment) -> Result<usize, HomeError> {
        let mut gone = 0;
        for (at, path) in self.keys.retired(&self.layout.sealing_key())? {
            if at <= until {
                self.keys.destroy(&path)?;
                gone += 1;
            }
        }
        Ok(gone)
    }
}
