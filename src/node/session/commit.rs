//! The half that makes verified frames durable in their order and answers them: receipts, then
//! credit.

use std::sync::Arc;

use tokio::sync::mpsc;

use crate::{
    entry::LaneId,
    envelope::LinkFault,
    replication::progress::{Credit, Lane, Position},
    wire::{
        envelope::ReceiptGroup,
        link::{Ack, frame},
    },
};

use super::{
    super::{
        receive::{Judged, ReceiveError},
        work::Work,
    },
    Session, SessionEnd, protocol,
};

/// A frame of records that is being verified.
pub(super) struct Verifying {
    pub(super) lane: Lane,
    pub(super) id: LaneId,
    pub(super) consumed: Credit,
    pub(super) judged: Work<Result<Judged, ReceiveError>>,
    pub(super) last: Position,
}

/// Makes verified frames durable in their order and answers them: receipts, then credit.
pub(super) async fn run(
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
    let judged = match frame.judged.answer().await? {
        Ok(judged) => judged,
        Err(error) => return Err(not_received(session, frame.id, error).await),
    };
    let first = judged.first();
    let receipts = session.node.finish_receive(judged).await?;
    session
        .lanes()
        .incoming
        .of_mut(frame.lane)
        .made_durable(&frame.last);
    if frame.lane == Lane::Control {
        // Own records may have waited for it.
        session.wake.notify_one();
        session.note_heard().await;
    }
    session.catch_up().await?;
    let (lane, last, credit) = (frame.lane, frame.last.sequence, frame.consumed);
    if session.owed.queues(lane, first, last, credit) {
        session.wake.notify_one();
        return Ok(());
    }
    session
        .outlet
        .small(acknowledgement(frame.id, first, receipts))?;
    grant(session, lane, credit)
}

/// Gives credit back, once half of the window is due.
pub(super) fn grant(session: &Session, lane: Lane, consumed: Credit) -> Result<(), SessionEnd> {
    let due = session.lanes().incoming.of_mut(lane).grant(consumed);
    match due {
        Some(grant) => session
            .outlet
            .small(frame::Frame::Credit(crate::wire::link::Credit {
                lane: session.incoming_lane(lane).lane.into(),
                records: u32::try_from(grant.records).unwrap_or(u32::MAX),
                bytes: grant.bytes,
            })),
        None => Ok(()),
    }
}

/// Receipts as they go to the peer.
pub(super) fn acknowledgement(lane: LaneId, first: u64, receipts: ReceiptGroup) -> frame::Frame {
    frame::Frame::Ack(Ack {
        lane: lane.lane.into(),
        incarnation: lane.incarnation.to_vec(),
        first_sequence: first,
        receipts: Some(receipts),
    })
}

async fn not_received(session: &Session, lane: LaneId, error: ReceiveError) -> SessionEnd {
    match error {
        ReceiveError::Link { sequence, fault } => {
            if matches!(fault, LinkFault::RetiredKey { .. }) {
                // The peer itself said where this key ends: somebody else may sign with it.
                let evidence = vec![format!(
                    "{} sequence {sequence}: {fault}",
                    lane.lane.as_str_name()
                )];
                let node = &session.node;
                node.alarm_with(Some(lane.peer), "retired-key", evidence)
                    .await;
            }
            let times = session.node.links.broke(lane, sequence);
            protocol(format!(
                "{} sequence {sequence} does not hold, time {times}: {fault}",
                lane.lane.as_str_name()
            ))
        }
        ReceiveError::Node(error) => error.into(),
    }
}
