//! The vectors, one per defect. Long, because it is a list.

use super::{renewals::renewals, *};
use crate::crypto::KeyError;

pub(super) struct Case {
    pub(super) name: &'static str,
    pub(super) card: SignedCard,
    pub(super) at: Moment,
    pub(super) expect: Option<CardError>,
}

const IDENTITY: [u8; 32] = {
    let mut point = [0; 32];
    point[0] = 1;
    point
};

fn faulty_delegation(role: DelegationRole, fault: DelegationFault) -> Option<CardError> {
    Some(CardError::Delegation { role, fault })
}

pub(super) fn cases() -> Vec<Case> {
    use DelegationFault as Fault;
    use DelegationRole::{CardKey, IssuingCa};
    let mut cases = Vec::new();
    let mut at = |name, card, at, expect| {
        cases.push(Case {
            name,
            card,
            at,
            expect,
        });
    };
    let good = draft().sign();

    at("valid", good.clone(), now(), None);
    at("valid-at-its-last-moment", good.clone(), days(365), None);
    at(
        "valid-for-a-clock-two-days-behind",
        good.clone(),
        days(-2),
        None,
    );
    at(
        "valid-with-a-retired-key",
        mutated(|draft| {
            let mut retired = draft.card.signing_keys[0].clone();
            retired.public_key = key(9).public().as_bytes().to_vec();
            retired.retirement = Some(retirement());
            draft.card.signing_keys.push(retired);
        }),
        now(),
        None,
    );

    at(
        "valid-with-an-ed25519-ca",
        mutated(|draft| replace_ca(draft, ca_with(&rcgen::PKCS_ED25519).1)),
        now(),
        None,
    );
    at(
        "expired",
        good.clone(),
        days(366),
        Some(CardError::Expired(days(365))),
    );
    at(
        "from-the-future",
        mutated(|draft| draft.card.issued_at = Some(days(3).into())),
        now(),
        Some(CardError::FromTheFuture(days(3))),
    );
    at(
        "delegation-ended",
        mutated(|draft| draft.card_key_delegation.not_after = days(10)),
        days(11),
        Some(CardError::DelegationEnded {
            role: CardKey,
            until: days(10),
        }),
    );
    at(
        "delegation-not-yet",
        mutated(|draft| draft.issuing_ca_delegation.not_before = days(5)),
        now(),
        Some(CardError::DelegationNotYet {
            role: IssuingCa,
            from: days(5),
        }),
    );
    at(
        "sealing-key-ended",
        mutated(|draft| draft.card.sealing_keys[0].not_after = Some(days(1).into())),
        days(2),
        Some(CardError::NoSealingKey),
    );

    let mut tampered = good.clone();
    let end = tampered.card.len() - 1;
    tampered.card[end] ^= 1;
    at("tampered-card", tampered, now(), Some(CardError::Signature));
    let mut tampered = good.clone();
    tampered.signature[0] ^= 1;
    at(
        "tampered-signature",
        tampered,
        now(),
        Some(CardError::Signature),
    );
    let mut cut = good.clone();
    cut.signature.truncate(63);
    at("short-signature", cut, now(), Some(CardError::Signature));
    let mut cut = good.clone();
    cut.card.truncate(100);
    at("cut-short", cut, now(), Some(CardError::Undecodable));
    at(
        "signed-by-another-key",
        mutated(|draft| draft.card_key = key(8)),
        now(),
        Some(CardError::Signature),
    );
    at(
        "too-large",
        mutated(|draft| draft.card.ledger_origin = "a".repeat(MAX_CARD_BYTES)),
        now(),
        None,
    );
    let large = cases_too_large();
    cases.last_mut().unwrap().expect = Some(CardError::TooLarge(large));
    let mut at = |name, change: fn(&mut Draft), expect| {
        cases.push(Case {
            name,
            card: mutated(change),
            at: now(),
            expect,
        });
    };

    at(
        "format-2",
        |d| d.card.format = 2,
        Some(CardError::Format(2)),
    );
    at(
        "unknown-country",
        |d| d.card.country = "XX".into(),
        Some(CardError::Country("XX".into())),
    );
    at(
        "version-0",
        |d| d.card.version = 0,
        Some(CardError::Version),
    );
    at(
        "root-key-of-small-order",
        |d| d.card.root_key = IDENTITY.to_vec(),
        Some(CardError::RootKey(KeyError::SmallOrder)),
    );
    at(
        "root-key-not-canonical",
        |d| d.card.root_key = vec![0xff; 32],
        Some(CardError::RootKey(KeyError::NonCanonical)),
    );
    at(
        "root-key-short",
        |d| {
            d.card.root_key.pop();
        },
        Some(CardError::RootKey(KeyError::Length(31))),
    );
    at(
        "recovery-commitment-short",
        |d| {
            d.card.recovery_commitment.pop();
        },
        Some(CardError::RecoveryCommitment(31)),
    );
    at(
        "card-key-delegation-missing",
        |d| d.card_key_delegation.serial = u64::MAX,
        faulty_delegation(CardKey, Fault::Missing),
    );
    at(
        "issuing-ca-delegation-missing",
        |d| d.issuing_ca_delegation.serial = u64::MAX,
        faulty_delegation(IssuingCa, Fault::Missing),
    );
    at(
        "delegated-by-another-root",
        |d| d.root = key(7),
        faulty_delegation(CardKey, Fault::Signature),
    );
    at(
        "delegated-for-another-country",
        |d| d.country = "KZ".parse().unwrap(),
        faulty_delegation(CardKey, Fault::Country),
    );
    at(
        "delegations-swapped",
        |d| {
            d.card.card_key_delegation = Some(sign_delegation(
                &d.root,
                d.country,
                IssuingCa,
                &d.card_key_delegation,
            ));
        },
        faulty_delegation(CardKey, Fault::Role),
    );
    at(
        "delegation-ends-before-it-starts",
        |d| d.card_key_delegation.not_after = days(-2),
        faulty_delegation(CardKey, Fault::Times),
    );
    at(
        "delegation-names-another-root",
        |d| d.card.card_key_delegation = Some(raw_delegation(d, |it| it.root_key[0] ^= 1)),
        faulty_delegation(CardKey, Fault::Root),
    );
    at(
        "delegation-subject-short",
        |d| {
            d.card.card_key_delegation = Some(raw_delegation(d, |it| {
                it.subject.pop();
            }));
        },
        faulty_delegation(CardKey, Fault::SubjectLength),
    );
    at(
        "delegation-undecodable",
        |d| {
            let delegation = vec![0xff; 8];
            d.card.card_key_delegation = Some(wire::SignedDelegation {
                signature: d.root.sign(Domain::Delegation, &delegation).to_vec(),
                delegation,
            });
        },
        faulty_delegation(CardKey, Fault::Undecodable),
    );
    at(
        "card-key-of-small-order",
        |d| d.card_key_delegation.subject = IDENTITY,
        Some(CardError::CardKey(KeyError::SmallOrder)),
    );
    at(
        "issuing-ca-not-the-delegated-one",
        |d| d.card.issuing_ca_certificate.push(0),
        Some(CardError::IssuingCaDigest),
    );
    at(
        "issuing-ca-no-certificate",
        |d| {
            d.card.issuing_ca_certificate = b"no certificate".to_vec();
            d.issuing_ca_delegation.subject = *Digest::of(b"no certificate").as_bytes();
        },
        Some(CardError::IssuingCa),
    );
    at(
        "issuing-ca-with-trailing-bytes",
        |d| {
            d.card.issuing_ca_certificate.push(0);
            d.issuing_ca_delegation.subject =
                *Digest::of(&d.card.issuing_ca_certificate).as_bytes();
        },
        Some(CardError::IssuingCa),
    );
    at(
        "issuing-ca-of-small-order",
        |d| replace_ca(d, ca_of_small_order()),
        Some(CardError::IssuingCaKey(KeyError::SmallOrder)),
    );
    at(
        "issuing-ca-on-p-384",
        |d| replace_ca(d, ca_with(&rcgen::PKCS_ECDSA_P384_SHA384).1),
        Some(CardError::IssuingCaAlgorithm),
    );
    at(
        "no-signing-key",
        |d| d.card.signing_keys.clear(),
        Some(CardError::NoSigningKey),
    );
    at(
        "only-retired-signing-keys",
        |d| d.card.signing_keys[0].retirement = Some(wire::Retirement::default()),
        Some(CardError::NoSigningKey),
    );
    at(
        "signing-key-of-small-order",
        |d| d.card.signing_keys[0].public_key = IDENTITY.to_vec(),
        Some(CardError::SigningKey {
            index: 0,
            fault: KeyError::SmallOrder,
        }),
    );
    at(
        "signing-key-not-canonical",
        |d| d.card.signing_keys[0].public_key = vec![0xff; 32],
        Some(CardError::SigningKey {
            index: 0,
            fault: KeyError::NonCanonical,
        }),
    );
    at(
        "signing-key-twice",
        |d| d.card.signing_keys.push(d.card.signing_keys[0].clone()),
        Some(CardError::Duplicate {
            field: "signing key",
            index: 1,
        }),
    );
    at(
        "nine-signing-keys",
        |d| d.card.signing_keys = vec![d.card.signing_keys[0].clone(); 9],
        Some(CardError::TooMany {
            field: "signing keys",
            count: 9,
            limit: 8,
        }),
    );
    at(
        "post-quantum-key",
        |d| d.card.signing_keys[0].post_quantum_key = vec![1],
        Some(CardError::PostQuantumKey(0)),
    );
    at(
        "signing-key-without-times",
        |d| d.card.signing_keys[0].not_after = None,
        Some(CardError::Times("a signing key's validity")),
    );
    at(
        "no-sealing-key",
        |d| d.card.sealing_keys.clear(),
        Some(CardError::NoSealingKey),
    );
    at(
        "sealing-key-short",
        |d| {
            d.card.sealing_keys[0].public_key.pop();
        },
        Some(CardError::SealingKey(0)),
    );
    at(
        "sealing-key-not-reduced",
        |d| d.card.sealing_keys[0].public_key = vec![0xff; 1216],
        Some(CardError::SealingKey(0)),
    );
    at(
        "nine-sealing-keys",
        |d| d.card.sealing_keys = vec![d.card.sealing_keys[0].clone(); 9],
        Some(CardError::TooMany {
            field: "sealing keys",
            count: 9,
            limit: 8,
        }),
    );
    at(
        "link-address-without-port",
        |d| d.card.link_addresses.push("node".into()),
        Some(CardError::LinkAddress {
            index: 1,
            fault: LinkAddressError::NoPort,
        }),
    );
    at(
        "seventeen-link-addresses",
        |d| d.card.link_addresses = vec!["a:1".into(); 17],
        Some(CardError::TooMany {
            field: "link addresses",
            count: 17,
            limit: 16,
        }),
    );
    at(
        "authority-with-bidi-control",
        |d| d.card.authorities[1] = "police\u{202e}".into(),
        Some(CardError::Authority {
            index: 1,
            fault: AuthorityError("police\\u{202e}".into()),
        }),
    );
    at(
        "authority-twice",
        |d| d.card.authorities.push("police".into()),
        Some(CardError::Duplicate {
            field: "authority",
            index: 2,
        }),
    );
    at(
        "ledger-origin-with-newline",
        |d| d.card.ledger_origin = "a\nb".into(),
        Some(CardError::LedgerOrigin("a\\nb".into())),
    );
    at(
        "no-expiry",
        |d| d.card.expires_at = None,
        Some(CardError::Times("the validity")),
    );
    at(
        "expires-before-issued",
        |d| d.card.expires_at = Some(days(-1).into()),
        Some(CardError::Times("the validity")),
    );
    cases.extend(renewals());
    type Change = fn(&mut wire::Retirement);
    let malformed: [(&'static str, &'static str, Change); 8] = [
        ("retirement-of-no-country", "peer", |it| {
            it.positions[0].peer = "XX".into();
        }),
        ("retirement-with-short-incarnation", "incarnation", |it| {
            it.positions[0].incarnation.pop();
        }),
        ("retirement-of-no-lane", "lane", |it| {
            it.positions[0].lane = 4;
        }),
        ("retirement-at-sequence-zero", "sequence", |it| {
            it.positions[0].sequence = 0;
        }),
        ("retirement-without-running-hash", "running_hash", |it| {
            it.positions[0].running_hash.clear();
        }),
        ("retirement-names-a-lane-twice", "a lane twice", |it| {
            it.positions.push(it.positions[0].clone());
        }),
        ("retirement-without-ledger-root", "ledger_root", |it| {
            it.ledger_root.clear();
        }),
        ("retirement-without-ledger-size", "ledger_size", |it| {
            it.ledger_size = 0;
        }),
    ];
    for (name, field, change) in malformed {
        let card = mutated(|draft| {
            let mut retired = draft.card.signing_keys[0].clone();
            retired.public_key = key(9).public().as_bytes().to_vec();
            let mut retirement = retirement();
            change(&mut retirement);
            retired.retirement = Some(retirement);
            draft.card.signing_keys.push(retired);
        });
        cases.push(Case {
            name,
            card,
            at: now(),
            expect: Some(CardError::Retirement { key: 1, field }),
        });
    }
    let revoked = |keys: usize, length: usize, dated: bool| {
        mutated(|draft| {
            draft.card.revoked_link_keys = (0..keys)
                .map(|key| wire::RevokedLinkKey {
                    key_sha256: vec![u8::try_from(key).unwrap_or_default(); length],
                    until: dated.then(|| days(300).into()),
                })
                .collect();
        })
    };
    for (name, card, expect) in [
        ("valid-with-revoked-link-keys", revoked(64, 32, true), None),
        (
            "sixty-five-revoked-link-keys",
            revoked(65, 32, true),
            Some(CardError::TooMany {
                field: "revoked link keys",
                count: 65,
                limit: 64,
            }),
        ),
        (
            "revoked-link-key-short",
            revoked(1, 31, true),
            Some(CardError::RevokedLinkKey {
                index: 0,
                length: 31,
            }),
        ),
        (
            "revoked-link-key-without-end",
            revoked(1, 32, false),
            Some(CardError::Times("a revoked link key's end")),
        ),
    ] {
        cases.push(Case {
            name,
            card,
            at: now(),
            expect,
        });
    }
    cases
}

