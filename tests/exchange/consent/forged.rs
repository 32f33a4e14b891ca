//! A forwarder that forges: each forgery is refused by the new reader, by name, and nothing is kept.

use comity::{
    crypto::{Digest, SigningKey},
    envelope::sign_token,
    node::submit::Intent,
    wire::{
        envelope::{ConsentToken, ConsentUse, NonDeliveryReason},
        record::{CountryRole, Destination, HandlingCode, Onward, Record, Tlp},
    },
};
use prost::Message as _;

use super::{answer, ask, marked};
use crate::support::{Country, befriend, comity, eventually, receipts_of, show};

/// What a change is called, the change, and the answer that it gets.
type Forgery = (&'static str, fn(&mut Record), NonDeliveryReason);

/// A change of the onward message.
fn onward_of(record: &mut Record) -> &mut Onward {
    record.onward.as_mut().unwrap()
}

/// A token as UZ would like it, signed by `key`.
fn forge(record: &mut Record, key: &SigningKey, change: impl FnOnce(&mut ConsentToken)) {
    let onward = onward_of(record);
    let header = Digest::of(&onward.original.as_ref().unwrap().header);
    let mut token = ConsentToken {
        header_digest: header.to_vec().into(),
        origin: "TJ".to_owned(),
        grantee: "UZ".to_owned(),
        r#use: ConsentUse::Onward.into(),
        compartments: vec![1],
        beneficiary: "KG".to_owned(),
        request_digest: vec![0; 32].into(),
        expires_at: Some(prost_types::Timestamp {
            seconds: 4_000_000_000,
            nanos: 0,
        }),
        nonce: vec![1; 16].into(),
        single_use: false,
    };
    change(&mut token);
    onward.consent = Some(sign_token(&token, key));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_forgery_of_a_forwarder_is_refused() {
    let mut all = ["TJ", "UZ", "KG"].map(Country::set_up);
    befriend(&[&all[0], &all[1], &all[2]]).await;
    for country in &mut all {
        country.start().await;
    }
    let [tj, uz, kg] = &all;
    // One record whose consent is real, for its parts.
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
    answer(
        tj,
        uz,
        &request,
        &["grant", "--reusable"],
        "CONSENT_STATE_GRANTED",
    )
    .await;
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
    let real = comity(&pass).await.fine().trim().to_owned();
    kg.receives(&real).await;
    let mut genuine = show(uz, &real).await.record.unwrap();
    genuine.reference.clear();
    genuine.submitted_at = None;
    let invalid = NonDeliveryReason::OnwardInvalid;
    let forgeries: [Forgery; 9] = [
        (
            "no consent",
            |record| onward_of(record).consent = None,
            invalid,
        ),
        (
            "a consent that UZ signed itself",
            |record| {
                let own = SigningKey::from_seed(&[9; 32]).unwrap();
                forge(record, &own, |_| {});
            },
            invalid,
        ),
        (
            "an altered consent",
            |record| {
                let consent = onward_of(record).consent.as_mut().unwrap();
                let mut token = ConsentToken::decode(consent.token.clone()).unwrap();
                token.beneficiary = "KG/prosecutor-general".to_owned();
                consent.token = token.encode_to_vec().into();
                record.destinations[0].authorities = vec!["prosecutor-general".to_owned()];
            },
            invalid,
        ),
        (
            "another reader than consented",
            |record| record.destinations[0].authorities = vec!["national-police".to_owned()],
            invalid,
        ),
        (
            "weaker markings",
            |record| {
                let marking = record.marking.as_mut().unwrap();
                marking.handling = vec![HandlingCode::H0.into()];
                marking.tlp = Tlp::Clear.into();
            },
            invalid,
        ),
        (
            "a changed header",
            |record| {
                let original = onward_of(record).original.as_mut().unwrap();
                let mut header = original.header.to_vec();
                *header.last_mut().unwrap() ^= 1;
                original.header = header.into();
            },
            invalid,
        ),
        (
            "changed ciphertext",
            |record| {
                let original = onward_of(record).original.as_mut().unwrap();
                let mut bytes = original.compartments[0].ciphertext.to_vec();
                bytes[0] ^= 1;
                original.compartments[0].ciphertext = bytes.into();
            },
            invalid,
        ),
        (
            "another key",
            |record| onward_of(record).openings[0].key = vec![3; 32].into(),
            invalid,
        ),
        (
            "a key that no card vouches for",
            |record| onward_of(record).original.as_mut().unwrap().key_id = vec![3; 8].into(),
            NonDeliveryReason::OriginUnknown,
        ),
    ];
    let mut sent = Vec::new();
    for (name, change, reason) in forgeries {
        let mut record = genuine.clone();
        change(&mut record);
        sent.push((name, submit(uz, record).await, reason));
    }
    // A reader whom nobody named may not pass on either: KG tries with what it was given.
    let mut passed = show(kg, &real).await.record.unwrap();
    passed.reference.clear();
    passed.submitted_at = None;
    passed.destinations = vec![Destination {
        country: "UZ".to_owned(),
        role: CountryRole::Transit.into(),
        ..Destination::default()
    }];
    let stolen = submit(kg, passed).await;
    for (at, name, reference, reason) in sent
        .iter()
        .map(|(name, reference, reason)| (uz, *name, reference, *reason))
        .chain([(kg, "no destination of the original", &stolen, invalid)])
    {
        let receipt = eventually(name, async || {
            receipts_of(at, reference).await.into_iter().nth(1)
        })
        .await;
        assert_eq!(receipt.reason(), reason, "{name}");
    }
    let held = kg.references().await;
    let of_uz: Vec<_> = held.iter().filter(|of| of.starts_with("UZ")).collect();
    assert_eq!(of_uz, [&real], "nothing forged is held");

    // Clients cannot submit such a record at all.
    let refused = uz.try_submit(genuine, "").await.unwrap_err();
    assert_eq!(crate::support::refusal_of(&refused), "STEP_AS_RECORD");
}

/// Submits as a node that its operator changed would.
async fn submit(at: &Country, record: Record) -> String {
    let intent = Intent {
        record,
        idempotency_key: String::new(),
        actor: "test".to_owned(),
        by_node: true,
        evidence: false,
        item: None,
    };
    at.node()
        .submit_intent(intent)
        .await
        .unwrap()
        .reference
        .to_string()
}

/// What serves once counts as used wherever it stands, so it must hold even where nothing demands it.
#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_nothing_demands_must_hold_as_well() {
    let mut all = ["TJ", "UZ", "KG"].map(Country::set_up);
    befriend(&[&all[0], &all[1], &all[2]]).await;
    for country in &mut all {
        country.start().await;
    }
    let [tj, uz, kg] = &all;
    let reference = tj.submit(marked("free", &["UZ"], "TLP_GREEN", &[])).await;
    uz.receives(&reference).await;
    let ground = ["--ground", "EXERCISE: x", "--home", uz.at()];
    let pass = [&["onward", &reference, "--to", "KG"], &ground[..]].concat();
    let real = comity(&pass).await.fine().trim().to_owned();
    kg.receives(&real).await;
    let mut record = show(uz, &real).await.record.unwrap();
    record.reference.clear();
    record.submitted_at = None;
    forge(
        &mut record,
        &SigningKey::from_seed(&[9; 32]).unwrap(),
        |token| token.single_use = true,
    );
    let forged = submit(uz, record).await;
    let receipt = eventually("KG answers", async || {
        receipts_of(uz, &forged).await.into_iter().nth(1)
    })
    .await;
    assert_eq!(receipt.reason(), NonDeliveryReason::OnwardInvalid);
}
