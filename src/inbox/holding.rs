//! A record at rest and how it is opened again.

use prost::Message as _;
use zeroize::Zeroizing;

use crate::{
    crypto::Digest,
    entry::{
        Entry, EntryError, Event, Holding, Incarnation, LifeRow, LockCause, OutboxPlace, Position,
        Rekeyed, incarnation,
    },
    envelope::{Beside, ContentKeys, Fault, open_at_rest, open_beside, open_to_index},
    record::{
        Country, Moment,
        compartments::{ContentError, join},
    },
    store::{Place, ShredSlots, Store, StoreError},
    wire::{self, record::CompartmentLabel},
};

use super::{life, life_rows};

/// A record cannot be taken out of the store.
#[derive(Debug, thiserror::Error)]
pub enum HoldingError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry is malformed.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The entry is not that of a record.
    #[error("the entry of record {0} is of another kind")]
    NotARecord(u64),
    /// The envelope does not decode.
    #[error("the stored envelope does not decode")]
    Envelope,
    /// The content keys do not open: the shred slot is gone or damaged.
    #[error("the record's keys do not open; its shred slot is gone or damaged")]
    Keys,
    /// The compartments do not open.
    #[error(transparent)]
    Open(#[from] Fault),
    /// The content does not decode.
    #[error(transparent)]
    Content(#[from] ContentError),
    /// The record is locked: recalled or expired. Nobody reads it any more.
    #[error("the record is locked ({}) and cannot be opened", .0.as_str_name())]
    Locked(LockCause),
}

/// Where a record's entry stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordRow {
    /// Country that sealed it.
    pub origin: Country,
    /// Its entry in the journal.
    pub place: Place,
}

impl RecordRow {
    pub(super) fn encode(self) -> [u8; 14] {
        let mut value = [0; 14];
        let parts = self.origin.code().bytes().chain(self.place.to_bytes());
        for (to, from) in value.iter_mut().zip(parts) {
            *to = from;
        }
        value
    }

    pub(super) fn decode(value: &[u8]) -> Option<Self> {
        let (origin, place) = value.split_first_chunk::<2>()?;
        Some(Self {
            origin: std::str::from_utf8(origin).ok()?.parse().ok()?,
            place: Place::from_bytes(place)?,
        })
    }
}

/// A record read back from the journal; its compartments are still closed.
#[derive(Debug)]
pub struct StoredRecord {
    /// When it became durable here.
    pub time: Moment,
    /// Index of its ledger leaf.
    pub leaf: u64,
    /// What the entry says of it.
    pub holding: Holding,
    /// SHA-256 of the header.
    pub digest: Digest,
    /// Where it goes; empty for a record of another country.
    pub outbox: Vec<OutboxPlace>,
    /// Own incarnation under which its places in the outbox were assigned; zeros for a record of
    /// another country.
    pub sent_under: Incarnation,
    /// The sharing matrix as sent, sealed; empty for a record of another country.
    pub sealed_sharing: Vec<u8>,
    /// SHA-256 of what was submitted, sealed; empty without an idempotency key.
    sealed_submission: Vec<u8>,
    /// Blob of the SUBMISSION_ACCEPTANCE; `None` for a record of another country.
    pub acceptance_blob: Option<u32>,
    /// Year and number of the reference given here; `None` for a record of another country.
    pub given: Option<(u32, u64)>,
    /// Its place in the origin's lane; `None` for an own record.
    pub position: Option<Position>,
    /// Envelope without wrap.
    pub sealed: wire::envelope::SealedRecord,
    /// Where the entry stands.
    pub place: Place,
    /// What happened to it since; `None` when nothing did.
    pub life: Option<LifeRow>,
    /// The keys that count instead of the holding's, after a compartment was shredded.
    rekeyed: Option<Rekeyed>,
}

impl StoredRecord {
    /// Reads a record's entry and envelope; both are checked against their digests.
    ///
    /// # Errors
    /// [`HoldingError`] when they cannot be read.
    pub fn read(store: &Store, number: u64, row: RecordRow) -> Result<Self, HoldingError> {
        // A record's envelope is its first blob; both come with one read.
        let (body, first_blob) = store.body_with_blob(row.place, 0)?;
        let mut stored = Self::of_body(store, number, row, &body)?;
        let blob = match stored.holding.blob {
            0 => first_blob,
            other => store.blob(row.place, other)?,
        };
        stored.sealed = wire::envelope::SealedRecord::decode(blob.as_slice())
            .map_err(|_| HoldingError::Envelope)?;
        Ok(stored)
    }

