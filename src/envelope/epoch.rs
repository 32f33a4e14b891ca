//! Sealing epochs: one encapsulation between two countries serves many records.

use std::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use prost::bytes::Bytes;
use zeroize::Zeroizing;

use super::{ContentKeys, Entitlement, Epoch, SealedRecord, Wrap, layout};
use crate::{
    crypto::{
        ContentKey, Digest, EpochKey, KeyId, NONCE_BYTES, SealingError, SealingKey, SealingSecret,
        random_bytes,
    },
    record::{Country, Moment},
};

/// How long an epoch serves.
pub const EPOCH_LIFETIME: Duration = Duration::from_secs(60 * 60);
/// How many records an epoch serves.
pub const EPOCH_RECORDS: u64 = 10_000;

/// An epoch cannot be made, opened or used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EpochError {
    /// The epoch id is not 16 bytes.
    #[error("an epoch id is 16 bytes, these are {0}")]
    Id(usize),
    /// The epoch is sealed to a key that this node does not have, or no longer.
    #[error(
        "the epoch is sealed to a key this node does not hold; the sender needs our newer card"
    )]
    UnknownSealingKey,
    /// A key or encapsulation cannot be used.
    #[error("{0}")]
    Sealing(#[from] SealingError),
    /// The record's origin entitled this reader to nothing.
    #[error("{0} is not entitled to any compartment of this record")]
    NotEntitled(Country),
    /// The epoch serves another reader.
    #[error("the epoch serves {serves}, not {asked}")]
    OtherReader {
        /// Whom the epoch serves.
        serves: Country,
        /// For whom it was asked.
        asked: Country,
    },
    /// A content key of the entitlement is not at hand.
    #[error("the content key of compartment {0} is not at hand")]
    MissingKey(u32),
}

/// The sender's side of an epoch. Lives in memory only.
pub struct SendingEpoch {
    id: [u8; 16],
    reader: Country,
    sealing_key_id: KeyId,
    key: EpochKey,
    made_at: Moment,
    records: AtomicU64,
}

impl SendingEpoch {
    /// Makes an epoch to a reader's current sealing key, and what the reader needs to open it.
    ///
    /// # Errors
    /// [`EpochError::Sealing`] when no randomness can be had.
    pub fn establish(
        origin: Country,
        reader: Country,
        to: &SealingKey,
        made_at: Moment,
    ) -> Result<(Self, Epoch), EpochError> {
        let id = random_bytes().map_err(|_| SealingError::Random)?;
        let (key, encapsulation) =
            EpochKey::establish(&layout::epoch_info(origin, reader, &id), to)?;
        Ok(Self::of(id, reader, to, made_at, key, encapsulation))
    }

    /// As [`Self::establish`], with given randomness, for vectors.
    pub(super) fn establish_with(
        origin: Country,
        reader: Country,
        to: &SealingKey,
        made_at: Moment,
        id: [u8; 16],
        randomness: &[u8; 64],
    ) -> Result<(Self, Epoch), EpochError> {
        let info = layout::epoch_info(origin, reader, &id);
        let (key, encapsulation) = EpochKey::establish_with(&info, to, randomness)?;
        Ok(Self::of(id, reader, to, made_at, key, encapsulation))
    }

    fn of(
        id: [u8; 16],
        reader: Country,
        to: &SealingKey,
        made_at: Moment,
        key: EpochKey,
        encapsulation: Vec<u8>,
    ) -> (Self, Epoch) {
        let wire = Epoch {
            id: Bytes::copy_from_slice(&id),
            encapsulation: encapsulation.into(),
            sealing_key_id: Bytes::copy_from_slice(&to.id()),
        };
        let epoch = Self {
            id,
            sealing_key_id: to.id(),
            reader,
            key,
            made_at,
            records: AtomicU64::new(0),
        };
        (epoch, wire)
    }

    /// Seals the content keys that `reader` is entitled to, bound to the header.
    ///
    /// # Errors
    /// [`EpochError::OtherReader`], [`EpochError::NotEntitled`], [`EpochError::MissingKey`], or
    /// [`EpochError::Sealing`] when no randomness can be had.
    pub fn wrap(
        &self,
        keys: &ContentKeys,
        header_digest: &Digest,
        reader: Country,
    ) -> Result<Wrap, EpochError> {
        let nonce = random_bytes().map_err(|_| SealingError::Random)?;
        self.wrap_with(keys, header_digest, reader, nonce)
    }

    /// As [`Self::wrap`], with a given nonce, for vectors.
    pub(super) fn wrap_with(
        &self,
        keys: &ContentKeys,
        header_digest: &Digest,
        reader: Country,
        nonce: [u8; NONCE_BYTES],
    ) -> Result<Wrap, EpochError> {
        if reader != self.reader {
            return Err(EpochError::OtherReader {
                serves: self.reader,
                asked: reader,
            });
        }
        let plain = wrap_content(keys, reader)?;
        let sealed = self
            .key
            .seal_with(nonce, &layout::wrap_aad(header_digest, reader), &plain)?;
        self.records.fetch_add(1, Ordering::Relaxed);
        Ok(Wrap {
            epoch: Bytes::copy_from_slice(&self.id),
            nonce: Bytes::copy_from_slice(&nonce),
            sealed: sealed.into(),
        })
    }

    /// Whether a new epoch is due: an hour has passed, the clock went back, or 10,000 records were
    /// wrapped. Wrapping itself does not refuse, so that a batch may end in the epoch it began in.
    pub fn exhausted(&self, now: Moment) -> bool {
        now < self.made_at
            || now.since(self.made_at) >= EPOCH_LIFETIME
            || self.records.load(Ordering::Relaxed) >= EPOCH_RECORDS
    }

