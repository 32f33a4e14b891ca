//! Sealing: HPKE (RFC 9180) base mode with X-Wing (X25519 and ML-KEM-768), HKDF-SHA256 and the
//! export-only AEAD. The exported epoch key then seals with AES-256-GCM.
//!
//! One encapsulation serves many records, because it costs more than everything else on the path.

use std::{convert::Infallible, fmt};

use hpke::{
    Deserializable as _, OpModeR, OpModeS, Serializable as _,
    aead::ExportOnlyAead,
    kdf::HkdfSha256,
    kem::{Kem, XWing},
    rand_core::{TryCryptoRng, TryRng, utils},
};
use zeroize::Zeroizing;

use super::{AeadKey, Digest, Domain, KeyId, NONCE_BYTES, OpenError, fill_random, random_bytes};

/// Length of a sealing secret in bytes: the X-Wing seed.
pub const SEALING_SECRET_BYTES: usize = 32;
/// Length of a sealing key in bytes.
pub const SEALING_KEY_BYTES: usize = 1216;
/// Length of an encapsulation in bytes.
pub const ENCAPSULATION_BYTES: usize = 1120;
/// Randomness of one encapsulation in bytes: 32 for ML-KEM, 32 for X25519.
pub(crate) const ENCAPSULATION_RANDOMNESS: usize = 64;
/// `info` is a few dozen bytes here; RFC 9180 would allow 64 KiB, beyond which `hpke` panics.
const MAX_INFO: usize = 1024;
const TAG_BYTES: usize = 16;

/// A key or an encapsulation cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealingError {
    /// Not 1216 bytes.
    #[error("an X-Wing sealing key is 1216 bytes, these are {0}")]
    KeyLength(usize),
    /// Not the encoding of an ML-KEM-768 key (FIPS 203, 7.2: modulus check).
    #[error("the sealing key is not a valid X-Wing key")]
    Key,
    /// Not 32 bytes.
    #[error("a sealing secret is 32 bytes, these are {0}")]
    SecretLength(usize),
    /// Not 1120 bytes.
    #[error("an X-Wing encapsulation is 1120 bytes, these are {0}")]
    EncapsulationLength(usize),
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// The suite refused its input.
    #[error("the sealing suite refused its input")]
    Refused,
}

/// A public X-Wing key, checked.
#[derive(Clone, PartialEq, Eq)]
pub struct SealingKey {
    key: <XWing as Kem>::PublicKey,
    bytes: Vec<u8>,
}

impl SealingKey {
    /// Accepts 1216 bytes that are a key.
    ///
    /// # Errors
    /// [`SealingError::KeyLength`] or [`SealingError::Key`].
    pub fn parse(bytes: &[u8]) -> Result<Self, SealingError> {
        if bytes.len() != SEALING_KEY_BYTES {
            return Err(SealingError::KeyLength(bytes.len()));
        }
        let key = <XWing as Kem>::PublicKey::from_bytes(bytes).map_err(|_| SealingError::Key)?;
        Ok(Self {
            key,
            bytes: bytes.to_vec(),
        })
    }

    /// First 8 bytes of the key's SHA-256.
    pub fn id(&self) -> KeyId {
        let mut id = [0; 8];
        for (to, from) in id.iter_mut().zip(Digest::of(&self.bytes).as_bytes()) {
            *to = *from;
        }
        id
    }

    /// The 1216 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({})", hex::encode(self.id()))
    }
}

/// A private X-Wing key. Wiped when dropped; never printed.
pub struct SealingSecret {
    key: <XWing as Kem>::PrivateKey,
    public: SealingKey,
}

impl SealingSecret {
    /// Draws a key.
    ///
    /// # Errors
    /// [`SealingError::Random`].
    pub fn generate() -> Result<Self, SealingError> {
        let mut seed = Zeroizing::new([0; SEALING_SECRET_BYTES]);
        fill_random(&mut *seed).map_err(|_| SealingError::Random)?;
        Self::from_bytes(&*seed)
    }

