//! Crash campaigns with real `comity run` processes: nodes are killed at random during traffic and
//! start, one while a case system feeds it, and a disk's power is cut under one of them. An oracle outside the nodes keeps what they
//! acknowledged; at the end nothing of it may be lost, doubled or torn.
//!
//! The short forms are tests. The long ones are run by `scripts/campaign`, which sets
//! `COMITY_ROUNDS` or `COMITY_CUTS`. `COMITY_SEED` repeats the random choices of a run (not the
//! scheduling of processes), `COMITY_BIN` names another program than the one just built.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic, and a campaign reports"
)]

mod country;
mod disk;
mod feed;
mod kill;
mod oracle;
mod powercut;
mod random;
mod traffic;
mod verdict;

use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_killed_five_times_lose_nothing() {
    kill::campaign(seed(), 5).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: scripts/campaign kill"]
async fn kill_long() {
    kill::campaign(seed(), number("COMITY_ROUNDS", 50)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_killed_while_it_is_fed_has_every_row_once() {
    feed::campaign(seed(), 4).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes: scripts/campaign feed"]
async fn feed_long() {
    feed::campaign(seed(), number("COMITY_ROUNDS", 50)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_cut_three_times_loses_nothing() {
    powercut::campaign(seed(), 3).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "takes minutes and root: scripts/campaign powercut"]
async fn powercut_long() {
    powercut::campaign(seed(), number("COMITY_CUTS", 20)).await;
}

/// The seed given, or one of the clock; printed, so that a failure can be played again.
fn seed() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    number("COMITY_SEED", now.as_micros() as u64)
}

fn number(name: &str, otherwise: u64) -> u64 {
    match std::env::var(name) {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("{name} is a number, not '{text}'")),
        Err(_) => otherwise,
    }
}
