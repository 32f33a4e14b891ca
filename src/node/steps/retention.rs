//! For how long victims' data is kept, at each country that holds it: its readers, its origin, who
//! passed it on, and who it was passed on to.

use std::time::Duration;

use crate::{
    crypto::Digest,
    inbox::ask,
    node::{Node, NodeError, onward::original_of, rules::Facts},
    record::{Country, Moment, due},
    wire::record::{Record, Victims},
};

use super::followed;

/// Seconds of a day.
const DAY_SECONDS: u64 = 86_400;

/// When the time of victim data is over that is held from `now` on; 0 for none.
fn until(victims: Option<&Victims>, now: Moment) -> i64 {
    match victims.map_or(0, |victims| u64::from(victims.retention_days)) {
        0 => 0,
        days => (now + Duration::from_secs(days.saturating_mul(DAY_SECONDS))).micros(),
    }
}

/// The earlier of two times, of which 0 is never.
const fn earlier(one: i64, other: i64) -> i64 {
    match (one, other) {
        (0, time) | (time, 0) => time,
        (one, other) if one < other => one,
        (_, other) => other,
    }
}

impl Node {
    /// As [`Self::facts`], with what holds from `now` on: when something is due, and after which time
    /// victims' data goes. Inside a record that passes another on it cannot go alone: that record goes
    /// as a whole.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub(in crate::node) fn facts_held(
        &self,
        record: &Record,
        digest: &Digest,
        origin: Country,
        now: Moment,
    ) -> Result<Facts, NodeError> {
        // At the origin from submission, as the record says it. At a reader by the peers' clocks where
        // this one is apart from them: victim data must go neither at once nor never when it is set
        // right.
        let from = match origin == self.country {
            true => now,
            false => self.clocks.corrected(now),
        };
        let mut facts = Facts {
            victims_until_us: until(record.victims.as_ref(), from),
            clock: due::clock(record, now, &self.terms),
            ..self.facts(record, digest)
        };
        // From what does not open nobody reads victims' data.
        if let Ok(Some((_, original))) = original_of(record) {
            let mut over = until(original.victims.as_ref(), from);
            // Who passes it on keeps it no longer than the original that it holds.
            if over != 0
                && origin == self.country
                && let Some(passes_on) = &facts.passes_on
                && let Some(held) = ask::by_digest(&self.store, &passes_on.original)?
            {
                over = earlier(over, self.held(held)?.holding.victims_until_us);
            }
            facts.expires_us = earlier(facts.expires_us, over);
        }
        // Nobody revokes an original that they did not pass on to here.
        if origin != self.country
            && let Some(follow) = &mut facts.follow
            && !follow.revokes.is_empty()
            && !followed(record)
                .is_some_and(|of| matches!(ask::by_digest(&self.store, &of), Ok(Some(_))))
        {
            follow.revokes.clear();
        }
        Ok(facts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earlier_time_counts_and_zero_is_never() {
        assert_eq!(
            [(0, 0), (0, 5), (5, 0), (5, 7), (7, 5)].map(|(one, other)| earlier(one, other)),
            [0, 5, 5, 5, 5]
        );
        assert_eq!(until(None, Moment::from_micros(1)), 0);
        let victims = Victims {
            retention_days: 2,
            ..Victims::default()
        };
        assert_eq!(
            until(Some(&victims), Moment::from_micros(1)),
            172_800_000_001
        );
    }
}