    /// Takes a 32-byte X-Wing seed.
    ///
    /// # Errors
    /// [`SealingError::SecretLength`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SealingError> {
        let key = <XWing as Kem>::PrivateKey::from_bytes(bytes)
            .map_err(|_| SealingError::SecretLength(bytes.len()))?;
        let public = XWing::sk_to_pk(&key);
        let bytes = public.to_bytes().to_vec();
        Ok(Self {
            key,
            public: SealingKey { key: public, bytes },
        })
    }

    /// The 32 bytes, for keeping.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(vec![0; SEALING_SECRET_BYTES]);
        self.key.write_exact(&mut out);
        out
    }

    /// The public key.
    pub const fn public(&self) -> &SealingKey {
        &self.public
    }
}

impl fmt::Debug for SealingSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingSecret({})", hex::encode(self.public.id()))
    }
}

/// The key of a sealing epoch, the same at sender and reader. Never printed.
pub struct EpochKey {
    key: AeadKey,
}

impl EpochKey {
    /// Makes an epoch key and the encapsulation from which the holder of `to` derives it again.
    ///
    /// # Errors
    /// [`SealingError::Random`], or [`SealingError::Refused`] for an `info` over 1 KiB.
    pub fn establish(info: &[u8], to: &SealingKey) -> Result<(Self, Vec<u8>), SealingError> {
        let mut randomness = Zeroizing::new([0; ENCAPSULATION_RANDOMNESS]);
        fill_random(&mut *randomness).map_err(|_| SealingError::Random)?;
        Self::establish_with(info, to, &randomness)
    }

    /// As [`Self::establish`] with given randomness, which must be fresh outside test vectors.
    pub(crate) fn establish_with(
        info: &[u8],
        to: &SealingKey,
        randomness: &[u8; ENCAPSULATION_RANDOMNESS],
    ) -> Result<(Self, Vec<u8>), SealingError> {
        if info.len() > MAX_INFO {
            return Err(SealingError::Refused);
        }
        let mut drawn = Drawn {
            left: randomness,
            short: false,
        };
        let (encapsulation, context) = hpke::setup_sender_with_rng::<
            ExportOnlyAead,
            HkdfSha256,
            XWing,
        >(&OpModeS::Base, &to.key, info, &mut drawn)
        .map_err(|_| SealingError::Refused)?;
        if drawn.short {
            return Err(SealingError::Random);
        }
        let mut key = Zeroizing::new([0; 32]);
        context
            .export(Domain::Epoch.prefix(), &mut *key)
            .map_err(|_| SealingError::Refused)?;
        Ok((Self::of(&key)?, encapsulation.to_bytes().to_vec()))
    }

    /// Derives the epoch key from an encapsulation. A false encapsulation of the right length gives
    /// another key (implicit rejection), under which nothing opens.
    ///
    /// # Errors
    /// [`SealingError::EncapsulationLength`], or [`SealingError::Refused`] for an `info` over 1 KiB.
    pub fn open(
        info: &[u8],
        secret: &SealingSecret,
        encapsulation: &[u8],
    ) -> Result<Self, SealingError> {
        Self::of(&*Self::export(info, secret, encapsulation)?)
    }

    /// The bytes of an epoch key, which only test vectors show.
    pub(crate) fn export(
        info: &[u8],
        secret: &SealingSecret,
        encapsulation: &[u8],
    ) -> Result<Zeroizing<[u8; 32]>, SealingError> {
        if info.len() > MAX_INFO {
            return Err(SealingError::Refused);
        }
        let encapped = <XWing as Kem>::EncappedKey::from_bytes(encapsulation)
            .map_err(|_| SealingError::EncapsulationLength(encapsulation.len()))?;
        let context = hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, XWing>(
            &OpModeR::Base,
            &secret.key,
            &encapped,
            info,
        )
        .map_err(|_| SealingError::Refused)?;
        let mut key = Zeroizing::new([0; 32]);
        context
            .export(Domain::Epoch.prefix(), &mut *key)
            .map_err(|_| SealingError::Refused)?;
        Ok(key)
    }

    fn of(key: &[u8; 32]) -> Result<Self, SealingError> {
        AeadKey::new(key)
            .map(|key| Self { key })
            .map_err(|_| SealingError::Refused)
    }

