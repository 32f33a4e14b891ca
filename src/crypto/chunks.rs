//! Files in chunks: each chunk encrypted on its own, all of them hashed as one tree, so that any part
//! can be sent, opened and verified without the rest.
//!
//! A chunk is AES-256-GCM under the key of its file, with a random nonce for every attempt: a chunk that
//! is written a second time has another. Its additional data bind the file, the place and whether it is
//! the last one, so that no chunk passes for another and a file cut short does not pass for whole.

mod tree;

use std::fmt;

use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, Tag, UnboundKey};
use ring::digest::{Context, SHA256};
use zeroize::{Zeroize as _, Zeroizing};

use super::{Digest, Domain, NONCE_BYTES, OpenError, RandomError, fill_random, random_bytes};

pub use tree::{ChunkTree, Subtree, completed_by, prove_chunk, verify_chunk};

/// Bytes of the key of a file.
pub const FILE_KEY_BYTES: usize = 32;
/// Bytes of a tag.
pub const TAG_BYTES: usize = 16;
/// Smallest size of a chunk.
pub const MIN_CHUNK: u32 = 64 << 10;
/// Largest size of a chunk.
pub const MAX_CHUNK: u32 = 4 << 20;
/// Most chunks of a file: a tebibyte of 1 MiB each.
pub const MAX_CHUNKS: u64 = 1 << 20;

/// A file cannot be cut in chunks as stated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// Not a size that chunks have.
    #[error("a chunk of {0} bytes: chunks have a power of two from 64 KiB to 4 MiB")]
    ChunkSize(u32),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// More chunks than a file may have.
    #[error("{size} bytes are more than {MAX_CHUNKS} chunks of {chunk_size} bytes")]
    TooLarge {
        /// Size of the file.
        size: u64,
        /// Size of a chunk.
        chunk_size: u32,
    },
}

/// How a file is cut: every chunk but the last has the same size, and no chunk is empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlan {
    size: u64,
    chunk_size: u32,
}

impl ChunkPlan {
    /// A file of `size` bytes in chunks of `chunk_size`.
    ///
    /// # Errors
    /// [`PlanError`] with what is out of bounds.
    pub fn new(size: u64, chunk_size: u32) -> Result<Self, PlanError> {
        if !chunk_size.is_power_of_two() || !(MIN_CHUNK..=MAX_CHUNK).contains(&chunk_size) {
            return Err(PlanError::ChunkSize(chunk_size));
        }
        if size == 0 {
            return Err(PlanError::Empty);
        }
        let plan = Self { size, chunk_size };
        if plan.chunks() > MAX_CHUNKS {
            return Err(PlanError::TooLarge { size, chunk_size });
        }
        Ok(plan)
    }

    /// Bytes of the file.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of each chunk but the last.
    pub const fn chunk_size(&self) -> u32 {
        self.chunk_size
    }

    /// How many chunks there are.
    pub const fn chunks(&self) -> u64 {
        self.size.div_ceil(self.chunk_size as u64)
    }

    /// Whether this is the last chunk.
    pub const fn is_last(&self, index: u64) -> bool {
        index.saturating_add(1) == self.chunks()
    }

    /// Plain bytes of a chunk; 0 beyond the last.
    pub fn length(&self, index: u64) -> usize {
        let begins = index.saturating_mul(self.chunk_size.into());
        let left = self.size.saturating_sub(begins);
        usize::try_from(left.min(self.chunk_size.into())).unwrap_or(0)
    }

    /// Plain bytes of the first chunks together.
    pub fn bytes_of(&self, chunks: u64) -> u64 {
        chunks.saturating_mul(self.chunk_size.into()).min(self.size)
    }
}

/// Where a chunk stands: bound into its encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkPlace {
    /// Random id of the file.
    pub file: [u8; 16],
    /// Number of the chunk, from 0.
    pub index: u64,
    /// Whether it is the last.
    pub last: bool,
}

impl ChunkPlace {
    /// Additional data: the domain's prefix, the file's id, the index (64 bits, big endian), 1 for the
    /// last chunk and 0 for any other.
    fn aad(&self, domain: Domain) -> Vec<u8> {
        let parts: [&[u8]; 4] = [
            domain.prefix(),
            &self.file,
            &self.index.to_be_bytes(),
            &[u8::from(self.last)],
        ];
        parts.concat()
    }
}

