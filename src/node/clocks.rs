//! How this node's clock stands to those of its peers. What happens by itself at a time (expiry,
//! shredding) happens only while they agree: a clock that jumped must not destroy evidence.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use crate::record::{Country, Moment};

/// What the peers' clocks say of this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Agreement {
    /// Their median is close enough.
    Agrees,
    /// It is not, by so many microseconds: positive when this clock is behind.
    Apart(i64),
    /// This clock jumped, against its own monotonic one, since a peer was last heard.
    Jumped,
    /// No peer was heard since the node started.
    Unheard,
}

#[derive(Clone, Copy, Debug)]
struct Sample {
    /// The peer's clock minus this one, in microseconds.
    skew_us: i64,
    /// When it was taken, by this clock.
    wall: Moment,
    /// And by the monotonic one.
    at: Instant,
}

/// The last sample of every peer.
#[derive(Debug)]
pub struct Clocks {
    /// Largest difference at which clocks agree, in microseconds.
    most: i64,
    samples: Mutex<HashMap<Country, Sample>>,
}

impl Clocks {
    /// No peer heard yet. Clocks agree that are at most so far apart.
    pub fn new(most: Duration) -> Self {
        Self {
            most: i64::try_from(most.as_micros()).unwrap_or(i64::MAX),
            samples: Mutex::default(),
        }
    }

    fn samples(&self) -> MutexGuard<'_, HashMap<Country, Sample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A peer said what its clock shows.
    pub fn heard(&self, peer: Country, its_us: i64, now: Moment) {
        let sample = Sample {
            skew_us: its_us.saturating_sub(now.micros()),
            wall: now,
            at: Instant::now(),
        };
        self.samples().insert(peer, sample);
    }

    /// Whether this clock may be acted on.
    pub fn agreement(&self, now: Moment) -> Agreement {
        self.view(now).0
    }

    /// Whether this clock agrees with the peers'.
    pub fn agrees(&self, now: Moment) -> bool {
        self.agreement(now) == Agreement::Agrees
    }

    /// The present as the peers' clocks have it, where this one is known to be wrong or theirs are;
    /// `now` otherwise. For times that are only acted on once the clocks agree.
    pub fn corrected(&self, now: Moment) -> Moment {
        let (agreement, by) = self.view(now);
        match agreement {
            Agreement::Agrees | Agreement::Unheard => now,
            Agreement::Apart(_) | Agreement::Jumped => {
                Moment::from_micros(now.micros().saturating_add(by))
            }
        }
    }

    /// How this clock stands, and by how many microseconds it is behind the peers' median.
    fn view(&self, now: Moment) -> (Agreement, i64) {
        let samples = self.samples();
        let Some(newest) = samples.values().max_by_key(|sample| sample.at) else {
            return (Agreement::Unheard, 0);
        };
        let elapsed = i64::try_from(newest.at.elapsed().as_micros()).unwrap_or(i64::MAX);
        let shown = now.micros().saturating_sub(newest.wall.micros());
        let jumped = shown.saturating_sub(elapsed);
        let apart = median(samples.values().map(|sample| sample.skew_us).collect());
        if jumped.saturating_abs() > self.most {
            return (Agreement::Jumped, apart.saturating_sub(jumped));
        }
        if apart.saturating_abs() > self.most {
            return (Agreement::Apart(apart), apart);
        }
        (Agreement::Agrees, apart)
    }
}

/// The middle one; of an even number the one of the two that is closer to zero. 0 of none.
fn median(mut skews: Vec<i64>) -> i64 {
    skews.sort_unstable();
    let upper = skews.len() / 2;
    let lower = skews.len().saturating_sub(1) / 2;
    let at = |index: usize| skews.get(index).copied().unwrap_or(0);
    if at(lower).saturating_abs() < at(upper).saturating_abs() {
        at(lower)
    } else {
        at(upper)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(300);
    const DAY: i64 = 86_400_000_000;

    fn peer(code: &str) -> Country {
        code.parse().unwrap()
    }

    #[test]
    fn one_peer_that_is_off_does_not_move_the_median() {
        let clocks = Clocks::new(MOST);
        let now = Moment::from_micros(10 * DAY);
        assert_eq!(clocks.agreement(now), Agreement::Unheard);
        clocks.heard(peer("UZ"), now.micros() + 5, now);
        clocks.heard(peer("KZ"), now.micros() + DAY, now);
        clocks.heard(peer("AE"), now.micros() - 7, now);
        assert_eq!(clocks.agreement(now), Agreement::Agrees);
        clocks.heard(peer("AE"), now.micros() + DAY, now);
        assert_eq!(clocks.agreement(now), Agreement::Apart(DAY));
    }

    #[test]
    fn a_clock_that_jumps_after_a_peer_was_heard_is_noticed() {
        let clocks = Clocks::new(MOST);
        let now = Moment::from_micros(10 * DAY);
        clocks.heard(peer("UZ"), now.micros(), now);
        let later = Moment::from_micros(now.micros() + DAY);
        assert_eq!(clocks.agreement(later), Agreement::Jumped);
        let earlier = Moment::from_micros(now.micros() - DAY);
        assert_eq!(clocks.agreement(earlier), Agreement::Jumped);
        // What the peers say is known all the same.
        for jumped in [earlier, later] {
            let off = clocks.corrected(jumped).micros() - now.micros();
            assert!(off.abs() < MOST.as_micros() as i64, "{off}");
        }
    }

    #[test]
    fn a_clock_that_is_apart_is_corrected_by_the_median() {
        let clocks = Clocks::new(MOST);
        let now = Moment::from_micros(10 * DAY);
        assert_eq!(clocks.corrected(now), now, "nobody says otherwise");
        clocks.heard(peer("UZ"), now.micros() + 2 * DAY, now);
        assert_eq!(clocks.corrected(now).micros(), 12 * DAY);
        clocks.heard(peer("KZ"), now.micros() + 1, now);
        assert_eq!(clocks.corrected(now), now, "the closer of two");
    }

    #[test]
    fn the_median_of_two_is_the_closer_one() {
        assert_eq!(median(vec![9, -2]), -2);
        assert_eq!(median(vec![-9, 2]), 2);
        assert_eq!(median(vec![5]), 5);
        assert_eq!(median(Vec::new()), 0);
    }
}