    /// Seals under a random nonce; the answer is the nonce, and the ciphertext with its tag.
    ///
    /// # Errors
    /// [`SealingError::Random`].
    pub fn seal(
        &self,
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<([u8; NONCE_BYTES], Vec<u8>), SealingError> {
        let nonce = random_bytes().map_err(|_| SealingError::Random)?;
        Ok((nonce, self.seal_with(nonce, aad, plaintext)?))
    }

    /// As [`Self::seal`] with a given nonce, which must be fresh outside test vectors.
    pub(crate) fn seal_with(
        &self,
        nonce: [u8; NONCE_BYTES],
        aad: &[u8],
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealingError> {
        // Room for the tag, so that no copy of the plaintext stays behind in a freed buffer.
        let mut body = Vec::with_capacity(plaintext.len() + TAG_BYTES);
        body.extend_from_slice(plaintext);
        self.key
            .seal_with(nonce, aad, &mut body)
            .map_err(|_| SealingError::Refused)?;
        Ok(body)
    }

    /// Opens what [`Self::seal`] made.
    ///
    /// # Errors
    /// [`OpenError`] for another key, other additional data, altered bytes or a nonce that is not
    /// 12 bytes.
    pub fn open_sealed(
        &self,
        aad: &[u8],
        nonce: &[u8],
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, OpenError> {
        let nonce = nonce.try_into().map_err(|_| OpenError)?;
        self.key.open_with(nonce, aad, sealed)
    }
}

impl fmt::Debug for EpochKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("EpochKey(..)")
    }
}

/// Hands out randomness drawn beforehand: `hpke` panics when its own source fails, ours returns an
/// error before it is asked.
struct Drawn<'a> {
    left: &'a [u8],
    short: bool,
}

impl TryRng for Drawn<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        utils::next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        match self.left.split_at_checked(out.len()) {
            Some((drawn, left)) => {
                out.copy_from_slice(drawn);
                self.left = left;
            }
            None => self.short = true,
        }
        Ok(())
    }
}

impl TryCryptoRng for Drawn<'_> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_derive_one_key() {
        let secret = SealingSecret::generate().unwrap();
        let again = SealingSecret::from_bytes(&secret.to_bytes()).unwrap();
        assert_eq!(again.public(), secret.public());
        let key = SealingKey::parse(secret.public().as_bytes()).unwrap();
        assert_eq!(key.id(), secret.public().id());
        let (sender, encapsulation) = EpochKey::establish(b"info", &key).unwrap();
        assert_eq!(encapsulation.len(), ENCAPSULATION_BYTES);
        let reader = EpochKey::open(b"info", &again, &encapsulation).unwrap();
        let (nonce, sealed) = sender.seal(b"aad", b"text").unwrap();
        assert_eq!(
            &**reader.open_sealed(b"aad", &nonce, &sealed).unwrap(),
            b"text"
        );
        assert!(reader.open_sealed(b"aae", &nonce, &sealed).is_err());
        assert!(reader.open_sealed(b"aad", &nonce[1..], &sealed).is_err());

        let stranger = SealingSecret::generate().unwrap();
        for (info, secret) in [(&b"info"[..], &stranger), (b"infp", &again)] {
            let other = EpochKey::open(info, secret, &encapsulation).unwrap();
            assert!(other.open_sealed(b"aad", &nonce, &sealed).is_err());
        }
        for at in [0, 500, 1087, 1088, 1118] {
            let mut broken = encapsulation.clone();
            broken[at] ^= 1;
            let other = EpochKey::open(b"info", &again, &broken).unwrap();
            assert!(other.open_sealed(b"aad", &nonce, &sealed).is_err(), "{at}");
        }
    }

    #[test]
    fn each_defect_has_its_error() {
        assert_eq!(
            SealingKey::parse(&[0; 1215]).unwrap_err(),
            SealingError::KeyLength(1215)
        );
        // 0xfff is not below the modulus 3329.
        assert_eq!(
            SealingKey::parse(&[0xff; 1216]).unwrap_err(),
            SealingError::Key
        );
        assert_eq!(
            SealingSecret::from_bytes(&[0; 31]).unwrap_err(),
            SealingError::SecretLength(31)
        );
        let secret = SealingSecret::generate().unwrap();
        assert_eq!(
            EpochKey::open(b"", &secret, &[0; 1119]).unwrap_err(),
            SealingError::EncapsulationLength(1119)
        );
        assert_eq!(
            EpochKey::establish(&[0; 1025], secret.public()).unwrap_err(),
            SealingError::Refused
        );
        assert_eq!(
            EpochKey::open(&[0; 1025], &secret, &[0; 1120]).unwrap_err(),
            SealingError::Refused
        );
    }
}
