//! All lanes shared with one peer.

use std::ops::RangeInclusive;

use super::{
    Agreed, Batch, Credit, IncomingLane, Lane, LaneHashes, OutgoingLane, PerLane, Position,
};
use crate::{crypto::Digest, wire::link::LaneState};

/// Three lanes out, three lanes in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Peer {
    /// Lanes on which this node sends.
    pub outgoing: PerLane<OutgoingLane>,
    /// Lanes on which this node receives.
    pub incoming: PerLane<IncomingLane>,
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
        Self { outgoing, incoming }
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

    /// The next frame of records. Asked anew after every frame: control goes before urgent before
    /// bulk, so a control record waits for one frame at most.
    pub fn next_batch(
        &self,
        mut size_of: impl FnMut(Lane, u64) -> Option<u64>,
    ) -> Option<(Lane, Batch)> {
        self.outgoing.iter().find_map(|(lane, state)| {
            let batch = state.next_batch(|sequence| size_of(lane, sequence))?;
            Some((lane, batch))
        })
    }

    /// True when nothing waits for a receipt.
    pub fn drained(&self) -> bool {
        self.outgoing.iter().all(|(_, lane)| lane.drained())
    }
}
