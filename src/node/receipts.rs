//! Receipts: what a peer signed becomes durable here, and anybody can have it with its proof.

use std::{
    ops::RangeInclusive,
    sync::{Arc, atomic::Ordering},
};

use prost::Message as _;

use crate::{
    access::{Permit, act},
    crypto::{Digest, merkle},
    entry::{EntryError, Event, LaneId, LostNamed, OutboxPlace},
    envelope::{self, ReceiptError, running_hash},
    inbox::StoredRecord,
    record::Reference,
    replication::lanes::{self, GroupRow},
    wire::{
        envelope::{Receipt, ReceiptGroup, ReceiptProof, ReceiptType},
        node::{Acknowledgement, DeliveryState},
    },
};

use super::{
    Node, NodeError,
    read::{ReadError, blocking},
    rules::{ArrivedReceipts, Proposal},
    work::Work,
};

/// A frame of receipts, divided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReceiptParts {
    /// How many at its start are for records held here; all of them, except after a restore.
    pub known: u64,
    /// Whether these are new.
    pub fresh: bool,
    /// Whether the others name lost records that were not named before.
    pub names: bool,
}

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
    /// sequence; one that says anything else is refused with the whole group. Those beyond
    /// [`ReceiptParts::known`] are for records of an earlier incarnation that were lost here; they
    /// name them. A crash between the two leaves the lost ones unnamed: the peer sends them again.
    ///
    /// # Errors
    /// [`ArrivalError`]; nothing is durable then.
    pub async fn receipts_arrived(
        self: &Arc<Self>,
        lane: LaneId,
        first: u64,
        group: ReceiptGroup,
        parts: ReceiptParts,
    ) -> Result<(), ArrivalError> {
        let ReceiptParts {
            known,
            fresh,
            names,
        } = parts;
        let node = Arc::clone(self);
        let little = group.receipts.len() <= 1;
        let (group, receipts) = Work::begin(little, move || {
            let receipts = envelope::verify_group(&group, lane.peer, &**node.book.load())?;
            let held = usize::try_from(known)
                .unwrap_or(usize::MAX)
                .min(receipts.len());
            let (ours, lost) = receipts.split_at(held);
            node.answer_lane(&lane, first, ours)?;
            for (sequence, receipt) in (first.saturating_add(known)..).zip(lost) {
                if !node.stands_at(&lane, sequence, receipt) {
                    return Err(ArrivalError::Elsewhere(sequence));
                }
            }
            Ok::<_, ArrivalError>((group, receipts))
        })
        .answer()
        .await??;
        let count = u64::try_from(receipts.len()).unwrap_or(u64::MAX);
        let blob = group.encode_to_vec();
        if fresh {
            let arrived = ArrivedReceipts {
                lane,
                first,
                count: count.min(known),
                receipts: blob.clone(),
                root: merkle::root(&group.receipts),
            };
            self.writer
                .propose(Proposal::ReceiptsArrived(Box::new(arrived)))
                .await
                .map_err(NodeError::from)?;
            self.receipts_came.store(true, Ordering::Release);
        }
        if names {
            let lost = Event::LostNamed(LostNamed {
                first: Some(lane.at(first.saturating_add(known), &Digest::ZERO)),
                count: count.saturating_sub(known),
                blob: 0,
                skip: known,
            });
            tracing::error!(peer = %lane.peer, count = count.saturating_sub(known), "the peer holds records that this node lost");
            self.note(lost, vec![blob]).await?;
        }
        Ok(())
    }

    /// Whether a receipt is for this place of an own lane.
    fn stands_at(&self, lane: &LaneId, sequence: u64, receipt: &Receipt) -> bool {
        let kind = ReceiptType::try_from(receipt.r#type);
        receipt.origin == self.country.code()
            && receipt.issuer == lane.peer.code()
            && *receipt.incarnation == lane.incarnation
            && receipt.lane == lane.lane as i32
            && receipt.sequence == sequence
            && matches!(kind, Ok(ReceiptType::Delivery | ReceiptType::NonDelivery))
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
            let stands = self.stands_at(lane, sequence, receipt);
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

    /// Header digest and receipts of a record, for whoever may follow what became of it; as
    /// `receipts_of` answers them. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`ReadError`] when it is not here, or out of reach.
    pub async fn receipts_for(
        self: &Arc<Self>,
        permit: &Permit<act::Track>,
        reference: &Reference,
    ) -> Result<(Digest, Vec<ReceiptProof>), ReadError> {
        let number = self.find(reference)?;
        self.reached_number(permit, reference, number)?;
        let node = Arc::clone(self);
        let found =
            blocking(move || Ok((node.header_digest(number)?, node.receipts_of(number)?))).await?;
        self.tracked(permit, reference, number, "receipts").await?;
        Ok(found)
    }

    /// Every receipt known of a record: the acceptance first, then one per destination that
    /// answered; for a record of another country, the receipt issued here. Then the late ones.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub(super) fn receipts_of(&self, number: u64) -> Result<Vec<ReceiptProof>, NodeError> {
        let stored = self.stored(number)?;
        let mut proofs = Vec::new();
        if let Some(blob) = stored.acceptance_blob {
            let blob = self.store.blob(stored.place, blob)?;
            proofs.push(ReceiptProof::decode(blob.as_slice()).map_err(EntryError::from)?);
        }
        for place in &stored.outbox {
            proofs.extend(self.proof_of(&stored, place)?);
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

    /// When this node received another country's record, by the receipt that it issued: the time that
    /// both countries have. Microseconds since 1970.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub(super) fn received_at(&self, stored: &StoredRecord) -> Result<i64, NodeError> {
        let own = stored.time.micros();
        let Some(position) = &stored.position else {
            return Ok(own);
        };
        let lane = LaneId::try_from(position)?;
        let Some(row) = lanes::issued(&self.store, &lane, position.sequence)? else {
            return Ok(own);
        };
        let Some(proof) = self.proof_in(&row, position.sequence)? else {
            return Ok(own);
        };
        let receipt = Receipt::decode(proof.receipt.as_ref()).map_err(EntryError::from)?;
        Ok(receipt.time_us)
    }

    fn proof_of(
        &self,
        stored: &StoredRecord,
        place: &OutboxPlace,
    ) -> Result<Option<ReceiptProof>, NodeError> {
        let lane = lane_of(stored, place)?;
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

    /// What became of each delivery of a record submitted here.
    pub(crate) fn deliveries(
        &self,
        stored: &StoredRecord,
    ) -> Result<Vec<DeliveryState>, NodeError> {
        if stored.outbox.is_empty() {
            return Ok(Vec::new());
        }
        let mut states = stored
            .outbox
            .iter()
            .map(|place| {
                let mut state = DeliveryState {
                    country: place.peer.clone(),
                    ..DeliveryState::default()
                };
                if let Some(proof) = self.proof_of(stored, place)? {
                    let receipt =
                        Receipt::decode(proof.receipt.as_ref()).map_err(EntryError::from)?;
                    state.receipt = receipt.r#type;
                    state.time_us = receipt.time_us;
                    state.reason = receipt.reason;
                }
                Ok(state)
            })
            .collect::<Result<Vec<_>, NodeError>>()?;
        for proof in self.late_of(&stored.digest)? {
            let receipt = Receipt::decode(proof.receipt.as_ref()).map_err(EntryError::from)?;
            let state = states.iter_mut().find(|of| of.country == receipt.issuer);
            if let Some(state) = state {
                after_delivery(state, receipt);
            }
        }
        Ok(states)
    }
}

/// The lane on which a record stands in the outbox of a destination.
pub(super) fn lane_of(stored: &StoredRecord, place: &OutboxPlace) -> Result<LaneId, EntryError> {
    Ok(LaneId {
        peer: place.peer.parse()?,
        incarnation: stored.sent_under,
        lane: crate::entry::lane(place.lane)?,
    })
}

/// Adds what a late receipt says of officers.
fn after_delivery(state: &mut DeliveryState, receipt: Receipt) {
    match receipt.r#type() {
        ReceiptType::Retrieval if state.retrieved_us == 0 => state.retrieved_us = receipt.time_us,
        ReceiptType::Retrieval => state.retrieved_us = state.retrieved_us.min(receipt.time_us),
        ReceiptType::Acknowledged => state.acknowledgements.push(Acknowledgement {
            authority: receipt.authority,
            time_us: receipt.time_us,
        }),
        _ => {}
    }
}
