//! Receive: verify before decoding, open, re-key under an own shred slot, and answer every
//! sequence with exactly one signed receipt.
//!
//! A batch is verified and opened off the runtime's threads; then the writer makes records,
//! receipts and leaves durable as one group. A crash before leaves nothing: the peer sends again.
//! A crash after leaves the receipts durable: they are sent again at the next hello.

mod content;

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
};

use prost::Message as _;

use crate::{
    card::Place,
    crypto::{Digest, merkle},
    entry::LaneId,
    envelope::{self, Fault, LinkFault, ReceivingEpoch, Verified},
    inbox,
    record::Moment,
    wire::{
        envelope::{NonDeliveryReason, Receipt, ReceiptGroup, ReceiptType, SealedRecord, Wrap},
        record::FollowType,
    },
};

use super::{
    Node, NodeError, onward,
    rules::{Arrival, Effect, Facts, Proposal, ReceivedBatch},
    steps::CheckError,
    work::{LITTLE_BYTES, Work},
};

/// Epochs a session announced, newest last.
pub type Epochs = Vec<Arc<ReceivingEpoch>>;

/// Why a batch is not received.
#[derive(Debug, thiserror::Error)]
pub enum ReceiveError {
    /// The peer's bytes do not hold; nothing signed by an origin proves whose fault it is.
    #[error("sequence {sequence} does not hold: {fault}")]
    Link {
        /// Which.
        sequence: u64,
        /// What.
        fault: LinkFault,
    },
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// One record as it came, verified and opened or refused.
enum Outcome {
    Held(Box<Arrival>),
    Refused(Digest, NonDeliveryReason),
}

/// A batch verified, opened, re-keyed and receipted; nothing of it durable yet.
#[derive(Debug)]
pub struct Judged {
    batch: ReceivedBatch,
    receipts: ReceiptGroup,
}

impl Judged {
    /// Sequence of the first record.
    pub const fn first(&self) -> u64 {
        self.batch.first
    }
}

impl Node {
    /// Begins to verify consecutive records of a lane: more than a small one off the runtime's
    /// threads, once it has its turn.
    ///
    /// `before` is the lane's running hash before `first`. `not_openable` names sequences that the
    /// origin's own link sent broken too often: they end with NON_DELIVERY instead of failing the
    /// link again.
    pub fn begin_receive(
        self: &Arc<Self>,
        lane: LaneId,
        first: u64,
        before: Digest,
        records: Vec<SealedRecord>,
        epochs: Epochs,
        not_openable: HashSet<u64>,
    ) -> Work<Result<Judged, ReceiveError>> {
        let node = Arc::clone(self);
        let little = self.signs_at_once()
            && matches!(records.as_slice(), [one] if one.encoded_len() <= LITTLE_BYTES);
        Work::in_turn(little, &self.verifying, move || {
            node.judge(lane, first, before, records, &epochs, &not_openable)
        })
    }

    /// Makes a verified batch durable; answers its signed receipts.
    ///
    /// # Errors
    /// [`NodeError::Refused`] when another session was faster; nothing of the batch is durable
    /// then.
    pub async fn finish_receive(
        self: &Arc<Self>,
        judged: Judged,
    ) -> Result<ReceiptGroup, NodeError> {
        let recalls = judged.batch.arrivals.iter().any(|arrival| {
            matches!(arrival, Arrival::Record { facts, .. } if matches!(facts.effect, Some(Effect::Recall { .. })))
        });
        let late = judged.batch.arrivals.iter().any(|arrival| {
            matches!(arrival, Arrival::Record { facts, .. } if matches!(facts.effect, Some(Effect::LateReceipts(_))))
        });
        let items = judged.batch.arrivals.iter().any(|arrival| {
            matches!(arrival, Arrival::Record { facts, .. } if !facts.items.items.is_empty())
        });
        let amended: Vec<Digest> = judged.batch.arrivals.iter().filter_map(amended).collect();
        self.writer
            .propose(Proposal::Receive(Box::new(judged.batch)))
            .await?;
        if !amended.is_empty() {
            self.tell_of_amended(&amended);
        }
        if items {
            self.items.news();
        }
        if recalls {
            // What was passed on is recalled too, in the next round.
            self.recalls_to_pass.store(true, Ordering::Release);
        }
        if late {
            self.late_receipts_came();
        }
        Ok(judged.receipts)
    }

