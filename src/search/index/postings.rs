//! Sets of numbers, most of them of one member: a word of a slot when alone, a short sorted list up
//! to some, a compressed bitmap beyond.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};

use roaring::RoaringBitmap;

/// Members of a list; beyond, a bitmap is smaller and faster.
const LISTED: usize = 24;
/// Marks a slot that names a place among the sets rather than a member.
const AWAY: u32 = 1 << 31;
/// Largest member of a set.
pub(crate) const MAX_MEMBER: u32 = AWAY - 2;
/// A slot without members.
const EMPTY: u32 = AWAY - 1;

/// A handle to a set of numbers up to [`MAX_MEMBER`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Slot(u32);

impl Default for Slot {
    fn default() -> Self {
        Self(EMPTY)
    }
}

#[derive(Debug)]
enum Set {
    List(Vec<u32>),
    Bitmap(Box<RoaringBitmap>),
}

/// Sets behind slots.
#[derive(Debug, Default)]
pub(super) struct Sets {
    sets: Vec<Set>,
    free: Vec<u32>,
}

impl Sets {
    /// Adds a member; false when it was there.
    pub(super) fn add(&mut self, slot: &mut Slot, member: u32) -> bool {
        if member > MAX_MEMBER {
            return false;
        }
        if slot.0 == EMPTY {
            slot.0 = member;
            return true;
        }
        if slot.0 < EMPTY {
            let alone = slot.0;
            if alone == member {
                return false;
            }
            let list = vec![alone.min(member), alone.max(member)];
            slot.0 = AWAY | self.put(Set::List(list));
            return true;
        }
        let Some(set) = self.sets.get_mut((slot.0 & !AWAY) as usize) else {
            return false;
        };
        match set {
            Set::List(list) => match list.binary_search(&member) {
                Ok(_) => false,
                Err(at) => {
                    if list.len() < LISTED {
                        if list.len() == list.capacity() {
                            list.reserve_exact((list.len() / 2).max(2));
                        }
                        list.insert(at, member);
                    } else {
                        let mut bitmap: RoaringBitmap = list.iter().copied().collect();
                        bitmap.insert(member);
                        *set = Set::Bitmap(Box::new(bitmap));
                    }
                    true
                }
            },
            Set::Bitmap(bitmap) => bitmap.insert(member),
        }
    }

    fn put(&mut self, set: Set) -> u32 {
        if let Some(at) = self.free.pop()
            && let Some(place) = self.sets.get_mut(at as usize)
        {
            *place = set;
            return at;
        }
        let at = u32::try_from(self.sets.len()).unwrap_or(MAX_MEMBER);
        self.sets.push(set);
        at
    }

    /// Adds the members of a slot to a bitmap.
    pub(super) fn add_to(&self, slot: Slot, to: &mut RoaringBitmap) {
        if slot.0 < EMPTY {
            to.insert(slot.0);
        } else if slot.0 & AWAY != 0 {
            match self.sets.get((slot.0 & !AWAY) as usize) {
                Some(Set::List(list)) => {
                    to.extend(list.iter().copied());
                }
                Some(Set::Bitmap(bitmap)) => *to |= bitmap.as_ref(),
                None => {}
            }
        }
    }

    /// Takes members out; true when none is left.
    pub(super) fn remove(&mut self, slot: &mut Slot, gone: &RoaringBitmap) -> bool {
        if slot.0 == EMPTY {
            return true;
        }
        if slot.0 < EMPTY {
            if gone.contains(slot.0) {
                slot.0 = EMPTY;
            }
            return slot.0 == EMPTY;
        }
        let at = slot.0 & !AWAY;
        let Some(set) = self.sets.get_mut(at as usize) else {
            return true;
        };
        let left = match set {
            Set::List(list) => {
                list.retain(|member| !gone.contains(*member));
                list.len()
            }
            Set::Bitmap(bitmap) => {
                **bitmap -= gone;
                usize::try_from(bitmap.len()).unwrap_or(usize::MAX)
            }
        };
        if left == 0 {
            *set = Set::List(Vec::new());
            self.free.push(at);
            slot.0 = EMPTY;
        }
        left == 0
    }

