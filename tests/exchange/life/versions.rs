//! Only the version that counts is shown, and nothing in its place once that is locked.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use comity::{
    node::system_clock,
    wire::{
        ledger::ReadingPurpose,
        node::{GetRecordRequest, SearchRequest},
        record::Record,
    },
};
use serde_json::{Value, json};

use crate::support::{
    CASE, alert, amendment, comity, eventually, json_of, neighbours, off, refusal_of, try_show,
};

#[tokio::test(flavor = "multi_thread")]
async fn where_the_newest_version_expired_its_corrected_text_is_not_shown_instead() {
    let (mut a, mut b) = neighbours().await;
    let by = Arc::new(AtomicI64::new(0));
    a.start().await;
    b.start_with(off(&by)).await;
    let first = a.submit(alert("wrong")).await;
    let corrected = Record {
        expires_at: Some((system_clock()() + Duration::from_secs(3_600)).into()),
        ..alert("right")
    };
    let second = a.submit(amendment(&a, &first, corrected).await).await;
    b.receives(&second).await;
    by.store(7_200_000_000, Ordering::SeqCst);
    for reference in [&first, &second] {
        let refused = try_show(&b, reference).await.unwrap_err();
        assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
        assert!(refused.message().contains("expired"), "{refused}");
    }
    // Who asks for the old version by name knows what it is.
    let mut client = b.client().await;
    let exact = GetRecordRequest {
        reference: first,
        exact: true,
        ..GetRecordRequest::default()
    };
    client.records.get_record(exact).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn relations_of_an_amended_version_are_those_of_the_newest() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let with_phone = |title: &str| -> Record {
        let mut value = json_of(title, &["UZ"]);
        value["identifiers"] = json!({ "identifiers": [{
            "type": "IDENTIFIER_TYPE_PHONE", "value": "+998901234567", "country": "UZ",
        }]});
        comity::wire::json::from_json("comity.record.v1.Record", &value.to_string()).unwrap()
    };
    let first = a.submit(alert("without a number")).await;
    let second = amendment(&a, &first, with_phone("with a number")).await;
    let second = a.submit(second).await;
    let other = a.submit(with_phone("another")).await;
    eventually("both are in the index", async || {
        let mut client = a.client().await;
        let request = SearchRequest {
            entity: "+998901234567".to_owned(),
            reading_purpose: ReadingPurpose::Investigation.into(),
            case_reference: CASE.to_owned(),
            ..SearchRequest::default()
        };
        let hits = client
            .search
            .search(request)
            .await
            .unwrap()
            .into_inner()
            .hits;
        (hits.len() == 2).then_some(())
    })
    .await;
    for reference in [&first, &second] {
        let related = [
            "related",
            reference,
            "--home",
            a.at(),
            "--output",
            "json",
            "--purpose",
            "investigation",
            "--case",
            CASE,
        ];
        let said = comity(&related).await.fine();
        let shown: Value = serde_json::from_str(said.trim()).unwrap();
        assert_eq!(shown["record"]["reference"], *other);
    }
}
