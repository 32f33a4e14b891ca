//! What crosses a change of members on its way.

use comity::wire::{
    envelope::{NonDeliveryReason, ReceiptType},
    node::joint_case_event::Event,
};

use super::{change, events, in_case, joint_case, knows, started};
use crate::support::{eventually, receipts_of, refusal_of, try_show};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_sent_after_the_end_is_refused_by_whoever_knows_of_it() {
    let mut all = started(&["TJ", "UZ", "KZ"]).await;
    let [tj, uz, kz] = &mut all[..] else {
        panic!("it was made otherwise")
    };
    let case = tj.submit(joint_case("route", &["TJ", "UZ", "KZ"])).await;
    uz.receives(&case).await;
    kz.receives(&case).await;
    let before = kz.submit(in_case("in time", &case)).await;
    uz.receives(&before).await;
    // KZ does not hear of its end: it is away, and then the convener is.
    kz.stop().await;
    change(tj, &case, &[], &["KZ"]).await.unwrap();
    knows(uz, &case, &["TJ", "UZ"]).await;
    tj.stop().await;
    kz.start().await;
    let late = kz.submit(in_case("too late", &case)).await;
    eventually("UZ refuses it", async || {
        let receipts = receipts_of(kz, &late).await;
        let refused = receipts.iter().find(|of| of.issuer == "UZ")?;
        assert_eq!(refused.r#type(), ReceiptType::NonDelivery);
        assert_eq!(refused.reason(), NonDeliveryReason::JointCaseInvalid);
        Some(())
    })
    .await;
    assert!(uz.node().find(&late.parse().unwrap()).is_err());
    // What was sent while it was a member stays.
    try_show(uz, &before).await.unwrap();
    // The lane goes on.
    let apart = kz
        .submit(crate::support::alert_to(&["UZ"], "of no case"))
        .await;
    uz.receives(&apart).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_ahead_of_its_joint_case_waits_for_it() {
    let mut all = started(&["TJ", "UZ", "KZ"]).await;
    let [tj, uz, kz] = &mut all[..] else {
        panic!("it was made otherwise")
    };
    let case = tj.submit(joint_case("route", &["TJ", "UZ"])).await;
    uz.receives(&case).await;
    uz.stop().await;
    // KZ joins while UZ is away, and the convener is away when UZ is back.
    let second = change(tj, &case, &["KZ"], &[]).await.unwrap();
    kz.receives(&second).await;
    knows(kz, &case, &["TJ", "UZ", "KZ"]).await;
    tj.stop().await;
    uz.start().await;
    let ahead = kz.submit(in_case("ahead", &case)).await;
    uz.receives(&ahead).await;
    let refused = try_show(uz, &ahead).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_UNKNOWN", "{refused}");
    assert!(!uz.references().await.contains(&ahead));
    tj.start().await;
    eventually("UZ reads it", async || try_show(uz, &ahead).await.ok()).await;
    let timeline = events(uz, &case).await.unwrap();
    let has = |title: &str| {
        timeline.iter().any(
            |of| matches!(&of.event, Some(Event::Record(record)) if record.title.contains(title)),
        )
    };
    assert!(has("ahead") && has("route"), "{timeline:?}");
}
