//! Vectors that open, and the stage on which the broken ones are made.

use prost::{Message as _, bytes::Bytes};

use super::{
    Expected, ExpectedCompartment, ExpectedOpened, Vector, VectorCompartment, VectorEpoch,
    VectorError, VectorRecord, VectorWrap,
};
use crate::{
    crypto::{ContentKey, Digest, Domain, EpochKey, SealingSecret, SigningKey, pad},
    envelope::{
        ContentKeys, Epoch, Header, Lane, Plain, Sealed, SealedRecord, SendingEpoch, Wrap,
        epoch::wrap_content,
        for_destination, layout,
        seal::{Draw, content_prefix, seal_with},
    },
    record::{Country, Moment},
    wire::record::{Record, Situation, Suspect, Suspects, Victims},
};

/// 2026-06-01T12:00:00Z.
pub(super) const NOW: Moment = Moment::from_micros(1_780_315_200_000_000);
pub(super) const WARNING: &str = "these keys are published: use them for nothing but tests";

/// Bytes that are the same each time and different for each use.
pub(super) fn bytes<const N: usize>(name: &str, what: &str) -> [u8; N] {
    let mut out = [0; N];
    for (block, chunk) in (0_u8..).zip(out.chunks_mut(32)) {
        let digest = Digest::of(format!("comity test vector\0{name}\0{what}\0{block}").as_bytes());
        for (to, from) in chunk.iter_mut().zip(digest.as_bytes()) {
            *to = *from;
        }
    }
    out
}

/// A record sealed by UZ, and everything its origin and one reader hold.
pub(super) struct Stage {
    pub(super) name: String,
    pub(super) origin: Country,
    pub(super) reader: Country,
    pub(super) signing: SigningKey,
    pub(super) secret: SealingSecret,
    pub(super) sealed: Sealed,
    pub(super) parts: Vec<(u32, Vec<u8>)>,
    pub(super) sending: SendingEpoch,
    pub(super) epoch: Epoch,
    pub(super) epoch_key: EpochKey,
    /// The record as it comes to the reader.
    pub(super) record: SealedRecord,
}

/// Three compartments: KZ reads them all, AE the situation.
pub(super) fn plain() -> Result<Plain, VectorError> {
    let situation = Record {
        authority: "national-police".into(),
        exercise: true,
        situation: Some(Situation {
            title: "EXERCISE: route through a border crossing".into(),
            summary: "Invented for a test vector; no person or place is meant.".into(),
            language: "en".into(),
            confidence: 60,
            ..Situation::default()
        }),
        ..Record::default()
    };
    let suspects = Suspects {
        suspects: vec![Suspect {
            note: "EXERCISE: nobody".into(),
            ..Suspect::default()
        }],
    };
    let victims = Victims {
        purpose: "EXERCISE: protection".into(),
        retention_days: 30,
        ..Victims::default()
    };
    Ok(Plain {
        lane: Lane::Bulk,
        handling: vec![],
        expires_at: None,
        follows: None,
        exercise: true,
        compartments: vec![
            (1, situation.encode_to_vec()),
            (2, suspects.encode_to_vec()),
            (4, victims.encode_to_vec()),
        ],
        destinations: vec![("KZ".parse()?, vec![0, 1, 2]), ("AE".parse()?, vec![0])],
    })
}

