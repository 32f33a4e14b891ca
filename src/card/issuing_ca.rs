//! The issuing CA's certificate on a card.

use x509_parser::{
    oid_registry::{OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_SIG_ED25519},
    prelude::{FromDer as _, X509Certificate},
    x509::SubjectPublicKeyInfo,
};

use super::{CardError, VerifiedDelegation};
use crate::crypto::{Digest, PublicKey};

/// The certificate is the delegated one, a CA's that may sign, under a key that only its holder can
/// sign with.
pub(super) fn check_issuing_ca(
    delegation: &VerifiedDelegation,
    der: &[u8],
) -> Result<(), CardError> {
    if Digest::of(der).as_bytes() != &delegation.subject {
        return Err(CardError::IssuingCaDigest);
    }
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| CardError::IssuingCa)?;
    let signs = certificate
        .key_usage()
        .ok()
        .flatten()
        .is_some_and(|usage| usage.value.key_cert_sign());
    if !rest.is_empty() || !certificate.is_ca() || !signs {
        return Err(CardError::IssuingCa);
    }
    check_ca_key(certificate.public_key())
}

/// P-256, whose points are all of the whole group's order, or an Ed25519 key by the one criterion:
/// under a key of small order anybody can sign certificates (see [`PublicKey::parse`]).
fn check_ca_key(key: &SubjectPublicKeyInfo<'_>) -> Result<(), CardError> {
    let bytes = key.subject_public_key.data.as_ref();
    if key.algorithm.algorithm == OID_SIG_ED25519 {
        return PublicKey::parse(bytes)
            .map(|_| ())
            .map_err(CardError::IssuingCaKey);
    }
    let on_p256 = key.algorithm.algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY
        && key
            .algorithm
            .parameters
            .as_ref()
            .and_then(|curve| curve.as_oid().ok())
            .is_some_and(|curve| curve == OID_EC_P256);
    match (on_p256, bytes) {
        (true, [4, coordinates @ ..]) if coordinates.len() == 64 => Ok(()),
        _ => Err(CardError::IssuingCaAlgorithm),
    }
}
