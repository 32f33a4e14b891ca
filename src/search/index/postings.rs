//! Sets behind slots of four bytes, most of them of one member, and slots behind hashed keys.

use std::collections::HashMap;
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher, RandomState};

use roaring::RoaringBitmap;

use super::memory::{allocated, table_bytes};
use super::set::Set;

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
            let mut set = Set::empty();
            set.add(alone);
            set.add(member);
            slot.0 = AWAY | self.put(set);
            return true;
        }
        match self.sets.get_mut((slot.0 & !AWAY) as usize) {
            Some(set) => set.add(member),
            None => false,
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
        if self.sets.len() == self.sets.capacity() {
            self.sets.reserve_exact((self.sets.len() / 8).max(64));
        }
        self.sets.push(set);
        at
    }

    /// A slot with the same members, of its own.
    pub(super) fn copy(&mut self, slot: Slot) -> Slot {
        if slot.0 & AWAY == 0 {
            return slot;
        }
        match self.sets.get((slot.0 & !AWAY) as usize).cloned() {
            Some(set) => Slot(AWAY | self.put(set)),
            None => Slot::default(),
        }
    }

    /// Gives a slot's place back.
    pub(super) fn drop(&mut self, slot: Slot) {
        if slot.0 & AWAY != 0
            && let Some(set) = self.sets.get_mut((slot.0 & !AWAY) as usize)
        {
            *set = Set::empty();
            self.free.push(slot.0 & !AWAY);
        }
    }

    /// Adds the members of a slot to a bitmap.
    pub(super) fn add_to(&self, slot: Slot, to: &mut RoaringBitmap) {
        if slot.0 < EMPTY {
            to.insert(slot.0);
        } else if slot.0 & AWAY != 0
            && let Some(set) = self.sets.get((slot.0 & !AWAY) as usize)
        {
            set.add_to(to);
        }
    }

    /// Bytes of a slot's set that are read to take members out.
    pub(super) fn weight(&self, slot: Slot) -> usize {
        if slot.0 & AWAY == 0 {
            return 0;
        }
        let set = self.sets.get((slot.0 & !AWAY) as usize);
        set.map_or(0, Set::bytes)
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
        let Some(set) = self.sets.get_mut((slot.0 & !AWAY) as usize) else {
            return true;
        };
        let empty = set.remove(gone);
        if empty {
            self.drop(std::mem::take(slot));
        }
        empty
    }

    /// Bytes as the allocator gives them; takes some milliseconds in a large index.
    pub(super) fn bytes(&self) -> usize {
        let of_sets: usize = self.sets.iter().map(Set::bytes).sum();
        of_sets
            .saturating_add(allocated(
                self.sets.capacity().saturating_mul(size_of::<Set>()),
            ))
            .saturating_add(allocated(self.free.capacity().saturating_mul(4)))
    }

    /// Gives back what is reserved beyond the members.
    pub(super) fn shrink(&mut self) {
        for set in &mut self.sets {
            set.shrink();
        }
        self.sets.shrink_to_fit();
    }
}

/// 64 bits of a keyed hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key([u32; 2]);

impl Key {
    /// Halves, so that a key and its slot take twelve bytes.
    pub(super) fn of(hash: u64) -> Self {
        Self([
            u32::try_from(hash >> 32).unwrap_or(0),
            u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(0),
        ])
    }
}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let [high, low] = self.0;
        state.write_u64((u64::from(high) << 32) | u64::from(low));
    }
}

/// Takes a [`Key`] as it is: hashing what a secret key has hashed already adds nothing.
#[derive(Debug, Default)]
pub(super) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// A table by [`Key`].
pub(super) type ByKey<T> = HashMap<Key, T, BuildHasherDefault<AsItIs>>;

/// Slots under keys that are kept as 64 bits of a keyed hash: whoever asks verifies what is found.
#[derive(Debug, Default)]
pub(super) struct Hashed {
    hasher: RandomState,
    slots: ByKey<Slot>,
}

impl Hashed {
    fn key(&self, of: &impl Hash) -> Key {
        Key::of(self.hasher.hash_one(of))
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

    /// Bytes as the allocator gives them.
    pub(super) fn bytes(&self) -> usize {
        table_bytes(self.slots.capacity(), size_of::<(Key, Slot)>())
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
