//! Both sides take whatever steps they like while nothing arrives, or something; in the end both have
//! the same steps, in different orders.

use proptest::prelude::*;

use super::{counted, happened, hours};
use crate::{
    crypto::Digest,
    evidence::lifecycle::{Act, Case, Matter, Outcome, Party, Step, case, judge},
};

/// What happens next.
#[derive(Clone, Copy, Debug)]
enum Move {
    /// A side takes a step, whether it may or not.
    Takes(Party, usize),
    /// A side takes a step that it may take, as far as it knows.
    TakesRightly(Party, usize),
    /// What the other side took longest ago and did not arrive yet, arrives.
    Arrives(Party),
    /// A side takes a step beside its chain: an earlier number again, or a number too high.
    Lies(Party, usize, u32),
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    let party = prop_oneof![Just(Party::Issuing), Just(Party::Executing)];
    let one =
        (party, any::<usize>(), 0..10_u32, 0..4_u32).prop_map(|(party, act, what, number)| {
            match what {
                0 => Move::Takes(party, act),
                1..=4 => Move::TakesRightly(party, act),
                5 => Move::Lies(party, act, number),
                _ => Move::Arrives(party),
            }
        });
    prop::collection::vec(one, 0..40)
}

/// A node: what it knows of the steps, in the order in which it learnt of them.
#[derive(Default)]
struct Node {
    known: Vec<Step>,
    /// Steps of the other side that arrived.
    arrived: usize,
}

struct World {
    matter: Matter,
    nodes: [Node; 2],
    /// Steps of each side, in the order in which it took them.
    taken: [Vec<Step>; 2],
    count: u32,
}

fn at(party: Party) -> usize {
    match party {
        Party::Issuing => 0,
        Party::Executing => 1,
    }
}

const ACTS: usize = Act::ALL.len();

impl World {
    fn new() -> Self {
        Self {
            matter: counted(),
            nodes: Default::default(),
            taken: Default::default(),
            count: 0,
        }
    }

    fn next(&mut self, party: Party, act: Act) -> Step {
        self.count += 1;
        let case = case(&self.matter, &self.nodes[at(party)].known);
        let (own, other) = (case.head(party), case.head(party.other()));
        let side = self.matter.side(party);
        let authority = match (&case.executing_authority, party) {
            (Some(authority), Party::Executing) => authority.clone(),
            _ => side.authorities[0].clone(),
        };
        let to = &self.matter.executing.authorities;
        Step {
            digest: Digest::of(&self.count.to_be_bytes()),
            origin: side.country,
            authority,
            number: own.number + 1,
            previous: own.digest,
            seen: other.placed,
            seen_digest: other.placed_digest,
            act,
            ground: 1,
            to: to[self.count as usize % to.len()].clone(),
            at: hours(self.count.into()),
            happened: happened(act, self.count.into()),
        }
    }

    fn take(&mut self, party: Party, step: Step) {
        self.nodes[at(party)].known.push(step.clone());
        self.taken[at(party)].push(step);
    }

    fn arrives(&mut self, at_party: Party) -> bool {
        let from = &self.taken[at(at_party.other())];
        let node = &mut self.nodes[at(at_party)];
        let Some(step) = from.get(node.arrived) else {
            return false;
        };
        node.known.push(step.clone());
        node.arrived += 1;
        true
    }

    fn go(&mut self, this: Move) {
        match this {
            Move::Takes(party, act) => {
                let step = self.next(party, Act::ALL[act % ACTS]);
                self.take(party, step);
            }
            Move::TakesRightly(party, from) => {
                for act in (0..ACTS).map(|by| Act::ALL[(from % ACTS + by) % ACTS]) {
                    let step = self.next(party, act);
                    if judge(&self.matter, &self.nodes[at(party)].known, &step).is_ok() {
                        return self.take(party, step);
                    }
                }
            }
            Move::Arrives(party) => {
                self.arrives(party);
            }
            Move::Lies(party, act, number) => {
                let mut step = self.next(party, Act::ALL[act % ACTS]);
                match number {
                    0 => step.number = step.number.saturating_sub(1).max(1),
                    1 => step.number += 1,
                    2 => step.seen += 1,
                    _ => step.previous = None,
                }
                self.take(party, step);
            }
        }
    }

