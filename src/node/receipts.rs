//! Receipts: what a peer signed becomes durable here, and anybody can have it with its proof.

use std::{ops::RangeInclusive, sync::Arc};

use prost::Message as _;

use crate::{
    crypto::{Digest, merkle},
    entry::{EntryError, LaneId, OutboxPlace},
    envelope::{self, ReceiptError, running_hash},
    inbox::StoredRecord,
    record::Country,
    replication::lanes::{self, GroupRow},
    wire::{
        envelope::{Receipt, ReceiptGroup, ReceiptProof, ReceiptType},
        node::DeliveryState,
    },
};

use super::{
    Node, NodeError,
    read::blocking,
    rules::{ArrivedReceipts, Proposal},
};

/// Why receipts of a peer are not accepted.
#[derive(Debug, thiserror::Error)]
pub enum ArrivalError {
    /// The group does not hold.
    #[error(transparent)]
    Receipt(#[from] ReceiptError),
    /// A receipt answers something else than the sequence it stands for.
    #[error("the receipt for sequence {0} names another record, lane or origin")]
    Elsewhere(u64),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl Node {
    /// Makes a peer's receipts durable. Each must name the record that was sent under its
    /// sequence; one that says anything else is refused with the whole group.
    ///
    /// # Errors
    /// [`ArrivalError`]; nothing is durable then.
    pub async fn receipts_arrived(
        self: &Arc<Self>,
        lane: LaneId,
        first: u64,
        group: ReceiptGroup,
    ) -> Result<u64, ArrivalError> {
        let node = Arc::clone(self);
        let (group, receipts) = tokio::task::spawn_blocking(move || {
            let receipts = envelope::verify_group(&group, lane.peer, &**node.book.load())?;
            node.answer_lane(&lane, first, &receipts)?;
            Ok::<_, ArrivalError>((group, receipts))
        })
        .await
        .map_err(|_| NodeError::Task)??;
        let count = u64::try_from(receipts.len()).unwrap_or(u64::MAX);
        let arrived = ArrivedReceipts {
            lane,
            first,
            count,
            receipts: group.encode_to_vec(),
            root: merkle::root(&group.receipts),
        };
        self.writer
            .propose(Proposal::ReceiptsArrived(Box::new(arrived)))
            .await
            .map_err(NodeError::from)?;
        Ok(count)
    }

    /// Each receipt must name the record sent under its sequence: the outbox holds the lane's
    /// running hash at every sequence, which the receipts' header digests must reproduce.
    fn answer_lane(
        &self,
        lane: &LaneId,
        first: u64,
        receipts: &[Receipt],
    ) -> Result<(), ArrivalError> {
        let mut hash = match first.checked_sub(1) {
            None => return Err(ArrivalError::Elsewhere(first)),
            Some(0) => Digest::ZERO,
            Some(before) => self.sent_hash(lane, before)?,
        };
        let sent = lanes::outbox_from(&self.store, lane, first, receipts.len())
            .map_err(NodeError::from)?;
        let mut sent = sent.into_iter().map(|(_, hash)| hash);
        for (sequence, receipt) in (first..).zip(receipts) {
            let kind = ReceiptType::try_from(receipt.r#type);
            let stands = receipt.origin == self.country.code()
                && receipt.issuer == lane.peer.code()
                && *receipt.incarnation == lane.incarnation
                && receipt.lane == lane.lane as i32
                && receipt.sequence == sequence
                && matches!(kind, Ok(ReceiptType::Delivery | ReceiptType::NonDelivery));
            let header = Digest::try_from(receipt.header_digest.as_ref())
                .map_err(|_| ArrivalError::Elsewhere(sequence))?;
            hash = running_hash(&hash, sequence, &header);
            if !stands || sent.next() != Some(hash) {
                return Err(ArrivalError::Elsewhere(sequence));
            }
        }
        Ok(())
    }

    fn sent_hash(&self, lane: &LaneId, sequence: u64) -> Result<Digest, ArrivalError> {
        lanes::outbox(&self.store, lane, sequence)
            .map_err(NodeError::from)?
            .map(|(_, hash)| hash)
            .ok_or(ArrivalError::Elsewhere(sequence))
    }

    /// The group of receipts issued for a sequence of a lane, with the sequence of its first;
    /// `None` before it is issued.
    pub(crate) async fn issued(
        self: &Arc<Self>,
        lane: LaneId,
        sequence: u64,
    ) -> Result<Option<(u64, ReceiptGroup)>, NodeError> {
        let node = Arc::clone(self);
        blocking(move || {
            let row = lanes::issued(&node.store, &lane, sequence)?;
            row.map(|row| Ok((row.first, node.group(&row)?)))
                .transpose()
        })
        .await
    }

    /// Header digests of consecutive sequences that are durable on a lane; none where their
    /// receipts cannot be read any more.
    pub(crate) async fn arrived_headers(
        &self,
        lane: LaneId,
        sequences: RangeInclusive<u64>,
    ) -> Result<Vec<Digest>, NodeError> {
        let store = self.store.clone();
        blocking(move || {
            Ok(
                lanes::headers(&store, &lane, sequences).unwrap_or_else(|error| {
                    tracing::warn!(peer = %lane.peer, %error, "what came again cannot be compared");
                    Vec::new()
                }),
            )
        })
        .await
    }

    fn group(&self, row: &GroupRow) -> Result<ReceiptGroup, NodeError> {
        let blob = self.store.blob(row.place, row.blob)?;
        Ok(ReceiptGroup::decode(blob.as_slice()).map_err(EntryError::from)?)
    }

    /// Every receipt known of a record: the acceptance first, then one per destination that
    /// answered; for a record of another country, the receipt issued here. Then the late ones.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn receipts_of(&self, number: u64) -> Result<Vec<ReceiptProof>, NodeError> {
        let stored = self.stored(number)?;
        let mut proofs = Vec::new();
        if let Some(blob) = stored.acceptance_blob {
            let blob = self.store.blob(stored.place, blob)?;
            proofs.push(ReceiptProof::decode(blob.as_slice()).map_err(EntryError::from)?);
        }
        for place in &stored.outbox {
            proofs.extend(self.proof_of(place)?);
        }
        if let Some(position) = &stored.position {
            let lane = LaneId::try_from(position)?;
            if let Some(row) = lanes::issued(&self.store, &lane, position.sequence)? {
                proofs.extend(self.proof_in(&row, position.sequence)?);
            }
        }
        proofs.extend(self.late_of(&stored.digest)?);
        Ok(proofs)
    }

    fn proof_of(&self, place: &OutboxPlace) -> Result<Option<ReceiptProof>, NodeError> {
        let lane = self.own_lane(place)?;
        match lanes::arrived(&self.store, &lane, place.sequence)? {
            Some(row) => self.proof_in(&row, place.sequence),
            None => Ok(None),
        }
    }

    fn proof_in(&self, row: &GroupRow, sequence: u64) -> Result<Option<ReceiptProof>, NodeError> {
        let Some(index) = row.index(sequence).and_then(|at| usize::try_from(at).ok()) else {
            return Ok(None);
        };
        Ok(envelope::proof(&self.group(row)?, index))
    }

    fn own_lane(&self, place: &OutboxPlace) -> Result<LaneId, NodeError> {
        Ok(LaneId {
            peer: place.peer.parse().map_err(EntryError::from)?,
            incarnation: self.incarnation,
            lane: crate::entry::lane(place.lane)?,
        })
    }

    /// What became of each delivery of a record submitted here.
    pub(crate) fn deliveries(
        &self,
        stored: &StoredRecord,
    ) -> Result<Vec<DeliveryState>, NodeError> {
        stored
            .outbox
            .iter()
            .map(|place| {
                let mut state = DeliveryState {
                    country: place.peer.clone(),
                    ..DeliveryState::default()
                };
                if let Some(proof) = self.proof_of(place)? {
                    let receipt =
                        Receipt::decode(proof.receipt.as_ref()).map_err(EntryError::from)?;
                    state.receipt = receipt.r#type;
                    state.time_us = receipt.time_us;
                    state.reason = receipt.reason;
                }
                Ok(state)
            })
            .collect()
    }

    /// A lane to a peer under this node's incarnation.
    pub(crate) const fn lane_to(&self, peer: Country, lane: crate::wire::envelope::Lane) -> LaneId {
        LaneId {
            peer,
            incarnation: self.incarnation,
            lane,
        }
    }
}
