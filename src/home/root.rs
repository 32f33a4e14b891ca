//! The country root and the recovery root: kept under a passphrase, moved offline after `init`.
//!
//! The files are in age's format with its scrypt recipient, so that `age -d` opens them without
//! this program; inside is the PKCS #8 of an Ed25519 key.

use std::path::Path;

use age::{DecryptError, scrypt, secrecy::SecretString};
use zeroize::Zeroizing;

use super::{HomeError, files};
use crate::crypto::SigningKey;

/// Fewest characters of a passphrase: a stolen file can be guessed at without limit.
pub const MIN_PASSPHRASE: usize = 12;
/// Most scrypt work, as a power of two: about a minute and 4 GiB.
pub const MAX_WORK_FACTOR: u8 = 22;

/// Encrypts a key under a passphrase. Without a work factor, one that takes this machine about a
/// second.
pub(super) fn lock(
    key: &[u8],
    passphrase: &str,
    work_factor: Option<u8>,
) -> Result<Vec<u8>, HomeError> {
    let mut recipient = scrypt::Recipient::new(SecretString::from(passphrase.to_owned()));
    if let Some(factor) = work_factor {
        if !(1..=MAX_WORK_FACTOR).contains(&factor) {
            return Err(HomeError::WorkFactor { factor });
        }
        recipient.set_work_factor(factor);
    }
    age::encrypt(&recipient, key).map_err(|fault| HomeError::Encrypt(fault.to_string()))
}

/// Refuses a passphrase that is too short.
///
/// # Errors
/// [`HomeError::WeakPassphrase`].
pub fn check_passphrase(passphrase: &str) -> Result<(), HomeError> {
    let characters = passphrase.chars().count();
    if characters < MIN_PASSPHRASE {
        return Err(HomeError::WeakPassphrase { characters });
    }
    Ok(())
}

/// Opens a root with its passphrase. Takes about a second and up to a gigabyte, by design.
///
/// # Errors
/// [`HomeError::WrongPassphrase`], [`HomeError::NotARoot`], [`HomeError::ExcessiveWork`],
/// [`HomeError::Key`] or [`HomeError::Io`].
pub fn open_root(path: &Path, passphrase: &str) -> Result<SigningKey, HomeError> {
    SigningKey::from_pkcs8(&unlock(path, passphrase)?).map_err(|_| HomeError::Key(path.to_owned()))
}

/// Opens what [`lock`] made, as [`open_root`].
pub(super) fn unlock(path: &Path, passphrase: &str) -> Result<Zeroizing<Vec<u8>>, HomeError> {
    // Whoever may read it: it lies on a stick or a card, often with a file system without modes,
    // and the passphrase is its protection.
    let sealed = files::read_public(path)?;
    let mut identity = scrypt::Identity::new(SecretString::from(passphrase.to_owned()));
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    age::decrypt(&identity, &sealed)
        .map(Zeroizing::new)
        .map_err(|fault| match fault {
            DecryptError::DecryptionFailed | DecryptError::KeyDecryptionFailed => {
                HomeError::WrongPassphrase(path.to_owned())
            }
            DecryptError::ExcessiveWork { required, .. } => HomeError::ExcessiveWork {
                path: path.to_owned(),
                required,
                allowed: MAX_WORK_FACTOR,
            },
            _ => HomeError::NotARoot(path.to_owned()),
        })
}
