//! A clock that is off is a warning, and decides nothing for good.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use comity::{
    node::{Clock, system_clock},
    record::Moment,
};

use comity::wire::{
    envelope::ReceiptType,
    node::{ComplianceState, RecordState},
    record::Record,
};

use crate::support::{
    Country, DAY_US, Settings, alert, alert_to, complied, eventually, ledger_bodies, neighbours,
    off, one_dials, receipts_of, refusal_of, show, take_back, try_show, with_everything,
};

const DAY: Duration = Duration::from_secs(24 * 3600);

fn ahead() -> Clock {
    Arc::new(|| system_clock()() + DAY)
}

fn behind() -> Clock {
    let day = i64::try_from(DAY.as_micros()).unwrap();
    Arc::new(move || Moment::from_micros(system_clock()().micros() - day))
}

async fn exchanges_with(clock: Clock) {
    let (mut a, mut b) = neighbours().await;
    a.start_with(clock).await;
    b.start().await;
    let there = a.submit(alert("there")).await;
    let back = b.submit(alert_to(&["TJ"], "back")).await;
    a.drained().await;
    b.drained().await;
    assert_eq!(receipts_of(&a, &there).await.len(), 2);
    assert_eq!(receipts_of(&b, &back).await.len(), 2);
    assert_eq!(b.references().await.len(), 2);
    b.restart().await;
    a.submit(alert("after a reconnect")).await;
    a.drained().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_a_day_ahead_exchanges() {
    exchanges_with(ahead()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_a_day_behind_exchanges() {
    exchanges_with(behind()).await;
}

async fn says(at: &Country, detail: &str) -> bool {
    let leaves = ledger_bodies(at).await;
    leaves.iter().any(|leaf| leaf.detail == detail)
}

async fn will_say(at: &Country, detail: &str) {
    eventually(&format!("{} says {detail}", at.code), async || {
        says(at, detail).await.then_some(())
    })
    .await;
}

fn expiring(title: &str, after: Duration) -> Record {
    Record {
        expires_at: Some((system_clock()() + after).into()),
        ..alert(title)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_whose_clock_is_ahead_refuses_nothing_for_good() {
    let (mut a, mut b) = neighbours().await;
    b.configure(|config| config.life.shred_delay_s = 0);
    a.start().await;
    let by = Arc::new(AtomicI64::new(5 * DAY_US));
    b.start_with(off(&by)).await;
    let reference = a.submit(expiring("of two days", DAY * 2)).await;
    b.receives(&reference).await;
    a.drained().await;
    let receipts = receipts_of(&a, &reference).await;
    assert_eq!(receipts[1].r#type(), ReceiptType::Delivery);
    // It is kept, closed, and not destroyed.
    let refused = try_show(&b, &reference).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
    will_say(&b, "clock-apart").await;
    b.node().tend().await.unwrap();
    assert!(!says(&b, "expired").await);
    b.stop().await;
    by.store(0, Ordering::SeqCst);
    b.start_with(off(&by)).await;
    let shown = show(&b, &reference).await;
    assert_eq!(shown.summary.unwrap().state(), RecordState::Current);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_delay_before_shredding_begins_when_the_clocks_agree() {
    let (mut a, mut b) = one_dials().await;
    a.start().await;
    let by = Arc::new(AtomicI64::new(0));
    b.start_with(off(&by)).await;
    b.linked("TJ").await;
    // More than the delay of a day, and less than the two days within which cards count all the same:
    // beyond these the link ends.
    by.store(-47 * (DAY_US / 24), Ordering::SeqCst);
    let reference = a.submit(alert("recalled by a clock that is behind")).await;
    b.receives(&reference).await;
    take_back(&a, &[&reference]).await.unwrap();
    complied(&a, &reference, "UZ", ComplianceState::Locked).await;
    b.stop().await;
    // Set right, the day is not over: it begins.
    by.store(0, Ordering::SeqCst);
    b.start_with(off(&by)).await;
    will_say(&b, "delay-begun").await;
    b.node().tend().await.unwrap();
    assert!(!says(&b, "shredded").await);
    // And it ends, by clocks that agree.
    a.stop().await;
    b.stop().await;
    by.store(2 * DAY_US, Ordering::SeqCst);
    a.start_with(off(&by)).await;
    b.start_with(off(&by)).await;
    complied(&a, &reference, "UZ", ComplianceState::Erased).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_a_jump_nor_silence_shreds_what_is_locked() {
    let (mut a, mut b) = one_dials().await;
    a.start().await;
    let by = Arc::new(AtomicI64::new(0));
    b.start_with(off(&by)).await;
    let reference = a.submit(alert("recalled")).await;
    b.receives(&reference).await;
    take_back(&a, &[&reference]).await.unwrap();
    complied(&a, &reference, "UZ", ComplianceState::Locked).await;
    by.store(30 * DAY_US, Ordering::SeqCst);
    will_say(&b, "clock-jumped").await;
    b.node().tend().await.unwrap();
    assert!(!says(&b, "shredded").await);
    // Started anew, it hears nobody, and has nothing to compare with.
    a.stop().await;
    b.stop().await;
    b.start_with(off(&by)).await;
    for _ in 0..3 {
        b.node().tend().await.unwrap();
    }
    assert!(!says(&b, "shredded").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn victim_data_received_by_a_clock_that_is_behind_is_kept_for_its_time() {
    let mut a = Country::set_up("TJ");
    let mut c = Country::with(
        "AE",
        Settings {
            unlisted: true,
            desk: Some("victim-support"),
            ..Settings::default()
        },
    );
    crate::support::befriend(&[&a, &c]).await;
    a.start().await;
    let by = Arc::new(AtomicI64::new(0));
    c.start_with(off(&by)).await;
    c.linked("TJ").await;
    by.store(-DAY_US, Ordering::SeqCst);
    let mut record = with_everything();
    record.destinations.remove(0);
    let reference = a.submit(record).await;
    c.receives(&reference).await;
    let number = c.node().find(&reference.parse().unwrap()).unwrap();
    let store = c.node().store();
    let row = comity::inbox::ask::record(store, number).unwrap().unwrap();
    let stored = comity::inbox::StoredRecord::read(store, number, row).unwrap();
    let kept = stored.holding.victims_until_us - system_clock()().micros();
    let hour = DAY_US / 24;
    assert!(
        (90 * DAY_US - hour..90 * DAY_US + hour).contains(&kept),
        "{kept}"
    );
}
