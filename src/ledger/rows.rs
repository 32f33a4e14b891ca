//! The ledger's projection: the tree's hashes and where the bodies of its leaves stand.

use crate::{
    crypto::Digest,
    entry::{Entry, EntryError},
    store::{Entry as Stored, Group, Keyspace, Place, ReadRows, Rows, Run, Store, StoreError},
};

use tlog_tiles::{node_hash, record_hash, split_stored_hash_index};

use super::{
    seen,
    tree::{self, HashReader, ReadError, TreeError},
};

/// Hashes of the RFC 6962 tree from level 8 on: one for every 256 leaves and above. What is below
/// is computed from the leaves, which a row each would double.
const HASHES: Keyspace = Keyspace {
    prefix: 0x30,
    name: "ledger hashes",
    key: "stored-hash index, u64 big endian",
    value: "SHA-256",
    written_by: "every 256th entry with a leaf",
    goes_away: "never",
};

/// Lowest level of the tree that has rows.
const LOWEST_LEVEL: u8 = 8;

/// Leaf index → where its body stands.
const LEAVES: Run<48> = Run {
    space: Keyspace {
        prefix: 0x31,
        name: "ledger leaves",
        key: "leaf index / 32, u64 big endian",
        value: "32 times: place of the entry (12 bytes), blob (u32 big endian), what the tree hashes (32 bytes)",
        written_by: "every entry with a leaf",
        goes_away: "never; the body it points to may",
    },
    per_row: 32,
};

/// The tree's size.
const SIZE: Keyspace = Keyspace {
    prefix: 0x32,
    name: "ledger size",
    key: "empty",
    value: "u64 big endian",
    written_by: "every entry with a leaf",
    goes_away: "never",
};

/// Leaves about a record, besides the one of the entry that holds it.
const RECORD_LEAVES: Keyspace = Keyspace {
    prefix: 0x33,
    name: "leaves of a record",
    key: "SHA-256 of the header, leaf index (u64 big endian)",
    value: "empty",
    written_by: "refused, read, locked, hold changed, rekeyed, erased, charge changed, escalated",
    goes_away: "never",
};

/// The keyspaces of this room.
pub const fn keyspaces() -> [&'static Keyspace; 8] {
    let [persons, shown, hours, indexed] = seen::keyspaces();
    [
        &HASHES,
        &LEAVES.space,
        &SIZE,
        &RECORD_LEAVES,
        persons,
        shown,
        hours,
        indexed,
    ]
}

/// The ledger's rows cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The entry is malformed.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// The tree's hashes do not fit.
    #[error(transparent)]
    Tree(#[from] TreeError),
    /// An entry names another leaf than the next.
    #[error("the journal names leaf {named}, the ledger has {size} leaves")]
    OutOfOrder {
        /// Leaf the entry names.
        named: u64,
        /// Leaves so far.
        size: u64,
    },
}

struct Hashes<'a, R>(&'a R);

impl<R: ReadRows> HashReader for Hashes<'_, R> {
    fn read(&self, index: u64) -> Result<Option<[u8; 32]>, ReadError> {
        let (level, n) = split_stored_hash_index(index);
        if level < LOWEST_LEVEL {
            return self.below(level, n);
        }
        let hash = self.0.row(&HASHES.key(&[&index.to_be_bytes()]))?;
        Ok(hash.and_then(|hash| hash.as_slice().try_into().ok()))
    }
}

impl<R: ReadRows> Hashes<'_, R> {
    /// The hash of a complete subtree of fewer than 256 leaves, from its leaves.
    fn below(&self, level: u8, n: u64) -> Result<Option<[u8; 32]>, ReadError> {
        let width = 1_u64 << level;
        let first = n.checked_mul(width).ok_or("a hash beyond the tree")?;
        let mut hashes = Vec::new();
        for index in first..first.saturating_add(width) {
            let Some(leaf) = leaf(self.0, index)? else {
                return Ok(None);
            };
            hashes.push(record_hash(leaf.digest.as_bytes()));
        }
        while hashes.len() > 1 {
            hashes = hashes
                .chunks(2)
                .filter_map(|pair| match pair {
                    [left, right] => Some(node_hash(*left, *right)),
                    _ => None,
                })
                .collect();
        }
        Ok(hashes.first().map(|hash| hash.0))
    }
}

