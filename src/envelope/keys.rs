//! The content keys of a record and who is entitled to which of them.
//!
//! Encoding, kept only by the node that holds the record: format byte 1; count of keys, each index
//! and 32 bytes; count of entitlements, each country (2), salt (16) and a 16-bit mask of manifest
//! indexes. At the origin it holds everything, at a reader its own entitlement.

use std::fmt;

use zeroize::Zeroizing;

use super::{MAX_COMPARTMENTS, MAX_DESTINATIONS, layout};
use crate::{
    crypto::{AeadKey, ContentKey, Digest},
    record::Country,
};

const FORMAT: u8 = 1;

/// What one destination may read.
#[derive(Clone, PartialEq, Eq)]
pub struct Entitlement {
    /// The destination.
    pub country: Country,
    /// Salt of the digest in the header, 16 random bytes.
    pub salt: [u8; 16],
    /// Manifest indexes, ascending.
    pub indexes: Vec<u32>,
}

impl fmt::Debug for Entitlement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entitlement({})", self.country)
    }
}

/// Content keys with their manifest indexes, and entitlements. Wiped when dropped; never printed.
#[derive(Clone)]
pub struct ContentKeys {
    /// Manifest index and key, ascending.
    pub keys: Vec<(u32, ContentKey)>,
    /// Entitlements, ascending by country.
    pub entitlements: Vec<Entitlement>,
}

/// Content keys cannot be encoded, decoded or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeysError {
    /// More than 16 keys or 250 entitlements, or not in order.
    #[error("the content keys are out of bounds or order")]
    Bounds,
    /// The bytes are no content keys.
    #[error("the stored content keys are malformed")]
    Malformed,
    /// Another slot, another record or altered bytes.
    #[error("the stored content keys do not open: another slot or record, or altered bytes")]
    DoesNotOpen,
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
}

impl ContentKeys {
    /// What a country is entitled to.
    pub fn entitlement(&self, country: Country) -> Option<&Entitlement> {
        self.entitlements
            .binary_search_by_key(&country, |entitlement| entitlement.country)
            .ok()
            .and_then(|at| self.entitlements.get(at))
    }

    /// The key of a manifest index.
    pub fn key(&self, index: u32) -> Option<&ContentKey> {
        self.keys
            .binary_search_by_key(&index, |(index, _)| *index)
            .ok()
            .and_then(|at| self.keys.get(at))
            .map(|(_, key)| key)
    }

    /// The encoding; see the module. Of keys that are out of bounds or order it is one that
    /// [`Self::decode`] refuses.
    pub fn encode(&self) -> Zeroizing<Vec<u8>> {
        let size = 3 + self.keys.len() * 33 + self.entitlements.len() * 20;
        let mut out = Zeroizing::new(Vec::with_capacity(size));
        out.push(FORMAT);
        out.push(u8::try_from(self.keys.len()).unwrap_or(u8::MAX));
        for (index, key) in &self.keys {
            out.push(u8::try_from(*index).unwrap_or(u8::MAX));
            out.extend_from_slice(key.as_bytes());
        }
        out.push(u8::try_from(self.entitlements.len()).unwrap_or(u8::MAX));
        for entitlement in &self.entitlements {
            out.extend_from_slice(entitlement.country.code().as_bytes());
            out.extend_from_slice(&entitlement.salt);
            out.extend_from_slice(&mask(&entitlement.indexes).to_be_bytes());
        }
        out
    }

    /// Reads what [`Self::encode`] wrote.
    ///
    /// # Errors
    /// [`KeysError::Malformed`] for anything that encoding keys in bounds and order does not give.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeysError> {
        Reader(bytes).keys().ok_or(KeysError::Malformed)
    }

    /// Encrypts under a record's shred slot, bound to its header.
    ///
    /// # Errors
    /// [`KeysError::Bounds`] when the keys do not survive their encoding, or
    /// [`KeysError::Random`].
    pub fn seal_at_rest(
        &self,
        slot_key: &[u8; 32],
        header_digest: &Digest,
    ) -> Result<Vec<u8>, KeysError> {
        if !self.in_bounds() {
            return Err(KeysError::Bounds);
        }
        AeadKey::new(slot_key)
            .map_err(|_| KeysError::DoesNotOpen)?
            .seal(&layout::slot_aad(header_digest), &self.encode())
            .map_err(|_| KeysError::Random)
    }

    /// Opens what [`Self::seal_at_rest`] made.
    ///
    /// # Errors
    /// [`KeysError::DoesNotOpen`] or [`KeysError::Malformed`].
    pub fn open_at_rest(
        sealed: &[u8],
        slot_key: &[u8; 32],
        header_digest: &Digest,
    ) -> Result<Self, KeysError> {
        let plain = AeadKey::new(slot_key)
            .and_then(|key| key.open(&layout::slot_aad(header_digest), sealed))
            .map_err(|_| KeysError::DoesNotOpen)?;
        Self::decode(&plain)
    }

    fn in_bounds(&self) -> bool {
        let in_manifest = |index: u32| (index as usize) < MAX_COMPARTMENTS;
        self.keys.iter().all(|(index, _)| in_manifest(*index))
            && self.keys.is_sorted_by(|a, b| a.0 < b.0)
            && self.entitlements.len() <= MAX_DESTINATIONS
            && self.entitlements.is_sorted_by(|a, b| a.country < b.country)
            && self.entitlements.iter().all(|entitlement| {
                entitlement.indexes.is_sorted_by(|a, b| a < b)
                    && entitlement
                        .indexes
                        .iter()
                        .all(|index| in_manifest(*index) && self.key(*index).is_some())
            })
    }
}

