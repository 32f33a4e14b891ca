//! Where an entry lies.

/// Where an entry lies in the journal. Fixed before the group is synced, so that rows may hold it;
/// an entry's *body* must not, because the careful start may write an unvouched tail on to a fresh
/// segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    pub(super) segment: u32,
    pub(super) offset: u64,
}

impl Place {
    /// Twelve bytes for a row: segment (u32) and offset (u64), big endian.
    pub fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        let all = self
            .segment
            .to_be_bytes()
            .into_iter()
            .chain(self.offset.to_be_bytes());
        for (to, from) in bytes.iter_mut().zip(all) {
            *to = from;
        }
        bytes
    }

    /// Reads what [`Self::to_bytes`] made; `None` for another length.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (segment, offset) = bytes.split_first_chunk::<4>()?;
        Some(Self {
            segment: u32::from_be_bytes(*segment),
            offset: u64::from_be_bytes(offset.try_into().ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_survives_its_bytes() {
        let place = Place {
            segment: 7,
            offset: 1 << 40,
        };
        assert_eq!(Place::from_bytes(&place.to_bytes()), Some(place));
        assert_eq!(Place::from_bytes(&[0; 11]), None);
        assert_eq!(Place::from_bytes(&[0; 13]), None);
    }
}
