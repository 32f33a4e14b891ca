//! A set of numbers: the gaps between neighbours in a byte or two each, or a bitmap where more than one
//! number in six is a member.
//!
//! Numbers come in order, from newest to oldest while the index is built and upwards afterwards, so
//! that gaps are written at either end; what comes between is put in its place, at the cost of
//! writing the set anew.

use roaring::RoaringBitmap;

use super::{
    gaps::{GAP, Members, gap, reserve, write},
    memory::{allocated, bitmap_bytes},
};

/// Bytes of gaps that are kept in place.
const SHORT: usize = 23;
/// Bytes of gaps from which a bitmap may be smaller.
const BITMAP_FROM: usize = 1024;
/// Numbers per byte of gaps below which a bitmap is smaller.
const BITMAP_BELOW: usize = 6;
/// Bytes of gaps from which what is reserved is given back.
const SHRUNK_FROM: usize = 4096;
/// A set.
#[derive(Clone, Debug)]
pub(super) enum Set {
    /// Gaps, in place.
    Short {
        length: u8,
        bytes: [u8; SHORT],
    },
    /// Gaps, and the members at both ends.
    Long {
        bytes: Vec<u8>,
        low: u32,
        high: u32,
    },
    Bitmap(Box<RoaringBitmap>),
}

/// What adding to gaps came to.
enum Added {
    Known,
    Written,
    /// Lies between two members, or does not fit.
    Anew,
}

impl Set {
    /// A set without members.
    pub(super) const fn empty() -> Self {
        Self::Short {
            length: 0,
            bytes: [0; SHORT],
        }
    }

    /// A set of ascending members.
    fn of(members: &[u32]) -> Self {
        let mut set = Self::empty();
        for member in members {
            set.add(*member);
        }
        set
    }

    /// Adds a member; false when it was there.
    pub(super) fn add(&mut self, member: u32) -> bool {
        let added = match self {
            Self::Short { length, bytes } => add_short(length, bytes, member),
            Self::Long { bytes, low, high } => match gap(member, *low, *high) {
                Some(gap) => {
                    let mut encoded = [0; GAP];
                    let count = write(gap, &mut encoded);
                    reserve(bytes);
                    bytes.extend_from_slice(encoded.get(..count).unwrap_or_default());
                    *low = member.min(*low);
                    *high = member.max(*high);
                    Added::Written
                }
                None if member == *low || member == *high => Added::Known,
                None => Added::Anew,
            },
            Self::Bitmap(bitmap) => return bitmap.insert(member),
        };
        match added {
            Added::Known => false,
            Added::Written => {
                if let Self::Long { bytes, low, high } = self
                    && bytes.len() >= BITMAP_FROM
                    && bytes.len().saturating_mul(BITMAP_BELOW) > high.saturating_sub(*low) as usize
                {
                    let mut bitmap = RoaringBitmap::new();
                    self.add_to(&mut bitmap);
                    *self = Self::Bitmap(Box::new(bitmap));
                }
                true
            }
            Added::Anew => self.add_between(member),
        }
    }

    /// Adds a member by writing the set anew.
    fn add_between(&mut self, member: u32) -> bool {
        let mut members = self.members();
        let Err(at) = members.binary_search(&member) else {
            return false;
        };
        members.insert(at, member);
        let mut bytes = Vec::new();
        let (mut low, mut high) = (0, 0);
        for (at, member) in members.into_iter().enumerate() {
            let value = if at == 0 {
                (low, high) = (member, member);
                Some(member)
            } else {
                gap(member, low, high)
            };
            if let Some(value) = value {
                let mut encoded = [0; GAP];
                let count = write(value, &mut encoded);
                reserve(&mut bytes);
                bytes.extend_from_slice(encoded.get(..count).unwrap_or_default());
                high = member;
            }
        }
        let mut short = [0; SHORT];
        *self = match (short.get_mut(..bytes.len()), u8::try_from(bytes.len())) {
            (Some(place), Ok(length)) => {
                place.copy_from_slice(&bytes);
                Self::Short {
                    length,
                    bytes: short,
                }
            }
            _ => Self::Long { bytes, low, high },
        };
        true
    }

    fn gaps(&self) -> &[u8] {
        match self {
            Self::Short { length, bytes } => bytes.get(..usize::from(*length)).unwrap_or_default(),
            Self::Long { bytes, .. } => bytes,
            Self::Bitmap(_) => &[],
        }
    }

    /// The members in ascending order.
    fn members(&self) -> Vec<u32> {
        if let Self::Bitmap(bitmap) = self {
            return bitmap.iter().collect();
        }
        let gaps = self.gaps();
        let (mut down, mut up) = (Vec::new(), Vec::with_capacity(gaps.len()));
        let mut first = None;
        for member in Members::of(gaps) {
            if member < *first.get_or_insert(member) {
                down.push(member);
            } else {
                up.push(member);
            }
        }
        if down.is_empty() {
            return up;
        }
        down.reverse();
        down.append(&mut up);
        down
    }

    /// Adds the members to a bitmap.
    pub(super) fn add_to(&self, to: &mut RoaringBitmap) {
        match self {
            Self::Short { .. } => to.extend(Members::of(self.gaps())),
            Self::Long { .. } => {
                if let Ok(bitmap) = RoaringBitmap::from_sorted_iter(self.members()) {
                    *to |= bitmap;
                }
            }
            Self::Bitmap(bitmap) => *to |= bitmap.as_ref(),
        }
    }

