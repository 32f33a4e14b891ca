//! What was refused, counted by limit, and when the log says so.

use std::time::{Duration, Instant};

use super::Limit;

/// The log says of each limit once in this time how often it refused.
const QUIET: Duration = Duration::from_secs(60);

/// Refusals by limit, since the node started.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    counts: [Counted; Limit::ALL.len()],
}

#[derive(Clone, Copy, Debug, Default)]
struct Counted {
    all: u64,
    /// Since the log spoke of it last.
    unsaid: u64,
    said: Option<Instant>,
}

/// How often a limit refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// Which.
    pub limit: Limit,
    /// How often.
    pub refused: u64,
}

impl Tally {
    /// Counts a refusal. Answers how many the log has not spoken of, when it is to speak now: at the
    /// first, and then at most once a minute.
    pub fn note(&mut self, limit: Limit, now: Instant) -> Option<u64> {
        let of = self.counts.get_mut(limit.index())?;
        of.all = of.all.saturating_add(1);
        of.unsaid = of.unsaid.saturating_add(1);
        let quiet = of
            .said
            .is_some_and(|said| now.saturating_duration_since(said) < QUIET);
        if quiet {
            return None;
        }
        of.said = Some(now);
        Some(std::mem::take(&mut of.unsaid))
    }

    /// What was refused so far; limits that refused nothing are left out.
    pub fn refused(&self) -> Vec<Count> {
        let counts = Limit::ALL.into_iter().zip(self.counts);
        counts
            .filter(|(_, of)| of.all > 0)
            .map(|(limit, of)| Count {
                limit,
                refused: of.all,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_million_refusals_are_a_line_a_minute() {
        let mut tally = Tally::default();
        let now = Instant::now();
        assert_eq!(tally.note(Limit::CallRate, now), Some(1));
        for _ in 0..1_000_000 {
            assert_eq!(tally.note(Limit::CallRate, now + QUIET / 2), None);
        }
        assert_eq!(tally.note(Limit::Idle, now), Some(1));
        assert_eq!(tally.note(Limit::CallRate, now + QUIET), Some(1_000_001));
        let refused = |limit, refused| Count { limit, refused };
        assert_eq!(
            tally.refused(),
            [refused(Limit::CallRate, 1_000_002), refused(Limit::Idle, 1)]
        );
    }
}
