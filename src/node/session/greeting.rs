//! Hello: what this node knows, what was agreed, and the session's place in the registry.

use std::sync::{Arc, Mutex};

use crate::{
    crypto::Digest,
    entry::{Incarnation, LaneId},
    record::{Country, Moment},
    replication::{
        lanes,
        progress::{
            self, CREDIT, HelloFacts, HelloFault, IncomingLane, Lane, LaneHashes, OutgoingLane,
            PerLane, Position, Resume, SessionInfo,
        },
    },
    wire::link::{ByeReason, Hello, frame},
};

use super::{
    super::{Claim, Node, NodeError, links::Seat, projection},
    Outlet, Session, SessionEnd,
    again::Again,
    fenced, lapse,
};

/// Clocks further apart than this are worth a warning.
const SKEW_SECONDS: u64 = 300;

/// A session this node dialled.
#[derive(Clone, Copy, Debug)]
pub struct Dialled {
    session: [u8; 16],
    at: Moment,
}

/// A session that may run.
pub(super) struct Begun {
    pub(super) session: Session,
    pub(super) info: SessionInfo,
    pub(super) seat: Seat,
    pub(super) resume: Resume,
}

/// Sends the dialling side's hello, before the connection carries anything else.
///
/// # Errors
/// [`SessionEnd`] when the own state cannot be read, or the peer's card is not held.
pub fn hello_first(
    node: &Node,
    peer: Country,
    session: [u8; 16],
    outlet: &Outlet,
) -> Result<Dialled, SessionEnd> {
    let at = node.now();
    let state = State::read(node, peer)?;
    outlet.small(frame::Frame::Hello(state.hello(node, session, at)?))?;
    Ok(Dialled { session, at })
}

/// Decides on the peer's hello and takes the session's place.
pub(super) async fn begin(
    node: &Arc<Node>,
    peer: Country,
    dialled: Option<Dialled>,
    outlet: &Outlet,
    hello: &Hello,
) -> Result<Begun, SessionEnd> {
    let mut state = State::read(node, peer)?;
    let agreed = progress::negotiate(
        &state.facts(node, dialled.map(|dialled| dialled.session))?,
        hello,
    );
    let agreed = match agreed {
        Ok(agreed) => agreed,
        Err(fault) => return Err(refuse(node, peer, &fault, hello.checkpoint_size).await),
    };
    node.clocks.heard(peer, hello.time_us, node.now());
    // Only now: what the peer knows of this node is worth hearing all the same.
    if node.is_fenced() {
        return Err(fenced());
    }
    lapse::check_own(node)?;
    if !agreed.expect_card {
        lapse::check_peer(node, peer)?;
    }
    let apart = node.now().micros().abs_diff(hello.time_us) / 1_000_000;
    if apart > SKEW_SECONDS {
        tracing::warn!(%peer, seconds = apart, "the peer's clock and ours are apart");
    }
    let info = SessionInfo {
        session: agreed.session,
        dialled_by: if dialled.is_some() {
            node.country
        } else {
            peer
        },
        established: dialled.map_or(agreed.peer_time, |dialled| dialled.at),
    };
    let Some(seat) = node.links.enter(node.country, peer, info) else {
        return Err(SessionEnd::Refused {
            reason: ByeReason::Replaced,
            detail: "another session with this node is up".to_owned(),
        });
    };
    let took = take_place(node, peer, dialled, outlet, &agreed, &mut state).await;
    match took {
        Ok(resume) => Ok(Begun {
            session: Session {
                node: Arc::clone(node),
                peer,
                peer_incarnation: agreed.peer_incarnation,
                outlet: outlet.clone(),
                lanes: Mutex::new(state.lanes),
                wake: Arc::clone(&seat.wake),
                again: Again::new(hello.resends),
                replaced: seat.replaced.clone(),
            },
            info,
            seat,
            resume,
        }),
        Err(end) => {
            node.links.leave(peer, &info.session, &end.to_string());
            Err(end)
        }
    }
}

async fn take_place(
    node: &Arc<Node>,
    peer: Country,
    dialled: Option<Dialled>,
    outlet: &Outlet,
    agreed: &progress::Agreed,
    state: &mut State<'_>,
) -> Result<Resume, SessionEnd> {
    node.links.greeted(peer, agreed.peer_incarnation);
    if dialled.is_none() {
        outlet.small(frame::Frame::Hello(state.hello(
            node,
            agreed.session,
            node.now(),
        )?))?;
    }
    if agreed.send_card {
        outlet.small(frame::Frame::Card(node.own_card.signed.clone()))?;
    }
    node.link_changed(peer, true).await?;
    if state.incarnation != Some(agreed.peer_incarnation) {
        // What was received under the life the peer names now, if anything, decides.
        state.take_incarnation(agreed.peer_incarnation)?;
    }
    Ok(state.lanes.begin(agreed, CREDIT))
}

