//! A clock a day off is a warning and no more.

use std::{sync::Arc, time::Duration};

use comity::{
    node::{Clock, system_clock},
    record::Moment,
};

use crate::support::{alert, alert_to, neighbours, receipts_of};

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