impl Stage {
    pub(super) fn new(name: &str, plain: Plain, reader: &str) -> Result<Self, VectorError> {
        let origin = "UZ".parse()?;
        let reader = reader.parse()?;
        let signing = SigningKey::from_seed(&bytes::<32>("all", "signing seed of UZ"))?;
        let what = format!("sealing secret of {reader}");
        let secret = SealingSecret::from_bytes(&bytes::<32>("all", &what))?;
        let parts = plain.compartments.clone();
        let draw = Draw {
            record_id: bytes(name, "record id"),
            keys: (0..parts.len())
                .map(|at| ContentKey::from_bytes(&bytes::<32>(name, &format!("content key {at}"))))
                .collect::<Result<_, _>>()?,
            salts: (0..plain.destinations.len())
                .map(|at| bytes(name, &format!("salt {at}")))
                .collect(),
        };
        let incarnation = bytes("all", "incarnation of UZ");
        let sealed = seal_with(plain, origin, &incarnation, &signing, draw)?;
        let id = bytes(name, "epoch id");
        let randomness = bytes(name, "encapsulation randomness");
        let to = secret.public();
        let (sending, epoch) =
            SendingEpoch::establish_with(origin, reader, to, NOW, id, &randomness)?;
        let info = layout::epoch_info(origin, reader, &id);
        let (epoch_key, _) = EpochKey::establish_with(&info, to, &randomness)?;
        let record = sealed.record.clone();
        let mut stage = Self {
            name: name.to_owned(),
            origin,
            reader,
            signing,
            secret,
            sealed,
            parts,
            sending,
            epoch,
            epoch_key,
            record,
        };
        stage.deliver()?;
        Ok(stage)
    }

    /// Makes the copy for the reader again, after the sealed record was changed. A reader that is
    /// no destination gets what KZ would.
    pub(super) fn deliver(&mut self) -> Result<(), VectorError> {
        let Sealed {
            record,
            keys,
            digest,
            ..
        } = &self.sealed;
        self.record = if keys.entitlement(self.reader).is_some() {
            let nonce = bytes(&self.name, "wrap nonce");
            let wrap = self.sending.wrap_with(keys, digest, self.reader, nonce)?;
            for_destination(record, keys, self.reader, wrap)
        } else {
            let kz = "KZ".parse()?;
            let wrap = self.wrap_of(keys, kz, self.reader)?;
            for_destination(record, keys, kz, wrap)
        };
        Ok(())
    }

    /// A wrap of what `entitled` may read, bound to `reader`.
    pub(super) fn wrap_of(
        &self,
        keys: &ContentKeys,
        entitled: Country,
        reader: Country,
    ) -> Result<Wrap, VectorError> {
        let nonce = bytes(&self.name, "wrap nonce");
        let aad = layout::wrap_aad(&self.sealed.digest, reader);
        let plain = wrap_content(keys, entitled)?;
        Ok(Wrap {
            epoch: self.epoch.id.clone(),
            nonce: Bytes::copy_from_slice(&nonce),
            sealed: self.epoch_key.seal_with(nonce, &aad, &plain)?.into(),
        })
    }

    /// Signs other header bytes and delivers again.
    pub(super) fn sign(&mut self, header: Vec<u8>) -> Result<(), VectorError> {
        let signature = self.signing.sign(Domain::Header, &header);
        self.sealed.digest = Digest::of(&header);
        self.sealed.record.header = header.into();
        self.sealed.record.signature = Bytes::copy_from_slice(&signature);
        self.deliver()
    }

    /// Changes the header, signs and delivers again.
    pub(super) fn change(&mut self, change: impl FnOnce(&mut Header)) -> Result<(), VectorError> {
        let mut header = self.sealed.header.clone();
        change(&mut header);
        self.sign(header.encode_to_vec())
    }

    /// The vector of a record that opens.
    pub(super) fn opens(self, about: &str) -> Result<Vector, VectorError> {
        let Sealed {
            keys,
            digest,
            record_id,
            ..
        } = &self.sealed;
        let entitlement = keys.entitlement(self.reader).cloned();
        let entitlement =
            entitlement.ok_or(crate::envelope::EpochError::NotEntitled(self.reader))?;
        let named = |index: u32| entitlement.indexes.contains(&index);
        let own = ContentKeys {
            keys: keys
                .keys
                .iter()
                .filter(|(index, _)| named(*index))
                .cloned()
                .collect(),
            entitlements: vec![entitlement.clone()],
        };
        let parts: Vec<_> = (0..)
            .zip(&self.parts)
            .filter(|(index, _)| named(*index))
            .map(|(_, part)| part.clone())
            .collect();
        let opened = expected_opened(digest, record_id, &own, &parts)?;
        self.vector(
            about,
            Expected {
                fault: None,
                reason: None,
                opened: Some(opened),
            },
        )
    }

