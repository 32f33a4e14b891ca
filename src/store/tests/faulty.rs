//! A disk whose Nth operation fails.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::super::medium::{Disk, Medium, MediumFile};

/// What happens at the failing operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It fails and does nothing.
    Fails,
    /// It is done, and fails nevertheless.
    FailsButPersists,
    /// A write is done by half, and fails; anything else fails.
    FailsHalfWay,
    /// The same for want of room.
    Full,
}

struct Count {
    strike: u64,
    fate: Fate,
    done: AtomicU64,
    struck: AtomicBool,
    /// Whether what failed was a write of a file.
    write: AtomicBool,
}

/// The real disk, but one operation fails.
#[derive(Clone)]
pub(crate) struct Faulty(Arc<Count>);

struct FaultyFile(Arc<Count>, Box<dyn MediumFile>);

fn failure() -> io::Error {
    io::Error::other("the disk failed on purpose")
}

impl Count {
    fn run<T>(&self, operation: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        if self.done.fetch_add(1, Ordering::SeqCst) != self.strike {
            return operation();
        }
        self.struck.store(true, Ordering::SeqCst);
        if self.fate == Fate::FailsButPersists {
            operation()?;
        }
        Err(match self.fate {
            Fate::Full => io::ErrorKind::StorageFull.into(),
            _ => failure(),
        })
    }
}

impl Faulty {
    pub(crate) fn new(strike: u64, fate: Fate) -> Arc<Self> {
        Arc::new(Self(Arc::new(Count {
            strike,
            fate,
            done: AtomicU64::new(0),
            struck: AtomicBool::new(false),
            write: AtomicBool::new(false),
        })))
    }

    pub(crate) fn struck(&self) -> bool {
        self.0.struck.load(Ordering::SeqCst)
    }

    /// Whether it struck a write of a file.
    pub(crate) fn struck_a_write(&self) -> bool {
        self.0.write.load(Ordering::SeqCst)
    }
}

impl Medium for Faulty {
    fn create(&self, path: &Path) -> io::Result<Box<dyn MediumFile>> {
        let file = self.0.run(|| Disk.create(path))?;
        Ok(Box::new(FaultyFile(Arc::clone(&self.0), file)))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn MediumFile>> {
        let file = self.0.run(|| Disk.open(path))?;
        Ok(Box::new(FaultyFile(Arc::clone(&self.0), file)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.0.run(|| Disk.rename(from, to))
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.0.run(|| Disk.remove(path))
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.0.run(|| Disk.sync_dir(path))
    }

    fn index(&self, write: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        self.0.run(write)
    }
}

impl MediumFile for FaultyFile {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let now = self.0.done.load(Ordering::SeqCst) == self.0.strike;
        self.0.write.fetch_or(now, Ordering::SeqCst);
        if now && matches!(self.0.fate, Fate::FailsHalfWay | Fate::Full) {
            self.1.write(offset, &bytes[..bytes.len() / 2])?;
        }
        self.0.run(|| self.1.write(offset, bytes))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.run(|| self.1.sync())
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.0.run(|| self.1.cut(length))
    }
}
