//! RFC 6962 Merkle trees over a list held in memory: leaf prefix 0x00, node prefix 0x01.

use tlog_tiles::tlog::{self, Hash};

use super::Digest;

/// A path longer than this cannot belong to a tree that 64 bits count.
pub const MAX_PATH: usize = 64;

/// An inclusion path does not prove its leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MerkleError {
    /// The index is not below the size.
    #[error("index {index} is not in a tree of {size}")]
    Index {
        /// The index.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The path is longer or shorter than index and size ask for.
    #[error("the path has {0} hashes, which does not fit index and size")]
    PathLength(usize),
    /// The path leads to another root.
    #[error("the path leads to another root")]
    Root,
}

/// A tree with all its nodes, for many paths.
pub struct Tree {
    /// Level 0 holds the leaves; a node without a sibling moves up unchanged.
    levels: Vec<Vec<Hash>>,
}

impl Tree {
    /// The tree over `leaves`, in order.
    pub fn new(leaves: &[impl AsRef<[u8]>]) -> Self {
        let mut level: Vec<Hash> = leaves
            .iter()
            .map(|leaf| tlog::record_hash(leaf.as_ref()))
            .collect();
        let mut levels = Vec::new();
        while level.len() > 1 {
            let above = level
                .chunks(2)
                .filter_map(|pair| match pair {
                    [left, right] => Some(tlog::node_hash(*left, *right)),
                    [alone] => Some(*alone),
                    _ => None,
                })
                .collect();
            levels.push(std::mem::replace(&mut level, above));
        }
        levels.push(level);
        Self { levels }
    }

    /// The root; of an empty list, the SHA-256 of nothing.
    pub fn root(&self) -> Digest {
        let top = self.levels.last().and_then(|level| level.first());
        Digest::from_array(top.copied().unwrap_or(tlog::EMPTY_HASH).0)
    }

    /// The inclusion path of a leaf, from the leaf up; empty when there is no such leaf.
    pub fn path(&self, index: usize) -> Vec<Digest> {
        let mut at = index;
        let mut path = Vec::new();
        if self
            .levels
            .first()
            .is_none_or(|leaves| index >= leaves.len())
        {
            return path;
        }
        for level in &self.levels {
            if let Some(sibling) = level.get(at ^ 1) {
                path.push(Digest::from_array(sibling.0));
            }
            at /= 2;
        }
        path
    }
}

/// The root over `leaves`.
pub fn root(leaves: &[impl AsRef<[u8]>]) -> Digest {
    Tree::new(leaves).root()
}

/// The inclusion path of one leaf; see [`Tree::path`].
pub fn path(leaves: &[impl AsRef<[u8]>], index: usize) -> Vec<Digest> {
    Tree::new(leaves).path(index)
}

/// Checks that `leaf` stands at `index` in the tree of `size` leaves under `root`.
///
/// # Errors
/// [`MerkleError`], by what does not fit.
pub fn verify(
    root: &Digest,
    size: u64,
    index: u64,
    leaf: &[u8],
    path: &[Digest],
) -> Result<(), MerkleError> {
    if index >= size {
        return Err(MerkleError::Index { index, size });
    }
    if path.len() > MAX_PATH {
        return Err(MerkleError::PathLength(path.len()));
    }
    let proof: Vec<Hash> = path.iter().map(|hash| Hash(*hash.as_bytes())).collect();
    tlog::check_record(
        &proof,
        size,
        Hash(*root.as_bytes()),
        index,
        tlog::record_hash(leaf),
    )
    .map_err(|_| MerkleError::Root)
}

