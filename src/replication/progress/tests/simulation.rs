//! Two nodes over a bad line: sessions end at any point and lose what was under way, frames of
//! records come twice, either side crashes back to what it has durably, the store lags behind.
//! Every record must arrive once and in order, every receipt must come back, and neither side may
//! wait for the other for ever.

mod node;

use node::{Frame, Node};
use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Op {
    Submit(bool, Lane, u64, u8),
    Send(bool),
    Receive(bool),
    Commit(bool),
    /// The last frame under way to this side comes twice, where it holds records.
    Echo(bool),
    /// The session ends; whether what its tasks had not handed to the store is lost with them.
    Cut(bool),
    Connect,
    Crash(bool),
}

fn op() -> impl Strategy<Value = Op> {
    let lane = prop_oneof![Just(Lane::Control), Just(Lane::Urgent), Just(Lane::Bulk)];
    let size = prop_oneof![1_u64..2_000, Just(MAX_BATCH_BYTES)];
    prop_oneof![
        4 => (any::<bool>(), lane, size, 1_u8..30).prop_map(|(at, lane, size, count)| Op::Submit(at, lane, size, count)),
        8 => any::<bool>().prop_map(Op::Send),
        12 => any::<bool>().prop_map(Op::Receive),
        8 => any::<bool>().prop_map(Op::Commit),
        2 => any::<bool>().prop_map(Op::Echo),
        1 => any::<bool>().prop_map(Op::Cut),
        3 => Just(Op::Connect),
        1 => any::<bool>().prop_map(Op::Crash),
    ]
}

struct World {
    nodes: [Node; 2],
    up: bool,
}

impl World {
    fn new() -> Self {
        Self {
            nodes: [Node::new("UZ", "KZ", 1, 2), Node::new("KZ", "UZ", 2, 1)],
            up: false,
        }
    }

    fn cut(&mut self) {
        self.up = false;
        for node in &mut self.nodes {
            node.line.clear();
            node.peer.end();
        }
    }

    fn connect(&mut self) {
        self.cut();
        let [a, b] = &mut self.nodes;
        let (from_a, from_b) = (a.hello(), b.hello());
        a.line.extend(b.begin(&from_a));
        b.line.extend(a.begin(&from_b));
        self.up = true;
    }

    /// Frames reach the other side's line only while a session is up.
    fn post(&mut self, from: usize, frames: impl IntoIterator<Item = Frame>) {
        if self.up {
            self.nodes[1 - from].line.extend(frames);
        }
    }

    fn play(&mut self, op: &Op) {
        match *op {
            Op::Submit(at, lane, size, count) => {
                for _ in 0..count {
                    self.nodes[usize::from(at)].submit(lane, size);
                }
            }
            Op::Send(at) if self.up => {
                let frame = self.nodes[usize::from(at)].send();
                self.post(usize::from(at), frame);
            }
            Op::Receive(at) => {
                let frames = self.nodes[usize::from(at)].receive();
                self.post(usize::from(at), frames);
            }
            Op::Commit(at) => {
                let frames = self.nodes[usize::from(at)].commit();
                self.post(usize::from(at), frames);
            }
            Op::Echo(at) => {
                let line = &mut self.nodes[usize::from(at)].line;
                if let Some(Frame::Deliver {
                    lane,
                    first,
                    headers,
                    bytes,
                    ..
                }) = line.back().cloned()
                {
                    line.push_back(Frame::Deliver {
                        lane,
                        first,
                        headers,
                        bytes,
                        echo: true,
                    });
                }
            }
            Op::Cut(forgets) => {
                self.cut();
                if forgets {
                    for node in &mut self.nodes {
                        node.store.clear();
                    }
                }
            }
            Op::Connect => self.connect(),
            Op::Crash(at) => {
                self.cut();
                let theirs = self.nodes[usize::from(!at)].incarnation;
                self.nodes[usize::from(at)].crash(theirs);
            }
            Op::Send(_) => {}
        }
    }

    /// One good session: everything must come to rest, with nothing left to do.
    fn settle(&mut self) {
        self.connect();
        for _ in 0..100_000 {
            let mut busy = false;
            for at in [false, true] {
                let node = &self.nodes[usize::from(at)];
                busy |= !node.line.is_empty() || !node.store.is_empty();
                let frame = self.nodes[usize::from(at)].send();
                busy |= frame.is_some();
                self.post(usize::from(at), frame);
                self.play(&Op::Receive(at));
                self.play(&Op::Commit(at));
            }
            if !busy {
                return;
            }
        }
        panic!("the nodes do not come to rest");
    }

