//! A recall locks at every reader at once, whatever came first.

use comity::wire::envelope::{NonDeliveryReason, ReceiptType};

use crate::support::{
    alert, eventually, ledger_bodies, neighbours, recall, receipts_of, refusal_of, show, try_show,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_recall_locks_the_record_at_both_ends() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let kept = a.submit(alert("kept")).await;
    let reference = a.submit(alert("wrong")).await;
    b.receives(&reference).await;
    show(&b, &reference).await;
    let step = recall(&a, &reference, &["UZ"]).await.unwrap();
    b.receives(&step).await;
    for at in [&a, &b] {
        let refused = try_show(at, &reference).await.unwrap_err();
        assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
        assert_eq!(at.references().await, std::slice::from_ref(&kept));
    }
    let leaf = ledger_bodies(&b)
        .await
        .into_iter()
        .find(|leaf| leaf.detail == "recalled")
        .unwrap();
    assert_eq!((&*leaf.reference, &*leaf.actor), (&*reference, "TJ/node"));
    // Once is enough.
    let again = recall(&a, &reference, &["UZ"]).await.unwrap_err();
    assert!(again.to_string().contains("recalled before"), "{again}");
    // The lock is in the journal, not only in the index.
    b.stop().await;
    std::fs::remove_dir_all(b.layout().index()).unwrap();
    b.start().await;
    let refused = try_show(&b, &reference).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_was_offline_hears_of_the_recall_first_and_never_gets_the_text() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    let before = a.submit(alert("before")).await;
    let reference = a.submit(alert("wrong")).await;
    let after = a.submit(alert("after")).await;
    let step = recall(&a, &reference, &["UZ"]).await.unwrap();
    b.start().await;
    b.receives(&after).await;
    b.receives(&before).await;
    // Control first: the recall is the first record that B holds.
    let first = ledger_bodies(&b)
        .await
        .into_iter()
        .rev()
        .find(|leaf| leaf.detail == "received")
        .unwrap();
    assert_eq!(first.reference, step);
    assert_eq!(b.references().await, [before, after]);
    let refused = try_show(&b, &reference).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_UNKNOWN");
    let receipt = eventually("the withdrawn record is receipted", async || {
        receipts_of(&a, &reference).await.into_iter().nth(1)
    })
    .await;
    assert_eq!(receipt.r#type(), ReceiptType::NonDelivery);
    assert_eq!(receipt.reason(), NonDeliveryReason::Withdrawn);
}
