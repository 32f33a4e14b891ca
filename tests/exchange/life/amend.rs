//! Amendments chain, everywhere in the same way, and nothing that may not amend does.

use comity::wire::{
    envelope::{NonDeliveryReason, ReceiptType},
    node::RecordState,
    record::{FollowType, Follows, Record},
};

use crate::support::{
    Country, alert, alert_to, amendment, befriend, digest_of, eventually, neighbours, receipts_of,
    refusal_of, show, urgent,
};

fn title(record: Option<&Record>) -> String {
    let situation = record.unwrap().situation.as_ref().unwrap();
    situation.title.clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn amendments_chain_and_every_reference_shows_the_newest() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let first = a.submit(alert("first")).await;
    let second = a.submit(amendment(&a, &first, alert("second")).await).await;
    let third = a.submit(amendment(&a, &second, alert("third")).await).await;
    b.receives(&third).await;
    for at in [&a, &b] {
        for reference in [&first, &second, &third] {
            let shown = show(at, reference).await;
            assert_eq!(title(shown.record.as_ref()), "EXERCISE third");
            let versions: Vec<_> = shown.versions.iter().map(|one| &one.reference).collect();
            assert_eq!(versions, [&first, &second, &third]);
            let states: Vec<_> = shown.versions.iter().map(|one| one.state()).collect();
            let amended = RecordState::Amended;
            assert_eq!(states, [amended, amended, RecordState::Current]);
            assert_eq!(shown.thread.len(), 3);
        }
    }
    // Amending the old version again would fork the chain.
    let again = amendment(&a, &first, alert("fork")).await;
    let refused = a.try_submit(again, "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ALREADY_AMENDED");
    // The same after the index was lost.
    b.stop().await;
    std::fs::remove_dir_all(b.layout().index()).unwrap();
    b.start().await;
    let shown = show(&b, &first).await;
    assert_eq!(title(shown.record.as_ref()), "EXERCISE third");
}

/// What a record follows is named by its header's digest, which is there before the follower: a
/// circle cannot be written. What tries names the wrong record, or one that was amended before.
#[tokio::test(flavor = "multi_thread")]
async fn amendments_cannot_go_in_a_circle() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let first = a.submit(alert("first")).await;
    let second = a.submit(amendment(&a, &first, alert("second")).await).await;

    // The first again, as if it amended its own amendment.
    let mut circle = amendment(&a, &first, alert("first")).await;
    circle.follows.as_mut().unwrap().reference = second.clone();
    let refused = a.try_submit(circle, "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "FOLLOWS_INVALID");
    let back = amendment(&a, &first, alert("first")).await;
    let refused = a.try_submit(back, "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "ALREADY_AMENDED");

    b.receives(&second).await;
    for at in [&a, &b] {
        let versions = show(at, &first).await.versions;
        let versions: Vec<_> = versions.iter().map(|one| &one.reference).collect();
        assert_eq!(versions, [&first, &second]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_follow_is_refused_by_name() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let own = a.submit(alert("own")).await;
    let other = a.submit(alert("other")).await;
    b.receives(&other).await;

    // Digest of one, reference of another.
    let mut crossed = amendment(&a, &own, alert("crossed")).await;
    crossed.follows.as_mut().unwrap().reference = other.clone();
    let refused = a.try_submit(crossed, "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "FOLLOWS_INVALID");
    assert!(refused.message().contains("two different records"));

    // What nobody here ever saw.
    let mut unknown = amendment(&a, &own, alert("unknown")).await;
    unknown.follows.as_mut().unwrap().header_digest = vec![7; 32];
    let refused = a.try_submit(unknown, "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "FOLLOWS_INVALID");

    // B amends what A sent.
    let foreign = amendment(&b, &own, alert_to(&["TJ"], "foreign")).await;
    let refused = b.try_submit(foreign, "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_INVALID");
    assert!(refused.message().contains("only TJ amends it"), "{refused}");

    // A step is no record that clients submit.
    let step = Record {
        step: Some(comity::wire::record::Step::default()),
        ..alert("step")
    };
    let refused = a.try_submit(step, "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "STEP_AS_RECORD");
}

/// An amendment of a record that its origin's node has not, made as its own code would make it.
#[tokio::test(flavor = "multi_thread")]
async fn an_amendment_before_its_record_waits_and_blocks_nothing() {
    let mut a = Country::set_up("TJ");
    let mut b = Country::set_up("UZ");
    let mut c = Country::set_up("KZ");
    befriend(&[&a, &b, &c]).await;
    for country in [&mut a, &mut b, &mut c] {
        country.start().await;
    }
    // C never gets the record, only its urgent amendment and what comes after it.
    let first = a.submit(alert("for UZ alone")).await;
    let mut urgent = urgent("now for KZ too");
    urgent.destinations = alert_to(&["UZ", "KZ"], "").destinations;
    let second = a.submit(amendment(&a, &first, urgent).await).await;
    let third = a.submit(alert_to(&["KZ"], "after it")).await;
    c.receives(&third).await;
    c.receives(&second).await;
    let shown = show(&c, &second).await;
    assert_eq!(shown.summary.unwrap().state(), RecordState::Pending);
    assert_eq!(title(shown.record.as_ref()), "EXERCISE now for KZ too");
    b.receives(&second).await;
    let state = show(&b, &second).await.summary.unwrap().state();
    assert_eq!(state, RecordState::Current);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_stands_in_the_thread_of_both_ends() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let asked = a.submit(alert("a question")).await;
    b.receives(&asked).await;
    let reply = Record {
        follows: Some(Follows {
            r#type: FollowType::Reply.into(),
            header_digest: digest_of(&b, &asked).await.to_vec(),
            reference: asked.clone(),
        }),
        ..alert_to(&["TJ"], "an answer")
    };
    let answered = b.submit(reply).await;
    a.receives(&answered).await;
    for at in [&a, &b] {
        let thread = show(at, &asked).await.thread;
        let references: Vec<_> = thread.iter().map(|one| &one.reference).collect();
        assert_eq!(references, [&asked, &answered]);
        assert_eq!(thread[1].follows.as_ref().unwrap().reference, asked);
    }
    let receipt = eventually("the reply is receipted", async || {
        receipts_of(&b, &answered).await.into_iter().nth(1)
    })
    .await;
    assert_eq!(receipt.r#type(), ReceiptType::Delivery);
    assert_eq!(receipt.reason(), NonDeliveryReason::Unspecified);
}
