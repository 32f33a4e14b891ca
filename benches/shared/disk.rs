//! The raw disk: append and fdatasync, nothing else.

use std::{
    fs::File,
    io::Write as _,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// Appends `groups` writes of `bytes` with one fdatasync each, to one file per writer, all at the
/// same time; answers how long the slowest took.
pub(crate) fn append(folder: &Path, writers: &[usize], groups: usize) -> Duration {
    thread::scope(|scope| {
        let begun = Instant::now();
        let running: Vec<_> = writers
            .iter()
            .enumerate()
            .map(|(number, bytes)| {
                let path = folder.join(format!("raw-{number}"));
                scope.spawn(move || {
                    let block = vec![0x5a_u8; *bytes];
                    let mut file = File::create(path).expect("a file");
                    for _ in 0..groups {
                        file.write_all(&block).expect("a write");
                        file.sync_data().expect("a sync");
                    }
                })
            })
            .collect();
        for writer in running {
            writer.join().expect("a writer");
        }
        begun.elapsed()
    })
}

/// A file for single appends.
pub(crate) struct Appends {
    file: File,
    block: Vec<u8>,
}

impl Appends {
    pub(crate) fn new(folder: &Path, bytes: usize) -> Self {
        Self {
            file: File::create(folder.join("raw-single")).expect("a file"),
            block: vec![0x5a; bytes],
        }
    }

    /// One append and fdatasync.
    pub(crate) fn append(&mut self) -> Duration {
        let begun = Instant::now();
        self.file.write_all(&self.block).expect("a write");
        self.file.sync_data().expect("a sync");
        begun.elapsed()
    }
}
