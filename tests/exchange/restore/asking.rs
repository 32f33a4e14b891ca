//! The question to peers at the start, where nobody contradicts.

use comity::wire::node::{StartCheck, SubmitRecordRequest};

use super::held;
use crate::support::{alert, comity, ledger_bodies, neighbours};

/// A copy that nobody contradicts.
#[tokio::test(flavor = "multi_thread")]
async fn a_copy_asks_before_it_signs_and_a_restart_in_place_does_not() {
    let (mut a, mut b) = neighbours().await;
    a.configure(|config| config.store.ask_peers_s = 600);
    a.start().await;
    b.start().await;
    a.submit(alert("before")).await;
    a.drained().await;
    a.restart().await;
    assert_eq!(a.status().await.start_check(), StartCheck::NotNeeded);
    a.stop().await;
    b.stop().await;
    let backup = a.back_up();
    a.restore(&backup);
    a.start().await;
    assert_eq!(a.status().await.start_check(), StartCheck::Asking);
    // Reading goes on, and a submission waits for the answer.
    assert_eq!(held(&a).await.len(), 1);
    let waiting = {
        let mut client = a.client().await;
        let request = SubmitRecordRequest {
            record: Some(alert("asked first")),
            idempotency_key: String::new(),
        };
        tokio::spawn(async move { client.records.submit_record(request).await })
    };
    b.start().await;
    let reference = waiting.await.unwrap().unwrap().into_inner().reference;
    b.receives(&reference).await;
    assert_eq!(a.status().await.start_check(), StartCheck::Confirmed);
    a.restart().await;
    assert_eq!(a.status().await.start_check(), StartCheck::NotNeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_country_without_links_accepts_after_a_while_and_says_so() {
    let (mut a, mut b) = neighbours().await;
    a.configure(|config| config.store.ask_peers_s = 1);
    a.start().await;
    let before = a.submit(alert("before")).await;
    a.stop().await;
    let backup = a.back_up();
    a.restore(&backup);
    a.start().await;
    let after = a.submit(alert("nobody answers")).await;
    let status = a.status().await;
    assert_eq!(status.start_check(), StartCheck::Unconfirmed);
    assert!(status.accepting);
    let said = comity(&["status", "--home", a.at()]).await.fine();
    assert!(said.contains("UNCONFIRMED"), "{said}");
    let leaves = ledger_bodies(&a).await;
    assert_eq!(
        leaves
            .iter()
            .filter(|leaf| leaf.detail == "start-unconfirmed")
            .count(),
        1
    );
    b.start().await;
    b.receives(&before).await;
    b.receives(&after).await;
}
