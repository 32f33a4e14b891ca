//! The Hello of each side: what must hold before a session, and from where it resumes.

use super::{Credit, Incarnation, Lane, MIN_CREDIT, Peer, PeerLives, PerLane, Position, SessionId};
use crate::{
    crypto::Digest,
    record::{Country, Moment},
    wire::{
        card::SignedRenewal,
        link::{Hello, LaneState},
    },
};

mod fault;

pub use fault::HelloFault;

/// The protocol version of this program.
pub const PROTOCOL_VERSION: u32 = 1;

/// Most versions of a Hello.
pub const MAX_HELLO_VERSIONS: usize = 16;

/// Most states in each list of a Hello: three lanes and a few incarnations.
pub const MAX_HELLO_STATES: usize = 24;

/// Running hashes that the store knows by lane and sequence; `None` for what it never had or no
/// longer has.
pub trait LaneHashes {
    /// Of an own lane to this peer, under the incarnation of the session.
    fn sent(&self, lane: Lane, sequence: u64) -> Option<Digest>;

    /// Of a lane of this peer, under the incarnation of [`HelloFacts::lanes`].
    fn received(&self, lane: Lane, sequence: u64) -> Option<Digest>;
}

/// What this node knows when the Hellos are exchanged.
#[derive(Clone, Copy, Debug)]
pub struct HelloFacts<'a, H> {
    /// The own country.
    pub country: Country,
    /// The peer's country, from its TLS certificate.
    pub peer: Country,
    /// The own incarnation.
    pub incarnation: Incarnation,
    /// The id this node chose when it dialled; `None` when it was dialled.
    pub session: Option<SessionId>,
    /// Version of the own card.
    pub card_version: u64,
    /// Digest of the own card.
    pub card_digest: Digest,
    /// Version of the peer's card that is trusted here.
    pub peer_card_version: u64,
    /// Digest of that card.
    pub peer_card_digest: Digest,
    /// The lanes: the own ones under the current incarnation, or under an earlier one while
    /// something of it is open with this peer.
    pub lanes: &'a Peer,
    /// The peer's incarnations.
    pub lives: PeerLives<'a>,
    /// How far lanes from here were received by the peer when it came under its renewed incarnation:
    /// it may come back to that. `None` for a peer that was never restored.
    pub floor: Option<PerLane<u64>>,
    /// What was received on the peer's lanes under its other incarnations.
    pub earlier: &'a [LaneState],
    /// True while this node, restored under a new incarnation, is being sent again what it had
    /// receipted before: peers then rightly know of receipts that it no longer has.
    pub recovering: bool,
    /// Running hashes.
    pub hashes: &'a H,
}

/// What both sides agreed on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agreed {
    /// Protocol version.
    pub version: u32,
    /// The session.
    pub session: SessionId,
    /// Incarnation under which the peer's lanes run in this session.
    pub peer_lanes: Incarnation,
    /// True when the peer comes under a renewal that was not known: to be made durable first.
    pub peer_renewed: bool,
    /// Per own lane: what the peer has received durably. Sending resumes one after.
    pub peer_received: PerLane<u64>,
    /// Per lane of the peer: how far it has receipts durable. Receipts resume one after.
    pub peer_receipts_durable: PerLane<u64>,
    /// How far the peer's control lane reaches.
    pub peer_control: u64,
    /// Credit that the peer gives per lane.
    pub credit: Credit,
    /// True when the peer holds an older card of this country: send the current one.
    pub send_card: bool,
    /// True when the peer has a newer card than the one trusted here: it will send it.
    pub expect_card: bool,
    /// The peer's clock, for the skew warning only.
    pub peer_time: Moment,
}

