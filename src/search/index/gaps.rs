//! Numbers as gaps: how the members of a small set are written.

/// Most bytes of one gap.
pub(super) const GAP: usize = 5;

/// Members in the order in which they came: the first as it is, each other as its gap from the
/// lowest or the highest so far, and a bit that says from which.
pub(super) struct Members<'a> {
    bytes: &'a [u8],
    ends: Option<(u32, u32)>,
}

impl<'a> Members<'a> {
    /// The members that these bytes stand for.
    pub(super) const fn of(bytes: &'a [u8]) -> Self {
        Self { bytes, ends: None }
    }

    /// The lowest and the highest.
    pub(super) fn ends(mut self) -> Option<(u32, u32)> {
        while self.next().is_some() {}
        self.ends
    }
}

impl Iterator for Members<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let mut value = 0_u32;
        let mut shift = 0_u32;
        loop {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            value |= u32::from(byte & 0x7f).wrapping_shl(shift);
            if byte < 0x80 {
                break;
            }
            shift = shift.saturating_add(7);
        }
        let Some((low, high)) = &mut self.ends else {
            self.ends = Some((value, value));
            return Some(value);
        };
        let gap = value >> 1;
        if value & 1 == 1 {
            *high = high.saturating_add(gap);
            Some(*high)
        } else {
            *low = low.saturating_sub(gap);
            Some(*low)
        }
    }
}

/// Writes a number, seven bits a byte; answers how many bytes.
pub(super) fn write(mut value: u32, to: &mut [u8; GAP]) -> usize {
    let mut length = 0_usize;
    for byte in to.iter_mut() {
        length = length.saturating_add(1);
        let low = u8::try_from(value & 0x7f).unwrap_or(0);
        value >>= 7;
        if value == 0 {
            *byte = low;
            break;
        }
        *byte = low | 0x80;
    }
    length
}

/// The gap of a member that lies outside `low..=high`.
pub(super) const fn gap(member: u32, low: u32, high: u32) -> Option<u32> {
    if member > high {
        Some((member.saturating_sub(high) << 1) | 1)
    } else if member < low {
        Some(low.saturating_sub(member) << 1)
    } else {
        None
    }
}

/// Makes room for one gap; what is reserved is what the allocator gives.
pub(super) fn reserve(bytes: &mut Vec<u8>) {
    let length = bytes.len().saturating_add(GAP);
    if length > bytes.capacity() {
        let wanted = length.saturating_add(length / 8);
        // Sixteen by sixteen, less the allocator's own eight.
        let whole = (wanted.saturating_add(7) & !15).saturating_add(8);
        bytes.reserve_exact(whole.saturating_sub(bytes.len()));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(value in 0..=u32::MAX) {
            let mut encoded = [0; GAP];
            let count = write(value, &mut encoded);
            prop_assert_eq!(Members::of(&encoded[..count]).next(), Some(value));
        }
    }
}
