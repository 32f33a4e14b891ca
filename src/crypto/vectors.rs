//! Published vectors for the suite: X-Wing, HPKE's key schedule, Ed25519 edge cases.

use hpke::{
    Deserializable as _, OpModeR,
    aead::ExportOnlyAead,
    kdf::HkdfSha256,
    kem::{Kem, X25519HkdfSha256, XWing},
};
use ring::hmac;
use serde::Deserialize;

use super::{Domain, EpochKey, KeyError, PublicKey, SealingKey, SealingSecret};

const XWING: &str = include_str!("../../tests/vectors/published/x-wing.json");
const SPECCHECK: &str = include_str!("../../tests/vectors/published/ed25519-speccheck.json");
const XWING_KEM: u16 = 0x647a;
const X25519_KEM: u16 = 0x0020;
const EXPORT_ONLY: u16 = 0xffff;

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text).unwrap()
}

fn hmac_sha256(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    context.sign().as_ref().to_vec()
}

/// RFC 9180's key schedule in base mode with HKDF-SHA256, and its exporter, written from the text of
/// sections 4, 5.1 and 5.3 on ring alone, to compare with the `hpke` crate.
struct Schedule {
    suite: Vec<u8>,
    exporter_secret: Vec<u8>,
}

impl Schedule {
    fn new(kem: u16, aead: u16, info: &[u8], shared: &[u8]) -> Self {
        let suite = [
            b"HPKE".as_slice(),
            &kem.to_be_bytes(),
            &1u16.to_be_bytes(),
            &aead.to_be_bytes(),
        ]
        .concat();
        let extract = |salt: &[u8], label: &[u8], ikm: &[u8]| {
            hmac_sha256(salt, &[b"HPKE-v1", &suite, label, ikm])
        };
        let context = [
            vec![0],
            extract(b"", b"psk_id_hash", b""),
            extract(b"", b"info_hash", info),
        ]
        .concat();
        let secret = extract(shared, b"secret", b"");
        let exporter_secret = Self::expand(&suite, &secret, b"exp", &context);
        Self {
            suite,
            exporter_secret,
        }
    }

    fn expand(suite: &[u8], secret: &[u8], label: &[u8], info: &[u8]) -> Vec<u8> {
        hmac_sha256(
            secret,
            &[&32u16.to_be_bytes(), b"HPKE-v1", suite, label, info, &[1]],
        )
    }

    fn export(&self, context: &[u8]) -> String {
        hex::encode(Self::expand(
            &self.suite,
            &self.exporter_secret,
            b"sec",
            context,
        ))
    }
}

/// RFC 9180, A.7.1: export-only with HKDF-SHA256, our KDF and AEAD with another KEM.
#[test]
fn rfc_9180_export_only() {
    let info = unhex("4f6465206f6e2061204772656369616e2055726e");
    let enc = unhex("e5e8f9bfff6c2f29791fc351d2c25ce1299aa5eaca78a757c0b4fb4bcd830918");
    let secret = unhex("33d196c830a12f9ac65d6e565a590d80f04ee9b19c83c87f2c170d972a812848");
    let shared = unhex("e81716ce8f73141d4f25ee9098efc968c91e5b8ce52ffff59d64039e82918b66");
    let schedule = Schedule::new(X25519_KEM, EXPORT_ONLY, &info, &shared);
    assert_eq!(
        hex::encode(&schedule.exporter_secret),
        "79dc8e0509cf4a3364ca027e5a0138235281611ca910e435e8ed58167c72f79b"
    );
    let crate_context = hpke::setup_receiver::<ExportOnlyAead, HkdfSha256, X25519HkdfSha256>(
        &OpModeR::Base,
        &<X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&secret).unwrap(),
        &<X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&enc).unwrap(),
        &info,
    )
    .unwrap();
    for (context, expected) in [
        (
            "",
            "7a36221bd56d50fb51ee65edfd98d06a23c4dc87085aa5866cb7087244bd2a36",
        ),
        (
            "00",
            "d5535b87099c6c3ce80dc112a2671c6ec8e811a2f284f948cec6dd1708ee33f0",
        ),
        (
            "54657374436f6e74657874",
            "ffaabc85a776136ca0c378e5d084c9140ab552b78f039d2e8775f26efff4c70e",
        ),
    ] {
        assert_eq!(schedule.export(&unhex(context)), expected);
        let mut exported = [0; 32];
        crate_context
            .export(&unhex(context), &mut exported)
            .unwrap();
        assert_eq!(hex::encode(exported), expected);
    }
}

