//! When other work waits for deliveries: a burst of records goes first, and the search index and files
//! follow it. Pure: it is given the time since the feed began.

use std::time::Duration;

/// How often the store is looked at.
pub(super) const LOOK: Duration = Duration::from_millis(20);
/// Entries that become durable between two looks, from which on deliveries go first.
const BUSY: u64 = 32;
/// The index waits no longer than this before it goes on beside them.
const PATIENCE: Duration = Duration::from_secs(10);

/// Whether the index waits.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the store was last looked at, and how far it was.
    last: Option<(Duration, u64)>,
    /// Since when deliveries are under way.
    busy_since: Option<Duration>,
    waits: bool,
}

impl Pace {
    /// Whether the index waits now, at a position of the store.
    pub(super) fn waits(&mut self, now: Duration, position: u64) -> bool {
        let (at, before) = *self.last.get_or_insert((now, position));
        if now.saturating_sub(at) < LOOK {
            return self.waits;
        }
        self.last = Some((now, position));
        self.waits = if position.saturating_sub(before) < BUSY {
            self.busy_since = None;
            false
        } else {
            let since = *self.busy_since.get_or_insert(now);
            now.saturating_sub(since) < PATIENCE
        };
        self.waits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks every 20 ms for `looks` times while `each` entries become durable between them.
    fn run(pace: &mut Pace, now: &mut Duration, position: &mut u64, looks: u32, each: u64) -> u32 {
        (0..looks)
            .filter(|_| {
                *now += LOOK;
                *position += each;
                pace.waits(*now, *position)
            })
            .count() as u32
    }

    #[test]
    fn it_waits_for_a_burst_and_goes_on_after_it() {
        let (mut pace, mut now, mut position) = (Pace::default(), Duration::ZERO, 7);
        assert!(!pace.waits(now, position));
        assert_eq!(run(&mut pace, &mut now, &mut position, 50, BUSY - 1), 0);
        assert_eq!(run(&mut pace, &mut now, &mut position, 50, BUSY), 50);
        // Between two looks the verdict stands.
        assert!(pace.waits(now + LOOK / 2, position));
        assert_eq!(run(&mut pace, &mut now, &mut position, 50, 0), 0);
    }

    #[test]
    fn it_does_not_wait_for_deliveries_without_end() {
        let (mut pace, mut now, mut position) = (Pace::default(), Duration::ZERO, 0);
        assert!(!pace.waits(now, position));
        assert_eq!(run(&mut pace, &mut now, &mut position, 1_000, 200), 500);
        // Not before the store was quiet does it wait again.
        assert_eq!(run(&mut pace, &mut now, &mut position, 100, 200), 0);
        assert_eq!(run(&mut pace, &mut now, &mut position, 1, 0), 0);
        assert_eq!(run(&mut pace, &mut now, &mut position, 100, 200), 100);
    }
}
