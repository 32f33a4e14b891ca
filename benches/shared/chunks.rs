//! What a chunk of a file costs alone: encryption, hashing, the disk.

use std::{
    fs::{self, File},
    io::Write as _,
    path::Path,
    time::Instant,
};

use comity::crypto::chunks::{ChunkKey, ChunkPlace, chunk_hash};

const MIB: usize = 1 << 20;
/// MiB between two syncs, as the store has it.
const SYNC_EVERY: usize = 64;

/// Encryption alone, on one thread: MiB a second.
pub(crate) fn encryption(mib: usize) -> f64 {
    let key = ChunkKey::generate().expect("a key");
    let mut chunk = vec![7; MIB];
    let begun = Instant::now();
    for index in (0..).take(mib) {
        let place = ChunkPlace {
            file: [1; 16],
            index,
            last: false,
        };
        key.seal(&place, &mut chunk).expect("a seal");
    }
    mib as f64 / begun.elapsed().as_secs_f64()
}

/// Hashing alone, on one thread: MiB a second.
pub(crate) fn hashing(mib: usize) -> f64 {
    let mut chunk = vec![7; MIB];
    let begun = Instant::now();
    for _ in 0..mib {
        let hash = chunk_hash(&chunk);
        if let (Some(to), Some(from)) = (chunk.first_mut(), hash.as_bytes().first()) {
            *to = *from;
        }
    }
    mib as f64 / begun.elapsed().as_secs_f64()
}

/// The disk alone: writes and a sync for every 64 MiB, MiB a second.
pub(crate) fn disk(folder: &Path, mib: usize) -> f64 {
    let path = folder.join("raw");
    let mut file = File::create(&path).expect("a file");
    let chunk = vec![7; MIB];
    let begun = Instant::now();
    for index in 1..=mib {
        file.write_all(&chunk).expect("a write");
        if index.is_multiple_of(SYNC_EVERY) {
            file.sync_data().expect("a sync");
        }
    }
    file.sync_data().expect("a sync");
    let rate = mib as f64 / begun.elapsed().as_secs_f64();
    fs::remove_file(&path).expect("its end");
    rate
}
