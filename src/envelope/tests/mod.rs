//! Round trips, mutations and bounds of the envelope. Named defects are vectors: see
//! `tests/vectors/envelopes`.

mod bounds;
mod one_card;
mod receipts;
mod statements;
mod vectors;

use std::thread;

use proptest::prelude::*;
use prost::{Message as _, bytes::Bytes};

pub(super) use self::one_card::OneCard;
use super::*;
use crate::{
    crypto::{ContentKey, Digest, SealingSecret, SigningKey},
    envelope::{epoch::wrap_content, seal::content_prefix},
    record::Moment,
    wire::envelope::{CompartmentContent, ContentKey as WireKey, WrapContent},
};

const NOW: Moment = Moment::from_micros(1_780_000_000_000_000);

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

/// UZ's card and key, KZ's secret, and an epoch between them.
struct Parties {
    signing: SigningKey,
    secret: SealingSecret,
}

impl OriginKeys for Parties {
    fn signing_key(&self, origin: Country, id: &KeyId) -> Option<Vouched<'_>> {
        let public = *self.signing.public();
        (origin == country("UZ") && *id == public.id()).then(|| Vouched::in_use(public))
    }

    fn signers(&self, _: &KeyId) -> Vec<(Country, Vouched<'_>)> {
        Vec::new()
    }
}

impl Parties {
    fn new() -> Self {
        Self {
            signing: SigningKey::generate().unwrap().0,
            secret: SealingSecret::generate().unwrap(),
        }
    }

    fn epoch(&self, reader: &str) -> (SendingEpoch, ReceivingEpoch) {
        let (origin, reader) = (country("UZ"), country(reader));
        let to = self.secret.public();
        let (sending, wire) = SendingEpoch::establish(origin, reader, to, NOW).unwrap();
        let secrets = [SealingSecret::from_bytes(&self.secret.to_bytes()).unwrap()];
        let receiving = ReceivingEpoch::open(&wire, origin, reader, &secrets).unwrap();
        (sending, receiving)
    }

    fn seal(&self, plain: Plain) -> Result<Sealed, SealError> {
        seal(plain, country("UZ"), &[5; 16], &self.signing)
    }

    fn accept(
        &self,
        record: &SealedRecord,
        reader: &str,
        epoch: &ReceivingEpoch,
    ) -> Result<Opened, Fault> {
        verify(record, country(reader), country("UZ"), None, self, NOW)?.open(epoch)
    }
}

fn plain(contents: &[&[u8]], destinations: &[(&str, &[u32])]) -> Plain {
    Plain {
        lane: Lane::Bulk,
        handling: vec![],
        expires_at: None,
        follows: None,
        exercise: true,
        compartments: (1..)
            .zip(contents)
            .map(|(label, content)| (label, content.to_vec()))
            .collect(),
        destinations: destinations
            .iter()
            .map(|(code, indexes)| (country(code), indexes.to_vec()))
            .collect(),
    }
}

fn deliver(sealed: &Sealed, sending: &SendingEpoch) -> SealedRecord {
    let reader = sending.reader();
    let wrap = sending.wrap(&sealed.keys, &sealed.digest, reader).unwrap();
    for_destination(&sealed.record, &sealed.keys, reader, wrap)
}

#[test]
fn each_reader_opens_its_own_compartments_only() {
    let parties = Parties::new();
    let sealed = parties
        .seal(plain(
            &[b"situation", b"suspects", b"victims"],
            &[("KZ", &[2, 0]), ("AE", &[0])],
        ))
        .unwrap();
    assert_eq!(sealed.digest, Digest::of(&sealed.record.header));
    assert!(sealed.record.wrap.is_none());
    for (code, expected) in [
        (
            "KZ",
            vec![(1, b"situation".to_vec()), (3, b"victims".to_vec())],
        ),
        ("AE", vec![(1, b"situation".to_vec())]),
    ] {
        let (sending, receiving) = parties.epoch(code);
        let copy = deliver(&sealed, &sending);
        assert_eq!(copy.compartments.len(), expected.len());
        let opened = parties.accept(&copy, code, &receiving).unwrap();
        assert_eq!(opened.parts, expected);
        assert_eq!(opened.header, sealed.header);
        assert_eq!(opened.digest, sealed.digest);
        assert_eq!(opened.record_id, sealed.record_id);
        assert_eq!(opened.keys.keys.len(), expected.len());
        assert_eq!(opened.keys.entitlements.len(), 1);
        assert!(opened.record.wrap.is_none());
        assert_eq!(open_at_rest(&opened.record, &opened.keys), Ok(expected));
    }
    let all = open_at_rest(&sealed.record, &sealed.keys).unwrap();
    assert_eq!(all.len(), 3);
}

