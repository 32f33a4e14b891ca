//! The command line: from a template to a closed request.

use std::fs;

use super::neighbours;
use crate::support::{comity, eventually};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_goes_its_way_on_the_command_line() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let template = comity(&["evidence", "template", "--home", tj.at()])
        .await
        .fine();
    let mut request: serde_json::Value = serde_json::from_str(&template).unwrap();
    assert_eq!(request["destinations"][0]["country"], "UZ");
    request["destinations"][0]["authorities"] = serde_json::json!(["national-police"]);
    let file = tj.dir().with_extension("request.json");
    let path = file.to_str().unwrap();
    fs::write(&file, request.to_string()).unwrap();
    let checked = comity(&["evidence", "check", path, "--home", tj.at()])
        .await
        .fine();
    assert_eq!(checked.trim(), "the request is complete and may be sent");
    let reference = comity(&["evidence", "request", path, "--home", tj.at()])
        .await
        .fine();
    let reference = reference.trim();
    uz.receives(reference).await;
    let step = async |at: &str, words: &[&str]| {
        let rest = ["--home", at];
        comity(&[&["evidence", words[0], reference], &words[1..], &rest].concat()).await
    };
    let taken = step(uz.at(), &["acknowledge", "--contact", "EXERCISE: the desk"])
        .await
        .fine();
    assert!(
        taken.contains("step 1 of this side; the request is ACKNOWLEDGED"),
        "{taken}"
    );
    let wrong = step(tj.at(), &["recognise"]).await;
    wrong.fails(77, &["EVIDENCE_WRONG_PARTY"]);
    step(uz.at(), &["ask", "--question", "EXERCISE: which floor?"])
        .await
        .fine();
    eventually("TJ knows of the question", async || {
        let shown = step(tj.at(), &["show"]).await.fine();
        shown.contains("INFORMATION_REQUESTED").then_some(())
    })
    .await;
    step(tj.at(), &["answer", "--text", "EXERCISE: the third"])
        .await
        .fine();
    eventually("UZ has the answer", async || {
        let shown = step(uz.at(), &["show"]).await.fine();
        shown.contains("EXERCISE: the third").then_some(())
    })
    .await;
    step(uz.at(), &["recognise"]).await.fine();
    step(
        uz.at(),
        &[
            "delay",
            "--clock",
            "execute",
            "--reason",
            "EXERCISE: holidays",
            "--estimate",
            "2035-01-31",
        ],
    )
    .await
    .fine();
    step(uz.at(), &["execute", "--outcome", "EXERCISE: copied"])
        .await
        .fine();
    step(
        uz.at(),
        &["transfer", "--complete", "--manner", "EXERCISE: by courier"],
    )
    .await
    .fine();
    eventually("TJ knows of the transfer", async || {
        let listed = [
            "evidence",
            "list",
            "--state",
            "transferred",
            "--home",
            tj.at(),
        ];
        let listed = comity(&listed).await.fine();
        listed.contains(reference).then_some(())
    })
    .await;
    step(tj.at(), &["close"]).await.fine();
    let shown = step(tj.at(), &["show"]).await.fine();
    for words in [
        "EXERCISE  CLOSED",
        "asked by TJ/national-police, of UZ/national-police",
        "acknowledge by UZ/national-police, executing side → ACKNOWLEDGED",
        "EXERCISE: which floor?",
        "clock execute, expected 2035-01-31",
        "TJ/national-police may: return, note",
    ] {
        assert!(shown.contains(words), "`{words}` is not in\n{shown}");
    }
    let json = [
        "evidence",
        "show",
        reference,
        "--output",
        "json",
        "--home",
        uz.at(),
    ];
    eventually("UZ knows that it is closed", async || {
        let value: serde_json::Value = serde_json::from_str(&comity(&json).await.fine()).unwrap();
        (value["case"]["state"] == "EVIDENCE_STATE_CLOSED"
            && value["steps"][0]["act"] == "acknowledge")
            .then_some(())
    })
    .await;
    let open = comity(&["evidence", "list", "--open", "--home", tj.at()])
        .await
        .fine();
    assert!(!open.contains(reference), "{open}");
    tj.stop().await;
    uz.stop().await;
}
