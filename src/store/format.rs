//! The journal's bytes. Pure; numbers are big endian.
//!
//! ```text
//! segment = header group*
//!   header  = "comityJ1" version:u32 number:u32 first_position:u64 chain:32 salt:16 check:16
//! group   = header entry* trailer
//!   header  = "comityGH" length:u32 (of the entries) count:u32 first_position:u64 check:16
//!   trailer = "comityGT" chain:32 (after the group) check:16
//! entry   = body_length:u32 blobs:u32 flags:u32 digest:32 (length:u32 sha256:32)* check:16 body blob*
//! ```
//!
//! A `check` is the first half of a SHA-256. Those of groups are salted with the segment's random
//! salt, so that no body can hold bytes that pass for a group. The chain runs over entry digests
//! (`chain = SHA-256(chain ‖ digest)`), which cover blobs by their digests only: a blob can go, and
//! the flag [`STUB`] says so, while the chain stays verifiable.

use crate::crypto::Digest;

#[path = "format_group.rs"]
mod group;
pub(super) use group::{GroupView, parse_group, resalt};

/// Length of a segment's header.
pub(super) const SEGMENT_HEADER: usize = 88;
/// Length of a group's header.
pub(super) const GROUP_HEADER: usize = 40;
/// Length of a group's trailer.
pub(super) const GROUP_TRAILER: usize = 56;
/// Length of the chain hash and check at a trailer's end.
pub(super) const TRAILER_CHAIN: usize = 48;
/// The blobs of this entry are gone.
pub(super) const STUB: u32 = 1;
/// Entries section of one group, at most: bounds what a reader takes into memory.
pub(super) const MAX_GROUP_BYTES: usize = 64 << 20;
/// Blobs of one entry, at most.
pub(super) const MAX_BLOBS: usize = 1024;

const SEGMENT_MAGIC: &[u8; 8] = b"comityJ1";
pub(super) const GROUP_MAGIC: &[u8; 8] = b"comityGH";
const TRAILER_MAGIC: &[u8; 8] = b"comityGT";
const VERSION: u32 = 1;
const ENTRY_FIXED: usize = 44;
const BLOB_ROW: usize = 36;
const CHECK: usize = 16;

/// Takes fixed and counted pieces off the front of bytes.
pub(super) struct Cursor<'a>(pub(super) &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(head)
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }
}

/// First half of the SHA-256 of `parts`.
pub(super) fn check(parts: &[&[u8]]) -> [u8; CHECK] {
    let digest = Digest::of_parts(parts);
    let mut out = [0; CHECK];
    for (to, from) in out.iter_mut().zip(digest.as_bytes()) {
        *to = *from;
    }
    out
}

/// The running hash after one more entry.
pub(super) fn chain_on(chain: &Digest, entry: &Digest) -> Digest {
    Digest::of_parts(&[chain.as_ref(), entry.as_ref()])
}

/// How a segment begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) number: u32,
    pub(super) first_position: u64,
    /// The chain before `first_position`.
    pub(super) chain: Digest,
    pub(super) salt: [u8; 16],
}

/// Why a segment's header is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SegmentFault {
    Damaged,
    Version(u32),
}

impl SegmentHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(SEGMENT_HEADER);
        out.extend_from_slice(SEGMENT_MAGIC);
        out.extend_from_slice(&VERSION.to_be_bytes());
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.first_position.to_be_bytes());
        out.extend_from_slice(self.chain.as_ref());
        out.extend_from_slice(&self.salt);
        let sum = check(&[&out]);
        out.extend_from_slice(&sum);
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, SegmentFault> {
        let (covered, sum) = bytes
            .get(..SEGMENT_HEADER)
            .and_then(|header| header.split_at_checked(SEGMENT_HEADER - CHECK))
            .ok_or(SegmentFault::Damaged)?;
        if sum != check(&[covered]) {
            return Err(SegmentFault::Damaged);
        }
        let mut cursor = Cursor(covered);
        let mut parse = || {
            let magic = cursor.array::<8>()?;
            let version = cursor.u32()?;
            let header = Self {
                number: cursor.u32()?,
                first_position: cursor.u64()?,
                chain: Digest::from_array(cursor.array()?),
                salt: cursor.array()?,
            };
            Some((magic, version, header))
        };
        let (magic, version, header) = parse().ok_or(SegmentFault::Damaged)?;
        if &magic != SEGMENT_MAGIC {
            return Err(SegmentFault::Damaged);
        }
        if version != VERSION {
            return Err(SegmentFault::Version(version));
        }
        Ok(header)
    }
}

/// How a group begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GroupHeader {
    /// Length of the entries, in bytes.
    pub(super) length: u32,
    pub(super) count: u32,
    pub(super) first_position: u64,
}

impl GroupHeader {
    pub(super) fn encode(&self, salt: &[u8; 16]) -> Vec<u8> {
        let mut out = Vec::with_capacity(GROUP_HEADER);
        out.extend_from_slice(GROUP_MAGIC);
        out.extend_from_slice(&self.length.to_be_bytes());
        out.extend_from_slice(&self.count.to_be_bytes());
        out.extend_from_slice(&self.first_position.to_be_bytes());
        let sum = check(&[salt, &out]);
        out.extend_from_slice(&sum);
        out
    }

