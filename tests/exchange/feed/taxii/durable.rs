//! No page without its leaf: the power fails exactly before and exactly after the sync that makes the leaf
//! durable. And objects handed in are there once they are answered.

use std::{sync::Arc, time::Duration};

use comity::{node::system_clock, wire::ledger::LeafBody};
use prost::Message as _;
use serde_json::json;

use super::{
    ALERTS, has,
    http::{By, TAXII, ask, send},
    serving, system,
};
use crate::support::{Country, Failing, PATIENCE, Power, alert, eventually};

fn leaves(at: &Country) -> usize {
    let node = at.node();
    let size = node.ledger_size().unwrap();
    let bodies = (0..size).map(|index| node.leaf(index).unwrap().unwrap().body);
    bodies
        .filter(|body| LeafBody::decode(body.as_slice()).unwrap().detail == "taxii-objects")
        .count()
}

/// One life on a disk that loses what was not synced; answers what the page showed.
async fn shown(at: &mut Country, by: &By, failing: Option<Failing>) -> Option<String> {
    let power = Power::default();
    at.start_on(system_clock(), Arc::new(power.clone())).await;
    // What the start makes durable is durable.
    eventually("every record was looked at", async || {
        (at.node().taxii_shelved().unwrap() > 0).then_some(())
    })
    .await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    if let Some(failing) = failing {
        power.fail_at(0, failing);
    }
    let request = format!(
        "GET {ALERTS}/objects/?match[type]=report HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAccept: {TAXII}\r\n\r\n"
    );
    let answer = tokio::time::timeout(PATIENCE, send(at, by, request.as_bytes())).await;
    power.cut();
    at.fails().await;
    let answer = answer.expect("an answer or a refusal").ok()?;
    (answer.status == 200).then(|| answer.body.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_leaves_whose_leaf_is_not_durable() {
    let (mut a, _b) = serving().await;
    let by = system(&a);
    a.submit(alert("shown or not")).await;
    has(&a, &by, &format!("{ALERTS}/objects/?match[type]=report"), 1).await;
    let mut known = leaves(&a);
    a.stop().await;
    for failing in [Some(Failing::Before), Some(Failing::After), None] {
        let page = shown(&mut a, &by, failing).await;
        a.start().await;
        let now = leaves(&a);
        a.stop().await;
        let more = now - known;
        known = now;
        match failing {
            Some(Failing::Before) => assert_eq!((page, more), (None, 0)),
            // The ledger may say too much, never too little.
            Some(Failing::After) => assert_eq!((page, more), (None, 1)),
            None => {
                assert!(page.is_some_and(|page| page.contains("shown or not")));
                assert_eq!(more, 1);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_answered_is_there_after_the_power_failed() {
    let (mut a, _b) = serving().await;
    let by = system(&a);
    a.stop().await;
    let power = Power::default();
    a.start_on(system_clock(), Arc::new(power.clone())).await;
    let note = json!({
        "type": "note", "spec_version": "2.1", "id": "note--e5f43ee7-a290-4ab6-a212-334df56c33f4",
        "created": "2026-03-02T09:15:00.000Z", "modified": "2026-03-02T09:15:00.000Z",
        "labels": ["exercise"], "content": "EXERCISE", "object_refs": ["report--1b955227-cad9-47f0-8e9d-b282b1f20cae"],
    });
    let body = json!({ "objects": [note] }).to_string();
    let intake = "/taxii2/comity/collections/intake/objects/";
    let taken = ask(&a, &by, "POST", intake, &body).await;
    power.cut();
    assert_eq!(
        (taken.status, &taken.body["success_count"]),
        (202, &json!(1)),
        "{taken:?}"
    );
    a.fails().await;
    a.start().await;
    assert_eq!(a.records().await.len(), 1);
    let status = format!(
        "/taxii2/comity/status/{}/",
        taken.body["id"].as_str().unwrap()
    );
    assert_eq!(super::http::get(&a, &by, &status).await.body, taken.body);
}
