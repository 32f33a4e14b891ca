//! Certificate requests (PKCS #10, RFC 2986): a public key from somebody who keeps the private one,
//! on a smart card for instance. Only the key counts: what a request says about names, usages or
//! extensions is not looked at.

use rcgen::{PublicKeyData as _, SubjectPublicKeyInfo};
use x509_parser::{
    certification_request::X509CertificationRequest,
    oid_registry::{
        OID_EC_P256, OID_KEY_TYPE_EC_PUBLIC_KEY, OID_NIST_EC_P384, OID_PKCS1_RSAENCRYPTION,
        OID_PKCS1_SHA1WITHRSA, OID_SHA1_WITH_RSA, OID_SIG_ED25519,
    },
    pem::Pem,
    prelude::FromDer as _,
    public_key::PublicKey,
    x509::SubjectPublicKeyInfo as ParsedKey,
};

/// Largest request, in bytes.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;
/// Lengths of an RSA modulus that are taken, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The public key of a certificate request, whose holder has the private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateRequest {
    key: SubjectPublicKeyInfo,
}

/// Why a certificate request is refused. The fault is its maker's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Too large.
    #[error("the certificate request is larger than {MAX_REQUEST_BYTES} bytes")]
    TooLarge,
    /// Neither DER nor PEM of one request.
    #[error("this is no certificate request: give one PKCS #10 request, in PEM or DER")]
    Undecodable,
    /// A key of another kind.
    #[error(
        "the request's key is neither Ed25519, P-256, P-384 nor RSA with its usual exponent; make a key of \
         one of these"
    )]
    Key,
    /// An RSA key that is too short or too long.
    #[error("the request's RSA key has {0} bits; it needs 2048 to 8192")]
    RsaBits(usize),
    /// The signature over the request is not its key's, or uses SHA-1.
    #[error(
        "the request is not signed by its own key with SHA-256 or better: who made it did not show to \
         have the private key"
    )]
    Signature,
}

impl CertificateRequest {
    /// Reads a request, PEM or DER, and checks its key and that this key signed it.
    ///
    /// # Errors
    /// [`RequestError`].
    pub fn parse(bytes: &[u8]) -> Result<Self, RequestError> {
        if bytes.len() > MAX_REQUEST_BYTES {
            return Err(RequestError::TooLarge);
        }
        let pem = bytes.trim_ascii_start().starts_with(b"-----BEGIN");
        let der = if pem {
            let mut blocks = Pem::iter_from_buffer(bytes);
            let one = blocks.next().and_then(Result::ok);
            one.filter(|block| block.label.ends_with("CERTIFICATE REQUEST"))
                .ok_or(RequestError::Undecodable)?
                .contents
        } else {
            bytes.to_vec()
        };
        let (rest, request) =
            X509CertificationRequest::from_der(&der).map_err(|_| RequestError::Undecodable)?;
        if !rest.is_empty() {
            return Err(RequestError::Undecodable);
        }
        let public = &request.certification_request_info.subject_pki;
        check_key(public)?;
        let algorithm = &request.signature_algorithm.algorithm;
        let weak = *algorithm == OID_PKCS1_SHA1WITHRSA || *algorithm == OID_SHA1_WITH_RSA;
        if weak || request.verify_signature().is_err() {
            return Err(RequestError::Signature);
        }
        let key = SubjectPublicKeyInfo::from_der(public.raw).map_err(|_| RequestError::Key)?;
        Ok(Self { key })
    }

    /// The public key, as certificates hold it (DER).
    pub fn key(&self) -> Vec<u8> {
        self.key.subject_public_key_info()
    }

    pub(super) const fn public_key(&self) -> &SubjectPublicKeyInfo {
        &self.key
    }
}

fn check_key(public: &ParsedKey<'_>) -> Result<(), RequestError> {
    let algorithm = &public.algorithm.algorithm;
    if *algorithm == OID_SIG_ED25519 {
        return Ok(());
    }
    if *algorithm == OID_KEY_TYPE_EC_PUBLIC_KEY {
        let curve = public.algorithm.parameters.as_ref();
        let curve = curve.and_then(|curve| curve.as_oid().ok());
        let known = curve.is_some_and(|curve| curve == OID_EC_P256 || curve == OID_NIST_EC_P384);
        return known.then_some(()).ok_or(RequestError::Key);
    }
    if *algorithm == OID_PKCS1_RSAENCRYPTION {
        let Ok(PublicKey::RSA(key)) = public.parsed() else {
            return Err(RequestError::Key);
        };
        let bits = key.key_size();
        return RSA_BITS
            .contains(&bits)
            .then_some(())
            .ok_or(RequestError::RsaBits(bits));
    }
    Err(RequestError::Key)
}

#[cfg(test)]
mod tests {
    use rcgen::{
        CertificateParams, KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519,
    };

    use super::*;

    fn request(key: &KeyPair) -> (Vec<u8>, String) {
        let params = CertificateParams::new(vec!["root.example".to_owned()]).unwrap();
        let made = params.serialize_request(key).unwrap();
        (made.der().to_vec(), made.pem().unwrap())
    }

    #[test]
    fn keys_that_cards_have_are_taken_in_pem_and_der() {
        for algorithm in [
            &PKCS_ED25519,
            &PKCS_ECDSA_P256_SHA256,
            &PKCS_ECDSA_P384_SHA384,
        ] {
            let key = KeyPair::generate_for(algorithm).unwrap();
            let (der, pem) = request(&key);
            let read = CertificateRequest::parse(&der).unwrap();
            assert_eq!(read.key(), key.subject_public_key_info());
            assert_eq!(CertificateRequest::parse(pem.as_bytes()), Ok(read));
        }
    }

    #[test]
    fn who_does_not_have_the_key_gets_no_certificate() {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let (der, _) = request(&key);
        let mut refused = 0;
        for index in 0..der.len() {
            let mut other = der.clone();
            other[index] ^= 1;
            match CertificateRequest::parse(&other) {
                Err(_) => refused += 1,
                // In what is signed over nothing, such as the count of unused bits.
                Ok(read) => assert_eq!(read.key(), key.subject_public_key_info(), "{index}"),
            }
        }
        assert!(refused + 4 >= der.len(), "{refused} of {}", der.len());
        let last = der.len() - 1;
        let mut forged = der.clone();
        forged[last] ^= 1;
        assert_eq!(
            CertificateRequest::parse(&forged),
            Err(RequestError::Signature)
        );
    }

    #[test]
    fn what_is_no_request_is_refused() {
        let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let (mut der, pem) = request(&key);
        der.push(0);
        let long = vec![b'x'; MAX_REQUEST_BYTES + 1];
        for (bytes, fault) in [
            (&b""[..], RequestError::Undecodable),
            (&der, RequestError::Undecodable),
            (key.serialize_pem().as_bytes(), RequestError::Undecodable),
            (&pem.as_bytes()[..60], RequestError::Undecodable),
            (&long, RequestError::TooLarge),
        ] {
            assert_eq!(CertificateRequest::parse(bytes), Err(fault));
        }
    }
}
