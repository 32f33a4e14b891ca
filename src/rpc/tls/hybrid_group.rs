//! X25519MLKEM768 (code point 0x11EC, draft-ietf-tls-ecdhe-mlkem) from ring's X25519 and `ml-kem`.
//!
//! Client share: ML-KEM encapsulation key, X25519 key. Server share: ML-KEM ciphertext, X25519 key.
//! Secret: ML-KEM secret, X25519 secret.

use ml_kem::{
    B32, Decapsulate as _, DecapsulationKey768, EncapsulationKey768, KeyExport as _, Seed,
    ml_kem_768::Ciphertext,
};
use ring::agreement::{self, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use rustls::{
    Error, NamedGroup, PeerMisbehaved, ProtocolVersion,
    crypto::SupportedKxGroup,
    crypto::{ActiveKeyExchange, CompletedKeyExchange, GetRandomFailed, SharedSecret},
    ffdhe_groups::FfdheGroup,
};
use zeroize::{Zeroize as _, Zeroizing};

use crate::crypto::fill_random;

const ENCAPSULATION_KEY_BYTES: usize = 1184;
const CIPHERTEXT_BYTES: usize = 1088;
const X25519_BYTES: usize = 32;
const SECRET_BYTES: usize = 32;

/// The group, for `CryptoProvider::kx_groups`.
pub static X25519_MLKEM768: &dyn SupportedKxGroup = &X25519MlKem768;

#[derive(Debug)]
struct X25519MlKem768;

impl SupportedKxGroup for X25519MlKem768 {
    fn start(&self) -> Result<Box<dyn ActiveKeyExchange>, Error> {
        let mut seed = random::<64>()?;
        let lattice = DecapsulationKey768::from_seed(Seed::from(*seed));
        seed.zeroize();
        let classical = Classical::generate()?;
        let mut share = Vec::with_capacity(ENCAPSULATION_KEY_BYTES + X25519_BYTES);
        share.extend_from_slice(&lattice.encapsulation_key().to_bytes());
        share.extend_from_slice(classical.public.as_ref());
        Ok(Box::new(Started {
            lattice,
            classical,
            share,
        }))
    }

    fn start_and_complete(&self, client_share: &[u8]) -> Result<CompletedKeyExchange, Error> {
        let (encapsulation_key, classical_share) = split(client_share, ENCAPSULATION_KEY_BYTES)?;
        let encapsulation_key = encapsulation_key
            .try_into()
            .ok()
            .and_then(|bytes| EncapsulationKey768::new(bytes).ok())
            .ok_or(PeerMisbehaved::InvalidKeyShare)?;
        // Not `encapsulate()`, which panics when the system gives no randomness: the message is
        // as fresh here, and a failure is an error.
        let mut message = B32::from(*random::<32>()?);
        let (ciphertext, mut lattice_secret) =
            encapsulation_key.encapsulate_deterministic(&message);
        message.as_mut_slice().zeroize();

        let classical = Classical::generate()?;
        let mut share = Vec::with_capacity(CIPHERTEXT_BYTES + X25519_BYTES);
        share.extend_from_slice(&ciphertext);
        share.extend_from_slice(classical.public.as_ref());
        let secret = classical.agree_after(&lattice_secret, classical_share);
        lattice_secret.as_mut_slice().zeroize();
        Ok(CompletedKeyExchange {
            group: NamedGroup::X25519MLKEM768,
            pub_key: share,
            secret: secret?,
        })
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn name(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }

    fn usable_for_version(&self, version: ProtocolVersion) -> bool {
        version == ProtocolVersion::TLSv1_3
    }
}

/// A client's exchange, waiting for the server's share.
struct Started {
    lattice: DecapsulationKey768,
    classical: Classical,
    share: Vec<u8>,
}

impl ActiveKeyExchange for Started {
    fn complete(self: Box<Self>, server_share: &[u8]) -> Result<SharedSecret, Error> {
        let (ciphertext, classical_share) = split(server_share, CIPHERTEXT_BYTES)?;
        let ciphertext =
            Ciphertext::try_from(ciphertext).map_err(|_| PeerMisbehaved::InvalidKeyShare)?;
        let mut lattice_secret = self.lattice.decapsulate(&ciphertext);
        let secret = self.classical.agree_after(&lattice_secret, classical_share);
        lattice_secret.as_mut_slice().zeroize();
        secret
    }

    // With X25519 also configured (never on links), both shares go out in one ClientHello, so that
    // a server without the hybrid group costs no second round trip.
    fn hybrid_component(&self) -> Option<(NamedGroup, &[u8])> {
        Some((NamedGroup::X25519, self.classical.public.as_ref()))
    }

    fn complete_hybrid_component(
        self: Box<Self>,
        server_share: &[u8],
    ) -> Result<SharedSecret, Error> {
        self.classical.agree_after(&[], server_share)
    }

    fn pub_key(&self) -> &[u8] {
        &self.share
    }

    fn ffdhe_group(&self) -> Option<FfdheGroup<'static>> {
        None
    }

    fn group(&self) -> NamedGroup {
        NamedGroup::X25519MLKEM768
    }
}

struct Classical {
    private: EphemeralPrivateKey,
    public: agreement::PublicKey,
}

impl Classical {
    fn generate() -> Result<Self, Error> {
        let private =
            EphemeralPrivateKey::generate(&agreement::X25519, &ring::rand::SystemRandom::new())
                .map_err(|_| GetRandomFailed)?;
        let public = private.compute_public_key().map_err(|_| GetRandomFailed)?;
        Ok(Self { private, public })
    }

    /// `first`, then the X25519 secret. ring refuses points that give an all-zero secret.
    fn agree_after(self, first: &[u8], peer: &[u8]) -> Result<SharedSecret, Error> {
        agree_ephemeral(
            self.private,
            &UnparsedPublicKey::new(&agreement::X25519, peer),
            |secret| {
                let mut both = Vec::with_capacity(2 * SECRET_BYTES);
                both.extend_from_slice(first);
                both.extend_from_slice(secret);
                // Wiped by rustls when dropped; the capacity was exact, so no copy is left.
                SharedSecret::from(both)
            },
        )
        .map_err(|_| PeerMisbehaved::InvalidKeyShare.into())
    }
}

fn split(share: &[u8], lattice_bytes: usize) -> Result<(&[u8], &[u8]), Error> {
    share
        .split_at_checked(lattice_bytes)
        .filter(|(_, classical)| classical.len() == X25519_BYTES)
        .ok_or_else(|| PeerMisbehaved::InvalidKeyShare.into())
}

fn random<const N: usize>() -> Result<Zeroizing<[u8; N]>, Error> {
    let mut bytes = Zeroizing::new([0; N]);
    fill_random(&mut *bytes).map_err(|_| GetRandomFailed)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_derive_one_secret_of_the_drafts_sizes() {
        let client = X25519_MLKEM768.start().unwrap();
        assert_eq!(client.pub_key().len(), 1216);
        let server = X25519_MLKEM768
            .start_and_complete(client.pub_key())
            .unwrap();
        assert_eq!(server.pub_key.len(), 1120);
        assert_eq!(server.group, NamedGroup::from(0x11ec));
        let secret = client.complete(&server.pub_key).unwrap();
        assert_eq!(secret.secret_bytes().len(), 64);
        assert_eq!(secret.secret_bytes(), server.secret.secret_bytes());
    }

    #[test]
    fn each_half_counts() {
        for at in [0, CIPHERTEXT_BYTES] {
            let client = X25519_MLKEM768.start().unwrap();
            let server = X25519_MLKEM768
                .start_and_complete(client.pub_key())
                .unwrap();
            let mut share = server.pub_key.clone();
            share[at] ^= 1;
            let secret = client.complete(&share).unwrap();
            assert_ne!(secret.secret_bytes(), server.secret.secret_bytes());
        }
    }

    #[test]
    fn bad_shares_are_refused() {
        let mut zero_point = X25519_MLKEM768.start().unwrap().pub_key().to_vec();
        zero_point[ENCAPSULATION_KEY_BYTES..].fill(0);
        // Coefficients of 4095 are not reduced: FIPS 203 asks for a check.
        let unreduced = [
            vec![0xff; ENCAPSULATION_KEY_BYTES],
            zero_point[..32].to_vec(),
        ]
        .concat();
        for share in [
            &[][..],
            &[1; 32],
            &[1; 1215],
            &[1; 1217],
            &zero_point,
            &unreduced,
        ] {
            assert!(X25519_MLKEM768.start_and_complete(share).is_err());
        }
        for share in [&[][..], &[1; 32], &[1; 1119], &[1; 1121], &[0; 1120]] {
            assert!(X25519_MLKEM768.start().unwrap().complete(share).is_err());
        }
    }

    #[test]
    fn the_classical_half_completes_alone() {
        use rustls::crypto::ring::kx_group::X25519;
        let client = X25519_MLKEM768.start().unwrap();
        let (group, share) = client.hybrid_component().unwrap();
        assert_eq!(group, NamedGroup::X25519);
        let server = X25519.start_and_complete(share).unwrap();
        let secret = client.complete_hybrid_component(&server.pub_key).unwrap();
        assert_eq!(secret.secret_bytes(), server.secret.secret_bytes());
    }
}