impl<H: LaneHashes> HelloFacts<'_, H> {
    /// The own Hello for `session`, with the credit given per lane, the peer's checkpoint held here
    /// (origin and size), the own renewal and the own clock.
    pub fn hello(
        &self,
        session: SessionId,
        window: Credit,
        checkpoint: (String, u64),
        renewal: Option<SignedRenewal>,
        now: Moment,
    ) -> Hello {
        let mut states = self.lanes.hello_states(self.hashes);
        let room = MAX_HELLO_STATES.saturating_sub(states.received.len());
        states
            .received
            .extend(self.earlier.iter().take(room).cloned());
        Hello {
            versions: vec![PROTOCOL_VERSION],
            country: self.country.to_string(),
            incarnation: self.incarnation.to_vec(),
            session: session.to_vec(),
            card_version: self.card_version,
            card_digest: self.card_digest.to_vec(),
            peer_card_version: self.peer_card_version,
            peer_card_digest: self.peer_card_digest.to_vec(),
            received: states.received,
            receipts_durable: states.receipts_durable,
            credit_records: u32::try_from(window.records).unwrap_or(u32::MAX),
            credit_bytes: window.bytes,
            checkpoint_size: checkpoint.1,
            time_us: now.micros(),
            resends: true,
            renewal,
            checkpoint_origin: checkpoint.0,
            control_assigned: self.lanes.outgoing.control.last_assigned(),
        }
    }

    fn own_restored(&self, what: String, theirs: u64, ours: u64) -> HelloFault {
        HelloFault::OwnRestored {
            country: self.country,
            what,
            theirs,
            ours,
        }
    }

    /// The cards that each side holds of itself and of the other.
    fn check_cards(&self, peer: &Hello) -> Result<(), HelloFault> {
        if peer.card_version < self.peer_card_version {
            return Err(HelloFault::CardOlder {
                country: self.peer,
                got: peer.card_version,
                known: self.peer_card_version,
            });
        }
        if peer.peer_card_version > self.card_version {
            let (theirs, ours) = (peer.peer_card_version, self.card_version);
            return Err(self.own_restored("the card".into(), theirs, ours));
        }
        let same = |a: u64, b: u64, c: &[u8], d: &Digest| a != b || c == d.as_ref();
        for (country, version, holds) in [
            (
                self.peer,
                peer.card_version,
                same(
                    peer.card_version,
                    self.peer_card_version,
                    &peer.card_digest,
                    &self.peer_card_digest,
                ),
            ),
            (
                self.country,
                self.card_version,
                same(
                    peer.peer_card_version,
                    self.card_version,
                    &peer.peer_card_digest,
                    &self.card_digest,
                ),
            ),
        ] {
            if !holds {
                return Err(HelloFault::CardConflict { country, version });
            }
        }
        Ok(())
    }

    /// What the peer has received of an own lane.
    fn check_received(
        &self,
        lane: Lane,
        theirs: &Position,
        renewed: bool,
    ) -> Result<(), HelloFault> {
        let ours = self.lanes.outgoing.of(lane);
        let what = || format!("the {lane} lane");
        if theirs.sequence > ours.last_assigned() {
            if ours.incarnation() != self.incarnation {
                // What the restored node lost of its earlier incarnation.
                return Ok(());
            }
            return Err(self.own_restored(what(), theirs.sequence, ours.last_assigned()));
        }
        let known = self.hashes.sent(lane, theirs.sequence);
        if differs(theirs, known) {
            return Err(HelloFault::Conflict {
                what: what(),
                sequence: theirs.sequence,
            });
        }
        // A peer that took a new incarnation says itself that it was restored, and asks again.
        let least = match self.floor {
            _ if renewed => 0,
            Some(floor) => ours.acked().min(*floor.of(lane)),
            None => ours.acked(),
        };
        if theirs.sequence < least {
            return Err(HelloFault::PeerRestored {
                country: self.peer,
                what: format!("the {lane} lane from {}", self.country),
                theirs: theirs.sequence,
                ours: ours.acked(),
            });
        }
        Ok(())
    }

    /// How far the peer has receipts of one of its lanes.
    fn check_receipts(&self, lane: Lane, theirs: &Position) -> Result<(), HelloFault> {
        let ours = self.lanes.incoming.of(lane).durable();
        let what = || format!("the receipts for the {lane} lane from {}", self.peer);
        let (issued, known) = if theirs.incarnation == ours.incarnation {
            let known = if theirs.sequence == ours.sequence {
                Some(ours.running_hash)
            } else {
                self.hashes.received(lane, theirs.sequence)
            };
            (ours.sequence, known)
        } else {
            (0, None)
        };
        if theirs.sequence > issued {
            if self.recovering {
                return Ok(());
            }
            return Err(self.own_restored(what(), theirs.sequence, issued));
        }
        if differs(theirs, known) {
            return Err(HelloFault::Conflict {
                what: what(),
                sequence: theirs.sequence,
            });
        }
        Ok(())
    }
}