/// What belongs to a chunk's ciphertext.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChunkSeal {
    /// The nonce of this attempt.
    pub nonce: [u8; NONCE_BYTES],
    /// The tag.
    pub tag: [u8; TAG_BYTES],
}

/// The key of a file. Wiped when dropped; never printed.
pub struct ChunkKey {
    key: LessSafeKey,
    bytes: Zeroizing<[u8; FILE_KEY_BYTES]>,
}

impl ChunkKey {
    /// Draws a key.
    ///
    /// # Errors
    /// [`RandomError`] when the operating system gives no randomness.
    pub fn generate() -> Result<Self, RandomError> {
        let mut bytes = Zeroizing::new([0; FILE_KEY_BYTES]);
        fill_random(&mut *bytes)?;
        Self::from_bytes(&*bytes).map_err(|_| RandomError)
    }

    /// Takes 32 bytes as a key.
    ///
    /// # Errors
    /// [`OpenError`] for any other length.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, OpenError> {
        let bytes: [u8; FILE_KEY_BYTES] = bytes.try_into().map_err(|_| OpenError)?;
        let key = UnboundKey::new(&AES_256_GCM, &bytes).map_err(|_| OpenError)?;
        Ok(Self {
            key: LessSafeKey::new(key),
            bytes: Zeroizing::new(bytes),
        })
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; FILE_KEY_BYTES] {
        &self.bytes
    }

    /// Encrypts a chunk in place under a fresh nonce.
    ///
    /// # Errors
    /// [`RandomError`] without randomness; the text is wiped then.
    pub fn seal(&self, place: &ChunkPlace, chunk: &mut [u8]) -> Result<ChunkSeal, RandomError> {
        self.seal_for(Domain::Chunk, place, chunk)
    }

    /// Decrypts a chunk in place.
    ///
    /// # Errors
    /// [`OpenError`] for another key or place, or altered bytes; what is in `chunk` is of no use then.
    pub fn open(
        &self,
        place: &ChunkPlace,
        seal: &ChunkSeal,
        chunk: &mut [u8],
    ) -> Result<(), OpenError> {
        self.open_for(Domain::Chunk, place, seal, chunk)
    }

    /// Encrypts in place the hashes that a chunk completed, as they are kept beside it.
    ///
    /// # Errors
    /// As [`Self::seal`].
    pub fn seal_hashes(
        &self,
        place: &ChunkPlace,
        hashes: &mut [u8],
    ) -> Result<ChunkSeal, RandomError> {
        self.seal_for(Domain::ChunkHashes, place, hashes)
    }

    /// Decrypts what [`Self::seal_hashes`] made.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn open_hashes(
        &self,
        place: &ChunkPlace,
        seal: &ChunkSeal,
        hashes: &mut [u8],
    ) -> Result<(), OpenError> {
        self.open_for(Domain::ChunkHashes, place, seal, hashes)
    }

    fn seal_for(
        &self,
        domain: Domain,
        place: &ChunkPlace,
        text: &mut [u8],
    ) -> Result<ChunkSeal, RandomError> {
        let sealed = random_bytes::<NONCE_BYTES>().and_then(|nonce| {
            let aad = Aad::from(place.aad(domain));
            let number = Nonce::assume_unique_for_key(nonce);
            let tag = self.key.seal_in_place_separate_tag(number, aad, text);
            let tag = tag.map_err(|_| RandomError)?;
            let tag = tag.as_ref().try_into().map_err(|_| RandomError)?;
            Ok(ChunkSeal { nonce, tag })
        });
        if sealed.is_err() {
            text.zeroize();
        }
        sealed
    }

    fn open_for(
        &self,
        domain: Domain,
        place: &ChunkPlace,
        seal: &ChunkSeal,
        text: &mut [u8],
    ) -> Result<(), OpenError> {
        let number = Nonce::assume_unique_for_key(seal.nonce);
        let aad = Aad::from(place.aad(domain));
        let tag = Tag::from(seal.tag);
        self.key
            .open_in_place_separate_tag(number, aad, tag, text, 0..)
            .map(|_| ())
            .map_err(|_| OpenError)
    }
}

impl fmt::Debug for ChunkKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChunkKey(..)")
    }
}

