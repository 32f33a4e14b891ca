//! How far the signatures of a retired key count.

use super::*;

/// Key 9 signed three records for KZ on the bulk lane, and a ledger of 7 leaves.
pub(super) fn retirement() -> wire::Retirement {
    wire::Retirement {
        positions: vec![wire::LanePosition {
            peer: "KZ".into(),
            incarnation: vec![5; 16],
            lane: 3,
            sequence: 3,
            running_hash: Digest::of(b"third").to_vec(),
        }],
        ledger_size: 7,
        ledger_root: Digest::of(b"root").to_vec(),
    }
}

#[test]
fn a_retired_key_counts_up_to_its_positions() {
    let mut book = TrustBook::new();
    book.accept(trusted(|draft| {
        let mut retired = draft.card.signing_keys[0].clone();
        retired.public_key = key(9).public().as_bytes().to_vec();
        retired.retirement = Some(retirement());
        draft.card.signing_keys.push(retired);
    }))
    .unwrap();
    let kz: Country = "KZ".parse().unwrap();
    let place = |sequence, hash: &[u8]| Place {
        peer: kz,
        incarnation: [5; 16],
        lane: 3,
        sequence,
        running_hash: Some(Digest::of(hash)),
    };
    let in_use = book.signing_key(country(), key(4).public().id()).unwrap();
    assert!(in_use.counts(None) && in_use.counts(Some(&place(99, b""))));
    let retired = book.signing_key(country(), key(9).public().id()).unwrap();
    let counts = |place: Place| retired.counts(Some(&place));
    assert!(counts(place(1, b"anything")));
    assert!(counts(place(3, b"third")));
    assert!(!counts(place(3, b"another")), "another history");
    assert!(!counts(place(4, b"third")), "beyond");
    assert!(!retired.counts(None), "nowhere");
    let elsewhere = [
        Place {
            peer: country(),
            ..place(1, b"")
        },
        Place {
            incarnation: [6; 16],
            ..place(1, b"")
        },
        Place {
            lane: 2,
            ..place(1, b"")
        },
    ];
    assert!(elsewhere.into_iter().all(|place| !counts(place)));
    assert!(book.signing_key(kz, key(4).public().id()).is_none());
}

#[test]
fn a_retired_key_counts_up_to_its_ledger() {
    let ledger_key = |change: fn(&mut wire::Retirement)| {
        let mut retirement = retirement();
        change(&mut retirement);
        let card = trusted(|draft| {
            let mut retired = draft.card.signing_keys[0].clone();
            retired.public_key = key(9).public().as_bytes().to_vec();
            retired.retirement = Some(retirement);
            draft.card.signing_keys.push(retired);
        });
        let keys = card.ledger_keys();
        assert!(keys[0].counts(u64::MAX, &Digest::ZERO));
        keys[1]
    };
    let root = Digest::of(b"root");
    let key = ledger_key(|_| ());
    assert!(key.counts(6, &Digest::ZERO) && key.counts(7, &root));
    assert!(!key.counts(7, &Digest::ZERO) && !key.counts(8, &root));
    let never = ledger_key(|it| {
        it.ledger_size = 0;
        it.ledger_root.clear();
    });
    assert!(!never.counts(1, &root));
}
