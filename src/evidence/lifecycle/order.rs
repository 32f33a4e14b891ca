//! One order of the steps of both sides.
//!
//! Each side's steps form a chain: numbers without gaps, each naming the digest of the one before.
//! Where a side has several steps with one number that fit, the one with the smallest header digest
//! counts. A step stands after the steps of the other side that it has seen. Of steps that crossed,
//! the executing side's come first: what was done was done.
//!
//! Digests make it impossible that two steps have each seen the other; a side that sends several steps
//! with one number can make it look so, and then its step comes first if it is the executing one.

use std::collections::BTreeMap;

use super::{Matter, Party, Step, Void, step::MAX_STEPS};
use crate::crypto::Digest;

/// What a step waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Whose step is missing.
    pub side: Party,
    /// Its number.
    pub number: u32,
}

/// How far a side has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Head {
    /// Number of its last step in its chain; 0 without one.
    pub number: u32,
    /// Header of that step.
    pub digest: Option<Digest>,
    /// Number of its last step that has its place in the order.
    pub placed: u32,
    /// Header of that one.
    pub placed_digest: Option<Digest>,
}

/// Where the steps stand, by their places in what was given.
pub(super) struct Ordered {
    /// Those that have a place, in order.
    pub(super) order: Vec<(Party, usize)>,
    /// Those that wait.
    pub(super) waiting: Vec<(usize, Wait)>,
    /// Those that are none of the chain.
    pub(super) out: Vec<(usize, Void)>,
    /// Chains of both sides, issuing first.
    pub(super) chains: [Vec<usize>; 2],
    /// How far each side has come.
    pub(super) heads: [Head; 2],
}

pub(super) const fn at(party: Party) -> usize {
    match party {
        Party::Issuing => 0,
        Party::Executing => 1,
    }
}

/// Puts steps in order.
pub(super) fn order(matter: &Matter, steps: &[Step]) -> Ordered {
    let mut numbered: [BTreeMap<u32, Vec<usize>>; 2] = Default::default();
    let mut out = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        match matter.party(step.origin) {
            None => out.push((index, Void::Stranger(step.origin))),
            Some(_) if step.number == 0 || step.number > MAX_STEPS => {
                out.push((index, Void::Number(step.number)));
            }
            Some(party) => {
                if let Some(of) = numbered.get_mut(at(party)) {
                    of.entry(step.number).or_default().push(index);
                }
            }
        }
    }
    let [issuing, executing] = numbered;
    let mut waiting = Vec::new();
    let chains = [
        chain(Party::Issuing, issuing, steps, &mut waiting, &mut out),
        chain(Party::Executing, executing, steps, &mut waiting, &mut out),
    ];
    let (order, placed) = merge(&chains, steps);
    for party in Party::ALL {
        let chain = chains.get(at(party)).map_or(&[][..], Vec::as_slice);
        let done = placed.get(at(party)).copied().unwrap_or(0);
        let other = placed.get(at(party.other())).copied().unwrap_or(0);
        let next = u32::try_from(other).unwrap_or(u32::MAX).saturating_add(1);
        for index in chain.iter().skip(done) {
            let wait = Wait {
                side: party.other(),
                number: next,
            };
            waiting.push((*index, wait));
        }
    }
    let heads = [0, 1].map(|side| {
        let chain = chains.get(side).map_or(&[][..], Vec::as_slice);
        let done = placed.get(side).copied().unwrap_or(0);
        let digest = |index: Option<&usize>| index.and_then(|at| Some(steps.get(*at)?.digest));
        Head {
            number: u32::try_from(chain.len()).unwrap_or(u32::MAX),
            digest: digest(chain.last()),
            placed: u32::try_from(done).unwrap_or(u32::MAX),
            placed_digest: digest(done.checked_sub(1).and_then(|last| chain.get(last))),
        }
    });
    Ordered {
        order,
        waiting,
        out,
        chains,
        heads,
    }
}

/// The chain of one side; what is not in it is void, or waits for a number that is missing.
fn chain(
    party: Party,
    numbered: BTreeMap<u32, Vec<usize>>,
    steps: &[Step],
    waiting: &mut Vec<(usize, Wait)>,
    out: &mut Vec<(usize, Void)>,
) -> Vec<usize> {
    let mut chain: Vec<usize> = Vec::new();
    let mut last: Option<Digest> = None;
    let mut next = 1;
    for (number, indexes) in numbered {
        if number != next {
            let wait = Wait {
                side: party,
                number: next,
            };
            waiting.extend(indexes.into_iter().map(|index| (index, wait)));
            continue;
        }
        let fits = |index: &usize| steps.get(*index).is_some_and(|step| step.previous == last);
        let digest = |index: &usize| steps.get(*index).map(|step| step.digest);
        let chosen = indexes.iter().copied().filter(fits).min_by_key(digest);
        for index in indexes {
            if Some(index) == chosen {
                continue;
            }
            let counts = chosen.as_ref().and_then(digest);
            let void = match counts {
                Some(counts) if fits(&index) => Void::Double { number, counts },
                _ => Void::Previous(number.saturating_sub(1)),
            };
            out.push((index, void));
        }
        if let Some(chosen) = chosen {
            last = digest(&chosen);
            chain.push(chosen);
            next = next.saturating_add(1);
        }
    }
    chain
}

/// One order of two chains, and how many of each have a place in it.
fn merge(chains: &[Vec<usize>; 2], steps: &[Step]) -> (Vec<(Party, usize)>, [usize; 2]) {
    let [issuing, executing] = chains;
    let seen = |index: &usize| {
        let seen = steps.get(*index).map_or(0, |step| step.seen);
        usize::try_from(seen).unwrap_or(usize::MAX)
    };
    let mut order = Vec::with_capacity(issuing.len().saturating_add(executing.len()));
    let (mut issued, mut executed): (usize, usize) = (0, 0);
    loop {
        let next = [issuing.get(issued), executing.get(executed)];
        let party = match next {
            [_, Some(theirs)] if seen(theirs) <= issued => Party::Executing,
            [Some(ours), _] if seen(ours) <= executed => Party::Issuing,
            // Each claims to have seen the other, which one side made up.
            [Some(ours), Some(theirs)]
                if seen(ours) <= executing.len() && seen(theirs) <= issuing.len() =>
            {
                Party::Executing
            }
            _ => return (order, [issued, executed]),
        };
        let taken = match party {
            Party::Issuing => {
                issued = issued.saturating_add(1);
                next[0]
            }
            Party::Executing => {
                executed = executed.saturating_add(1);
                next[1]
            }
        };
        order.extend(taken.map(|index| (party, *index)));
    }
}
