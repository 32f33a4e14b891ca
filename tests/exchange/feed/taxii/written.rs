//! Objects handed in: each a record once, and what became of them is kept.

use serde_json::{Value, json};

use super::{
    ALERTS, has,
    http::{ask, get},
    serving, system,
};
use crate::support::{alert, eventually};

const INTAKE: &str = "/taxii2/comity/collections/intake/objects/";

fn note(modified: &str, content: &str) -> Value {
    json!({
        "type": "note", "spec_version": "2.1", "id": "note--e5f43ee7-a290-4ab6-a212-334df56c33f4",
        "created": "2026-03-02T09:15:00.000Z", "modified": modified, "labels": ["exercise"],
        "abstract": "EXERCISE of another tool", "content": content,
        "object_refs": ["report--1b955227-cad9-47f0-8e9d-b282b1f20cae"],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_become_records_once_and_their_status_is_kept() {
    let (mut a, _b) = serving().await;
    let by = system(&a);
    let first = note("2026-03-02T09:15:00.000Z", "first");
    let malware = json!({ "type": "malware", "spec_version": "2.1", "id": "malware--e5f43ee7-a290-4ab6-a212-334df56c33f4",
        "created": "2026-03-02T09:15:00.000Z", "modified": "2026-03-02T09:15:00.000Z" });
    let body = json!({ "objects": [first, malware] }).to_string();
    let taken = ask(&a, &by, "POST", INTAKE, &body).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    assert_eq!(taken.body["success_count"], 1, "{taken:?}");
    assert_eq!(taken.body["failure_count"], 1);
    assert!(
        taken.body["failures"][0]["message"]
            .as_str()
            .unwrap()
            .contains("malware")
    );
    assert_eq!(a.records().await.len(), 1);

    let again = ask(&a, &by, "POST", INTAKE, &body).await;
    assert!(
        again.body["successes"][0]["message"]
            .as_str()
            .unwrap()
            .starts_with("unchanged"),
        "{again:?}"
    );
    assert_eq!(a.records().await.len(), 1);

    let newer = json!({ "objects": [note("2026-03-03T09:15:00.000Z", "second")] }).to_string();
    let amended = ask(&a, &by, "POST", INTAKE, &newer).await;
    assert!(
        amended.body["successes"][0]["message"]
            .as_str()
            .unwrap()
            .starts_with("amended"),
        "{amended:?}"
    );

    a.restart().await;
    let status = format!(
        "/taxii2/comity/status/{}/",
        taken.body["id"].as_str().unwrap()
    );
    let kept = get(&a, &by, &status).await;
    assert_eq!((kept.status, &kept.body), (200, &taken.body));
    let other = get(
        &a,
        &by,
        "/taxii2/comity/status/e5f43ee7-a290-4ab6-a212-334df56c33f4/",
    )
    .await;
    assert_eq!(other.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comity_gave_comes_back_as_the_record_it_was() {
    let (a, _b) = serving().await;
    let by = system(&a);
    a.submit(alert("there and back")).await;
    has(&a, &by, &format!("{ALERTS}/objects/?match[type]=report"), 1).await;
    let page = get(&a, &by, &format!("{ALERTS}/objects/?limit=1000")).await;
    let body = json!({ "objects": page.objects() }).to_string();
    let taken = ask(&a, &by, "POST", INTAKE, &body).await;
    assert_eq!(taken.status, 202, "{taken:?}");
    assert_eq!(taken.body["failure_count"], 0, "{taken:?}");
    let titles = eventually("it is a record again", async || {
        let titles: Vec<String> = a.records().await.into_iter().map(|of| of.title).collect();
        (titles.len() == 2).then_some(titles)
    })
    .await;
    assert_eq!(
        titles,
        ["EXERCISE there and back", "EXERCISE there and back"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_are_no_envelopes_are_refused() {
    let (a, _b) = serving().await;
    let by = system(&a);
    let many = json!({ "objects": vec![0; 1001] }).to_string();
    for (path, body, status) in [
        (INTAKE, "{", 400),
        (INTAKE, "[]", 422),
        (INTAKE, "{\"objects\": []}", 422),
        (INTAKE, many.as_str(), 422),
        ("/taxii2/comity/collections/alerts/objects/", "{}", 403),
        ("/taxii2/comity/collections/nothing/objects/", "{}", 404),
    ] {
        let answer = ask(&a, &by, "POST", path, body).await;
        assert_eq!(answer.status, status, "{path} {body:.40}: {answer:?}");
    }
    assert!(a.records().await.is_empty());
}
