//! What memory costs: bytes as the allocator gives them, not as they were asked for.

use roaring::RoaringBitmap;

/// The allocator's own word at each piece, its step, and the smallest piece.
const WORD: usize = 8;
const STEP: usize = 16;
const SMALLEST: usize = 32;
/// A container of a bitmap: its key and the head of what it holds.
const CONTAINER: usize = 40;
/// A dense container: a bit for each of its numbers.
const DENSE: usize = 8 << 10;

/// Bytes that a piece of the heap takes; none for nothing.
pub(super) const fn allocated(bytes: usize) -> usize {
    if bytes == 0 {
        return 0;
    }
    let whole = bytes.saturating_add(WORD + STEP - 1) & !(STEP - 1);
    if whole < SMALLEST { SMALLEST } else { whole }
}

/// Bytes of a hash table that takes `capacity` entries of `size` bytes: a byte of control each, seven
/// eighths full at most.
pub(super) const fn table_bytes(capacity: usize, size: usize) -> usize {
    let buckets = capacity.saturating_mul(8).saturating_div(7);
    allocated(buckets.saturating_mul(size.saturating_add(1)))
}

/// Bytes of a bitmap, which has a container for each 65,536 numbers. What its statistics call bytes
/// are, of sparse containers, four for each member that has room (it takes two), and of dense ones
/// bits: so counted here.
pub(super) fn bitmap_bytes(bitmap: &RoaringBitmap) -> usize {
    let stats = bitmap.statistics();
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    let sparse = number(stats.n_bytes_array_containers) / 2;
    let runs = number(stats.n_bytes_run_containers);
    allocated(number(stats.n_containers.into()).saturating_mul(CONTAINER))
        .saturating_add(sparse)
        .saturating_add(number(stats.n_array_containers.into()).saturating_mul(STEP))
        .saturating_add(number(stats.n_bitset_containers.into()).saturating_mul(allocated(DENSE)))
        .saturating_add(runs)
        .saturating_add(number(stats.n_run_containers.into()).saturating_mul(STEP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_takes_the_smallest_piece_and_nothing_takes_none() {
        assert_eq!(allocated(0), 0);
        assert_eq!(allocated(1), 32);
        assert_eq!(allocated(24), 32);
        assert_eq!(allocated(25), 48);
        assert_eq!(table_bytes(7, 12), allocated(8 * 13));
    }

    #[test]
    fn a_bitmap_takes_a_bit_a_number_or_two_bytes_a_member() {
        let dense: RoaringBitmap = (0..1_000_000).step_by(2).collect();
        let bytes = bitmap_bytes(&dense);
        assert!((125_000..160_000).contains(&bytes), "{bytes}");
        let sparse: RoaringBitmap = (0..1_000_000).step_by(100).collect();
        let bytes = bitmap_bytes(&sparse);
        assert!((20_000..50_000).contains(&bytes), "{bytes}");
    }
}
