//! Kinds explained, and templates that can be submitted as they are.

use serde_json::Value;

use crate::support::{comity, comity_reading, neighbours};

fn lines(text: &str) -> Vec<Value> {
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_template_is_accepted_as_it_is_written() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let kinds = lines(&comity(&["kinds", "--output", "json"]).await.fine());
    assert_eq!(kinds.len(), 13);
    for kind in kinds {
        let kind = kind["kind"].as_str().unwrap();
        // A request is submitted by a call of its own, a meeting into a joint case.
        if ["EvidenceRequest", "Meeting"].contains(&kind) {
            continue;
        }
        let template = comity(&["template", kind, "--home", a.at()]).await.fine();
        let record: Value = serde_json::from_str(&template).unwrap();
        assert_eq!(record["exercise"], true, "{kind}");
        assert_eq!(record["destinations"][0]["country"], "UZ", "{kind}");
        let submit = ["submit", "-", "--home", a.at()];
        let reference = comity_reading(&submit, &template).await.fine();
        b.receives(reference.trim()).await;
        let show = [
            "records",
            "show",
            reference.trim(),
            "--home",
            b.at(),
            "--purpose",
            "investigation",
            "--case",
            "EXERCISE-1",
            "--output",
            "json",
        ];
        let shown = lines(&comity(&show).await.fine()).remove(0);
        assert_eq!(
            shown["situation"]["title"], record["situation"]["title"],
            "{kind}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_template_without_a_node_says_what_is_made_up() {
    let written = comity(&["template", "victim-referral"]).await;
    assert!(written.stderr.contains("made up"), "{written:?}");
    let record: Value = serde_json::from_str(&written.fine()).unwrap();
    assert_eq!(record["victims"]["victims"][0]["pseudonym"], "EX-V-00001");
    comity(&["template", "Rumour"])
        .await
        .fails(65, &["Route", "VictimReferral"]);
    let nowhere = tempfile::tempdir().unwrap();
    let home = nowhere.path().to_str().unwrap();
    comity(&["template", "Alert", "--home", home])
        .await
        .fails(78, &[]);
}

#[tokio::test(flavor = "multi_thread")]
async fn kinds_fields_and_codes_are_explained_without_a_node() {
    let shown = comity(&["kinds", "show", "route"]).await.fine();
    for word in [
        "situation.route.legs[].crossingId",
        "at most 64 elements",
        "TRANSPORT_ROAD",
        "HTCDS 2.0",
    ] {
        assert!(shown.contains(word), "{word} is not in {shown}");
    }
    assert!(!shown.contains("victims.retentionDays"));
    let all = comity(&["kinds", "show", "Route", "--all"]).await.fine();
    assert!(all.contains("victims.retentionDays"));

    let json = comity(&["kinds", "show", "Alert", "--output", "json"])
        .await
        .fine();
    let alert = lines(&json).remove(0);
    let fields = alert["fields"].as_array().unwrap();
    let of = |path: &str| fields.iter().find(|field| field["path"] == path).unwrap();
    assert_eq!(of("situation.alert.event")["required"], "yes");
    assert_eq!(
        of("situation.alert.event")["bounds"][0],
        "at most 200 characters"
    );
    assert_eq!(of("situation.alert.severity")["codes"], "AlertSeverity");
    assert_eq!(
        of("suspects.suspects[].names[].text")["compartment"],
        "suspects"
    );
    let lists = alert["codeLists"].as_array().unwrap();
    let severity = lists
        .iter()
        .find(|list| list["list"] == "AlertSeverity")
        .unwrap();
    assert_eq!(
        (&severity["standard"], &severity["codes"][0]["source"]),
        (&"CAP 1.2".into(), &"Extreme".into())
    );

    let codes = comity(&["kinds", "codes", "transport"]).await.fine();
    assert!(codes.contains("TRANSPORT_RAIL"), "{codes}");
    comity(&["kinds", "codes", "Colour"])
        .await
        .fails(65, &["Transport"]);
    comity(&["kinds", "show", "Rumour"])
        .await
        .fails(65, &["ModusOperandi"]);
    let page = comity(&["kinds", "--markdown"]).await.fine();
    assert!(page.starts_with("# Records\n") && page.contains("## CaseRecord"));
}
