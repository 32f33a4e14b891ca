//! Hello: what this node knows, what was agreed, and the session's place in the registry.

use std::sync::{Arc, Mutex};

use crate::{
    card::{self, Renewal},
    crypto::Digest,
    entry::{Event, Incarnation, LaneId, PeerRenewed},
    record::{Country, Moment},
    replication::{
        lanes,
        progress::{
            self, CREDIT, HelloFacts, HelloFault, IncomingLane, Lane, LaneHashes, Life,
            OutgoingLane, PeerLives, PerLane, Position, Resume, SessionInfo,
        },
    },
    wire::{
        card::SignedRenewal,
        link::{ByeReason, Hello, LaneState, frame},
    },
};

use super::{
    super::{
        Claim, Node, NodeError,
        links::Seat,
        lives::{self, PeerRenewal},
        projection,
    },
    Outlet, Session, SessionEnd,
    again::Again,
    fenced, protocol,
    settling::Settling,
    statements,
};

/// Clocks further apart than this are worth a warning.
const SKEW_SECONDS: u64 = 300;
/// Incarnations of a peer on which a hello says what was received.
const MAX_LIVES_STATED: usize = 8;

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
    let state = State::read(node, peer, None)?;
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
    let mut state = State::read(node, peer, Some(hello))?;
    let agreed = progress::negotiate(
        &state.facts(node, dialled.map(|dialled| dialled.session))?,
        hello,
    );
    let agreed = match agreed {
        Ok(agreed) => agreed,
        Err(fault) => return Err(refuse(node, peer, &fault, hello.checkpoint_size).await),
    };
    if agreed.peer_renewed {
        state.make_renewal_durable(&agreed).await?;
    }
    node.clocks.heard(peer, hello.time_us, node.now());
    hear(node, peer, hello).await?;
    // Only now: what the peer knows of this node is worth hearing all the same.
    if node.is_fenced() {
        return Err(fenced());
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
                peer_incarnation: agreed.peer_lanes,
                life: state.life,
                settling: Settling::begin(node, peer, &state.lanes, &agreed)?,
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

/// What the peer knows of the own ledger: no more than this node does, or it was restored.
async fn hear(node: &Arc<Node>, peer: Country, hello: &Hello) -> Result<(), SessionEnd> {
    let told = statements::told(node, hello);
    let size = node.ledger_size().map_err(NodeError::from)?;
    if told <= size {
        node.confirmed_by(peer);
        return Ok(());
    }
    let claim = Claim {
        what: "the ledger".to_owned(),
        theirs: told,
        ours: size,
        checkpoint_size: told,
    };
    node.fenced(peer, claim).await;
    Err(SessionEnd::Refused {
        reason: ByeReason::Fenced,
        detail: format!(
            "the peer holds a checkpoint of {told} leaves, the ledger has {size}: this node was restored from an older state"
        ),
    })
}

async fn take_place(
    node: &Arc<Node>,
    peer: Country,
    dialled: Option<Dialled>,
    outlet: &Outlet,
    agreed: &progress::Agreed,
    state: &mut State<'_>,
) -> Result<Resume, SessionEnd> {
    node.links.greeted(peer, agreed.peer_lanes);
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
    /// Own incarnation whose lanes run in the session.
    life: Incarnation,
    /// The peer's incarnation whose lanes run in the session.
    peer_life: Option<Incarnation>,
    last: Option<Incarnation>,
    renewed: Option<PeerRenewal>,
    offered: Option<(SignedRenewal, Life)>,
    /// Received under the peer's other incarnations.
    earlier: Vec<LaneState>,
    recovering: bool,
}

impl<'a> State<'a> {
    /// The state before the peer's hello was heard, or after.
    fn read(node: &'a Node, peer: Country, hello: Option<&Hello>) -> Result<Self, SessionEnd> {
        let life = node.life_with(peer)?;
        let renewed = lives::peer_renewal(&node.store, peer)?;
        let last = match &renewed {
            Some(renewed) => Some(renewed.life.incarnation),
            None => lanes::last_incarnation(&node.store, peer).map_err(NodeError::from)?,
        };
        let offered = match hello.and_then(|hello| hello.renewal.as_ref()) {
            Some(signed) => {
                let renewal = verified(node, peer, signed)?;
                Some((signed.clone(), lives::life_of(&renewal)))
            }
            None => None,
        };
        let mut state = Self {
            node,
            peer,
            lanes: progress::Peer::new(
                outgoing(node, peer, life)?,
                incoming(node, peer, last.unwrap_or_default())?,
            ),
            life,
            peer_life: last,
            last,
            renewed,
            offered,
            earlier: Vec::new(),
            recovering: node.is_recovering(peer)?,
        };
        if let Some(hello) = hello {
            let said = state.lives().lanes(hello);
            if Some(said) != last {
                // What was received under the incarnation whose lanes the peer runs, if anything.
                state.lanes.incoming = incoming(node, peer, said)?;
                state.peer_life = Some(said);
            }
        }
        state.earlier = state.other_lives()?;
        Ok(state)
    }

    /// What was received of the peer's incarnations besides the one whose lanes run: a restored
    /// peer may still have to settle them. Newest first, and no more than a hello carries.
    fn other_lives(&self) -> Result<Vec<LaneState>, SessionEnd> {
        let mut states = Vec::new();
        let known = [
            self.renewed.as_ref().map(|renewed| &renewed.life),
            self.offered.as_ref().map(|(_, life)| life),
        ];
        let mut lives: Vec<Incarnation> = self.last.into_iter().collect();
        for life in known.into_iter().flatten() {
            lives.extend(life.retired.iter().rev());
        }
        let mut stated = vec![self.peer_life.unwrap_or_default()];
        for life in lives {
            if stated.contains(&life) || stated.len() >= MAX_LIVES_STATED {
                continue;
            }
            stated.push(life);
            let lanes = incoming(self.node, self.peer, life)?;
            states.extend(
                lanes
                    .iter()
                    .map(|(lane, state)| state.durable().to_wire(lane)),
            );
        }
        Ok(states)
    }

    fn lives(&self) -> PeerLives<'_> {
        PeerLives {
            last: self.last,
            renewed: self.renewed.as_ref().map(|renewed| &renewed.life),
            offered: self.offered.as_ref().map(|(_, life)| life),
        }
    }

    /// The peer's new incarnation, before anything is answered under it. A crash before leaves the
    /// old one known, and the peer shows its root's word again.
    async fn make_renewal_durable(&mut self, agreed: &progress::Agreed) -> Result<(), SessionEnd> {
        let Some((signed, life)) = &self.offered else {
            return Err(protocol("a renewal is needed and none was given"));
        };
        let received = agreed
            .peer_received
            .iter()
            .map(|(lane, sequence)| {
                LaneId {
                    peer: self.peer,
                    incarnation: self.life,
                    lane: lane.into(),
                }
                .at(*sequence, &Digest::ZERO)
            })
            .collect();
        let event = Event::PeerRenewed(PeerRenewed {
            peer: self.peer.code().to_owned(),
            number: life.number,
            incarnation: life.incarnation.to_vec(),
            signed_renewal: prost::Message::encode_to_vec(signed),
            received,
        });
        tracing::warn!(peer = %self.peer, number = life.number, "the peer was restored and goes on under a new incarnation, as its root says");
        self.node.note(event, Vec::new()).await?;
        Ok(())
    }

    fn facts(
        &self,
        node: &Node,
        session: Option<[u8; 16]>,
    ) -> Result<HelloFacts<'_, Self>, SessionEnd> {
        let book = node.book.load();
        let card = book.get(self.peer).ok_or_else(no_card)?;
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
            lives: self.lives(),
            floor: self.renewed.as_ref().map(|renewed| renewed.floor),
            earlier: &self.earlier,
            recovering: self.recovering,
            hashes: self,
        })
    }

    fn hello(&self, node: &Node, session: [u8; 16], now: Moment) -> Result<Hello, SessionEnd> {
        let checkpoint = projection::checkpoint_of(&node.store, self.peer)?.map_or_else(
            || (String::new(), 0),
            |seen| {
                let origin = seen.note.lines().next().unwrap_or_default();
                (origin.to_owned(), seen.size)
            },
        );
        let renewal = node.renewal.clone();
        Ok(self
            .facts(node, Some(session))?
            .hello(session, CREDIT, checkpoint, renewal, now))
    }
}

