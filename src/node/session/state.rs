//! What this node knows of a peer when they greet each other: its lanes and its incarnations.

use crate::{
    card::{self, Renewal},
    crypto::Digest,
    entry::{Event, Incarnation, LaneId, PeerRenewed},
    record::{Country, Moment},
    replication::{
        lanes,
        progress::{
            self, CREDIT, HelloFacts, IncomingLane, Lane, LaneHashes, Life, OutgoingLane,
            PeerLives, PerLane, Position,
        },
    },
    wire::{
        card::SignedRenewal,
        link::{ByeReason, Hello, LaneState},
    },
};

use super::{
    super::{
        Node, NodeError,
        lives::{self, PeerRenewal},
        projection,
    },
    SessionEnd, protocol,
};

/// Incarnations of a peer on which a hello says what was received.
const MAX_LIVES_STATED: usize = 8;

/// What this node knows of its lanes with a peer.
pub(super) struct State<'a> {
    node: &'a Node,
    peer: Country,
    pub(super) lanes: progress::Peer,
    /// Own incarnation whose lanes run in the session.
    pub(super) life: Incarnation,
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
    pub(super) fn read(
        node: &'a Node,
        peer: Country,
        hello: Option<&Hello>,
    ) -> Result<Self, SessionEnd> {
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
    pub(super) async fn make_renewal_durable(
        &mut self,
        agreed: &progress::Agreed,
    ) -> Result<(), SessionEnd> {
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

    pub(super) fn facts(
        &self,
        node: &Node,
        session: Option<[u8; 16]>,
    ) -> Result<HelloFacts<'_, Self>, SessionEnd> {
        let book = node.book.load();
        let card = book.get(self.peer).ok_or_else(no_card)?;
        let own = node.own_card();
        Ok(HelloFacts {
            country: node.country,
            peer: self.peer,
            incarnation: node.incarnation,
            session,
            card_version: own.version,
            card_digest: own.digest,
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

    pub(super) fn hello(
        &self,
        node: &Node,
        session: [u8; 16],
        now: Moment,
    ) -> Result<Hello, SessionEnd> {
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
        detail: "this country's card was not imported here".to_owned(),
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
