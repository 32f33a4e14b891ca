//! Content keys: one random key per compartment, used for one encryption.
//!
//! AES-GCM does not commit to its key: one ciphertext can open to two texts under two keys. So the
//! AES key and a commitment, which the header signs, are both derived from the content key, and a
//! reader checks the commitment before it decrypts.

use std::{fmt, sync::LazyLock};

use ring::hmac;
use zeroize::{Zeroize as _, Zeroizing};

use super::{AeadKey, Digest, Domain, NONCE_BYTES, RandomError, fill_random};

/// The AES key is derived from a key that encrypts once, so the nonce need not differ.
const NONCE: [u8; NONCE_BYTES] = [0; NONCE_BYTES];

/// A content key cannot be used, or a compartment does not open with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ContentError {
    /// Not 32 bytes.
    #[error("a content key is 32 bytes, these are {0}")]
    Length(usize),
    /// Longer than AES-GCM encrypts under one nonce.
    #[error("the text is too long to encrypt under one key")]
    TooLong,
    /// Another key, other additional data or altered bytes.
    #[error("the compartment does not open: another key, or altered bytes")]
    DoesNotOpen,
}

/// The single-use key of one compartment. Wiped when dropped; never printed.
#[derive(Clone)]
pub struct ContentKey(Zeroizing<[u8; 32]>);

impl ContentKey {
    /// Draws a key.
    ///
    /// # Errors
    /// [`RandomError`] when the operating system gives no randomness.
    pub fn generate() -> Result<Self, RandomError> {
        let mut bytes = Zeroizing::new([0; 32]);
        fill_random(&mut *bytes)?;
        Ok(Self(bytes))
    }

    /// Takes 32 bytes as a key.
    ///
    /// # Errors
    /// [`ContentError::Length`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ContentError> {
        bytes
            .try_into()
            .map(|key| Self(Zeroizing::new(key)))
            .map_err(|_| ContentError::Length(bytes.len()))
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What the header signs about this key: HKDF-SHA256 with the domain's prefix, the record's id
    /// and the manifest index (32 bits, big endian) as `info`.
    pub fn commitment(&self, record_id: &[u8; 16], index: u32) -> Digest {
        let out = hkdf_sha256(
            &*self.0,
            &[
                Domain::ContentCommitment.prefix(),
                record_id,
                &index.to_be_bytes(),
            ],
        );
        Digest::from_array(*out)
    }

    /// Encrypts in place and appends the tag. A key may do this once only: the nonce is fixed.
    ///
    /// # Errors
    /// [`ContentError::TooLong`] beyond 64 GiB; the text is wiped then.
    pub fn encrypt(&self, aad: &[u8], plaintext: Vec<u8>) -> Result<Vec<u8>, ContentError> {
        let mut body = plaintext;
        let sealed = self
            .cipher()
            .and_then(|cipher| cipher.seal_with(NONCE, aad, &mut body).ok());
        if sealed.is_none() {
            body.zeroize();
            return Err(ContentError::TooLong);
        }
        Ok(body)
    }

    /// Decrypts what [`Self::encrypt`] made.
    ///
    /// # Errors
    /// [`ContentError::DoesNotOpen`].
    pub fn decrypt(
        &self,
        aad: &[u8],
        ciphertext: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, ContentError> {
        self.cipher()
            .and_then(|cipher| cipher.open_with(NONCE, aad, ciphertext).ok())
            .ok_or(ContentError::DoesNotOpen)
    }

    fn cipher(&self) -> Option<AeadKey> {
        AeadKey::new(&hkdf_sha256(
            &*self.0,
            &[Domain::ContentEncryption.prefix()],
        ))
        .ok()
    }
}

impl fmt::Debug for ContentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ContentKey(..)")
    }
}

/// The key of the extraction without salt, which is the same each time.
static NO_SALT: LazyLock<hmac::Key> = LazyLock::new(|| hmac::Key::new(hmac::HMAC_SHA256, &[]));

/// HKDF-SHA256 (RFC 5869) without salt, 32 bytes: one block of output, so extract and expand are
/// one HMAC each.
fn hkdf_sha256(secret: &[u8], info: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let extracted = hmac::sign(&NO_SALT, secret);
    let mut expand =
        hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, extracted.as_ref()));
    for part in info {
        expand.update(part);
    }
    expand.update(&[1]);
    let mut out = Zeroizing::new([0; 32]);
    for (to, from) in out.iter_mut().zip(expand.sign().as_ref()) {
        *to = *from;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hkdf_is_rings_hkdf() {
        let mut expected = [0; 32];
        ring::hkdf::Salt::new(ring::hkdf::HKDF_SHA256, &[])
            .extract(b"secret")
            .expand(&[b"in", b"fo"], ring::hkdf::HKDF_SHA256)
            .unwrap()
            .fill(&mut expected)
            .unwrap();
        assert_eq!(*hkdf_sha256(b"secret", &[b"inf", b"o"]), expected);
    }

    #[test]
    fn rfc_5869_test_3() {
        // Salt and info of length zero; the first 32 of its 42 bytes.
        assert_eq!(
            hex::encode(*hkdf_sha256(&[0x0b; 22], &[])),
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
        );
    }

    #[test]
    fn opens_with_its_key_and_aad_only() {
        let key = ContentKey::generate().unwrap();
        let sealed = key.encrypt(b"aad", b"text".to_vec()).unwrap();
        assert_eq!(&**key.decrypt(b"aad", &sealed).unwrap(), b"text");
        assert_eq!(
            key.decrypt(b"aae", &sealed).unwrap_err(),
            ContentError::DoesNotOpen
        );
        let other = ContentKey::generate().unwrap();
        assert_eq!(
            other.decrypt(b"aad", &sealed).unwrap_err(),
            ContentError::DoesNotOpen
        );
    }

    #[test]
    fn commitments_differ_by_key_record_and_index() {
        let key = ContentKey::from_bytes(&[1; 32]).unwrap();
        let commitment = key.commitment(&[2; 16], 3);
        assert_eq!(commitment, key.clone().commitment(&[2; 16], 3));
        assert_ne!(commitment, key.commitment(&[2; 16], 4));
        assert_ne!(commitment, key.commitment(&[3; 16], 3));
        let other = ContentKey::from_bytes(&[2; 32]).unwrap();
        assert_ne!(commitment, other.commitment(&[2; 16], 3));
        assert_eq!(
            ContentKey::from_bytes(&[1; 31]).unwrap_err(),
            ContentError::Length(31)
        );
    }
}
