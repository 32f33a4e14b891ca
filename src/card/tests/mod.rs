//! Cards as named vectors: every defect with the very error it must give.
//!
//! `tests/vectors/cards/*.json` hold them for other implementations. They are made by
//! `cargo test write_card_vectors -- --ignored` from fixed keys.

mod cases;
mod renewals;
mod retirement;

use std::{collections::BTreeMap, fs, path::PathBuf};

use prost::Message as _;
use serde_json::json;

use self::{cases::cases, retirement::retirement};
use super::*;
use crate::{
    crypto::{Digest, Domain, SealingSecret, SigningKey},
    record::{Country, Moment},
    wire::card::{self as wire, SignedCard},
};

const DAY: i64 = 24 * 3600 * 1_000_000;
/// 2026-01-01T00:00:00Z
const NOW: i64 = 1_767_225_600_000_000;

fn now() -> Moment {
    Moment::from_micros(NOW)
}

fn days(days: i64) -> Moment {
    Moment::from_micros(NOW + days * DAY)
}

fn country() -> Country {
    "UZ".parse().unwrap()
}

fn vectors() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/cards")
}

/// A CA certificate cannot be made from fixed inputs (ECDSA signatures are random), so one is kept.
fn ca() -> Vec<u8> {
    hex::decode(
        fs::read_to_string(vectors().join("issuing-ca.hex"))
            .unwrap()
            .trim(),
    )
    .unwrap()
}

fn key(seed: u8) -> SigningKey {
    SigningKey::from_seed(&[seed; 32]).unwrap()
}

fn sealing(seed: u8) -> Vec<u8> {
    SealingSecret::from_bytes(&[seed; 32])
        .unwrap()
        .public()
        .as_bytes()
        .to_vec()
}

/// Everything from which a card is made, open to mutation.
struct Draft {
    root: SigningKey,
    card_key: SigningKey,
    country: Country,
    card_key_delegation: VerifiedDelegation,
    issuing_ca_delegation: VerifiedDelegation,
    card: wire::Card,
}

fn draft() -> Draft {
    let root = key(1);
    let card_key = key(3);
    let ca = ca();
    let delegation = |subject: [u8; 32]| VerifiedDelegation {
        subject,
        not_before: days(-1),
        not_after: days(730),
        serial: 1,
    };
    let dates = (Some(days(-1).into()), Some(days(730).into()));
    Draft {
        country: country(),
        card_key_delegation: delegation(*card_key.public().as_bytes()),
        issuing_ca_delegation: delegation(*Digest::of(&ca).as_bytes()),
        card: wire::Card {
            format: CARD_FORMAT,
            country: "UZ".into(),
            version: 5,
            root_key: root.public().as_bytes().to_vec(),
            recovery_commitment: recovery_commitment(key(2).public()).to_vec(),
            issuing_ca_certificate: ca,
            signing_keys: vec![wire::SigningKey {
                public_key: key(4).public().as_bytes().to_vec(),
                not_before: dates.0,
                not_after: dates.1,
                retirement: None,
                post_quantum_key: Vec::new(),
            }],
            sealing_keys: vec![wire::SealingKey {
                public_key: sealing(5),
                not_before: dates.0,
                not_after: dates.1,
            }],
            link_addresses: vec!["node.uz.example:7443".into()],
            authorities: vec!["police".into(), "prosecutor-general".into()],
            issued_at: Some(now().into()),
            expires_at: Some(days(365).into()),
            ledger_origin: "comity.internal/uz/0011223344556677".into(),
            ..Default::default()
        },
        root,
        card_key,
    }
}

impl Draft {
    fn sign(mut self) -> SignedCard {
        let missing = |delegation: &VerifiedDelegation| delegation.serial == u64::MAX;
        if !missing(&self.card_key_delegation) && self.card.card_key_delegation.is_none() {
            self.card.card_key_delegation = Some(sign_delegation(
                &self.root,
                self.country,
                DelegationRole::CardKey,
                &self.card_key_delegation,
            ));
        }
        if !missing(&self.issuing_ca_delegation) && self.card.issuing_ca_delegation.is_none() {
            self.card.issuing_ca_delegation = Some(sign_delegation(
                &self.root,
                self.country,
                DelegationRole::IssuingCa,
                &self.issuing_ca_delegation,
            ));
        }
        let card = self.card.encode_to_vec();
        SignedCard {
            signature: self.card_key.sign(Domain::Card, &card).to_vec(),
            card,
        }
    }
}