    fn judge(
        &self,
        lane: LaneId,
        first: u64,
        before: Digest,
        records: Vec<SealedRecord>,
        epochs: &Epochs,
        not_openable: &HashSet<u64>,
    ) -> Result<Judged, ReceiveError> {
        let now = self.now();
        // Before any question is asked: what becomes known later is the writer's to see.
        let unknown_at = self.store.position();
        let mut seen = Seen::default();
        let mut arrivals = Vec::with_capacity(records.len());
        let mut receipts = Vec::with_capacity(records.len());
        let mut running_hash = before;
        for (sequence, record) in (first..).zip(records) {
            let header = Digest::of(&record.header);
            running_hash = envelope::running_hash(&running_hash, sequence, &header);
            let place = Place {
                peer: self.country,
                incarnation: lane.incarnation,
                lane: lane.lane as u32,
                sequence,
                running_hash: Some(running_hash),
            };
            let outcome = match self.open_one(lane, &place, record, epochs, now, &mut seen) {
                Ok(outcome) => outcome,
                Err(Judgement::Node(error)) => return Err(error.into()),
                Err(Judgement::Fault(Fault::Terminal(reason, defect))) => {
                    tracing::warn!(peer = %lane.peer, sequence, reason = reason.as_str_name(), %defect, "record refused");
                    Outcome::Refused(header, reason)
                }
                Err(Judgement::Fault(Fault::Link(fault))) => {
                    if !not_openable.contains(&sequence) {
                        return Err(ReceiveError::Link { sequence, fault });
                    }
                    tracing::warn!(peer = %lane.peer, sequence, %fault, "record refused for good");
                    Outcome::Refused(header, NonDeliveryReason::NotOpenable)
                }
            };
            let (arrival, kind, reason) = match outcome {
                Outcome::Held(arrival) => (
                    *arrival,
                    ReceiptType::Delivery,
                    NonDeliveryReason::Unspecified,
                ),
                Outcome::Refused(digest, reason) => (
                    Arrival::Refused { digest, reason },
                    ReceiptType::NonDelivery,
                    reason,
                ),
            };
            receipts.push(Receipt {
                r#type: kind.into(),
                header_digest: header.to_vec().into(),
                origin: lane.peer.code().to_owned(),
                issuer: self.country.code().to_owned(),
                incarnation: lane.incarnation.to_vec().into(),
                lane: lane.lane.into(),
                sequence,
                time_us: now.micros(),
                reason: reason.into(),
                ..Receipt::default()
            });
            arrivals.push(arrival);
        }
        let group = envelope::issue_by(receipts, &*self.keys.signing).map_err(NodeError::from)?;
        let batch = ReceivedBatch {
            lane,
            first,
            arrivals,
            unknown_at,
            receipts: group.encode_to_vec(),
            receipts_root: merkle::root(&group.receipts),
        };
        Ok(Judged {
            batch,
            receipts: group,
        })
    }

