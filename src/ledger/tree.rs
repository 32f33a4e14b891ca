//! The Merkle tree of RFC 6962 section 2.1 over hashes stored once and never changed.
//!
//! Stored hashes are numbered as in Go's `sumdb/tlog` and C2SP `tlog-tiles`: a complete subtree's
//! hash follows the leaf that completed it, about two hashes a leaf. A crash between writes leaves
//! hashes beyond the ledger's size behind; they are overwritten with the same values or ignored.

use std::cell::RefCell;

use tlog_tiles::tlog;

use crate::crypto::Digest;

mod edge;
#[cfg(test)]
mod tests;

pub use edge::Edge;

/// Most leaves of a ledger. The arithmetic of stored hashes is exact up to 2^62; at this bound a
/// thousand leaves a second last 8,900 years.
pub const MAX_SIZE: u64 = 1 << 48;

/// Most hashes of a proof; one of `MAX_SIZE` leaves needs 49.
pub const MAX_PATH: usize = 64;

/// Why a stored hash could not be read.
pub type ReadError = Box<dyn std::error::Error + Send + Sync>;

/// Reads stored hashes.
pub trait HashReader {
    /// The hash at a stored-hash index; `None` when nothing was written there.
    ///
    /// # Errors
    /// Whatever the store fails with.
    fn read(&self, index: u64) -> Result<Option<[u8; 32]>, ReadError>;
}

/// A tree cannot be read, or a proof does not hold.
#[derive(Debug, thiserror::Error)]
pub enum TreeError {
    /// More leaves than [`MAX_SIZE`].
    #[error("a ledger of {0} leaves is beyond the bound of {max}", max = MAX_SIZE)]
    Size(u64),
    /// The leaf is not in the tree.
    #[error("leaf {index} is not in a ledger of {size} leaves")]
    Leaf {
        /// The leaf asked for.
        index: u64,
        /// Leaves in the tree.
        size: u64,
    },
    /// A smaller tree cannot extend a larger one.
    #[error("a ledger of {new} leaves cannot extend one of {old}")]
    Order {
        /// Leaves of the older tree.
        old: u64,
        /// Leaves of the newer tree.
        new: u64,
    },
    /// The own store lost a hash.
    #[error("the stored hash {0} of the ledger is missing: run `comity store rebuild`")]
    Missing(u64),
    /// The own store failed.
    #[error("the stored hash {index} of the ledger cannot be read")]
    Read {
        /// Stored-hash index.
        index: u64,
        /// Why.
        #[source]
        source: ReadError,
    },
    /// The proof is too long, too short, or leads to another root.
    #[error("the proof does not lead to the root")]
    Proof,
}

impl TreeError {
    /// A stable word for the error, as vectors name it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Size(_) => "size",
            Self::Leaf { .. } => "leaf",
            Self::Order { .. } => "order",
            Self::Missing(_) => "missing",
            Self::Read { .. } => "read",
            Self::Proof => "proof",
        }
    }
}

/// Stored hashes that appending `digest` as leaf `size` adds: index and value, ascending.
///
/// # Errors
/// [`TreeError::Size`] at the bound; [`TreeError::Missing`] or [`TreeError::Read`] when an earlier
/// hash cannot be had.
pub fn append<R: HashReader + ?Sized>(
    size: u64,
    digest: &Digest,
    reader: &R,
) -> Result<Vec<(u64, [u8; 32])>, TreeError> {
    append_hash(size, tlog::record_hash(digest.as_bytes()), reader)
}

fn append_hash<R: HashReader + ?Sized>(
    size: u64,
    leaf: tlog::Hash,
    reader: &R,
) -> Result<Vec<(u64, [u8; 32])>, TreeError> {
    if size >= MAX_SIZE {
        return Err(TreeError::Size(size));
    }
    let hashes = Adapter::ask(reader, |adapter| {
        tlog::stored_hashes_for_record_hash(size, leaf, adapter)
    })?;
    let first = tlog::stored_hash_index(0, size);
    Ok((first..)
        .zip(hashes.into_iter().map(|hash| hash.0))
        .collect())
}

/// Root of the tree of the first `size` leaves; SHA-256 of nothing for 0.
///
/// # Errors
/// As [`append`].
pub fn root<R: HashReader + ?Sized>(size: u64, reader: &R) -> Result<Digest, TreeError> {
    bounded(size)?;
    let hash = Adapter::ask(reader, |adapter| tlog::tree_hash(size, adapter))?;
    Ok(Digest::from_array(hash.0))
}

/// Path from leaf `leaf_index` to the root of the first `size` leaves (RFC 6962 section 2.1.1).
///
/// # Errors
/// [`TreeError::Leaf`] when the leaf is not among them; otherwise as [`append`].
pub fn inclusion<R: HashReader + ?Sized>(
    size: u64,
    leaf_index: u64,
    reader: &R,
) -> Result<Vec<Digest>, TreeError> {
    bounded(size)?;
    if leaf_index >= size {
        return Err(TreeError::Leaf {
            index: leaf_index,
            size,
        });
    }
    let path = Adapter::ask(reader, |adapter| {
        tlog::prove_record(size, leaf_index, adapter)
    })?;
    Ok(digests(path))
}

