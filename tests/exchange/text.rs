//! Text that is not what it seems, and refusals that programs can read.

use comity::{record::unseen::is_unseen, wire::record::Record};
use serde_json::Value;

use crate::support::{Ended, alert, comity, comity_reading, json_of, neighbours, refusal_of};

/// What a command said, line breaks apart, holds nothing that a terminal obeys or nobody sees.
#[track_caller]
fn harmless(ended: Ended) -> String {
    let said = format!("{}{}", ended.stdout, ended.stderr);
    let bad = said.chars().find(|c| is_unseen(*c) && *c != '\n');
    assert_eq!(bad, None, "{said:?}");
    ended.fine()
}

/// Texts that a record may hold and that should not be obeyed.
fn misleading() -> Record {
    let mut record = alert("<script>alert(1)</script> =1+1");
    let situation = record.situation.as_mut().unwrap();
    situation.title.push_str(" \u{200f}\u{61c}\u{feff}");
    situation.summary = "=cmd|'/C calc'!A0\n\"><img src=x onerror=alert(1)>\u{200e}".to_owned();
    record
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_is_shown_is_obeyed() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let reference = a.submit(misleading()).await;
    b.receives(&reference).await;
    let (home, escape) = (b.at().to_owned(), "because \u{1b}[2J\u{9b}31m\u{202e}");
    for format in ["table", "json"] {
        let run = async |command: &[&str]| {
            let all = [command, &["--home", &home, "--output", format]].concat();
            harmless(comity(&all).await)
        };
        let listed = run(&["records", "list"]).await;
        let shown = run(&["records", "show", &reference, "--note", escape]).await;
        for text in [&listed, &shown] {
            assert!(text.contains("<script>alert(1)</script> =1+1"), "{text}");
        }
        run(&["records", "show", &reference, "--sharing"]).await;
        run(&["search", "script"]).await;
        run(&["receipts", &reference]).await;
        run(&["status"]).await;
        run(&["audit", "list"]).await;
        // The text itself is not changed: JSON gives it back to the letter.
        if format == "json" {
            let record: Value = serde_json::from_str(shown.lines().next().unwrap()).unwrap();
            let title = record["situation"]["title"].as_str().unwrap();
            assert!(title.ends_with("\u{200f}\u{61c}\u{feff}"), "{title:?}");
        }
    }
    let bad = json_of("\u{1b}]0;owned\u{7}", &["UZ"]).to_string();
    for format in ["table", "json"] {
        let refused =
            comity_reading(&["submit", "-", "--home", a.at(), "--output", format], &bad).await;
        refused.fails(65, &["CONTROL_CHARACTER"]);
        assert!(!refused.stderr.contains('\u{1b}'), "{refused:?}");
    }
    // What the file name or the shell brings is shown no other way.
    let missing = comity(&["submit", "no\u{1b}[2Jfile", "--home", a.at()]).await;
    missing.fails(66, &["\\u{1b}"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_says_everything_to_programs() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut wrong = json_of("wrong", &["UZ"]);
    wrong["situation"]["title"] = "x".repeat(201).into();
    wrong["situation"]["confidence"] = 101.into();
    wrong["situation"]["alert"]["areas"][0]["subdivision"] = "UZ-ZZ".into();
    wrong["destinations"][0]["authorities"] = vec!["no-such-desk"].into();
    // Over a stream of submissions and in the details of a status.
    for command in [&["submit", "-"][..], &["submit", "-", "--dry-run"]] {
        let all = [command, &["--home", a.at(), "--output", "json"]].concat();
        let refused = comity_reading(&all, &wrong.to_string()).await;
        refused.fails(65, &["RECORD_INVALID"]);
        let said: Value = serde_json::from_str(refused.stderr.lines().next().unwrap()).unwrap();
        let of = |field: &str| {
            let all = said["violations"].as_array().unwrap();
            all.iter()
                .find(|of| of["field"] == field)
                .unwrap_or_else(|| panic!("{said}"))
                .clone()
        };
        let title = of("situation.title");
        assert_eq!(title["rule"], "TOO_LONG");
        assert_eq!(
            (&title["value"], &title["allowed"][0]),
            (&Value::Null, &"at most 200 characters".into())
        );
        let confidence = of("situation.confidence");
        assert_eq!(
            (&confidence["value"], &confidence["allowed"][0]),
            (&"101".into(), &"from 0 to 100".into())
        );
        let subdivision = of("situation.alert.areas[0].subdivision");
        assert_eq!(
            (&subdivision["rule"], &subdivision["value"]),
            (&"UNKNOWN_SUBDIVISION".into(), &"UZ-ZZ".into())
        );
        let desk = of("destinations[0].authorities[0]");
        assert_eq!(desk["rule"], "UNKNOWN_AUTHORITY");
        assert!(
            desk["allowed"]
                .as_array()
                .unwrap()
                .contains(&"national-police".into()),
            "{desk}"
        );
        assert_eq!(said["more"], false);
    }
    // JSON that is not a record, everything at once too.
    let text = r#"{"urgency": "SOON", "situation": {"colour": 1, "alert": {"severity": 99}}}"#;
    let refused =
        comity_reading(&["submit", "-", "--home", a.at(), "--output", "json"], text).await;
    let said: Value = serde_json::from_str(refused.stderr.lines().next().unwrap()).unwrap();
    let fields: Vec<&Value> = said["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| &of["field"])
        .collect();
    assert_eq!(
        fields,
        ["urgency", "situation.colour", "situation.alert.severity"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn more_violations_than_a_status_carries_are_said_to_be_more() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let mut record = alert("many");
    let network = comity::wire::record::Network {
        roles: vec![9_999; 100],
        motivations: vec![9_999; 100],
        ..Default::default()
    };
    record.situation.as_mut().unwrap().kind =
        Some(comity::wire::record::situation::Kind::Network(network));
    let refused = a.try_submit(record.clone(), "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_INVALID");
    assert!(
        refused.details().len() < 6_000 && refused.message().len() < 700,
        "{refused:?}"
    );
    let value = comity::wire::json::to_json("comity.record.v1.Record", &alert("many")).unwrap();
    let mut value = value;
    value["situation"].as_object_mut().unwrap().remove("alert");
    value["situation"]["network"] =
        serde_json::json!({ "names": vec![serde_json::json!({"text": "x".repeat(300)}); 120] });
    let previewed = comity_reading(
        &[
            "submit",
            "-",
            "--dry-run",
            "--home",
            a.at(),
            "--output",
            "json",
        ],
        &value.to_string(),
    )
    .await;
    let said: Value = serde_json::from_str(previewed.stderr.lines().next().unwrap()).unwrap();
    assert_eq!(said["more"], true);
    assert!(said["violations"].as_array().unwrap().len() > 5, "{said}");
}
