//! The proof of erasure: who copied the whole data disk before and gets every key after opens
//! nothing of what was erased, with whatever those keys hold, at the reader and at the origin.
//!
//! The thief here knows the formats and nothing else: it takes every 32 bytes of every key file for
//! a key. That it would succeed with the keys from before shows that it looks in the right place.

use std::{
    fs,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use comity::{
    crypto::AeadKey,
    envelope::ContentKeys,
    home::Home,
    inbox::{StoredRecord, ask},
    node::{projection::Rooms, store_options},
    store::Store,
    wire::{
        node::ComplianceState,
        record::{CompartmentLabel, Record},
    },
};

use crate::support::{
    Country, DAY_US, alert, amendment, complied, copy, eventually, ledger_bodies, lies_in,
    neighbours, off, show, status_of, take_back, with_everything,
};

/// One copy of a block on disk, and what its header takes.
const COPY: usize = 33 * 4096;
const HEAD: usize = 24;
const SEALED: usize = 4096 * 32 + 28;

/// Every 32 bytes of every file in a folder.
fn windows(folder: &Path) -> Vec<[u8; 32]> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(windows(&path));
        } else {
            let bytes = fs::read(path).unwrap();
            found.extend(
                bytes
                    .windows(32)
                    .map(|of| <[u8; 32]>::try_from(of).unwrap()),
            );
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

/// Every slot that any of `keys` opens in a slot file, whatever generation it claims to be of.
fn slots(file: &Path, keys: &[[u8; 32]]) -> Vec<[u8; 32]> {
    let bytes = fs::read(file).unwrap();
    let mut found = Vec::new();
    for copy in bytes.chunks_exact(COPY) {
        let (block, generation) = (&copy[8..16], &copy[16..24]);
        let aad = [b"comity/v1/shred-slot-block\0", block, generation].concat();
        for key in keys {
            let opened = AeadKey::new(key)
                .unwrap()
                .open(&aad, &copy[HEAD..HEAD + SEALED]);
            let Ok(plain) = opened else { continue };
            let of = plain
                .chunks_exact(32)
                .map(|slot| <[u8; 32]>::try_from(slot).unwrap());
            found.extend(of.filter(|slot| *slot != [0; 32]));
        }
    }
    found
}

/// The records of a home's journal, by number; no key is needed for that.
fn records(home: &Path) -> Vec<StoredRecord> {
    let home = Home::open(home).unwrap();
    let options = store_options(&home).unwrap();
    let (store, _) = Store::open(options, Arc::new(Rooms), &mut |_| {}).unwrap();
    let last = ask::last_number(&store).unwrap();
    let read = |number| {
        let row = ask::record(&store, number).unwrap().unwrap();
        StoredRecord::read(&store, number, row).unwrap()
    };
    let all = (1..=last).map(read).collect();
    store.close().unwrap();
    all
}

/// Which of `records` any of `slots` opens, by the digests of their headers.
fn opened(records: &[StoredRecord], slots: &[[u8; 32]]) -> Vec<String> {
    let opens = |record: &&StoredRecord| {
        let sealed = &record.holding.sealed_keys;
        slots
            .iter()
            .any(|slot| ContentKeys::open_at_rest(sealed, slot, &record.digest).is_ok())
    };
    let opened = records.iter().filter(opens);
    opened.map(|record| record.digest.to_string()).collect()
}

/// A record with victims' data for UZ.
fn with_victims() -> Record {
    let mut record = with_everything();
    record.destinations.truncate(1);
    let uz = &mut record.destinations[0];
    uz.authorities = vec!["victim-support".to_owned()];
    uz.compartments.push(CompartmentLabel::Suspects.into());
    uz.compartments.push(CompartmentLabel::Victims.into());
    record.victims.as_mut().unwrap().victims[0].needs = "Quittengelb".to_owned();
    record
}

async fn digest(at: &Country, reference: &str) -> String {
    crate::support::digest_of(at, reference).await.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_from_before_and_every_key_from_after_open_nothing() {
    let (mut a, mut b) = neighbours().await;
    let by = Arc::new(AtomicI64::new(0));
    for at in [&mut a, &mut b] {
        at.configure(|config| config.life.shred_delay_s = 0);
        at.start_with(off(&by)).await;
    }
    let first = a.submit(alert("Zwanzigfach one")).await;
    let second = a
        .submit(amendment(&a, &first, alert("Zwanzigfach two")).await)
        .await;
    let victims = a
        .try_submit(with_victims(), "case-1")
        .await
        .unwrap()
        .reference;
    let kept = a.submit(alert("kept")).await;
    for reference in [&first, &second, &victims, &kept] {
        b.receives(reference).await;
        show(&b, reference).await;
    }
    let gone = [
        digest(&a, &first).await,
        digest(&a, &second).await,
        digest(&a, &victims).await,
    ];
    let stays = digest(&a, &kept).await;
    let mut before = Vec::new();
    for at in [&mut a, &mut b] {
        at.stop().await;
        let to = at.dir().with_extension("before");
        copy(at.dir(), &to);
        before.push(to);
    }
    // A hundred days later by every clock the time of the victims' data is over.
    by.store(100 * DAY_US, Ordering::SeqCst);
    for at in [&mut a, &mut b] {
        at.start_with(off(&by)).await;
    }
    take_back(&a, &[&second]).await.unwrap();
    for reference in [&first, &second] {
        complied(&a, reference, "UZ", ComplianceState::Erased).await;
    }
    eventually("TJ erased its own", async || {
        let own = status_of(&a, &first).await;
        own.iter().all(|of| of.erased_us > 0).then_some(())
    })
    .await;
    for at in [&a, &b] {
        eventually("the victims' data is shredded", async || {
            let bodies = ledger_bodies(at).await;
            bodies
                .into_iter()
                .find(|leaf| leaf.detail == "victims-shredded")
        })
        .await;
        let record = show(at, &victims).await.record.unwrap();
        assert!(record.victims.is_none() && record.suspects.is_some());
    }

    for (at, before) in [&mut a, &mut b].into_iter().zip(&before) {
        at.stop().await;
        let (old, new) = (
            windows(&before.join("keys")),
            windows(&at.dir().join("keys")),
        );
        let (then, now) = (before.join("data/slots"), at.layout().slots());
        let journal = records(before);

        // The thief knows the trade: with the keys from before everything opens.
        let all = opened(&journal, &slots(&then, &old));
        assert!(
            gone.iter().chain([&stays]).all(|of| all.contains(of)),
            "{}",
            at.code
        );

        // With those from after the old slots stay closed, and what today's slots open is what was
        // kept.
        assert!(slots(&then, &new).is_empty(), "{}", at.code);
        let still = opened(&journal, &slots(&now, &new));
        assert!(still.contains(&stays), "{}", at.code);
        for digest in &gone {
            assert!(!still.contains(digest), "{} opens {digest}", at.code);
        }
        // No key file is a slot itself, nor does the old key lie anywhere on the disk of today.
        assert!(opened(&journal, &new).is_empty(), "{}", at.code);
        let key = fs::read(before.join("keys/file-key")).unwrap();
        assert!(!lies_in(at.dir(), &key[16..48]), "{}", at.code);
        // Journal and index never held a word of it.
        for words in ["Zwanzigfach", "Quittengelb", "Namuna"] {
            for disk in [at.dir(), before] {
                assert!(
                    !lies_in(disk, words.as_bytes()),
                    "{words} in {}",
                    disk.display()
                );
            }
        }
    }
}