/// Proof that the first `old` leaves are a prefix of the first `new` (RFC 6962 section 2.1.2).
/// Empty from an empty tree, as C2SP `tlog-witness` has it, and from a tree to itself.
///
/// # Errors
/// [`TreeError::Order`] when `old` is larger; otherwise as [`append`].
pub fn consistency<R: HashReader + ?Sized>(
    old: u64,
    new: u64,
    reader: &R,
) -> Result<Vec<Digest>, TreeError> {
    bounded(new)?;
    if old > new {
        return Err(TreeError::Order { old, new });
    }
    if old == 0 {
        return Ok(Vec::new());
    }
    let proof = Adapter::ask(reader, |adapter| tlog::prove_tree(new, old, adapter))?;
    Ok(digests(proof))
}

/// Verifies that leaf `index` of the tree with `root` and `size` is `digest`.
///
/// # Errors
/// [`TreeError::Proof`] when the path does not hold, [`TreeError::Leaf`] or [`TreeError::Size`]
/// when it cannot.
pub fn verify_inclusion(
    root: &Digest,
    size: u64,
    index: u64,
    digest: &Digest,
    path: &[Digest],
) -> Result<(), TreeError> {
    let leaf = tlog::record_hash(digest.as_bytes());
    verify_inclusion_hash(root, size, index, leaf, path)
}

fn verify_inclusion_hash(
    root: &Digest,
    size: u64,
    index: u64,
    leaf: tlog::Hash,
    path: &[Digest],
) -> Result<(), TreeError> {
    bounded(size)?;
    if index >= size {
        return Err(TreeError::Leaf { index, size });
    }
    if path.len() > MAX_PATH {
        return Err(TreeError::Proof);
    }
    tlog::check_record(&hashes(path), size, hash(root), index, leaf).map_err(|_| TreeError::Proof)
}

/// Verifies that the tree with `old_root` and `old` leaves is a prefix of the tree with `new_root`
/// and `new` leaves.
///
/// # Errors
/// [`TreeError::Proof`] when the proof does not hold, [`TreeError::Order`] or [`TreeError::Size`]
/// when it cannot.
pub fn verify_consistency(
    old: u64,
    old_root: &Digest,
    new: u64,
    new_root: &Digest,
    proof: &[Digest],
) -> Result<(), TreeError> {
    bounded(new)?;
    if old > new {
        return Err(TreeError::Order { old, new });
    }
    if proof.len() > MAX_PATH {
        return Err(TreeError::Proof);
    }
    let empty = |root: &Digest| hash(root) == tlog::EMPTY_HASH;
    if old == 0 {
        let holds = proof.is_empty() && empty(old_root) && (new > 0 || empty(new_root));
        return if holds { Ok(()) } else { Err(TreeError::Proof) };
    }
    tlog::check_tree(&hashes(proof), new, hash(new_root), old, hash(old_root))
        .map_err(|_| TreeError::Proof)
}

/// Root of the empty tree: SHA-256 of nothing.
pub const fn empty_root() -> Digest {
    Digest::from_array(tlog::EMPTY_HASH.0)
}

const fn bounded(size: u64) -> Result<(), TreeError> {
    // Beyond it, the arithmetic of tlog_tiles would overflow and panic.
    if size > MAX_SIZE {
        return Err(TreeError::Size(size));
    }
    Ok(())
}

const fn hash(digest: &Digest) -> tlog::Hash {
    tlog::Hash(*digest.as_bytes())
}

fn hashes(digests: &[Digest]) -> Vec<tlog::Hash> {
    digests.iter().map(hash).collect()
}

fn digests(hashes: Vec<tlog::Hash>) -> Vec<Digest> {
    hashes
        .into_iter()
        .map(|hash| Digest::from_array(hash.0))
        .collect()
}

/// Hands a [`HashReader`] to tlog_tiles and keeps the reader's own error, which tlog_tiles cannot
/// carry.
struct Adapter<'a, R: ?Sized> {
    reader: &'a R,
    fault: RefCell<Option<TreeError>>,
}

impl<'a, R: HashReader + ?Sized> Adapter<'a, R> {
    fn ask<T>(
        reader: &'a R,
        question: impl FnOnce(&Self) -> Result<T, tlog::Error>,
    ) -> Result<T, TreeError> {
        let adapter = Self {
            reader,
            fault: RefCell::new(None),
        };
        question(&adapter).map_err(|_| adapter.fault.take().unwrap_or(TreeError::Proof))
    }
}

impl<R: HashReader + ?Sized> tlog::HashReader for Adapter<'_, R> {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog::Hash>, tlog::Error> {
        indexes
            .iter()
            .map(|&index| {
                let fault = match self.reader.read(index) {
                    Ok(Some(hash)) => return Ok(tlog::Hash(hash)),
                    Ok(None) => TreeError::Missing(index),
                    Err(source) => TreeError::Read { index, source },
                };
                self.fault.replace(Some(fault));
                Err(tlog::Error::IndexesNotInTree)
            })
            .collect()
    }
}
