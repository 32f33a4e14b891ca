//! The receiving half: takes the peer's frames in order and begins to verify records ahead of the
//! writer.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use crate::{
    crypto::Digest,
    entry::LaneId,
    envelope::ReceivingEpoch,
    replication::{
        lanes,
        progress::{Credit, Lane, LaneFault, Position, Resume},
    },
    wire::{
        envelope::Epoch,
        link::{Ack, Bye, ByeReason, Deliver, Frame, LaneState, ReceiptsDurable, frame},
    },
};

use super::{
    super::{deliver::header_alone, receipts::ArrivalError, receive::Epochs},
    Session, SessionEnd, again,
    commit::{Verifying, resend},
    escape, protocol, statements,
};

/// Frames verified ahead of the writer.
pub(super) const AHEAD: usize = 4;
/// Sealing epochs of the peer kept at the same time.
const EPOCHS: usize = 4;
/// A sequence that came broken this often on its origin's own link ends with NON_DELIVERY.
const BROKEN_TIMES: u32 = 3;

pub(super) struct Inbound {
    session: Arc<Session>,
    to_commit: mpsc::Sender<Verifying>,
    epochs: Epochs,
}

impl Inbound {
    pub(super) const fn new(session: Arc<Session>, to_commit: mpsc::Sender<Verifying>) -> Self {
        Self {
            session,
            to_commit,
            epochs: Epochs::new(),
        }
    }

    pub(super) async fn run<S>(&mut self, resume: Resume, incoming: &mut S) -> SessionEnd
    where
        S: Stream<Item = Result<Frame, String>> + Send + Unpin,
    {
        for (lane, unconfirmed) in resume.iter() {
            if let Some(unconfirmed) = unconfirmed
                && let Err(end) = resend(&self.session, lane, *unconfirmed.start())
            {
                return end;
            }
        }
        loop {
            let frame = match incoming.next().await {
                None => return SessionEnd::Closed,
                Some(Err(error)) => return SessionEnd::Transport(escape(&error)),
                Some(Ok(frame)) => frame,
            };
            let Some(frame) = frame.frame else {
                return protocol("a frame of an unknown kind");
            };
            if let Err(end) = self.take(frame).await {
                return end;
            }
        }
    }

    async fn take(&mut self, frame: frame::Frame) -> Result<(), SessionEnd> {
        match frame {
            frame::Frame::Hello(_) => Err(protocol("a second hello")),
            frame::Frame::Epoch(epoch) => self.epoch(&epoch),
            frame::Frame::Deliver(deliver) => self.deliver(deliver).await,
            frame::Frame::Ack(ack) => self.ack(ack).await,
            frame::Frame::Credit(credit) => {
                let lane = Lane::try_from(credit.lane).map_err(protocol)?;
                self.session
                    .lanes()
                    .outgoing
                    .of_mut(lane)
                    .credit(credit.records.into(), credit.bytes);
                self.session.wake.notify_one();
                Ok(())
            }
            frame::Frame::Mark(mark) => statements::mark(&self.session, &mark).await,
            frame::Frame::Card(card) => {
                let arrived = self
                    .session
                    .node
                    .card_arrived(self.session.peer, card)
                    .await;
                arrived.map(drop).map_err(|refusal| SessionEnd::Refused {
                    reason: ByeReason::Card,
                    detail: refusal.to_string(),
                })
            }
            frame::Frame::ReceiptsDurable(durable) => self.receipts_durable(&durable),
            frame::Frame::Checkpoint(checkpoint) => {
                statements::checkpoint(&self.session, checkpoint).await
            }
            frame::Frame::Request(request) => again::request(&self.session, &request),
            frame::Frame::Resend(resend) => again::resend(&self.session, resend).await,
            frame::Frame::Bye(bye) => Err(goodbye(&bye)),
        }
    }

    fn epoch(&mut self, epoch: &Epoch) -> Result<(), SessionEnd> {
        let node = &self.session.node;
        let opened =
            ReceivingEpoch::open(epoch, self.session.peer, node.country, &node.keys.sealing)
                .map_err(|error| protocol(format!("the sealing epoch does not open: {error}")))?;
        if self.epochs.len() >= EPOCHS {
            self.epochs.remove(0);
        }
        self.epochs.push(Arc::new(opened));
        Ok(())
    }