fn mutated(change: impl FnOnce(&mut Draft)) -> SignedCard {
    let mut draft = draft();
    change(&mut draft);
    draft.sign()
}

/// `Expired`, `Delegation(CardKey, Signature)`, …: the variant without its values.
fn name(fault: &CardError) -> String {
    match fault {
        CardError::Delegation { role, fault } => format!("Delegation({role:?}, {fault:?})"),
        CardError::RootKey(fault) => format!("RootKey({fault:?})"),
        CardError::IssuingCaKey(fault) => format!("IssuingCaKey({fault:?})"),
        CardError::CardKey(fault) => format!("CardKey({fault:?})"),
        CardError::SigningKey { fault, .. } => format!("SigningKey({fault:?})"),
        other => format!("{other:?}")
            .split(|c: char| !c.is_alphanumeric())
            .next()
            .unwrap()
            .to_owned(),
    }
}

fn outcome(card: &SignedCard, at: Moment) -> String {
    verify_card(card, at).map_or_else(|fault| name(&fault), |_| "accepted".into())
}

#[test]
fn every_defect_gives_its_own_error() {
    for case in cases() {
        let found = verify_card(&case.card, case.at).err();
        assert_eq!(found, case.expect, "{}", case.name);
    }
}

#[test]
fn vectors_on_disk_hold_and_are_complete() {
    let mut expected: BTreeMap<String, String> = cases()
        .iter()
        .map(|case| (case.name.to_owned(), outcome(&case.card, case.at)))
        .collect();
    for entry in fs::read_dir(vectors()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "json") {
            continue;
        }
        let vector: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        let text = |field: &str| vector[field].as_str().unwrap().to_owned();
        let card = SignedCard {
            card: hex::decode(text("card")).unwrap(),
            signature: hex::decode(text("signature")).unwrap(),
        };
        let at = Moment::from_micros(vector["at_micros"].as_i64().unwrap());
        assert_eq!(outcome(&card, at), text("expect"), "{}", path.display());
        assert_eq!(expected.remove(&text("name")), Some(text("expect")));
    }
    assert!(expected.is_empty(), "not on disk: {expected:?}");
}

#[test]
#[ignore = "writes tests/vectors/cards"]
fn write_card_vectors() {
    let dir = vectors();
    fs::create_dir_all(&dir).unwrap();
    let ca_path = dir.join("issuing-ca.hex");
    if !ca_path.exists() {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::default();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
        params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
        let certificate = params.self_signed(&key).unwrap();
        fs::write(&ca_path, hex::encode(certificate.der()) + "\n").unwrap();
    }
    for case in cases() {
        let vector = json!({
            "name": case.name,
            "at": case.at.to_string(),
            "at_micros": case.at.micros(),
            "expect": outcome(&case.card, case.at),
            "card": hex::encode(&case.card.card),
            "signature": hex::encode(&case.card.signature),
        });
        let text = serde_json::to_string_pretty(&vector).unwrap() + "\n";
        fs::write(dir.join(case.name).with_extension("json"), text).unwrap();
    }
}

#[test]
fn a_verified_card_says_what_was_signed() {
    let signed = draft().sign();
    let card = verify_card(&signed, now()).unwrap();
    assert_eq!((card.country, card.version), (country(), 5));
    assert_eq!(card.digest, Digest::of(&signed.card));
    assert_eq!(card.signed, signed);
    assert_eq!(card.sealing_keys[0].as_bytes(), sealing(5));
    assert_eq!(card.link_addresses[0].to_string(), "node.uz.example:7443");
    assert_eq!(card.expires_at, days(365));
    let recovery = recovery_commitment(key(2).public());
    assert_eq!(
        card.fingerprint(),
        fingerprint(key(1).public(), &recovery, country())
    );
    let id = key(4).public().id();
    assert_eq!(
        card.signing_key(id),
        Some(Vouched::in_use(*key(4).public()))
    );
    assert_eq!(card.signing_key(key(1).public().id()), None);
}

