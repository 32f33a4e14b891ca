//! Ids of STIX objects: shaped as UUIDv4, unguessable, and the same for every version of an object.
//!
//! An id says to whoever has the node's index key which record it is of and which part of it, so that
//! an object is found by its id without a row for each. To everybody else it is random: 58 bits are a
//! keyed tag over the rest, and the rest is masked by it.

use std::fmt;

use crate::crypto::{Digest, IndexKey};

/// Bits of the keyed tag.
const TAG_BITS: u32 = 58;
/// Bits of the part within a record.
const PART_BITS: u32 = 24;
/// Highest local number that fits.
const MAX_NUMBER: u64 = (1 << 40) - 1;
/// Highest part.
pub(super) const MAX_PART: u32 = (1 << PART_BITS) - 1;

/// The UUID of an object, without its type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Uuid([u8; 16]);

impl Uuid {
    /// 122 bits as version 4 has them.
    fn of_bits(bits: u128) -> Self {
        let high = (bits >> 74) & 0xffff_ffff_ffff;
        let middle = (bits >> 62) & 0xfff;
        let low = bits & 0x3fff_ffff_ffff_ffff;
        Self(((high << 80) | (0x4 << 76) | (middle << 64) | (0b10 << 62) | low).to_be_bytes())
    }

    const fn bits(self) -> u128 {
        let whole = u128::from_be_bytes(self.0);
        ((whole >> 80) << 74) | (((whole >> 64) & 0xfff) << 62) | (whole & 0x3fff_ffff_ffff_ffff)
    }

    /// From 16 random or keyed bytes.
    pub fn of_bytes(bytes: [u8; 16]) -> Self {
        Self::of_bits(u128::from_be_bytes(bytes) & ((1 << 122) - 1))
    }

    /// Its 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Reads the 36 characters of a UUID in lower case; `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let lengths = text.split('-').map(str::len);
        if !lengths.eq([8, 4, 4, 4, 12]) || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return None;
        }
        let mut out = [0; 16];
        hex::decode_to_slice(text.replace('-', ""), &mut out).ok()?;
        Some(Self(out))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, byte) in self.0.iter().enumerate() {
            if matches!(at, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

/// Which record an object is of, and which part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Local number of the record's first version.
    pub number: u64,
    /// Part of it.
    pub part: u32,
}

/// What makes ids and reads them.
#[derive(Clone, Copy, Debug)]
pub struct Ids<'a>(pub &'a IndexKey);

impl Ids<'_> {
    /// The id of a part of the record whose first version has this header.
    pub(super) fn of_part(self, of: Part, header: &Digest) -> Uuid {
        let inner = inner(of);
        let tag = self.tag(inner, header);
        Uuid::of_bits((u128::from(tag) << 64) | u128::from(inner ^ self.mask(tag)))
    }

    /// Which record a UUID may be of. Whether it is, [`Self::is_of`] says, with the record's header.
    pub fn part(self, uuid: &Uuid) -> Part {
        let bits = uuid.bits();
        let tag = u64::try_from(bits >> 64).unwrap_or_default();
        let low = u64::try_from(bits & u128::from(u64::MAX)).unwrap_or_default();
        let inner = low ^ self.mask(tag);
        Part {
            number: inner >> PART_BITS,
            part: u32::try_from(inner & u64::from(MAX_PART)).unwrap_or_default(),
        }
    }

    /// Whether a UUID was made for a part of the record whose first version has this header.
    pub fn is_of(self, uuid: &Uuid, of: Part, header: &Digest) -> bool {
        self.of_part(of, header) == *uuid
    }

    /// A part of a record by what it is about: the same words are the same part in every version.
    pub(super) fn part_of(self, words: &str) -> u32 {
        let tag = self.0.tag("stix part", words.as_bytes());
        let [a, b, c, ..] = tag;
        u32::from_be_bytes([0, a, b, c])
    }

    /// The id of what many records have in common, by what it is.
    pub(super) fn shared(self, words: &str) -> Uuid {
        Uuid::of_bytes(self.0.tag("stix shared", words.as_bytes()))
    }

    fn tag(self, inner: u64, header: &Digest) -> u64 {
        let mut value = inner.to_be_bytes().to_vec();
        value.extend_from_slice(header.as_bytes());
        first(self.0.tag("stix object", &value)) >> (64 - TAG_BITS)
    }

    fn mask(self, tag: u64) -> u64 {
        first(self.0.tag("stix mask", &tag.to_be_bytes()))
    }
}

const fn inner(of: Part) -> u64 {
    let number = if of.number > MAX_NUMBER {
        MAX_NUMBER
    } else {
        of.number
    };
    (number << PART_BITS) | (of.part & MAX_PART) as u64
}

fn first(tag: [u8; 16]) -> u64 {
    tag.first_chunk()
        .map_or(0, |first| u64::from_be_bytes(*first))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_id_is_a_uuid_of_version_4_that_its_key_alone_reads(number in 0..=MAX_NUMBER, part in 0..=MAX_PART, digest: [u8; 32]) {
            let (key, other) = (IndexKey::new(&[1; 32]), IndexKey::new(&[2; 32]));
            let digest = Digest::from_array(digest);
            let of = Part { number, part };
            let uuid = Ids(&key).of_part(of, &digest);
            let text = uuid.to_string();
            prop_assert_eq!(text.as_bytes()[14], b'4');
            prop_assert!(matches!(text.as_bytes()[19], b'8' | b'9' | b'a' | b'b'));
            prop_assert_eq!(Uuid::parse(&text), Some(uuid));
            prop_assert_eq!(Ids(&key).part(&uuid), of);
            prop_assert!(Ids(&key).is_of(&uuid, of, &digest));
            let guessed = Ids(&other).part(&uuid);
            prop_assert!(!Ids(&other).is_of(&uuid, guessed, &digest));
        }

        #[test]
        fn another_uuid_is_of_no_record(bytes: [u8; 16]) {
            let key = IndexKey::new(&[1; 32]);
            let uuid = Uuid::of_bytes(bytes);
            let of = Ids(&key).part(&uuid);
            prop_assert!(!Ids(&key).is_of(&uuid, of, &Digest::from_array([7; 32])));
        }
    }

    #[test]
    fn what_is_no_uuid_is_not_read() {
        for text in [
            "",
            "94868c89-83c2-464b-929b-a1a8aa3c848",
            "94868c89-83c2-464b-929b-a1a8aa3c84877",
            "94868C89-83c2-464b-929b-a1a8aa3c8487",
            "94868c89083c2-464b-929b-a1a8aa3c8487",
            "94868c89-83c2-464b-929b-a1a8aa3c848/",
        ] {
            assert_eq!(Uuid::parse(text), None, "{text}");
        }
    }
}
