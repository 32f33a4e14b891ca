//! The bytes of a file in chunks, pure.

use crate::crypto::{
    Digest, NONCE_BYTES, RandomError,
    chunks::{ChunkKey, ChunkPlace, ChunkPlan, ChunkSeal, TAG_BYTES},
};

/// Bytes of the beginning of a file, and of the head of each chunk: a page, so that what is read alone
/// is read at once.
pub(super) const HEAD_BYTES: u64 = 4096;
const HEAD: usize = 4096;
/// Where the second record of the progress stands: in another sector.
const SECOND: usize = 2048;
const MAGIC: &[u8; 16] = b"comity/chunks/1\0";
const RECORD_BYTES: usize = 16 + 4 + 8 + 8 + 32;

/// Where a chunk begins, with its head.
pub(super) fn place_of(plan: ChunkPlan, index: u64) -> u64 {
    let stride = HEAD_BYTES.saturating_add(plan.chunk_size().into());
    HEAD_BYTES.saturating_add(index.saturating_mul(stride))
}

/// How far a file is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Progress {
    pub(super) plan: ChunkPlan,
    /// Chunks that are durable.
    pub(super) durable: u64,
}

impl Progress {
    pub(super) const fn new(plan: ChunkPlan, durable: u64) -> Self {
        Self { plan, durable }
    }

    /// Magic, size of a chunk, size of the file, chunks durable (big endian), SHA-256 of all that.
    pub(super) fn record(&self) -> [u8; RECORD_BYTES] {
        let mut body = Vec::with_capacity(RECORD_BYTES);
        body.extend_from_slice(MAGIC);
        body.extend_from_slice(&self.plan.chunk_size().to_be_bytes());
        body.extend_from_slice(&self.plan.size().to_be_bytes());
        body.extend_from_slice(&self.durable.to_be_bytes());
        let digest = Digest::of(&body);
        body.extend_from_slice(digest.as_bytes());
        let mut record = [0; RECORD_BYTES];
        record
            .iter_mut()
            .zip(body)
            .for_each(|(to, from)| *to = from);
        record
    }

    /// The beginning of a new file: both records.
    pub(super) fn page(&self) -> Vec<u8> {
        let mut page = self.record().to_vec();
        page.resize(SECOND, 0);
        page.extend_from_slice(&self.record());
        page.resize(HEAD, 0);
        page
    }

    /// Where the next record goes: never over the newest.
    pub(super) const fn offset(turn: u64) -> u64 {
        if turn.is_multiple_of(2) {
            0
        } else {
            SECOND as u64
        }
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let record = bytes.get(..RECORD_BYTES)?;
        let (body, digest) = record.split_at_checked(RECORD_BYTES - 32)?;
        if Digest::of(body).as_bytes() != digest {
            return None;
        }
        let body = body.strip_prefix(MAGIC)?;
        let (chunk_size, body) = body.split_first_chunk::<4>()?;
        let (size, body) = body.split_first_chunk::<8>()?;
        let (durable, _) = body.split_first_chunk::<8>()?;
        let plan = ChunkPlan::new(u64::from_be_bytes(*size), u32::from_be_bytes(*chunk_size));
        Some(Self {
            plan: plan.ok()?,
            durable: u64::from_be_bytes(*durable),
        })
    }

    /// What the beginning of a file says: the further of the two records that are whole, and which of
    /// them it is.
    pub(super) fn read(page: &[u8]) -> Option<(Self, u64)> {
        let records = [(0, 0), (SECOND, 1)];
        let whole = records.into_iter().filter_map(|(at, turn)| {
            let record = Self::decode(page.get(at..)?)?;
            (record.durable <= record.plan.chunks()).then_some((record, turn))
        });
        whole.max_by_key(|(record, _)| record.durable)
    }
}

/// What stands before a chunk's ciphertext: its nonce and tag, then nonce, tag, count and ciphertext of
/// the hashes that it completed.
pub(super) struct Head(Vec<u8>);

const SEAL: usize = NONCE_BYTES + TAG_BYTES;
const HASHES_AT: usize = 2 * SEAL + 1;

