//! Records go where they should, whole, once, and only as far as each reader may read.

use comity::wire::{
    envelope::{Lane, ReceiptType},
    ledger::{Action, ReadingPurpose},
    node::GetRecordRequest,
    record::CompartmentLabel::{self, Situation, Source, Suspects, Victims},
};

use crate::support::{
    CASE, Country, alert, befriend, ledger_bodies, neighbours, receipts_of, refusal_of, urgent,
    with_everything,
};

/// Opens a record as an officer does.
async fn read(
    at: &Country,
    reference: &str,
    purpose: &str,
) -> (comity::wire::record::Record, Vec<CompartmentLabel>) {
    let mut client = at.client().await;
    let request = GetRecordRequest {
        reference: reference.to_owned(),
        purpose: purpose.to_owned(),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..GetRecordRequest::default()
    };
    let answer = client.records.get_record(request).await.unwrap();
    let answer = answer.into_inner();
    let labels = answer.summary.unwrap().compartments;
    let labels = labels.into_iter().map(|label| label.try_into().unwrap());
    (answer.record.unwrap(), labels.collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_routine_and_an_urgent_record_arrive_with_receipts_that_verify() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let routine = a.submit(alert("routine")).await;
    let urgent = a.submit(urgent("urgent")).await;
    a.drained().await;

    for (reference, lane) in [(&routine, Lane::Bulk), (&urgent, Lane::Urgent)] {
        let at_origin = receipts_of(&a, reference).await;
        let types: Vec<_> = at_origin.iter().map(|receipt| receipt.r#type()).collect();
        let expected = [ReceiptType::SubmissionAcceptance, ReceiptType::Delivery];
        assert_eq!(types, expected);
        assert_eq!((at_origin[1].lane(), at_origin[1].sequence), (lane, 1));
        assert_eq!(at_origin[1].issuer, "UZ");
        // The destination shows the very receipt that it issued.
        assert_eq!(receipts_of(&b, reference).await, at_origin[1..]);
    }
    assert_eq!(b.references().await.len(), 2);

    // The same record at both ends.
    let (here, _) = read(&a, &routine, "").await;
    let (there, _) = read(&b, &routine, "").await;
    assert_eq!(here, there);
    assert_eq!(there.situation.unwrap().title, "EXERCISE routine");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_destination_gets_its_compartments_and_no_other() {
    let mut a = Country::set_up("TJ");
    let mut b = Country::set_up("UZ");
    let mut c = Country::set_up("AE");
    befriend(&[&a, &b, &c]).await;
    for country in [&mut a, &mut b, &mut c] {
        country.start().await;
    }
    let reference = a.submit(with_everything()).await;
    a.drained().await;
    let deliveries = receipts_of(&a, &reference).await;
    let mut issuers: Vec<_> = deliveries[1..].iter().map(|to| &*to.issuer).collect();
    issuers.sort_unstable();
    assert_eq!(issuers, ["AE", "UZ"]);

    let (own, labels) = read(&a, &reference, "EXERCISE").await;
    assert_eq!(labels, [Situation, Suspects, Victims, Source]);

    let (at_b, labels) = read(&b, &reference, "EXERCISE").await;
    assert_eq!(labels, [Situation, Source]);
    assert_eq!((at_b.suspects, at_b.victims), (None, None));
    assert_eq!(at_b.source, own.source);

    let (at_c, labels) = read(&c, &reference, "EXERCISE").await;
    assert_eq!(labels, [Situation, Suspects, Victims]);
    assert_eq!(at_c.source, None);
    assert_eq!(at_c.victims, own.victims);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reading_is_in_the_ledger_before_its_answer() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("to be read")).await;
    b.receives(&reference).await;
    read(&b, &reference, "case EX-17").await;
    // No waiting here: the leaf is there when the answer is.
    let leaf = ledger_bodies(&b)
        .await
        .into_iter()
        .find(|leaf| leaf.action() == Action::Consultation)
        .unwrap();
    assert_eq!(
        (&*leaf.detail, &*leaf.purpose, &*leaf.reference),
        ("read", "case EX-17", &*reference)
    );
    assert!(leaf.actor.starts_with("UZ/officer/"), "{}", leaf.actor);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_others_is_not_held_and_says_so() {
    let mut a = Country::set_up("TJ");
    let mut b = Country::set_up("UZ");
    let mut c = Country::set_up("AE");
    befriend(&[&a, &b, &c]).await;
    for country in [&mut a, &mut b, &mut c] {
        country.start().await;
    }
    let reference = a.submit(alert("for UZ alone")).await;
    a.drained().await;
    let mut client = c.client().await;
    let request = GetRecordRequest {
        reference,
        ..GetRecordRequest::default()
    };
    let refused = client.records.get_record(request).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_UNKNOWN");
    assert_eq!(c.status().await.records, 0);
}
