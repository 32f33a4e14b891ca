//! Records passed on to a third country.

use comity::wire::envelope::{NonDeliveryReason, ReceiptType};

use super::{answer, ask, marked};
use crate::support::{
    Country, befriend, comity, eventually, ledger_bodies, recall, receipts_of, refusal_of, show,
    try_show,
};

/// TJ, UZ and KG, who know each other, and KZ, who knows UZ alone.
async fn four() -> [Country; 4] {
    let mut all = ["TJ", "UZ", "KG", "KZ"].map(Country::set_up);
    {
        let [tj, uz, kg, kz] = &all;
        befriend(&[tj, uz, kg]).await;
        befriend(&[uz, kz]).await;
    }
    for country in &mut all {
        country.start().await;
    }
    all
}

async fn onward(at: &Country, reference: &str, of: &[&str]) -> crate::support::Ended {
    let fixed = [
        "onward",
        reference,
        "--home",
        at.at(),
        "--ground",
        "EXERCISE: the same group",
    ];
    comity(&[&fixed[..], of].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_record_is_passed_on_with_its_origins_signature_and_recalled_there_too() {
    let [tj, uz, kg, kz] = four().await;
    let free = marked("free to go", &["UZ"], "TLP_GREEN", &[]);
    let reference = tj.submit(free).await;
    uz.receives(&reference).await;
    let passed = onward(&uz, &reference, &["--to", "KG"]).await.fine();
    let passed = passed.trim();
    kg.receives(passed).await;
    let shown = show(&kg, passed).await;
    let original = shown.original.unwrap();
    assert_eq!(shown.original_origin, "TJ");
    assert_eq!(original.reference, reference);
    assert!(original.situation.is_some() && original.suspects.is_none());
    let summary = shown.summary.unwrap();
    assert_eq!((&*summary.origin, &*summary.kind), ("UZ", "Alert"));
    assert_eq!(summary.title, "EXERCISE free to go");
    let text = comity(&["records", "show", passed, "--home", kg.at()])
        .await
        .fine();
    assert!(
        text.contains("sealed by TJ") && !text.contains("openings"),
        "{text}"
    );
    let leaves = ledger_bodies(&uz).await;
    let leaf = leaves.iter().find(|leaf| leaf.detail == "onward").unwrap();
    assert_eq!(leaf.peer, "KG");

    // Nobody passes on what was passed on, nor to whom has it.
    let further = onward(&kg, passed, &["--to", "KZ"]).await;
    further.fails(70, &["RECORD_PASSED_ON", "TJ"]);
    onward(&uz, &reference, &["--to", "TJ"])
        .await
        .fails(70, &["READER_HAS_IT"]);
    let own = uz.submit(marked("own", &["KG"], "TLP_GREEN", &[])).await;
    onward(&uz, &own, &["--to", "TJ"])
        .await
        .fails(70, &["RECORD_OWN"]);

    // KZ does not hold the card of TJ: it can check nothing and keeps nothing.
    let unknown = onward(&uz, &reference, &["--to", "KZ"]).await.fine();
    let receipt = eventually("KZ answers", async || {
        receipts_of(&uz, unknown.trim()).await.into_iter().nth(1)
    })
    .await;
    assert_eq!(receipt.r#type(), ReceiptType::NonDelivery);
    assert_eq!(receipt.reason(), NonDeliveryReason::OriginUnknown);
    assert!(kz.references().await.is_empty());

    // The origin's recall reaches KG through UZ.
    recall(&tj, &reference, &["UZ"]).await.unwrap();
    eventually("KG locks what was passed on", async || {
        let refused = try_show(&kg, passed).await.err()?;
        (refusal_of(&refused) == "RECORD_LOCKED").then_some(())
    })
    .await;
    let too_late = onward(&uz, &reference, &["--to", "KG"]).await;
    too_late.fails(70, &["RECORD_LOCKED"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_and_tlp_hold_a_record_until_the_origin_consents_to_that_reader() {
    let [tj, uz, kg, _kz] = four().await;
    let h2 = marked("bound", &["UZ"], "TLP_AMBER", &["HANDLING_CODE_H2"]);
    let reference = tj.submit(h2).await;
    uz.receives(&reference).await;
    let to_kg = [
        "--to",
        "KG/prosecutor-general",
        "--compartments",
        "suspects",
    ];
    let blocked = onward(&uz, &reference, &to_kg).await;
    blocked.fails(77, &["CONSENT_NEEDED", "(H2, TLP:AMBER)"]);

    let of = [
        "--use",
        "onward",
        "--beneficiary",
        "KG/prosecutor-general",
        "--compartments",
        "situation,suspects",
    ];
    let request = ask(&uz, &tj, &reference, &of).await;
    answer(&tj, &uz, &request, &["grant"], "CONSENT_STATE_GRANTED").await;
    let desk = onward(&uz, &reference, &["--to", "KG"]).await;
    desk.fails(77, &["CONSENT_NOT_FOR_THIS", "another beneficiary"]);
    let passed = onward(&uz, &reference, &to_kg).await.fine();
    let passed = passed.trim();
    kg.receives(passed).await;
    let shown = show(&kg, passed).await;
    let original = shown.original.unwrap();
    assert!(original.suspects.is_some());
    assert_eq!(
        original.marking,
        shown.record.unwrap().marking,
        "the markings go along"
    );
    onward(&uz, &reference, &to_kg)
        .await
        .fails(77, &["CONSENT_USED"]);
    // KG is bound as UZ is, and UZ cannot free it.
    let export = [
        "export",
        passed,
        "--purpose",
        "prosecution",
        "--case",
        "EXERCISE-1",
        "--for-court",
        "EXERCISE court",
        "--output-dir",
        "/nonexistent/x",
        "--home",
        kg.at(),
    ];
    comity(&export).await.fails(73, &["cannot be written"]);
    let further = onward(&kg, passed, &["--to", "KZ"]).await;
    further.fails(70, &["RECORD_PASSED_ON"]);
}
