//! The fixture: countries to set up, start and stop; records to submit; commands to run.

mod access;
mod ask;
mod backup;
mod certificate;
mod clock;
mod command;
mod country;
mod desk;
mod follow;
mod neighbours;
mod ports;
mod power;
mod process;
mod proxy;
mod records;
mod rotation;
mod settings;

use std::time::Duration;

pub(crate) use self::{
    access::{CASE, officer, permit},
    ask::{ledger_bodies, receipts_of, refusal_of},
    backup::{copy, lies_in},
    certificate::certificate_of,
    clock::{DAY_US, off},
    command::{
        Ended, comity, comity_reading, comity_running, comity_with_broken_stdout,
        comity_with_temporary, output_of, spawning,
    },
    country::Country,
    desk::{acknowledge, assign, client_as, colleague, due, listed, unread},
    follow::{amendment, complied, digest_of, recall, show, status_of, take_back, try_show},
    neighbours::{befriend, befriend_by, introduce, neighbours, one_dials, unlisted},
    power::{Failing, Power},
    proxy::{ConnectProxy, PASSWORD, USER},
    records::{alert, alert_to, json_of, large, urgent, urgent_to, with_everything},
    rotation::{incarnation_of, position, positions, replaced, restrict},
    settings::{KEYS_PASSPHRASE, PASSPHRASE, Settings},
};

/// Longest wait for something that must happen. It never decides whether a test is right, only when
/// a broken one gives up.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
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