    /// Takes members out; answers whether none is left.
    pub(super) fn remove(&mut self, gone: &RoaringBitmap) -> bool {
        if let Self::Bitmap(bitmap) = self {
            **bitmap -= gone;
            return bitmap.is_empty();
        }
        if !Members::of(self.gaps()).any(|member| gone.contains(member)) {
            return self.gaps().is_empty();
        }
        let mut left = self.members();
        left.retain(|member| !gone.contains(*member));
        *self = Self::of(&left);
        left.is_empty()
    }

    /// Gives back what is reserved beyond the members.
    pub(super) fn shrink(&mut self) {
        match self {
            // Of a small one, what is left over would be of no use to anyone.
            Self::Long { bytes, .. } if bytes.len() > SHRUNK_FROM => bytes.shrink_to_fit(),
            Self::Short { .. } | Self::Long { .. } => {}
            Self::Bitmap(bitmap) => {
                bitmap.optimize();
            }
        }
    }

    /// Bytes beside the set's own, as the allocator gives them.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Short { .. } => 0,
            Self::Long { bytes, .. } => allocated(bytes.capacity()),
            Self::Bitmap(bitmap) => {
                allocated(size_of::<RoaringBitmap>()).saturating_add(bitmap_bytes(bitmap))
            }
        }
    }
}

fn add_short(length: &mut u8, bytes: &mut [u8; SHORT], member: u32) -> Added {
    let written = usize::from(*length);
    let value = match Members::of(bytes.get(..written).unwrap_or_default()).ends() {
        None => member,
        Some((low, high)) => match gap(member, low, high) {
            Some(gap) => gap,
            None if member == low || member == high => return Added::Known,
            None => return Added::Anew,
        },
    };
    let mut encoded = [0; GAP];
    let count = write(value, &mut encoded);
    let end = written.saturating_add(count);
    match (
        bytes.get_mut(written..end),
        encoded.get(..count),
        u8::try_from(end),
    ) {
        (Some(place), Some(encoded), Ok(end)) => {
            place.copy_from_slice(encoded);
            *length = end;
            Added::Written
        }
        _ => Added::Anew,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn all(set: &Set) -> BTreeSet<u32> {
        let mut bitmap = RoaringBitmap::new();
        set.add_to(&mut bitmap);
        let all = bitmap.iter().collect();
        assert_eq!(set.members(), bitmap.iter().collect::<Vec<_>>());
        all
    }

    /// Numbers in the orders in which an index gets them, and in none.
    fn numbers() -> impl Strategy<Value = Vec<u32>> {
        let most = prop_oneof![Just(300_u32), Just(20_000), Just((1 << 31) - 2)];
        most.prop_flat_map(|most| prop::collection::vec(0..most, 0..400))
            .prop_flat_map(|numbers| {
                let mut down = numbers.clone();
                down.sort_unstable_by(|one, other| other.cmp(one));
                let mut ends = down.clone();
                let up = ends.split_off(ends.len() / 2);
                let ends: Vec<u32> = up.into_iter().chain(ends.into_iter().rev()).collect();
                prop_oneof![Just(numbers), Just(down), Just(ends)]
            })
    }

    proptest! {
        #[test]
        fn a_set_holds_what_it_was_given_and_lets_go_of_what_is_taken(
            members in numbers(),
            again in prop::collection::vec(0_u32..20_000, 0..20),
            every in 1_u32..4,
        ) {
            let (mut set, mut expected) = (Set::empty(), BTreeSet::new());
            for member in members.iter().chain(&again) {
                prop_assert_eq!(set.add(*member), expected.insert(*member));
            }
            set.shrink();
            prop_assert_eq!(all(&set), expected.clone());
            let gone: RoaringBitmap = expected.iter().filter(|of| *of % every == 0).collect();
            expected.retain(|member| !gone.contains(*member));
            prop_assert_eq!(set.remove(&gone), expected.is_empty());
            prop_assert_eq!(all(&set), expected.clone());
            for member in members {
                prop_assert_eq!(set.add(member), expected.insert(member));
            }
            prop_assert_eq!(all(&set), expected);
        }
    }

    #[test]
    fn a_set_takes_a_byte_or_two_a_member_and_a_bit_a_number_at_most() {
        let filled = |step: usize| {
            let mut set = Set::empty();
            for member in (0..1_000_000).step_by(step).rev() {
                assert!(set.add(member));
                assert!(!set.add(member));
            }
            set.shrink();
            assert_eq!(all(&set).len(), 1_000_000_usize.div_ceil(step));
            set.bytes()
        };
        assert!(matches!(filled(200_000), 0));
        assert!((20_000..23_000).contains(&filled(50)), "{}", filled(50));
        assert!((2_000..2_600).contains(&filled(1_000)), "{}", filled(1_000));
        assert!((125_000..160_000).contains(&filled(2)), "{}", filled(2));
        assert!(filled(1) < 10_000, "{}", filled(1));
    }

    #[test]
    fn an_empty_set_has_no_members() {
        let mut set = Set::of(&[]);
        assert!(all(&set).is_empty() && set.remove(&RoaringBitmap::new()));
        assert!(set.add(0) && !set.add(0));
        assert_eq!(all(&set), BTreeSet::from([0]));
    }
}
