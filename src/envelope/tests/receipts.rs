//! Receipt groups, single receipts with their paths, and lane marks.

use super::*;

struct Card(SigningKey);

impl OriginKeys for Card {
    fn signing_key(&self, origin: Country, id: &KeyId) -> Option<Vouched<'_>> {
        let key = *self.0.public();
        (origin == country("KZ") && *id == key.id()).then(|| Vouched::in_use(key))
    }

    fn signers(&self, _: &KeyId) -> Vec<(Country, Vouched<'_>)> {
        Vec::new()
    }
}

fn card() -> Card {
    Card(SigningKey::generate().unwrap().0)
}

fn delivery(sequence: u64) -> Receipt {
    Receipt {
        r#type: ReceiptType::Delivery.into(),
        header_digest: Bytes::copy_from_slice(&[sequence as u8; 32]),
        origin: "UZ".into(),
        issuer: "KZ".into(),
        incarnation: Bytes::from_static(&[5; 16]),
        lane: Lane::Urgent.into(),
        sequence,
        time_us: i64::MAX,
        reason: 0,
        ..Receipt::default()
    }
}

fn acceptance() -> Receipt {
    Receipt {
        r#type: ReceiptType::SubmissionAcceptance.into(),
        origin: "KZ".into(),
        incarnation: Bytes::new(),
        lane: 0,
        sequence: 0,
        ..delivery(1)
    }
}

#[test]
fn groups_and_single_receipts_verify() {
    let card = card();
    let kz = country("KZ");
    for size in [1_u64, 2, 3, 7, 256] {
        let mut receipts: Vec<Receipt> = (1..size).map(delivery).collect();
        receipts.push(acceptance());
        let group = issue(receipts.clone(), &card.0);
        assert_eq!(verify_group(&group, kz, &card).unwrap(), receipts);
        for (index, made) in proofs(&group).into_iter().enumerate() {
            assert_eq!(verify_proof(&made, kz, &card).unwrap(), receipts[index]);
            assert_eq!(proof(&group, index), Some(made));
        }
        assert_eq!(proof(&group, size as usize), None);
    }
}

#[test]
fn altered_groups_are_refused() {
    let card = card();
    let kz = country("KZ");
    let bad = ReceiptError::BadSignature(kz);
    let group = issue((1..=5).map(delivery).collect(), &card.0);
    let mut altered = vec![group.clone(); 5];
    altered[0].receipts.swap(0, 1);
    altered[1].receipts.pop();
    altered[2].receipts.push(group.receipts[0].clone());
    altered[3].receipts[2] = delivery(9).encode_to_vec().into();
    altered[4].signature = Bytes::from_static(&[0; 64]);
    for group in &altered {
        assert_eq!(verify_group(group, kz, &card), Err(bad));
    }
    assert_eq!(
        verify_group(&group, country("UZ"), &card),
        Err(ReceiptError::UnknownKey(country("UZ")))
    );
    assert_eq!(
        verify_group(&issue(vec![], &card.0), kz, &card),
        Err(ReceiptError::Size(0))
    );
    let crowd = issue((1..=4097).map(delivery).collect(), &card.0);
    assert_eq!(
        verify_group(&crowd, kz, &card),
        Err(ReceiptError::Size(4097))
    );
}

#[test]
fn altered_proofs_are_refused() {
    let card = card();
    let kz = country("KZ");
    let good = proof(&issue((1..=5).map(delivery).collect(), &card.0), 2).unwrap();
    verify_proof(&good, kz, &card).unwrap();
    let bytes = good.encode_to_vec();
    for at in 0..bytes.len() {
        let mut bad = bytes.clone();
        bad[at] ^= 1;
        let accepted =
            ReceiptProof::decode(&*bad).is_ok_and(|bad| verify_proof(&bad, kz, &card).is_ok());
        assert!(!accepted, "byte {at}");
    }
    let mut short = good.clone();
    short.path.pop();
    let mut long = good.clone();
    long.path = vec![Bytes::from_static(&[0; 32]); 65];
    let mut ragged = good.clone();
    ragged.path[0] = Bytes::from_static(&[0; 31]);
    let beyond = ReceiptProof {
        index: 5,
        ..good.clone()
    };
    for broken in [short, long, ragged, beyond] {
        assert_eq!(verify_proof(&broken, kz, &card), Err(ReceiptError::Path));
    }
    let none = ReceiptProof { size: 0, ..good };
    assert_eq!(verify_proof(&none, kz, &card), Err(ReceiptError::Size(0)));
}

