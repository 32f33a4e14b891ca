//! The bare cryptography of a record's way, without storage, network or rules.

use std::{
    thread,
    time::{Duration, Instant},
};

use comity::{
    card::TrustBook,
    crypto::{Digest, SigningKey},
    envelope::{
        self, ContentKeys, Lane, Plain, Receipt, ReceiptType, ReceivingEpoch, SealedRecord,
        SendingEpoch, for_destination,
    },
    home::Home,
    node::system_clock,
    record::{Country, Moment, compartments::split},
    wire::record::Record,
};

use super::Site;

/// Records that share one receipt signature.
pub(crate) const GROUP: usize = 256;

/// Two countries with keys, an epoch between them, and no node.
pub(crate) struct Pair {
    origin: Home,
    reader: Home,
    trust: TrustBook,
    sending: SendingEpoch,
    receiving: ReceivingEpoch,
    now: Moment,
}

const INCARNATION: [u8; 16] = [1; 16];
const SLOT: [u8; 32] = [2; 32];

impl Pair {
    pub(crate) fn new(origin: &Site, reader: &Site) -> Self {
        let (origin, reader) = (origin.open_home(), reader.open_home());
        let now = system_clock()();
        let mut trust = TrustBook::default();
        for home in [&origin, &reader] {
            trust.accept(home.own_card().clone()).expect("a card");
        }
        let secrets = reader.sealing_secrets().expect("the sealing keys");
        let key = reader
            .own_card()
            .sealing_keys
            .first()
            .expect("a key")
            .clone();
        let (sending, epoch) =
            SendingEpoch::establish(origin.country(), reader.country(), &key, now)
                .expect("an epoch");
        let receiving = ReceivingEpoch::open(&epoch, origin.country(), reader.country(), &secrets)
            .expect("the epoch");
        Self {
            origin,
            reader,
            trust,
            sending,
            receiving,
            now,
        }
    }

    fn plain(&self, record: &Record) -> Plain {
        let compartments: Vec<(u32, Vec<u8>)> = split(record)
            .into_iter()
            .map(|(label, content)| (label as u32, content))
            .collect();
        let indexes = (0..compartments.len() as u32).collect();
        Plain {
            lane: Lane::Bulk,
            handling: Vec::new(),
            expires_at: None,
            follows: None,
            exercise: true,
            compartments,
            destinations: vec![(self.reader.country(), indexes)],
        }
    }

    /// At the origin: seal, sign, keep the keys, wrap.
    fn send(&self, plain: Plain, key: &SigningKey) -> SealedRecord {
        let sealed =
            envelope::seal(plain, self.origin.country(), &INCARNATION, key).expect("sealed");
        let kept = sealed
            .keys
            .seal_at_rest(&SLOT, &sealed.digest)
            .expect("kept");
        let keys = ContentKeys::open_at_rest(&kept, &SLOT, &sealed.digest).expect("opened");
        let reader = self.reader.country();
        let wrap = self
            .sending
            .wrap(&keys, &sealed.digest, reader)
            .expect("wrapped");
        for_destination(&sealed.record, &keys, reader, wrap)
    }

    /// At the reader: verify, open, keep the keys under an own slot.
    fn receive(&self, record: &SealedRecord) -> Digest {
        let verified = envelope::verify(
            record,
            self.reader.country(),
            self.origin.country(),
            None,
            &self.trust,
            self.now,
        )
        .expect("verified");
        let opened = verified.open(&self.receiving).expect("opened");
        opened
            .keys
            .seal_at_rest(&SLOT, &opened.digest)
            .expect("kept");
        opened.digest
    }

    fn receipt(&self, digest: Digest, sequence: u64, issuer: Country) -> Receipt {
        let own = issuer == self.origin.country();
        Receipt {
            r#type: if own {
                ReceiptType::SubmissionAcceptance
            } else {
                ReceiptType::Delivery
            }
            .into(),
            header_digest: digest.to_vec().into(),
            origin: self.origin.country().code().to_owned(),
            issuer: issuer.code().to_owned(),
            incarnation: if own {
                Vec::new()
            } else {
                INCARNATION.to_vec()
            }
            .into(),
            lane: if own { Lane::Unspecified } else { Lane::Bulk }.into(),
            sequence: if own { 0 } else { sequence },
            time_us: self.now.micros(),
            ..Receipt::default()
        }
    }

    /// One group of records, both ends, with the signatures of its receipts: the acceptances and
    /// the deliveries, and the verification of the latter.
    fn group(&self, records: Vec<Plain>) {
        let key = self.origin.signing_key().expect("the signing key");
        let sent: Vec<SealedRecord> = records
            .into_iter()
            .map(|plain| self.send(plain, &key))
            .collect();
        let digests: Vec<Digest> = sent.iter().map(|record| self.receive(record)).collect();
        let receipts = |issuer| {
            (1..)
                .zip(&digests)
                .map(|(sequence, digest)| self.receipt(*digest, sequence, issuer))
                .collect::<Vec<_>>()
        };
        let acceptances = envelope::issue(receipts(self.origin.country()), &key);
        std::hint::black_box(envelope::proofs(&acceptances));
        let deliveries = envelope::issue(
            receipts(self.reader.country()),
            &self.reader.signing_key().expect("the signing key"),
        );
        envelope::verify_group(&deliveries, self.reader.country(), &self.trust)
            .expect("receipts that hold");
    }

    /// The work for all records on `threads` threads; answers the wall clock.
    pub(crate) fn work(&self, records: &[Record], threads: usize) -> Duration {
        let share = records.len().div_ceil(threads).max(1);
        let prepared: Vec<Vec<Vec<Plain>>> = records
            .chunks(share)
            .map(|share| {
                share
                    .chunks(GROUP)
                    .map(|group| group.iter().map(|record| self.plain(record)).collect())
                    .collect()
            })
            .collect();
        thread::scope(|scope| {
            let begun = Instant::now();
            let running: Vec<_> = prepared
                .into_iter()
                .map(|groups| {
                    scope.spawn(move || groups.into_iter().for_each(|group| self.group(group)))
                })
                .collect();
            for worker in running {
                worker.join().expect("a worker");
            }
            begun.elapsed()
        })
    }

    /// One record alone, both ends, with its receipts.
    pub(crate) fn single(&self, record: &Record) -> Duration {
        let plain = self.plain(record);
        let begun = Instant::now();
        self.group(vec![plain]);
        begun.elapsed()
    }
}
