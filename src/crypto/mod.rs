//! Signing, sealing, hashing and keys. The only room that names `hpke` and ring's signatures.
//!
//! One suite, named by protocol version 1: Ed25519 (one strict criterion), X-Wing HPKE, HKDF-SHA256,
//! AES-256-GCM, SHA-256. Every signed or derived byte string starts with a [`Domain`].

mod aead;
pub mod chunks;
mod content;
mod digest;
mod domain;
mod key_seal;
pub mod merkle;
mod padding;
mod random;
mod seal;
mod sign;
mod signer;
mod storage;
mod tag;
#[cfg(test)]
mod vectors;

pub use aead::{AeadKey, NONCE_BYTES, OpenError};
pub use content::{ContentError, ContentKey};
pub use digest::{Digest, DigestLengthError};
pub use domain::Domain;
pub use key_seal::{FILE_KEY_ROLE, KeySeal, PROTECTION_KEY_BYTES};
pub use padding::{PaddingError, pad, padded_len, unpad};
pub use random::{RandomError, fill_random, random_bytes};
pub use seal::{
    ENCAPSULATION_BYTES, EpochKey, SEALING_KEY_BYTES, SEALING_SECRET_BYTES, SealingError,
    SealingKey, SealingSecret,
};
pub use sign::{KeyError, KeyId, PublicKey, Signature, SignatureError, SigningKey};
pub use signer::{Signer, SigningFault};
pub use storage::StorageKey;
pub use tag::IndexKey;