    /// Everything that was taken arrives.
    fn end(&mut self) -> [Case; 2] {
        for party in Party::ALL {
            while self.arrives(party) {}
        }
        [0, 1].map(|of| case(&self.matter, &self.nodes[of].known))
    }
}

proptest! {
    #[test]
    fn both_sides_compute_the_same(all in moves()) {
        let mut world = World::new();
        for this in all {
            world.go(this);
        }
        let [issuing, executing] = world.end();
        prop_assert_eq!(issuing, executing);
    }

    #[test]
    fn whatever_the_order_of_arrival_and_however_few_have_arrived(
        all in moves(), order in any::<prop::sample::Index>(), seed in any::<u64>()
    ) {
        let mut world = World::new();
        for this in all {
            world.go(this);
        }
        let [end, _] = world.end();
        let mut steps = world.nodes[0].known.clone();
        // A shuffle that the seed decides.
        steps.sort_by_key(|step| Digest::of(&[step.digest.as_bytes(), &seed.to_be_bytes()[..]].concat()));
        prop_assert_eq!(&case(&world.matter, &steps), &end);
        let few = &steps[..order.index(steps.len() + 1)];
        let some = case(&world.matter, few);
        prop_assert_eq!(some.settled.len(), few.len());
        // Once is enough: each step is settled once, whatever is told twice.
        let taken = some.settled.iter().filter(|of| matches!(of.outcome, Outcome::Took { .. }));
        prop_assert!(taken.count() <= few.len());
    }

    #[test]
    fn honest_sides_lose_no_step_but_to_what_crossed_it(all in moves()) {
        let mut world = World::new();
        for this in all {
            if let Move::TakesRightly(..) | Move::Arrives(_) = this {
                world.go(this);
            }
        }
        let [end, _] = world.end();
        for of in &end.settled {
            match &of.outcome {
                Outcome::Took { .. } => {}
                // What its side could not know: the other's step came before it.
                Outcome::Void(void) => {
                    prop_assert!(["wrong-state", "wrong-authority"].contains(&void.word()), "{}", void);
                    prop_assert!(
                        end.settled.iter().any(|other| !other.crossed.is_empty()),
                        "nothing crossed, and yet {}", void
                    );
                }
                Outcome::Waits(wait) => prop_assert!(false, "{:?}", wait),
            }
        }
    }
}

/// Every interleaving of the arrival of a short thread's steps at either side.
#[test]
fn every_interleaving_of_a_short_thread_ends_the_same() {
    let mut world = World::new();
    let script = [
        Move::TakesRightly(Party::Executing, 2),
        Move::Arrives(Party::Issuing),
        Move::TakesRightly(Party::Issuing, 17),
        Move::TakesRightly(Party::Executing, 12),
        Move::TakesRightly(Party::Executing, 14),
        Move::Takes(Party::Issuing, 18),
    ];
    for this in script {
        world.go(this);
    }
    let [end, other] = world.end();
    assert_eq!(end, other);
    assert!(end.settled.iter().any(|of| !of.crossed.is_empty()));
    let steps = world.nodes[0].known.clone();
    assert_eq!(steps.len(), 5);
    let mut orders = 0;
    permutations(steps.len(), &mut |order| {
        let shuffled: Vec<Step> = order.iter().map(|at| steps[*at].clone()).collect();
        assert_eq!(case(&world.matter, &shuffled), end);
        for few in 0..shuffled.len() {
            assert_eq!(case(&world.matter, &shuffled[..few]).settled.len(), few);
        }
        orders += 1;
    });
    assert_eq!(orders, 120);
}

fn permutations(of: usize, each: &mut dyn FnMut(&[usize])) {
    fn go(order: &mut Vec<usize>, of: usize, each: &mut dyn FnMut(&[usize])) {
        if order.len() == of {
            return each(order);
        }
        for next in 0..of {
            if !order.contains(&next) {
                order.push(next);
                go(order, of, each);
                order.pop();
            }
        }
    }
    go(&mut Vec::new(), of, each);
}
