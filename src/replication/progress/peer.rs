//! All lanes shared with one peer.

use std::ops::RangeInclusive;

use super::{
    Agreed, Batch, Credit, Gate, IncomingLane, Lane, LaneHashes, OutgoingLane, PerLane, Position,
};
use crate::{crypto::Digest, wire::link::LaneState};

/// Three lanes out, three lanes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Lanes on which this node sends.
    pub outgoing: PerLane<OutgoingLane>,
    /// Lanes on which this node receives.
    pub incoming: PerLane<IncomingLane>,
    /// What waits for the peer's control lane.
    pub gate: Gate,
}

/// The lane states of a Hello.
#[derive(Clone, Debug, PartialEq)]
pub struct HelloStates {
    /// Per lane of the peer: what is durable here.
    pub received: Vec<LaneState>,
    /// Per own lane: how far receipts are durable here.
    pub receipts_durable: Vec<LaneState>,
}

/// What to do first in a session, besides sending records: receipts that the peer has not
/// confirmed, per lane, to be sent again (in frames of at most 256).
pub type Resume = PerLane<Option<RangeInclusive<u64>>>;

impl Peer {
    /// The lanes as the store knows them.
    pub const fn new(outgoing: PerLane<OutgoingLane>, incoming: PerLane<IncomingLane>) -> Self {
        Self {
            outgoing,
            incoming,
            gate: Gate::new(0),
        }
    }

    /// The states that the own Hello carries. Running hashes of own lanes come from `hashes`; one
    /// that is not known stands as zeros, which says nothing.
    pub fn hello_states(&self, hashes: &impl LaneHashes) -> HelloStates {
        HelloStates {
            received: self
                .incoming
                .iter()
                .map(|(lane, state)| state.durable().to_wire(lane))
                .collect(),
            receipts_durable: self
                .outgoing
                .iter()
                .map(|(lane, state)| {
                    let sequence = state.acked();
                    let running_hash = match sequence {
                        0 => Digest::ZERO,
                        _ => hashes.sent(lane, sequence).unwrap_or_default(),
                    };
                    Position {
                        incarnation: state.incarnation(),
                        sequence,
                        running_hash,
                    }
                    .to_wire(lane)
                })
                .collect(),
        }
    }

    /// A session begins as agreed; `window` is the credit that the own Hello gave per lane.
    pub fn begin(&mut self, agreed: &Agreed, window: Credit) -> Resume {
        self.gate = Gate::new(agreed.peer_control);
        for lane in Lane::ALL {
            self.outgoing
                .of_mut(lane)
                .begin(*agreed.peer_received.of(lane), agreed.credit);
            self.incoming.of_mut(lane).begin(
                agreed.peer_lanes,
                *agreed.peer_receipts_durable.of(lane),
                window,
            );
        }
        PerLane::from_fn(|lane| self.incoming.of(lane).unconfirmed())
    }

    /// The session ended: nothing is sent until the next one begins.
    pub fn end(&mut self) {
        for lane in Lane::ALL {
            self.outgoing.of_mut(lane).end();
        }
    }

    /// Whether records of a lane may go out now. Nothing but control goes while control records wait
    /// to be sent, for credit too, or the record behind a recall would overtake it; nor while some of
    /// the peer's control lane is missing here that it announced. A control lane that is stuck, since
    /// its next record is damaged here, holds up nothing.
    pub fn may_send(&self, lane: Lane, control_stuck: bool) -> bool {
        lane == Lane::Control
            || ((control_stuck || !self.outgoing.control.waits()) && self.missing().is_none())
    }

    /// What is missing of the peer's control lane, while other lanes wait for it.
    pub fn missing(&self) -> Option<RangeInclusive<u64>> {
        self.gate.missing(self.incoming.control.durable().sequence)
    }

    /// Whether everything of the peer's control lane is durable here that it announced, whatever own
    /// records wait for.
    pub fn heard(&self) -> bool {
        self.gate.reached(self.incoming.control.durable().sequence)
    }

    /// The next frame of records. Asked anew after every frame: control goes before urgent before
    /// bulk, so a control record waits for one frame at most.
    pub fn next_batch(
        &self,
        mut size_of: impl FnMut(Lane, u64) -> Option<u64>,
    ) -> Option<(Lane, Batch)> {
        let mut lanes = self.outgoing.iter();
        lanes.find_map(|(lane, state)| {
            if !self.may_send(lane, false) {
                return None;
            }
            let batch = state.next_batch(|sequence| size_of(lane, sequence))?;
            Some((lane, batch))
        })
    }

    /// True when nothing waits for a receipt.
    pub fn drained(&self) -> bool {
        self.outgoing.iter().all(|(_, lane)| lane.drained())
    }
}