/// Appends an entry's leaf, where it has one. Pure: the same entries give the same tree.
///
/// # Errors
/// [`RowsError`] when the entry's leaf is not the next one or the rows cannot be read.
pub fn apply(
    entry: &Entry,
    about: &[Digest],
    stored: &Stored<'_>,
    rows: &mut Rows<'_>,
) -> Result<(), RowsError> {
    seen::apply(entry, rows)?;
    let Some(leaf) = &entry.leaf else {
        return Ok(());
    };
    let size = size(rows)?;
    if leaf.index != size {
        return Err(RowsError::OutOfOrder {
            named: leaf.index,
            size,
        });
    }
    let digest =
        Digest::try_from(leaf.digest.as_slice()).map_err(|_| EntryError::Field("leaf.digest"))?;
    for (index, hash) in tree::append(size, &digest, &Hashes(&*rows))? {
        if split_stored_hash_index(index).0 >= LOWEST_LEVEL {
            rows.put(HASHES.key(&[&index.to_be_bytes()]), hash.to_vec());
        }
    }
    let mut value = [0; 48];
    let parts = [
        &stored.place.to_bytes()[..],
        &leaf.blob.to_be_bytes(),
        digest.as_bytes(),
    ];
    for (to, from) in value.iter_mut().zip(parts.into_iter().flatten()) {
        *to = *from;
    }
    LEAVES.put(rows, &[], size, &value)?;
    for header in about {
        rows.put(
            RECORD_LEAVES.key(&[header.as_bytes(), &size.to_be_bytes()]),
            Vec::new(),
        );
    }
    rows.put(SIZE.key(&[]), size.saturating_add(1).to_be_bytes().to_vec());
    Ok(())
}

/// Leaves in the ledger.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn size(rows: &impl ReadRows) -> Result<u64, StoreError> {
    Ok(rows
        .row(&SIZE.key(&[]))?
        .and_then(|value| value.as_slice().try_into().ok())
        .map_or(0, u64::from_be_bytes))
}

/// Size as the writer sees it, the group in hand included.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn next_leaf(group: &Group<'_>) -> Result<u64, StoreError> {
    size(group)
}

/// Root of the tree at `size`.
///
/// # Errors
/// [`RowsError`] when hashes are missing.
pub fn root(store: &Store, size: u64) -> Result<Digest, RowsError> {
    Ok(tree::root(size, &Hashes(store))?)
}

/// Inclusion path of a leaf in the tree at `size`.
///
/// # Errors
/// [`RowsError`] when hashes are missing or the leaf is beyond the tree.
pub fn inclusion(store: &Store, size: u64, leaf: u64) -> Result<Vec<Digest>, RowsError> {
    Ok(tree::inclusion(size, leaf, &Hashes(store))?)
}

/// Consistency path between two trees.
///
/// # Errors
/// [`RowsError`] when hashes are missing or `old` is beyond `new`.
pub fn consistency(store: &Store, old: u64, new: u64) -> Result<Vec<Digest>, RowsError> {
    Ok(tree::consistency(old, new, &Hashes(store))?)
}

/// Where a leaf's body stands and what the tree hashes.
#[derive(Clone, Copy, Debug)]
pub struct LeafRow {
    /// Leaf index.
    pub index: u64,
    /// The entry.
    pub place: Place,
    /// Its blob with the body.
    pub blob: u32,
    /// What the tree hashes.
    pub digest: Digest,
}

/// The leaf at `index`.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn leaf(rows: &impl ReadRows, index: u64) -> Result<Option<LeafRow>, StoreError> {
    Ok(LEAVES.get(rows, &[], index)?.and_then(|value| {
        let (place, rest) = value.split_first_chunk::<12>()?;
        let (blob, digest) = rest.split_first_chunk::<4>()?;
        Some(LeafRow {
            index,
            place: Place::from_bytes(place)?,
            blob: u32::from_be_bytes(*blob),
            digest: Digest::try_from(digest).ok()?,
        })
    }))
}

/// Indexes below `before` of the leaves about a record, besides that of its own entry, newest first,
/// `limit` at most.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn newest_leaves_of(
    store: &Store,
    header: &Digest,
    before: u64,
    limit: usize,
) -> Result<Vec<u64>, StoreError> {
    let prefix = RECORD_LEAVES.key(&[header.as_bytes()]);
    let before = RECORD_LEAVES.key(&[header.as_bytes(), &before.to_be_bytes()]);
    Ok(store
        .scan_back(&prefix, &before, limit)?
        .into_iter()
        .filter_map(|(key, _)| key.last_chunk::<8>().copied().map(u64::from_be_bytes))
        .collect())
}

/// Indexes of the leaves about a record, besides that of its own entry, oldest first, `limit` at most.
///
/// # Errors
/// [`StoreError`] when the store cannot be read.
pub fn leaves_of(store: &Store, header: &Digest, limit: usize) -> Result<Vec<u64>, StoreError> {
    let prefix = RECORD_LEAVES.key(&[header.as_bytes()]);
    Ok(store
        .scan(&prefix, &prefix, limit)?
        .into_iter()
        .filter_map(|(key, _)| key.last_chunk::<8>().copied().map(u64::from_be_bytes))
        .collect())
}
