//! What cannot be sealed, the largest record, and the ends of an epoch.

use std::time::Duration;

use super::*;

#[test]
fn what_cannot_be_sealed_says_why() {
    let parties = Parties::new();
    let good = || plain(&[b"text"], &[("KZ", &[0])]);
    let cases: Vec<(Plain, SealError)> = vec![
        (plain(&[], &[("KZ", &[0])]), SealError::Compartments(0)),
        (
            plain(&[&b"x"[..]; 17], &[("KZ", &[0])]),
            SealError::Compartments(17),
        ),
        (
            Plain {
                compartments: vec![(0, vec![])],
                ..good()
            },
            SealError::Label(0),
        ),
        (
            plain(&[&vec![0; MAX_CONTENT_BYTES], b"x"], &[("KZ", &[0])]),
            SealError::TooLarge(MAX_CONTENT_BYTES + 1),
        ),
        (plain(&[b"x"], &[]), SealError::Destinations(0)),
        (
            Plain {
                destinations: vec![(country("KZ"), vec![0]); 251],
                ..good()
            },
            SealError::Destinations(251),
        ),
        (
            plain(&[b"x"], &[("KZ", &[0]), ("KZ", &[0])]),
            SealError::Destination(country("KZ")),
        ),
        (
            plain(&[b"x"], &[("KZ", &[0]), ("UZ", &[0])]),
            SealError::Destination(country("UZ")),
        ),
        (
            plain(&[b"x"], &[("KZ", &[])]),
            SealError::Entitlement(country("KZ")),
        ),
        (
            plain(&[b"x"], &[("KZ", &[1])]),
            SealError::Entitlement(country("KZ")),
        ),
        (
            Plain {
                lane: Lane::Unspecified,
                ..good()
            },
            SealError::Lane,
        ),
        (
            Plain {
                handling: vec![4, 1],
                ..good()
            },
            SealError::Handling(4),
        ),
        (
            Plain {
                expires_at: Some(Moment::from_micros(-1)),
                ..good()
            },
            SealError::Expiry,
        ),
        (
            Plain {
                expires_at: Some(Moment::from_micros(i64::MAX)),
                ..good()
            },
            SealError::Expiry,
        ),
    ];
    for (plain, expected) in cases {
        assert_eq!(parties.seal(plain).unwrap_err(), expected);
    }
}

#[test]
fn the_largest_record_stays_within_every_bound() {
    let parties = Parties::new();
    let mut destinations: Vec<(Country, Vec<u32>)> = Vec::new();
    for first in b'A'..=b'Z' {
        for second in b'A'..=b'Z' {
            let code = String::from_utf8(vec![first, second]).unwrap();
            if let Some(found) = code.parse().ok().filter(|found| *found != country("UZ")) {
                destinations.push((found, (0..16).collect()));
            }
        }
    }
    assert_eq!(destinations.len(), 248);
    let part = vec![1; MAX_CONTENT_BYTES / 16];
    let sealed = parties
        .seal(Plain {
            destinations,
            handling: vec![0, 1, 2, 3],
            expires_at: Some(NOW + Duration::from_secs(1)),
            follows: Some(Digest::ZERO),
            ..plain(&[&part[..]; 16], &[])
        })
        .unwrap();
    assert!(sealed.record.header.len() <= MAX_HEADER_BYTES);
    let (sending, receiving) = parties.epoch("ZW");
    let copy = deliver(&sealed, &sending);
    assert_eq!(
        parties.accept(&copy, "ZW", &receiving).unwrap().parts.len(),
        16
    );
    let slot = sealed.keys.seal_at_rest(&[3; 32], &sealed.digest).unwrap();
    let keys = ContentKeys::open_at_rest(&slot, &[3; 32], &sealed.digest).unwrap();
    assert_eq!(keys.entitlements.len(), 248);
}

#[test]
fn epochs_end_by_time_and_by_records() {
    let parties = Parties::new();
    let (sending, _) = parties.epoch("KZ");
    assert!(!sending.exhausted(NOW + (EPOCH_LIFETIME - Duration::from_micros(1))));
    assert!(sending.exhausted(NOW + EPOCH_LIFETIME));
    assert!(sending.exhausted(Moment::from_micros(NOW.micros() - 1)));
    let sealed = parties.seal(plain(&[b"x"], &[("KZ", &[0])])).unwrap();
    for _ in 0..EPOCH_RECORDS {
        assert!(!sending.exhausted(NOW));
        sending
            .wrap(&sealed.keys, &sealed.digest, country("KZ"))
            .unwrap();
    }
    assert!(sending.exhausted(NOW));
}

#[test]
fn epochs_serve_whom_they_were_made_for() {
    let parties = Parties::new();
    let (uz, kz, ae) = (country("UZ"), country("KZ"), country("AE"));
    let (sending, wire) = SendingEpoch::establish(uz, kz, parties.secret.public(), NOW).unwrap();
    let sealed = parties.seal(plain(&[b"x"], &[("AE", &[0])])).unwrap();
    assert_eq!(
        sending.wrap(&sealed.keys, &sealed.digest, ae),
        Err(EpochError::OtherReader {
            serves: kz,
            asked: ae
        })
    );
    assert_eq!(
        sending.wrap(&sealed.keys, &sealed.digest, kz),
        Err(EpochError::NotEntitled(kz))
    );
    let stranger = [SealingSecret::generate().unwrap()];
    assert_eq!(
        ReceivingEpoch::open(&wire, uz, kz, &stranger).unwrap_err(),
        EpochError::UnknownSealingKey
    );
    let short = Epoch {
        id: Bytes::from_static(b"short"),
        ..wire.clone()
    };
    assert_eq!(
        ReceivingEpoch::open(&short, uz, kz, &stranger).unwrap_err(),
        EpochError::Id(5)
    );
    // The info binds origin, reader and id: under any other, wraps do not open.
    let sealed = parties.seal(plain(&[b"x"], &[("KZ", &[0])])).unwrap();
    let copy = deliver(&sealed, &sending);
    let secrets = [SealingSecret::from_bytes(&parties.secret.to_bytes()).unwrap()];
    let mut reversed = ReceivingEpoch::open(&wire, kz, uz, &secrets).unwrap();
    (reversed.origin, reversed.reader) = (uz, kz);
    assert_eq!(
        parties.accept(&copy, "KZ", &reversed).unwrap_err(),
        LinkFault::WrapSealed.into()
    );
}
