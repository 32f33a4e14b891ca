//! An officer takes charge, and the origin learns which authority did.

use comity::wire::{envelope::ReceiptType, node::AcknowledgeRecordRequest, record::Record};

use crate::support::{
    Country, acknowledge, alert, alert_to, amendment, colleague, comity, eventually, ledger_bodies,
    listed, neighbours, receipts_of, refusal_of, show, take_back,
};

fn to_authorities(title: &str, authorities: &[&str]) -> Record {
    let mut record = alert(title);
    record.destinations[0].authorities =
        authorities.iter().map(|name| (*name).to_owned()).collect();
    record
}

async fn acknowledged(at: &Country, reference: &str, count: usize) -> Vec<String> {
    eventually("the ACKNOWLEDGED receipt is at the origin", async || {
        let receipts = receipts_of(at, reference).await;
        let taken: Vec<String> = receipts
            .into_iter()
            .filter(|receipt| receipt.r#type() == ReceiptType::Acknowledged)
            .map(|receipt| receipt.authority)
            .collect();
        (taken.len() == count).then_some(taken)
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_origin_learns_which_authority_took_it_and_never_who() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let record = to_authorities("taken", &["prosecutor-general", "national-police"]);
    let reference = a.submit(record).await;
    b.receives(&reference).await;
    let mut first = b.client().await;
    let mut second = colleague(&b, "n.karimova").await;

    let missing = acknowledge(&mut first, &reference, "").await.unwrap_err();
    assert_eq!(refusal_of(&missing), "AUTHORITY_MISSING");
    assert!(
        missing
            .message()
            .contains("national-police, prosecutor-general")
    );

    let taken = acknowledge(&mut second, &reference, "prosecutor-general").await;
    let taken = taken.unwrap();
    let charge = taken.charge.unwrap();
    assert!(!taken.repeated && charge.acknowledged_us > 0);
    assert_eq!(charge.officer, "UZ/officer/n.karimova");
    // Another officer of the same authority learns who has it.
    let again = acknowledge(&mut first, &reference, "prosecutor-general").await;
    let again = again.unwrap();
    assert!(again.repeated);
    assert_eq!(again.charge.unwrap(), charge);
    // Another authority takes it for itself.
    acknowledge(&mut first, &reference, "national-police")
        .await
        .unwrap();

    let authorities = acknowledged(&a, &reference, 2).await;
    assert_eq!(authorities, ["prosecutor-general", "national-police"]);
    let summary = listed(&a, &reference).await;
    let by: Vec<&str> = summary.deliveries[0]
        .acknowledgements
        .iter()
        .map(|of| &*of.authority)
        .collect();
    assert_eq!(by, ["prosecutor-general", "national-police"]);
    // Nothing that the origin holds names the officer.
    for body in ledger_bodies(&a).await {
        assert!(!format!("{body:?}").contains("karimova"));
    }
    for receipt in receipts_of(&a, &reference).await {
        assert!(!format!("{receipt:?}").contains("karimova"));
    }
    let leaf = ledger_bodies(&b).await;
    let leaf = leaf.iter().find(|leaf| leaf.detail == "acknowledged");
    assert_eq!(leaf.unwrap().purpose, "EXERCISE");

    // Both ends have it in their journals: the index is made anew.
    for country in [&mut a, &mut b] {
        country.stop().await;
        std::fs::remove_dir_all(country.layout().index()).unwrap();
        country.start().await;
    }
    assert_eq!(acknowledged(&a, &reference, 2).await, authorities);
    let charges = listed(&b, &reference).await.charges;
    let held: Vec<_> = charges
        .iter()
        .map(|of| (&*of.authority, &*of.officer))
        .collect();
    assert_eq!(
        held,
        [
            ("national-police", "UZ/officer/local"),
            ("prosecutor-general", "UZ/officer/n.karimova"),
        ]
    );
    let table = comity(&["receipts", &reference, "--home", a.at()])
        .await
        .fine();
    assert!(
        table.contains("ACKNOWLEDGED") && table.contains("prosecutor-general"),
        "{table}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_is_sent_after_a_restart_when_the_link_was_down() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("taken while apart")).await;
    b.receives(&reference).await;
    a.drained().await;
    a.stop().await;
    let mut officer = b.client().await;
    acknowledge(&mut officer, &reference, "").await.unwrap();
    drop(officer);
    b.restart().await;
    a.start().await;
    assert_eq!(acknowledged(&a, &reference, 1).await, [""]);
    a.restart().await;
    // Once, whatever was sent again.
    assert_eq!(acknowledged(&a, &reference, 1).await, [""]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_acknowledged_is_refused_by_name() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("to the desk")).await;
    let recalled = a.submit(alert("wrong")).await;
    let first = a.submit(alert("first")).await;
    let second = a.submit(amendment(&a, &first, alert("second")).await).await;
    b.receives(&second).await;
    b.receives(&recalled).await;
    take_back(&a, &[&recalled]).await.unwrap();
    eventually("UZ heard of the recall", async || {
        let held = b.references().await;
        (!held.contains(&recalled)).then_some(())
    })
    .await;
    let mut officer = b.client().await;
    let refused = acknowledge(&mut officer, &recalled, "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
    let refused = acknowledge(&mut officer, &reference, "national-police").await;
    let refused = refused.unwrap_err();
    assert_eq!(refusal_of(&refused), "AUTHORITY_NOT_A_DESTINATION");
    assert!(refused.message().contains("liaison desk"), "{refused}");
    let own = b.submit(alert_to(&["TJ"], "own")).await;
    let refused = acknowledge(&mut officer, &own, "").await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_OWN");
    let unknown = "TJ-26-999999-6".parse::<comity::record::Reference>();
    let unknown = unknown.map_or_else(|_| "TJ-26-999999".to_owned(), |of| of.to_string());
    let refused = acknowledge(&mut officer, &unknown, "").await.unwrap_err();
    assert!(["RECORD_UNKNOWN", "REFERENCE_INVALID"].contains(&&*refusal_of(&refused)));
    let refused = officer
        .threads
        .acknowledge_record(AcknowledgeRecordRequest {
            reference: reference.clone(),
            note: "two\nlines".to_owned(),
            ..AcknowledgeRecordRequest::default()
        })
        .await
        .unwrap_err();
    assert_eq!(refusal_of(&refused), "NOTE_INVALID");
    // An older version stands for the newest one.
    let taken = acknowledge(&mut officer, &first, "").await.unwrap();
    assert_eq!(taken.reference, second);
    // Whoever took it holds it still after its recall, and nobody new takes it.
    assert!(show(&b, &second).await.summary.unwrap().charges.len() == 1);

    // The command line: a mistyped check character, and the same twice.
    let mut mistyped = reference.clone();
    let last = if mistyped.pop() == Some('A') {
        'B'
    } else {
        'A'
    };
    mistyped.push(last);
    comity(&["acknowledge", &mistyped, "--home", b.at()])
        .await
        .fails(65, &["check character"]);
    let said = comity(&["acknowledge", &reference, "--home", b.at()])
        .await
        .fine();
    assert!(
        said.contains("held by UZ/officer/local for liaison desk"),
        "{said}"
    );
    let again = comity(&[
        "acknowledge",
        &reference,
        "--home",
        b.at(),
        "--output",
        "json",
    ])
    .await;
    assert!(again.stderr.contains("acknowledged before"));
    assert!(again.fine().contains("\"repeated\":true"));
}
