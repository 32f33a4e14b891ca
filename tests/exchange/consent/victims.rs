//! Victims' data that was passed on by consent goes when its time is over, at everybody who has it.

use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use comity::wire::{
    envelope::{NonDeliveryReason, ReceiptType},
    node::{GetRecordRequest, GetSharingRequest},
    record::{CompartmentLabel, HandlingCode, Record},
};

use super::{answer, ask};
use crate::support::{
    Country, DAY_US, befriend, comity, eventually, ledger_bodies, off, receipts_of, refusal_of,
    show, try_show, with_everything,
};

const LABELS: [&str; 2] = ["--compartments", "situation,victims"];

fn for_uz() -> Record {
    let mut record = with_everything();
    record.destinations.truncate(1);
    let uz = &mut record.destinations[0];
    uz.authorities = vec!["victim-support".to_owned()];
    uz.compartments.push(CompartmentLabel::Victims.into());
    record.marking.as_mut().unwrap().handling = vec![HandlingCode::H2.into()];
    record
}

async fn leaf(at: &Country, detail: &str) {
    eventually(&format!("{} says {detail}", at.code), async || {
        let bodies = ledger_bodies(at).await;
        bodies.into_iter().find(|leaf| leaf.detail == detail)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn victims_data_under_h2_is_passed_on_by_consent_and_goes_everywhere() {
    let mut all = ["TJ", "UZ", "KG"].map(|code| match code {
        "TJ" => Country::set_up(code),
        code => Country::for_victims(code),
    });
    befriend(&[&all[0], &all[1], &all[2]]).await;
    let by = Arc::new(AtomicI64::new(0));
    for country in &mut all {
        country.configure(|config| {
            config.life.shred_delay_s = 0;
            config.life.backups_days = Some(30);
        });
        country.start_with(off(&by)).await;
    }
    let [tj, uz, kg] = &all;
    let reference = tj.submit(for_uz()).await;
    uz.receives(&reference).await;
    // It is read for a purpose, which the ledger keeps.
    let mut client = uz.client().await;
    let request = GetRecordRequest {
        reference: reference.clone(),
        ..GetRecordRequest::default()
    };
    let refused = client.records.get_record(request).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "PURPOSE_MISSING");
    drop(client);

    let to = "KG/victim-support";
    let pass = [
        "onward",
        &reference,
        "--to",
        to,
        "--ground",
        "EXERCISE",
        "--home",
        uz.at(),
    ];
    let pass = [&pass[..], &LABELS].concat();
    comity(&pass).await.fails(77, &["CONSENT_NEEDED", "H2"]);
    let of = [&["--use", "onward", "--beneficiary", to][..], &LABELS].concat();
    let request = ask(uz, tj, &reference, &of).await;
    answer(tj, uz, &request, &["grant"], "CONSENT_STATE_GRANTED").await;
    let passed = comity(&pass).await.fine().trim().to_owned();
    kg.receives(&passed).await;
    assert!(show(kg, &passed).await.original.unwrap().victims.is_some());
    tj.drained().await;
    uz.drained().await;

    for country in &mut all {
        country.stop().await;
    }
    by.store(100 * DAY_US, Ordering::SeqCst);
    for country in &mut all {
        country.start_with(off(&by)).await;
    }
    let [tj, uz, kg] = &all;
    for at in [uz, kg] {
        leaf(at, "shredded").await;
        let refused = try_show(at, &passed).await.unwrap_err();
        assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
    }
    for at in [tj, uz] {
        leaf(at, "victims-shredded").await;
        let record = show(at, &reference).await.record.unwrap();
        assert!(record.victims.is_none() && record.situation.is_some());
    }
    // The origin is told what went, by name, and until when backups exist.
    let told = eventually("UZ says that the victims' data went", async || {
        let receipts = receipts_of(tj, &reference).await;
        receipts
            .into_iter()
            .find(|receipt| receipt.r#type() == ReceiptType::Erased)
    })
    .await;
    assert_eq!(told.compartment, CompartmentLabel::Victims as u32);
    assert!(!told.backups_unknown && told.backups_until_us > told.time_us);
    // What was kept beside the record stays with the keys that stay.
    let mut client = tj.client().await;
    let request = GetSharingRequest {
        reference: reference.clone(),
    };
    let sharing = client.sharing.get_sharing(request).await.unwrap();
    assert!(sharing.into_inner().as_sent);
    drop(client);
    let mut all = all;
    let uz = &mut all[1];
    uz.stop().await;
    fs::remove_dir_all(uz.layout().index()).unwrap();
    uz.start_with(off(&by)).await;
    assert!(show(uz, &reference).await.record.unwrap().victims.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_reader_of_victims_data_goes_as_its_header_once_their_time_is_over() {
    let mut all = ["TJ", "UZ", "AE"].map(Country::set_up);
    befriend(&[&all[0], &all[1], &all[2]]).await;
    let by = Arc::new(AtomicI64::new(0));
    all[0].start_with(off(&by)).await;
    let reference = all[0].submit(with_everything()).await;
    by.store(100 * DAY_US, Ordering::SeqCst);
    for country in &mut all[1..] {
        country.start_with(off(&by)).await;
    }
    let [tj, uz, ae] = &all;
    uz.receives(&reference).await;
    let refused = eventually("AE answers", async || {
        let receipts = receipts_of(tj, &reference).await;
        receipts.into_iter().find(|receipt| receipt.issuer == "AE")
    })
    .await;
    assert_eq!(refused.r#type(), ReceiptType::NonDelivery);
    assert_eq!(refused.reason(), NonDeliveryReason::Withdrawn);
    assert!(ae.references().await.is_empty());
}