    /// Every record is there once and in order, every receipt is back and confirmed.
    fn check(&self) {
        for (from, to) in [(0, 1), (1, 0)] {
            let (from, to) = (&self.nodes[from], &self.nodes[to]);
            for lane in Lane::ALL {
                let sent: Vec<_> = from
                    .disk
                    .outbox
                    .of(lane)
                    .iter()
                    .map(|record| (record.0, record.2))
                    .collect();
                assert_eq!(&sent, to.disk.inbox.of(lane), "{lane} of {}", from.country);
                assert_eq!(*from.disk.acked.of(lane), sent.len() as u64);
                let state = to.peer.incoming.of(lane);
                assert_eq!(state.confirmed(), sent.len() as u64);
                assert_eq!(state.unconfirmed(), None);
                let mark = Position {
                    incarnation: from.incarnation,
                    sequence: sent.len() as u64,
                    running_hash: sent.last().map_or(Digest::ZERO, |record| record.1),
                };
                assert_eq!(check_mark(state, &mark), MarkView::UpToDate);
            }
            assert!(from.peer.drained());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn every_record_arrives_once_and_every_receipt_returns(
        ops in proptest::collection::vec(op(), 0..200),
    ) {
        let mut world = World::new();
        for op in &ops {
            world.play(op);
        }
        world.settle();
        world.check();
        // Nothing to do: one round trip, no frames.
        world.connect();
        prop_assert!(world.nodes.iter_mut().all(|node| node.line.is_empty() && node.send().is_none()));
    }

    /// THREATS rows 6 and 17: a node that comes back with an older disk is fenced by both sides,
    /// wherever the copy was taken, as soon as its peer knows more of it than it does.
    #[test]
    fn a_restored_node_is_fenced(before in 1_u64..40, after in 1_u64..40, origin in any::<bool>()) {
        let (of_origin, mut world) = (usize::from(!origin), World::new());
        let submit = |world: &mut World, count| {
            for _ in 0..count {
                world.nodes[0].submit(Lane::Bulk, 10);
            }
            world.settle();
        };
        submit(&mut world, before);
        let copy = world.nodes[of_origin].disk.clone();
        submit(&mut world, after);
        world.cut();
        let theirs = world.nodes[1 - of_origin].incarnation;
        world.nodes[of_origin].disk = copy;
        world.nodes[of_origin].crash(theirs);

        let (restored, other) = (&world.nodes[of_origin], &world.nodes[1 - of_origin]);
        let own = negotiate(&restored.facts(), &other.hello());
        prop_assert!(matches!(own, Err(HelloFault::OwnRestored { .. })), "{own:?}");
        if !origin {
            let seen = negotiate(&other.facts(), &restored.hello());
            prop_assert!(matches!(seen, Err(HelloFault::PeerRestored { .. })), "{seen:?}");
        }
    }

    /// A restored origin that has meanwhile assigned the same sequences to other records.
    #[test]
    fn a_reused_sequence_is_a_conflict(before in 1_u64..20, after in 1_u64..20) {
        let mut world = World::new();
        for _ in 0..before {
            world.nodes[0].submit(Lane::Bulk, 10);
        }
        let copy = world.nodes[0].disk.clone();
        for _ in 0..after {
            world.nodes[0].submit(Lane::Bulk, 10);
        }
        world.settle();
        world.cut();
        world.nodes[0].disk = copy;
        world.nodes[0].crash([2; 16]);
        for n in 0..after {
            world.nodes[0].submit(Lane::Bulk, 10);
            let record = world.nodes[0].disk.outbox.bulk.last_mut().unwrap();
            record.0 = Digest::of(&n.to_be_bytes());
            record.2 = Digest::of(b"another history");
        }
        let conflict = negotiate(&world.nodes[0].facts(), &world.nodes[1].hello());
        prop_assert!(matches!(conflict, Err(HelloFault::Conflict { .. })), "{conflict:?}");
    }
}

/// THREATS row 6.
#[test]
fn a_captured_day_replayed_across_restarts_adds_nothing() {
    let mut world = World::new();
    let mut captured = Vec::new();
    for day in 1..=20 {
        for lane in Lane::ALL {
            (0..day).for_each(|_| world.nodes[0].submit(lane, 10));
        }
        world.connect();
        while let Some(frame) = world.nodes[0].send() {
            captured.push(frame.clone());
            world.post(0, [frame]);
            world.play(&Op::Receive(true));
        }
        world.settle();
    }
    world.check();
    for _ in 0..3 {
        world.play(&Op::Crash(true));
        world.connect();
        for frame in &captured {
            world.post(0, [frame.clone()]);
            world.play(&Op::Echo(true));
            // The captured frame itself has no credit; its echo is outside of credit.
            let echo = world.nodes[1].line.pop_back();
            world.nodes[1].line.clear();
            world.nodes[1].line.extend(echo);
            world.play(&Op::Receive(true));
        }
        assert!(world.nodes[1].store.is_empty(), "nothing was new");
    }
    world.settle();
    world.check();
}

/// THREATS row 5.
#[test]
fn one_record_of_ten_thousand_that_is_withheld_is_named() {
    let life = [1; 16];
    let headers: Vec<Digest> = (1..=10_000_u64)
        .map(|sequence| Digest::of(&sequence.to_be_bytes()))
        .collect();
    for withheld in [1, 2, 256, 5_000, 9_999] {
        let mut lane = IncomingLane::new(Position::start(life), CREDIT);
        let fault = (1..).zip(&headers).find_map(|(sequence, header)| {
            (sequence != withheld)
                .then(|| lane.deliver(life, sequence, &[*header], |_| None).err())
                .flatten()
        });
        assert_eq!(
            fault,
            Some(LaneFault::Gap {
                expected: withheld,
                got: withheld + 1
            })
        );
    }
    // The last one has no successor: the mark names it.
    let mut lane = IncomingLane::new(Position::start(life), CREDIT);
    let (last, others) = headers.split_last().unwrap();
    for (n, frame) in others.chunks(256).enumerate() {
        let first = n as u64 * 256 + 1;
        lane.deliver(life, first, frame, |_| None).unwrap();
    }
    let mark = Position {
        incarnation: life,
        sequence: 10_000,
        running_hash: running_hash(&lane.head_hash(), 10_000, last),
    };
    assert_eq!(
        check_mark(&lane, &mark),
        MarkView::Behind {
            missing: 10_000..=10_000
        }
    );
}
