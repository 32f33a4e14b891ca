//! Whose connections keep coming to nothing, and how long they wait before they come again.
//!
//! A connection comes to nothing when it stalls, or takes a place without one call. Whoever it came from
//! pauses, each time for twice as long, and those who paused share one rate when they come again, however
//! many they are: a crowd that stalls and comes again costs little more than the closing of sockets. An
//! answered call makes good, for a time: an address that honest clients share is not shut because
//! somebody else there stalls.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash, Hasher as _},
    time::{Duration, Instant},
};

use super::{Bucket, Exceeded, Limit, Rate};

/// How long after its pause it is remembered that somebody stalled.
const MEMORY: Duration = Duration::from_secs(600);
/// Pause between two sweeps of what is kept.
const SWEEP: Duration = Duration::from_secs(1);

/// What is borne of those who stall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// The first pause; each further one is twice as long. Zero: nobody pauses.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How often those who paused may come again, all together.
    pub shared: Rate,
    /// How long an answered call speaks for whoever made it.
    pub good: Duration,
}

/// Who stalled, and who did not: addresses, or principals.
#[derive(Debug)]
pub struct Standings<K> {
    patience: Patience,
    stalled: HashMap<K, Stalled>,
    /// Since when a call was answered last.
    good: HashMap<K, Instant>,
    shared: Bucket,
    /// How many of each are kept.
    most: usize,
    swept: Instant,
}

#[derive(Clone, Copy, Debug)]
struct Stalled {
    times: u32,
    /// The end of the pause.
    until: Instant,
}

impl<K: Hash + Eq> Standings<K> {
    /// Nobody yet; `most` that stalled are kept, and as many that did not.
    pub fn new(patience: Patience, most: usize, now: Instant) -> Self {
        Self {
            patience,
            stalled: HashMap::new(),
            good: HashMap::new(),
            shared: Bucket::full(now),
            most: most.max(1),
            swept: now,
        }
    }

    /// Lets somebody come. When more stalled than are kept, all who are not known to be good share the
    /// rate of those who stalled.
    ///
    /// # Errors
    /// [`Exceeded`] while they pause, or when others who paused came before.
    pub fn come(&mut self, who: &K, now: Instant) -> Result<(), Exceeded> {
        self.pauses(who, now)?;
        if self.stalled.len() >= self.most {
            self.sweep(now);
        }
        let suspect = self.stalled.contains_key(who) || self.stalled.len() >= self.most;
        if !suspect || self.is_good(who, now) {
            return Ok(());
        }
        let shared = self.patience.shared;
        self.shared.take(shared, now).map_err(|after| Exceeded {
            limit: Limit::StalledRate,
            most: shared.per_second,
            after,
        })
    }

    /// Whether somebody pauses.
    ///
    /// # Errors
    /// [`Exceeded`] says for how long.
    pub fn pauses(&self, who: &K, now: Instant) -> Result<(), Exceeded> {
        let until = self.stalled.get(who).map(|of| of.until);
        match until.filter(|until| now < *until) {
            Some(until) => Err(Exceeded {
                limit: Limit::StallPause,
                most: millis(self.patience.longest),
                after: until.saturating_duration_since(now),
            }),
            None => Ok(()),
        }
    }

    /// A connection of somebody came to nothing. What comes to nothing while they pause began before and
    /// counts once; of who is known to be good nothing counts.
    pub fn stall(&mut self, who: K, now: Instant) {
        self.pause_for(who, 1, now);
    }

    /// Somebody came again for another who pauses, such as an address for a principal: it pauses too, never
    /// longer for that than before.
    pub fn stall_again(&mut self, who: K, now: Instant) {
        self.pause_for(who, 0, now);
    }

