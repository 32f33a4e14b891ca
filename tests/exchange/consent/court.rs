//! Export for court.

use std::{fs, path::Path};

use comity::wire::{
    envelope::{ConsentUse, ReceiptType},
    ledger::ReadingPurpose,
    node::ExportRecordRequest,
};
use serde_json::Value;

use super::{answer, ask, consents, marked, stands};
use crate::support::{
    CASE, Country, Ended, alert, comity, eventually, ledger_bodies, neighbours, recall,
    receipts_of, refusal_of, show,
};

const COURT: &str = "EXERCISE City Court";

async fn export(at: &Country, reference: &str, court: &str, dir: &Path) -> Ended {
    comity(&[
        "export",
        reference,
        "--for-court",
        court,
        "--purpose",
        "prosecution",
        "--case",
        CASE,
        "--output-dir",
        dir.to_str().unwrap(),
        "--home",
        at.at(),
    ])
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn no_court_sees_h1_before_the_origin_consents_to_that_very_use() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("export");
    let h1 = marked("for court", &["UZ"], "TLP_GREEN", &["HANDLING_CODE_H1"]);
    let reference = tj.submit(h1).await;
    uz.receives(&reference).await;
    let blocked = export(&uz, &reference, COURT, &dir).await;
    blocked.fails(77, &["CONSENT_NEEDED", "(H1)"]);
    assert!(!dir.exists());

    // Refused: still blocked.
    let of = ["--use", "court", "--beneficiary", COURT];
    let first = ask(&uz, &tj, &reference, &of).await;
    let seen = stands(&tj, "CONSENT_STATE_OPEN").await;
    assert_eq!(
        (&seen["reference"], &seen["requester"]),
        (&first.as_str().into(), &"UZ".into())
    );
    assert_eq!(seen["record"], *reference);
    let refuse = ["refuse", "--reason", "EXERCISE: not in open court"];
    answer(&tj, &uz, &first, &refuse, "CONSENT_STATE_REFUSED").await;
    export(&uz, &reference, COURT, &dir)
        .await
        .fails(77, &["CONSENT_NEEDED"]);
    let late = comity(&["consent", "grant", &first, "--home", tj.at()]).await;
    late.fails(77, &["ALREADY_ANSWERED"]);

    // Granted: exactly that, once.
    let second = ask(&uz, &tj, &reference, &of).await;
    answer(&tj, &uz, &second, &["grant"], "CONSENT_STATE_GRANTED").await;
    let elsewhere = export(&uz, &reference, "EXERCISE another court", &dir).await;
    elsewhere.fails(77, &["CONSENT_NOT_FOR_THIS", "another beneficiary"]);
    assert!(!dir.exists());
    export(&uz, &reference, COURT, &dir).await.fine();
    let read = |name: &str| fs::read_to_string(dir.join(name)).unwrap();
    let record: Value = serde_json::from_str(&read("record.json")).unwrap();
    assert_eq!(record["situation"]["title"], "EXERCISE for court");
    assert!(read("report.txt").starts_with("EXERCISE"));
    assert!(read("report.txt").contains("situation.title: EXERCISE for court"));
    let digests: Value = serde_json::from_str(&read("digests.json")).unwrap();
    for name in [
        "record.json",
        "header.json",
        "receipts.json",
        "proof.json",
        "consent.json",
    ] {
        let digest = comity::crypto::Digest::of(read(name).as_bytes());
        assert_eq!(digests[name], digest.to_string(), "{name}");
    }
    let leaves = ledger_bodies(&uz).await;
    let leaf = leaves
        .iter()
        .find(|leaf| leaf.detail == "court-export")
        .unwrap();
    assert!(leaf.purpose.starts_with(COURT), "{leaf:?}");
    assert_eq!(leaf.compartments, [1, 2], "labels stand in the leaf");

    let again = folder.path().join("again");
    export(&uz, &reference, COURT, &again)
        .await
        .fails(77, &["CONSENT_USED"]);
    stands(&uz, "CONSENT_STATE_USED").await;
    // What was used stays used, whatever becomes of the index.
    uz.stop().await;
    fs::remove_dir_all(uz.layout().index()).unwrap();
    uz.start().await;
    export(&uz, &reference, COURT, &again)
        .await
        .fails(77, &["CONSENT_USED"]);
    assert_eq!(consents(&uz).await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_consent_serves_one_of_two_exports_at_the_same_time() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let h1 = marked("raced for", &["UZ"], "TLP_GREEN", &["HANDLING_CODE_H1"]);
    let reference = tj.submit(h1).await;
    uz.receives(&reference).await;
    let request = ask(
        &uz,
        &tj,
        &reference,
        &["--use", "court", "--beneficiary", COURT],
    )
    .await;
    answer(&tj, &uz, &request, &["grant"], "CONSENT_STATE_GRANTED").await;
    let export = async || {
        let mut client = uz.client().await;
        let request = ExportRecordRequest {
            reference: reference.clone(),
            beneficiary: COURT.to_owned(),
            reading_purpose: ReadingPurpose::Investigation.into(),
            case_reference: CASE.to_owned(),
            ..ExportRecordRequest::default()
        };
        client.consents.export_record(request).await
    };
    let (a, b, c, d) = tokio::join!(export(), export(), export(), export());
    let (fine, refused): (Vec<_>, Vec<_>) = [a, b, c, d].into_iter().partition(Result::is_ok);
    assert_eq!(fine.len(), 1);
    for refused in refused {
        assert_eq!(refusal_of(&refused.unwrap_err()), "CONSENT_USED");
    }
    let leaves = ledger_bodies(&uz).await;
    let leaves = leaves.iter().filter(|leaf| leaf.detail == "court-export");
    assert_eq!(leaves.count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_that_make_no_sense_are_refused_by_name() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let free = tj.submit(marked("free", &["UZ"], "TLP_GREEN", &[])).await;
    let h2 = marked("bound", &["UZ"], "TLP_GREEN", &["HANDLING_CODE_H2"]);
    let bound = tj.submit(h2).await;
    uz.receives(&bound).await;
    let own = uz.submit({
        let mut own = alert("own");
        own.destinations[0].country = "TJ".to_owned();
        own
    });
    let own = own.await;
    let request = async |reference: &str, of: &[&str]| {
        let fixed = ["consent", "request", reference, "--home", uz.at()];
        comity(&[&fixed[..], of].concat()).await
    };
    let court = ["--use", "court", "--beneficiary", COURT, "--ground", "x"];
    request(&free, &court)
        .await
        .fails(77, &["CONSENT_NOT_NEEDED"]);
    request(&own, &court).await.fails(77, &["RECORD_OWN"]);
    // H2 binds passing on, not the court.
    request(&bound, &court)
        .await
        .fails(77, &["CONSENT_NOT_NEEDED"]);
    let onward = |to: &'static str| ["--use", "onward", "--beneficiary", to, "--ground", "x"];
    request(&bound, &onward("KG,AE"))
        .await
        .fails(65, &["BENEFICIARY_INVALID"]);
    request(&bound, &onward("TJ"))
        .await
        .fails(77, &["READER_HAS_IT"]);
    let source = [&onward("KG")[..], &["--compartments", "source"]].concat();
    request(&bound, &source)
        .await
        .fails(65, &["COMPARTMENT_NOT_HELD", "`source`"]);
    let rumours = [&onward("KG")[..], &["--compartments", "rumours"]].concat();
    request(&bound, &rumours)
        .await
        .fails(64, &["no compartment"]);
    let nothing = ["--use", "onward", "--beneficiary", "KG", "--ground", ""];
    request(&bound, &nothing)
        .await
        .fails(65, &["step.consentRequest.ground"]);

    let grant = ["consent", "grant", &bound, "--home", tj.at()];
    comity(&grant).await.fails(65, &["REQUEST_UNKNOWN"]);
    let asked = ask(
        &uz,
        &tj,
        &bound,
        &["--use", "onward", "--beneficiary", "KG"],
    )
    .await;
    let own_request = ["consent", "grant", &asked, "--home", uz.at()];
    comity(&own_request).await.fails(65, &["REQUEST_UNKNOWN"]);
    let unasked = [
        "consent",
        "refuse",
        &asked,
        "--reason",
        "",
        "--home",
        tj.at(),
    ];
    comity(&unasked)
        .await
        .fails(65, &["step.consentAnswer.reason"]);

    // A consent to pass on is none for the court, and a recalled record is exported to nobody.
    let strict = marked("strict", &["UZ"], "TLP_RED", &[]);
    let strict = tj.submit(strict).await;
    uz.receives(&strict).await;
    let asked = ask(
        &uz,
        &tj,
        &strict,
        &["--use", "onward", "--beneficiary", "KG"],
    )
    .await;
    answer(
        &tj,
        &uz,
        &asked,
        &["grant", "--reusable"],
        "CONSENT_STATE_GRANTED",
    )
    .await;
    let export = ExportRecordRequest {
        reference: strict.clone(),
        beneficiary: "KG".to_owned(),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..ExportRecordRequest::default()
    };
    let mut client = uz.client().await;
    let refused = client
        .consents
        .export_record(export.clone())
        .await
        .unwrap_err();
    assert_eq!(refusal_of(&refused), "CONSENT_NOT_FOR_THIS");
    assert!(
        refused.message().contains(ConsentUse::Onward.as_str_name()),
        "{refused}"
    );
    let late = ask(
        &uz,
        &tj,
        &strict,
        &["--use", "onward", "--beneficiary", "KZ"],
    )
    .await;
    let step = recall(&tj, &strict, &["UZ"]).await.unwrap();
    uz.receives(&step).await;
    let grant = ["consent", "grant", &late, "--home", tj.at()];
    comity(&grant).await.fails(77, &["RECORD_LOCKED", &strict]);
    let refused = client.consents.export_record(export).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
}

/// An export shows the text: the origin is told, once, whether or not anybody read the record before.
#[tokio::test(flavor = "multi_thread")]
async fn an_export_that_nobody_read_before_tells_the_origin_that_the_text_was_shown() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let folder = tempfile::tempdir().unwrap();
    let free = marked("never read", &["UZ"], "TLP_GREEN", &[]);
    let reference = tj.submit(free).await;
    uz.receives(&reference).await;
    for name in ["first", "second"] {
        export(&uz, &reference, COURT, &folder.path().join(name))
            .await
            .fine();
    }
    let retrievals = async || {
        let receipts = receipts_of(&tj, &reference).await.into_iter();
        let kind = ReceiptType::Retrieval;
        receipts.filter(|of| of.r#type() == kind).count()
    };
    eventually("TJ is told", async || {
        (retrievals().await == 1).then_some(())
    })
    .await;
    show(&uz, &reference).await;
    // What UZ owes after this comes after what it owed before.
    let marker = tj.submit(marked("marker", &["UZ"], "TLP_GREEN", &[])).await;
    uz.receives(&marker).await;
    show(&uz, &marker).await;
    eventually("TJ is told of the marker", async || {
        let receipts = receipts_of(&tj, &marker).await;
        let kind = ReceiptType::Retrieval;
        receipts.iter().any(|of| of.r#type() == kind).then_some(())
    })
    .await;
    assert_eq!(retrievals().await, 1);
    // An own record has no other origin to tell.
    export(&tj, &reference, COURT, &folder.path().join("own"))
        .await
        .fine();
    assert_eq!(retrievals().await, 1);
}
