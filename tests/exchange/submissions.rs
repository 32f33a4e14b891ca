//! Streams of submissions, good and bad.

use comity::wire::{
    node::{SubmitRecordRequest, SubmitRecordsRequest, submit_records_response::Outcome},
    record::Record,
};
use tokio_stream::{StreamExt as _, iter};

use crate::support::{Country, alert, alert_to, neighbours, refusal_of};

fn submission(record: Option<Record>) -> SubmitRecordsRequest {
    SubmitRecordsRequest {
        submission: Some(SubmitRecordRequest {
            record,
            idempotency_key: String::new(),
        }),
    }
}

fn without_title() -> Record {
    let mut record = alert("");
    record.situation.as_mut().unwrap().title.clear();
    record
}

async fn outcomes(at: &Country, stream: Vec<SubmitRecordsRequest>) -> Vec<Outcome> {
    let mut client = at.client().await;
    let answers = client.records.submit_records(iter(stream)).await.unwrap();
    let answers: Vec<_> = answers.into_inner().collect().await;
    answers
        .into_iter()
        .map(|answer| answer.unwrap().outcome.unwrap())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_record_in_a_stream_stops_none_of_the_good_ones() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let stream = vec![
        submission(Some(alert("first"))),
        submission(Some(without_title())),
        submission(Some(alert_to(&["KZ"], "to a stranger"))),
        submission(None),
        submission(Some(alert("second"))),
        submission(Some(alert("third"))),
    ];
    let outcomes = outcomes(&a, stream).await;

    let words: Vec<_> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Accepted(_) => "accepted",
            Outcome::Refused(refusal) => &refusal.reason,
        })
        .collect();
    let expected = [
        "accepted",
        "RECORD_INVALID",
        "RECORD_INVALID",
        "RECORD_MISSING",
        "accepted",
        "accepted",
    ];
    assert_eq!(words, expected);
    let broken: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Refused(refusal) => refusal.violations.first(),
            Outcome::Accepted(_) => None,
        })
        .map(|violation| (&*violation.field, &*violation.rule))
        .collect();
    let expected = [
        ("situation.title", "REQUIRED"),
        ("destinations[0].country", "UNKNOWN_COUNTRY"),
    ];
    assert_eq!(broken, expected);

    // What was accepted is durable. The answers come in the stream's order; its records may get
    // their references and become durable in another.
    let mut accepted: Vec<_> = outcomes
        .iter()
        .filter_map(|outcome| match outcome {
            Outcome::Accepted(answer) => Some(answer.reference.clone()),
            Outcome::Refused(_) => None,
        })
        .collect();
    a.restart().await;
    let mut held = a.references().await;
    held.sort_unstable();
    accepted.sort_unstable();
    assert_eq!(held, accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_violation_is_named_at_once() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut record = without_title();
    record.authority = "no-such-office".to_owned();
    record.destinations[0].authorities = vec!["no-such-desk".to_owned()];
    record.reference = "TJ-26-000001-A".to_owned();
    let outcomes = outcomes(&a, vec![submission(Some(record))]).await;
    let Outcome::Refused(refusal) = &outcomes[0] else {
        panic!("accepted");
    };
    let mut found: Vec<_> = refusal
        .violations
        .iter()
        .map(|violation| (&*violation.field, &*violation.rule))
        .collect();
    found.sort_unstable();
    let expected = [
        ("authority", "UNKNOWN_AUTHORITY"),
        ("destinations[0].authorities[0]", "UNKNOWN_AUTHORITY"),
        ("reference", "NOT_ALLOWED_HERE"),
        ("situation.title", "REQUIRED"),
    ];
    assert_eq!(found, expected);
    assert_eq!(a.status().await.records, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_beyond_the_bound_is_refused_by_its_size() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut record = alert("large");
    record.situation.as_mut().unwrap().summary = "x".repeat((1 << 20) + 1);
    let refused = a.try_submit(record, "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_TOO_LARGE");
}