    fn pause_for(&mut self, who: K, more: u32, now: Instant) {
        if self.patience.first.is_zero() || self.is_good(&who, now) {
            return;
        }
        if !self.stalled.contains_key(&who) && self.stalled.len() >= self.most {
            self.sweep(now);
            if self.stalled.len() >= self.most {
                return;
            }
        }
        let times = match self.stalled.get(&who) {
            Some(of) if now < of.until => return,
            Some(of) if now < of.until + MEMORY => of.times.saturating_add(more),
            _ => 1,
        };
        let until = now + self.pause(&who, times);
        self.stalled.insert(who, Stalled { times, until });
    }

    /// A call of somebody was answered: what came to nothing before is forgotten.
    pub fn answered(&mut self, who: K, now: Instant) {
        self.stalled.remove(&who);
        if !self.good.contains_key(&who) && self.good.len() >= self.most {
            self.sweep(now);
            if self.good.len() >= self.most {
                return;
            }
        }
        self.good.insert(who, now);
    }

    fn is_good(&self, who: &K, now: Instant) -> bool {
        let since = self.good.get(who);
        since.is_some_and(|since| now.saturating_duration_since(*since) < self.patience.good)
    }

    /// Between half of it and the whole, so that a crowd which stalled together does not come again
    /// together. Whoever works out their own gains nothing.
    fn pause(&self, who: &K, times: u32) -> Duration {
        let Patience { first, longest, .. } = self.patience;
        let doubled = 1_u32.checked_shl(times.saturating_sub(1));
        let whole = first
            .saturating_mul(doubled.unwrap_or(u32::MAX))
            .min(longest);
        let mut hasher = DefaultHasher::new();
        (who, times).hash(&mut hasher);
        let [part, ..] = hasher.finish().to_be_bytes();
        whole / 2 + whole / 512 * u32::from(part)
    }

