//! `comity keys rotate storage|file-key`: what is new is closed to the old key, what is old still opens.

use std::fs;

use crate::support::{alert, comity, ledger_bodies, lies_in, neighbours, replaced, restrict, show};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_storage_key_closes_what_is_new_to_the_old_one_and_opens_what_is_old() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let first = a.submit(alert("before")).await;
    a.stop().await;
    let rotate = ["keys", "rotate", "storage", "--home", a.at()].map(str::to_owned);
    let rotate: Vec<&str> = rotate.iter().map(String::as_str).collect();
    let (path, next) = (a.layout().storage_key(), a.layout().storage_key_next());
    let old = fs::read(&path).unwrap();
    comity(&rotate).await.fine();
    assert_ne!(fs::read(&path).unwrap(), old);
    a.start().await;
    let size = a.node().ledger_size().unwrap();
    let second = a.submit(alert("after")).await;
    for reference in [&first, &second] {
        show(&a, reference).await;
    }
    // Every leaf opens, those before the rotation and those after it.
    let written = a.node().ledger_size().unwrap();
    let leaves = ledger_bodies(&a).await;
    assert_eq!(u64::try_from(leaves.len()).unwrap(), written);
    a.stop().await;

    // Whoever has the old key alone reads no leaf that was written since.
    let new = fs::read(&path).unwrap();
    let kept = a
        .dir()
        .join("keys")
        .join(replaced(&a, "storage").pop().unwrap());
    assert_eq!(fs::read(&kept).unwrap(), old);
    fs::write(&path, &old).unwrap();
    a.start().await;
    assert!(a.node().leaf(0).unwrap().is_some());
    assert!(a.node().leaf(size).is_err());
    a.stop().await;
    // And the new key alone none from before.
    fs::write(&path, &new).unwrap();
    fs::rename(&kept, a.dir().join("kept")).unwrap();
    a.start().await;
    assert!(a.node().leaf(0).is_err());
    assert!(a.node().leaf(size).unwrap().is_some());
    a.stop().await;
    fs::rename(a.dir().join("kept"), &kept).unwrap();

    // As a crash leaves it: a new key that is not in its place, or the old one kept and in its place.
    fs::write(&next, [7; 32]).unwrap();
    restrict(&next);
    a.start().await;
    a.stop().await;
    comity(&rotate).await.fine();
    assert!(!next.exists());
    assert_eq!(replaced(&a, "storage").len(), 2);
    let current = a.dir().join("keys").join("storage.until-1.key");
    fs::hard_link(&path, &current).unwrap();
    comity(&rotate).await.fine();
    assert_eq!(replaced(&a, "storage").len(), 3, "the key was kept once");
    a.start().await;
    for reference in [&first, &second] {
        show(&a, reference).await;
    }
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_file_key_opens_the_slots_and_the_old_one_does_not() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let reference = a.submit(alert("kept")).await;
    a.stop().await;
    let path = a.home().file_key_path();
    let old = fs::read(&path).unwrap();
    comity(&["keys", "rotate", "file-key", "--home", a.at()])
        .await
        .fine();
    assert!(!lies_in(a.dir(), &old));
    a.start().await;
    show(&a, &reference).await;
    a.stop().await;
    fs::write(&path, &old).unwrap();
    let refused = a.refuses_to_open().await;
    assert!(refused.to_string().contains("file key"), "{refused}");
}