async fn refuse(
    node: &Arc<Node>,
    peer: Country,
    fault: &HelloFault,
    checkpoint_size: u64,
) -> SessionEnd {
    match fault {
        HelloFault::OwnRestored {
            what, theirs, ours, ..
        } => {
            let claim = Claim {
                what: what.clone(),
                theirs: *theirs,
                ours: *ours,
                checkpoint_size,
            };
            node.fenced(peer, claim).await;
        }
        HelloFault::Conflict { .. } | HelloFault::CardConflict { .. } => {
            node.alarm(Some(peer), "hello-conflict").await;
        }
        _ => {}
    }
    SessionEnd::Refused {
        reason: fault.reason(),
        detail: fault.to_string(),
    }
}

/// What this node knows of its lanes with a peer.
struct State<'a> {
    node: &'a Node,
    peer: Country,
    lanes: progress::Peer,
    incarnation: Option<Incarnation>,
    retired: Vec<Incarnation>,
}

impl<'a> State<'a> {
    fn read(node: &'a Node, peer: Country) -> Result<Self, SessionEnd> {
        let incarnation = lanes::last_incarnation(&node.store, peer).map_err(NodeError::from)?;
        let mut retired = lanes::incarnations_of(&node.store, peer).map_err(NodeError::from)?;
        retired.retain(|life| Some(*life) != incarnation);
        let mut outgoing = Vec::new();
        for lane in Lane::ALL {
            let id = node.lane_to(peer, lane.into());
            let state = lanes::outgoing(&node.store, &id).map_err(NodeError::from)?;
            outgoing.push(OutgoingLane::new(
                node.incarnation,
                state.assigned,
                state.receipted,
            ));
        }
        let mut outgoing = outgoing.into_iter();
        let mut next = || {
            outgoing
                .next()
                .unwrap_or_else(|| OutgoingLane::new(node.incarnation, 0, 0))
        };
        let outgoing = PerLane {
            control: next(),
            urgent: next(),
            bulk: next(),
        };
        let incoming = incoming(node, peer, incarnation.unwrap_or_default())?;
        Ok(Self {
            node,
            peer,
            lanes: progress::Peer::new(outgoing, incoming),
            incarnation,
            retired,
        })
    }

    fn take_incarnation(&mut self, incarnation: Incarnation) -> Result<(), SessionEnd> {
        self.lanes.incoming = incoming(self.node, self.peer, incarnation)?;
        self.incarnation = Some(incarnation);
        Ok(())
    }

    fn facts(
        &self,
        node: &Node,
        session: Option<[u8; 16]>,
    ) -> Result<HelloFacts<'_, Self>, SessionEnd> {
        let book = node.book.load();
        let card = book.get(self.peer).ok_or_else(|| SessionEnd::Refused {
            reason: ByeReason::Card,
            detail: "this country's card was not imported here".to_owned(),
        })?;
        Ok(HelloFacts {
            country: node.country,
            peer: self.peer,
            incarnation: node.incarnation,
            session,
            card_version: node.own_card.version,
            card_digest: node.own_card.digest,
            peer_card_version: card.version,
            peer_card_digest: card.digest,
            lanes: &self.lanes,
            retired: &self.retired,
            recovering: false,
            hashes: self,
        })
    }

    fn hello(&self, node: &Node, session: [u8; 16], now: Moment) -> Result<Hello, SessionEnd> {
        let checkpoint_size =
            projection::checkpoint_of(&node.store, self.peer)?.map_or(0, |seen| seen.size);
        Ok(self
            .facts(node, Some(session))?
            .hello(session, CREDIT, checkpoint_size, now))
    }
}

fn incoming(
    node: &Node,
    peer: Country,
    incarnation: Incarnation,
) -> Result<PerLane<IncomingLane>, SessionEnd> {
    let lane = |lane: Lane| -> Result<IncomingLane, SessionEnd> {
        let id = LaneId {
            peer,
            incarnation,
            lane: lane.into(),
        };
        let state = lanes::incoming(&node.store, &id).map_err(NodeError::from)?;
        Ok(IncomingLane::new(
            Position {
                incarnation,
                sequence: state.sequence,
                running_hash: state.running_hash,
            },
            CREDIT,
        ))
    };
    Ok(PerLane {
        control: lane(Lane::Control)?,
        urgent: lane(Lane::Urgent)?,
        bulk: lane(Lane::Bulk)?,
    })
}

impl LaneHashes for State<'_> {
    fn sent(&self, lane: Lane, sequence: u64) -> Option<Digest> {
        let id = self.node.lane_to(self.peer, lane.into());
        lanes::outbox(&self.node.store, &id, sequence)
            .ok()?
            .map(|(_, hash)| hash)
    }

    fn received(&self, lane: Lane, sequence: u64) -> Option<Digest> {
        let id = LaneId {
            peer: self.peer,
            incarnation: self.incarnation?,
            lane: lane.into(),
        };
        lanes::arrival(&self.node.store, &id, sequence)
            .ok()?
            .map(|(_, hash)| hash)
    }
}
