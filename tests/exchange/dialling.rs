//! Either side may dial, one session survives, and whatever goes down comes up again with nothing
//! lost and nothing doubled.

use comity::wire::ledger::Action;

use crate::support::{
    Country, alert, alert_to, befriend, eventually, ledger_bodies, neighbours, receipts_of,
    unlisted,
};

/// One record each way, with its receipt.
async fn talk(a: &Country, b: &Country) {
    let there = a.submit(alert_to(&[b.code], "there")).await;
    let back = b.submit(alert_to(&[a.code], "back")).await;
    b.receives(&there).await;
    a.receives(&back).await;
    a.drained().await;
    b.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_first_can_be_dialled() {
    let (mut a, mut b) = (Country::set_up("TJ"), unlisted("UZ"));
    befriend(&[&a, &b]).await;
    a.start().await;
    b.start().await;
    talk(&a, &b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_second_can_be_dialled() {
    let (mut a, mut b) = (unlisted("TJ"), Country::set_up("UZ"));
    befriend(&[&a, &b]).await;
    a.start().await;
    b.start().await;
    talk(&a, &b).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_simultaneous_dials_one_session_survives() {
    let (mut a, mut b) = neighbours().await;
    tokio::join!(a.start(), b.start());
    talk(&a, &b).await;
    // Both ends name one session: the dialler's clock at its beginning stands in both registries.
    let (tj, uz) = ("TJ".parse().unwrap(), "UZ".parse().unwrap());
    eventually("both ends hold the same session", async || {
        let here = a.node().links().established(uz)?;
        let there = b.node().links().established(tj)?;
        (here == there).then_some(())
    })
    .await;
    talk(&a, &b).await;
    assert_eq!(a.references().await.len(), 4);
    assert_eq!(b.references().await.len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_was_down_catches_up_in_order() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    let mut sent = Vec::new();
    for number in 0..30 {
        sent.push(a.submit(alert(&format!("while down {number}"))).await);
    }
    let waiting = a.status().await;
    assert!(!waiting.links[0].up);
    b.start().await;
    a.drained().await;
    assert_eq!(b.references().await, sent);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_of_either_side_neither_loses_nor_doubles() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let mut sent = vec![a.submit(alert("before")).await];
    a.drained().await;

    b.restart().await;
    sent.push(a.submit(alert("after B came back")).await);
    a.drained().await;

    // A goes down with an outbox that B has not seen.
    b.stop().await;
    sent.push(a.submit(alert("pending at the restart")).await);
    a.restart().await;
    b.start().await;
    sent.push(a.submit(alert("after A came back")).await);
    a.drained().await;

    assert_eq!(b.references().await, sent);
    let received = ledger_bodies(&b).await;
    let received = received.iter().filter(|leaf| leaf.detail == "received");
    assert_eq!(received.count(), sent.len());
    for reference in &sent {
        assert_eq!(receipts_of(&a, reference).await.len(), 2, "{reference}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn links_coming_and_going_are_in_the_ledger() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    a.linked("UZ").await;
    b.stop().await;
    let went = eventually("A writes that the link went down", async || {
        let bodies = ledger_bodies(&a).await;
        let mut links = bodies
            .into_iter()
            .filter(|leaf| leaf.action() == Action::Link);
        links.find(|leaf| leaf.detail == "down")
    })
    .await;
    assert_eq!(went.peer, "UZ");
    let status = a.status().await;
    assert!(!status.links[0].up);
    assert!(!status.links[0].last_error.is_empty());
}