fn seal_at(head: &[u8], at: usize) -> Option<ChunkSeal> {
    let seal = head.get(at..)?;
    let (nonce, seal) = seal.split_first_chunk::<NONCE_BYTES>()?;
    let (tag, _) = seal.split_first_chunk::<TAG_BYTES>()?;
    Some(ChunkSeal {
        nonce: *nonce,
        tag: *tag,
    })
}

impl Head {
    pub(super) fn new(
        key: &ChunkKey,
        place: &ChunkPlace,
        seal: ChunkSeal,
        completed: &[Digest],
    ) -> Result<Self, RandomError> {
        let mut hashes: Vec<u8> = completed.iter().flat_map(|hash| *hash.as_bytes()).collect();
        let hashes_seal = key.seal_hashes(place, &mut hashes)?;
        let mut head = Vec::with_capacity(HASHES_AT + hashes.len());
        for seal in [&seal, &hashes_seal] {
            head.extend_from_slice(&seal.nonce);
            head.extend_from_slice(&seal.tag);
        }
        // At most one more than the bits of the number of chunks.
        head.push(u8::try_from(completed.len()).unwrap_or(u8::MAX));
        head.append(&mut hashes);
        Ok(Self(head))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Nonce and tag of the chunk.
    pub(super) fn seal(head: &[u8]) -> Option<ChunkSeal> {
        seal_at(head, 0)
    }

    /// The hashes that the chunk completed, its own first; `None` when they do not open.
    pub(super) fn hashes(key: &ChunkKey, place: &ChunkPlace, head: &[u8]) -> Option<Vec<Digest>> {
        let seal = seal_at(head, SEAL)?;
        let count = usize::from(*head.get(2 * SEAL)?);
        let mut hashes = head.get(HASHES_AT..HASHES_AT + count * 32)?.to_vec();
        key.open_hashes(place, &seal, &mut hashes).ok()?;
        let (hashes, _) = hashes.as_chunks::<32>();
        Some(
            hashes
                .iter()
                .map(|hash| Digest::from_array(*hash))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> ChunkPlan {
        ChunkPlan::new(10 << 20, 1 << 20).unwrap()
    }

    #[test]
    fn the_further_record_that_is_whole_counts() {
        let mut page = Progress::new(plan(), 0).page();
        assert_eq!(Progress::read(&page).unwrap().0.durable, 0);
        let next = Progress::new(plan(), 7).record();
        page[SECOND..SECOND + next.len()].copy_from_slice(&next);
        assert_eq!(
            Progress::read(&page).unwrap(),
            (Progress::new(plan(), 7), 1)
        );
        page[SECOND + 3] ^= 1;
        assert_eq!(
            Progress::read(&page).unwrap(),
            (Progress::new(plan(), 0), 0)
        );
        page[3] ^= 1;
        assert_eq!(Progress::read(&page), None);
        assert_eq!(Progress::read(&[]), None);
    }

    #[test]
    fn a_record_of_more_chunks_than_there_are_does_not_count() {
        let page = Progress::new(plan(), 11).page();
        assert_eq!(Progress::read(&page), None);
    }

    #[test]
    fn hashes_open_at_their_place() {
        let key = ChunkKey::generate().unwrap();
        let place = ChunkPlace {
            file: [1; 16],
            index: 3,
            last: false,
        };
        let seal = key.seal(&place, &mut [1, 2, 3]).unwrap();
        let hashes = [Digest::of(b"a"), Digest::of(b"b")];
        let head = Head::new(&key, &place, seal, &hashes).unwrap();
        assert_eq!(Head::seal(head.bytes()), Some(seal));
        let opened = Head::hashes(&key, &place, head.bytes());
        assert_eq!(opened.as_deref(), Some(&hashes[..]));
        let other = ChunkPlace { index: 2, ..place };
        assert_eq!(Head::hashes(&key, &other, head.bytes()), None);
        for at in SEAL..head.bytes().len() {
            let mut flipped = head.bytes().to_vec();
            flipped[at] ^= 1;
            assert_eq!(Head::hashes(&key, &place, &flipped), None, "byte {at}");
        }
        assert_eq!(Head::hashes(&key, &place, &[0; 20]), None);
    }
}
