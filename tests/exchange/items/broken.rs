//! The connection of files breaks in the middle of a frame, again and again.

use std::fs;

use comity::{crypto::random_bytes, wire::node::ItemState};

use super::{bytes, download, file, hand_over, information, items, stands, upload};
use crate::{
    proxies::behind,
    support::{ConnectProxy, Country, PASSWORD, befriend, eventually},
};

const SIZE: usize = (20 << 20) + 77;
const CHUNK: u64 = 64 << 10;
/// Times that the connection is cut.
const CUTS: usize = 5;
/// What may come with the chunks of a connection: handshake, frames, asks.
const BESIDE: u64 = 128 << 10;

/// Where the connection is cut: more than a link carries, less than the file.
fn somewhere() -> u64 {
    let drawn = u64::from_be_bytes(random_bytes().unwrap());
    700_000 + drawn % 2_500_000
}

/// Chunks of the only item that are durable at a country.
async fn durable(at: &Country, reference: &str) -> u64 {
    items(at, reference).await.remove(0).chunks
}

/// A file goes from one to the other through the proxy, which cuts it.
async fn comes_over(proxy: &ConnectProxy, from: &Country, to: &Country, seed: u64) {
    let reference = from.submit(information("files", &[to.code], None)).await;
    let dir = tempfile::tempdir().unwrap();
    let item = upload(from, &reference, &file(dir.path(), SIZE, seed)).await;
    let mut cuts = vec![somewhere()];
    proxy.cut_after(cuts[0]);
    let handed = hand_over(from, &reference, std::slice::from_ref(&item.id), &[to.code]).await;
    to.receives(&handed).await;
    let mut had = 0;
    loop {
        eventually("the connection is cut", async || {
            proxy.has_cut().then_some(())
        })
        .await;
        eventually("both sides know", async || {
            let here = from.node().files_flow(to.code.parse().unwrap());
            let there = to.node().files_flow(from.code.parse().unwrap());
            (!here && !there).then_some(())
        })
        .await;
        // What came whole is durable as soon as the connection has ended.
        let came = cuts.last().unwrap();
        let least = had + came.saturating_sub(came / 50 + BESIDE + 2 * CHUNK) / CHUNK;
        had = eventually("what came is durable", async || {
            let now = durable(to, &handed).await;
            (now >= least).then_some(now)
        })
        .await;
        if cuts.len() == CUTS {
            break;
        }
        cuts.push(somewhere());
        proxy.cut_after(*cuts.last().unwrap());
        proxy.permit(true);
    }
    let before = proxy.carried().len();
    proxy.permit(true);
    stands(to, &handed, &item.id, ItemState::Arrived as i32, "").await;
    // The last connection carried what was missing and nothing that was there.
    let missing = item.size - had * CHUNK;
    let carried: u64 = proxy.carried().iter().skip(before).sum();
    assert!(
        carried <= missing + missing / 50 + BESIDE,
        "{carried} bytes for {missing} that were missing; cut at {cuts:?}"
    );
    let output = dir.path().join("back.bin");
    let back = download(to, &handed, &item.id, &output).await.unwrap();
    assert_eq!(back.root, item.root);
    assert!(
        fs::read(&output).unwrap() == bytes(SIZE, seed),
        "other bytes came; cut at {cuts:?}"
    );
}

/// Two countries of which the second is behind the proxy, and dials.
async fn through(proxy: &ConnectProxy) -> (Country, Country) {
    let (mut a, mut b) = (Country::set_up("UZ"), behind(proxy, "TJ", PASSWORD));
    befriend(&[&a, &b]).await;
    for country in [&mut a, &mut b] {
        country.configure(|config| config.items.chunk_kib = 64);
        country.start().await;
    }
    (a, b)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_to_the_side_that_dials_goes_on_where_its_connection_was_cut() {
    let proxy = ConnectProxy::start().await;
    let (a, b) = through(&proxy).await;
    comes_over(&proxy, &a, &b, 70).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_from_the_side_that_dials_goes_on_where_its_connection_was_cut() {
    let proxy = ConnectProxy::start().await;
    let (a, b) = through(&proxy).await;
    comes_over(&proxy, &b, &a, 71).await;
}
