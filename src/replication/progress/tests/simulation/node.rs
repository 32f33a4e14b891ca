//! A node of the simulation: the state machine, a disk, and a store that lags behind.

use std::collections::VecDeque;

use super::*;
use crate::{
    record::{Country, Moment},
    wire::link::Hello,
};

const WINDOW: Credit = Credit {
    records: 20,
    bytes: 2 * MAX_BATCH_BYTES,
};

/// What a node has after a crash.
#[derive(Clone, Default)]
pub(super) struct Disk {
    /// Per own lane: header digest, size and running hash of every record assigned.
    pub(super) outbox: PerLane<Vec<(Digest, u64, Digest)>>,
    /// Per own lane: receipts durable up to.
    pub(super) acked: PerLane<u64>,
    /// Per lane of the peer: header digest and running hash of every record received.
    pub(super) inbox: PerLane<Vec<(Digest, Digest)>>,
}

impl LaneHashes for Disk {
    fn sent(&self, lane: Lane, sequence: u64) -> Option<Digest> {
        let place = usize::try_from(sequence.checked_sub(1)?).ok()?;
        Some(self.outbox.of(lane).get(place)?.2)
    }

    fn received(&self, lane: Lane, sequence: u64) -> Option<Digest> {
        let place = usize::try_from(sequence.checked_sub(1)?).ok()?;
        Some(self.inbox.of(lane).get(place)?.1)
    }
}

#[derive(Clone, Debug)]
pub(super) enum Frame {
    Deliver {
        lane: Lane,
        first: u64,
        headers: Vec<Digest>,
        bytes: u64,
        /// Put in a second time by the line, outside of any credit.
        echo: bool,
    },
    Ack {
        lane: Lane,
        first: u64,
        count: u64,
    },
    Credit(Lane, Credit),
    ReceiptsDurable(Lane, u64),
}

/// What waits for the store.
pub(super) enum Commit {
    Records {
        lane: Lane,
        first: u64,
        headers: Vec<Digest>,
        consumed: Credit,
    },
    Receipts {
        lane: Lane,
        up_to: u64,
    },
}

pub(super) struct Node {
    pub(super) country: Country,
    other: Country,
    pub(super) incarnation: Incarnation,
    pub(super) disk: Disk,
    pub(super) peer: Peer,
    /// How far the other's control lane reached when the session began.
    announced: u64,
    pub(super) store: VecDeque<Commit>,
    /// Frames on their way to this node.
    pub(super) line: VecDeque<Frame>,
}

impl Node {
    pub(super) fn new(country: &str, other: &str, incarnation: u8, theirs: u8) -> Self {
        let disk = Disk::default();
        Self {
            country: country.parse().unwrap(),
            other: other.parse().unwrap(),
            incarnation: [incarnation; 16],
            peer: Self::load(&disk, [incarnation; 16], [theirs; 16]),
            disk,
            announced: 0,
            store: VecDeque::new(),
            line: VecDeque::new(),
        }
    }

    /// The lanes as a start finds them.
    fn load(disk: &Disk, own: Incarnation, theirs: Incarnation) -> Peer {
        Peer::new(
            PerLane::from_fn(|lane| {
                OutgoingLane::new(own, disk.outbox.of(lane).len() as u64, *disk.acked.of(lane))
            }),
            PerLane::from_fn(|lane| {
                let sequence = disk.inbox.of(lane).len() as u64;
                let position = Position {
                    incarnation: theirs,
                    sequence,
                    running_hash: disk.received(lane, sequence).unwrap_or_default(),
                };
                IncomingLane::new(position, WINDOW)
            }),
        )
    }

