//! The disk whose power can be cut: `scripts/powercut.sh`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// What the script answers when something it needs is missing.
const UNAVAILABLE: i32 = 69;

fn script(verb: &str, folder: Option<&Path>) -> Output {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/powercut.sh");
    let mut command = Command::new(path);
    command.arg(verb);
    command.args(folder).output().unwrap()
}

fn checked(verb: &str, folder: &Path) {
    let done = script(verb, Some(folder));
    assert!(done.status.success(), "powercut.sh {verb}: {done:?}");
}

/// Why there can be no such disk here; `None` when there can.
pub(crate) fn missing() -> Option<String> {
    let probe = script("probe", None);
    if probe.status.success() {
        // The boot id is hidden in a namespace of mounts.
        let unshare = Command::new("unshare").args(["--mount", "true"]).output();
        return match unshare {
            Ok(done) if done.status.success() => None,
            other => Some(format!("no namespace for another boot id: {other:?}")),
        };
    }
    assert_eq!(probe.status.code(), Some(UNAVAILABLE), "{probe:?}");
    Some(String::from_utf8_lossy(&probe.stderr).trim().to_owned())
}

/// Says so where the test runner's capture does not hide it.
pub(crate) fn skipped(why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED: the power-cut campaign: {why}");
}

/// The disk; unmounted and removed when dropped.
pub(crate) struct Disk(PathBuf);

impl Disk {
    /// Makes the disk in a folder that is not there; `None` with the reason printed when the
    /// system turns out not to be able to.
    pub(crate) fn up(folder: PathBuf) -> Option<Self> {
        let done = script("up", Some(&folder));
        if done.status.code() == Some(UNAVAILABLE) {
            skipped(String::from_utf8_lossy(&done.stderr).trim());
            return None;
        }
        assert!(done.status.success(), "powercut.sh up: {done:?}");
        Some(Self(folder))
    }

    /// The disk in use.
    pub(crate) fn live(&self) -> PathBuf {
        self.0.join("live")
    }

    /// What a restart after the last cut finds.
    fn after(&self) -> PathBuf {
        self.0.join("after")
    }

    /// The power fails now.
    pub(crate) fn cut(&self) {
        checked("cut", &self.0);
    }

    /// Puts a folder of the disk back to what the cut left of it. Whoever used it must be gone.
    pub(crate) fn take_back(&self, name: &str) {
        let (live, after) = (self.live().join(name), self.after().join(name));
        std::fs::remove_dir_all(&live).unwrap();
        let copied = Command::new("cp").arg("-a").arg(&after).arg(&live).output();
        let copied = copied.unwrap();
        assert!(copied.status.success(), "cp: {copied:?}");
        // What the cut left is on the disk: the next cut may not take it away.
        let synced = Command::new("sync").arg("-f").arg(&live).output().unwrap();
        assert!(synced.status.success(), "sync: {synced:?}");
        checked("drop", &self.0);
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let kept = self.0.with_extension("kept");
            let _ = std::fs::create_dir(&kept);
            for from in [self.live(), self.after()] {
                let _ = Command::new("cp").arg("-a").arg(from).arg(&kept).output();
            }
        }
        let done = script("down", Some(&self.0));
        if !done.status.success() {
            println!("powercut.sh down: {done:?}");
        }
    }
}
