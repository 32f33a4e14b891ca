//! Which changes of a link are written into the ledger: each while they are rare, together while a
//! link flaps, so that a peer that comes and goes cannot grow the ledger without bound.
//!
//! Pure: it is given the time. What is remembered here is lost with the process; the ledger then
//! says that the node started.

use std::{collections::HashMap, time::Duration};

use crate::record::{Country, Moment};

/// Span over which a link's changes are counted.
const SPAN: Duration = Duration::from_secs(3600);
/// Changes of a link written one by one within a span.
const SINGLY: u32 = 6;

/// What to write: how a link is now, and how many changes that sums up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Change {
    /// True when up.
    pub up: bool,
    /// Changes since the last that was written, this one included.
    pub changes: u64,
}

#[derive(Clone, Copy, Debug)]
struct Link {
    since: Moment,
    written: u32,
    up: bool,
    unwritten: u64,
}

/// The changes of every link, and what of them is not written yet.
#[derive(Debug, Default)]
pub struct ChangeLog(HashMap<Country, Link>);

impl ChangeLog {
    /// A link changed. Answers what to write now; `None` when it waits for [`Self::due`].
    pub fn changed(&mut self, peer: Country, up: bool, now: Moment) -> Option<Change> {
        let link = self.0.entry(peer).or_insert(Link {
            since: now,
            written: 0,
            up,
            unwritten: 0,
        });
        link.up = up;
        link.unwritten = link.unwritten.saturating_add(1);
        if now.since(link.since) >= SPAN {
            link.since = now;
            link.written = 0;
        }
        if link.written >= SINGLY {
            return None;
        }
        link.written = link.written.saturating_add(1);
        Some(link.take())
    }

    /// What waited for a span and is to be written now, one change per link.
    pub fn due(&mut self, now: Moment) -> Vec<(Country, Change)> {
        self.take_where(|link| now.since(link.since) >= SPAN, now)
    }

    /// Everything that is not written yet: the node stops.
    pub fn rest(&mut self, now: Moment) -> Vec<(Country, Change)> {
        self.take_where(|_| true, now)
    }

    fn take_where(&mut self, which: impl Fn(&Link) -> bool, now: Moment) -> Vec<(Country, Change)> {
        let mut due = Vec::new();
        for (peer, link) in &mut self.0 {
            if link.unwritten > 0 && which(link) {
                link.since = now;
                link.written = 1;
                due.push((*peer, link.take()));
            }
        }
        due
    }
}

impl Link {
    const fn take(&mut self) -> Change {
        let changes = self.unwritten;
        self.unwritten = 0;
        Change {
            up: self.up,
            changes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000;

    fn at(seconds: i64) -> Moment {
        Moment::from_micros(seconds * SECOND)
    }

    fn kz() -> Country {
        "KZ".parse().unwrap()
    }

    #[test]
    fn rare_changes_are_written_one_by_one() {
        let mut log = ChangeLog::default();
        for hour in 0..50 {
            for (minute, up) in [(1, true), (20, false)] {
                let change = log.changed(kz(), up, at(hour * 3600 + minute * 60));
                assert_eq!(change, Some(Change { up, changes: 1 }));
            }
            assert!(log.due(at(hour * 3600 + 3000)).is_empty());
        }
    }

    #[test]
    fn a_flapping_link_writes_a_few_leaves_an_hour_and_no_change_is_uncounted() {
        let mut log = ChangeLog::default();
        let (mut written, mut counted) = (0_u64, 0_u64);
        let changes = 24 * 3600;
        for second in 0..changes {
            let mut take = |change: Change| {
                written += 1;
                counted += change.changes;
            };
            if let Some(change) = log.changed(kz(), second % 2 == 0, at(second)) {
                take(change);
            }
            if second % 60 == 0 {
                for (_, change) in log.due(at(second)) {
                    take(change);
                }
            }
        }
        for (peer, change) in log.rest(at(changes)) {
            assert_eq!((peer, change.up), (kz(), false));
            written += 1;
            counted += change.changes;
        }
        assert!(
            written <= 24 * 7 + 1,
            "{written} leaves for {changes} changes"
        );
        assert_eq!(counted, u64::try_from(changes).unwrap());
        assert!(log.rest(at(changes)).is_empty());
    }

    #[test]
    fn what_waited_is_told_when_the_link_has_settled() {
        let mut log = ChangeLog::default();
        for second in 0..9 {
            log.changed(kz(), second % 2 == 0, at(second));
        }
        assert!(log.due(at(3599)).is_empty());
        let settled = Change {
            up: true,
            changes: 3,
        };
        assert_eq!(log.due(at(3600)), [(kz(), settled)]);
        assert!(log.due(at(9000)).is_empty());
    }
}