fn replace_ca(draft: &mut Draft, ca: Vec<u8>) {
    draft.issuing_ca_delegation.subject = *Digest::of(&ca).as_bytes();
    draft.card.issuing_ca_certificate = ca;
}

/// The raw public key and the certificate of a CA.
fn ca_with(algorithm: &'static rcgen::SignatureAlgorithm) -> (Vec<u8>, Vec<u8>) {
    let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
    let mut params = rcgen::CertificateParams::default();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(0));
    params.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let certificate = params.self_signed(&key).unwrap();
    (key.public_key_raw().to_vec(), certificate.der().to_vec())
}

fn ca_of_small_order() -> Vec<u8> {
    let (key, mut der) = ca_with(&rcgen::PKCS_ED25519);
    let at = der.windows(32).position(|bytes| bytes == key).unwrap();
    der[at..at + 32].copy_from_slice(&IDENTITY);
    der
}

fn cases_too_large() -> usize {
    mutated(|draft| draft.card.ledger_origin = "a".repeat(MAX_CARD_BYTES))
        .card
        .len()
}

fn raw_delegation(
    draft: &Draft,
    change: impl FnOnce(&mut wire::Delegation),
) -> wire::SignedDelegation {
    let good = sign_delegation(
        &draft.root,
        draft.country,
        DelegationRole::CardKey,
        &draft.card_key_delegation,
    );
    let mut delegation = wire::Delegation::decode(good.delegation.as_slice()).unwrap();
    change(&mut delegation);
    let bytes = delegation.encode_to_vec();
    wire::SignedDelegation {
        signature: draft.root.sign(Domain::Delegation, &bytes).to_vec(),
        delegation: bytes,
    }
}
