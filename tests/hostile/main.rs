//! A peer that is genuine and hostile: its country's card is trusted, its certificate is good, and
//! what it says is wrong.
//!
//! `tests/vectors/link/cases.json` names every case, what is wrong in it and what the node must do;
//! `cases` carries them out, each against a node of its own. After every case the node must know
//! exactly what it acknowledged, serve an honest session both ways, have written the alarms that
//! are due and no others, and never have panicked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::print_stderr,
    reason = "a test may panic, and says which case it is at"
)]

mod cases;
mod clients;
mod files;
mod floods;
mod forge;
mod link;
mod memory;
mod raw;
mod steps;
mod world;

use std::{
    collections::BTreeSet,
    sync::{Mutex, Once, PoisonError},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use comity::{record::Reference, wire::envelope::SealedRecord};
use prost::Message as _;
use serde::Deserialize;

use cases::{CASES, Case};
use link::{End, Seen};
use world::World;

/// Threads that may block, so that a case can keep all of them busy.
const BLOCKING_THREADS: usize = 8;

/// A case as the table has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    /// Group and name.
    name: String,
    /// What is wrong.
    wrong: String,
    /// Reason of the node's Bye, `closed`, or `continues`.
    ends: String,
    /// Part of what the node says.
    #[serde(default)]
    says: String,
    /// Receipts for the records of the case.
    #[serde(default)]
    receipts: Vec<String>,
    /// The one alarm in the ledger.
    #[serde(default)]
    alarm: Option<String>,
    /// What the ledger says of the file of the case.
    #[serde(default)]
    leaves: Vec<String>,
}

fn table() -> Vec<Row> {
    serde_json::from_str(include_str!("../vectors/link/cases.json")).unwrap()
}

/// Panics of the node's own code, wherever they were caught.
static PANICS: Mutex<Vec<String>> = Mutex::new(Vec::new());

fn watch_for_panics() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info
                .location()
                .is_some_and(|at| at.file().starts_with("tests/"))
            {
                let mut panics = PANICS.lock().unwrap_or_else(PoisonError::into_inner);
                panics.push(info.to_string());
            }
            print(info);
        }));
    });
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(BLOCKING_THREADS)
        .enable_all()
        .build()
        .unwrap()
}

/// Carries out every case of a group.
fn group(name: &str) {
    watch_for_panics();
    let prefix = format!("{name}/");
    let only = std::env::var("HOSTILE_CASE").unwrap_or_default();
    let rows: Vec<Row> = table()
        .into_iter()
        .filter(|row| row.name.starts_with(&prefix) && row.name.contains(&only))
        .collect();
    let mut failed = Vec::new();
    for row in &rows {
        let (_, case) = CASES.iter().find(|(name, _)| *name == row.name).unwrap();
        let went = std::panic::catch_unwind(|| runtime().block_on(carry_out(row, *case)));
        if went.is_err() {
            eprintln!("case {} failed: {}", row.name, row.wrong);
            failed.push(row.name.clone());
        }
    }
    assert!(failed.is_empty(), "failed: {failed:?}");
}

/// A sequence with two records is proved by their two signed headers, or the one that came when the
/// other was not durable yet.
fn check_evidence(world: &World) {
    for leaf in world.leaves() {
        if leaf.detail != "sequence-conflict" {
            continue;
        }
        let headers: Vec<SealedRecord> = leaf
            .evidence
            .iter()
            .map(|text| SealedRecord::decode(&*BASE64_STANDARD.decode(text).unwrap()).unwrap())
            .collect();
        assert!(!headers.is_empty(), "evidence of a sequence conflict");
        for header in &headers {
            assert!(!header.signature.is_empty() && header.compartments.is_empty());
        }
        if let [held, came] = headers.as_slice() {
            assert_ne!(held.header, came.header);
        }
    }
}

async fn carry_out(row: &Row, case: Case) {
    let mut world = World::new().await;
    let seen = case(&mut world).await;
    check(row, &seen);
    let due: Vec<String> = row.alarm.iter().cloned().collect();
    assert_eq!(world.alarms(), due, "alarms in the ledger");
    check_evidence(&world);
    afterwards(&mut world).await;
    assert_eq!(world.alarms(), due, "alarms after an honest session");
    world.end().await;
    let panics = PANICS
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    assert!(panics.is_empty(), "the node panicked: {panics:?}");
}

fn check(row: &Row, seen: &Seen) {
    let ends = match &seen.end {
        End::Bye(reason, _) => reason.as_str_name(),
        End::Closed => "closed",
        End::Continues => "continues",
    };
    assert_eq!(ends, row.ends, "how the session ends: {seen:?}");
    assert!(
        seen.said.contains(&row.says),
        "what the node says: {seen:?}"
    );
    assert!(seen.said.chars().count() <= 500, "the node is brief");
    assert_eq!(seen.receipts, row.receipts, "receipts");
    assert_eq!(seen.leaves, row.leaves, "leaves about the file");
}

/// Nothing acknowledged is lost, submissions go on (one country alone cannot fence another), and
/// honest sessions are served both ways.
async fn afterwards(world: &mut World) {
    world.submit_at_victim().await.unwrap();
    let mut link = world.session().await;
    let parcel = world.parcel();
    link.deliver_honestly(world, &[parcel]).await;
    link.receive_honestly(world).await;
    let held = world.node().last_number().unwrap();
    assert_eq!(
        held,
        world.submitted + world.elsewhere + world.delivered.len() as u64,
        "held are the own records and those acknowledged with DELIVERY"
    );
    for reference in &world.delivered {
        let reference: Reference = reference.parse().unwrap();
        world
            .node()
            .find(&reference)
            .expect("an acknowledged record is held");
    }
    // Once more, so that the receipts of both directions count in a hello.
    world.session().await;
}

#[test]
fn the_table_and_the_cases_name_each_other() {
    let table: Vec<String> = table().into_iter().map(|row| row.name).collect();
    let named: BTreeSet<&str> = table.iter().map(String::as_str).collect();
    let coded: BTreeSet<&str> = CASES.iter().map(|(name, _)| *name).collect();
    assert_eq!(named, coded);
    assert_eq!(table.len(), named.len(), "a name stands twice in the table");
    assert_eq!(CASES.len(), coded.len(), "a name stands twice in the code");
}

#[test]
fn hellos() {
    group("hello");
}

#[test]
fn frames() {
    group("frames");
}

#[test]
fn lanes() {
    group("lanes");
}

#[test]
fn records() {
    group("records");
}

#[test]
fn receipts() {
    group("receipts");
}

#[test]
fn signed_statements() {
    group("signed");
}

#[test]
fn sessions() {
    group("sessions");
}

#[test]
fn files() {
    group("files");
}

#[test]
fn steps_of_evidence_requests() {
    group("steps");
}

#[test]
fn records_asked_for_again() {
    group("again");
}