#[test]
fn malformed_receipts_name_their_field() {
    let card = card();
    let cases: Vec<(&str, Receipt)> = vec![
        (
            "type",
            Receipt {
                r#type: 0,
                ..delivery(1)
            },
        ),
        (
            "type",
            Receipt {
                r#type: 9,
                ..delivery(1)
            },
        ),
        (
            "header_digest",
            Receipt {
                header_digest: Bytes::new(),
                ..delivery(1)
            },
        ),
        (
            "origin",
            Receipt {
                origin: "XX".into(),
                ..delivery(1)
            },
        ),
        (
            "incarnation",
            Receipt {
                incarnation: Bytes::new(),
                ..delivery(1)
            },
        ),
        (
            "incarnation",
            Receipt {
                incarnation: Bytes::from_static(&[1; 16]),
                ..acceptance()
            },
        ),
        (
            "lane",
            Receipt {
                lane: 0,
                ..delivery(1)
            },
        ),
        (
            "lane",
            Receipt {
                lane: 7,
                ..delivery(1)
            },
        ),
        (
            "lane",
            Receipt {
                lane: 1,
                ..acceptance()
            },
        ),
        (
            "sequence",
            Receipt {
                sequence: 0,
                ..delivery(1)
            },
        ),
        (
            "sequence",
            Receipt {
                sequence: 1,
                ..acceptance()
            },
        ),
        (
            "reason",
            Receipt {
                reason: 1,
                ..delivery(1)
            },
        ),
        (
            "reason",
            Receipt {
                reason: 99,
                ..delivery(1)
            },
        ),
        (
            "reason",
            Receipt {
                r#type: ReceiptType::NonDelivery.into(),
                ..delivery(1)
            },
        ),
    ];
    for (field, receipt) in cases {
        let group = issue(vec![delivery(1), receipt.clone()], &card.0);
        assert_eq!(
            verify_group(&group, country("KZ"), &card),
            Err(ReceiptError::Malformed { index: 1, field }),
            "{receipt:?}"
        );
    }
    let foreign = Receipt {
        issuer: "UZ".into(),
        ..delivery(2)
    };
    let mixed = issue(vec![delivery(1), foreign], &card.0);
    assert_eq!(
        verify_group(&mixed, country("KZ"), &card),
        Err(ReceiptError::Malformed {
            index: 1,
            field: "issuer"
        })
    );
    let long = Receipt {
        origin: "U".repeat(200),
        ..delivery(1)
    };
    assert_eq!(
        verify_group(&issue(vec![long], &card.0), country("KZ"), &card),
        Err(ReceiptError::Malformed {
            index: 0,
            field: "too long"
        })
    );
    let refusal = Receipt {
        r#type: ReceiptType::NonDelivery.into(),
        reason: NonDeliveryReason::Expired.into(),
        ..delivery(1)
    };
    verify_group(&issue(vec![refusal], &card.0), country("KZ"), &card).unwrap();
}

fn mark() -> LaneMark {
    LaneMark {
        origin: "KZ".into(),
        destination: "UZ".into(),
        incarnation: Bytes::from_static(&[5; 16]),
        lane: Lane::Bulk.into(),
        sequence: u64::MAX,
        running_hash: Bytes::from_static(&[6; 32]),
        time_us: i64::MAX,
    }
}

#[test]
fn marks_verify_unless_altered() {
    let card = card();
    let kz = country("KZ");
    let signed = sign_mark(&mark(), &card.0);
    assert_eq!(verify_mark(&signed, kz, &card), Ok(mark()));
    assert_eq!(
        verify_mark(&signed, country("UZ"), &card),
        Err(MarkError::UnknownKey(country("UZ")))
    );
    for at in 0..signed.mark.len() {
        let mut bad = signed.clone();
        let mut bytes = bad.mark.to_vec();
        bytes[at] ^= 1;
        bad.mark = bytes.into();
        assert_eq!(
            verify_mark(&bad, kz, &card),
            Err(MarkError::BadSignature(kz))
        );
    }
    for (field, wrong) in [
        (
            "origin",
            LaneMark {
                origin: "UZ".into(),
                ..mark()
            },
        ),
        (
            "destination",
            LaneMark {
                destination: "XX".into(),
                ..mark()
            },
        ),
        (
            "incarnation",
            LaneMark {
                incarnation: Bytes::new(),
                ..mark()
            },
        ),
        ("lane", LaneMark { lane: 0, ..mark() }),
        (
            "running_hash",
            LaneMark {
                running_hash: Bytes::new(),
                ..mark()
            },
        ),
        (
            "too long",
            LaneMark {
                destination: "U".repeat(200),
                ..mark()
            },
        ),
    ] {
        let signed = sign_mark(&wrong, &card.0);
        assert_eq!(
            verify_mark(&signed, kz, &card),
            Err(MarkError::Malformed(field))
        );
    }
}

#[test]
fn receipts_of_a_retired_key_count_up_to_its_positions() {
    let kz = country("KZ");
    let key = &SigningKey::generate().unwrap().0;
    let retired = OneCard::retired(kz, *key.public(), "UZ", ([5; 16], 2, 2));
    let within = issue(vec![delivery(1), delivery(2)], key);
    assert_eq!(verify_group(&within, kz, &retired).unwrap().len(), 2);
    verify_proof(&proof(&within, 1).unwrap(), kz, &retired).unwrap();
    let beyond = issue(vec![delivery(2), delivery(3)], key);
    assert_eq!(
        verify_group(&beyond, kz, &retired),
        Err(ReceiptError::Retired(kz))
    );
    verify_proof(&proof(&beyond, 0).unwrap(), kz, &retired).unwrap();
    assert_eq!(
        verify_proof(&proof(&beyond, 1).unwrap(), kz, &retired),
        Err(ReceiptError::Retired(kz))
    );
    let accepted = proof(&issue(vec![acceptance()], key), 0).unwrap();
    assert_eq!(
        verify_proof(&accepted, kz, &retired),
        Err(ReceiptError::RetiredAcceptance(kz))
    );
}
