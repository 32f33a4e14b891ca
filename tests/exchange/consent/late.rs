//! Consent that comes too late, or about what is gone.

use std::{
    fs::File,
    os::unix::fs::FileExt as _,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use comity::{
    envelope::sign_token,
    node::{steps::StepOrder, submit::SubmitError, system_clock},
    wire::{
        envelope::{ConsentToken, ConsentUse, NonDeliveryReason, ReceiptType},
        record::{CompartmentLabel, ConsentAnswer, ConsentRequest, step::Step},
    },
};

use super::{answer, ask, consents, marked, stands};
use crate::support::{
    Country, DAY_US, befriend, comity, digest_of, eventually, ledger_bodies, neighbours, off,
    recall, receipts_of, refusal_of, try_show,
};

const COURT: &str = "EXERCISE City Court";

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_past_its_end_allows_nothing() {
    let (mut tj, mut uz) = neighbours().await;
    let by = Arc::new(AtomicI64::new(0));
    tj.start_with(off(&by)).await;
    uz.start_with(off(&by)).await;
    let h1 = marked("bound", &["UZ"], "TLP_GREEN", &["HANDLING_CODE_H1"]);
    let reference = tj.submit(h1).await;
    uz.receives(&reference).await;
    let of = ["--use", "court", "--beneficiary", COURT];
    let request = ask(&uz, &tj, &reference, &of).await;
    answer(
        &tj,
        &uz,
        &request,
        &["grant", "--days", "1"],
        "CONSENT_STATE_GRANTED",
    )
    .await;
    for at in [&mut tj, &mut uz] {
        at.stop().await;
    }
    by.store(2 * DAY_US, Ordering::SeqCst);
    for at in [&mut tj, &mut uz] {
        at.start_with(off(&by)).await;
    }
    stands(&uz, "CONSENT_STATE_EXPIRED").await;
    let export = [
        "export",
        &reference,
        "--purpose",
        "prosecution",
        "--case",
        "EXERCISE-1",
        "--for-court",
        COURT,
        "--output-dir",
        "/nonexistent/x/y",
        "--home",
        uz.at(),
    ];
    comity(&export).await.fails(73, &["cannot be written"]);
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("export");
    let export = [
        "export",
        &reference,
        "--purpose",
        "prosecution",
        "--case",
        "EXERCISE-1",
        "--for-court",
        COURT,
        "--output-dir",
        dir.to_str().unwrap(),
        "--home",
        uz.at(),
    ];
    let refused = eventually("UZ knows that its clock is right", async || {
        let ended = comity(&export).await;
        (!ended.stderr.contains("CLOCK_APART")).then_some(ended)
    });
    refused.await.fails(77, &["CONSENT_NOT_FOR_THIS"]);
    assert!(!dir.exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_about_a_record_recalled_meanwhile_is_refused_and_never_granted() {
    let mut all = ["TJ", "UZ", "KG"].map(Country::set_up);
    befriend(&[&all[0], &all[1], &all[2]]).await;
    for country in &mut all {
        country.start().await;
    }
    let [tj, uz, _kg] = &all;
    let h2 = || marked("bound", &["UZ"], "TLP_GREEN", &["HANDLING_CODE_H2"]);
    let (asked, granted) = (tj.submit(h2()).await, tj.submit(h2()).await);
    uz.receives(&asked).await;
    uz.receives(&granted).await;
    let of = ["--use", "onward", "--beneficiary", "KG"];
    let other = ask(uz, tj, &granted, &of).await;
    answer(tj, uz, &other, &["grant"], "CONSENT_STATE_GRANTED").await;
    let request = ask(uz, tj, &asked, &of).await;
    for reference in [&asked, &granted] {
        recall(tj, reference, &["UZ"]).await.unwrap();
        eventually("UZ locks it", async || {
            let refused = try_show(uz, reference).await.err()?;
            (refusal_of(&refused) == "RECORD_LOCKED").then_some(())
        })
        .await;
    }
    // A consent held is none any more once the record is gone.
    let pass = [
        "onward",
        &granted,
        "--to",
        "KG",
        "--ground",
        "x",
        "--home",
        uz.at(),
    ];
    comity(&pass).await.fails(77, &["RECORD_LOCKED"]);
    let grant = ["consent", "grant", &request, "--home", tj.at()];
    comity(&grant).await.fails(77, &["RECORD_LOCKED"]);
    let refuse = ["refuse", "--reason", "EXERCISE: recalled"];
    answer(tj, uz, &request, &refuse, "CONSENT_STATE_REFUSED").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_checked_like_any_record() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let h1 = marked("bound", &["UZ"], "TLP_GREEN", &["HANDLING_CODE_H1"]);
    let reference = tj.submit(h1).await;
    uz.receives(&reference).await;
    let request = |purpose: ConsentUse, beneficiary: &str, labels: &[i32]| ConsentRequest {
        r#use: purpose.into(),
        compartments: labels.to_vec(),
        beneficiary: beneficiary.to_owned(),
        ground: "EXERCISE".to_owned(),
        answer_by: None,
    };
    let situation = CompartmentLabel::Situation as i32;
    let long = "x".repeat(257);
    for (bad, field) in [
        (
            request(ConsentUse::Court, "City \u{202e}truoC", &[situation]),
            "beneficiary",
        ),
        (
            request(ConsentUse::Court, &long, &[situation]),
            "beneficiary",
        ),
        (
            request(ConsentUse::Onward, "everybody", &[situation]),
            "beneficiary",
        ),
        (request(ConsentUse::Unspecified, COURT, &[situation]), "use"),
        (request(ConsentUse::Court, COURT, &[99]), "compartments[0]"),
    ] {
        let order = StepOrder {
            followed: digest_of(&uz, &reference).await,
            reference: reference.parse().unwrap(),
            destinations: vec!["TJ".parse().unwrap()],
            step: Step::ConsentRequest(bad),
            exercise: true,
            actor: "UZ/officer/local".to_owned(),
            key: String::new(),
        };
        let Err(SubmitError::Invalid(found)) = uz.node().submit_step(order).await else {
            panic!("{field} is not refused");
        };
        let path = format!("step.consentRequest.{field}");
        assert!(found.iter().any(|of| of.field == path), "{found}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_a_leaf_and_a_damaged_request_hides_no_other() {
    let (mut tj, mut uz) = neighbours().await;
    tj.configure(|config| config.store.scrub_mib_s = 0);
    tj.start().await;
    uz.start().await;
    let h1 = || marked("bound", &["UZ"], "TLP_GREEN", &["HANDLING_CODE_H1"]);
    let (one, other) = (tj.submit(h1()).await, tj.submit(h1()).await);
    uz.receives(&one).await;
    uz.receives(&other).await;
    let of = ["--use", "court", "--beneficiary", COURT];
    let first = ask(&uz, &tj, &one, &of).await;
    ask(&uz, &tj, &other, &of).await;
    let before = listings(&tj).await;
    assert_eq!(consents(&tj).await.len(), 2);
    assert_eq!(listings(&tj).await, before + 1);
    // One bit of the first request's ciphertext.
    let number = tj.node().find(&first.parse().unwrap()).unwrap();
    let row = comity::inbox::ask::record(tj.node().store(), number)
        .unwrap()
        .unwrap();
    let place = row.place.to_bytes();
    let segment = u32::from_be_bytes(place[..4].try_into().unwrap());
    let offset = u64::from_be_bytes(place[4..].try_into().unwrap());
    let path = tj.layout().journal().join(format!("{segment:08}.seg"));
    let file = File::options().read(true).write(true).open(path).unwrap();
    let word = |at: u64| {
        let mut four = [0; 4];
        file.read_exact_at(&mut four, offset + at).unwrap();
        u64::from(u32::from_be_bytes(four))
    };
    let middle = offset + 44 + 36 * word(4) + 16 + word(0) + word(44) / 2;
    let mut byte = [0];
    file.read_exact_at(&mut byte, middle).unwrap();
    file.write_all_at(&[byte[0] ^ 0x20], middle).unwrap();
    let shown = consents(&tj).await;
    let states: Vec<_> = shown
        .iter()
        .map(|of| of["state"].as_str().unwrap())
        .collect();
    assert_eq!(states, ["CONSENT_STATE_OPEN", "CONSENT_STATE_UNREADABLE"]);
    assert_eq!(shown[1]["reference"], first);
}

async fn listings(at: &Country) -> usize {
    let bodies = ledger_bodies(at).await;
    bodies.iter().filter(|leaf| leaf.detail == "listed").count()
}

/// An origin whose token is for another request than its answer says.
#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_answers_another_request_is_refused() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let h1 = marked("bound", &["UZ"], "TLP_GREEN", &["HANDLING_CODE_H1"]);
    let reference = tj.submit(h1).await;
    uz.receives(&reference).await;
    let of = [
        "--use",
        "court",
        "--beneficiary",
        COURT,
        "--compartments",
        "situation",
    ];
    let request = ask(&uz, &tj, &reference, &of).await;
    let header = digest_of(&tj, &reference).await;
    let token = ConsentToken {
        header_digest: header.to_vec().into(),
        origin: "TJ".to_owned(),
        grantee: "UZ".to_owned(),
        r#use: ConsentUse::Court.into(),
        compartments: vec![1],
        beneficiary: COURT.to_owned(),
        request_digest: vec![7; 32].into(),
        expires_at: Some((system_clock()() + Duration::from_secs(86_400)).into()),
        nonce: vec![1; 16].into(),
        single_use: true,
    };
    let order = StepOrder {
        followed: header,
        reference: reference.parse().unwrap(),
        destinations: vec!["UZ".parse().unwrap()],
        step: Step::ConsentAnswer(ConsentAnswer {
            request_digest: digest_of(&tj, &request).await.to_vec(),
            granted: true,
            reason: String::new(),
            token: Some(sign_token(&token, &tj.home().signing_key().unwrap())),
        }),
        exercise: true,
        actor: "TJ/officer/local".to_owned(),
        key: String::new(),
    };
    let answer = tj.node().submit_step(order).await.unwrap();
    let answer = answer.reference.to_string();
    let receipt = eventually("UZ answers", async || {
        receipts_of(&tj, &answer).await.into_iter().nth(1)
    })
    .await;
    assert_eq!(receipt.r#type(), ReceiptType::NonDelivery);
    assert_eq!(receipt.reason(), NonDeliveryReason::MalformedContent);
    stands(&uz, "CONSENT_STATE_OPEN").await;
}
