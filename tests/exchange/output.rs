//! `--output json`: every answer is JSON, one value a line.

use serde_json::Value;

use crate::support::{Ended, alert, comity, comity_reading, json_of, neighbours};

fn lines(ended: Ended) -> Vec<Value> {
    let text = ended.fine();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_command_answers_in_json_lines() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("as json")).await;
    a.submit(alert("another")).await;
    a.drained().await;
    let at = a.at().to_owned();
    let json = async |command: &[&str]| {
        let all = [command, &["--home", &at, "--output", "json"]].concat();
        lines(comity(&all).await)
    };

    assert_eq!(json(&["status"]).await[0]["country"], "TJ");
    let records = json(&["records", "list"]).await;
    assert_eq!(records.len(), 2);
    assert_eq!(records[1]["reference"], *reference);
    let shown = json(&["records", "show", &reference]).await;
    assert_eq!(shown[0]["situation"]["title"], "EXERCISE as json");
    let receipts = json(&["receipts", &reference]).await;
    let types: Vec<_> = receipts.iter().map(|receipt| &receipt["type"]).collect();
    assert_eq!(types, ["SUBMISSION_ACCEPTANCE", "DELIVERY"]);
    assert!(receipts.iter().all(|receipt| receipt["verified"] == true));
    assert!(json(&["audit", "list"]).await.len() > 4);
    assert_eq!(json(&["audit", "verify"]).await[0]["verified"], true);
    let proof = json(&["audit", "prove", &reference]).await;
    // Submitted, answered by a receipt, read and followed just now.
    assert_eq!(proof[0]["leaves"].as_array().unwrap().len(), 4);
    let folder = tempfile::tempdir().unwrap();
    let (written, card) = (folder.path().join("proof"), a.layout().card());
    std::fs::write(&written, proof[0].to_string()).unwrap();
    let verify = [
        "audit",
        "verify",
        "--proof",
        written.to_str().unwrap(),
        "--card",
        card.to_str().unwrap(),
        "--output",
        "json",
    ];
    let verified = &lines(comity(&verify).await)[0];
    assert_eq!(verified["verified"], true);
    assert_eq!(verified["leaves"].as_array().unwrap().len(), 4);
    let export = json(&["audit", "export"]).await;
    assert!(export[0]["checkpoint"].is_string());
    assert_eq!(json(&["card", "show"]).await[0]["country"], "TJ");
    assert_eq!(json(&["card", "list"]).await.len(), 2);
    assert_eq!(json(&["card", "export"]).await[0]["country"], "TJ");
    assert_eq!(json(&["root", "offline"]).await.len(), 2);

    a.stop().await;
    assert_eq!(json(&["store", "check"]).await[0]["sound"], true);
    assert_eq!(json(&["store", "rebuild"]).await[0]["how"], "rebuilt");
}

#[tokio::test(flavor = "multi_thread")]
async fn submissions_and_refusals_are_json_too() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let submit = ["submit", "-", "--home", a.at(), "--output", "json"];
    let input = [json_of("one", &["UZ"]), json_of("two", &["UZ"])].map(|json| json.to_string());
    let answers = lines(comity_reading(&submit, &input.join("\n")).await);
    assert_eq!(
        (&answers[0]["line"], &answers[1]["line"]),
        (&1.into(), &2.into())
    );
    assert_eq!(answers[0]["headerDigest"].as_str().unwrap().len(), 64);
    assert!(answers[0]["acceptance"]["signature"].is_string());

    let refused = comity_reading(&submit, &json_of("x", &["KZ"]).to_string()).await;
    refused.fails(65, &["UNKNOWN_COUNTRY"]);
    assert_eq!(refused.stdout, "");
    for line in refused.stderr.lines() {
        let said: Value = serde_json::from_str(line).unwrap();
        assert!(said["error"].is_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offline_proof_survives_the_trip_through_json() {
    let (mut a, _b) = neighbours().await;
    a.start().await;
    let reference = a.submit(alert("proven offline")).await;
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let prove = [
        "audit",
        "prove",
        &reference,
        "--home",
        a.at(),
        "--output",
        "json",
    ];
    let proof = comity(&prove).await.fine();
    std::fs::write(path("proof"), &proof).unwrap();
    let card = comity(&["card", "export", "--home", a.at()]).await.fine();
    std::fs::write(path("card"), card).unwrap();
    a.stop().await;
    let (proof_at, card_at) = (path("proof"), path("card"));
    let verify = ["audit", "verify", "--proof", &proof_at, "--card", &card_at];
    let said = comity(&verify).await.fine();
    assert!(said.contains("submitted"), "{said}");
    // One changed character of the salt.
    let mut value: Value = serde_json::from_str(&proof).unwrap();
    let salt = value["leaves"][0]["leaf"]["salt"].as_str().unwrap();
    let other = if salt.starts_with('A') { "B" } else { "A" };
    value["leaves"][0]["leaf"]["salt"] = format!("{other}{}", &salt[1..]).into();
    std::fs::write(path("proof"), value.to_string()).unwrap();
    comity(&verify)
        .await
        .fails(65, &["the proof does not hold: leaf"]);
}
