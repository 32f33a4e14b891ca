//! The keys that run a node, read into memory.

use std::sync::Arc;

use zeroize::Zeroizing;

use super::super::{Home, HomeError, KeyFiles, Layout, open::signing_key, rotation::in_use};
use crate::{
    card::TrustedCard,
    crypto::{SealingSecret, SigningKey},
};

/// The sealing keys that are there, the one that the card names first.
pub(in crate::home) fn read_sealing_keys(
    layout: &Layout,
    keys: &KeyFiles,
    card: &TrustedCard,
) -> Result<Vec<SealingSecret>, HomeError> {
    let mut paths = vec![layout.sealing_key()];
    if keys.exists(&layout.sealing_key_next()) {
        paths.push(layout.sealing_key_next());
    }
    let retired = keys.retired(&layout.sealing_key())?;
    paths.extend(retired.into_iter().map(|(_, path)| path));
    let mut secrets: Vec<SealingSecret> = Vec::with_capacity(paths.len());
    for path in paths {
        let secret =
            SealingSecret::from_bytes(&keys.read(&path)?).map_err(|_| HomeError::Key(path))?;
        if !secrets.iter().any(|held| held.public() == secret.public()) {
            secrets.push(secret);
        }
    }
    let current = secrets
        .iter()
        .position(|secret| card.sealing_keys.first() == Some(secret.public()))
        .ok_or_else(|| HomeError::KeyMismatch {
            path: layout.sealing_key(),
            card: layout.card(),
        })?;
    secrets.swap(0, current);
    Ok(secrets)
}

/// The keys that run a node, read into memory.
#[derive(Debug)]
pub(in crate::home) struct Loaded {
    /// The signing key that the card names, where it lies in the home.
    pub(in crate::home) signing: Option<Arc<SigningKey>>,
    /// The current one first, then those that are replaced and not destroyed yet.
    pub(in crate::home) sealing: Arc<Vec<SealingSecret>>,
    pub(in crate::home) storage: Zeroizing<[u8; 32]>,
    /// Replaced ones, newest first.
    pub(in crate::home) earlier_storage: Vec<Zeroizing<[u8; 32]>>,
    pub(in crate::home) index: Zeroizing<[u8; 32]>,
}

impl Loaded {
    pub(in crate::home) fn read(home: &Home) -> Result<Self, HomeError> {
        let (keys, layout) = (&home.key_files, home.layout());
        let storage = keys.retired(&layout.storage_key())?;
        Ok(Self {
            signing: home.read_signing_key()?.map(Arc::new),
            sealing: Arc::new(read_sealing_keys(layout, keys, home.own_card())?),
            storage: keys.read32(&layout.storage_key())?,
            earlier_storage: storage
                .iter()
                .map(|(_, path)| keys.read32(path))
                .collect::<Result<_, _>>()?,
            index: keys.read32(&layout.index_key())?,
        })
    }
}

impl Home {
    /// The signing key in the home that the card names; `None` when the card names one that a token
    /// keeps.
    fn read_signing_key(&self) -> Result<Option<SigningKey>, HomeError> {
        let (keys, layout) = (&self.key_files, self.layout());
        // A crash between the card and the key's place leaves the key that counts under `next`.
        for path in [layout.signing_key(), layout.signing_key_next()] {
            if keys.exists(&path) {
                let key = signing_key(keys, &path)?;
                if in_use(self.own_card(), key.public()) {
                    return Ok(Some(key));
                }
            }
        }
        if self.config().keys.signer.is_some() {
            return Ok(None);
        }
        if !keys.exists(&layout.signing_key()) {
            keys.read(&layout.signing_key())?;
        }
        Err(self.mismatch(layout.signing_key()))
    }
}
