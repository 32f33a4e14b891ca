//! Deliver: load what stands in a lane's outbox and wrap it for its reader, at sending.
//!
//! Content keys leave their shred slot only here, and only inside a wrap for the destination's
//! current sealing key; each destination gets only its compartments.

use std::sync::Arc;

use prost::Message as _;

use crate::{
    crypto::Digest,
    entry::LaneId,
    envelope::{SendingEpoch, for_destination},
    inbox::{HoldingError, StoredRecord, ask},
    replication::lanes,
    store::DamagedBlob,
    wire::envelope::SealedRecord,
};

use super::{Node, NodeError, work::Work};

/// The blob of a record's entry that holds its envelope.
const ENVELOPE: u32 = 0;

/// Records of a lane ready to send.
#[derive(Debug, Default)]
pub struct Batch {
    /// Sequence of the first.
    pub first: u64,
    /// The records, consecutive.
    pub records: Vec<SealedRecord>,
    /// Their encoded size together.
    pub bytes: u64,
    /// Why the record after them cannot go.
    pub obstacle: Option<Obstacle>,
}

/// Why a record cannot be sent. Its lane waits at it, and the others go on.
#[derive(Debug)]
pub enum Obstacle {
    /// Its bytes are damaged on the own disk; others may have them.
    Damaged(DamagedBlob),
    /// It cannot be taken out of the store.
    Unreadable {
        /// Its local number.
        number: u64,
        /// Why.
        error: NodeError,
    },
}

impl Node {
    /// Loads records from `first` on: `limit` at most, and no more than take `bytes` together.
    ///
    /// # Errors
    /// [`NodeError`] when the outbox cannot be read; a record that cannot be is an [`Obstacle`].
    pub async fn load(
        self: &Arc<Self>,
        lane: LaneId,
        first: u64,
        limit: usize,
        bytes: u64,
        epoch: Arc<SendingEpoch>,
    ) -> Result<Batch, NodeError> {
        let node = Arc::clone(self);
        // One record is a mebibyte at most.
        Work::begin(limit == 1, move || {
            node.load_now(&lane, first, limit, bytes, &epoch)
        })
        .answer()
        .await?
    }

    fn load_now(
        &self,
        lane: &LaneId,
        first: u64,
        limit: usize,
        bytes: u64,
        epoch: &SendingEpoch,
    ) -> Result<Batch, NodeError> {
        let mut batch = Batch {
            first,
            ..Batch::default()
        };
        for (number, _) in lanes::outbox_from(&self.store, lane, first, limit)? {
            let record = match self.to_send(number, lane, epoch) {
                Ok(record) => record,
                Err(error) => {
                    batch.obstacle = Some(self.obstacle(number, error));
                    break;
                }
            };
            let size = u64::try_from(record.encoded_len()).unwrap_or(u64::MAX);
            if batch.bytes.saturating_add(size) > bytes {
                break;
            }
            batch.bytes = batch.bytes.saturating_add(size);
            batch.records.push(record);
        }
        Ok(batch)
    }

    /// A record as it goes to the lane's peer.
    fn to_send(
        &self,
        number: u64,
        lane: &LaneId,
        epoch: &SendingEpoch,
    ) -> Result<SealedRecord, NodeError> {
        let stored = self.stored(number)?;
        match stored.keys(&self.slots) {
            Ok(keys) if self.goes_whole(&stored, &keys, lane.peer)? => {
                let wrap = epoch
                    .wrap(&keys, &stored.digest, lane.peer)
                    .map_err(|_| HoldingError::Keys)?;
                Ok(for_destination(&stored.sealed, &keys, lane.peer, wrap))
            }
            // Recalled or expired before it went, or what it was to read went: its header keeps its
            // place in the lane.
            Ok(_) | Err(HoldingError::Locked(_)) => Ok(header_alone(&stored.sealed)),
            Err(error) => Err(error.into()),
        }
    }

    fn obstacle(&self, number: u64, error: NodeError) -> Obstacle {
        match self.damage_of(number) {
            Ok(Some(damaged)) => Obstacle::Damaged(damaged),
            Ok(None) | Err(_) => Obstacle::Unreadable { number, error },
        }
    }

    /// The envelope of a record, if it is damaged.
    fn damage_of(&self, number: u64) -> Result<Option<DamagedBlob>, NodeError> {
        let row = ask::record(&self.store, number)?.ok_or(HoldingError::NotARecord(number))?;
        Ok(self.store.check_blob(row.place, ENVELOPE)?)
    }

    /// The signed header that came under a sequence of a peer, when its record is held.
    pub(super) fn header_at(&self, lane: &LaneId, sequence: u64) -> Option<SealedRecord> {
        let (digest, _) = lanes::arrival(&self.store, lane, sequence).ok()??;
        let number = ask::by_digest(&self.store, &digest).ok()??;
        Some(header_alone(&self.stored(number).ok()?.sealed))
    }

    /// A record by its local number.
    pub(crate) fn stored(&self, number: u64) -> Result<StoredRecord, NodeError> {
        let row = ask::record(&self.store, number)?.ok_or(HoldingError::NotARecord(number))?;
        Ok(StoredRecord::read(&self.store, number, row)?)
    }

    /// As [`Self::stored`], without the text, which may be damaged.
    pub(crate) fn held(&self, number: u64) -> Result<StoredRecord, NodeError> {
        let row = ask::record(&self.store, number)?.ok_or(HoldingError::NotARecord(number))?;
        Ok(StoredRecord::read_entry(&self.store, number, row)?)
    }

    /// Header digest of a local number.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn header_digest(&self, number: u64) -> Result<Digest, NodeError> {
        Ok(self.held(number)?.digest)
    }
}

/// A record as its header and signature alone.
pub(super) fn header_alone(sealed: &SealedRecord) -> SealedRecord {
    SealedRecord {
        header: sealed.header.clone(),
        key_id: sealed.key_id.clone(),
        signature: sealed.signature.clone(),
        compartments: Vec::new(),
        wrap: None,
    }
}
