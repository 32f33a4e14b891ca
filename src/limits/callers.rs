//! What principals use at a time and per second.

use std::{
    collections::HashMap,
    hash::Hash,
    time::{Duration, Instant},
};

use super::{Bucket, Exceeded, Limit, Rate};

/// What one principal may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Calls per second.
    pub rate: Rate,
    /// Calls at a time, streams among them.
    pub calls: u64,
    /// Streams of answers at a time.
    pub streams: u64,
}

/// When a place is free again, nobody knows.
const SOON: Duration = Duration::from_secs(1);

/// Principals and what they use. A principal is known by its name, so that a renewed certificate
/// begins nothing anew.
#[derive(Debug)]
pub struct Callers<K> {
    rules: Rules,
    known: HashMap<K, Use>,
    /// How many are known at once.
    most: usize,
}

#[derive(Debug)]
struct Use {
    bucket: Bucket,
    calls: u64,
    streams: u64,
}

impl<K: Hash + Eq + Clone> Callers<K> {
    /// Nobody yet; `most` are known at once.
    pub fn new(rules: Rules, most: usize) -> Self {
        Self {
            rules,
            known: HashMap::new(),
            most: most.max(1),
        }
    }

    /// Begins a call, with a stream of answers or without.
    ///
    /// # Errors
    /// [`Exceeded`] says of what there is no more. What is refused counts for nothing.
    pub fn begin(&mut self, who: &K, stream: bool, now: Instant) -> Result<(), Exceeded> {
        if !self.known.contains_key(who) {
            self.make_room(now);
        }
        let rules = self.rules;
        let of = self.known.entry(who.clone()).or_insert_with(|| Use {
            bucket: Bucket::full(now),
            calls: 0,
            streams: 0,
        });
        let exceeded = |limit, most, after| Exceeded { limit, most, after };
        if of.calls >= rules.calls {
            return Err(exceeded(Limit::Calls, rules.calls, SOON));
        }
        if stream && of.streams >= rules.streams {
            return Err(exceeded(Limit::Streams, rules.streams, SOON));
        }
        let taken = of.bucket.take(rules.rate, now);
        taken.map_err(|wait| exceeded(Limit::CallRate, rules.rate.per_second, wait))?;
        of.calls += 1;
        of.streams += u64::from(stream);
        Ok(())
    }

    /// Ends a call that began.
    pub fn end(&mut self, who: &K, stream: bool) {
        if let Some(of) = self.known.get_mut(who) {
            of.calls = of.calls.saturating_sub(1);
            of.streams = of.streams.saturating_sub(u64::from(stream));
        }
    }

    /// Calls and, among them, streams that are open.
    pub fn open(&self) -> (u64, u64) {
        let uses = self.known.values();
        uses.fold((0, 0), |(calls, streams), of| {
            (calls + of.calls, streams + of.streams)
        })
    }

    /// Forgets who uses nothing, when too many are known. Who has a call open is never forgotten:
    /// connections are bounded, and so are they.
    fn make_room(&mut self, now: Instant) {
        if self.known.len() < self.most {
            return;
        }
        self.known
            .retain(|_, of| of.calls > 0 || !of.bucket.is_full(now));
        if self.known.len() >= self.most {
            self.known.retain(|_, of| of.calls > 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: Rules = Rules {
        rate: Rate {
            per_second: 10,
            burst: 5,
        },
        calls: 3,
        streams: 2,
    };

    fn limit(refused: Result<(), Exceeded>) -> (Limit, u64) {
        let refused = refused.unwrap_err();
        (refused.limit, refused.most)
    }

    #[test]
    fn each_has_its_own_and_gets_it_back() {
        let now = Instant::now();
        let mut callers = Callers::new(RULES, 8);
        callers.begin(&"a", true, now).unwrap();
        callers.begin(&"a", true, now).unwrap();
        assert_eq!(limit(callers.begin(&"a", true, now)), (Limit::Streams, 2));
        callers.begin(&"a", false, now).unwrap();
        assert_eq!(limit(callers.begin(&"a", false, now)), (Limit::Calls, 3));
        callers.begin(&"b", true, now).unwrap();
        assert_eq!(callers.open(), (4, 3));
        callers.end(&"a", true);
        callers.begin(&"a", true, now).unwrap();
    }

    #[test]
    fn a_rate_is_refused_with_the_time_to_wait() {
        let now = Instant::now();
        let mut callers = Callers::new(RULES, 8);
        for _ in 0..5 {
            callers.begin(&"a", false, now).unwrap();
            callers.end(&"a", false);
        }
        let refused = callers.begin(&"a", false, now).unwrap_err();
        assert_eq!((refused.limit, refused.most), (Limit::CallRate, 10));
        assert_eq!(refused.after, Duration::from_millis(100));
        assert!(refused.to_string().contains("limits.calls_per_second"));
        callers.begin(&"a", false, now + refused.after).unwrap();
    }

    #[test]
    fn ten_thousand_names_take_no_more_room_than_a_few() {
        let now = Instant::now();
        let mut callers = Callers::new(RULES, 8);
        callers.begin(&0, false, now).unwrap();
        for who in 1..10_000 {
            callers.begin(&who, false, now).unwrap();
            callers.end(&who, false);
            assert!(callers.known.len() <= 8);
        }
        // Who has a call open is known all the while.
        assert_eq!(callers.open(), (1, 0));
    }
}
