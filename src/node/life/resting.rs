//! What could not be done lately rests for a while, longer each time, so that it is neither tried twice
//! a second nor in the way of the rest; and erasures of the slot file, each of which writes it anew,
//! keep a distance from each other.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::inbox::life::Due;

use super::super::rules::ApprovalId;

/// Rest after the first failure; doubled with each.
const FIRST: Duration = Duration::from_secs(1);
/// Longest rest.
const LONGEST: Duration = Duration::from_secs(600);
/// Failures remembered. Beyond them, what fails is tried every round.
const KEPT: usize = 65_536;
/// Rest of the slot file after an erasure, in durations of it: a file of 66 MB is not written anew
/// twice a second.
const PACE: u32 = 20;
/// Erasures that take less need no rest.
const QUICK: Duration = Duration::from_millis(100);
/// Rest after an erasure that failed, on a full disk for instance.
const AFTER_FAILURE: Duration = Duration::from_secs(10);

/// Something that the background does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Item {
    /// What is due of a record, by its local number.
    Due(u64, Due),
    /// The clocks of an evidence request, by its local number.
    Clocks(u64),
    /// An order that was approved.
    Approval(ApprovalId),
    /// Recalls that go on to whom records were passed.
    Onward,
}

#[derive(Clone, Copy, Debug)]
struct Failure {
    times: u32,
    until: Instant,
}

#[derive(Debug, Default)]
struct State {
    failed: HashMap<Item, Failure>,
    erased: Option<Instant>,
    erasing_failed: Option<Instant>,
}

/// What rests.
#[derive(Debug, Default)]
pub(crate) struct Resting(Mutex<State>);

impl Resting {
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether something failed too lately to be tried now.
    pub(in crate::node) fn rests(&self, item: &Item, now: Instant) -> bool {
        let state = self.state();
        state.failed.get(item).is_some_and(|it| it.until > now)
    }

    /// It failed: it rests.
    pub(in crate::node) fn failed(&self, item: Item, now: Instant) {
        let mut state = self.state();
        if state.failed.len() >= KEPT && !state.failed.contains_key(&item) {
            state.failed.retain(|_, failure| failure.until > now);
            if state.failed.len() >= KEPT {
                return;
            }
        }
        let times = state.failed.get(&item).map_or(0, |it| it.times);
        let rest = 2_u32
            .checked_pow(times)
            .and_then(|factor| FIRST.checked_mul(factor))
            .unwrap_or(LONGEST)
            .min(LONGEST);
        let failure = Failure {
            times: times.saturating_add(1),
            until: now + rest,
        };
        state.failed.insert(item, failure);
    }

    /// It is done.
    pub(in crate::node) fn done(&self, item: &Item) {
        self.state().failed.remove(item);
    }

    /// Whether slots may be erased now; what two persons ordered waits only after a failure.
    pub(in crate::node) fn may_erase(&self, ordered: bool, now: Instant) -> bool {
        let state = self.state();
        let past = |until: Option<Instant>| until.is_none_or(|until| until <= now);
        past(state.erasing_failed) && (ordered || past(state.erased))
    }

    /// Slots were erased, which took so long; or could not be.
    pub(in crate::node) fn erased(&self, worked: bool, took: Duration, now: Instant) {
        let mut state = self.state();
        state.erasing_failed = (!worked).then(|| now + AFTER_FAILURE);
        state.erased = (took >= QUICK).then(|| now + took.saturating_mul(PACE).min(LONGEST));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_rests_longer_each_time_and_nothing_else_does() {
        let (resting, begun) = (Resting::default(), Instant::now());
        let (one, other) = (Item::Due(7, Due::Shred), Item::Due(7, Due::Answer));
        let second = Duration::from_secs(1);
        let mut now = begun;
        for rest in [1, 2, 4, 8] {
            resting.failed(one, now);
            assert!(resting.rests(&one, now + second * rest - Duration::from_millis(1)));
            now += second * rest;
            assert!(!resting.rests(&one, now) && !resting.rests(&other, now));
        }
        for _ in 0..40 {
            resting.failed(one, now);
        }
        assert!(!resting.rests(&one, now + LONGEST));
        resting.done(&one);
        resting.failed(one, now);
        assert!(!resting.rests(&one, now + second));
    }

    #[test]
    fn a_large_slot_file_is_not_written_anew_at_once_but_for_two_persons() {
        let (resting, now) = (Resting::default(), Instant::now());
        let second = Duration::from_secs(1);
        assert!(resting.may_erase(false, now));
        resting.erased(true, Duration::from_millis(5), now);
        assert!(resting.may_erase(false, now));
        resting.erased(true, second, now);
        assert!(!resting.may_erase(false, now + second * 19) && resting.may_erase(true, now));
        assert!(resting.may_erase(false, now + second * 20));
        resting.erased(false, Duration::ZERO, now);
        assert!(!resting.may_erase(true, now));
        assert!(resting.may_erase(true, now + AFTER_FAILURE));
    }
}