    fn open_one(
        &self,
        lane: LaneId,
        place: &Place,
        record: SealedRecord,
        epochs: &Epochs,
        now: Moment,
        seen: &mut Seen,
    ) -> Result<Outcome, Judgement> {
        let book = self.book.load();
        // By a clock that the peers' do not confirm nothing has expired: NON_DELIVERY is for good, and
        // what has is locked once it is right.
        let verified = envelope::verify(
            &record,
            self.country,
            lane.peer,
            Some(place),
            &**book,
            self.confirmed_now(),
        )?;
        let digest = *verified.digest();
        if verified.header().lane != lane.lane as i32
            || *verified.header().incarnation != lane.incarnation
        {
            return Ok(Outcome::Refused(digest, NonDeliveryReason::MalformedHeader));
        }
        if record.wrap.is_none() && record.compartments.is_empty() {
            // The origin's own link sent the header alone: it withdrew the record before this node
            // had it.
            return Ok(Outcome::Refused(digest, NonDeliveryReason::Withdrawn));
        }
        let epoch = epoch_of(record.wrap.as_ref(), epochs)?;
        let opened = Verified::open(verified, epoch)?;
        let parts: Vec<(u32, &[u8])> = opened
            .parts
            .iter()
            .map(|(label, content)| (*label, content.as_slice()))
            .collect();
        let content = match self.content(&parts, &opened.header, lane.peer, now) {
            Ok(content) => content,
            Err(reason) => return Ok(Outcome::Refused(digest, reason)),
        };
        let (reference, record) = content;
        match self.check_follow(&record, lane.peer) {
            Ok(()) => {}
            Err(CheckError::Node(error)) => return Err(Judgement::Node(error)),
            Err(CheckError::Fault(fault)) => {
                tracing::warn!(peer = %lane.peer, %fault, "a record follows what it may not");
                return Ok(Outcome::Refused(digest, NonDeliveryReason::FollowsInvalid));
            }
        }
        if let Some(why) = self.refuses_joint_case(&record, lane.peer)? {
            tracing::warn!(peer = %lane.peer, why, "a record does not belong to its joint case");
            return Ok(Outcome::Refused(
                digest,
                NonDeliveryReason::JointCaseInvalid,
            ));
        }
        if let Err(reason) = self.judge_onward(&record, lane.peer, now) {
            return Ok(Outcome::Refused(digest, reason));
        }
        if self.is_revoked(&record)? {
            tracing::warn!(peer = %lane.peer, "a record passed on was recalled by its origin");
            return Ok(Outcome::Refused(digest, NonDeliveryReason::OnwardInvalid));
        }
        if let Some(token) = onward::passes_on(&record).and_then(|of| of.token)
            && (!seen.tokens.insert(token) || self.is_token_used(&record)?)
        {
            tracing::warn!(peer = %lane.peer, "a record passed on uses a consent token again");
            return Ok(Outcome::Refused(digest, NonDeliveryReason::OnwardInvalid));
        }
        let effect = match self.effect_of(&record, lane.peer) {
            Ok(effect) => effect,
            Err(CheckError::Node(error)) => return Err(Judgement::Node(error)),
            Err(CheckError::Fault(fault)) => {
                tracing::warn!(peer = %lane.peer, %fault, "a step does not hold");
                return Ok(Outcome::Refused(
                    digest,
                    NonDeliveryReason::MalformedContent,
                ));
            }
        };
        let facts = Facts {
            effect,
            ..self.facts_held(&record, &digest, lane.peer, now)?
        };
        let reference_tag = self.reference_tag(&reference);
        if !seen.references.insert(reference_tag)
            || inbox::ask::by_reference(&self.store, &reference_tag)?.is_some()
        {
            return Ok(Outcome::Refused(
                digest,
                NonDeliveryReason::ReferenceInvalid,
            ));
        }
        if !seen.ids.insert(opened.record_id)
            // The id stands in the header, so a known digest is a known id.
            || inbox::ask::by_id(&self.store, lane.peer, &opened.record_id)?.is_some()
        {
            return Ok(Outcome::Refused(digest, NonDeliveryReason::IdReused));
        }
        let (slot, slot_key) = self.slots.take()?;
        let sealed_keys = opened
            .keys
            .seal_at_rest(&slot_key, &digest)
            .map_err(|_| NodeError::Task)?;
        Ok(Outcome::Held(Box::new(Arrival::Record {
            digest,
            record_id: opened.record_id,
            reference,
            reference_tag,
            envelope: opened.record.encode_to_vec(),
            slot,
            sealed_keys,
            exercise: opened.header.exercise,
            facts,
        })))
    }
}

/// What an arrival amends.
fn amended(arrival: &Arrival) -> Option<Digest> {
    let Arrival::Record { facts, .. } = arrival else {
        return None;
    };
    let follow = facts.follow.as_ref()?;
    (follow.r#type == FollowType::Amendment as i32)
        .then(|| Digest::try_from(follow.header_digest.as_slice()).ok())?
}

fn epoch_of<'a>(wrap: Option<&Wrap>, epochs: &'a Epochs) -> Result<&'a ReceivingEpoch, Judgement> {
    let wrap = wrap.ok_or(Fault::Link(LinkFault::NoWrap))?;
    epochs
        .iter()
        .rev()
        .find(|epoch| epoch.id().as_slice() == wrap.epoch.as_ref() as &[u8])
        .map(AsRef::as_ref)
        .ok_or_else(|| Fault::Link(LinkFault::WrongEpoch).into())
}

/// Ids and references already seen in the batch in hand.
#[derive(Default)]
struct Seen {
    ids: HashSet<[u8; 16]>,
    references: HashSet<inbox::ReferenceTag>,
    tokens: HashSet<Digest>,
}

enum Judgement {
    Fault(Fault),
    Node(NodeError),
}

impl From<Fault> for Judgement {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<E: Into<NodeError>> From<E> for Judgement {
    fn from(error: E) -> Self {
        Self::Node(error.into())
    }
}