    /// Forgets what no longer counts.
    fn sweep(&mut self, now: Instant) {
        if now.saturating_duration_since(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        self.stalled.retain(|_, of| now < of.until + MEMORY);
        let good = self.patience.good;
        self.good
            .retain(|_, since| now.saturating_duration_since(*since) < good);
    }
}

fn millis(of: Duration) -> u64 {
    u64::try_from(of.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PATIENCE: Patience = Patience {
        first: Duration::from_secs(4),
        longest: Duration::from_secs(60),
        shared: Rate {
            per_second: 2,
            burst: 2,
        },
        good: Duration::from_secs(3600),
    };
    const SECOND: Duration = Duration::from_secs(1);

    fn refused(come: Result<(), Exceeded>) -> (Limit, Duration) {
        let exceeded = come.unwrap_err();
        (exceeded.limit, exceeded.after)
    }

    #[test]
    fn who_comes_for_another_pauses_and_never_longer() {
        let mut now = Instant::now();
        let mut standings = Standings::new(PATIENCE, 8, now);
        for _ in 0..5 {
            standings.stall_again("a", now);
            let (limit, after) = refused(standings.come(&"a", now));
            assert_eq!(limit, Limit::StallPause);
            assert!(after <= PATIENCE.first, "{after:?}");
            now += PATIENCE.first;
        }
    }

    #[test]
    fn each_time_the_pause_is_twice_as_long_and_never_longer_than_the_longest() {
        let mut now = Instant::now();
        let mut standings = Standings::new(PATIENCE, 8, now);
        for whole in [4, 8, 16, 32, 60, 60, 60] {
            standings.come(&"a", now).unwrap();
            standings.stall("a", now);
            // Others that began before the pause change nothing.
            standings.stall("a", now + SECOND);
            let (limit, pause) = refused(standings.come(&"a", now));
            assert_eq!(limit, Limit::StallPause);
            let whole = whole * SECOND;
            assert!(pause >= whole / 2 && pause <= whole, "{pause:?}");
            standings.come(&"b", now).unwrap();
            now += pause;
        }
        // After a while all is forgotten.
        now += MEMORY;
        standings.stall("a", now);
        assert!(refused(standings.come(&"a", now)).1 <= PATIENCE.first);
    }

    #[test]
    fn an_answered_call_makes_good_for_an_hour() {
        let now = Instant::now();
        let mut standings = Standings::new(PATIENCE, 8, now);
        standings.stall("a", now);
        standings.pauses(&"a", now).unwrap_err();
        standings.answered("a", now);
        for _ in 0..100 {
            standings.stall("a", now);
            standings.come(&"a", now).unwrap();
        }
        standings.stall("a", now + PATIENCE.good);
        standings.come(&"a", now + PATIENCE.good).unwrap_err();
    }

    #[test]
    fn who_paused_shares_a_rate_and_nobody_else_pays_for_it() {
        let mut now = Instant::now();
        let mut standings = Standings::new(PATIENCE, 100, now);
        standings.answered(200, now);
        for who in 0..50 {
            standings.stall(who, now);
        }
        now += PATIENCE.first;
        let come = (0..50).filter(|who| standings.come(who, now).is_ok());
        assert_eq!(come.count(), 2);
        let (limit, after) = refused(standings.come(&7, now));
        assert_eq!(limit, Limit::StalledRate);
        standings.come(&100, now).unwrap();
        standings.come(&200, now).unwrap();
        standings.come(&7, now + after).unwrap();
    }

    #[test]
    fn a_crowd_that_stalled_together_does_not_come_again_together() {
        let now = Instant::now();
        let mut standings = Standings::new(PATIENCE, 1000, now);
        let mut ends = std::collections::BTreeSet::new();
        for who in 0..1000 {
            standings.stall(who, now);
            ends.insert(refused(standings.come(&who, now)).1);
        }
        assert!(ends.len() > 100, "{}", ends.len());
    }

    #[test]
    fn ten_thousand_take_no_more_room_than_a_few_and_share_what_is_left() {
        let now = Instant::now();
        let mut standings = Standings::new(PATIENCE, 8, now);
        standings.answered(20_000, now);
        for who in 0..10_000 {
            standings.stall(who, now);
            standings.answered(30_000 + who, now);
            assert!(standings.stalled.len() <= 8 && standings.good.len() <= 8);
        }
        let come = (10_000..10_100).filter(|who| standings.come(who, now).is_ok());
        assert_eq!(come.count(), 2);
        standings.come(&20_000, now).unwrap();
        // Once they stay away there is room again, for what is good as well.
        let later = now + PATIENCE.longest + MEMORY + PATIENCE.good;
        for who in 10_000..10_100 {
            standings.come(&who, later).unwrap();
        }
        standings.answered(1, later);
        assert_eq!(standings.good.len(), 1);
        assert!(standings.stalled.is_empty());
    }

    #[test]
    fn without_a_pause_nobody_waits() {
        let now = Instant::now();
        let patience = Patience {
            first: Duration::ZERO,
            ..PATIENCE
        };
        let mut standings = Standings::new(patience, 8, now);
        for who in 0..100 {
            standings.stall(who, now);
            standings.come(&who, now).unwrap();
        }
    }

    proptest! {
        /// Whatever happened, nobody pauses longer than the longest pause, whoever waited as long as was
        /// said no longer pauses, and an answered call lets them in at once.
        #[test]
        fn nobody_is_shut_out_for_good(
            steps in prop::collection::vec((0_u8..4, 0_u64..90_000), 1..200),
        ) {
            let mut now = Instant::now();
            let mut standings = Standings::new(PATIENCE, 2, now);
            for (who, after) in steps {
                now += Duration::from_millis(after);
                match standings.come(&who, now) {
                    Ok(()) => standings.stall(who, now),
                    Err(exceeded) => {
                        prop_assert!(exceeded.after <= PATIENCE.longest);
                        prop_assert!(standings.pauses(&who, now + exceeded.after).is_ok());
                    }
                }
                if after % 7 == 0 {
                    standings.answered(who, now);
                    prop_assert!(standings.pauses(&who, now).is_ok());
                }
            }
        }
    }
}
