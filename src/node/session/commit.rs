//! The half that makes verified frames durable in their order and answers them: receipts, then
//! credit.

use std::sync::Arc;

use tokio::{sync::mpsc, task::JoinHandle};

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
        NodeError,
        receive::{Judged, ReceiveError},
    },
    Session, SessionEnd, protocol,
};

/// Receipt groups sent again per lane at a time.
const RESEND: usize = 4096;

/// A frame of records that is being verified.
pub(super) struct Verifying {
    pub(super) lane: Lane,
    pub(super) id: LaneId,
    pub(super) consumed: Credit,
    pub(super) judged: Option<JoinHandle<Result<Judged, ReceiveError>>>,
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
    if let Some(judged) = frame.judged {
        let judged = match judged.await.map_err(|_| NodeError::Task)? {
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

/// Sends receipts again that the peer may not have made durable.
pub(super) fn resend(session: &Session, lane: Lane, first: u64) -> Result<(), SessionEnd> {
    let id = session.incoming_lane(lane);
    for (first, group) in session.node.issued_from(&id, first, RESEND)? {
        acknowledge(session, id, first, group)?;
    }
    Ok(())
}
