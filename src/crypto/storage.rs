//! The storage key with those before it: what is new is sealed under the newest, what an earlier one
//! sealed still opens.

use zeroize::Zeroizing;

use super::{AeadKey, OpenError, RandomError};

/// Encrypts values at rest.
#[derive(Debug)]
pub struct StorageKey {
    current: AeadKey,
    /// Replaced ones, newest first.
    earlier: Vec<AeadKey>,
}

impl StorageKey {
    /// The key in use, and those that it replaced, newest first.
    ///
    /// # Errors
    /// [`OpenError`] never happens for 32 bytes; it stands for ring's refusal.
    pub fn new<'a>(
        current: &[u8; 32],
        earlier: impl IntoIterator<Item = &'a [u8; 32]>,
    ) -> Result<Self, OpenError> {
        Ok(Self {
            current: AeadKey::new(current)?,
            earlier: earlier
                .into_iter()
                .map(AeadKey::new)
                .collect::<Result<_, _>>()?,
        })
    }

    /// Encrypts under the key in use; the answer is nonce, ciphertext, tag.
    ///
    /// # Errors
    /// As [`AeadKey::seal`].
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, RandomError> {
        self.current.seal(aad, plaintext)
    }

    /// Opens what any of the keys sealed.
    ///
    /// # Errors
    /// [`OpenError`] when none did, or bytes were altered.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        self.current.open(aad, sealed).or_else(|error| {
            self.earlier
                .iter()
                .find_map(|key| key.open(aad, sealed).ok())
                .ok_or(error)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_new_is_closed_to_the_key_before() {
        let (old, new) = ([1; 32], [2; 32]);
        let before = StorageKey::new(&old, []).unwrap();
        let kept = before.seal(b"aad", b"old text").unwrap();
        let after = StorageKey::new(&new, [&old]).unwrap();
        let fresh = after.seal(b"aad", b"new text").unwrap();
        assert_eq!(&**after.open(b"aad", &kept).unwrap(), b"old text");
        assert_eq!(&**after.open(b"aad", &fresh).unwrap(), b"new text");
        assert_eq!(before.open(b"aad", &fresh).unwrap_err(), OpenError);
        assert_eq!(after.open(b"other", &kept).unwrap_err(), OpenError);
        let forgot = StorageKey::new(&new, []).unwrap();
        assert_eq!(forgot.open(b"aad", &kept).unwrap_err(), OpenError);
    }
}
