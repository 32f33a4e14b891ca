//! A disk that has only what was synced, and whose power fails at a chosen sync.

use std::{
    io,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use comity::store::{Disk, Medium, MediumFile};

/// When the power fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failing {
    /// Before the chosen sync: what it would have made durable is lost.
    Before,
    /// After it: it is durable, and nobody is told.
    After,
}

#[derive(Debug, Default)]
struct State {
    armed: AtomicBool,
    after: AtomicBool,
    /// Syncs of the journal that still go well.
    left: AtomicU64,
    off: AtomicBool,
}

/// The real disk, but for what was written to a file and not synced: that is lost when the power fails.
#[derive(Clone, Debug, Default)]
pub(crate) struct Power(Arc<State>);

fn failure() -> io::Error {
    io::Error::other("the power failed")
}

impl Power {
    /// From now on so many syncs of the journal go well, and the power fails at the next.
    pub(crate) fn fail_at(&self, left: u64, failing: Failing) {
        self.0.left.store(left, Ordering::SeqCst);
        self.0
            .after
            .store(failing == Failing::After, Ordering::SeqCst);
        self.0.armed.store(true, Ordering::SeqCst);
    }

    /// The power fails now.
    pub(crate) fn cut(&self) {
        self.0.off.store(true, Ordering::SeqCst);
    }

    /// Whether the power failed.
    pub(crate) fn is_off(&self) -> bool {
        self.0.off.load(Ordering::SeqCst)
    }

    fn on(&self) -> io::Result<()> {
        if self.is_off() {
            return Err(failure());
        }
        Ok(())
    }

    fn file(&self, path: &Path, file: Box<dyn MediumFile>) -> Box<dyn MediumFile> {
        Box::new(PowerFile {
            power: self.clone(),
            file,
            journal: path.extension().is_some_and(|ending| ending == "seg"),
            unsynced: Vec::new(),
        })
    }
}

struct PowerFile {
    power: Power,
    file: Box<dyn MediumFile>,
    journal: bool,
    unsynced: Vec<(u64, Vec<u8>)>,
}

impl PowerFile {
    fn flush(&mut self) -> io::Result<()> {
        for (offset, bytes) in self.unsynced.drain(..) {
            self.file.write(offset, &bytes)?;
        }
        self.file.sync()
    }
}

impl MediumFile for PowerFile {
    fn write(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.power.on()?;
        self.unsynced.push((offset, bytes.to_vec()));
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.power.on()?;
        let state = &self.power.0;
        if self.journal && state.armed.load(Ordering::SeqCst) {
            let left = state.left.fetch_sub(1, Ordering::SeqCst);
            if left == 0 {
                if state.after.load(Ordering::SeqCst) {
                    self.flush()?;
                }
                self.power.cut();
                return Err(failure());
            }
        }
        self.flush()
    }

    fn cut(&mut self, length: u64) -> io::Result<()> {
        self.power.on()?;
        self.flush()?;
        self.file.cut(length)
    }
}

impl Medium for Power {
    fn create(&self, path: &Path) -> io::Result<Box<dyn MediumFile>> {
        self.on()?;
        Ok(self.file(path, Disk.create(path)?))
    }

    fn open(&self, path: &Path) -> io::Result<Box<dyn MediumFile>> {
        self.on()?;
        Ok(self.file(path, Disk.open(path)?))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.on()?;
        Disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.on()?;
        Disk.remove(path)
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        self.on()?;
        Disk.sync_dir(path)
    }

    fn index(&self, write: &mut dyn FnMut() -> io::Result<()>) -> io::Result<()> {
        self.on()?;
        Disk.index(write)
    }
}