    /// Bytes, about; takes some milliseconds in a large index.
    pub(super) fn bytes(&self) -> usize {
        let of_sets: usize = self
            .sets
            .iter()
            .map(|set| match set {
                // The allocator's own word and rounding.
                Set::List(list) => list.capacity().saturating_mul(4).saturating_add(16),
                Set::Bitmap(bitmap) => bitmap_bytes(bitmap),
            })
            .sum();
        of_sets
            .saturating_add(self.sets.capacity().saturating_mul(size_of::<Set>()))
            .saturating_add(self.free.capacity().saturating_mul(4))
    }

    /// Gives back what lists and bitmaps have reserved beyond their members.
    pub(super) fn shrink(&mut self) {
        for set in &mut self.sets {
            match set {
                Set::List(list) => list.shrink_to_fit(),
                Set::Bitmap(bitmap) => {
                    bitmap.optimize();
                }
            }
        }
        self.sets.shrink_to_fit();
    }
}

/// Bytes of a bitmap, about: a container's head for each 65,536 numbers, two bytes a member in a
/// sparse one (half as much again reserved), 8 KiB in a dense one.
pub(super) fn bitmap_bytes(bitmap: &RoaringBitmap) -> usize {
    let stats = bitmap.statistics();
    let heads = usize::try_from(stats.n_containers)
        .unwrap_or(0)
        .saturating_mul(48);
    let bytes = stats
        .n_bytes_array_containers
        .saturating_mul(3)
        .saturating_div(2)
        .saturating_add(stats.n_bytes_bitset_containers)
        .saturating_add(stats.n_bytes_run_containers);
    heads
        .saturating_add(usize::try_from(bytes).unwrap_or(usize::MAX))
        .saturating_add(64)
}

/// Slots under keys that are kept as 64 bits of a keyed hash: whoever asks verifies what is found.
#[derive(Debug, Default)]
pub(super) struct Hashed {
    hasher: RandomState,
    slots: HashMap<[u32; 2], Slot>,
}

impl Hashed {
    fn key(&self, of: &impl Hash) -> [u32; 2] {
        let hash = self.hasher.hash_one(of);
        [
            u32::try_from(hash >> 32).unwrap_or(0),
            u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(0),
        ]
    }

    pub(super) fn entry(&mut self, of: &impl Hash) -> &mut Slot {
        let key = self.key(of);
        self.slots.entry(key).or_default()
    }

    pub(super) fn get(&self, of: &impl Hash) -> Slot {
        self.slots.get(&self.key(of)).copied().unwrap_or_default()
    }

    /// Takes members out of every slot and drops the empty ones.
    pub(super) fn remove(&mut self, sets: &mut Sets, gone: &RoaringBitmap) {
        self.slots.retain(|_, slot| !sets.remove(slot, gone));
    }

    /// Bytes, about: 12 of a slot and one of control, in a table at most seven eighths full.
    pub(super) fn bytes(&self) -> usize {
        self.slots
            .capacity()
            .saturating_mul(8)
            .saturating_div(7)
            .saturating_mul(13)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_slot_holds_what_a_set_holds(
            members in prop::collection::vec(0_u32..200, 0..120),
            gone in prop::collection::btree_set(0_u32..200, 0..150),
        ) {
            let (mut sets, mut slot) = (Sets::default(), Slot::default());
            let mut expected = BTreeSet::new();
            for member in members {
                prop_assert_eq!(sets.add(&mut slot, member), expected.insert(member));
            }
            let all = |sets: &Sets, slot| {
                let mut bitmap = RoaringBitmap::new();
                sets.add_to(slot, &mut bitmap);
                bitmap.iter().collect::<BTreeSet<u32>>()
            };
            prop_assert_eq!(all(&sets, slot), expected.clone());
            let bitmap: RoaringBitmap = gone.iter().copied().collect();
            let left: BTreeSet<u32> = expected.difference(&gone).copied().collect();
            prop_assert_eq!(sets.remove(&mut slot, &bitmap), left.is_empty());
            prop_assert_eq!(all(&sets, slot), left);
        }
    }

    #[test]
    fn hashed_slots_are_dropped_when_empty() {
        let (mut sets, mut hashed) = (Sets::default(), Hashed::default());
        let mut slot = hashed.get(&"a");
        sets.add(&mut slot, 7);
        *hashed.entry(&"a") = slot;
        assert!(!hashed.slots.is_empty());
        hashed.remove(&mut sets, &RoaringBitmap::from_iter([7]));
        assert!(hashed.slots.is_empty());
    }
}