/// The root that a path leads to (RFC 9162, 2.1.3.2), for roots that are signed and not stated.
///
/// # Errors
/// [`MerkleError::Index`] or [`MerkleError::PathLength`].
pub fn root_from_path(
    size: u64,
    index: u64,
    leaf: &[u8],
    path: &[Digest],
) -> Result<Digest, MerkleError> {
    if index >= size {
        return Err(MerkleError::Index { index, size });
    }
    let mut at = index;
    let mut last = size - 1;
    let mut hash = tlog::record_hash(leaf);
    for step in path {
        if last == 0 {
            return Err(MerkleError::PathLength(path.len()));
        }
        let sibling = Hash(*step.as_bytes());
        if at & 1 == 1 || at == last {
            hash = tlog::node_hash(sibling, hash);
            while at & 1 == 0 && at != 0 {
                at >>= 1;
                last >>= 1;
            }
        } else {
            hash = tlog::node_hash(hash, sibling);
        }
        at >>= 1;
        last >>= 1;
    }
    if last == 0 {
        Ok(Digest::from_array(hash.0))
    } else {
        Err(MerkleError::PathLength(path.len()))
    }
}

#[cfg(test)]
mod tests {
    use ct_merkle::mem_backed_tree::MemoryBackedTree;
    use sha2::Sha256;

    use super::*;

    fn leaves(count: usize) -> Vec<Vec<u8>> {
        (0..count)
            .map(|at| format!("leaf {at}").into_bytes())
            .collect()
    }

    /// The eight leaves and roots that Certificate Transparency publishes for RFC 6962.
    #[test]
    fn rfc_6962_published_roots() {
        let leaves = [
            "",
            "00",
            "10",
            "2021",
            "3031",
            "40414243",
            "5051525354555657",
            "606162636465666768696a6b6c6d6e6f",
        ]
        .map(|leaf| hex::decode(leaf).unwrap());
        let roots = [
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
        ];
        for (size, expected) in roots.iter().enumerate() {
            assert_eq!(&root(&leaves[..size]).to_string(), expected, "{size}");
        }
    }

    #[test]
    fn agrees_with_an_independent_tree() {
        let leaves = leaves(130);
        let mut oracle = MemoryBackedTree::<Sha256, Vec<u8>>::new();
        for (at, leaf) in leaves.iter().enumerate() {
            oracle.push(leaf.clone());
            let size = at + 1;
            let tree = Tree::new(&leaves[..size]);
            assert_eq!(tree.root().as_bytes()[..], oracle.root().as_bytes()[..]);
            for index in [0, at / 2, at] {
                let ours: Vec<u8> = tree
                    .path(index)
                    .iter()
                    .flat_map(|hash| *hash.as_bytes())
                    .collect();
                assert_eq!(ours, oracle.prove_inclusion(index).as_bytes());
            }
        }
    }

    #[test]
    fn paths_prove_their_leaf_only() {
        for size in 1..=33 {
            let leaves = leaves(size);
            let tree = Tree::new(&leaves);
            for (index, leaf) in leaves.iter().enumerate() {
                let path = tree.path(index);
                let (n, i) = (size as u64, index as u64);
                verify(&tree.root(), n, i, leaf, &path).unwrap();
                assert_eq!(root_from_path(n, i, leaf, &path), Ok(tree.root()));
                assert_eq!(
                    verify(&tree.root(), n, i, b"other", &path),
                    Err(MerkleError::Root)
                );
                assert_ne!(root_from_path(n, i, b"other", &path), Ok(tree.root()));
                let mut longer = path.clone();
                longer.push(Digest::ZERO);
                assert!(verify(&tree.root(), n, i, leaf, &longer).is_err());
                assert_eq!(
                    root_from_path(n, i, leaf, &longer),
                    Err(MerkleError::PathLength(longer.len()))
                );
                if let Some((_, shorter)) = path.split_last() {
                    assert!(verify(&tree.root(), n, i, leaf, shorter).is_err());
                    assert!(root_from_path(n, i, leaf, shorter).is_err());
                }
            }
            assert!(tree.path(size).is_empty());
        }
        let outside = MerkleError::Index { index: 3, size: 3 };
        assert_eq!(verify(&Digest::ZERO, 3, 3, b"", &[]), Err(outside));
        assert_eq!(root_from_path(3, 3, b"", &[]), Err(outside));
        let path = [Digest::ZERO; 65];
        assert_eq!(
            verify(&Digest::ZERO, u64::MAX, 0, b"", &path),
            Err(MerkleError::PathLength(65))
        );
        assert!(root_from_path(u64::MAX, u64::MAX - 1, b"", &path).is_err());
    }
}