fn no_card() -> SessionEnd {
    SessionEnd::Refused {
        reason: ByeReason::Card,
        detail: "this country's card was not imported here, or has expired".to_owned(),
    }
}

/// The renewal that a peer shows, by the root of the card held.
fn verified(node: &Node, peer: Country, signed: &SignedRenewal) -> Result<Renewal, SessionEnd> {
    let book = node.book.load();
    let card = book.get(peer).ok_or_else(no_card)?;
    card::verify_renewal(signed, &card.root_key, peer).map_err(|fault| SessionEnd::Refused {
        reason: ByeReason::Card,
        detail: format!("the renewal of {peer}'s incarnation is refused: {fault}"),
    })
}

fn outgoing(
    node: &Node,
    peer: Country,
    incarnation: Incarnation,
) -> Result<PerLane<OutgoingLane>, SessionEnd> {
    let lane = |lane: Lane| -> Result<OutgoingLane, SessionEnd> {
        let id = LaneId {
            peer,
            incarnation,
            lane: lane.into(),
        };
        let state = lanes::outgoing(&node.store, &id).map_err(NodeError::from)?;
        Ok(OutgoingLane::new(
            incarnation,
            state.assigned,
            state.receipted,
        ))
    };
    Ok(PerLane {
        control: lane(Lane::Control)?,
        urgent: lane(Lane::Urgent)?,
        bulk: lane(Lane::Bulk)?,
    })
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
        let id = LaneId {
            peer: self.peer,
            incarnation: self.life,
            lane: lane.into(),
        };
        lanes::outbox(&self.node.store, &id, sequence)
            .ok()?
            .map(|(_, hash)| hash)
    }

    fn received(&self, lane: Lane, sequence: u64) -> Option<Digest> {
        let id = LaneId {
            peer: self.peer,
            incarnation: self.peer_life?,
            lane: lane.into(),
        };
        lanes::arrival(&self.node.store, &id, sequence)
            .ok()?
            .map(|(_, hash)| hash)
    }
}
