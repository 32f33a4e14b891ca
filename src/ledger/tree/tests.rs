use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use proptest::prelude::*;
use sha2::Sha256;

use super::*;
use crate::ledger::tests_support::{Stored, digest, grow};

struct Broken;

impl HashReader for Broken {
    fn read(&self, _index: u64) -> Result<Option<[u8; 32]>, ReadError> {
        Err("disk on fire".into())
    }
}

fn tree_of(size: u64) -> Stored {
    grow(size, |n| n)
}

fn oracle_of(size: u64) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    for n in 0..size {
        tree.push(digest(n).to_vec());
    }
    tree
}

fn joined(digests: &[Digest]) -> Vec<u8> {
    digests.iter().flat_map(|digest| digest.to_vec()).collect()
}

fn hex_digests(text: &str) -> Vec<Digest> {
    hex::decode(text.replace(char::is_whitespace, ""))
        .unwrap()
        .chunks(32)
        .map(|chunk| Digest::try_from(chunk).unwrap())
        .collect()
}

/// The leaves and roots of the Certificate Transparency reference implementation
/// (`merkletree/merkle_tree_test.cc`, and `testonly/reference_test.go` of transparency-dev/merkle).
const LEAVES: [&str; 8] = [
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
];

const ROOTS: [&str; 9] = [
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

/// Leaves of the tree, leaf, path.
const PATHS: [(u64, u64, &str); 6] = [
    (1, 0, ""),
    (
        2,
        1,
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    ),
    (
        3,
        2,
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    ),
    (
        5,
        1,
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d
         5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e
         bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
    (
        8,
        0,
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7
         5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e
         6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (
        8,
        5,
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b
         ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0
         d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
];

/// Leaves of the older tree, of the newer tree, proof.
const PROOFS: [(u64, u64, &str); 4] = [
    (1, 1, ""),
    (
        1,
        8,
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7
         5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e
         6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    (
        2,
        5,
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e
         bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ),
    (
        6,
        8,
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a
         ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0
         d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
];

#[test]
fn published_vectors_of_certificate_transparency() {
    let leaves = LEAVES.map(|leaf| tlog::record_hash(&hex::decode(leaf).unwrap()));
    let roots = ROOTS.map(|root| hex_digests(root)[0]);
    let mut stored = Stored::new();
    let mut edge = Edge::new();
    assert_eq!(root(0, &stored).unwrap(), roots[0]);
    assert_eq!(edge.root(), roots[0]);
    for (n, leaf) in leaves.iter().enumerate() {
        stored.extend(append_hash(n as u64, *leaf, &stored).unwrap());
        edge.push_hash(*leaf).unwrap();
        assert_eq!(root(n as u64 + 1, &stored).unwrap(), roots[n + 1]);
        assert_eq!(edge.root(), roots[n + 1]);
    }
    for (size, index, path) in PATHS {
        let path = hex_digests(path);
        assert_eq!(inclusion(size, index, &stored).unwrap(), path);
        let leaf = leaves[index as usize];
        verify_inclusion_hash(&roots[size as usize], size, index, leaf, &path).unwrap();
    }
    for (old, new, proof) in PROOFS {
        let proof = hex_digests(proof);
        assert_eq!(consistency(old, new, &stored).unwrap(), proof);
        let (old_root, new_root) = (&roots[old as usize], &roots[new as usize]);
        verify_consistency(old, old_root, new, new_root, &proof).unwrap();
    }
}

#[test]
fn a_lost_hash_and_a_failing_store_are_named() {
    let mut stored = tree_of(3);
    stored.remove(&2);
    assert!(matches!(root(3, &stored), Err(TreeError::Missing(2))));
    assert!(matches!(
        append(3, &digest(3), &stored),
        Err(TreeError::Missing(2))
    ));
    assert!(matches!(
        inclusion(3, 2, &Broken),
        Err(TreeError::Read { index: 2, .. })
    ));
    assert!(matches!(Edge::load(3, &stored), Err(TreeError::Missing(2))));
}

#[test]
fn sizes_from_outside_are_bounded() {
    let stored = tree_of(2);
    let zero = Digest::ZERO;
    for size in [MAX_SIZE + 1, u64::MAX] {
        assert!(matches!(root(size, &stored), Err(TreeError::Size(_))));
        assert!(matches!(
            append(size, &zero, &stored),
            Err(TreeError::Size(_))
        ));
        assert!(matches!(
            verify_inclusion(&zero, size, 0, &zero, &[]),
            Err(TreeError::Size(_))
        ));
        assert!(matches!(
            verify_consistency(1, &zero, size, &zero, &[]),
            Err(TreeError::Size(_))
        ));
        assert!(matches!(Edge::load(size, &stored), Err(TreeError::Size(_))));
    }
    let long = vec![zero; MAX_PATH + 1];
    assert!(matches!(
        verify_inclusion(&zero, MAX_SIZE, 5, &zero, &long),
        Err(TreeError::Proof)
    ));
    assert!(matches!(
        verify_consistency(5, &zero, MAX_SIZE, &zero, &long),
        Err(TreeError::Proof)
    ));
    assert!(matches!(
        verify_inclusion(&zero, 5, 5, &zero, &[]),
        Err(TreeError::Leaf { index: 5, size: 5 })
    ));
    assert!(matches!(
        verify_consistency(6, &zero, 5, &zero, &[]),
        Err(TreeError::Order { old: 6, new: 5 })
    ));
}

#[test]
fn nothing_is_consistent_with_everything_but_only_as_nothing() {
    let stored = tree_of(5);
    let head = root(5, &stored).unwrap();
    assert_eq!(consistency(0, 5, &stored).unwrap(), []);
    verify_consistency(0, &empty_root(), 5, &head, &[]).unwrap();
    verify_consistency(0, &empty_root(), 0, &empty_root(), &[]).unwrap();
    assert!(verify_consistency(0, &head, 5, &head, &[]).is_err());
    assert!(verify_consistency(0, &empty_root(), 0, &head, &[]).is_err());
    assert!(verify_consistency(0, &empty_root(), 5, &head, &[head]).is_err());
}

proptest! {
    #[test]
    fn agrees_with_ct_merkle(size in 1_u64..200, at in 0_u64..200, older in 1_u64..200) {
        let (index, old) = (at % size, older.min(size));
        let stored = tree_of(size);
        let oracle = oracle_of(size);
        let head = root(size, &stored).unwrap();
        let theirs = oracle.root();
        prop_assert_eq!(head.as_bytes().as_slice(), theirs.as_bytes().as_slice());

        let path = inclusion(size, index, &stored).unwrap();
        let theirs = oracle.prove_inclusion(index as usize);
        prop_assert_eq!(joined(&path), theirs.as_bytes());
        verify_inclusion(&head, size, index, &digest(index), &path).unwrap();
        let back = InclusionProof::<Sha256>::try_from_bytes(joined(&path)).unwrap();
        oracle.root().verify_inclusion(&digest(index).to_vec(), index, &back).unwrap();

        let proof = consistency(old, size, &stored).unwrap();
        let theirs = oracle.prove_consistency((size - old) as usize);
        prop_assert_eq!(joined(&proof), theirs.as_bytes());
        let old_root = root(old, &stored).unwrap();
        verify_consistency(old, &old_root, size, &head, &proof).unwrap();
        let back = ConsistencyProof::<Sha256>::try_from_bytes(joined(&proof)).unwrap();
        let old_head: RootHash<Sha256> = oracle_of(old).root();
        oracle.root().verify_consistency(&old_head, &back).unwrap();
    }

    #[test]
    fn a_changed_proof_never_holds(size in 2_u64..100, at in 0_u64..100, bit in 0_usize..256, which in 0_usize..16) {
        let index = at % size;
        let stored = tree_of(size);
        let head = root(size, &stored).unwrap();
        let mut path = inclusion(size, index, &stored).unwrap();
        let which = which % path.len();
        let mut bytes = *path[which].as_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        path[which] = Digest::from_array(bytes);
        prop_assert!(verify_inclusion(&head, size, index, &digest(index), &path).is_err());
        path.pop();
        prop_assert!(verify_inclusion(&head, size, index, &digest(index), &path).is_err());
    }

    #[test]
    fn the_edge_stores_and_knows_what_the_tree_does(size in 0_u64..300, more in 1_u64..20) {
        let stored = tree_of(size);
        let mut edge = Edge::load(size, &stored).unwrap();
        let mut grown = stored.clone();
        for n in size..size + more {
            let new = edge.push(&digest(n)).unwrap();
            prop_assert_eq!(&new, &append(n, &digest(n), &grown).unwrap());
            grown.extend(new);
            prop_assert_eq!(edge.root(), root(n + 1, &grown).unwrap());
        }
        prop_assert_eq!(&edge, &Edge::load(size + more, &grown).unwrap());
        prop_assert_eq!(edge.size(), size + more);
    }

    #[test]
    fn forged_sizes_and_proofs_never_panic(
        size in any::<u64>(),
        other in any::<u64>(),
        shift in 0_u32..64,
        proof in proptest::collection::vec(any::<[u8; 32]>(), 0..70),
    ) {
        let proof: Vec<Digest> = proof.into_iter().map(Digest::from_array).collect();
        let (size, other) = (size >> shift, other >> shift);
        let root = Digest::of(b"root");
        prop_assert!(verify_inclusion(&root, size, other, &root, &proof).is_err() || size == 1);
        let consistent = verify_consistency(other, &root, size, &root, &proof);
        prop_assert!(consistent.is_err() || other == size);
    }
}