/// Zeros say nothing of a sequence that exists, and must stand where none does.
fn differs(theirs: &Position, known: Option<Digest>) -> bool {
    let stated = theirs.running_hash;
    if theirs.sequence == 0 {
        return stated != Digest::ZERO;
    }
    stated != Digest::ZERO && known.is_some_and(|known| known != stated)
}

/// Decides on the peer's Hello.
///
/// # Errors
/// A [`HelloFault`]: the session ends with its reason and text. [`HelloFault::OwnRestored`] fences
/// this node: it must not send records until it took a new incarnation.
pub fn negotiate<H: LaneHashes>(
    own: &HelloFacts<'_, H>,
    peer: &Hello,
) -> Result<Agreed, HelloFault> {
    if peer.versions.len() > MAX_HELLO_VERSIONS {
        return Err(HelloFault::Malformed("too many versions"));
    }
    if !peer.versions.contains(&PROTOCOL_VERSION) {
        return Err(HelloFault::Version(peer.versions.clone()));
    }
    if peer.country != own.peer.code() {
        return Err(HelloFault::Country {
            certificate: own.peer,
            hello: peer.country.chars().take(16).collect(),
        });
    }
    let session = array(&peer.session, "the session id is not 16 bytes")?;
    if own.session.is_some_and(|dialled| dialled != session) {
        return Err(HelloFault::Session);
    }
    let peer_incarnation = array(&peer.incarnation, "the incarnation is not 16 bytes")?;
    own.check_cards(peer)?;
    let (_, peer_renewed) = own.lives.judge(own.peer, peer_incarnation)?;
    let peer_lanes = own.lives.lanes(peer);
    let credit = Credit {
        records: peer.credit_records.into(),
        bytes: peer.credit_bytes,
    };
    if credit.minus(MIN_CREDIT).is_none() {
        return Err(HelloFault::Credit {
            records: credit.records,
            bytes: credit.bytes,
        });
    }
    // States of another incarnation decide nothing in this session.
    let own_lanes = own.lanes.outgoing.control.incarnation();
    let received = positions(&peer.received, own_lanes)?;
    let receipts = positions(&peer.receipts_durable, peer_lanes)?;
    for lane in Lane::ALL {
        own.check_received(lane, received.of(lane), peer_renewed)?;
        own.check_receipts(lane, receipts.of(lane))?;
    }
    Ok(Agreed {
        version: PROTOCOL_VERSION,
        session,
        peer_lanes,
        peer_renewed,
        peer_received: PerLane::from_fn(|lane| received.of(lane).sequence),
        peer_receipts_durable: PerLane::from_fn(|lane| receipts.of(lane).sequence),
        peer_control: peer.control_assigned,
        credit,
        send_card: peer.peer_card_version < own.card_version,
        expect_card: peer.card_version > own.peer_card_version,
        peer_time: Moment::from_micros(peer.time_us),
    })
}

/// The states of one incarnation; the start of the lane where none is given.
fn positions(
    states: &[LaneState],
    incarnation: Incarnation,
) -> Result<PerLane<Position>, HelloFault> {
    if states.len() > MAX_HELLO_STATES {
        return Err(HelloFault::Malformed("too many lane states"));
    }
    let mut found = PerLane::<Option<Position>>::default();
    for state in states {
        let (lane, position) =
            Position::from_wire(state).ok_or(HelloFault::Malformed("a lane state"))?;
        if position.incarnation != incarnation {
            continue;
        }
        if found.of_mut(lane).replace(position).is_some() {
            return Err(HelloFault::Malformed("a lane is stated twice"));
        }
    }
    Ok(PerLane::from_fn(|lane| {
        found
            .of(lane)
            .unwrap_or_else(|| Position::start(incarnation))
    }))
}

fn array(bytes: &[u8], what: &'static str) -> Result<[u8; 16], HelloFault> {
    bytes.try_into().map_err(|_| HelloFault::Malformed(what))
}
