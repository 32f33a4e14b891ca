//! Who has read what, officer by officer; and the origin learns that somebody did.

use comity::wire::{
    envelope::ReceiptType,
    ledger::ReadingPurpose,
    node::{GetRecordRequest, GetSharingRequest},
};

use crate::support::{
    CASE, alert, alert_to, amendment, colleague, eventually, ledger_bodies, listed, neighbours,
    receipts_of, show, unread,
};

fn opening(reference: &str) -> GetRecordRequest {
    GetRecordRequest {
        reference: reference.to_owned(),
        purpose: "EXERCISE".to_owned(),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..GetRecordRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_officer_has_an_inbox_of_unread_records() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let first = a.submit(alert("first")).await;
    let second = a.submit(alert("second")).await;
    b.receives(&second).await;
    b.submit(alert_to(&["TJ"], "own")).await;
    let mut one = b.client().await;
    let mut other = colleague(&b, "n.karimova").await;
    assert_eq!(unread(&mut one).await, [second.clone(), first.clone()]);

    // A look at who reads it, or at a list, is no reading.
    let request = GetSharingRequest {
        reference: first.clone(),
    };
    one.sharing.get_sharing(request).await.unwrap();
    assert!(!listed(&b, &first).await.read);

    let opened = one.records.get_record(opening(&first)).await.unwrap();
    assert!(opened.into_inner().summary.unwrap().read);
    assert_eq!(unread(&mut one).await, std::slice::from_ref(&second));
    assert_eq!(unread(&mut other).await, [second.clone(), first.clone()]);

    // A new version is unread again, and stands for the old one.
    let third = a.submit(amendment(&a, &second, alert("third")).await).await;
    b.receives(&third).await;
    assert_eq!(unread(&mut one).await, std::slice::from_ref(&third));
    other.records.get_record(opening(&second)).await.unwrap();
    assert_eq!(unread(&mut other).await, std::slice::from_ref(&first));

    drop((one, other));
    b.stop().await;
    std::fs::remove_dir_all(b.layout().index()).unwrap();
    b.start().await;
    let mut one = b.client().await;
    assert_eq!(unread(&mut one).await, [third]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_origin_is_told_of_the_first_reading_and_of_no_other() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("read")).await;
    let other = a.submit(alert("not read")).await;
    b.receives(&other).await;
    a.drained().await;
    a.stop().await;
    // Read while the link is down, twice, and told after a restart.
    show(&b, &reference).await;
    show(&b, &reference).await;
    b.restart().await;
    a.start().await;
    let retrievals = async || {
        let receipts = receipts_of(&a, &reference).await;
        let receipts = receipts.into_iter();
        let found: Vec<_> = receipts
            .filter(|receipt| receipt.r#type() == ReceiptType::Retrieval)
            .collect();
        (!found.is_empty()).then_some(found)
    };
    let found = eventually("the RETRIEVAL is at the origin", retrievals).await;
    let read = ledger_bodies(&b)
        .await
        .into_iter()
        .rev()
        .find(|leaf| leaf.detail == "read" && leaf.reference == reference)
        .unwrap();
    assert_eq!(
        found[0].time_us, read.time_us,
        "when it was read, not when it was told"
    );
    assert_eq!(
        listed(&a, &reference).await.deliveries[0].retrieved_us,
        read.time_us
    );

    // Another officer reads it, and the node goes on for a few rounds.
    let mut officer = colleague(&b, "n.karimova").await;
    officer
        .records
        .get_record(opening(&reference))
        .await
        .unwrap();
    show(&b, &other).await;
    eventually("the other reading is told of", async || {
        let receipts = receipts_of(&a, &other).await;
        let told = receipts
            .iter()
            .any(|of| of.r#type() == ReceiptType::Retrieval);
        told.then_some(())
    })
    .await;
    assert_eq!(retrievals().await.unwrap().len(), 1);
}
