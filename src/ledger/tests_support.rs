//! Trees in memory, for the tests of this room.

use std::collections::BTreeMap;

use super::tree::{self, HashReader, ReadError};
use crate::crypto::Digest;

pub(super) type Stored = BTreeMap<u64, [u8; 32]>;

impl HashReader for Stored {
    fn read(&self, index: u64) -> Result<Option<[u8; 32]>, ReadError> {
        Ok(self.get(&index).copied())
    }
}

pub(super) fn digest(n: u64) -> Digest {
    Digest::of(&n.to_be_bytes())
}

/// A tree of `size` leaves whose n-th is the digest of `leaf(n)`.
pub(super) fn grow(size: u64, leaf: impl Fn(u64) -> u64) -> Stored {
    let mut stored = Stored::new();
    for n in 0..size {
        let new = tree::append(n, &digest(leaf(n)), &stored).unwrap();
        stored.extend(new);
    }
    stored
}
