//! A token bucket, kept as the one time at which it is full again.

use std::time::{Duration, Instant};

/// How often something may happen, and how many at once after a while without any.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Per second; at least one.
    pub per_second: u64,
    /// At once; at least one.
    pub burst: u64,
}

impl Rate {
    /// After how long one more may happen.
    fn interval(self) -> Duration {
        let nanos = 1_000_000_000 / self.per_second.clamp(1, 1_000_000_000);
        Duration::from_nanos(nanos)
    }

    /// How long an empty bucket takes to fill.
    fn whole(self) -> Duration {
        let burst = u32::try_from(self.burst.max(1)).unwrap_or(u32::MAX);
        self.interval().saturating_mul(burst)
    }
}

/// A bucket of tokens: begins full.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    full_at: Instant,
}

impl Bucket {
    /// A full bucket.
    pub const fn full(now: Instant) -> Self {
        Self { full_at: now }
    }

    /// Takes a token.
    ///
    /// # Errors
    /// When it is empty: how long until there is one.
    pub fn take(&mut self, rate: Rate, now: Instant) -> Result<(), Duration> {
        let full_at = self.full_at.max(now) + rate.interval();
        let needs = full_at.saturating_duration_since(now);
        match needs.checked_sub(rate.whole()) {
            None | Some(Duration::ZERO) => {
                self.full_at = full_at;
                Ok(())
            }
            Some(wait) => Err(wait),
        }
    }

    /// Whether nothing is lost by forgetting it.
    pub fn is_full(&self, now: Instant) -> bool {
        self.full_at <= now
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const RATE: Rate = Rate {
        per_second: 10,
        burst: 3,
    };

    #[test]
    fn a_burst_passes_and_then_one_for_each_interval() {
        let now = Instant::now();
        let mut bucket = Bucket::full(now);
        for _ in 0..3 {
            assert_eq!(bucket.take(RATE, now), Ok(()));
        }
        let wait = Duration::from_millis(100);
        assert_eq!(bucket.take(RATE, now), Err(wait));
        // Whoever is refused pays nothing.
        assert_eq!(bucket.take(RATE, now), Err(wait));
        assert_eq!(bucket.take(RATE, now + wait), Ok(()));
        assert!(bucket.take(RATE, now + wait).is_err());
        assert!(!bucket.is_full(now + wait));
        assert!(bucket.is_full(now + Duration::from_millis(500)));
    }

    proptest! {
        /// Over any time no more than the burst and the rate let pass, and whoever waits as long as
        /// was said gets a token.
        #[test]
        fn never_more_than_burst_and_rate(
            per_second in 1_u64..2000,
            burst in 1_u64..50,
            pauses in prop::collection::vec(0_u64..30_000, 1..300),
        ) {
            let rate = Rate { per_second, burst };
            let begun = Instant::now();
            let mut now = begun;
            let mut bucket = Bucket::full(now);
            let mut passed = 0_u128;
            for micros in pauses {
                now += Duration::from_micros(micros);
                match bucket.take(rate, now) {
                    Ok(()) => passed += 1,
                    Err(wait) => prop_assert!(bucket.clone().take(rate, now + wait).is_ok()),
                }
            }
            let nanos = now.duration_since(begun).as_nanos();
            let interval = u128::from(1_000_000_000 / per_second);
            prop_assert!(passed <= u128::from(burst) + nanos / interval);
        }
    }
}
