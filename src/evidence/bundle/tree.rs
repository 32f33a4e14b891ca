//! The Merkle root of a file that is read once, in pieces of any size.

use tlog_tiles::tlog::{self, Hash};

use crate::crypto::Digest;

/// RFC 6962 over a file's chunks, with SHA-256: one chunk and a hash per level are kept.
#[derive(Debug)]
pub struct Growing {
    chunk_size: usize,
    chunk: Vec<u8>,
    size: u64,
    leaves: u64,
    /// Roots of full subtrees, the largest first: one for each bit of `leaves`.
    edge: Vec<Hash>,
}

impl Growing {
    /// An empty file, cut into chunks of `chunk_size` bytes.
    pub fn new(chunk_size: usize) -> Self {
        Self {
            chunk_size: chunk_size.max(1),
            chunk: Vec::new(),
            size: 0,
            leaves: 0,
            edge: Vec::new(),
        }
    }

    /// The next bytes.
    pub fn push(&mut self, bytes: &[u8]) {
        let mut left = bytes;
        self.size = self.size.saturating_add(bytes.len() as u64);
        while !left.is_empty() {
            let room = self.chunk_size.saturating_sub(self.chunk.len());
            let (now, later) = left.split_at(room.min(left.len()));
            self.chunk.extend_from_slice(now);
            if self.chunk.len() == self.chunk_size {
                self.leaf();
            }
            left = later;
        }
    }

    fn leaf(&mut self) {
        let mut hash = tlog::record_hash(&self.chunk);
        self.chunk.clear();
        let mut full = self.leaves;
        while full & 1 == 1 {
            if let Some(left) = self.edge.pop() {
                hash = tlog::node_hash(left, hash);
            }
            full >>= 1;
        }
        self.edge.push(hash);
        self.leaves = self.leaves.saturating_add(1);
    }

    /// Bytes so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// The root of everything; of an empty file, the one over a single empty chunk.
    pub fn root(mut self) -> Digest {
        if !self.chunk.is_empty() || self.leaves == 0 {
            self.leaf();
        }
        let mut right: Option<Hash> = None;
        while let Some(left) = self.edge.pop() {
            right = Some(right.map_or(left, |right| tlog::node_hash(left, right)));
        }
        Digest::from_array(right.unwrap_or(tlog::EMPTY_HASH).0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crypto::merkle;

    #[test]
    fn it_is_the_root_over_the_chunks_whatever_the_pieces() {
        for length in [0_usize, 1, 7, 8, 9, 16, 17, 63, 64, 65, 200] {
            let bytes: Vec<u8> = (0..length).map(|at| (at % 251) as u8).collect();
            let chunks: Vec<&[u8]> = bytes.chunks(8).collect();
            let expected = if chunks.is_empty() {
                merkle::root(&[b""])
            } else {
                merkle::root(&chunks)
            };
            for piece in [1, 3, 8, 100] {
                let mut growing = Growing::new(8);
                bytes.chunks(piece).for_each(|piece| growing.push(piece));
                assert_eq!(growing.size(), length as u64);
                assert_eq!(growing.root(), expected, "{length} by {piece}");
            }
        }
    }
}