    /// The vector of a record as it stands.
    pub(super) fn vector(self, about: &str, expected: Expected) -> Result<Vector, VectorError> {
        let Epoch {
            id,
            encapsulation,
            sealing_key_id,
        } = &self.epoch;
        let info = layout::epoch_info(self.origin, self.reader, &bytes(&self.name, "epoch id"));
        let key = EpochKey::export(&info, &self.secret, encapsulation)?;
        Ok(Vector {
            about: about.to_owned(),
            warning: WARNING.to_owned(),
            origin: self.origin.to_string(),
            reader: self.reader.to_string(),
            now_us: NOW.micros(),
            origin_signing_seed: hex::encode(bytes::<32>("all", "signing seed of UZ")),
            origin_public_key: hex::encode(self.signing.public().as_bytes()),
            reader_sealing_secret: hex::encode(&*self.secret.to_bytes()),
            reader_sealing_key: hex::encode(self.secret.public().as_bytes()),
            epoch: VectorEpoch {
                id: hex::encode(id),
                encapsulation: hex::encode(encapsulation),
                sealing_key_id: hex::encode(sealing_key_id),
                key: hex::encode(*key),
            },
            record: VectorRecord {
                header: hex::encode(&self.record.header),
                key_id: hex::encode(&self.record.key_id),
                signature: hex::encode(&self.record.signature),
                compartments: self
                    .record
                    .compartments
                    .iter()
                    .map(|each| VectorCompartment {
                        index: each.index,
                        ciphertext: hex::encode(&each.ciphertext),
                    })
                    .collect(),
                wrap: self.record.wrap.as_ref().map(|wrap| VectorWrap {
                    epoch: hex::encode(&wrap.epoch),
                    nonce: hex::encode(&wrap.nonce),
                    sealed: hex::encode(&wrap.sealed),
                }),
            },
            expected,
            name: self.name,
        })
    }
}

/// What a reader must find.
pub(super) fn expected_opened(
    digest: &Digest,
    record_id: &[u8; 16],
    keys: &ContentKeys,
    parts: &[(u32, Vec<u8>)],
) -> Result<ExpectedOpened, VectorError> {
    let compartments = keys
        .keys
        .iter()
        .zip(parts)
        .map(|((index, key), (label, content))| {
            Ok(ExpectedCompartment {
                index: *index,
                content_key: hex::encode(key.as_bytes()),
                key_commitment: key.commitment(record_id, *index).to_string(),
                padded: hex::encode(pad(&[&content_prefix(*label, content.len()), content])?),
                label: *label,
                content: hex::encode(content),
            })
        })
        .collect::<Result<_, VectorError>>()?;
    Ok(ExpectedOpened {
        header_digest: digest.to_string(),
        record_id: hex::encode(record_id),
        salt: keys
            .entitlements
            .first()
            .map(|entitlement| hex::encode(entitlement.salt))
            .unwrap_or_default(),
        compartments,
    })
}

/// Records that open.
pub(super) fn good() -> Result<Vec<Vector>, VectorError> {
    let full = Plain {
        lane: Lane::Urgent,
        handling: vec![3, 0],
        expires_at: Some(Moment::from_micros(NOW.micros() + 1)),
        follows: Some(Digest::of(b"a header before")),
        exercise: false,
        ..plain()?
    };
    let empty = Plain {
        compartments: vec![(1, vec![])],
        destinations: vec![("KZ".parse()?, vec![0])],
        ..plain()?
    };
    let second = Plain {
        destinations: vec![("KZ".parse()?, vec![2]), ("AE".parse()?, vec![0, 1])],
        ..plain()?
    };
    Ok(vec![
        Stage::new("opens-all-compartments", plain()?, "KZ")?
            .opens("a reader of every compartment")?,
        Stage::new("opens-own-compartment-only", plain()?, "AE")?
            .opens("selective delivery: the other compartments stayed at the origin")?,
        Stage::new("opens-last-compartment-only", second, "KZ")?
            .opens("the only index is not the first")?,
        Stage::new("opens-with-every-header-field", full, "KZ")?
            .opens("urgent, handling H0 and H3, expires a microsecond later, follows a record")?,
        Stage::new("opens-empty-compartment", empty, "KZ")?.opens("a content of no bytes")?,
    ])
}
