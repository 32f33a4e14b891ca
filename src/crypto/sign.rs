//! Ed25519 with one strict criterion.
//!
//! ring verifies the cofactorless equation, refuses `s ≥ L` and re-encodes `R`; what it does not
//! refuse is a public key of small order or in non-canonical form, under which one signature can
//! hold for many messages. [`PublicKey::parse`] refuses those, so a [`PublicKey`] is always safe to
//! verify with.

use std::fmt;

use ring::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use zeroize::Zeroizing;

use super::{Digest, Domain};

/// An Ed25519 signature.
pub type Signature = [u8; 64];

/// First 8 bytes of the SHA-256 of a public key: names a key, authenticates nothing.
pub type KeyId = [u8; 8];

/// A key cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not 32 bytes.
    #[error("an Ed25519 public key is 32 bytes, these are {0}")]
    Length(usize),
    /// The y coordinate is not below 2^255 - 19.
    #[error("the public key is not in canonical form")]
    NonCanonical,
    /// One signature could hold for any message.
    #[error("the public key is of small order")]
    SmallOrder,
    /// The private key does not parse.
    #[error("the private key is damaged or of another kind")]
    Private,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
}

/// The signature does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not hold")]
pub struct SignatureError;

/// A public key under which one signature holds for one message.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

/// y coordinates of the eight points of small order, sign bit cleared: 0, 1, -1, and the two of
/// order eight (RFC 8032 curve; see "Taming the many EdDSAs", table 1).
const SMALL_ORDER_Y: [[u8; 32]; 5] = [
    [0; 32],
    {
        let mut one = [0; 32];
        one[0] = 1;
        one
    },
    [
        0xec, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
        0xff, 0x7f,
    ],
    [
        0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98,
        0xf0, 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53,
        0xfc, 0x05,
    ],
    [
        0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67,
        0x0f, 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac,
        0x03, 0x7a,
    ],
];

impl PublicKey {
    /// Accepts a public key that is canonical and of large order.
    ///
    /// # Errors
    /// [`KeyError::Length`], [`KeyError::NonCanonical`] or [`KeyError::SmallOrder`].
    pub fn parse(bytes: &[u8]) -> Result<Self, KeyError> {
        let key: [u8; 32] = bytes
            .try_into()
            .map_err(|_| KeyError::Length(bytes.len()))?;
        let mut y = key;
        if let Some(last) = y.last_mut() {
            *last &= 0x7f;
        }
        // p = 2^255 - 19 is ed ff … ff 7f in little endian: y ≥ p only for those 19 encodings.
        let [low, middle @ .., high] = y;
        if high == 0x7f && low >= 0xed && middle.iter().all(|byte| *byte == 0xff) {
            return Err(KeyError::NonCanonical);
        }
        if SMALL_ORDER_Y.contains(&y) {
            return Err(KeyError::SmallOrder);
        }
        Ok(Self(key))
    }

    /// Verifies a signature over a domain's prefix and `message`.
    ///
    /// # Errors
    /// [`SignatureError`] when it does not hold.
    pub fn verify(
        &self,
        domain: Domain,
        message: &[u8],
        signature: &[u8],
    ) -> Result<(), SignatureError> {
        self.verify_text(&[domain.prefix(), message].concat(), signature)
    }

    /// Verifies a signature over bytes that carry their own prefix (signed notes).
    ///
    /// # Errors
    /// [`SignatureError`] when it does not hold.
    pub fn verify_text(&self, message: &[u8], signature: &[u8]) -> Result<(), SignatureError> {
        UnparsedPublicKey::new(&ED25519, &self.0)
            .verify(message, signature)
            .map_err(|_| SignatureError)
    }

    /// The key's id.
    pub fn id(&self) -> KeyId {
        let digest = Digest::of(&self.0);
        let mut id = [0; 8];
        for (to, from) in id.iter_mut().zip(digest.as_bytes()) {
            *to = *from;
        }
        id
    }

    /// The 32 bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", hex::encode(self.0))
    }
}

