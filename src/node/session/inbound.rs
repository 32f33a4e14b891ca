//! The receiving half: takes the peer's frames in order and begins to verify records ahead of the
//! writer.

use std::{ops::RangeInclusive, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use crate::{
    crypto::Digest,
    entry::LaneId,
    envelope::{EpochError, ReceivingEpoch},
    replication::progress::{Credit, Lane, LaneFault, Position},
    wire::{
        envelope::Epoch,
        link::{Ack, Bye, ByeReason, Deliver, Frame, LaneState, ReceiptsDurable, frame},
    },
};

use super::{
    super::{Node, deliver::header_alone, receipts::ArrivalError, receive::Epochs},
    Session, SessionEnd, again,
    commit::Verifying,
    escape, protocol, statements,
};

/// Frames that are verified or wait for it ahead of the writer: as many full ones as the credit holds.
pub(super) const AHEAD: usize = 8;
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

    pub(super) async fn run<S>(&mut self, incoming: &mut S) -> SessionEnd
    where
        S: Stream<Item = Result<Frame, String>> + Send + Unpin,
    {
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
                arrived.map_err(|refusal| SessionEnd::Refused {
                    reason: ByeReason::Card,
                    detail: refusal.to_string(),
                })?;
                // What waited for it, and a new epoch where it names another sealing key.
                self.session.wake.notify_one();
                Ok(())
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
        let peer = self.session.peer;
        let secrets = node.keys.sealing.load_full();
        let opened = match ReceivingEpoch::open(epoch, peer, node.country, &secrets) {
            Ok(opened) => opened,
            Err(EpochError::UnknownSealingKey) => {
                // Before the reason, so that the peer holds the key to wrap for when it reads it.
                self.session.tell_card()?;
                return Err(SessionEnd::Refused {
                    reason: ByeReason::SealingKey,
                    detail: format!(
                        "content keys are wrapped for a sealing key of {} that was destroyed; version {} of its card names the key in use",
                        node.country,
                        node.own_card().version
                    ),
                });
            }
            Err(error) => {
                return Err(protocol(format!(
                    "the sealing epoch does not open: {error}"
                )));
            }
        };
        let current = secrets.first().map(|secret| secret.public().id());
        if current.is_some_and(|current| current[..] == *epoch.sealing_key_id) {
            node.links.holds_card(peer, node.own_card().version);
        }
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
        // A receipt is a signature.
        node.start_checked().await;
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
        let count = consumed.records;
        session
            .lanes()
            .incoming
            .of_mut(lane)
            .spend(count, consumed.bytes)?;
        let mut known = Known::default();
        let (accepted, before, last) = loop {
            // Read without holding the lanes, and again when more became durable meanwhile.
            let wanted = {
                let mut lanes = session.lanes();
                let incoming = lanes.incoming.of_mut(lane);
                let wanted = incoming.durable_again(deliver.first_sequence, count);
                if wanted == known.sequences {
                    let before = incoming.head_hash();
                    let accepted = incoming.deliver(
                        incarnation,
                        deliver.first_sequence,
                        &digests,
                        |sequence| known.header(sequence),
                    );
                    let last = Position {
                        incarnation,
                        sequence: incoming.head(),
                        running_hash: incoming.head_hash(),
                    };
                    break (accepted, before, last);
                }
                wanted
            };
            known = Known::read(node, id, wanted).await?;
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
        if accepted.fresh.is_empty() {
            tracing::debug!(peer = %session.peer, %lane, "records came again");
            let first = deliver.first_sequence;
            let end = first.saturating_add(count);
            session
                .owed
                .note(lane, first, end.saturating_sub(1), consumed);
            session.wake.notify_one();
            return Ok(());
        }
        let skip = usize::try_from(accepted.skip_duplicates).unwrap_or(usize::MAX);
        let fresh = deliver.records.into_iter().skip(skip).collect();
        let given_up = node.links.broken(id, BROKEN_TIMES.saturating_sub(1));
        let judged = node.begin_receive(
            id,
            accepted.fresh.start,
            before,
            fresh,
            self.epochs.clone(),
            given_up,
        );
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
        if ack.incarnation != session.life {
            return Err(protocol("receipts for another incarnation"));
        }
        let group = ack
            .receipts
            .ok_or_else(|| protocol("an ack without receipts"))?;
        let count = u64::try_from(group.receipts.len()).unwrap_or(u64::MAX);
        let last = ack.first_sequence.saturating_add(count).saturating_sub(1);
        let mut parts = session.parts(lane, ack.first_sequence, count);
        if parts.known > 0 || count == 0 {
            let receipted = session
                .lanes()
                .outgoing
                .of_mut(lane)
                .receipts(ack.first_sequence, parts.known)?;
            if !receipted.fresh.is_empty() && receipted.duplicates > 0 {
                return Err(protocol(
                    "receipts that begin before the last confirmed ones",
                ));
            }
            parts.fresh = !receipted.fresh.is_empty();
        }
        let id = session.outgoing_lane(lane);
        if parts.fresh || parts.names {
            match node
                .receipts_arrived(id, ack.first_sequence, group, parts)
                .await
            {
                Ok(()) => {}
                Err(ArrivalError::Node(error)) => return Err(error.into()),
                Err(error) => return Err(protocol(error)),
            }
            if parts.fresh {
                let known = ack.first_sequence.saturating_add(parts.known);
                session
                    .lanes()
                    .outgoing
                    .of_mut(lane)
                    .receipts_durable(known.saturating_sub(1));
            }
            if parts.names {
                session.named(lane, last);
            }
            if session.settles() {
                session.wake.notify_one();
            }
        }
        // No further than this frame: a restored peer has not received again what was receipted
        // before.
        let position = LaneState {
            incarnation: id.incarnation.to_vec(),
            lane: id.lane.into(),
            sequence: last,
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

/// Header digests of what came again and is durable.
#[derive(Default)]
struct Known {
    sequences: Option<RangeInclusive<u64>>,
    headers: Vec<Digest>,
}

impl Known {
    async fn read(
        node: &Node,
        lane: LaneId,
        sequences: Option<RangeInclusive<u64>>,
    ) -> Result<Self, SessionEnd> {
        let headers = match sequences.clone() {
            Some(wanted) => node.arrived_headers(lane, wanted).await?,
            None => Vec::new(),
        };
        Ok(Self { sequences, headers })
    }

    fn header(&self, sequence: u64) -> Option<Digest> {
        let first = self.sequences.as_ref()?.start();
        let place = usize::try_from(sequence.checked_sub(*first)?).ok()?;
        self.headers.get(place).copied()
    }
}

/// The peer's farewell.
pub(super) fn goodbye(bye: &Bye) -> SessionEnd {
    SessionEnd::Bye {
        reason: bye.reason().as_str_name(),
        detail: escape(&bye.detail),
    }
}
