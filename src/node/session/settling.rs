//! After a restore: what is open with a peer of an earlier own incarnation, and what the peer has
//! to send again of its own lanes.

use std::sync::{Mutex, PoisonError};

use crate::{
    entry::{Incarnation, LaneId},
    record::Country,
    replication::progress::{self, Lane, PerLane},
};

use super::{
    super::{Node, NodeError, lives, receipts::ReceiptParts},
    Session, SessionEnd,
};

/// What a session has to bring to an end before the node is as if it had never been restored.
#[derive(Debug)]
pub(super) struct Settling {
    /// Of an earlier incarnation whose lanes run in this session.
    open: Option<Mutex<Open>>,
    /// How far the peer has receipts for its lanes, while this node has not received that again.
    again: Mutex<Option<PerLane<u64>>>,
}

#[derive(Debug)]
struct Open {
    life: Incarnation,
    /// How far the peer holds each lane.
    held: PerLane<u64>,
    /// How far lost records are named by the peer's receipts.
    named: PerLane<u64>,
}

impl Settling {
    pub(super) fn begin(
        node: &Node,
        peer: Country,
        lanes: &progress::Peer,
        agreed: &progress::Agreed,
    ) -> Result<Self, SessionEnd> {
        let life = lanes.outgoing.control.incarnation();
        let open = if life == node.incarnation {
            None
        } else {
            let named = |lane: Lane| {
                lives::lost_up_to(
                    &node.store,
                    &LaneId {
                        peer,
                        incarnation: life,
                        lane: lane.into(),
                    },
                )
            };
            Some(Mutex::new(Open {
                life,
                held: agreed.peer_received,
                named: PerLane {
                    control: named(Lane::Control)?,
                    urgent: named(Lane::Urgent)?,
                    bulk: named(Lane::Bulk)?,
                },
            }))
        };
        let again = node
            .is_recovering(peer)?
            .then_some(agreed.peer_receipts_durable);
        Ok(Self {
            open,
            again: Mutex::new(again),
        })
    }
}

impl Session {
    /// Divides a frame of `count` receipts from `first` on: what is for records held here, and what
    /// names lost ones. Whether the first are new is the
    /// lane's to say. Everything is for held ones while the current incarnation runs.
    pub(super) fn parts(&self, lane: Lane, first: u64, count: u64) -> ReceiptParts {
        let all = ReceiptParts {
            known: count,
            fresh: false,
            names: false,
        };
        let Some(open) = &self.settling.open else {
            return all;
        };
        let assigned = self.lanes().outgoing.of(lane).last_assigned();
        let known = assigned.saturating_add(1).saturating_sub(first).min(count);
        let last = first.saturating_add(count).saturating_sub(1);
        let open = open.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody is owed a row for what the peer did not say that it holds.
        let names = known < count && last > *open.named.of(lane) && last <= *open.held.of(lane);
        ReceiptParts {
            known,
            fresh: false,
            names,
        }
    }

    /// Receipts that name lost records are durable.
    pub(super) fn named(&self, lane: Lane, up_to: u64) {
        if let Some(open) = &self.settling.open {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            let named = open.named.of_mut(lane);
            *named = up_to.max(*named);
        }
    }

    /// Whether an earlier incarnation is being settled.
    pub(super) fn settles(&self) -> bool {
        self.settling.open.is_some()
    }

    /// Ends the session when nothing of the earlier incarnation is open any more.
    pub(super) async fn settle(&self) -> Result<(), SessionEnd> {
        let Some(open) = &self.settling.open else {
            return Ok(());
        };
        let life = {
            let lanes = self.lanes();
            let open = open.lock().unwrap_or_else(PoisonError::into_inner);
            let done = Lane::ALL.iter().all(|lane| {
                let state = lanes.outgoing.of(*lane);
                let lost = *open.held.of(*lane) > state.last_assigned();
                state.drained() && (!lost || *open.named.of(*lane) >= *open.held.of(*lane))
            });
            if !done {
                return Ok(());
            }
            open.life
        };
        self.node.settled(self.peer, life).await?;
        Err(SessionEnd::Settled)
    }

    /// Notes when everything came again that the peer had been receipted before the restore.
    pub(super) async fn catch_up(&self) -> Result<(), NodeError> {
        let reached = {
            let again = self
                .settling
                .again
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            let Some(target) = again.as_ref() else {
                return Ok(());
            };
            let lanes = self.lanes();
            Lane::ALL
                .iter()
                .all(|lane| lanes.incoming.of(*lane).durable().sequence >= *target.of(*lane))
        };
        if reached {
            *self
                .settling
                .again
                .lock()
                .unwrap_or_else(PoisonError::into_inner) = None;
            self.node.caught_up(self.peer).await?;
        }
        Ok(())
    }
}
