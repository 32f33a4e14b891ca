//! Sealed records as the adversary makes them: honest ones with the library, others by hand.

use comity::{
    crypto::{ContentKey, Digest, Domain, SigningKey, pad, random_bytes},
    envelope::{self, ContentKeys, Entitlement, Plain, Sealed},
    record::{Country, Moment, compartments::split},
    wire::{
        envelope::{
            CompartmentContent, Header, HeaderDestination, Lane, ManifestEntry, SealedCompartment,
            SealedRecord,
        },
        record::Record,
    },
};
use prost::Message as _;

use crate::world::{ADVERSARY, VICTIM, World, country};

/// A sealed record with everything its origin knows.
#[derive(Clone)]
pub(crate) struct Parcel {
    pub(crate) record: SealedRecord,
    pub(crate) header: Header,
    pub(crate) digest: Digest,
    pub(crate) keys: ContentKeys,
    pub(crate) reference: String,
}

impl Parcel {
    fn of(sealed: Sealed, reference: String) -> Self {
        let Sealed {
            record,
            header,
            digest,
            keys,
            ..
        } = sealed;
        Self {
            record,
            header,
            digest,
            keys,
            reference,
        }
    }

    /// Changes the header and signs it again.
    pub(crate) fn with_header(self, key: &SigningKey, change: impl FnOnce(&mut Header)) -> Self {
        let mut header = self.header.clone();
        change(&mut header);
        let bytes = header.encode_to_vec();
        Self {
            header,
            ..self.with_header_bytes(key, bytes)
        }
    }

    /// Signs other bytes as the header.
    pub(crate) fn with_header_bytes(mut self, key: &SigningKey, bytes: Vec<u8>) -> Self {
        self.digest = Digest::of(&bytes);
        self.record.signature = key.sign(Domain::Header, &bytes).to_vec().into();
        self.record.header = bytes.into();
        self
    }
}

/// What a record is sealed from when everything is as it should be.
pub(crate) fn plain(record: &Record) -> Plain {
    let parts = split(record);
    let indexes = (0..u32::try_from(parts.len()).unwrap()).collect();
    Plain {
        lane: Lane::Bulk,
        handling: Vec::new(),
        expires_at: record.expires_at.as_ref().map(Moment::from),
        follows: None,
        exercise: record.exercise,
        compartments: parts
            .into_iter()
            .map(|(label, content)| (label as u32, content))
            .collect(),
        destinations: vec![(country(VICTIM), indexes)],
    }
}

impl World {
    /// An honest record.
    pub(crate) fn parcel(&mut self) -> Parcel {
        let record = self.record();
        self.seal(&record, plain(&record))
    }

    /// A record whose text was changed before it was sealed.
    pub(crate) fn parcel_of(&mut self, change: impl FnOnce(&mut Record)) -> Parcel {
        let mut record = self.record();
        change(&mut record);
        self.seal(&record, plain(&record))
    }

    /// A record that was changed when it was sealed.
    pub(crate) fn parcel_with(&mut self, change: impl FnOnce(&mut Plain)) -> Parcel {
        let record = self.record();
        let mut plain = plain(&record);
        change(&mut plain);
        self.seal(&record, plain)
    }

    pub(crate) fn seal(&self, record: &Record, plain: Plain) -> Parcel {
        self.seal_as(country(ADVERSARY), record, plain)
    }

    /// Seals with the adversary's key, naming any country as the origin.
    pub(crate) fn seal_as(&self, origin: Country, record: &Record, plain: Plain) -> Parcel {
        let sealed = envelope::seal(plain, origin, &self.incarnation, &self.key).unwrap();
        Parcel::of(sealed, record.reference.clone())
    }

    /// Seals by hand: the record's id and the bytes that are encrypted are the caller's.
    pub(crate) fn seal_by_hand(
        &self,
        record: &Record,
        id: [u8; 16],
        texts: impl Fn(Vec<u8>) -> Vec<u8>,
    ) -> Parcel {
        let mut manifest = Vec::new();
        let mut compartments = Vec::new();
        let mut keys = Vec::new();
        for (index, (label, content)) in (0_u32..).zip(split(record)) {
            let text = CompartmentContent {
                label: label as u32,
                content: content.into(),
            }
            .encode_to_vec();
            let padded = texts(pad(&[&text]).unwrap());
            let padded_size = padded.len() as u64;
            let key = ContentKey::generate().unwrap();
            let aad = [
                Domain::Compartment.prefix(),
                &1_u32.to_be_bytes(),
                &id,
                ADVERSARY.as_bytes(),
                &index.to_be_bytes(),
            ]
            .concat();
            let ciphertext = key.encrypt(&aad, padded).unwrap();
            manifest.push(ManifestEntry {
                ciphertext_sha256: Digest::of(&ciphertext).to_vec().into(),
                padded_size,
                key_commitment: key.commitment(&id, index).to_vec().into(),
            });
            compartments.push(SealedCompartment {
                index,
                ciphertext: ciphertext.into(),
            });
            keys.push((index, key));
        }
        let salt = random_bytes().unwrap();
        let indexes: Vec<u32> = keys.iter().map(|(index, _)| *index).collect();
        let entitled: Vec<u8> = indexes.iter().flat_map(|i| i.to_be_bytes()).collect();
        let digest = Digest::in_domain(
            Domain::Entitlement,
            &[&salt, &id, VICTIM.as_bytes(), &entitled],
        );
        let header = Header {
            version: 1,
            id: id.to_vec().into(),
            origin: ADVERSARY.to_owned(),
            incarnation: self.incarnation.to_vec().into(),
            destinations: vec![HeaderDestination {
                country: VICTIM.to_owned(),
                entitlement_digest: digest.to_vec().into(),
            }],
            lane: Lane::Bulk.into(),
            handling: Vec::new(),
            expires_at: None,
            follows: Vec::new().into(),
            exercise: true,
            manifest,
        };
        let parcel = Parcel {
            record: SealedRecord {
                key_id: self.key.public().id().to_vec().into(),
                compartments,
                ..SealedRecord::default()
            },
            header: header.clone(),
            digest,
            keys: ContentKeys {
                keys,
                entitlements: vec![Entitlement {
                    country: country(VICTIM),
                    salt,
                    indexes,
                }],
            },
            reference: record.reference.clone(),
        };
        parcel.with_header(&self.key, |_| {})
    }
}
