//! What is in progress, by where it comes from: when there is too much, the oldest gives way.
//!
//! An honest handshake takes milliseconds, so what is old is stalled. Of an address that has too many
//! its own oldest goes, so that one address keeps no other out, and newcomers of the same address
//! are let in all the same.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
    time::{Duration, Instant},
};

use super::Limit;

/// In progress, oldest first.
#[derive(Debug)]
pub struct Queue<K> {
    next: u64,
    all: BTreeMap<u64, (K, Instant)>,
    each: HashMap<K, BTreeSet<u64>>,
    most: usize,
    most_each: usize,
}

/// What has to give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped<K> {
    /// Its number.
    pub number: u64,
    /// Where it came from.
    pub from: K,
    /// For how long it was in progress.
    pub lasted: Duration,
    /// Because of what.
    pub limit: Limit,
}

impl<K: Hash + Eq + Clone> Queue<K> {
    /// Nothing yet; `most` at a time, and `most_each` of one place.
    pub fn new(most: usize, most_each: usize) -> Self {
        Self {
            next: 0,
            all: BTreeMap::new(),
            each: HashMap::new(),
            most: most.max(1),
            most_each: most_each.max(1),
        }
    }

    /// Something begins: its number, and what gives way to it.
    pub fn enter(&mut self, from: K, now: Instant) -> (u64, Option<Dropped<K>>) {
        let own = self.each.get(&from);
        let gives_way = match own.filter(|own| own.len() >= self.most_each) {
            Some(own) => own.first().map(|number| (*number, Limit::HandshakesEach)),
            None if self.all.len() >= self.most => {
                let oldest = self.all.first_key_value();
                oldest.map(|(number, _)| (*number, Limit::Handshakes))
            }
            None => None,
        };
        let dropped = gives_way.and_then(|(number, limit)| {
            let (from, since) = self.leave(number)?;
            Some(Dropped {
                number,
                from,
                lasted: now.saturating_duration_since(since),
                limit,
            })
        });
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.all.insert(number, (from.clone(), now));
        self.each.entry(from).or_default().insert(number);
        (number, dropped)
    }

    /// Something is over: where it came from and when it began, unless it was over already.
    pub fn leave(&mut self, number: u64) -> Option<(K, Instant)> {
        let (from, since) = self.all.remove(&number)?;
        if let Some(own) = self.each.get_mut(&from) {
            own.remove(&number);
            if own.is_empty() {
                self.each.remove(&from);
            }
        }
        Some((from, since))
    }

    /// How many are in progress.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nothing is in progress.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_of_the_same_place_gives_way_and_then_the_oldest_of_all() {
        let mut queue = Queue::new(4, 2);
        let begun = Instant::now();
        let at = |second| begun + Duration::from_secs(second);
        assert_eq!(queue.enter("a", at(0)), (0, None));
        assert_eq!(queue.enter("b", at(1)), (1, None));
        assert_eq!(queue.enter("a", at(2)), (2, None));
        let dropped = |number, from, seconds, limit| {
            Some(Dropped {
                number,
                from,
                lasted: Duration::from_secs(seconds),
                limit,
            })
        };
        let own = dropped(0, "a", 3, Limit::HandshakesEach);
        assert_eq!(queue.enter("a", at(3)), (3, own));
        assert_eq!(queue.enter("c", at(4)), (4, None));
        let others = dropped(1, "b", 4, Limit::Handshakes);
        assert_eq!(queue.enter("d", at(5)), (5, others));
        assert_eq!(queue.len(), 4);
        // What gave way is over already.
        assert_eq!(queue.leave(0), None);
        for number in 2..6 {
            queue.leave(number);
        }
        assert!(queue.is_empty() && queue.each.is_empty());
    }

    #[test]
    fn a_flood_of_one_place_leaves_the_others_alone() {
        let mut queue = Queue::new(64, 16);
        let now = Instant::now();
        let (honest, _) = queue.enter(0, now);
        for _ in 0..10_000 {
            let (_, dropped) = queue.enter(1, now);
            assert_ne!(dropped.map(|of| of.number), Some(honest));
        }
        assert_eq!(queue.len(), 17);
    }
}