/// Key schedule of the published vector for X-Wing with HKDF-SHA256 (draft-ietf-hpke-pq, there with
/// ChaCha20-Poly1305; the AEAD enters only as its identifier).
#[test]
fn hpke_pq_draft_schedule() {
    let info =
        unhex("34663634363532303666366532303631323034373732363536333639363136653230353537323665");
    let shared = unhex("58200ed1f137bd95a921bb47f6aaecf2395b26f7fd24efd3a5ffae4849e8dea3");
    let schedule = Schedule::new(XWING_KEM, 3, &info, &shared);
    assert_eq!(
        hex::encode(&schedule.exporter_secret),
        "c5362ef3c0008d0e573000c5c25a3f62a3bc7061cd41a384c86c27b37d945bbb"
    );
    assert_eq!(
        schedule.export(b"pseudorandom0"),
        "5a78d37f40e078c17ef43fa40963f1ff7dcdee56e366da9099dc181c3eccaee5"
    );
    assert_eq!(
        schedule.export(b"pseudorandom4"),
        "f77f100943595e59526fb9753401e57b86630f97ad99e6e9d73c8c272a4ad2f0"
    );
}

#[derive(Deserialize)]
struct XWingVector {
    eseed: String,
    ss: String,
    sk: String,
    pk: String,
    ct: String,
}

/// draft-connolly-cfrg-xwing-kem: keys, encapsulation and shared secret; then our epoch key against
/// the independent key schedule over the published shared secret.
#[test]
fn x_wing_draft() {
    let vectors: Vec<XWingVector> = serde_json::from_str(XWING).unwrap();
    assert_eq!(vectors.len(), 3);
    for vector in vectors {
        let secret = SealingSecret::from_bytes(&unhex(&vector.sk)).unwrap();
        assert_eq!(hex::encode(secret.public().as_bytes()), vector.pk);
        let encapsulation = unhex(&vector.ct);
        let shared = XWing::decap(
            &<XWing as Kem>::PrivateKey::from_bytes(&unhex(&vector.sk)).unwrap(),
            None,
            &<XWing as Kem>::EncappedKey::from_bytes(&encapsulation).unwrap(),
        )
        .unwrap();
        assert_eq!(hex::encode(shared.0), vector.ss);

        let key = SealingKey::parse(&unhex(&vector.pk)).unwrap();
        let eseed = unhex(&vector.eseed).try_into().unwrap();
        let (_, made) = EpochKey::establish_with(b"info", &key, &eseed).unwrap();
        assert_eq!(made, encapsulation);

        let schedule = Schedule::new(XWING_KEM, EXPORT_ONLY, b"info", &unhex(&vector.ss));
        let exported = EpochKey::export(b"info", &secret, &encapsulation).unwrap();
        assert_eq!(
            hex::encode(*exported),
            schedule.export(Domain::Epoch.prefix())
        );
    }
}

#[derive(Deserialize)]
struct SpecCheck {
    case: u32,
    about: String,
    ours: String,
    message: String,
    pub_key: String,
    signature: String,
}

/// The twelve cases of "Taming the many EdDSAs" (Chalkias, Garillot, Nikolaenko 2020) under our one
/// criterion: the key canonical and of large order, S below L, R compared as bytes with the
/// cofactorless equation. What holds under it holds for one message only.
#[test]
fn ed25519_speccheck() {
    let cases: Vec<SpecCheck> = serde_json::from_str(SPECCHECK).unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let outcome = match PublicKey::parse(&unhex(&case.pub_key)) {
            Err(KeyError::SmallOrder) => "key_small_order",
            Err(KeyError::NonCanonical) => "key_non_canonical",
            Err(_) => "key",
            Ok(key) => match key.verify_text(&unhex(&case.message), &unhex(&case.signature)) {
                Ok(()) => "holds",
                Err(_) => "signature",
            },
        };
        assert_eq!(outcome, case.ours, "case {}: {}", case.case, case.about);
    }
}
