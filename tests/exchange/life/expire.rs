//! What expires goes by itself at every holder, and only by a clock that the others confirm.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use comity::{
    node::system_clock,
    wire::{envelope::ReceiptType, node::RecordState, record::Record},
};

use crate::support::{
    Country, DAY_US, alert, befriend, eventually, ledger_bodies, neighbours, off, receipts_of,
    refusal_of, show, try_show, with_everything,
};

fn expiring(title: &str, after: Duration) -> Record {
    Record {
        expires_at: Some((system_clock()() + after).into()),
        ..alert(title)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_record_goes_at_both_ends_and_the_reader_says_so() {
    let (mut a, mut b) = neighbours().await;
    for country in [&a, &b] {
        country.configure(|config| config.life.shred_delay_s = 0);
    }
    a.start().await;
    b.start().await;
    let kept = a.submit(alert("kept")).await;
    let reference = a
        .submit(expiring("short-lived", Duration::from_secs(3)))
        .await;
    b.receives(&reference).await;
    let erased = eventually("UZ says that it expired", async || {
        let receipts = receipts_of(&a, &reference).await;
        receipts
            .into_iter()
            .find(|receipt| receipt.r#type() == ReceiptType::Erased)
    })
    .await;
    assert!(erased.recall_digest.is_empty());
    for at in [&a, &b] {
        let refused = try_show(at, &reference).await.unwrap_err();
        assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
        assert!(refused.message().contains("expired"), "{refused}");
        assert_eq!(at.references().await, std::slice::from_ref(&kept));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_jumps_destroys_nothing() {
    let (mut a, mut b) = neighbours().await;
    b.configure(|config| config.life.shred_delay_s = 0);
    let by = Arc::new(AtomicI64::new(0));
    a.start().await;
    b.start_with(off(&by)).await;
    let reference = a
        .submit(expiring("of a week", Duration::from_secs(7 * 86_400)))
        .await;
    b.receives(&reference).await;
    by.store(30 * DAY_US, Ordering::SeqCst);
    eventually("the jump is in the ledger", async || {
        let bodies = ledger_bodies(&b).await;
        bodies
            .into_iter()
            .find(|leaf| leaf.detail == "clock-jumped")
    })
    .await;
    // Nobody reads what may have expired, and nothing is destroyed.
    let refused = try_show(&b, &reference).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
    by.store(0, Ordering::SeqCst);
    let shown = show(&b, &reference).await;
    assert_eq!(shown.summary.unwrap().state(), RecordState::Current);
}

#[tokio::test(flavor = "multi_thread")]
async fn victim_data_goes_when_its_time_is_over_and_the_rest_stays() {
    let mut a = Country::set_up("TJ");
    let mut b = Country::set_up("UZ");
    let mut c = Country::set_up("AE");
    befriend(&[&a, &b, &c]).await;
    c.configure(|config| config.life.shred_delay_s = 0);
    for country in [&mut a, &mut b, &mut c] {
        country.start().await;
    }
    let reference = a.submit(with_everything()).await;
    c.receives(&reference).await;
    assert!(show(&c, &reference).await.record.unwrap().victims.is_some());
    for country in [&mut a, &mut b, &mut c] {
        country.stop().await;
    }
    // A hundred days later by every clock.
    let later = Arc::new(AtomicI64::new(100 * DAY_US));
    for country in [&mut a, &mut b, &mut c] {
        country.start_with(off(&later)).await;
    }
    eventually("AE shreds the victim data", async || {
        let bodies = ledger_bodies(&c).await;
        bodies
            .into_iter()
            .find(|leaf| leaf.detail == "victims-shredded")
    })
    .await;
    for _ in 0..2 {
        let record = show(&c, &reference).await.record.unwrap();
        assert!(record.victims.is_none() && record.suspects.is_some());
        c.stop().await;
        std::fs::remove_dir_all(c.layout().index()).unwrap();
        c.start_with(off(&later)).await;
    }
}
