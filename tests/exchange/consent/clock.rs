//! Consent and clocks: no clock revives consent, and none refuses what was used in time.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use comity::wire::envelope::ReceiptType;

use super::{answer, ask, marked};
use crate::support::{Country, DAY_US, befriend, comity, eventually, neighbours, off, receipts_of};

#[tokio::test(flavor = "multi_thread")]
async fn consent_is_not_used_by_a_clock_that_is_apart() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    let by = Arc::new(AtomicI64::new(0));
    uz.start_with(off(&by)).await;
    let h1 = marked("for court", &["UZ"], "TLP_GREEN", &["HANDLING_CODE_H1"]);
    let reference = tj.submit(h1).await;
    uz.receives(&reference).await;
    let of = ["--use", "court", "--beneficiary", "EXERCISE court"];
    let request = ask(&uz, &tj, &reference, &of).await;
    let grant = ["grant", "--days", "2"];
    answer(&tj, &uz, &request, &grant, "CONSENT_STATE_GRANTED").await;
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("export");
    let home = uz.at().to_owned();
    let export = [
        "export",
        &reference,
        "--purpose",
        "prosecution",
        "--case",
        "EXERCISE-1",
        "--for-court",
        "EXERCISE court",
        "--output-dir",
        dir.to_str().unwrap(),
        "--home",
        &home,
    ];
    uz.stop().await;
    // Five days later consent is over, and a clock set back does not bring it back.
    tj.stop().await;
    let later = Arc::new(AtomicI64::new(5 * DAY_US));
    tj.start_with(off(&later)).await;
    uz.start_with(off(&by)).await;
    uz.linked("TJ").await;
    let refused = comity(&export).await;
    assert!(refused.stderr.contains("CLOCK_APART"), "{}", refused.stderr);
    assert!(!dir.exists());
    uz.stop().await;
    by.store(5 * DAY_US, Ordering::SeqCst);
    uz.start_with(off(&by)).await;
    uz.linked("TJ").await;
    comity(&export).await.fails(77, &["CONSENT_NOT_FOR_THIS"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_used_in_time_counts_however_late_the_record_comes() {
    let mut all = ["TJ", "UZ", "KG"].map(Country::set_up);
    befriend(&[&all[0], &all[1], &all[2]]).await;
    all[0].start().await;
    all[1].start().await;
    let [tj, uz, kg] = &mut all;
    let h2 = marked("bound", &["UZ"], "TLP_GREEN", &["HANDLING_CODE_H2"]);
    let reference = tj.submit(h2).await;
    uz.receives(&reference).await;
    let of = [
        "--use",
        "onward",
        "--beneficiary",
        "KG",
        "--compartments",
        "situation",
    ];
    let request = ask(uz, tj, &reference, &of).await;
    let grant = ["grant", "--days", "2"];
    answer(tj, uz, &request, &grant, "CONSENT_STATE_GRANTED").await;
    let pass = [
        "onward",
        &reference,
        "--to",
        "KG",
        "--ground",
        "EXERCISE: x",
        "--home",
        uz.at(),
    ];
    let passed = comity(&pass).await.fine().trim().to_owned();
    tj.stop().await;
    uz.stop().await;
    let later = Arc::new(AtomicI64::new(5 * DAY_US));
    uz.start_with(off(&later)).await;
    kg.start_with(off(&later)).await;
    kg.receives(&passed).await;
    let receipt = eventually("KG answers", async || {
        receipts_of(uz, &passed).await.into_iter().nth(1)
    })
    .await;
    assert_eq!(receipt.r#type(), ReceiptType::Delivery);
}