    /// As [`Self::read`] but for the envelope, which may be damaged: for what needs no text. Nothing
    /// can be opened with it.
    ///
    /// # Errors
    /// As [`Self::read`].
    pub fn read_entry(store: &Store, number: u64, row: RecordRow) -> Result<Self, HoldingError> {
        Self::of_body(store, number, row, &store.body(row.place)?)
    }

    fn of_body(
        store: &Store,
        number: u64,
        row: RecordRow,
        body: &[u8],
    ) -> Result<Self, HoldingError> {
        let entry = Entry::decode(body)?;
        let mut sealed_submission = Vec::new();
        let (holding, outbox, sent_under, sealed_sharing, acceptance_blob, given, position) =
            match entry.event {
                Event::Submitted(submitted) => {
                    sealed_submission = submitted.sealed_submission;
                    (
                        submitted.holding,
                        submitted.outbox,
                        incarnation(&submitted.incarnation)?,
                        submitted.sealed_sharing,
                        Some(submitted.acceptance_blob),
                        Some((submitted.reference_year, submitted.reference_number)),
                        None,
                    )
                }
                Event::Received(received) => (
                    received.holding,
                    Vec::new(),
                    Incarnation::default(),
                    Vec::new(),
                    None,
                    None,
                    received.position,
                ),
                _ => return Err(HoldingError::NotARecord(number)),
            };
        let holding = holding.ok_or(EntryError::Field("holding"))?;
        let digest = Digest::try_from(holding.header_digest.as_slice())
            .map_err(|_| EntryError::Field("header_digest"))?;
        let life = life_rows::of(store, number)?;
        let rekeyed = match &life {
            Some(row) => rekeyed(store, row)?,
            None => None,
        };
        Ok(Self {
            life,
            rekeyed,
            time: entry.time,
            leaf: entry.leaf.ok_or(EntryError::Field("leaf"))?.index,
            digest,
            outbox,
            sent_under,
            sealed_sharing,
            sealed_submission,
            acceptance_blob,
            given,
            position,
            sealed: wire::envelope::SealedRecord::default(),
            place: row.place,
            holding,
        })
    }

    /// What locked the record; `None` while it may be read.
    pub fn locked(&self) -> Option<LockCause> {
        let lock = self.life.as_ref()?.whole.as_ref()?;
        Some(LockCause::try_from(lock.cause).unwrap_or_default())
    }

    /// Whether it is a step, which acts on another record.
    pub fn is_step(&self) -> bool {
        let follow = self.holding.follow.as_ref();
        follow.is_some_and(|follow| follow.step != 0)
    }

    /// The slot that protects the content keys now.
    pub fn slot(&self) -> u64 {
        self.rekeyed
            .as_ref()
            .map_or(self.holding.slot, |rekeyed| rekeyed.slot)
    }

    /// The content keys, opened with the record's shred slot.
    ///
    /// # Errors
    /// [`HoldingError::Locked`] when the record may no longer be read, [`HoldingError::Keys`] when
    /// the slot no longer opens them.
    pub fn keys(&self, slots: &ShredSlots) -> Result<ContentKeys, HoldingError> {
        if let Some(cause) = self.locked() {
            return Err(HoldingError::Locked(cause));
        }
        self.keys_at_rest(slots)
    }

    /// The keys, whether the record is locked or not.
    fn keys_at_rest(&self, slots: &ShredSlots) -> Result<ContentKeys, HoldingError> {
        let sealed = self
            .rekeyed
            .as_ref()
            .map_or(&self.holding.sealed_keys, |rekeyed| &rekeyed.sealed_keys);
        let slot: Zeroizing<[u8; 32]> = slots.open_slot(self.slot())?;
        ContentKeys::open_at_rest(sealed, &slot, &self.digest).map_err(|_| HoldingError::Keys)
    }