    pub(super) fn facts(&self) -> HelloFacts<'_, Disk> {
        HelloFacts {
            country: self.country,
            peer: self.other,
            incarnation: self.incarnation,
            session: Some([7; 16]),
            card_version: 1,
            card_digest: Digest::ZERO,
            peer_card_version: 1,
            peer_card_digest: Digest::ZERO,
            lanes: &self.peer,
            lives: PeerLives::default(),
            floor: None,
            earlier: &[],
            recovering: false,
            hashes: &self.disk,
        }
    }

    pub(super) fn hello(&self) -> Hello {
        self.facts()
            .hello([7; 16], WINDOW, (String::new(), 0), None, Moment::default())
    }

    pub(super) fn begin(&mut self, hello: &Hello) -> Vec<Frame> {
        let agreed = negotiate(&self.facts(), hello).expect("honest nodes agree");
        self.announced = hello.control_assigned;
        let resume = self.peer.begin(&agreed, WINDOW);
        Lane::ALL
            .into_iter()
            .filter_map(|lane| Some((lane, resume.of(lane).clone()?)))
            .flat_map(|(lane, receipts)| acks(lane, *receipts.start(), *receipts.end()))
            .collect()
    }

    pub(super) fn submit(&mut self, lane: Lane, size: u64) {
        let outbox = self.disk.outbox.of_mut(lane);
        let sequence = outbox.len() as u64 + 1;
        let header = Digest::of(format!("{} {lane} {sequence}", self.country).as_bytes());
        let previous = outbox.last().map_or(Digest::ZERO, |record| record.2);
        outbox.push((header, size, running_hash(&previous, sequence, &header)));
        self.peer.outgoing.of_mut(lane).assigned(sequence);
    }

    pub(super) fn send(&mut self) -> Option<Frame> {
        let outbox = &self.disk.outbox;
        let record = |lane: Lane, sequence: u64| outbox.of(lane)[sequence as usize - 1];
        let (lane, batch) = self
            .peer
            .next_batch(|lane, sequence| Some(record(lane, sequence).1))?;
        if lane != Lane::Control {
            let complied = self.disk.inbox.control.len() as u64;
            assert!(complied >= self.announced, "the other's control goes first");
            assert!(!self.peer.outgoing.control.waits(), "control goes first");
        }
        let headers = batch
            .sequences()
            .map(|sequence| record(lane, sequence).0)
            .collect();
        self.peer.outgoing.of_mut(lane).sent(&batch);
        Some(Frame::Deliver {
            lane,
            first: batch.first,
            headers,
            bytes: batch.bytes,
            echo: false,
        })
    }

    /// Takes the next frame off the line; the answer goes back at once.
    pub(super) fn receive(&mut self) -> Vec<Frame> {
        match self.line.pop_front() {
            Some(Frame::Deliver {
                lane,
                first,
                headers,
                bytes,
                echo,
            }) => self.delivered(lane, first, headers, bytes, echo),
            Some(Frame::Ack { lane, first, count }) => {
                let receipted = self
                    .peer
                    .outgoing
                    .of_mut(lane)
                    .receipts(first, count)
                    .unwrap();
                if !receipted.fresh.is_empty() {
                    let up_to = receipted.fresh.end - 1;
                    self.store.push_back(Commit::Receipts { lane, up_to });
                }
                Vec::new()
            }
            Some(Frame::Credit(lane, more)) => {
                let lane = self.peer.outgoing.of_mut(lane);
                lane.credit(more.records, more.bytes);
                Vec::new()
            }
            Some(Frame::ReceiptsDurable(lane, up_to)) => {
                let lane = self.peer.incoming.of_mut(lane);
                let incarnation = lane.durable().incarnation;
                lane.receipts_confirmed(incarnation, up_to).unwrap();
                Vec::new()
            }
            None => Vec::new(),
        }
    }

    fn delivered(
        &mut self,
        lane: Lane,
        first: u64,
        headers: Vec<Digest>,
        bytes: u64,
        echo: bool,
    ) -> Vec<Frame> {
        let inbox = self.disk.inbox.of(lane);
        let state = self.peer.incoming.of_mut(lane);
        let mut consumed = Credit::default();
        if !echo {
            consumed = Credit {
                records: headers.len() as u64,
                bytes,
            };
            state.spend(consumed.records, consumed.bytes).unwrap();
        }
        let known = |sequence: u64| inbox.get(sequence as usize - 1).map(|record| record.0);
        let incarnation = state.durable().incarnation;
        let accepted = state.deliver(incarnation, first, &headers, known).unwrap();
        if accepted.fresh.is_empty() {
            let grant = state.grant(consumed);
            return grant
                .map(|grant| Frame::Credit(lane, grant))
                .into_iter()
                .collect();
        }
        self.store.push_back(Commit::Records {
            lane,
            first: accepted.fresh.start,
            headers: headers[accepted.skip_duplicates as usize..].to_vec(),
            consumed,
        });
        Vec::new()
    }

    /// The store finishes one commit; the answer goes out after it.
    pub(super) fn commit(&mut self) -> Vec<Frame> {
        match self.store.pop_front() {
            Some(Commit::Records {
                lane,
                first,
                headers,
                consumed,
            }) => self.commit_records(lane, first, &headers, consumed),
            Some(Commit::Receipts { lane, up_to }) => {
                let acked = self.disk.acked.of_mut(lane);
                *acked = up_to.max(*acked);
                let state = self.peer.outgoing.of_mut(lane);
                state.receipts_durable(up_to);
                vec![Frame::ReceiptsDurable(lane, state.acked())]
            }
            None => Vec::new(),
        }
    }

    fn commit_records(
        &mut self,
        lane: Lane,
        first: u64,
        headers: &[Digest],
        consumed: Credit,
    ) -> Vec<Frame> {
        let inbox = self.disk.inbox.of_mut(lane);
        for (sequence, header) in (first..).zip(headers) {
            // The writer's own check: what an earlier session brought may be there already.
            if let Some(known) = inbox.get(sequence as usize - 1) {
                assert_eq!(known.0, *header);
                continue;
            }
            assert_eq!(sequence, inbox.len() as u64 + 1, "in order");
            let previous = inbox.last().map_or(Digest::ZERO, |record| record.1);
            inbox.push((*header, running_hash(&previous, sequence, header)));
        }
        let state = self.peer.incoming.of_mut(lane);
        let position = Position {
            incarnation: state.durable().incarnation,
            sequence: inbox.len() as u64,
            running_hash: inbox.last().map_or(Digest::ZERO, |record| record.1),
        };
        let head = (state.head(), state.head_hash());
        let receipts = state.made_durable(&position);
        if state.head() == head.0 {
            assert_eq!(state.head_hash(), head.1, "one chain");
        }
        let mut frames = receipts.map_or(Vec::new(), |receipts| {
            acks(lane, *receipts.start(), *receipts.end())
        });
        let grant = state.grant(consumed);
        frames.extend(grant.map(|grant| Frame::Credit(lane, grant)));
        frames
    }

    pub(super) fn crash(&mut self, theirs: Incarnation) {
        self.peer = Self::load(&self.disk, self.incarnation, theirs);
        self.store.clear();
    }
}

fn acks(lane: Lane, from: u64, to: u64) -> Vec<Frame> {
    (from..=to)
        .step_by(MAX_BATCH_RECORDS as usize)
        .map(|first| Frame::Ack {
            lane,
            first,
            count: (to - first + 1).min(MAX_BATCH_RECORDS),
        })
        .collect()
}