/// THREATS row 2: every byte of many records changed in one or all bits, none accepted.
#[test]
fn no_changed_byte_is_accepted() {
    const RECORDS: usize = 300;
    let parties = Parties::new();
    let (sending, receiving) = parties.epoch("KZ");
    let attack = |from: usize| {
        let mut tried = 0_u64;
        for round in (from..RECORDS).step_by(2) {
            let text = vec![7; round % 40];
            let contents: &[&[u8]] = if round % 3 == 0 {
                &[&text, b"b"]
            } else {
                &[&text]
            };
            let indexes: &[u32] = if round % 3 == 0 { &[0, 1] } else { &[0] };
            let sealed = parties.seal(plain(contents, &[("KZ", indexes)])).unwrap();
            let good = deliver(&sealed, &sending).encode_to_vec();
            parties
                .accept(&SealedRecord::decode(&*good).unwrap(), "KZ", &receiving)
                .unwrap();
            // Every byte, and a different bit each round; every eighth round all bits of it.
            let flip = if round % 8 == 7 {
                0xff
            } else {
                1 << (round % 8)
            };
            for at in 0..good.len() {
                let mut bad = good.clone();
                bad[at] ^= flip;
                tried += 1;
                let accepted = SealedRecord::decode(&*bad)
                    .is_ok_and(|bad| parties.accept(&bad, "KZ", &receiving).is_ok());
                assert!(!accepted, "record {round}, byte {at} ^ {flip:#x}");
            }
        }
        tried
    };
    let tried: u64 = thread::scope(|scope| {
        let halves = [0, 1].map(|from| scope.spawn(move || attack(from)));
        halves.map(|half| half.join().unwrap()).iter().sum()
    });
    assert!(tried > 100_000, "{tried}");
}

#[test]
fn faults_without_a_vector() {
    let parties = Parties::new();
    let sealed = parties
        .seal(plain(&[b"text"], &[("AE", &[0]), ("KZ", &[0])]))
        .unwrap();
    let (sending, _) = parties.epoch("KZ");
    let (_, other) = parties.epoch("AE");
    let mut copy = deliver(&sealed, &sending);
    assert_eq!(
        parties.accept(&copy, "KZ", &other).unwrap_err(),
        LinkFault::ForeignEpoch.into()
    );
    copy.compartments[0].ciphertext = vec![0; 1_310_737].into();
    assert_eq!(
        parties.accept(&copy, "KZ", &other).unwrap_err(),
        LinkFault::CompartmentTooLarge(0).into()
    );
}

#[test]
fn a_store_that_rots_shows_nothing() {
    let parties = Parties::new();
    let sealed = parties
        .seal(plain(&[b"one", b"two"], &[("KZ", &[0, 1])]))
        .unwrap();
    let mut damaged = sealed.record.clone();
    damaged.compartments[1].ciphertext = Bytes::from_static(b"rotten");
    assert_eq!(
        open_at_rest(&damaged, &sealed.keys),
        Err(LinkFault::CiphertextDigest(1).into())
    );
    damaged.compartments.pop();
    assert_eq!(
        open_at_rest(&damaged, &sealed.keys),
        Err(LinkFault::MissingCompartment(1).into())
    );
    let mut keys = sealed.keys.clone();
    keys.keys[0].1 = ContentKey::generate().unwrap();
    assert_eq!(
        open_at_rest(&sealed.record, &keys),
        Err(LinkFault::Commitment(0).into())
    );
}

#[test]
fn handmade_encodings_are_protobuf() {
    for (label, content) in [
        (1, &b""[..]),
        (1, b"x"),
        (300, &[7; 300]),
        (u32::MAX, &[1; 20_000]),
    ] {
        let message = CompartmentContent {
            label,
            content: Bytes::copy_from_slice(content),
        };
        let made = [&content_prefix(label, content.len())[..], content].concat();
        assert_eq!(made, message.encode_to_vec());
    }
    let keys = ContentKeys {
        keys: (0..16)
            .map(|index| (index, ContentKey::generate().unwrap()))
            .collect(),
        entitlements: vec![Entitlement {
            country: country("KZ"),
            salt: [9; 16],
            indexes: (0..16).collect(),
        }],
    };
    let message = WrapContent {
        salt: Bytes::copy_from_slice(&[9; 16]),
        keys: keys
            .keys
            .iter()
            .map(|(index, key)| WireKey {
                index: *index,
                key: Bytes::copy_from_slice(key.as_bytes()),
            })
            .collect(),
    };
    let made = wrap_content(&keys, country("KZ")).unwrap();
    assert_eq!(*made, message.encode_to_vec());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn any_entitlement_comes_through(
        contents in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..600), 1..=16),
        masks in prop::collection::vec(1_u16.., 1..=4),
    ) {
        let parties = Parties::new();
        let codes = ["AE", "KG", "KZ", "TJ"];
        let destinations: Vec<(&str, Vec<u32>)> = codes
            .iter()
            .zip(&masks)
            .map(|(code, mask)| {
                let named = (0..contents.len() as u32).filter(|bit| mask & (1 << bit) != 0);
                let named: Vec<u32> = named.collect();
                (*code, if named.is_empty() { vec![0] } else { named })
            })
            .collect();
        let plain = Plain {
            destinations: destinations
                .iter()
                .map(|(code, indexes)| (country(code), indexes.clone()))
                .collect(),
            ..plain(&contents.iter().map(Vec::as_slice).collect::<Vec<_>>(), &[])
        };
        let sealed = parties.seal(plain).unwrap();
        for (code, indexes) in destinations {
            let (sending, receiving) = parties.epoch(code);
            let copy = deliver(&sealed, &sending).encode_to_vec();
            let copy = SealedRecord::decode(&*copy).unwrap();
            let opened = parties.accept(&copy, code, &receiving).unwrap();
            let expected: Vec<(u32, Vec<u8>)> = indexes
                .iter()
                .map(|index| (index + 1, contents[*index as usize].clone()))
                .collect();
            prop_assert_eq!(opened.parts, expected);
        }
    }

    #[test]
    fn arbitrary_wrap_content_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..120)) {
        let reader = country("KZ");
        if let Some(keys) = epoch::read_wrap_content(&bytes, reader) {
            prop_assert_eq!(&wrap_content(&keys, reader).unwrap()[..], &bytes[..]);
        }
    }
}
