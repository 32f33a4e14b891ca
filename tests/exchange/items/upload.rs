//! Uploading and downloading at one node.

use std::{fs, io::Write as _, time::Duration};

use super::{
    Breaking, bytes, chunks_of, download, file, flip, information, items, order, over, upload,
    wanted,
};
use crate::support::{Country, comity, eventually, ledger_bodies, lies_in, neighbours, recall};
use comity::{
    client::TransferError,
    wire::{ledger::Action, node::ItemState},
};

const MIB: usize = 1 << 20;

pub(super) async fn one() -> (Country, String, tempfile::TempDir) {
    let (mut a, _) = neighbours().await;
    a.start().await;
    let reference = a.submit(information("files", &["UZ"], None)).await;
    (a, reference, tempfile::tempdir().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_comes_back_as_it_was_and_lies_there_encrypted() {
    let (mut a, reference, dir) = one().await;
    let file = file(dir.path(), 3 * MIB + 17, 1);
    let item = upload(&a, &reference, &file).await;
    assert_eq!((item.size, item.chunks), (3 * MIB as u64 + 17, 4));
    assert_eq!(item.state(), ItemState::Kept);
    assert_eq!(item.uploaded_by, "TJ/officer/local");
    let listed = items(&a, &reference).await;
    assert_eq!(listed, std::slice::from_ref(&item));

    let output = dir.path().join("back.bin");
    let back = download(&a, &reference, &item.id, &output).await.unwrap();
    assert_eq!(back.root, item.root);
    assert_eq!(fs::read(&output).unwrap(), fs::read(&file).unwrap());
    assert!(!dir.path().join("back.bin.part").exists());
    // A second time nothing is overwritten.
    let again = download(&a, &reference, &item.id, &output).await;
    assert!(matches!(again, Err(TransferError::Exists(_))));

    // Neither content nor root nor name lies in the home.
    let words = [
        &bytes(3 * MIB, 1)[MIB..MIB + 32],
        &item.root,
        b"exercise-1.bin",
    ];
    for words in words {
        assert!(!lies_in(a.dir(), words));
    }
    let leaves = ledger_bodies(&a).await;
    let of = |detail: &str| leaves.iter().filter(|leaf| leaf.detail == detail).count();
    assert_eq!(of("item-uploaded"), 1);
    assert_eq!(of("item-downloaded"), 1);
    let read = leaves.iter().find(|leaf| leaf.detail == "item-downloaded");
    let read = read.unwrap();
    assert_eq!(
        (read.action(), &read.subject),
        (Action::Consultation, &item.id)
    );
    assert_eq!(read.case_reference, crate::support::CASE);

    // It is there after a restart.
    a.restart().await;
    let output = dir.path().join("after.bin");
    download(&a, &reference, &item.id, &output).await.unwrap();
    assert_eq!(fs::read(&output).unwrap(), fs::read(&file).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_breaks_off_goes_on_both_ways() {
    let (mut a, reference, dir) = one().await;
    let file = file(dir.path(), 24 * MIB + 5, 2);
    let way = Breaking::to(a.home().config().client_listen).await;
    let mut client = over(&a, &way).await;
    let mut began = Vec::new();
    for cut in [300_000, 5_000_000, 9_000_000] {
        way.after(cut);
        let mut first = None;
        let told = client
            .upload(order(&reference, &file), &mut |done, _| {
                first.get_or_insert(done);
            })
            .await;
        began.push(first);
        assert!(way.has_broken());
        // Within one call it goes on by itself.
        let item = told.unwrap();
        assert_eq!(item.state(), ItemState::Kept);
    }
    // Each call uploaded an item of its own: what is whole is not taken up again.
    assert_eq!(items(&a, &reference).await.len(), 3);
    assert_eq!(began, [Some(0); 3]);

    let item = items(&a, &reference).await.remove(0);
    for (at, cut) in [400_000, 7_000_000, 20_000_000].into_iter().enumerate() {
        way.after(cut);
        let output = dir.path().join(format!("back-{at}.bin"));
        let wanted = wanted(&reference, &item.id, &output);
        client.download(wanted, &mut |_, _| {}).await.unwrap();
        assert!(way.has_broken());
        assert_eq!(fs::read(&output).unwrap(), bytes(24 * MIB + 5, 2));
    }
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_goes_on_after_the_node_and_the_command_were_gone() {
    let (mut a, reference, dir) = one().await;
    let file = file(dir.path(), 30 * MIB, 3);
    let way = Breaking::to(a.home().config().client_listen).await;
    let mut client = over(&a, &way).await.with_patience(Duration::ZERO);
    way.after(12_000_000);
    let broke = client
        .upload(order(&reference, &file), &mut |_, _| {})
        .await;
    assert!(matches!(broke, Err(TransferError::Client(_))));
    let here = eventually("what came is durable", async || {
        let item = items(&a, &reference).await.pop()?;
        (item.chunks > 5).then_some(item)
    })
    .await;
    assert_eq!(here.state(), ItemState::Uploading);
    a.restart().await;
    let again = items(&a, &reference).await.remove(0);
    assert!(again.chunks >= here.chunks);

    let shown = ["evidence", "upload", &reference, file.to_str().unwrap()];
    let shown = a.comity(&shown).await.fine();
    assert!(shown.contains("31457280 bytes, is durable"), "{shown}");
    let whole = items(&a, &reference).await;
    assert_eq!(whole.len(), 1);
    assert_eq!(
        (&whole[0].id, whole[0].state()),
        (&here.id, ItemState::Kept)
    );
    let id = hex::encode(&here.id);
    let output = dir.path().join("back.bin");
    let why = ["--purpose", "investigation", "--case", "EX-1"];
    let named = [
        "evidence",
        "download",
        &reference,
        &id,
        "--output-file",
        output.to_str().unwrap(),
    ];
    // Part of it is there from before.
    fs::write(dir.path().join("back.bin.part"), bytes(7 * MIB + 3, 3)).unwrap();
    a.comity(&[&named[..], &why].concat()).await.fine();
    assert_eq!(fs::read(&output).unwrap(), bytes(30 * MIB, 3));
    let listed = a
        .comity(&[&["evidence", "items", &reference][..], &why].concat())
        .await
        .fine();
    assert!(listed.contains(&id) && listed.contains("kept"), "{listed}");
    let unreasoned = a.comity(&named).await;
    unreasoned.fails(64, &["--purpose"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_does_not_stay_as_it_was_is_refused_by_name() {
    let (a, reference, dir) = one().await;
    let mut client = a.client().await;
    type Change = fn(&mut fs::File);
    let changes: [(&str, Change); 2] = [
        ("grew", |file| file.write_all(b"more").unwrap()),
        ("shrank", |file| file.set_len(10).unwrap()),
    ];
    for (seed, (what, change)) in (10..).zip(changes) {
        let path = file(dir.path(), 6 * MIB, seed);
        let mut changed = Some(fs::OpenOptions::new().append(true).open(&path).unwrap());
        let refused = client
            .upload(order(&reference, &path), &mut |_, _| {
                if let Some(mut file) = changed.take() {
                    change(&mut file);
                }
            })
            .await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(what), "{refused}");
        eventually("nothing is kept", async || {
            items(&a, &reference).await.is_empty().then_some(())
        })
        .await;
    }
    let path = file(dir.path(), 6 * MIB, 20);
    let mut once = Some(());
    let refused = client
        .upload(order(&reference, &path), &mut |_, _| {
            if once.take().is_some() {
                let mut other = bytes(6 * MIB, 20);
                other[5 * MIB + 1] ^= 1;
                fs::write(&path, other).unwrap();
            }
        })
        .await;
    let refused = refused.unwrap_err();
    assert!(matches!(refused, TransferError::Changed(_)), "{refused}");
    let empty = dir.path().join("empty");
    fs::write(&empty, b"").unwrap();
    let refused = client
        .upload(order(&reference, &empty), &mut |_, _| {})
        .await;
    assert!(matches!(refused, Err(TransferError::Unfit { .. })));
    // Nothing of any of them is left.
    let left = eventually("their chunks are gone", async || {
        let left = fs::read_dir(a.layout().chunks()).unwrap().count();
        (left == 0).then_some(left)
    });
    left.await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_upload_without_room() {
    let (mut a, reference, dir) = one().await;
    let file = file(dir.path(), 2 * MIB, 30);
    a.stop().await;
    a.configure(|config| config.items.reserve_mib = 1 << 30);
    a.start().await;
    let mut client = a.client().await;
    let refused = client
        .upload(order(&reference, &file), &mut |_, _| {})
        .await;
    let words = refused.unwrap_err().to_string();
    assert!(
        words.contains("ITEM_DISK_FULL") && words.contains("bytes are missing"),
        "{words}"
    );
    a.stop().await;
    a.configure(|config| {
        config.items.reserve_mib = 0;
        config.items.quota_own_gib = 0;
    });
    a.start().await;
    let mut client = a.client().await;
    let refused = client
        .upload(order(&reference, &file), &mut |_, _| {})
        .await;
    let words = refused.unwrap_err().to_string();
    assert!(
        words.contains("ITEM_QUOTA") && words.contains("quota_own_gib"),
        "{words}"
    );
    assert!(items(&a, &reference).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_chunk_is_named_and_what_came_before_it_is_kept() {
    let (a, reference, dir) = one().await;
    let file = file(dir.path(), 5 * MIB, 40);
    let item = upload(&a, &reference, &file).await;
    flip(&a, &item, 3);
    let output = dir.path().join("back.bin");
    let refused = download(&a, &reference, &item.id, &output).await;
    let words = refused.unwrap_err().to_string();
    assert!(
        words.contains("chunk 3") && words.contains("ITEM_DAMAGED"),
        "{words}"
    );
    let part = fs::metadata(dir.path().join("back.bin.part")).unwrap();
    assert_eq!(part.len(), 3 * MIB as u64);
    eventually("the ledger names it", async || {
        let leaves = ledger_bodies(&a).await;
        let leaf = leaves
            .iter()
            .find(|leaf| leaf.detail == "item-chunk-damaged")?;
        (leaf.purpose == "chunk 3" && leaf.subject == item.id).then_some(())
    })
    .await;
    flip(&a, &item, 3);
    download(&a, &reference, &item.id, &output).await.unwrap();
    assert_eq!(fs::read(&output).unwrap(), fs::read(&file).unwrap());
    // A part that was altered is found by the root, and fetched once more.
    let other = dir.path().join("other.bin");
    let mut part = bytes(2 * MIB, 40);
    part[MIB + 9] ^= 1;
    fs::write(dir.path().join("other.bin.part"), part).unwrap();
    download(&a, &reference, &item.id, &other).await.unwrap();
    assert_eq!(fs::read(&other).unwrap(), fs::read(&file).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn items_go_with_their_record_and_orphans_at_the_start() {
    let (mut a, mut b) = neighbours().await;
    a.configure(|config| config.life.shred_delay_s = 0);
    a.start().await;
    b.start().await;
    let reference = a.submit(information("recalled", &["UZ"], None)).await;
    let dir = tempfile::tempdir().unwrap();
    let file = file(dir.path(), 2 * MIB, 50);
    let item = upload(&a, &reference, &file).await;
    assert!(chunks_of(&a, &item.id).exists());
    recall(&a, &reference, &["UZ"]).await.unwrap();
    eventually("its chunks are gone", async || {
        (!chunks_of(&a, &item.id).exists()).then_some(())
    })
    .await;
    eventually("the ledger says so", async || {
        let leaves = ledger_bodies(&a).await;
        let gone = leaves.iter().any(|leaf| leaf.detail == "item-shredded");
        gone.then_some(())
    })
    .await;
    a.stop().await;
    let orphan = a.layout().chunks().join("00112233445566778899aabbccddeeff");
    fs::write(&orphan, b"orphan").unwrap();
    let other = a.layout().chunks().join("notes.txt");
    fs::write(&other, b"not ours").unwrap();
    a.start().await;
    assert!(!orphan.exists() && other.exists());
    // Locked is locked: nothing more is told of it, not even that it had files.
    let shown = comity(&["evidence", "items", &reference, "--home", a.at()]).await;
    shown.fails(77, &["RECORD_LOCKED"]);
    b.stop().await;
}
