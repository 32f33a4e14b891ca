//! The sending half: what the outbox holds, wrapped for the peer's current key, within credit.

use std::{convert::Infallible, sync::Arc, time::Duration};

use crate::{
    envelope::{SendingEpoch, sign_mark_by},
    replication::{
        lanes,
        progress::{Batch, Lane, MAX_BATCH_BYTES},
    },
    wire::{
        envelope::LaneMark,
        link::{ByeReason, Checkpoint, Deliver, Mark, frame},
    },
};

use super::{
    super::{deliver::Obstacle, read::blocking},
    Claim, NodeError, Session, SessionEnd, again, owed,
};

/// An idle link says how far its lanes and its ledger reach this often.
const IDLE: Duration = Duration::from_secs(20);

/// Sends until the session ends. `told` is the size of the own checkpoint that the peer holds.
pub(super) async fn run(session: Arc<Session>, told: u64) -> SessionEnd {
    match send(&session, told).await {
        Ok(never) => match never {},
        Err(end) => end,
    }
}

async fn send(session: &Session, mut told: u64) -> Result<Infallible, SessionEnd> {
    session.node.start_checked().await;
    let mut epoch: Option<Arc<SendingEpoch>> = None;
    let mut idle = tokio::time::interval(IDLE);
    // Lanes whose next record cannot be taken out of the store: they wait for it, the others go on.
    let mut stuck = Vec::new();
    loop {
        refresh(session)?;
        session.tell_card()?;
        session.catch_up().await?;
        session.settle().await?;
        again::ask(session)?;
        let owed = owed::page(session).await?;
        let mut sent = false;
        // The peer announced a newer card, which is on its way: nothing is wrapped for the key before.
        let held = session.card_held() >= session.card_announced;
        for lane in Lane::ALL {
            let control_stuck = stuck.contains(&Lane::Control);
            if !held
                || stuck.contains(&lane)
                || !session.lanes().may_send(lane, control_stuck)
                || waiting(session, lane).is_none()
            {
                continue;
            }
            let current = match epoch.take() {
                Some(epoch) if serves(session, &epoch) => epoch,
                _ => establish(session).await?,
            };
            match deliver(session, lane, &current).await? {
                Sent::Records => {
                    sent = true;
                    note_stuck(session, lane, None);
                }
                Sent::Nothing => {}
                Sent::Stuck(sequence) => {
                    stuck.push(lane);
                    note_stuck(session, lane, Some(sequence));
                }
            }
            epoch = Some(current);
            if sent {
                // Asked anew after every frame: a control record waits for one frame at most.
                break;
            }
        }
        if !owed && !sent && !again::answer(session).await? {
            stuck.clear();
            tokio::select! {
                () = session.wake.notified() => {}
                _ = idle.tick() => {
                    look(session).await;
                    told = checkpoint(session, told).await?;
                    mark(session).await?;
                }
            }
        }
    }
}

/// Looks whether the control records that the peer announced come at all. When they do not, own
/// records wait no longer.
async fn look(session: &Session) {
    let (missing, opens) = {
        let mut lanes = session.lanes();
        let durable = lanes.incoming.control.durable().sequence;
        (lanes.missing(), lanes.gate.look(durable))
    };
    if let (true, Some(missing)) = (opens, missing) {
        tracing::error!(
            peer = %session.peer,
            first = missing.start(),
            last = missing.end(),
            "the peer announced control records and does not send them; own records wait no longer"
        );
        let node = &session.node;
        node.alarm(Some(session.peer), "control-withheld").await;
        session.wake.notify_one();
    }
}

/// Says in the node's status that a lane waits for a record, or goes on.
fn note_stuck(session: &Session, lane: Lane, at: Option<u64>) {
    let id = session.outgoing_lane(lane);
    session.node.links.lane_stuck(id.peer, id.lane, at);
}

/// Takes up what was assigned meanwhile.
fn refresh(session: &Session) -> Result<(), SessionEnd> {
    for lane in Lane::ALL {
        let state = lanes::outgoing(&session.node.store, &session.outgoing_lane(lane))
            .map_err(NodeError::from)?;
        session
            .lanes()
            .outgoing
            .of_mut(lane)
            .assigned(state.assigned);
    }
    Ok(())
}

/// First sequence to send and how many the credit allows, sizes aside.
fn waiting(session: &Session, lane: Lane) -> Option<(Batch, u64)> {
    let lanes = session.lanes();
    let state = lanes.outgoing.of(lane);
    let batch = state.next_batch(|_| Some(0))?;
    Some((batch, state.credit_left().bytes.min(MAX_BATCH_BYTES)))
}

/// Whether an epoch goes on: it is not exhausted, and the peer's card still names the key that it is
/// for.
fn serves(session: &Session, epoch: &SendingEpoch) -> bool {
    let now = session.node.now();
    let book = session.node.book.load();
    let key = book
        .get(session.peer)
        .and_then(|card| card.sealing_key_at(now));
    !epoch.exhausted(now) && key.is_some_and(|key| key.id() == *epoch.sealing_key_id())
}