/// A private signing key. Never printed.
pub struct SigningKey {
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl SigningKey {
    /// A new key and its PKCS #8 form for keeping.
    ///
    /// # Errors
    /// [`KeyError::Random`] when no randomness can be had.
    pub fn generate() -> Result<(Self, Zeroizing<Vec<u8>>), KeyError> {
        let document = Ed25519KeyPair::generate_pkcs8(&ring::rand::SystemRandom::new())
            .map_err(|_| KeyError::Random)?;
        let pkcs8 = Zeroizing::new(document.as_ref().to_vec());
        Ok((Self::from_pkcs8(&pkcs8)?, pkcs8))
    }

    /// Reads the PKCS #8 (v2) form that [`Self::generate`] gave.
    ///
    /// # Errors
    /// [`KeyError::Private`] when it is not one.
    pub fn from_pkcs8(pkcs8: &[u8]) -> Result<Self, KeyError> {
        Self::from_pair(Ed25519KeyPair::from_pkcs8(pkcs8).map_err(|_| KeyError::Private)?)
    }

    /// The key of a 32-byte seed (RFC 8032), for published vectors.
    ///
    /// # Errors
    /// [`KeyError::Private`] when the seed is not 32 bytes.
    pub fn from_seed(seed: &[u8]) -> Result<Self, KeyError> {
        Self::from_pair(Ed25519KeyPair::from_seed_unchecked(seed).map_err(|_| KeyError::Private)?)
    }

    fn from_pair(pair: Ed25519KeyPair) -> Result<Self, KeyError> {
        let public = PublicKey::parse(pair.public_key().as_ref())?;
        Ok(Self { pair, public })
    }

    /// Signs a domain's prefix and `message`.
    pub fn sign(&self, domain: Domain, message: &[u8]) -> Signature {
        self.sign_text(&[domain.prefix(), message].concat())
    }

    /// Signs bytes that carry their own prefix (signed notes).
    pub fn sign_text(&self, message: &[u8]) -> Signature {
        let signature = self.pair.sign(message);
        let mut out = [0; 64];
        for (to, from) in out.iter_mut().zip(signature.as_ref()) {
            *to = *from;
        }
        out
    }

    /// The public key.
    pub const fn public(&self) -> &PublicKey {
        &self.public
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({})", hex::encode(self.public.id()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_verifies_in_its_domain_only() {
        let (key, pkcs8) = SigningKey::generate().unwrap();
        let signature = key.sign(Domain::Header, b"text");
        key.public()
            .verify(Domain::Header, b"text", &signature)
            .unwrap();
        assert!(
            key.public()
                .verify(Domain::Card, b"text", &signature)
                .is_err()
        );
        assert!(
            key.public()
                .verify(Domain::Header, b"texu", &signature)
                .is_err()
        );
        let again = SigningKey::from_pkcs8(&pkcs8).unwrap();
        assert_eq!(again.public(), key.public());
    }

    #[test]
    fn rfc_8032_test_1() {
        let seed = hex::decode("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
            .unwrap();
        let key = SigningKey::from_seed(&seed).unwrap();
        assert_eq!(
            hex::encode(key.public().as_bytes()),
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
        );
        assert_eq!(
            hex::encode(key.sign_text(b"")),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        );
    }

    #[test]
    fn small_order_and_non_canonical_keys_are_refused() {
        for y in SMALL_ORDER_Y {
            for sign in [0, 0x80] {
                let mut key = y;
                key[31] |= sign;
                assert_eq!(PublicKey::parse(&key), Err(KeyError::SmallOrder));
            }
        }
        for low in 0xed..=0xff_u8 {
            let mut key = [0xff; 32];
            key[0] = low;
            assert_eq!(PublicKey::parse(&key), Err(KeyError::NonCanonical));
            key[31] = 0x7f;
            assert_eq!(PublicKey::parse(&key), Err(KeyError::NonCanonical));
        }
        assert_eq!(PublicKey::parse(&[1; 31]), Err(KeyError::Length(31)));
    }
}
