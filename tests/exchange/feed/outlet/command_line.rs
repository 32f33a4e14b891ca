//! `comity feed` as a person or a script uses it.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;

use crate::support::{alert, neighbours};

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_made_pulled_into_a_file_and_moved() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let run = async |arguments: &[&str]| a.comity(&[&["feed"][..], arguments].concat()).await;
    let made = run(&[
        "subscribe",
        "cases",
        "--kind",
        "alert",
        "--from",
        "beginning",
    ])
    .await;
    assert!(made.fine().contains("cases is there, at 0.0"));
    let mut bad = alert("x");
    bad.situation.as_mut().unwrap().title = "=1+1 EXERCISE".to_owned();
    let first = a.submit(alert("first")).await;
    let second = a.submit(bad).await;

    let folder = tempfile::tempdir().unwrap();
    let csv = folder.path().join("cases.csv");
    let csv = csv.to_str().unwrap();
    let pull = ["pull", "cases", "--format", "csv", "--out", csv];
    run(&[&pull[..], &["--max", "1"]].concat()).await.fine();
    run(&pull).await.fine();
    // Acknowledged: nothing comes a second time.
    run(&pull).await.fine();
    let text = fs::read_to_string(csv).unwrap();
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headings = reader.headers().unwrap().clone();
    let title = headings
        .iter()
        .position(|of| of == "situation.title")
        .unwrap();
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2, "{text}");
    assert_eq!(
        (&rows[0][2], &rows[1][2]),
        (first.as_str(), second.as_str())
    );
    assert_eq!(&rows[1][title], "'=1+1 EXERCISE");

    // Nobody else reads the file; what a crash left of a row is cut off, and the row comes again.
    let mode = fs::metadata(csv).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let all = text.strip_suffix("\r\n").unwrap();
    let (_, last) = all.rsplit_once("\r\n").unwrap();
    fs::write(csv, format!("{text}{}", &last[..9])).unwrap();
    run(&["seek", "cases", "--to", "1.0"]).await.fine();
    run(&pull).await.fine();
    let again = fs::read_to_string(csv).unwrap();
    assert_eq!(again, format!("{text}{last}\r\n"));
    // Nothing is cut from what it did not write.
    let other = folder.path().join("other.csv");
    fs::write(&other, "id,title\n1,x").unwrap();
    let into = ["pull", "cases", "--format", "csv", "--out"];
    let into = [&into[..], &[other.to_str().unwrap()]].concat();
    run(&into).await.fails(73, &["name another file"]);
    assert_eq!(fs::read_to_string(&other).unwrap(), "id,title\n1,x");

    let shown = run(&["subscriptions"]).await.fine();
    assert!(shown.contains("cases") && shown.contains("2.0"), "{shown}");
    run(&["seek", "cases", "--to", "1.0"]).await.fine();
    let lines = run(&["pull", "cases"]).await.fine();
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["record"]["record"]["reference"], second);

    // A file that cannot be written leaves everything unacknowledged.
    run(&["seek", "cases", "--to", "beginning"]).await.fine();
    let nowhere = ["pull", "cases", "--out", "/nowhere/cases.csv"];
    run(&nowhere).await.fails(73, &["/nowhere/cases.csv"]);
    assert_eq!(run(&["pull", "cases"]).await.fine().lines().count(), 2);

    run(&["subscribe", "x", "--kind", "rout"])
        .await
        .fails(65, &["filter.kinds[0]", "FILTER_INVALID"]);
    run(&["subscribe", "x", "--from", "then"])
        .await
        .fails(64, &["beginning, now"]);
    run(&["pull", "x"])
        .await
        .fails(65, &["no subscription of this name"]);
    run(&["webhook", "resume", "x"])
        .await
        .fails(65, &["WEBHOOK_UNKNOWN"]);
    assert_eq!(run(&["webhooks", "--output", "json"]).await.fine(), "");
    run(&["unsubscribe", "cases"]).await.fine();
    assert_eq!(run(&["subscriptions", "--output", "json"]).await.fine(), "");
}
