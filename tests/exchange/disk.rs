//! A disk that is nearly full: nothing new is accepted, what others send still comes in.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

use comity::store::OpenedHow;

use crate::support::{
    Country, Settings, alert, alert_to, befriend, output_of, receipts_of, refusal_of,
};

/// A small disk of its own, taken away at the end. Needs root.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn mount(at: &Path) -> Option<Self> {
        fs::create_dir(at).unwrap();
        let mut mount = Command::new("mount");
        mount
            .args(["-t", "tmpfs", "-o", "size=64m", "tmpfs"])
            .arg(at);
        let mounted = output_of(&mut mount).is_ok_and(|ended| ended.status.success());
        mounted.then(|| Self(at.to_owned()))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whatever still holds a file must not keep the disk for ever.
        let _ = output_of(Command::new("umount").arg("-l").arg(&self.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_submissions_and_goes_on_receiving() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("disk");
    let Some(_disk) = SmallDisk::mount(&at) else {
        eprintln!("SKIPPED: a small disk cannot be mounted; this test needs root");
        return;
    };
    let mut a = Country::with(
        "TJ",
        Settings {
            dir: Some(at.join("tj")),
            disk_full_percent: Some(80),
            ..Settings::default()
        },
    );
    let mut b = Country::set_up("UZ");
    befriend(&[&a, &b]).await;
    a.start().await;
    b.start().await;
    let before = a.try_submit(alert("while there is room"), "case-1");
    let before = before.await.unwrap().reference;
    assert!(a.status().await.accepting);

    let ballast = at.join("ballast");
    // The reserve and the journal's room take 8 MiB.
    fs::write(&ballast, vec![0; 50 << 20]).unwrap();
    let refused = a.try_submit(alert("too late"), "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "DISK_FULL");
    assert!(refused.message().contains("above 80%"), "{refused}");
    let again = a.try_submit(alert("while there is room"), "case-1").await;
    let again = again.unwrap();
    assert!(again.repeated && again.reference == before, "{again:?}");
    assert!(!a.status().await.accepting);
    // What was accepted goes out, what others send comes in and is acknowledged.
    a.drained().await;
    assert_eq!(receipts_of(&a, &before).await.len(), 2);
    let from_b = b.submit(alert_to(&["TJ"], "while A is full")).await;
    a.receives(&from_b).await;
    b.drained().await;

    fs::remove_file(&ballast).unwrap();
    a.submit(alert("room again")).await;
    assert!(a.status().await.accepting);
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_really_full_disk_stops_the_node_cleanly_with_the_reserve() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("disk");
    let Some(_disk) = SmallDisk::mount(&at) else {
        eprintln!("SKIPPED: a small disk cannot be mounted; this test needs root");
        return;
    };
    let mut a = Country::with(
        "TJ",
        Settings {
            dir: Some(at.join("tj")),
            ..Settings::default()
        },
    );
    let b = Country::set_up("UZ");
    befriend(&[&a, &b]).await;
    a.start_process().await;
    let held = a.submit(alert("before it is full")).await;
    let reserve = a.layout().journal().join("reserve");
    assert_eq!(fs::metadata(&reserve).unwrap().len(), 4 << 20);

    // To the last byte.
    let ballast = at.join("ballast");
    let mut file = fs::File::create(&ballast).unwrap();
    while file.write_all(&[0; 4096]).is_ok() {}
    let ended = a.ended().await;
    assert_eq!(ended.code(), Some(75), "{}", a.log());
    let log = a.log();
    assert!(log.contains("closed cleanly"), "{log}");
    assert!(log.contains("the disk is full: make room"), "{log}");
    assert!(!reserve.exists());

    drop(file);
    fs::remove_file(&ballast).unwrap();
    a.start().await;
    assert_eq!(a.node().opened().how, OpenedHow::Clean);
    assert_eq!(a.references().await, [held]);
    assert!(reserve.exists(), "set aside again");
    a.stop().await;
}
