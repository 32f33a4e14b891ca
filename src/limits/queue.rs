//! What is in progress, by where it comes from: when there is too much, the oldest gives way.
//!
//! An honest handshake takes milliseconds, so what is old is stalled. Of an address that has too many
//! its own oldest goes, so that one address keeps no other out, and newcomers of the same address
//! are let in all the same.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    hash::Hash,
};

use super::Limit;

/// In progress, oldest first.
#[derive(Debug)]
pub struct Queue<K> {
    next: u64,
    all: BTreeMap<u64, K>,
    each: HashMap<K, BTreeSet<u64>>,
    most: usize,
    most_each: usize,
}

/// What has to give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Its number.
    pub number: u64,
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
    pub fn enter(&mut self, from: K) -> (u64, Option<Dropped>) {
        let own = self.each.get(&from);
        let dropped = match own.filter(|own| own.len() >= self.most_each) {
            Some(own) => own.first().map(|number| (*number, Limit::HandshakesEach)),
            None if self.all.len() >= self.most => {
                let oldest = self.all.first_key_value();
                oldest.map(|(number, _)| (*number, Limit::Handshakes))
            }
            None => None,
        };
        let dropped = dropped.map(|(number, limit)| Dropped { number, limit });
        if let Some(dropped) = dropped {
            self.leave(dropped.number);
        }
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        self.all.insert(number, from.clone());
        self.each.entry(from).or_default().insert(number);
        (number, dropped)
    }

    /// Something is over.
    pub fn leave(&mut self, number: u64) {
        let Some(from) = self.all.remove(&number) else {
            return;
        };
        if let Some(own) = self.each.get_mut(&from) {
            own.remove(&number);
            if own.is_empty() {
                self.each.remove(&from);
            }
        }
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
        assert_eq!(queue.enter("a"), (0, None));
        assert_eq!(queue.enter("b"), (1, None));
        assert_eq!(queue.enter("a"), (2, None));
        let dropped = |number, limit| Some(Dropped { number, limit });
        assert_eq!(queue.enter("a"), (3, dropped(0, Limit::HandshakesEach)));
        assert_eq!(queue.enter("c"), (4, None));
        assert_eq!(queue.enter("d"), (5, dropped(1, Limit::Handshakes)));
        assert_eq!(queue.len(), 4);
        // What gave way is over already.
        queue.leave(0);
        for number in 2..6 {
            queue.leave(number);
        }
        assert!(queue.is_empty() && queue.each.is_empty());
    }

    #[test]
    fn a_flood_of_one_place_leaves_the_others_alone() {
        let mut queue = Queue::new(64, 16);
        let (honest, _) = queue.enter(0);
        for _ in 0..10_000 {
            let (_, dropped) = queue.enter(1);
            assert_ne!(dropped.map(|of| of.number), Some(honest));
        }
        assert_eq!(queue.len(), 17);
    }
}