impl fmt::Debug for ContentKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ContentKeys({} keys)", self.keys.len())
    }
}

fn mask(indexes: &[u32]) -> u16 {
    indexes.iter().fold(0, |mask, index| {
        mask | 1_u16.checked_shl(*index).unwrap_or(0)
    })
}

/// What is left to read.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take<const N: usize>(&mut self) -> Option<&'a [u8; N]> {
        let (taken, left) = self.0.split_first_chunk::<N>()?;
        self.0 = left;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take::<1>().map(|[byte]| *byte)
    }

    fn keys(mut self) -> Option<ContentKeys> {
        if self.byte()? != FORMAT {
            return None;
        }
        let count = usize::from(self.byte()?);
        let mut keys = Vec::with_capacity(count.min(MAX_COMPARTMENTS));
        for _ in 0..count {
            let index = u32::from(self.byte()?);
            let key = ContentKey::from_bytes(self.take::<32>()?).ok()?;
            keys.push((index, key));
        }
        let count = usize::from(self.byte()?);
        let mut entitlements = Vec::with_capacity(count);
        for _ in 0..count {
            let country = std::str::from_utf8(self.take::<2>()?).ok()?.parse().ok()?;
            let salt = *self.take::<16>()?;
            let mask = u16::from_be_bytes(*self.take::<2>()?);
            entitlements.push(Entitlement {
                country,
                salt,
                indexes: (0..16).filter(|bit| mask & (1 << bit) != 0).collect(),
            });
        }
        let read = ContentKeys { keys, entitlements };
        (self.0.is_empty() && read.in_bounds()).then_some(read)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(keys: u32) -> ContentKeys {
        ContentKeys {
            keys: (0..keys)
                .map(|index| (index, ContentKey::generate().unwrap()))
                .collect(),
            entitlements: vec![
                Entitlement {
                    country: "AE".parse().unwrap(),
                    salt: [1; 16],
                    indexes: vec![0],
                },
                Entitlement {
                    country: "KZ".parse().unwrap(),
                    salt: [2; 16],
                    indexes: (0..keys).collect(),
                },
            ],
        }
    }

    #[test]
    fn opens_under_its_slot_and_header_only() {
        let keys = sample(3);
        let header = Digest::of(b"header");
        let sealed = keys.seal_at_rest(&[7; 32], &header).unwrap();
        let opened = ContentKeys::open_at_rest(&sealed, &[7; 32], &header).unwrap();
        assert_eq!(*opened.encode(), *keys.encode());
        for (slot, header) in [([8; 32], header), ([7; 32], Digest::of(b"other"))] {
            assert_eq!(
                ContentKeys::open_at_rest(&sealed, &slot, &header).unwrap_err(),
                KeysError::DoesNotOpen
            );
        }
    }

    #[test]
    fn out_of_order_or_bounds_is_refused() {
        let header = Digest::of(b"header");
        let mut wrong = [sample(2), sample(2), sample(2), sample(2)];
        wrong[0].keys.reverse();
        wrong[1].entitlements.reverse();
        wrong[2].entitlements[0].indexes = vec![2];
        wrong[3].keys[1].0 = 16;
        for keys in wrong {
            assert_eq!(
                keys.seal_at_rest(&[7; 32], &header).unwrap_err(),
                KeysError::Bounds
            );
            assert_eq!(
                ContentKeys::decode(&keys.encode()).unwrap_err(),
                KeysError::Malformed
            );
        }
    }

    proptest! {
        #[test]
        fn encoding_comes_back(count in 1u32..=16) {
            let keys = sample(count);
            let bytes = keys.encode();
            let again = ContentKeys::decode(&bytes).unwrap();
            prop_assert_eq!(&*again.encode(), &*bytes);
            prop_assert_eq!(again.entitlements, keys.entitlements);
            for cut in 0..bytes.len() {
                prop_assert!(ContentKeys::decode(&bytes[..cut]).is_err());
            }
            let mut longer = bytes.to_vec();
            longer.push(0);
            prop_assert!(ContentKeys::decode(&longer).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(keys) = ContentKeys::decode(&bytes) {
                prop_assert_eq!(&keys.encode()[..], &bytes[..]);
            }
        }
    }
}
