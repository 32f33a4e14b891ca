//! Lane marks: how far a lane reaches, signed by its origin, so that a withheld tail is seen.

use prost::{Message as _, bytes::Bytes};

use super::{Lane, LaneMark, OriginKeys, SignedLaneMark};
use crate::{
    card::Place,
    crypto::{Digest, Domain, KeyId, Signer, SigningFault, SigningKey},
    record::Country,
};

/// Most bytes of an encoded mark; its fields have fixed lengths.
const MAX_MARK_BYTES: usize = 128;

/// A mark does not prove what it says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MarkError {
    /// The origin's card does not vouch for the key.
    #[error("the card of {0} has no such signing key")]
    UnknownKey(Country),
    /// The key was retired, and the mark lies beyond what it signed before.
    #[error("{0} retired the key that signed this lane mark before it reached this far")]
    Retired(Country),
    /// The signature does not hold.
    #[error("the signature of {0} does not hold over its lane mark")]
    BadSignature(Country),
    /// The mark is not a message in canonical form, or breaks a rule.
    #[error("the lane mark is malformed: {0}")]
    Malformed(&'static str),
}

impl MarkError {
    /// A stable word for the error, as vectors name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::UnknownKey(_) => "unknown_key",
            Self::Retired(_) => "retired",
            Self::BadSignature(_) => "bad_signature",
            Self::Malformed(_) => "malformed",
        }
    }
}

/// Signs a mark: the domain's prefix and the mark's encoding.
///
/// # Errors
/// [`SigningFault`] when whoever keeps the node's key does not sign.
pub fn sign_mark_by(mark: &LaneMark, signer: &dyn Signer) -> Result<SignedLaneMark, SigningFault> {
    let mark = mark.encode_to_vec();
    Ok(SignedLaneMark {
        key_id: Bytes::copy_from_slice(&signer.public().id()),
        signature: Bytes::copy_from_slice(&signer.sign(Domain::Mark, &mark)?),
        mark: mark.into(),
    })
}

/// As [`sign_mark_by`], with a key in memory.
pub fn sign_mark(mark: &LaneMark, key: &SigningKey) -> SignedLaneMark {
    let mark = mark.encode_to_vec();
    SignedLaneMark {
        key_id: Bytes::copy_from_slice(&key.public().id()),
        signature: Bytes::copy_from_slice(&key.sign(Domain::Mark, &mark)),
        mark: mark.into(),
    }
}

/// Verifies a mark of `origin`, then decodes it. The caller compares destination, incarnation and
/// position with its own.
///
/// # Errors
/// [`MarkError`], by what does not hold.
pub fn verify_mark(
    signed: &SignedLaneMark,
    origin: Country,
    trust: &(impl OriginKeys + ?Sized),
) -> Result<LaneMark, MarkError> {
    if signed.mark.len() > MAX_MARK_BYTES {
        return Err(MarkError::Malformed("too long"));
    }
    let vouched = KeyId::try_from(&*signed.key_id)
        .ok()
        .and_then(|id| trust.signing_key(origin, &id))
        .ok_or(MarkError::UnknownKey(origin))?;
    vouched
        .key
        .verify(Domain::Mark, &signed.mark, &signed.signature)
        .map_err(|_| MarkError::BadSignature(origin))?;
    let mark =
        LaneMark::decode(signed.mark.clone()).map_err(|_| MarkError::Malformed("encoding"))?;
    if mark.encode_to_vec() != signed.mark {
        return Err(MarkError::Malformed("not in canonical form"));
    }
    if mark.origin != origin.code() {
        return Err(MarkError::Malformed("origin"));
    }
    let Ok(destination) = mark.destination.parse::<Country>() else {
        return Err(MarkError::Malformed("destination"));
    };
    let Ok(incarnation) = <[u8; 16]>::try_from(&*mark.incarnation) else {
        return Err(MarkError::Malformed("incarnation"));
    };
    if matches!(Lane::try_from(mark.lane), Err(_) | Ok(Lane::Unspecified)) {
        return Err(MarkError::Malformed("lane"));
    }
    let Ok(running_hash) = Digest::try_from(&*mark.running_hash) else {
        return Err(MarkError::Malformed("running_hash"));
    };
    let place = Place {
        peer: destination,
        incarnation,
        lane: u32::try_from(mark.lane).unwrap_or_default(),
        sequence: mark.sequence,
        running_hash: Some(running_hash),
    };
    if !vouched.counts(Some(&place)) {
        return Err(MarkError::Retired(origin));
    }
    Ok(mark)
}
