//! A repeat with the same key is answered with the first answer and makes nothing new.

use std::{collections::HashSet, sync::Arc, time::Duration};

use comity::{
    node::system_clock,
    record::{Moment, Reference},
};
use tokio::task::JoinSet;

use comity::crypto::Digest;
use prost::Message as _;

use crate::support::{
    Country, alert, befriend, eventually, lies_in, neighbours, refusal_of, status_of, take_back,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_the_first_answer_also_after_a_restart() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let first = a.try_submit(alert("once"), "case-1").await.unwrap();
    assert!(!first.repeated);
    for _ in 0..2 {
        let again = a.try_submit(alert("once"), "case-1").await.unwrap();
        assert!(again.repeated);
        assert_eq!(again.reference, first.reference);
        assert_eq!(again.header_digest, first.header_digest);
        assert_eq!(again.acceptance, first.acceptance);
        a.restart().await;
    }
    let other = a.try_submit(alert("once"), "case-2").await.unwrap();
    assert_ne!(other.reference, first.reference);
    assert_eq!(a.status().await.records, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_key_with_another_record_is_refused() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    a.try_submit(alert("one"), "case-1").await.unwrap();
    let refused = a.try_submit(alert("two"), "case-1").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "IDEMPOTENCY_CONFLICT");
    assert_eq!(a.status().await.records, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_keeps_nothing_by_which_an_erased_record_could_be_guessed() {
    let (mut a, mut b) = neighbours().await;
    a.configure(|config| config.life.shred_delay_s = 0);
    a.start().await;
    // Nothing is shredded by a clock that no peer confirms.
    b.start().await;
    let record = alert("one of few that it could be");
    let first = a.try_submit(record.clone(), "case-1").await.unwrap();
    take_back(&a, &[&first.reference]).await.unwrap();
    eventually("it is shredded", async || {
        let own = status_of(&a, &first.reference).await;
        own.iter().all(|of| of.erased_us > 0).then_some(())
    })
    .await;
    let again = a.try_submit(record.clone(), "case-1").await.unwrap();
    assert!(again.repeated && again.acceptance == first.acceptance);
    a.stop().await;
    let digest = Digest::of(&record.encode_to_vec());
    assert!(!lies_in(a.dir(), digest.as_bytes()));
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_two_concurrent_repeats_make_one_record() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let client = a.client().await;
    let mut calls = JoinSet::new();
    for _ in 0..32 {
        let mut client = client.clone();
        calls.spawn(async move {
            let request = comity::wire::node::SubmitRecordRequest {
                record: Some(alert("many times")),
                idempotency_key: "case-1".to_owned(),
            };
            let answer = client.records.submit_record(request).await;
            answer.unwrap().into_inner()
        });
    }
    let answers = calls.join_all().await;
    let references: HashSet<_> = answers.iter().map(|answer| &answer.reference).collect();
    assert_eq!(references.len(), 1);
    let firsts = answers.iter().filter(|answer| !answer.repeated).count();
    assert_eq!(firsts, 1);
    assert_eq!(a.status().await.records, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_beyond_its_bound_is_refused() {
    let mut a = Country::set_up("TJ");
    let b = Country::set_up("UZ");
    befriend(&[&a, &b]).await;
    a.start().await;
    let refused = a
        .try_submit(alert("x"), &"k".repeat(129))
        .await
        .unwrap_err();
    assert_eq!(refusal_of(&refused), "IDEMPOTENCY_KEY_TOO_LONG");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_gets_the_first_answer_though_the_record_has_expired_meanwhile() {
    const HOUR: Duration = Duration::from_secs(3600);
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut record = alert("for an hour");
    record.expires_at = Some((system_clock()() + HOUR).into());
    let first = a.try_submit(record.clone(), "case-1").await.unwrap();
    a.stop().await;
    let later = Arc::new(|| -> Moment { system_clock()() + HOUR + HOUR });
    a.start_with(later).await;
    for _ in 0..3 {
        let again = a.try_submit(record.clone(), "case-1").await.unwrap();
        assert!(again.repeated);
        assert_eq!(again.reference, first.reference);
        assert_eq!(again.acceptance, first.acceptance);
    }
    // Under another key it is a new submission, and comes too late.
    let refused = a.try_submit(record, "case-2").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_INVALID");
    // No repeat took a reference.
    let next = a.submit(alert("another")).await;
    let number = |reference: &str| reference.parse::<Reference>().unwrap().number;
    assert_eq!(number(&next), number(&first.reference) + 1);
}
