//! The fixture: countries to set up, start and stop; records to submit; commands to run.

mod ask;
mod backup;
mod command;
mod country;
mod follow;
mod ports;
mod proxy;
mod records;
mod time;

use std::time::Duration;

pub(crate) use self::{
    ask::{ledger_bodies, receipts_of, refusal_of},
    backup::{copy, lies_in},
    command::{Ended, comity, comity_reading, comity_with_broken_stdout, spawning},
    country::{Country, Settings, befriend, neighbours},
    follow::{amendment, complied, digest_of, recall, show, status_of, take_back, try_show},
    proxy::{ConnectProxy, PASSWORD, USER},
    records::{alert, alert_to, json_of, large, urgent, with_everything},
    time::{DAY_US, clock_ahead},
};

/// Longest wait for something that must happen. It never decides whether a test is right, only when
/// a broken one gives up.
const PATIENCE: Duration = Duration::from_secs(40);
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(15);

/// Looks until `seen` answers something; panics with `what` when it never does.
pub(crate) async fn eventually<T>(what: &str, mut seen: impl AsyncFnMut() -> Option<T>) -> T {
    let begun = tokio::time::Instant::now();
    loop {
        if let Some(found) = seen().await {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(PAUSE).await;
    }
}