    pub(super) fn decode(bytes: &[u8], salt: &[u8; 16]) -> Option<Self> {
        let (covered, sum) = bytes
            .get(..GROUP_HEADER)?
            .split_at_checked(GROUP_HEADER - CHECK)?;
        let mut cursor = Cursor(covered);
        if &cursor.array::<8>()? != GROUP_MAGIC || sum != check(&[salt, covered]) {
            return None;
        }
        let header = Self {
            length: cursor.u32()?,
            count: cursor.u32()?,
            first_position: cursor.u64()?,
        };
        (header.length as usize <= MAX_GROUP_BYTES && header.count > 0).then_some(header)
    }
}

/// How a group ends: the chain after it, bound to the group's header.
pub(super) fn encode_trailer(salt: &[u8; 16], header: &[u8], chain: &Digest) -> Vec<u8> {
    let mut out = Vec::with_capacity(GROUP_TRAILER);
    out.extend_from_slice(TRAILER_MAGIC);
    out.extend_from_slice(chain.as_ref());
    let sum = check(&[salt, header, &out]);
    out.extend_from_slice(&sum);
    out
}

/// The lengths and digests before an entry's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryHead {
    pub(super) body_length: usize,
    pub(super) stub: bool,
    pub(super) digest: Digest,
    pub(super) blobs: Vec<(usize, Digest)>,
}

/// Why an entry's head is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeadFault {
    /// This many bytes are needed.
    Short(usize),
    Damaged,
}

impl EntryHead {
    /// Length of the head itself.
    pub(super) fn length(&self) -> usize {
        ENTRY_FIXED + BLOB_ROW * self.blobs.len() + CHECK
    }

    /// Length of head, body and the blobs that are there.
    pub(super) fn entry_length(&self) -> usize {
        let blobs = if self.stub {
            0
        } else {
            self.blobs.iter().map(|(length, _)| length).sum()
        };
        self.length() + self.body_length + blobs
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, HeadFault> {
        let fixed = bytes
            .get(..ENTRY_FIXED)
            .ok_or(HeadFault::Short(ENTRY_FIXED + CHECK))?;
        let mut cursor = Cursor(fixed);
        let mut numbers = || Some((cursor.u32()?, cursor.u32()?, cursor.u32()?, cursor.array()?));
        let (body_length, count, flags, digest) = numbers().ok_or(HeadFault::Damaged)?;
        let count = count as usize;
        if count > MAX_BLOBS || flags & !STUB != 0 {
            return Err(HeadFault::Damaged);
        }
        let covered_length = ENTRY_FIXED + BLOB_ROW * count;
        let whole = bytes
            .get(..covered_length + CHECK)
            .ok_or(HeadFault::Short(covered_length + CHECK))?;
        let (covered, sum) = whole
            .split_at_checked(covered_length)
            .ok_or(HeadFault::Damaged)?;
        if sum != check(&[covered]) {
            return Err(HeadFault::Damaged);
        }
        let mut rows = Cursor(covered.get(ENTRY_FIXED..).unwrap_or_default());
        let mut blobs = Vec::with_capacity(count);
        for _ in 0..count {
            let row = rows.u32().zip(rows.array().map(Digest::from_array));
            let (length, digest) = row.ok_or(HeadFault::Damaged)?;
            blobs.push((length as usize, digest));
        }
        Ok(Self {
            body_length: body_length as usize,
            stub: flags & STUB != 0,
            digest: Digest::from_array(digest),
            blobs,
        })
    }

    /// Whether `body` is the one this head was made for.
    pub(super) fn holds(&self, body: &[u8]) -> bool {
        entry_digest(body, self.blobs.iter().map(|(_, digest)| digest)) == self.digest
    }
}

/// SHA-256(length of body ‖ body ‖ count ‖ the SHA-256 of each blob).
fn entry_digest<'a>(body: &[u8], blobs: impl ExactSizeIterator<Item = &'a Digest>) -> Digest {
    let mut tail = Vec::with_capacity(4 + 32 * blobs.len());
    tail.extend_from_slice(&(blobs.len() as u32).to_be_bytes());
    for blob in blobs {
        tail.extend_from_slice(blob.as_ref());
    }
    Digest::of_parts(&[&(body.len() as u64).to_be_bytes(), body, &tail])
}

/// Appends an entry to `out` and answers its digest. The caller has bounded lengths and count.
pub(super) fn encode_entry(out: &mut Vec<u8>, body: &[u8], blobs: &[Vec<u8>]) -> Digest {
    let digests: Vec<Digest> = blobs.iter().map(|blob| Digest::of(blob)).collect();
    let digest = entry_digest(body, digests.iter());
    let start = out.len();
    out.extend_from_slice(&(body.len() as u32).to_be_bytes());
    out.extend_from_slice(&(blobs.len() as u32).to_be_bytes());
    out.extend_from_slice(&0_u32.to_be_bytes());
    out.extend_from_slice(digest.as_ref());
    for (blob, digest) in blobs.iter().zip(&digests) {
        out.extend_from_slice(&(blob.len() as u32).to_be_bytes());
        out.extend_from_slice(digest.as_ref());
    }
    let sum = check(&[out.get(start..).unwrap_or_default()]);
    out.extend_from_slice(&sum);
    out.extend_from_slice(body);
    for blob in blobs {
        out.extend_from_slice(blob);
    }
    digest
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