#[test]
fn a_stored_card_verifies_after_its_end() {
    let signed = draft().sign();
    let card = verify_stored_card(&signed).unwrap();
    assert!(card.check_validity(days(400)).is_err());
}

#[test]
fn the_sealing_key_is_the_first_valid_one() {
    let signed = mutated(|draft| {
        let mut next = draft.card.sealing_keys[0].clone();
        next.public_key = sealing(6);
        next.not_before = Some(days(50).into());
        draft.card.sealing_keys[0].not_after = Some(days(100).into());
        draft.card.sealing_keys.push(next);
    });
    let card = verify_card(&signed, now()).unwrap();
    let at = |day| card.sealing_key_at(days(day)).unwrap().as_bytes().to_vec();
    assert_eq!(at(99), sealing(5));
    assert_eq!(at(101), sealing(6));
    assert!(card.sealing_key_at(days(800)).is_none());
}

fn trusted(change: impl FnOnce(&mut Draft)) -> TrustedCard {
    verify_card(&mutated(change), now()).unwrap()
}

#[test]
fn the_book_takes_newer_cards_of_the_same_root_only() {
    let mut book = TrustBook::new();
    assert_eq!(book.accept(trusted(|_| ())), Ok(Acceptance::New));
    assert_eq!(book.accept(trusted(|_| ())), Ok(Acceptance::Same));
    assert_eq!(
        book.accept(trusted(|draft| draft.card.version = 6)),
        Ok(Acceptance::Newer)
    );
    assert_eq!(
        book.accept(trusted(|_| ())),
        Err(CardConflict::Older {
            country: country(),
            held: 6,
            offered: 5
        })
    );
    assert_eq!(book.get(country()).unwrap().version, 6);
    assert_eq!(book.len(), 1);
}

#[test]
fn forged_and_forked_cards_are_alarms() {
    let mut book = TrustBook::new();
    book.accept(trusted(|_| ())).unwrap();
    let held = book.get(country()).unwrap().digest;

    let forked = trusted(|draft| draft.card.authorities.clear());
    let conflict = book.accept(forked.clone()).unwrap_err();
    assert_eq!(
        conflict,
        CardConflict::SameVersionOtherContent {
            country: country(),
            version: 5,
            held,
            offered: forked.digest
        }
    );
    assert!(conflict.is_alarm());

    let conflict = book
        .accept(trusted(|draft| {
            draft.root = key(7);
            draft.card.root_key = key(7).public().as_bytes().to_vec();
            draft.card.version = 9;
        }))
        .unwrap_err();
    assert_eq!(conflict, CardConflict::OtherRoot { country: country() });

    let conflict = book
        .accept(trusted(|draft| {
            draft.card.recovery_commitment = vec![7; 32];
            draft.card.version = 9;
        }))
        .unwrap_err();
    assert_eq!(conflict, CardConflict::OtherRecovery { country: country() });
    assert_eq!(book.get(country()).unwrap().digest, held);
}

#[test]
fn a_replaced_card_key_cannot_outbid_its_successor() {
    let mut book = TrustBook::new();
    let new_key = |draft: &mut Draft, serial, seed, version| {
        draft.card_key = key(seed);
        draft.card_key_delegation.subject = *key(seed).public().as_bytes();
        draft.card_key_delegation.serial = serial;
        draft.card.version = version;
    };
    book.accept(trusted(|draft| new_key(draft, 2, 20, 6)))
        .unwrap();
    for stale in [
        trusted(|draft| new_key(draft, 1, 3, 99)),
        trusted(|draft| new_key(draft, 2, 21, 99)),
    ] {
        let offered = stale.card_key.serial;
        assert_eq!(
            book.accept(stale),
            Err(CardConflict::ReplacedDelegation {
                country: country(),
                role: DelegationRole::CardKey,
                held: 2,
                offered
            })
        );
    }
    assert_eq!(
        book.accept(trusted(|draft| new_key(draft, 3, 21, 7))),
        Ok(Acceptance::Newer)
    );
}