/// RFC 6962's hash of a leaf, of a plain chunk: SHA-256 of 0x00 and the chunk.
pub fn chunk_hash(chunk: &[u8]) -> Digest {
    let mut hash = Context::new(&SHA256);
    hash.update(&[0]);
    hash.update(chunk);
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(hash.finish().as_ref()) {
        *to = *from;
    }
    Digest::from_array(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(index: u64, last: bool) -> ChunkPlace {
        ChunkPlace {
            file: [7; 16],
            index,
            last,
        }
    }

    #[test]
    fn a_chunk_opens_at_its_place_alone() {
        let key = ChunkKey::generate().unwrap();
        let mut chunk = b"text".to_vec();
        let seal = key.seal(&place(3, false), &mut chunk).unwrap();
        let opens = |key: &ChunkKey, place: ChunkPlace, seal: ChunkSeal, chunk: &[u8]| {
            let mut chunk = chunk.to_vec();
            key.open(&place, &seal, &mut chunk).map(|()| chunk)
        };
        assert_eq!(opens(&key, place(3, false), seal, &chunk).unwrap(), b"text");
        assert!(opens(&key, place(2, false), seal, &chunk).is_err());
        assert!(opens(&key, place(3, true), seal, &chunk).is_err());
        let other = ChunkPlace {
            file: [8; 16],
            ..place(3, false)
        };
        assert!(opens(&key, other, seal, &chunk).is_err());
        let other = ChunkKey::generate().unwrap();
        assert!(opens(&other, place(3, false), seal, &chunk).is_err());
        for at in 0..chunk.len() {
            let mut flipped = chunk.clone();
            flipped[at] ^= 1;
            assert!(opens(&key, place(3, false), seal, &flipped).is_err());
        }
        let mut hashes = chunk.clone();
        assert!(
            key.open_hashes(&place(3, false), &seal, &mut hashes)
                .is_err()
        );
    }

    #[test]
    fn each_attempt_has_a_nonce_of_its_own() {
        let key = ChunkKey::generate().unwrap();
        let seal = |key: &ChunkKey| key.seal(&place(0, true), &mut b"text".to_vec()).unwrap();
        assert_ne!(seal(&key).nonce, seal(&key).nonce);
    }

    /// Made once with Python's `cryptography`: AESGCM(bytes(range(32))).encrypt(bytes(range(12)),
    /// b"comity", b"comity/v1/chunk\0" + bytes(16) + (5).to_bytes(8, "big") + b"\x01").
    #[test]
    fn a_chunk_made_elsewhere_opens() {
        let key: Vec<u8> = (0..32).collect();
        let key = ChunkKey::from_bytes(&key).unwrap();
        let sealed = hex::decode(VECTOR).unwrap();
        let (text, tag) = sealed.split_at(6);
        let seal = ChunkSeal {
            nonce: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11],
            tag: tag.try_into().unwrap(),
        };
        let place = ChunkPlace {
            file: [0; 16],
            index: 5,
            last: true,
        };
        let mut text = text.to_vec();
        key.open(&place, &seal, &mut text).unwrap();
        assert_eq!(text, b"comity");
    }
    const VECTOR: &str = "246dbb72b19c5e1bd6244a27264af80082d0920f9f5d";

    #[test]
    fn the_hash_of_a_chunk_is_that_of_a_leaf() {
        // RFC 6962's published tree: the root over one empty leaf.
        assert_eq!(
            hex::encode(chunk_hash(b"").as_bytes()),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
    }

    #[test]
    fn a_file_is_cut_within_bounds() {
        let plan = ChunkPlan::new((3 << 20) + 5, 1 << 20).unwrap();
        assert_eq!(plan.chunks(), 4);
        assert_eq!((plan.length(0), plan.length(3)), (1 << 20, 5));
        assert_eq!((plan.length(4), plan.bytes_of(9)), (0, (3 << 20) + 5));
        assert!(plan.is_last(3) && !plan.is_last(2));
        assert_eq!(ChunkPlan::new(1 << 20, 1 << 20).unwrap().chunks(), 1);
        assert_eq!(ChunkPlan::new(0, 1 << 20), Err(PlanError::Empty));
        for size in [0, 1, 3 << 20, 32 << 10, 8 << 20] {
            assert_eq!(ChunkPlan::new(1, size), Err(PlanError::ChunkSize(size)));
        }
        let most = MAX_CHUNKS << 16;
        assert!(ChunkPlan::new(most, MIN_CHUNK).is_ok());
        assert!(matches!(
            ChunkPlan::new(most + 1, MIN_CHUNK),
            Err(PlanError::TooLarge { .. })
        ));
        assert!(ChunkPlan::new(u64::MAX, MAX_CHUNK).is_err());
    }
}
