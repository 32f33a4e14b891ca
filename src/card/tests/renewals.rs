//! Vectors of cards whose node was renewed, and what the book makes of them.

use super::{cases::Case, *};

/// A renewal of the card's node, as the root would sign it.
pub(super) fn renewal(root: &SigningKey) -> Renewal {
    Renewal {
        country: country(),
        root_key: *root.public(),
        number: 1,
        incarnation: [0x11; 16],
        retired: vec![[0x10; 16]],
        ledger_origin: "comity.internal/uz/0011223344556677/11".into(),
        predecessor: Predecessor {
            origin: "comity.internal/uz/0011223344556677".into(),
            size: 400,
            root: Digest::of(b"400 leaves"),
            known_size: 420,
        },
        issued_at: now(),
    }
}

/// A card whose node was renewed, with one thing changed.
fn renewed(
    change: impl FnOnce(&mut Renewal),
    resign: impl FnOnce(&SigningKey, wire::SignedRenewal) -> wire::SignedRenewal,
) -> SignedCard {
    mutated(|draft| {
        let mut renewal = renewal(&draft.root);
        draft.card.ledger_origin.clone_from(&renewal.ledger_origin);
        change(&mut renewal);
        draft.card.renewal = Some(resign(&draft.root, renewal.sign(&draft.root)));
    })
}

/// Every defect of a renewal within a card.
pub(super) fn renewals() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut at = |name, card, expect| {
        cases.push(Case {
            name,
            card,
            at: now(),
            expect,
        });
    };
    let honest = |_: &SigningKey, signed: wire::SignedRenewal| signed;
    let fault = |fault| Some(CardError::Renewal(fault));
    let raw = |change: fn(&mut wire::Renewal)| {
        renewed(
            |_| {},
            move |root, signed| {
                let mut renewal = wire::Renewal::decode(signed.renewal.as_slice()).unwrap();
                change(&mut renewal);
                let bytes = renewal.encode_to_vec();
                wire::SignedRenewal {
                    signature: root.sign(Domain::Renewal, &bytes).to_vec(),
                    renewal: bytes,
                }
            },
        )
    };
    at("valid-renewed", renewed(|_| {}, honest), None);
    at(
        "renewal-by-another-root",
        renewed(
            |_| {},
            |_, signed| wire::SignedRenewal {
                signature: key(7).sign(Domain::Renewal, &signed.renewal).to_vec(),
                ..signed
            },
        ),
        fault(RenewalFault::Signature),
    );
    at(
        "renewal-undecodable",
        renewed(
            |_| {},
            |root, _| wire::SignedRenewal {
                signature: root.sign(Domain::Renewal, b"\xff").to_vec(),
                renewal: b"\xff".to_vec(),
            },
        ),
        fault(RenewalFault::Undecodable),
    );
    at(
        "renewal-of-another-country",
        renewed(|renewal| renewal.country = "KZ".parse().unwrap(), honest),
        fault(RenewalFault::Country),
    );
    at(
        "renewal-names-another-root",
        renewed(|renewal| renewal.root_key = *key(7).public(), honest),
        fault(RenewalFault::Root),
    );
    at(
        "renewal-number-0",
        renewed(|renewal| renewal.number = 0, honest),
        fault(RenewalFault::Number),
    );
    at(
        "renewal-gives-nothing-up",
        renewed(|renewal| renewal.retired.clear(), honest),
        fault(RenewalFault::Incarnations),
    );
    at(
        "renewal-gives-up-its-own",
        renewed(|renewal| renewal.retired.push(renewal.incarnation), honest),
        fault(RenewalFault::Incarnations),
    );
    at(
        "renewal-gives-up-65",
        renewed(
            |renewal| renewal.retired = (20..=84).map(|byte| [byte; 16]).collect(),
            honest,
        ),
        fault(RenewalFault::Incarnations),
    );
    at(
        "renewal-incarnation-short",
        raw(|renewal| renewal.incarnation.truncate(15)),
        fault(RenewalFault::Incarnations),
    );
    at(
        "renewal-same-ledger",
        renewed(
            |renewal| {
                renewal
                    .predecessor
                    .origin
                    .clone_from(&renewal.ledger_origin)
            },
            honest,
        ),
        fault(RenewalFault::LedgerOrigin),
    );
    at(
        "renewal-root-of-the-ledger-short",
        raw(|renewal| renewal.predecessor_root.truncate(31)),
        fault(RenewalFault::PredecessorRoot),
    );
    at(
        "renewal-without-time",
        raw(|renewal| renewal.issued_at = None),
        fault(RenewalFault::Time),
    );
    at(
        "renewal-too-large",
        raw(|renewal| renewal.predecessor_origin = "a".repeat(MAX_RENEWAL_BYTES)),
        fault(RenewalFault::TooLarge(too_large_renewal())),
    );
    at(
        "renewal-of-another-ledger",
        renewed(|renewal| renewal.ledger_origin.push('2'), honest),
        Some(CardError::RenewalLedger),
    );
    cases
}

/// Size of a renewal whose predecessor's origin alone is as long as a renewal may be.
fn too_large_renewal() -> usize {
    let mut renewal = wire::Renewal::decode(renewal(&key(1)).encode().as_slice()).unwrap();
    renewal.predecessor_origin = "a".repeat(MAX_RENEWAL_BYTES);
    renewal.encoded_len()
}

#[test]
fn a_ledger_changes_by_a_later_renewal_only() {
    let mut book = TrustBook::new();
    let other_ledger = |version: u64, number: Option<u64>| {
        trusted(|draft| {
            draft.card.version = version;
            draft.card.ledger_origin = format!("comity.internal/uz/{version}");
            draft.card.renewal = number.map(|number| {
                let mut renewal = renewal(&draft.root);
                renewal.number = number;
                renewal.ledger_origin.clone_from(&draft.card.ledger_origin);
                renewal.sign(&draft.root)
            });
        })
    };
    book.accept(trusted(|_| ())).unwrap();
    let refused = |book: &mut TrustBook, card, held, offered| {
        let conflict = book.accept(card).unwrap_err();
        assert!(conflict.is_alarm());
        assert_eq!(
            conflict,
            CardConflict::NotRenewed {
                country: country(),
                held,
                offered
            }
        );
    };
    refused(&mut book, other_ledger(6, None), 0, 0);
    assert_eq!(book.accept(other_ledger(7, Some(2))), Ok(Acceptance::Newer));
    refused(&mut book, other_ledger(8, Some(2)), 2, 2);
    refused(&mut book, other_ledger(9, Some(1)), 2, 1);
    refused(&mut book, other_ledger(9, None), 2, 0);
    assert_eq!(
        book.accept(other_ledger(10, Some(3))),
        Ok(Acceptance::Newer)
    );
}
