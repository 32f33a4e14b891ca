//! Who reads what: dry runs, naming readers, agreements on either side, the matrix as sent.

use std::fs;

use comity::wire::{
    envelope::{NonDeliveryReason, ReceiptType},
    json,
    ledger::ReadingPurpose,
    node::{GetRecordRequest, ReloadAgreementsRequest},
    record::Record,
};
use serde_json::Value;

use crate::support::{
    CASE, Country, alert, befriend, comity, comity_reading, eventually, ledger_bodies, neighbours,
    receipts_of, refusal_of, with_everything,
};

/// Writes an agreement into a home.
fn agree(at: &Country, with: &str, text: &str) {
    let dir = at.layout().agreements();
    fs::create_dir_all(&dir).unwrap();
    fs::write(dir.join(format!("{with}.toml")), text).unwrap();
}

fn text_of(record: &Record) -> String {
    json::to_json("comity.record.v1.Record", record)
        .unwrap()
        .to_string()
}

/// The compartments that a JSON matrix lets a country read.
fn read_by(matrix: &Value, country: &str) -> Vec<String> {
    let rows = matrix["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["country"] == country).unwrap();
    let cells = row["cells"].as_array().unwrap().iter();
    cells
        .filter(|cell| cell["reads"] == true)
        .map(|cell| cell["compartment"].as_str().unwrap())
        .map(|label| {
            label
                .trim_start_matches("COMPARTMENT_LABEL_")
                .to_lowercase()
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_says_who_would_read_what_and_leaves_nothing() {
    let (mut tj, uz, ae) = (
        Country::set_up("TJ"),
        Country::set_up("UZ"),
        Country::set_up("AE"),
    );
    befriend(&[&tj, &uz, &ae]).await;
    agree(
        &tj,
        "UZ",
        "country = \"UZ\"\n[send]\ncompartments = [\"suspects\", \"source\"]\n",
    );
    tj.start().await;
    let text = text_of(&with_everything());
    let before = tj.node().ledger_size().unwrap();
    let dry = ["submit", "-", "--dry-run", "--home", tj.at()];

    let said = comity_reading(&dry, &text).await.fine();
    assert!(said.contains("victim-support"), "{said}");
    assert!(said.contains("goes only where it is named"), "{said}");
    assert!(
        said.contains("the submitter named other compartments"),
        "{said}"
    );
    let as_json = [&dry[..], &["--output", "json"]].concat();
    let said = comity_reading(&as_json, &text).await.fine();
    let matrix: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(read_by(&matrix, "UZ"), ["situation", "source"]);
    assert_eq!(read_by(&matrix, "AE"), ["situation", "suspects", "victims"]);
    assert_eq!(matrix["rows"][0]["agreement"], "agreements/UZ.toml");

    // Named readers: AE no longer reads the suspects, UZ does; victims go to the prosecutor alone.
    let shared = [
        &as_json[..],
        &[
            "--share",
            "suspects=UZ",
            "--share",
            "victims=AE/prosecutor-general",
        ],
    ]
    .concat();
    let said = comity_reading(&shared, &text).await.fine();
    let matrix: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(read_by(&matrix, "UZ"), ["situation", "suspects", "source"]);
    assert_eq!(read_by(&matrix, "AE"), ["situation", "victims"]);

    for (share, words) in [
        ("victims=AE", "victims=AE names no authority"),
        ("victims=*/x", "named one by one"),
        ("rumours=AE", "`rumours` is not one of"),
        ("suspects", "write COMPARTMENT="),
    ] {
        let refused = comity_reading(&[&dry[..], &["--share", share]].concat(), &text).await;
        refused.fails(64, &[words]);
    }
    let nowhere = comity_reading(&[&dry[..], &["--share", "suspects=KZ"]].concat(), &text).await;
    nowhere.fails(65, &["line 1", "KZ is not a destination"]);
    let unknown = [&dry[..], &["--share", "victims=AE/nobody"]].concat();
    let unknown = comity_reading(&unknown, &text).await;
    unknown.fails(
        65,
        &[
            "destinations[1].readers[0].authorities[0]",
            "UNKNOWN_AUTHORITY",
        ],
    );

    assert_eq!(tj.node().ledger_size().unwrap(), before, "no leaf");
    assert!(tj.records().await.is_empty(), "no record");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_withheld_never_leaves_and_the_matrix_is_kept() {
    let (mut tj, mut uz) = neighbours().await;
    agree(
        &tj,
        "UZ",
        "country = \"UZ\"\n[send]\ncompartments = []\n[they_accept]\nkinds = [\"Alert\"]\n",
    );
    tj.start().await;
    uz.start().await;
    let mut record = with_everything();
    record.victims = None;
    record.destinations.truncate(1);
    record.destinations[0].compartments.clear();
    let submit = ["submit", "-", "--home", tj.at()];
    let said = comity_reading(&submit, &text_of(&record)).await.fine();
    let reference = said.trim();
    uz.receives(reference).await;

    let mut client = uz.client().await;
    let request = GetRecordRequest {
        reference: reference.to_owned(),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..GetRecordRequest::default()
    };
    let read = client.records.get_record(request).await.unwrap();
    let read = read.into_inner().record.unwrap();
    assert!(read.situation.is_some() && read.suspects.is_none() && read.source.is_none());

    let show = |at: &Country| {
        let at = at.at().to_owned();
        async move { comity(&["records", "show", reference, "--sharing", "--home", &at]).await }
    };
    let sent = show(&tj).await.fine();
    assert!(sent.contains("agreements/UZ.toml:3"), "{sent}");
    // The file changes, what was sent does not.
    agree(&tj, "UZ", "country = \"UZ\"\n");
    tj.restart().await;
    assert_eq!(show(&tj).await.fine(), sent);
    let seen = show(&uz).await;
    assert!(seen.stderr.contains("only its origin holds"), "{seen:?}");
    assert!(!seen.stdout.contains("suspects"), "{seen:?}");
    let looks = ledger_bodies(&tj).await;
    let looks = looks.iter().filter(|leaf| leaf.detail == "sharing");
    assert_eq!(looks.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_named_compartment_that_the_agreement_forbids_is_an_error() {
    let (mut tj, _uz) = neighbours().await;
    agree(
        &tj,
        "UZ",
        "country = \"UZ\"\nvalid_until = 2001-01-01\n\n[send]\ncompartments = [\"suspects\"]\n",
    );
    tj.start().await;
    let ended = tj.try_submit(alert("too late"), "").await.unwrap_err();
    assert_eq!(refusal_of(&ended), "RECORD_INVALID");
    assert!(ended.message().contains("agreements/UZ.toml:2"), "{ended}");

    // Changed in place, and taken up without a restart.
    let lines = "country = \"UZ\"\n\n[send]\ncompartments = [\"suspects\"]\n";
    agree(&tj, "UZ", lines);
    let reload = ["agreements", "reload", "--home", tj.at()];
    comity(&reload).await.fine();
    let mut record = with_everything();
    record.victims = None;
    record.destinations.truncate(1);
    let refused = tj.try_submit(record, "").await.unwrap_err();
    assert!(
        refused
            .message()
            .contains("`destinations[0].compartments[1]`"),
        "{refused}"
    );
    assert!(
        refused.message().contains("agreements/UZ.toml:4"),
        "{refused}"
    );
    assert!(refused.message().contains("AGREEMENT_FORBIDS"), "{refused}");

    // A broken file changes nothing.
    agree(
        &tj,
        "UZ",
        "country = \"UZ\"\n[send]\nkinds = [\"Rumour\"]\n",
    );
    comity(&reload)
        .await
        .fails(65, &["agreements/UZ.toml:3", "AGREEMENTS_INVALID"]);
    comity(&["agreements", "check", "--home", tj.at()])
        .await
        .fails(78, &["agreements/UZ.toml:3", "`Rumour` is no kind"]);
    let listed = comity(&["agreements", "list", "--home", tj.at()])
        .await
        .fine();
    assert!(
        listed.contains("we send") && listed.contains("suspects"),
        "{listed}"
    );
    tj.submit(alert("still the old agreement")).await;
    let leaves = ledger_bodies(&tj).await;
    let changes = leaves.iter().filter(|leaf| leaf.detail == "agreements");
    assert_eq!(
        changes.count(),
        2,
        "at the start and when it was read again"
    );
    tj.stop().await;
    let error = tj.refuses_to_open().await.to_string();
    assert!(error.contains("agreements/UZ.toml:3"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_reader_does_not_accept_is_answered_and_not_kept() {
    let (mut tj, mut uz) = neighbours().await;
    agree(&uz, "TJ", "country = \"TJ\"\n[accept]\ncompartments = []\n");
    tj.start().await;
    uz.start().await;
    let mut record = with_everything();
    record.victims = None;
    record.destinations.truncate(1);
    let refused = tj.submit(record).await;
    let accepted = tj.submit(alert("situation alone")).await;
    tj.drained().await;
    let receipts = receipts_of(&tj, &refused).await;
    let last = receipts.last().unwrap();
    assert_eq!(last.r#type(), ReceiptType::NonDelivery);
    assert_eq!(last.reason(), NonDeliveryReason::NotAccepted);
    assert_eq!(uz.references().await, [accepted]);

    agree(
        &uz,
        "TJ",
        "country = \"TJ\"\n[accept]\nkinds = [\"Route\"]\n",
    );
    let mut client = uz.operating().await;
    let reload = client.sharing.reload_agreements(ReloadAgreementsRequest {});
    assert_eq!(reload.await.unwrap().into_inner().count, 1);
    let refused = tj.submit(alert("of a kind not accepted")).await;
    eventually("the refusal arrives", async || {
        let receipts = receipts_of(&tj, &refused).await;
        let last = receipts.last().unwrap();
        (last.reason() == NonDeliveryReason::NotAccepted).then_some(())
    })
    .await;
}