    /// The sharing matrix as sent; `None` for a record of another country, or one submitted before
    /// it was kept.
    ///
    /// # Errors
    /// [`HoldingError::Locked`] when the record may no longer be read, [`HoldingError::Keys`] when
    /// the slot no longer opens it.
    pub fn sharing(
        &self,
        slots: &ShredSlots,
    ) -> Result<Option<wire::record::SharingMatrix>, HoldingError> {
        if let Some(cause) = self.locked() {
            return Err(HoldingError::Locked(cause));
        }
        let sealed = match &self.rekeyed {
            Some(rekeyed) => &rekeyed.sealed_sharing,
            None => &self.sealed_sharing,
        };
        if sealed.is_empty() {
            return Ok(None);
        }
        let slot: Zeroizing<[u8; 32]> = slots.open_slot(self.slot())?;
        let plain = open_beside(Beside::Sharing, sealed, &slot, &self.digest)
            .map_err(|_| HoldingError::Keys)?;
        wire::record::SharingMatrix::decode(plain.as_slice())
            .map(Some)
            .map_err(|_| HoldingError::Keys)
    }

    /// SHA-256 of what was submitted under an idempotency key; `None` without a key, or once the
    /// record's keys are gone. Of a locked record too: it shows nothing.
    ///
    /// # Errors
    /// [`HoldingError`] when the slot cannot be read or does not open it.
    pub fn submission(&self, slots: &ShredSlots) -> Result<Option<Digest>, HoldingError> {
        let sealed = match &self.rekeyed {
            Some(rekeyed) => &rekeyed.sealed_submission,
            None => &self.sealed_submission,
        };
        if sealed.is_empty() {
            return Ok(None);
        }
        let slot: Zeroizing<[u8; 32]> = match slots.open_slot(self.slot()) {
            Err(
                StoreError::SlotErased(_) | StoreError::SlotLost(_) | StoreError::NoSuchSlot(_),
            ) => return Ok(None),
            slot => slot?,
        };
        let plain = open_beside(Beside::Submission, sealed, &slot, &self.digest)
            .map_err(|_| HoldingError::Keys)?;
        let digest = Digest::try_from(plain.as_slice()).map_err(|_| HoldingError::Keys)?;
        Ok(Some(digest))
    }

    /// Opens every compartment held here that may still be read.
    ///
    /// # Errors
    /// [`HoldingError`] when the record is locked, or keys, ciphertext or content are not what they
    /// should be.
    pub fn open(&self, slots: &ShredSlots) -> Result<wire::record::Record, HoldingError> {
        let parts = open_at_rest(&self.sealed, &self.keys(slots)?)?;
        joined(&parts, self.life.as_ref().is_none_or(life::shows_victims))
    }

    /// Opens every compartment whose keys are here, of a locked record too: it is held until it is
    /// shredded, and a data subject asks what is held. Never to be shown.
    ///
    /// # Errors
    /// [`HoldingError`] when keys, ciphertext or content are not what they should be.
    pub fn open_for_subject(
        &self,
        slots: &ShredSlots,
    ) -> Result<wire::record::Record, HoldingError> {
        joined(
            &open_at_rest(&self.sealed, &self.keys_at_rest(slots)?)?,
            true,
        )
    }

    /// Opens what of the record may be indexed, never to be shown: no victims' compartment, and
    /// nothing is verified a second time ([`open_to_index`]).
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_to_index(&self, slots: &ShredSlots) -> Result<wire::record::Record, HoldingError> {
        joined(&open_to_index(&self.sealed, &self.keys(slots)?)?, false)
    }
}

/// The record that its compartments make.
fn joined(
    parts: &[(u32, Vec<u8>)],
    shows_victims: bool,
) -> Result<wire::record::Record, HoldingError> {
    let borrowed: Vec<(u32, &[u8])> = parts
        .iter()
        .filter(|(label, _)| shows_victims || *label != CompartmentLabel::Victims as u32)
        .map(|(label, content)| (*label, content.as_slice()))
        .collect();
    Ok(join(&borrowed)?)
}

/// The entry with the keys under their new slot.
fn rekeyed(store: &Store, row: &LifeRow) -> Result<Option<Rekeyed>, HoldingError> {
    if row.keys_place.is_empty() {
        return Ok(None);
    }
    let place = Place::from_bytes(&row.keys_place).ok_or(EntryError::Field("keys_place"))?;
    match Entry::decode(&store.body(place)?)?.event {
        Event::Rekeyed(rekeyed) => Ok(Some(rekeyed)),
        _ => Err(EntryError::Field("rekeyed").into()),
    }
}