/// A new sealing epoch for the peer's current key, announced before its first record.
async fn establish(session: &Session) -> Result<Arc<SendingEpoch>, SessionEnd> {
    let key = session
        .node
        .book
        .load()
        .get(session.peer)
        .and_then(|card| card.sealing_key_at(session.node.now()).cloned())
        .ok_or_else(|| SessionEnd::Refused {
            reason: ByeReason::Card,
            detail: format!("the card of {} names no sealing key for now", session.peer),
        })?;
    let (epoch, announcement) =
        SendingEpoch::establish(session.node.country, session.peer, &key, session.node.now())
            .map_err(|error| SessionEnd::Failed(error.to_string()))?;
    session
        .outlet
        .record(frame::Frame::Epoch(announcement))
        .await?;
    Ok(Arc::new(epoch))
}

/// What one turn of a lane did.
enum Sent {
    Records,
    /// The credit leaves no room for the next record.
    Nothing,
    /// The next record, of this sequence, cannot be taken out of the store.
    Stuck(u64),
}

/// Sends one frame of a lane.
async fn deliver(
    session: &Session,
    lane: Lane,
    epoch: &Arc<SendingEpoch>,
) -> Result<Sent, SessionEnd> {
    let Some((wanted, room)) = waiting(session, lane) else {
        return Ok(Sent::Nothing);
    };
    let id = session.outgoing_lane(lane);
    let limit = usize::try_from(wanted.count).unwrap_or(usize::MAX);
    let loaded = session
        .node
        .load(id, wanted.first, limit, room, Arc::clone(epoch))
        .await?;
    if loaded.records.is_empty() {
        return Ok(match loaded.obstacle {
            Some(Obstacle::Damaged(damaged)) => {
                session.node.found_damaged(&[damaged]).await;
                Sent::Stuck(wanted.first)
            }
            Some(Obstacle::Unreadable { number, error }) => {
                tracing::error!(peer = %session.peer, %lane, number, %error, "an own record cannot be sent; its lane waits for it");
                session
                    .node
                    .alarm(Some(session.peer), "record-unreadable")
                    .await;
                Sent::Stuck(wanted.first)
            }
            None => Sent::Nothing,
        });
    }
    let batch = Batch {
        first: wanted.first,
        count: u64::try_from(loaded.records.len()).unwrap_or(u64::MAX),
        bytes: loaded.bytes,
    };
    session.lanes().outgoing.of_mut(lane).sent(&batch);
    let frame = Deliver {
        lane: id.lane.into(),
        incarnation: id.incarnation.to_vec(),
        first_sequence: batch.first,
        records: loaded.records,
    };
    session.outlet.record(frame::Frame::Deliver(frame)).await?;
    Ok(Sent::Records)
}

/// Signed high-water marks, so that a withheld tail is seen.
async fn mark(session: &Session) -> Result<(), SessionEnd> {
    if session.settles() {
        // The peer may hold more of an earlier incarnation than this node remembers.
        return Ok(());
    }
    let node = &session.node;
    let mut marks = Vec::new();
    for lane in Lane::ALL {
        let id = session.outgoing_lane(lane);
        let state = lanes::outgoing(&node.store, &id).map_err(NodeError::from)?;
        let mark = LaneMark {
            origin: node.country.code().to_owned(),
            destination: session.peer.code().to_owned(),
            incarnation: node.incarnation.to_vec().into(),
            lane: id.lane.into(),
            sequence: state.assigned,
            running_hash: state.running_hash.to_vec().into(),
            time_us: node.now().micros(),
        };
        marks.push(mark);
    }
    let signing = Arc::clone(&node.keys.signing);
    let marks = blocking(move || {
        let signed = marks.iter().map(|mark| sign_mark_by(mark, &*signing));
        Ok(signed.collect::<Result<Vec<_>, _>>()?)
    })
    .await?;
    session.outlet.small(frame::Frame::Mark(Mark {
        marks,
        peer_card_version: session.card_held(),
    }))
}

/// The ledger's checkpoint, with the proof that it extends the one the peer holds; answers the
/// size told. Says nothing when the peer holds this one.
async fn checkpoint(session: &Session, told: u64) -> Result<u64, SessionEnd> {
    let node = Arc::clone(&session.node);
    let (current, note) = blocking(move || node.checkpoint()).await?;
    if current.size == told {
        return Ok(told);
    }
    if told > current.size {
        return Err(SessionEnd::Fenced {
            claim: Claim {
                what: "the ledger".to_owned(),
                theirs: told,
                ours: current.size,
                checkpoint_size: told,
            },
            detail: format!(
                "the peer holds a checkpoint of {told} leaves, the ledger has {}: this node was restored from an older state",
                current.size
            ),
        });
    }
    let consistency = match told {
        0 => Vec::new(),
        old => session.node.consistency_path(old, current.size)?,
    };
    session.outlet.small(frame::Frame::Checkpoint(Checkpoint {
        note,
        old_size: told,
        consistency,
    }))?;
    Ok(current.size)
}
