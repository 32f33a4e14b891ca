//! From node to node.

use std::fs;

use comity::wire::{
    node::{Item, ItemState},
    record::Evidence,
};

use super::{
    bytes, chunks_of, download, file, flip, hand_over, information, items, stands, submitted,
    upload,
};
use crate::support::{
    Country, alert, befriend, eventually, ledger_bodies, neighbours, one_dials, recall,
};

const MIB: usize = 1 << 20;
const ARRIVED: i32 = ItemState::Arrived as i32;
const ARRIVING: i32 = ItemState::Arriving as i32;

async fn uploaded(at: &Country, to: &[&str], size: usize, seed: u64) -> (String, Item) {
    let reference = at.submit(information("files", to, None)).await;
    let dir = tempfile::tempdir().unwrap();
    let item = upload(at, &reference, &file(dir.path(), size, seed)).await;
    (reference, item)
}

async fn comes_whole(at: &Country, reference: &str, item: &Item, content: &[u8]) {
    stands(at, reference, &item.id, ARRIVED, "").await;
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("back.bin");
    let back = download(at, reference, &item.id, &output).await.unwrap();
    assert_eq!(back.root, item.root);
    assert!(fs::read(&output).unwrap() == content, "other bytes came");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_40_mib_comes_over_with_restarts_on_both_sides() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let (reference, item) = uploaded(&a, &["UZ"], 40 * MIB + 123, 1).await;
    let handed = hand_over(&a, &reference, std::slice::from_ref(&item.id), &["UZ"]).await;
    b.receives(&handed).await;
    let begun = async |b: &Country, more: u64| {
        eventually("some of it came", async || {
            let length = fs::metadata(chunks_of(b, &item.id)).ok()?.len();
            (length > more).then_some(())
        })
        .await;
    };
    begun(&b, 2 << 20).await;
    a.restart().await;
    begun(&b, 12 << 20).await;
    b.restart().await;
    comes_whole(&b, &handed, &item, &bytes(40 * MIB + 123, 1)).await;
    // What lies there is the ciphertext as it was sent.
    let (here, there) = (chunks_of(&a, &item.id), chunks_of(&b, &item.id));
    let chunk = 4096 + 4096;
    let (here, there) = (fs::read(here).unwrap(), fs::read(there).unwrap());
    assert_eq!(here[chunk..chunk + 500], there[chunk..chunk + 500]);
    let leaves = ledger_bodies(&b).await;
    let arrived = leaves.iter().filter(|leaf| leaf.detail == "item-arrived");
    assert_eq!(arrived.count(), 1);
    // The sender's list says whom it gave it to.
    let sent = items(&a, &reference).await.remove(0);
    assert_eq!(sent.transferred_to, ["UZ"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_flow_both_ways_over_a_link_that_only_one_side_dials() {
    let (mut a, mut b) = one_dials().await;
    a.start().await;
    b.start().await;
    let (there, here) = (a.code, b.code);
    let (of_a, from_a) = uploaded(&a, &[here], 3 * MIB, 2).await;
    let (of_b, from_b) = uploaded(&b, &[there], 4 * MIB + 1, 3).await;
    let to_b = hand_over(&a, &of_a, std::slice::from_ref(&from_a.id), &[here]).await;
    let to_a = hand_over(&b, &of_b, std::slice::from_ref(&from_b.id), &[there]).await;
    b.receives(&to_b).await;
    a.receives(&to_a).await;
    comes_whole(&b, &to_b, &from_a, &bytes(3 * MIB, 2)).await;
    comes_whole(&a, &to_a, &from_b, &bytes(4 * MIB + 1, 3)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_is_flipped_at_the_sender_is_named_and_fetched_once_it_is_whole() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let (reference, item) = uploaded(&a, &["UZ"], 6 * MIB, 4).await;
    flip(&a, &item, 4);
    let handed = hand_over(&a, &reference, std::slice::from_ref(&item.id), &["UZ"]).await;
    b.receives(&handed).await;
    stands(&b, &handed, &item.id, ARRIVING, "damaged").await;
    for country in [&a, &b] {
        eventually("its ledger names the chunk", async || {
            let leaves = ledger_bodies(country).await;
            let found = leaves.iter().any(|leaf| {
                leaf.detail == "item-chunk-damaged"
                    && leaf.purpose == "chunk 4"
                    && leaf.subject == item.id
            });
            found.then_some(())
        })
        .await;
    }
    flip(&a, &item, 4);
    comes_whole(&b, &handed, &item, &bytes(6 * MIB, 4)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_is_flipped_at_the_receiver_is_fetched_again() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let (reference, item) = uploaded(&a, &["UZ"], 6 * MIB, 5).await;
    let handed = hand_over(&a, &reference, std::slice::from_ref(&item.id), &["UZ"]).await;
    b.receives(&handed).await;
    stands(&b, &handed, &item.id, ARRIVED, "").await;
    flip(&b, &item, 2);
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("back.bin");
    let refused = download(&b, &handed, &item.id, &output).await.unwrap_err();
    let words = refused.to_string();
    assert!(
        words.contains("chunk 2") && words.contains("fetched again"),
        "{words}"
    );
    eventually("it is put back", async || {
        download(&b, &handed, &item.id, &output).await.ok()
    })
    .await;
    assert!(fs::read(&output).unwrap() == bytes(6 * MIB, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chunk_that_rots_at_the_sender_comes_back_from_whoever_has_it_whole() {
    let (mut a, mut b) = one_dials().await;
    a.start().await;
    b.start().await;
    let (reference, item) = uploaded(&a, &[b.code], 6 * MIB, 12).await;
    let handed = hand_over(&a, &reference, std::slice::from_ref(&item.id), &[b.code]).await;
    b.receives(&handed).await;
    stands(&b, &handed, &item.id, ARRIVED, "").await;
    // Only the receiver dials, and has nothing to ask for.
    b.restart().await;
    flip(&a, &item, 2);
    let whole = fs::read(chunks_of(&b, &item.id)).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let output = dir.path().join("back.bin");
    let refused = download(&a, &reference, &item.id, &output).await;
    let words = refused.unwrap_err().to_string();
    assert!(
        words.contains("chunk 2") && words.contains("fetched again from UZ"),
        "{words}"
    );
    eventually("it is put back", async || {
        download(&a, &reference, &item.id, &output).await.ok()
    })
    .await;
    assert!(fs::read(&output).unwrap() == bytes(6 * MIB, 12));
    assert!(fs::read(chunks_of(&b, &item.id)).unwrap() == whole);
    let leaves = ledger_bodies(&a).await;
    let damaged = leaves
        .iter()
        .filter(|leaf| leaf.detail == "item-chunk-damaged");
    assert_eq!(damaged.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_that_an_item_was_not_transferred_to_gets_none_of_it() {
    let mut a = Country::set_up("TJ");
    let mut b = Country::set_up("UZ");
    let mut c = Country::set_up("KZ");
    befriend(&[&a, &b, &c]).await;
    for country in [&mut a, &mut b, &mut c] {
        country.start().await;
    }
    let (reference, item) = uploaded(&a, &["UZ"], 2 * MIB, 6).await;
    let handed = hand_over(&a, &reference, std::slice::from_ref(&item.id), &["UZ"]).await;
    b.receives(&handed).await;
    stands(&b, &handed, &item.id, ARRIVED, "").await;
    // UZ gives the key away, to KZ, which asks UZ and not TJ, and UZ serves what it uploaded alone.
    let named = a
        .node()
        .items_to_transfer(
            reference.parse().unwrap(),
            vec![item.id.as_slice().try_into().unwrap()],
        )
        .await
        .unwrap();
    let evidence = Evidence {
        items: named,
        persons: Vec::new(),
    };
    let leaked = submitted(&b, information("leaked", &["KZ"], Some(evidence))).await;
    c.receives(&leaked).await;
    // Something that comes after it has come: so much time it had.
    let (other, second) = uploaded(&b, &["KZ"], MIB, 7).await;
    let after = hand_over(&b, &other, std::slice::from_ref(&second.id), &["KZ"]).await;
    c.receives(&after).await;
    stands(&c, &after, &second.id, ARRIVED, "").await;
    let waiting = items(&c, &leaked).await.remove(0);
    assert_eq!((waiting.state(), waiting.chunks), (ItemState::Arriving, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_room_waits_for_it() {
    let (mut a, mut b) = neighbours().await;
    b.configure(|config| config.items.quota_peer_gib = 0);
    a.start().await;
    b.start().await;
    let (reference, item) = uploaded(&a, &["UZ"], 2 * MIB, 8).await;
    let handed = hand_over(&a, &reference, std::slice::from_ref(&item.id), &["UZ"]).await;
    b.receives(&handed).await;
    stands(&b, &handed, &item.id, ARRIVING, "quota").await;
    // Records go on meanwhile.
    let other = a.submit(alert("meanwhile")).await;
    b.receives(&other).await;
    let leaves = ledger_bodies(&b).await;
    let waits = leaves
        .iter()
        .filter(|leaf| leaf.detail == "item-waits-quota");
    assert_eq!(waits.count(), 1);
    b.stop().await;
    b.configure(|config| config.items.quota_peer_gib = 1);
    b.start().await;
    comes_whole(&b, &handed, &item, &bytes(2 * MIB, 8)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_back_goes_from_the_receiver_too() {
    let (mut a, mut b) = neighbours().await;
    b.configure(|config| config.life.shred_delay_s = 0);
    a.start().await;
    b.start().await;
    let (reference, item) = uploaded(&a, &["UZ"], 2 * MIB, 9).await;
    let handed = hand_over(&a, &reference, std::slice::from_ref(&item.id), &["UZ"]).await;
    b.receives(&handed).await;
    stands(&b, &handed, &item.id, ARRIVED, "").await;
    recall(&a, &handed, &["UZ"]).await.unwrap();
    eventually("its chunks are gone", async || {
        (!chunks_of(&b, &item.id).exists()).then_some(())
    })
    .await;
    // The sender keeps what it uploaded: that belongs to another record.
    assert!(chunks_of(&a, &item.id).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_that_are_gone_at_the_start_are_fetched_again() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let (reference, item) = uploaded(&a, &["UZ"], 3 * MIB, 10).await;
    let handed = hand_over(&a, &reference, std::slice::from_ref(&item.id), &["UZ"]).await;
    b.receives(&handed).await;
    stands(&b, &handed, &item.id, ARRIVED, "").await;
    b.stop().await;
    fs::remove_file(chunks_of(&b, &item.id)).unwrap();
    let check = b.comity(&["store", "check"]).await;
    check.fails(65, &[&hex::encode(&item.id), "no chunks of this item"]);
    b.start().await;
    eventually("it was fetched again", async || {
        let length = fs::metadata(chunks_of(&b, &item.id)).ok()?.len();
        (length >= 3 << 20).then_some(())
    })
    .await;
    comes_whole(&b, &handed, &item, &bytes(3 * MIB, 10)).await;
    b.stop().await;
    let check = b.comity(&["store", "check"]).await.fine();
    assert!(check.contains("each as long as it should be: 1"), "{check}");
}
