//! SplitMix64: small, seeded, the same on every machine. Not cryptographic, and not meant to be:
//! it only makes exercises repeatable.

/// A sequence of numbers that follows from its seed.
#[derive(Clone, Debug)]
pub(super) struct SplitMix64(u64);

impl SplitMix64 {
    /// The sequence of a seed and a number within it, independent of its neighbours.
    pub(super) fn new(seed: u64, index: u64) -> Self {
        let mut outer = Self(seed ^ index.wrapping_mul(0xD1B5_4A32_D192_ED03));
        Self(outer.next())
    }

    pub(super) fn next(&mut self) -> u64 {
        // Steele, Lea, Flood: Fast splittable pseudorandom number generators (2014).
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// A number below `bound`; 0 when `bound` is 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        // The high half of a product: its bias is beyond what an exercise could show.
        let wide = (self.next() >> 32) * u64::from(bound);
        u32::try_from(wide >> 32).unwrap_or(0)
    }

    /// True in `percent` of a hundred cases.
    pub(super) fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// An element of `list`; the default when it is empty.
    pub(super) fn pick<T: Copy + Default>(&mut self, list: &[T]) -> T {
        let bound = u32::try_from(list.len()).unwrap_or(u32::MAX);
        let index = usize::try_from(self.below(bound)).unwrap_or(0);
        list.get(index).copied().unwrap_or_default()
    }

    /// One to `most` different elements of `list`, in its order; none when it is empty.
    pub(super) fn some<T: Copy>(&mut self, list: &[T], most: u32) -> Vec<T> {
        let wanted = 1 + self.below(most);
        let mut left = u32::try_from(list.len()).unwrap_or(u32::MAX);
        let mut wanted = wanted.min(left);
        list.iter()
            .filter(|_| {
                let taken = self.below(left) < wanted;
                left = left.saturating_sub(1);
                wanted -= u32::from(taken);
                taken
            })
            .copied()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_published_sequence() {
        // First outputs of SplitMix64 from state 1234567.
        let mut random = SplitMix64(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }

    #[test]
    fn stays_within_bounds() {
        let mut random = SplitMix64::new(1, 2);
        for _ in 0..1000 {
            assert!(random.below(7) < 7);
            let some = random.some(&[1, 2, 3, 4], 3);
            assert!((1..=3).contains(&some.len()) && some.is_sorted());
        }
        assert_eq!(random.below(0), 0);
        assert_eq!(random.pick::<u8>(&[]), 0);
        assert!(random.some::<u8>(&[], 3).is_empty());
    }
}
