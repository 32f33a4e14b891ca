//! The receiving half: takes the peer's frames in order, verifies records ahead of the writer, and
//! answers them once they are durable.

use std::sync::Arc;

use futures_util::{Stream, StreamExt as _};
use tokio::{sync::mpsc, task::JoinHandle};

use crate::{
    crypto::Digest,
    entry::LaneId,
    envelope::{ReceivingEpoch, verify_mark},
    ledger::{self, View, checkpoint, compare},
    replication::{
        lanes,
        progress::{Credit, Lane, LaneFault, MarkView, Position, Resume, check_mark},
    },
    wire::{
        envelope::{Epoch, ReceiptGroup},
        link::{
            Ack, Bye, ByeReason, Checkpoint, Deliver, Frame, LaneState, Mark, ReceiptsDurable,
            frame,
        },
    },
};

use super::{
    super::{
        NodeError, projection,
        receipts::ArrivalError,
        receive::{Epochs, Judged, ReceiveError},
        rules::Proposal,
    },
    Session, SessionEnd, escape, protocol,
};

/// Frames verified ahead of the writer.
pub(super) const AHEAD: usize = 4;
/// Sealing epochs of the peer kept at the same time.
const EPOCHS: usize = 4;
/// A sequence that came broken this often on its origin's own link ends with NON_DELIVERY.
const BROKEN_TIMES: u32 = 3;
/// Receipt groups sent again per lane at a time.
const RESEND: usize = 4096;

