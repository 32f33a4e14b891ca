//! What became known lately, so that the writer need not ask the index what the judge has asked.
//!
//! A batch is checked against the store when it is verified, and again by the writer, because other
//! batches may have become durable in between. Only those need to be looked at: the writer keeps the
//! names that the last entries brought.

use std::collections::{HashMap, VecDeque};

use crate::{inbox::ReferenceTag, record::Country};

/// Names kept: well beyond what is verified ahead of the writer.
const KEPT: usize = 16_384;

/// What a record must not share with another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Name {
    /// Its origin and id.
    Id(Country, [u8; 16]),
    /// Its reference.
    Reference(ReferenceTag),
    /// Keyed tag of the idempotency key under which it was submitted.
    Key([u8; 16]),
    /// Keyed tag of the item of a feed that it is.
    Fed([u8; 16]),
}

/// The names of the last records.
#[derive(Debug)]
pub(super) struct Recent {
    /// With the position of the entry that brought it.
    order: VecDeque<(u64, Name)>,
    /// With the position noted last.
    names: HashMap<Name, u64>,
    /// Every name that an entry after this position brought is here.
    since: u64,
}

impl Recent {
    /// Nothing is known of entries up to `position`.
    pub(super) fn after(position: u64) -> Self {
        Self {
            order: VecDeque::new(),
            names: HashMap::new(),
            since: position,
        }
    }

    /// Takes note of a name that the entry at `position` brings. That of an entry which is then taken
    /// back may stay: [`Self::is_new`] only ever answers too little.
    pub(super) fn note(&mut self, position: u64, name: Name) {
        self.names.insert(name, position);
        self.order.push_back((position, name));
        while self.order.len() > KEPT {
            if let Some((position, name)) = self.order.pop_front() {
                if self.names.get(&name) == Some(&position) {
                    self.names.remove(&name);
                }
                self.since = self.since.max(position);
            }
        }
    }

    /// Whether a name that the store did not know at `position` is certainly still unknown. If not,
    /// the store has to be asked.
    pub(super) fn is_new(&self, position: u64, name: &Name) -> bool {
        position >= self.since && !self.names.contains_key(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(n: u64) -> Name {
        let mut id = [0; 16];
        id[..8].copy_from_slice(&n.to_be_bytes());
        Name::Id("UZ".parse().unwrap(), id)
    }

    #[test]
    fn only_what_is_certain_is_new() {
        let mut recent = Recent::after(10);
        assert!(
            !recent.is_new(9, &id(1)),
            "entries 10 and before are not known"
        );
        assert!(recent.is_new(10, &id(1)));
        recent.note(11, id(1));
        assert!(!recent.is_new(10, &id(1)) && recent.is_new(10, &id(2)));
        // Names that were let go make older questions uncertain.
        for n in 2..=KEPT as u64 + 1 {
            recent.note(10 + n, id(n));
        }
        assert!(!recent.is_new(10, &id(0)) && recent.is_new(11, &id(0)));
        assert_eq!(recent.names.len(), recent.order.len());
        // A name that came back later counts from then on.
        let mut recent = Recent::after(0);
        recent.note(1, id(1));
        recent.note(5, id(1));
        for n in 0..KEPT as u64 - 1 {
            recent.note(6, id(100 + n));
        }
        assert_eq!(recent.since, 1);
        assert!(!recent.is_new(3, &id(1)));
    }
}
