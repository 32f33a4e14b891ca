//! What a peer states and signs within a session: how far its lanes and its ledger reach.

use crate::{
    crypto::Digest,
    envelope::verify_mark,
    ledger::{self, View, checkpoint as note, compare},
    replication::progress::{Lane, MarkView, Position, check_mark},
    wire::link::{ByeReason, Checkpoint, Hello, LaneState, Mark},
};

use super::{
    super::{Node, NodeError, projection, rules::Proposal},
    Session, SessionEnd, protocol,
};

/// Compares the peer's signed high-water marks with what arrived.
pub(super) async fn mark(session: &Session, mark: &Mark) -> Result<(), SessionEnd> {
    if mark.marks.len() > Lane::ALL.len() {
        return Err(protocol("more marks than lanes"));
    }
    for signed in &mark.marks {
        let mark =
            verify_mark(signed, session.peer, &**session.node.book.load()).map_err(protocol)?;
        if mark.destination != session.node.country.code() {
            return Err(protocol("a mark for another destination"));
        }
        session
            .node
            .clocks
            .heard(session.peer, mark.time_us, session.node.now());
        let state = LaneState {
            incarnation: mark.incarnation.to_vec(),
            lane: mark.lane,
            sequence: mark.sequence,
            running_hash: mark.running_hash.to_vec(),
        };
        let (lane, position) =
            Position::from_wire(&state).ok_or_else(|| protocol("a malformed mark"))?;
        let view = check_mark(session.lanes().incoming.of(lane), &position);
        if lane == Lane::Control && view != MarkView::Conflict {
            session.lanes().gate.announced(position.sequence);
        }
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
    if mark.peer_card_version <= session.node.own_card().version {
        let links = &session.node.links;
        links.holds_card(session.peer, mark.peer_card_version);
    }
    session.note_heard().await;
    Ok(())
}

/// A checkpoint must extend the one seen before. A smaller one is a ledger that was rolled back,
/// another one of the same size or without a common history a split view: both are alarms, and the
/// two signed notes are kept in the ledger as evidence.
pub(super) async fn checkpoint(session: &Session, frame: Checkpoint) -> Result<(), SessionEnd> {
    let node = &session.node;
    let (origin, keys, renewed) = {
        let book = node.book.load();
        let card = book
            .get(session.peer)
            .ok_or_else(|| protocol("the peer's card is gone"))?;
        (
            card.ledger_origin.clone(),
            card.ledger_keys(),
            card.renewal.is_some(),
        )
    };
    let held = projection::checkpoint_of(&node.store, session.peer)?;
    let seen = match note::open(&frame.note, &origin, &keys) {
        Ok(seen) => seen,
        Err(fault) => {
            if matches!(fault, note::CheckpointError::Origin { .. }) && renewed {
                // The head of a ledger that a renewal ended, or of none.
                let evidence = vec![note::bare(&frame.note)];
                node.alarm_with(Some(session.peer), "checkpoint-of-ended-ledger", evidence)
                    .await;
            }
            return Err(protocol(fault));
        }
    };
    if let Some(known) = held {
        let evidence = || vec![note::bare(&known.note), note::bare(&frame.note)];
        if known.note.lines().next() != Some(&origin) {
            // A card names another ledger only by its root's renewal: the peer lost leaves that it
            // had shown, and wrote others in their place before it knew. The new ledger begins
            // beside the old head, which stays in the journal.
            return keep(session, frame.note, seen).await;
        }
        let known = ledger::Checkpoint {
            origin,
            size: known.size,
            root: Digest::try_from(known.root.as_slice()).map_err(protocol)?,
        };
        if seen.size < known.size {
            if session.replaced.is_cancelled() {
                // What a newer session brought meanwhile is no sign of a rollback.
                return Err(SessionEnd::Replaced);
            }
            node.alarm_with(Some(session.peer), "checkpoint-rollback", evidence())
                .await;
            return Err(SessionEnd::Refused {
                reason: ByeReason::Conflict,
                detail: format!(
                    "the ledger has {} leaves and had {} before: {} was restored from an older state, or shows two ledgers",
                    seen.size, known.size, session.peer
                ),
            });
        }
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
                node.alarm_with(Some(session.peer), "split-view", evidence())
                    .await;
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
    keep(session, frame.note, seen).await
}

async fn keep(
    session: &Session,
    note: String,
    checkpoint: ledger::Checkpoint,
) -> Result<(), SessionEnd> {
    session
        .node
        .writer
        .propose(Proposal::Checkpoint {
            peer: session.peer,
            note,
            checkpoint,
        })
        .await
        .map_err(NodeError::from)?;
    Ok(())
}

/// Size of the own ledger's head that a peer holds, as its hello says; 0 when that is of the ledger
/// before a restore, which this one need not extend.
pub(super) fn told(node: &Node, hello: &Hello) -> u64 {
    let same = node.renewal.is_none() || hello.checkpoint_origin == node.own_card().ledger_origin;
    if same { hello.checkpoint_size } else { 0 }
}