    /// Compares a frame of records with the lane, and begins to verify what is new in it.
    async fn deliver(&self, deliver: Deliver) -> Result<(), SessionEnd> {
        let session = &self.session;
        let node = &session.node;
        let lane = Lane::try_from(deliver.lane).map_err(protocol)?;
        let id = session.incoming_lane(lane);
        let incarnation = deliver
            .incarnation
            .as_slice()
            .try_into()
            .map_err(|_| protocol("an incarnation is not 16 bytes"))?;
        let consumed = Credit {
            records: u64::try_from(deliver.records.len()).unwrap_or(u64::MAX),
            bytes: deliver
                .records
                .iter()
                .map(|record| {
                    u64::try_from(prost::Message::encoded_len(record)).unwrap_or(u64::MAX)
                })
                .fold(0, u64::saturating_add),
        };
        let digests: Vec<Digest> = deliver
            .records
            .iter()
            .map(|record| Digest::of(&record.header))
            .collect();
        let known = |sequence| {
            let (header, _) = lanes::arrival(&node.store, &id, sequence).ok()??;
            Some(header)
        };
        let (accepted, before, last) = {
            let mut lanes = session.lanes();
            let incoming = lanes.incoming.of_mut(lane);
            let before = incoming.head_hash();
            incoming.spend(consumed.records, consumed.bytes)?;
            let accepted = incoming.deliver(incarnation, deliver.first_sequence, &digests, known);
            let last = Position {
                incarnation,
                sequence: incoming.head(),
                running_hash: incoming.head_hash(),
            };
            (accepted, before, last)
        };
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(fault) => {
                if let LaneFault::Conflict { sequence, .. } = fault {
                    let evidence = self.both_headers(&id, &deliver, sequence);
                    node.alarm_keeping(Some(session.peer), "sequence-conflict", evidence)
                        .await;
                }
                return Err(fault.into());
            }
        };
        let judged = if accepted.fresh.is_empty() {
            tracing::debug!(peer = %session.peer, %lane, "records came again");
            resend(session, lane, deliver.first_sequence)?;
            None
        } else {
            let skip = usize::try_from(accepted.skip_duplicates).unwrap_or(usize::MAX);
            let fresh = deliver.records.into_iter().skip(skip).collect();
            let given_up = node.links.broken(id, BROKEN_TIMES.saturating_sub(1));
            Some(node.begin_receive(
                id,
                accepted.fresh.start,
                before,
                fresh,
                self.epochs.clone(),
                given_up,
            ))
        };
        self.to_commit
            .send(Verifying {
                lane,
                id,
                consumed,
                judged,
                last,
            })
            .await
            .map_err(|_| SessionEnd::Closed)
    }

    /// The signed header held under a sequence, when it is durable, and the other that came.
    fn both_headers(&self, lane: &LaneId, deliver: &Deliver, sequence: u64) -> Vec<Vec<u8>> {
        let came = sequence
            .checked_sub(deliver.first_sequence)
            .and_then(|place| deliver.records.get(usize::try_from(place).ok()?))
            .map(header_alone);
        let held = self.session.node.header_at(lane, sequence);
        let both = held.iter().chain(&came);
        both.map(prost::Message::encode_to_vec).collect()
    }

    /// Makes the peer's receipts durable, then confirms them.
    async fn ack(&self, ack: Ack) -> Result<(), SessionEnd> {
        let session = &self.session;
        let node = &session.node;
        let lane = Lane::try_from(ack.lane).map_err(protocol)?;
        if ack.incarnation != node.incarnation {
            return Err(protocol("receipts for another incarnation"));
        }
        let group = ack
            .receipts
            .ok_or_else(|| protocol("an ack without receipts"))?;
        let count = u64::try_from(group.receipts.len()).unwrap_or(u64::MAX);
        let receipted = session
            .lanes()
            .outgoing
            .of_mut(lane)
            .receipts(ack.first_sequence, count)?;
        let id = session.outgoing_lane(lane);
        if !receipted.fresh.is_empty() {
            let (first, last) = (receipted.fresh.start, receipted.fresh.end.saturating_sub(1));
            if receipted.duplicates > 0 {
                return Err(protocol(
                    "receipts that begin before the last confirmed ones",
                ));
            }
            match node.receipts_arrived(id, first, group).await {
                Ok(_) => {}
                Err(ArrivalError::Node(error)) => return Err(error.into()),
                Err(error) => return Err(protocol(error)),
            }
            session.lanes().outgoing.of_mut(lane).receipts_durable(last);
        }
        let acked = session.lanes().outgoing.of(lane).acked();
        let position = LaneState {
            incarnation: id.incarnation.to_vec(),
            lane: id.lane.into(),
            sequence: acked,
            running_hash: Digest::ZERO.to_vec(),
        };
        session
            .outlet
            .small(frame::Frame::ReceiptsDurable(ReceiptsDurable {
                positions: vec![position],
            }))
    }

    fn receipts_durable(&self, durable: &ReceiptsDurable) -> Result<(), SessionEnd> {
        if durable.positions.len() > Lane::ALL.len() {
            return Err(protocol("more positions than lanes"));
        }
        for state in &durable.positions {
            let (lane, position) =
                Position::from_wire(state).ok_or_else(|| protocol("a malformed lane state"))?;
            self.session
                .lanes()
                .incoming
                .of_mut(lane)
                .receipts_confirmed(position.incarnation, position.sequence)?;
        }
        Ok(())
    }
}

/// The peer's farewell.
pub(super) fn goodbye(bye: &Bye) -> SessionEnd {
    SessionEnd::Bye {
        reason: bye.reason().as_str_name(),
        detail: escape(&bye.detail),
    }
}
