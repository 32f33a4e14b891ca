//! Who signs as a country's node: a key in memory, or one that a device keeps.

use std::{fmt, sync::Arc};

use super::{Domain, PublicKey, Signature, SigningKey};

/// A device did not sign. The fault is its own, or its connection's; nothing was signed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SigningFault(pub String);

/// Signs with one Ed25519 key. May take as long as a device takes: not for a runtime's threads.
pub trait Signer: Send + Sync + fmt::Debug {
    /// The public key.
    fn public(&self) -> &PublicKey;

    /// Signs bytes that carry their own prefix (signed notes).
    ///
    /// # Errors
    /// [`SigningFault`] when the device that keeps the key does not sign.
    fn sign_text(&self, message: &[u8]) -> Result<Signature, SigningFault>;

    /// Signs a domain's prefix and `message`.
    ///
    /// # Errors
    /// As [`Self::sign_text`].
    fn sign(&self, domain: Domain, message: &[u8]) -> Result<Signature, SigningFault> {
        self.sign_text(&[domain.prefix(), message].concat())
    }
}

impl Signer for SigningKey {
    fn public(&self) -> &PublicKey {
        Self::public(self)
    }

    fn sign_text(&self, message: &[u8]) -> Result<Signature, SigningFault> {
        Ok(Self::sign_text(self, message))
    }
}

impl<T: Signer + ?Sized> Signer for Arc<T> {
    fn public(&self) -> &PublicKey {
        T::public(self)
    }

    fn sign_text(&self, message: &[u8]) -> Result<Signature, SigningFault> {
        T::sign_text(self, message)
    }
}
