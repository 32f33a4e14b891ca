//! The bytes of the slot file and of the file key. Pure; numbers are big endian.
//!
//! ```text
//! file    = block*        a block is there twice, in two copies that share no sector
//! copy    = "comityS1" block:u64 generation:u64 sealed check:16, padded to 135,168 bytes
//! sealed  = AES-256-GCM under the file key of 4,096 slots of 32 bytes;
//!           additional data: domain, block, generation
//! key     = "comityK1" generation:u64 key:32 check:16, or this sealed under the protection key
//! ```
//! A slot of zeros is an erased one, a slot of ones one that was lost: its block could not be read
//! when the file was written anew. Random bytes are neither.

use zeroize::Zeroizing;

use super::format::{Cursor, check};
use crate::crypto::{AeadKey, FILE_KEY_ROLE, KeySeal, RandomError, fill_random};

/// Slots of a block.
pub(super) const BLOCK_SLOTS: u64 = 4096;
/// Length of a slot in bytes.
pub(super) const SLOT_BYTES: usize = 32;
/// An erased slot.
pub(super) const ERASED: [u8; SLOT_BYTES] = [0; SLOT_BYTES];
/// A slot whose block could not be read when the file was written anew.
pub(super) const LOST: [u8; SLOT_BYTES] = [0xff; SLOT_BYTES];
/// Length of a block's plaintext.
pub(super) const PLAIN_BYTES: usize = BLOCK_SLOTS as usize * SLOT_BYTES;
/// Nonce and tag.
const SEALED_BYTES: usize = PLAIN_BYTES + 12 + 16;
/// Length of one copy on disk: whole pages, so that a torn write of one leaves the other.
pub(super) const COPY_BYTES: usize = 33 * 4096;
const BLOCK_MAGIC: &[u8; 8] = b"comityS1";
const KEY_MAGIC: &[u8; 8] = b"comityK1";
const DOMAIN: &[u8] = b"comity/v1/shred-slot-block\0";

fn aad(block: u64, generation: u64) -> Vec<u8> {
    [DOMAIN, &block.to_be_bytes(), &generation.to_be_bytes()].concat()
}

/// Seals a block; both copies are these bytes.
pub(super) fn seal_block(key: &FileKey, block: u64, plain: &[u8]) -> Result<Vec<u8>, RandomError> {
    let aead = AeadKey::new(&key.key).map_err(|_| RandomError)?;
    let sealed = aead.seal(&aad(block, key.generation), plain)?;
    let mut out = Vec::with_capacity(COPY_BYTES);
    out.extend_from_slice(BLOCK_MAGIC);
    out.extend_from_slice(&block.to_be_bytes());
    out.extend_from_slice(&key.generation.to_be_bytes());
    out.extend_from_slice(&sealed);
    let sum = check(&[&out]);
    out.extend_from_slice(&sum);
    out.resize(COPY_BYTES, 0);
    Ok(out)
}

/// The generation that a copy was sealed in; `None` for a damaged copy or another block's.
pub(super) fn generation_of(copy: &[u8], block: u64) -> Option<u64> {
    parts(copy, block).map(|(generation, _)| generation)
}

fn parts(copy: &[u8], block: u64) -> Option<(u64, &[u8])> {
    let (covered, rest) = copy.split_at_checked(24 + SEALED_BYTES)?;
    if rest.get(..16)? != check(&[covered]) {
        return None;
    }
    let mut cursor = Cursor(covered);
    if &cursor.array::<8>()? != BLOCK_MAGIC || cursor.u64()? != block {
        return None;
    }
    let generation = cursor.u64()?;
    Some((generation, cursor.0))
}

/// Opens a copy; `None` when it is damaged or of another key.
pub(super) fn open_block(key: &FileKey, block: u64, copy: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let (generation, sealed) = parts(copy, block)?;
    let aead = AeadKey::new(&key.key).ok()?;
    let plain = aead.open(&aad(block, generation), sealed).ok()?;
    (generation == key.generation && plain.len() == PLAIN_BYTES).then_some(plain)
}

/// The key of a whole slot file; another one for every erasure.
pub(super) struct FileKey {
    pub(super) generation: u64,
    pub(super) key: Zeroizing<[u8; 32]>,
}

impl FileKey {
    /// A fresh key.
    pub(super) fn new(generation: u64) -> Result<Self, RandomError> {
        let mut key = Zeroizing::new([0; 32]);
        fill_random(&mut *key)?;
        Ok(Self { generation, key })
    }

    pub(super) fn encode(&self) -> Zeroizing<Vec<u8>> {
        let mut out = Zeroizing::new(Vec::with_capacity(64));
        out.extend_from_slice(KEY_MAGIC);
        out.extend_from_slice(&self.generation.to_be_bytes());
        out.extend_from_slice(&*self.key);
        let sum = check(&[&out]);
        out.extend_from_slice(&sum);
        out
    }

    /// The bytes of the key file: sealed, where there is what seals.
    pub(super) fn encode_under(
        &self,
        seal: Option<&KeySeal>,
    ) -> Result<Zeroizing<Vec<u8>>, RandomError> {
        match seal {
            None => Ok(self.encode()),
            Some(seal) => seal.seal(FILE_KEY_ROLE, &self.encode()).map(Zeroizing::new),
        }
    }

    /// Reads the bytes of the key file; `None` when they are damaged or of another protection key.
    pub(super) fn decode_under(bytes: &[u8], seal: Option<&KeySeal>) -> Option<Self> {
        match seal {
            None => Self::decode(bytes),
            Some(seal) => Self::decode(&seal.open(FILE_KEY_ROLE, bytes).ok()?),
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let (covered, sum) = bytes.split_last_chunk::<16>()?;
        let mut cursor = Cursor(covered);
        if *sum != check(&[covered]) || &cursor.array::<8>()? != KEY_MAGIC {
            return None;
        }
        let generation = cursor.u64()?;
        let key = Zeroizing::new(cursor.array()?);
        cursor.0.is_empty().then_some(Self { generation, key })
    }
}
