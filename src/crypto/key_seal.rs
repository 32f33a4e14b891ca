//! Key files at rest under a protection key: AES-256-GCM, bound to what the key is for.
//!
//! ```text
//! sealed = "comityP1" nonce:12 ciphertext tag:16
//! aad    = D(key-file) role
//! ```

use std::{fmt, sync::Arc};

use zeroize::Zeroizing;

use super::{AeadKey, Domain, OpenError, RandomError};

/// Length of a protection key in bytes.
pub const PROTECTION_KEY_BYTES: usize = 32;
/// The role of the key over the shred slots, wherever it lies.
pub const FILE_KEY_ROLE: &str = "file-key";
const MAGIC: &[u8; 8] = b"comityP1";

/// Seals key files under one protection key. Shared by reference; never printed.
#[derive(Clone)]
pub struct KeySeal(Arc<AeadKey>);

impl KeySeal {
    /// Takes a protection key.
    ///
    /// # Errors
    /// [`OpenError`] never happens for 32 bytes; it stands for ring's refusal.
    pub fn new(key: &[u8; PROTECTION_KEY_BYTES]) -> Result<Self, OpenError> {
        AeadKey::new(key).map(|key| Self(Arc::new(key)))
    }

    /// Seals the bytes of a key of this role, such as `signing`: opened as a key of another role they
    /// are refused.
    ///
    /// # Errors
    /// [`RandomError`] when no nonce can be drawn.
    pub fn seal(&self, role: &str, key: &[u8]) -> Result<Vec<u8>, RandomError> {
        let mut sealed = MAGIC.to_vec();
        sealed.extend_from_slice(&self.0.seal(&aad(role), key)?);
        Ok(sealed)
    }

    /// Opens what [`Self::seal`] made.
    ///
    /// # Errors
    /// [`OpenError`] for another protection key, another role or altered bytes.
    pub fn open(&self, role: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let body = sealed.strip_prefix(MAGIC).ok_or(OpenError)?;
        self.0.open(&aad(role), body)
    }
}

fn aad(role: &str) -> Vec<u8> {
    [Domain::KeyFile.prefix(), role.as_bytes()].concat()
}

impl fmt::Debug for KeySeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeySeal(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_the_same_key_and_for_the_same_role() {
        let seal = KeySeal::new(&[7; 32]).unwrap();
        let sealed = seal.seal("signing", b"secret").unwrap();
        assert_eq!(&**seal.open("signing", &sealed).unwrap(), b"secret");
        assert_eq!(seal.open("storage", &sealed).unwrap_err(), OpenError);
        let other = KeySeal::new(&[8; 32]).unwrap();
        assert_eq!(other.open("signing", &sealed).unwrap_err(), OpenError);
        for at in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[at] ^= 1;
            assert!(seal.open("signing", &broken).is_err(), "byte {at}");
        }
        for cut in 0..sealed.len() {
            assert!(seal.open("signing", &sealed[..cut]).is_err());
        }
    }
}
