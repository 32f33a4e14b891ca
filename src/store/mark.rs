//! The sync mark: a small file that vouches for how far the journal was durable.
//!
//! Written when the store opens, every few MiB, when a segment is full, and at a clean stop; never
//! before the groups it vouches for are synced. It is replaced by rename, so a crash leaves the old
//! mark or the new one. An old mark vouches for less, never for something false.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::StoreError;
use super::error::io_error;
use super::format::{Cursor, check};
use super::medium::{Medium, replace};
use crate::crypto::Digest;

const MAGIC: &[u8; 8] = b"comityM1";
const FILE: &str = "sync.mark";

/// A position and the chain hash after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reached {
    pub(super) position: u64,
    pub(super) chain: Digest,
}

impl Reached {
    /// Before the first entry.
    pub(super) const START: Self = Self {
        position: 0,
        chain: Digest::ZERO,
    };
}

/// What the mark says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mark {
    /// The node closed the store, and the index is durable too.
    pub(super) clean: bool,
    pub(super) reached: Reached,
    /// Boot id of the last open; empty while the index is not to be trusted.
    pub(super) boot_id: String,
}

impl Mark {
    fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(128);
        out.extend_from_slice(MAGIC);
        out.push(u8::from(self.clean));
        out.extend_from_slice(&self.reached.position.to_be_bytes());
        out.extend_from_slice(self.reached.chain.as_ref());
        out.extend_from_slice(self.boot_id.as_bytes());
        let sum = check(&[&out]);
        out.extend_from_slice(&sum);
        out
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (covered, sum) = bytes.split_last_chunk::<16>()?;
        if *sum != check(&[covered]) {
            return None;
        }
        let mut cursor = Cursor(covered);
        if &cursor.array::<8>()? != MAGIC {
            return None;
        }
        let [clean] = cursor.array::<1>()?;
        let reached = Reached {
            position: cursor.u64()?,
            chain: Digest::from_array(cursor.array()?),
        };
        Some(Self {
            clean: clean == 1,
            reached,
            boot_id: String::from_utf8(cursor.0.to_vec()).ok()?,
        })
    }

    /// Path of the mark in a journal's directory.
    pub(super) fn path(journal: &Path) -> PathBuf {
        journal.join(FILE)
    }

    /// Reads the mark; `None` when there is none.
    pub(super) fn read(journal: &Path) -> Result<Option<Self>, StoreError> {
        let path = Self::path(journal);
        match fs::read(&path) {
            Ok(bytes) => Self::decode(&bytes).map(Some).ok_or(StoreError::Mark {
                problem: "damaged",
                path,
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("cannot read", &path)(error)),
        }
    }

    /// Replaces the mark durably.
    pub(super) fn write(&self, medium: &dyn Medium, journal: &Path) -> Result<(), StoreError> {
        replace(medium, &Self::path(journal), &self.encode())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_survives_its_bytes_and_no_flip() {
        let mark = Mark {
            clean: true,
            reached: Reached {
                position: 77,
                chain: Digest::of(b"x"),
            },
            boot_id: "boot".to_owned(),
        };
        let bytes = mark.encode();
        assert_eq!(Mark::decode(&bytes), Some(mark));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Mark::decode(&flipped), None, "bit {bit}");
        }
    }
}