    /// The epoch's id.
    pub const fn id(&self) -> &[u8; 16] {
        &self.id
    }

    /// The id of the sealing key that it is for.
    pub const fn sealing_key_id(&self) -> &KeyId {
        &self.sealing_key_id
    }

    /// The country it serves.
    pub const fn reader(&self) -> Country {
        self.reader
    }
}

impl fmt::Debug for SendingEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "SendingEpoch({} to {})",
            hex::encode(self.id),
            self.reader
        )
    }
}

/// Encodes a `WrapContent` by hand: the generated message would leave keys in buffers that are not
/// wiped.
pub(super) fn wrap_content(
    keys: &ContentKeys,
    reader: Country,
) -> Result<Zeroizing<Vec<u8>>, EpochError> {
    let entitlement = keys
        .entitlement(reader)
        .ok_or(EpochError::NotEntitled(reader))?;
    let mut out = Zeroizing::new(Vec::with_capacity(18 + entitlement.indexes.len() * 40));
    // Field 1, 16 bytes: the salt.
    out.extend_from_slice(&[0x0a, 16]);
    out.extend_from_slice(&entitlement.salt);
    for index in &entitlement.indexes {
        let key = keys.key(*index).ok_or(EpochError::MissingKey(*index))?;
        let low = u8::try_from(*index)
            .ok()
            .filter(|low| *low < 0x80)
            .ok_or(EpochError::MissingKey(*index))?;
        // Field 2, a message: field 1, the index, left out when zero; field 2, 32 bytes.
        if low == 0 {
            out.extend_from_slice(&[0x12, 34, 0x12, 32]);
        } else {
            out.extend_from_slice(&[0x12, 36, 0x08, low, 0x12, 32]);
        }
        out.extend_from_slice(key.as_bytes());
    }
    Ok(out)
}

/// The reader's side of an epoch. Lives in memory only.
pub struct ReceivingEpoch {
    pub(super) id: [u8; 16],
    pub(super) origin: Country,
    pub(super) reader: Country,
    pub(super) key: EpochKey,
}

impl ReceivingEpoch {
    /// Opens an epoch with the secret it was made for. A false encapsulation shows only when a wrap
    /// does not open.
    ///
    /// # Errors
    /// [`EpochError::Id`], [`EpochError::UnknownSealingKey`] or [`EpochError::Sealing`].
    pub fn open(
        epoch: &Epoch,
        origin: Country,
        reader: Country,
        secrets: &[SealingSecret],
    ) -> Result<Self, EpochError> {
        let id = <[u8; 16]>::try_from(&*epoch.id).map_err(|_| EpochError::Id(epoch.id.len()))?;
        let secret = secrets
            .iter()
            .find(|secret| secret.public().id()[..] == *epoch.sealing_key_id)
            .ok_or(EpochError::UnknownSealingKey)?;
        let info = layout::epoch_info(origin, reader, &id);
        let key = EpochKey::open(&info, secret, &epoch.encapsulation)?;
        Ok(Self {
            id,
            origin,
            reader,
            key,
        })
    }

    /// The epoch's id.
    pub const fn id(&self) -> &[u8; 16] {
        &self.id
    }
}

impl fmt::Debug for ReceivingEpoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { origin, reader, .. } = self;
        write!(f, "ReceivingEpoch({origin} to {reader})")
    }
}

/// The copy for one destination: its compartments only, with its wrap. What is left out still
/// verifies, because the header is signed over digests. Shares the ciphertexts' memory.
pub fn for_destination(
    sealed: &SealedRecord,
    keys: &ContentKeys,
    reader: Country,
    wrap: Wrap,
) -> SealedRecord {
    let indexes = keys
        .entitlement(reader)
        .map_or(&[][..], |entitlement| &entitlement.indexes);
    SealedRecord {
        header: sealed.header.clone(),
        key_id: sealed.key_id.clone(),
        signature: sealed.signature.clone(),
        compartments: sealed
            .compartments
            .iter()
            .filter(|compartment| indexes.contains(&compartment.index))
            .cloned()
            .collect(),
        wrap: Some(wrap),
    }
}

/// Reads a `WrapContent` encoded exactly as [`wrap_content`] does: the salt, then keys in ascending
/// order. By hand for the same reason.
pub(super) fn read_wrap_content(bytes: &[u8], reader: Country) -> Option<ContentKeys> {
    let ([0x0a, 16], rest) = bytes.split_first_chunk::<2>()? else {
        return None;
    };
    let (salt, mut rest) = rest.split_first_chunk::<16>()?;
    let mut keys: Vec<(u32, ContentKey)> = Vec::new();
    while !rest.is_empty() {
        let (index, after) = match rest {
            [0x12, 34, 0x12, 32, after @ ..] => (0, after),
            [0x12, 36, 0x08, index @ 1..0x80, 0x12, 32, after @ ..] => (u32::from(*index), after),
            _ => return None,
        };
        let (key, after) = after.split_first_chunk::<32>()?;
        if keys.last().is_some_and(|(last, _)| *last >= index) {
            return None;
        }
        keys.push((index, ContentKey::from_bytes(key).ok()?));
        rest = after;
    }
    let entitlement = Entitlement {
        country: reader,
        salt: *salt,
        indexes: keys.iter().map(|(index, _)| *index).collect(),
    };
    Some(ContentKeys {
        keys,
        entitlements: vec![entitlement],
    })
}
