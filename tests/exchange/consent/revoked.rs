//! What its origin recalled does not come back by another way.

use comity::{
    node::submit::Intent,
    wire::{
        envelope::{NonDeliveryReason, ReceiptType},
        node::ComplianceState,
    },
};

use super::marked;
use crate::support::{
    Country, befriend, comity, complied, eventually, receipts_of, refusal_of, show, take_back,
    try_show,
};

async fn pass_on(at: &Country, reference: &str, to: &str) -> String {
    let args = [
        "onward",
        reference,
        "--to",
        to,
        "--ground",
        "EXERCISE: the same group",
        "--home",
        at.at(),
    ];
    comity(&args).await.fine().trim().to_owned()
}

async fn refused(at: &Country, reference: &str) {
    let receipt = eventually("it is answered", async || {
        receipts_of(at, reference).await.into_iter().nth(1)
    })
    .await;
    assert_eq!(receipt.r#type(), ReceiptType::NonDelivery);
    assert_eq!(receipt.reason(), NonDeliveryReason::OnwardInvalid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forwarder_who_has_not_heard_revives_nothing_and_nobody_doubles_a_record() {
    let mut all = ["TJ", "UZ", "KZ", "KG"].map(Country::set_up);
    all[1].configure(|config| config.life.shred_delay_s = 0);
    befriend(&[&all[0], &all[1], &all[2], &all[3]]).await;
    for country in &mut all {
        country.start().await;
    }
    let [tj, uz, kz, kg] = &mut all;
    let free = marked("free to go", &["UZ", "KZ"], "TLP_GREEN", &[]);
    let reference = tj.submit(free).await;
    uz.receives(&reference).await;
    kz.receives(&reference).await;
    let passed = pass_on(uz, &reference, "KG").await;
    kg.receives(&passed).await;

    // To KZ, which has it from TJ, nobody passes it on; not even a node that its operator changed.
    let mut double = show(uz, &passed).await.record.unwrap();
    double.reference.clear();
    double.submitted_at = None;
    double.destinations[0].country = "KZ".to_owned();
    let intent = Intent {
        record: double,
        idempotency_key: String::new(),
        actor: "test".to_owned(),
        by_node: true,
        evidence: false,
        item: None,
    };
    let double = uz.node().submit_intent(intent).await.unwrap().reference;
    refused(uz, &double.to_string()).await;

    // KZ is away when TJ recalls, and TJ when KZ is back.
    kz.stop().await;
    take_back(tj, &[&reference]).await.unwrap();
    let erased = complied(tj, &reference, "UZ", ComplianceState::Erased).await;
    let onward = erased.disclosures.iter().find(|of| of.manner == "onward");
    assert_eq!(onward.unwrap().country, "KG");
    eventually("KG locks what was passed on", async || {
        let refused = try_show(kg, &passed).await.err()?;
        (refusal_of(&refused) == "RECORD_LOCKED").then_some(())
    })
    .await;
    tj.stop().await;
    kz.start().await;
    let revived = pass_on(kz, &reference, "KG").await;
    refused(kz, &revived).await;
    // The same after KG lost its index.
    kg.stop().await;
    std::fs::remove_dir_all(kg.layout().index()).unwrap();
    kg.start().await;
    let revived = pass_on(kz, &reference, "KG").await;
    refused(kz, &revived).await;
}
