//! Records passed on to a third country.

use comity::{
    envelope,
    wire::{
        envelope::{NonDeliveryReason, ReceiptType},
        node::ComplianceState,
    },
};

use super::{answer, ask, marked};
use crate::support::{
    Country, befriend, comity, complied, eventually, introduce, ledger_bodies, recall, receipts_of,
    refusal_of, show, take_back, try_show,
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
    further.fails(77, &["RECORD_PASSED_ON", "TJ"]);
    onward(&uz, &reference, &["--to", "TJ"])
        .await
        .fails(77, &["READER_HAS_IT"]);
    let own = uz.submit(marked("own", &["KG"], "TLP_GREEN", &[])).await;
    onward(&uz, &own, &["--to", "TJ"])
        .await
        .fails(77, &["RECORD_OWN"]);

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
    too_late.fails(77, &["RECORD_LOCKED"]);
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
    further.fails(77, &["RECORD_PASSED_ON"]);
}

/// The origin hears of those it never sent to: through the reader that passed its record on, with
/// their own signatures.
#[tokio::test(flavor = "multi_thread")]
async fn the_origin_sees_who_complied_that_got_its_record_from_a_reader() {
    let mut all = ["TJ", "UZ", "KG", "KZ"].map(Country::set_up);
    {
        let [tj, uz, kg, kz] = &all;
        // KZ holds the card of TJ, and TJ not that of KZ.
        befriend(&[tj, uz, kg]).await;
        introduce(kz, &[tj, uz]).await;
        introduce(uz, &[kz]).await;
    }
    for country in &mut all {
        country.configure(|config| {
            config.life.shred_delay_s = 0;
            config.life.backups_days = Some(0);
        });
        country.start().await;
    }
    let [tj, uz, kg, kz] = &all;
    let free = marked("free to go", &["UZ"], "TLP_GREEN", &[]);
    let reference = tj.submit(free).await;
    uz.receives(&reference).await;
    for to in [kg, kz] {
        let passed = onward(uz, &reference, &["--to", to.code]).await.fine();
        to.receives(passed.trim()).await;
        if to.code == "KZ" {
            let hold = ["hold", "set", passed.trim(), "--ground", "EXERCISE: a case"];
            comity(&[&hold[..], &["--home", to.at()]].concat())
                .await
                .fine();
        }
    }
    take_back(tj, &[&reference]).await.unwrap();
    let erased = complied(tj, &reference, "KG", ComplianceState::Erased).await;
    assert_eq!((&*erased.passed_on_by, &*erased.unverified), ("UZ", ""));
    assert!(erased.since_us > 0 && !erased.backups_unknown);
    // Anybody who holds the card of KG checks it.
    let proof = erased.proof.unwrap();
    let receipt = envelope::verify_proof(&proof, "KG".parse().unwrap(), &*tj.node().book());
    let receipt = receipt.unwrap();
    assert_eq!(
        (&*receipt.origin, receipt.r#type()),
        ("UZ", ReceiptType::Erased)
    );
    let held = complied(tj, &reference, "KZ", ComplianceState::Held).await;
    assert_eq!(
        (&*held.passed_on_by, &*held.ground),
        ("UZ", "EXERCISE: a case")
    );
    assert!(
        held.unverified.contains("no card held here of KZ"),
        "{}",
        held.unverified
    );
    let own = complied(tj, &reference, "UZ", ComplianceState::Erased).await;
    assert_eq!(own.passed_on_by, "");
    let table = comity(&["recall", "status", &reference, "--home", tj.at()])
        .await
        .fine();
    assert!(table.contains("KG by way of UZ"), "{table}");
    assert!(table.contains("NOT VERIFIED"), "{table}");

    // With the card of KZ what was kept is verified; a rebuild keeps all of it.
    let [tj, .., kz] = &mut all;
    tj.stop().await;
    std::fs::remove_dir_all(tj.layout().index()).unwrap();
    introduce(tj, &[kz]).await;
    tj.start().await;
    let held = complied(tj, &reference, "KZ", ComplianceState::Held).await;
    assert_eq!(held.unverified, "");
    complied(tj, &reference, "KG", ComplianceState::Erased).await;
    // Each was sent once.
    let sent = ledger_bodies(tj).await.into_iter();
    let sent = sent.filter(|leaf| leaf.detail == "late-receipts" && leaf.peer == "UZ");
    // UZ's own, and KG's and KZ's together or one by one.
    let count = sent.count();
    assert!((2..=3).contains(&count), "{count}");
}