/// A frame of records that is being verified.
pub(super) struct Verifying {
    lane: Lane,
    id: LaneId,
    consumed: Credit,
    judged: Option<JoinHandle<Result<Judged, ReceiveError>>>,
    last: Position,
}

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
            frame::Frame::Mark(mark) => self.mark(&mark).await,
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
            frame::Frame::Checkpoint(checkpoint) => self.checkpoint(checkpoint).await,
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
        let (accepted, last) = {
            let mut lanes = session.lanes();
            let incoming = lanes.incoming.of_mut(lane);
            incoming.spend(consumed.records, consumed.bytes)?;
            let accepted = incoming.deliver(incarnation, deliver.first_sequence, &digests, known);
            let last = Position {
                incarnation,
                sequence: incoming.head(),
                running_hash: incoming.head_hash(),
            };
            (accepted, last)
        };
        let accepted = match accepted {
            Ok(accepted) => accepted,
            Err(fault) => {
                if matches!(fault, LaneFault::Conflict { .. }) {
                    node.alarm(Some(session.peer), "sequence-conflict").await;
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

    async fn mark(&self, mark: &Mark) -> Result<(), SessionEnd> {
        let session = &self.session;
        if mark.marks.len() > Lane::ALL.len() {
            return Err(protocol("more marks than lanes"));
        }
        for signed in &mark.marks {
            let mark =
                verify_mark(signed, session.peer, &**session.node.book.load()).map_err(protocol)?;
            if mark.destination != session.node.country.code() {
                return Err(protocol("a mark for another destination"));
            }
            let state = LaneState {
                incarnation: mark.incarnation.to_vec(),
                lane: mark.lane,
                sequence: mark.sequence,
                running_hash: mark.running_hash.to_vec(),
            };
            let (lane, position) =
                Position::from_wire(&state).ok_or_else(|| protocol("a malformed mark"))?;
            let view = check_mark(session.lanes().incoming.of(lane), &position);
            match view {
                MarkView::UpToDate => {}
                MarkView::Behind { missing } => tracing::info!(
                    peer = %session.peer,
                    %lane,
                    first = missing.start(),
                    last = missing.end(),
                    "the peer has assigned sequences that have not arrived yet"
                ),
                MarkView::Conflict => {
                    session
                        .node
                        .alarm(Some(session.peer), "mark-conflict")
                        .await;
                    return Err(SessionEnd::Refused {
                        reason: ByeReason::Conflict,
                        detail: format!("the {lane} mark at {}", position.sequence),
                    });
                }
            }
        }
        Ok(())
    }

    /// A checkpoint must extend the one seen before; anything else is a split view.
    async fn checkpoint(&self, frame: Checkpoint) -> Result<(), SessionEnd> {
        let session = &self.session;
        let node = &session.node;
        let (origin, keys) = {
            let book = node.book.load();
            let card = book
                .get(session.peer)
                .ok_or_else(|| protocol("the peer's card is gone"))?;
            (card.ledger_origin.clone(), card.public_keys())
        };
        let seen = checkpoint::open(&frame.note, &origin, &keys).map_err(protocol)?;
        if let Some(known) = projection::checkpoint_of(&node.store, session.peer)? {
            let known = ledger::Checkpoint {
                origin,
                size: known.size,
                root: Digest::try_from(known.root.as_slice()).map_err(protocol)?,
            };
            let path: Vec<Digest> = frame
                .consistency
                .iter()
                .map(|hash| Digest::try_from(hash.as_slice()))
                .collect::<Result<_, _>>()
                .map_err(protocol)?;
            let proof = (frame.old_size == known.size).then_some(path.as_slice());
            match compare(&known, &seen, proof) {
                View::Same => return Ok(()),
                View::Extends => {}
                View::NeedsProof => {
                    return Err(protocol(
                        "a checkpoint without the proof that it extends the last",
                    ));
                }
                View::Split => {
                    node.alarm(Some(session.peer), "split-view").await;
                    return Err(SessionEnd::Refused {
                        reason: ByeReason::Conflict,
                        detail: format!(
                            "the ledger of {} leaves does not extend the one of {} leaves seen before",
                            seen.size, known.size
                        ),
                    });
                }
            }
        }
        node.writer
            .propose(Proposal::Checkpoint {
                peer: session.peer,
                note: frame.note,
                checkpoint: seen,
            })
            .await
            .map_err(NodeError::from)?;
        Ok(())
    }
}

/// Makes verified frames durable in their order and answers them: receipts, then credit.
pub(super) async fn commit(
    session: Arc<Session>,
    mut verified: mpsc::Receiver<Verifying>,
) -> SessionEnd {
    while let Some(frame) = verified.recv().await {
        if let Err(end) = commit_one(&session, frame).await {
            return end;
        }
    }
    // The taking half ended and its end is on the way.
    std::future::pending().await
}

async fn commit_one(session: &Session, frame: Verifying) -> Result<(), SessionEnd> {
    if let Some(judged) = frame.judged {
        let judged = judged
            .await
            .map_err(|_| NodeError::Task)?
            .map_err(|error| not_received(session, frame.id, error))?;
        let first = judged.first();
        let receipts = session.node.finish_receive(judged).await?;
        session
            .lanes()
            .incoming
            .of_mut(frame.lane)
            .made_durable(&frame.last);
        acknowledge(session, frame.id, first, receipts)?;
    }
    let grant = session
        .lanes()
        .incoming
        .of_mut(frame.lane)
        .grant(frame.consumed);
    match grant {
        Some(grant) => session
            .outlet
            .small(frame::Frame::Credit(crate::wire::link::Credit {
                lane: frame.id.lane.into(),
                records: u32::try_from(grant.records).unwrap_or(u32::MAX),
                bytes: grant.bytes,
            })),
        None => Ok(()),
    }
}

fn acknowledge(
    session: &Session,
    lane: LaneId,
    first: u64,
    receipts: ReceiptGroup,
) -> Result<(), SessionEnd> {
    session.outlet.small(frame::Frame::Ack(Ack {
        lane: lane.lane.into(),
        incarnation: lane.incarnation.to_vec(),
        first_sequence: first,
        receipts: Some(receipts),
    }))
}

fn not_received(session: &Session, lane: LaneId, error: ReceiveError) -> SessionEnd {
    match error {
        ReceiveError::Link { sequence, fault } => {
            let times = session.node.links.broke(lane, sequence);
            protocol(format!(
                "{} sequence {sequence} does not hold, time {times}: {fault}",
                lane.lane.as_str_name()
            ))
        }
        ReceiveError::Node(error) => error.into(),
    }
}

/// Sends receipts again that the peer may not have made durable.
fn resend(session: &Session, lane: Lane, first: u64) -> Result<(), SessionEnd> {
    let id = session.incoming_lane(lane);
    for (first, group) in session.node.issued_from(&id, first, RESEND)? {
        acknowledge(session, id, first, group)?;
    }
    Ok(())
}

/// The peer's farewell.
pub(super) fn goodbye(bye: &Bye) -> SessionEnd {
    SessionEnd::Bye {
        reason: bye.reason().as_str_name(),
        detail: escape(&bye.detail),
    }
}
