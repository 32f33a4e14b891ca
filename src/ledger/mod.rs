//! The ledger: leaves, tree, checkpoints, proofs, and their verification by anyone who holds the
//! country's card.
//!
//! One RFC 6962 Merkle tree per node. The tree never sees a leaf's body: it holds
//! [`leaf_digest`], the salted SHA-256 of the body, so that bodies can be disclosed one by one and
//! shredded after their retention while the tree stays as it is. Heads of the tree are signed as
//! C2SP checkpoints. Everything here is pure; the stored hashes come through [`tree::HashReader`].

pub mod checkpoint;
pub mod export;
mod fault;
mod lines;
mod proof;
pub mod rows;
pub mod seen;
pub mod shown;
mod succession;
#[cfg(test)]
mod tests_support;
pub mod tree;
pub mod vectors;
mod view;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use export::{ExportLine, VerifiedLedger, verify_export};
pub use fault::LedgerFault;
pub use lines::{LineError, Lines, MAX_LINE_BYTES, decode_line, encode_line};
pub use proof::{MAX_PROOF_LEAVES, verify_leaf_proof, verify_record_proof};
pub use shown::Shown;
pub use succession::Succession;
pub use tree::{Edge, HashReader, MAX_SIZE, TreeError};
pub use view::{View, compare};

/// Detail of the leaf with which a restored node opens a new ledger origin; its subject is the
/// SHA-256 of the encoded renewal.
pub const RENEWED: &str = "renewed";

use crate::crypto::{Digest, Domain};

/// Longest encoded body of a leaf, in bytes.
pub const MAX_BODY_BYTES: usize = 16 * 1024;

/// What the tree holds of a leaf: SHA-256 of the leaf domain's prefix, `salt` and the encoded
/// `body`. The tree hashes these 32 bytes once more as an RFC 6962 leaf (prefix 0x00).
pub fn leaf_digest(salt: &[u8; 32], body: &[u8]) -> Digest {
    Digest::in_domain(Domain::Leaf, &[salt, body])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leaf_digest_is_the_sha_256_of_prefix_salt_and_body() {
        let digest = leaf_digest(&[7; 32], b"body");
        let bytes = [b"comity/v1/leaf\0".as_slice(), &[7; 32], b"body"].concat();
        assert_eq!(digest, Digest::of(&bytes));
        assert_ne!(digest, leaf_digest(&[8; 32], b"body"));
    }
}
