//! AES-256-GCM with random nonces, for keys that encrypt more than once.

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use zeroize::{Zeroize, Zeroizing};

use super::{RandomError, random_bytes};

/// Length of a nonce in bytes.
pub const NONCE_BYTES: usize = 12;
const TAG_BYTES: usize = 16;

/// An AES-256-GCM key; never printed. Not wiped when dropped: ring keeps the expanded key and offers
/// no way to erase it, so it stays in freed memory until that is used again.
pub struct AeadKey {
    key: LessSafeKey,
}

/// The ciphertext was not made with this key and this additional data.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the ciphertext does not open: another key, or altered bytes")]
pub struct OpenError;

impl AeadKey {
    /// Takes 32 bytes as a key.
    ///
    /// # Errors
    /// [`OpenError`] never happens for 32 bytes; it stands for ring's refusal.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, OpenError> {
        let unbound = UnboundKey::new(&AES_256_GCM, bytes).map_err(|_| OpenError)?;
        Ok(Self {
            key: LessSafeKey::new(unbound),
        })
    }

    /// Encrypts under a random nonce; the answer is nonce, ciphertext, tag.
    ///
    /// # Errors
    /// [`RandomError`] when no nonce can be drawn, or ring refuses the length (beyond 64 GiB).
    pub fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, RandomError> {
        let nonce: [u8; NONCE_BYTES] = random_bytes()?;
        let mut out = Vec::with_capacity(NONCE_BYTES + plaintext.len() + TAG_BYTES);
        out.extend_from_slice(&nonce);
        out.extend_from_slice(plaintext);
        let body = out.get_mut(NONCE_BYTES..).unwrap_or_default();
        let sealed = self.key.seal_in_place_separate_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(aad),
            body,
        );
        let Ok(tag) = sealed else {
            out.zeroize();
            return Err(RandomError);
        };
        out.extend_from_slice(tag.as_ref());
        Ok(out)
    }

    /// Encrypts in place under a nonce that this key has never used; appends the tag.
    ///
    /// # Errors
    /// [`RandomError`] when ring refuses the length.
    pub fn seal_with(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        body: &mut Vec<u8>,
    ) -> Result<(), RandomError> {
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), body)
            .map_err(|_| RandomError)
    }

    /// Opens what [`Self::seal`] made.
    ///
    /// # Errors
    /// [`OpenError`] for another key, other additional data or altered bytes.
    pub fn open(&self, aad: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let (nonce, body) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(OpenError)?;
        self.open_with(*nonce, aad, body)
    }

    /// Opens a ciphertext made under `nonce`.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_with(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        body: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let mut plain = Zeroizing::new(body.to_vec());
        let length = self
            .key
            .open_in_place(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(aad),
                &mut plain,
            )
            .map_err(|_| OpenError)?
            .len();
        plain.truncate(length);
        Ok(plain)
    }
}

impl fmt::Debug for AeadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AeadKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_the_same_key_and_aad() {
        let key = AeadKey::new(&[7; 32]).unwrap();
        let sealed = key.seal(b"aad", b"text").unwrap();
        assert_eq!(&**key.open(b"aad", &sealed).unwrap(), b"text");
        assert_eq!(key.open(b"other", &sealed).unwrap_err(), OpenError);
        let other = AeadKey::new(&[8; 32]).unwrap();
        assert_eq!(other.open(b"aad", &sealed).unwrap_err(), OpenError);
        for at in 0..sealed.len() {
            let mut broken = sealed.clone();
            broken[at] ^= 1;
            assert!(key.open(b"aad", &broken).is_err(), "byte {at}");
        }
        assert!(key.open(b"aad", &sealed[..11]).is_err());
    }
}
