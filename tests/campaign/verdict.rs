//! What is held against the oracle: after every restart, and of everything at the end.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fs::File,
    io::BufReader,
    path::Path,
    time::Duration,
};

use comity::{
    envelope,
    ledger::{self, Lines},
    wire::{
        envelope::{Lane, Receipt, ReceiptProof, ReceiptType},
        node::{ListReceiptsRequest, RecordSummary, SubmitRecordRequest},
    },
};
use futures_util::{StreamExt as _, stream};
use tokio::{
    process::Command,
    time::{Instant, sleep},
};

use crate::{
    country::{Node, program},
    oracle::{Acknowledged, Oracle},
};

/// Longest wait for the last receipt once nothing new is submitted.
const DRAIN: Duration = Duration::from_secs(60);
/// A longer wait than this is worth a look: an idle link tries again every 20 s by itself, which
/// would hide a wake-up that was lost.
const SLOW: Duration = Duration::from_secs(15);
/// Newest submissions whose receipts are looked at before a crash.
const LOOKED_AT: usize = 16;
/// Newest submissions that a node is held to right after a restart; the others are at the end.
const HELD_AT_ONCE: usize = 450;
/// Submissions of a country that are repeated at the end.
const REPEATED: usize = 100;
/// Calls at the same time.
const AT_ONCE: usize = 8;

/// What was known of a node when it went down.
pub(crate) struct Known {
    acknowledged: Vec<Acknowledged>,
    receipts: Vec<(String, Vec<ReceiptProof>)>,
}

/// Looks at the receipts that are durable at a node which is about to go down.
pub(crate) async fn look(node: &Node, oracle: &Oracle) -> Vec<(String, Vec<ReceiptProof>)> {
    let mut seen = Vec::new();
    for of in oracle.newest(node.country, LOOKED_AT) {
        let receipts = receipts_of(node, &of.reference).await;
        oracle.showed(&of.reference, &receipts);
        seen.push((of.reference.clone(), receipts));
    }
    seen
}

/// What the node must still know, asked once it is down and before it is back.
pub(crate) fn known(
    node: &Node,
    oracle: &Oracle,
    receipts: Vec<(String, Vec<ReceiptProof>)>,
) -> Known {
    Known {
        acknowledged: oracle.newest(node.country, HELD_AT_ONCE),
        receipts,
    }
}

/// Holds a restarted node to what it acknowledged. Only with its peers frozen does this prove that
/// receipts were durable: a running peer would send them again.
pub(crate) async fn hold(node: &Node, oracle: &Oracle, known: &Known, when: &str) {
    // Whatever clients submit meanwhile comes on top: the oldest says how far back to look.
    let oldest = known.acknowledged.last();
    let oldest = oldest.map_or("", |of| of.reference.as_str());
    let records = by_reference(node.own_back_to(oldest).await);
    for of in &known.acknowledged {
        if records
            .get(&of.reference)
            .is_none_or(|held| held.header_digest != of.digest)
        {
            oracle.lost(format!("{when}: {} {} is gone", of.reference, of.key));
        }
    }
    for (reference, before) in &known.receipts {
        if !records.contains_key(reference) {
            continue;
        }
        let now = receipts_of(node, reference).await;
        for proof in before {
            if !now.iter().any(|of| of.receipt == proof.receipt) {
                oracle.lost(format!("{when}: a receipt of {reference} is gone"));
            }
        }
    }
}

/// Waits until every record has its receipt durable at its origin; names the lanes that do not
/// come to an end. Nothing else happens meanwhile, so a wake-up that was lost shows here.
pub(crate) async fn drain(nodes: &[Node]) {
    let begun = Instant::now();
    loop {
        let mut waiting = Vec::new();
        for node in nodes {
            for link in node.status().await.links {
                for lane in link.lanes.iter().filter(|of| of.assigned != of.receipted) {
                    waiting.push(format!(
                        "{} to {} {}: {} of {} receipted, link {}, last error '{}'",
                        node.country,
                        link.country,
                        lane.lane().as_str_name(),
                        lane.receipted,
                        lane.assigned,
                        if link.up { "up" } else { "down" },
                        link.last_error
                    ));
                }
            }
        }
        if waiting.is_empty() {
            if begun.elapsed() > SLOW {
                println!("the lanes drained only after {:?}", begun.elapsed());
            }
            return;
        }
        assert!(
            begun.elapsed() < DRAIN,
            "lanes do not drain:\n{}",
            waiting.join("\n")
        );
        sleep(Duration::from_millis(100)).await;
    }
}

/// Everything, once: repeats, records, deliveries, receipts, sequences, ledgers, stores.
pub(crate) async fn verdict(nodes: &mut [Node], oracle: &Oracle, folder: &Path) {
    for node in nodes.iter() {
        repeat(node, oracle).await;
    }
    drain(nodes).await;
    let mut held = HashMap::new();
    for node in nodes.iter() {
        let records = node.records().await;
        let digests: BTreeSet<_> = records.iter().map(|of| of.header_digest.clone()).collect();
        let references: BTreeSet<_> = records.iter().map(|of| of.reference.clone()).collect();
        let own = records
            .iter()
            .filter(|of| of.origin == node.country.code())
            .count();
        let acknowledged = oracle.of(node.country).len();
        if digests.len() != records.len() || references.len() != records.len() {
            oracle.doubled(format!(
                "{} holds {} records with {} digests and {} references",
                node.country,
                records.len(),
                digests.len(),
                references.len()
            ));
        }
        // Every submission was repeated until it was answered: what is there besides is double.
        if own > acknowledged {
            oracle.doubled(format!(
                "{} holds {own} own records, {acknowledged} were acknowledged",
                node.country
            ));
        }
        held.insert(node.country.to_string(), by_reference(records));
    }
    for node in nodes.iter() {
        let own = deliveries(node, nodes, oracle, &held).await;
        sequences(node, own, oracle).await;
        ledger_verifies(node, oracle, folder).await;
    }
    for node in nodes.iter_mut() {
        node.stop().await;
        store_is_sound(node, oracle).await;
    }
}

/// Repeats submissions of the whole campaign: each must get its first answer.
async fn repeat(node: &Node, oracle: &Oracle) {
    let mut client = node.calm_client().await;
    let all = oracle.of(node.country);
    let step = all.len().div_ceil(REPEATED).max(1);
    for of in all.into_iter().step_by(step) {
        let request = SubmitRecordRequest {
            record: Some(of.record.clone()),
            idempotency_key: of.key.clone(),
        };
        let answer = client.records.submit_record(request).await;
        oracle.acknowledged(
            node.country,
            &of.key,
            of.record,
            answer.unwrap().into_inner(),
        );
    }
}

/// Holds every own record to its destinations; answers the sequences that receipts name.
async fn deliveries(
    node: &Node,
    nodes: &[Node],
    oracle: &Oracle,
    held: &HashMap<String, HashMap<String, RecordSummary>>,
) -> BTreeMap<(String, Lane), Vec<u64>> {
    let own = &held[node.country.code()];
    let mut sequences: BTreeMap<_, Vec<u64>> = BTreeMap::new();
    let mut answers = stream::iter(oracle.of(node.country))
        .map(|of| async move {
            let receipts = receipts_of(node, &of.reference).await;
            let mut theirs = HashMap::new();
            for other in nodes
                .iter()
                .filter(|other| of.destinations.contains(other.country.code()))
            {
                theirs.insert(
                    other.country.to_string(),
                    receipts_of(other, &of.reference).await,
                );
            }
            (of, receipts, theirs)
        })
        .buffer_unordered(AT_ONCE);
    while let Some((of, receipts, theirs)) = answers.next().await {
        oracle.showed(&of.reference, &receipts);
        let Some(record) = own
            .get(&of.reference)
            .filter(|record| record.header_digest == of.digest)
        else {
            oracle.lost(format!("at the end: {} {} is gone", of.reference, of.key));
            continue;
        };
        let delivered: BTreeSet<_> = record
            .deliveries
            .iter()
            .filter(|delivery| delivery.receipt() == ReceiptType::Delivery)
            .map(|delivery| delivery.country.clone())
            .collect();
        if delivered != of.destinations || record.deliveries.len() != of.destinations.len() {
            oracle.lost(format!(
                "{} has destinations {:?} and deliveries {:?}",
                of.reference, of.destinations, record.deliveries
            ));
        }
        let mut answered = BTreeSet::new();
        for proof in &receipts {
            let Some(receipt) = checked(proof, &of, oracle) else {
                continue;
            };
            if receipt.r#type() == ReceiptType::SubmissionAcceptance {
                continue;
            }
            if !answered.insert(receipt.issuer.clone()) {
                oracle.doubled(format!(
                    "{}: {} answered twice",
                    of.reference, receipt.issuer
                ));
            }
            sequences
                .entry((receipt.issuer.clone(), receipt.lane()))
                .or_default()
                .push(receipt.sequence);
            let there = held
                .get(&receipt.issuer)
                .and_then(|records| records.get(&of.reference));
            if there.is_none_or(|there| there.header_digest != of.digest) {
                oracle.lost(format!("{} is not at {}", of.reference, receipt.issuer));
            }
            let matches = theirs
                .get(&receipt.issuer)
                .is_some_and(|theirs| theirs.iter().any(|their| their.receipt == proof.receipt));
            if !matches {
                oracle.torn(format!(
                    "{}: {} does not know the receipt that its origin has",
                    of.reference, receipt.issuer
                ));
            }
        }
        for issuer in oracle.issuers(&of.reference) {
            let acceptance = issuer == node.country.code();
            if !acceptance && !answered.contains(&issuer) {
                oracle.lost(format!("{}: the receipt of {issuer} is gone", of.reference));
            }
        }
    }
    sequences
}

fn checked(proof: &ReceiptProof, of: &Acknowledged, oracle: &Oracle) -> Option<Receipt> {
    match envelope::verify_stated(proof, &oracle.book) {
        Ok(receipt) if receipt.header_digest == of.digest => Some(receipt),
        other => {
            oracle.torn(format!("{}: a receipt says {other:?}", of.reference));
            None
        }
    }
}

/// Every lane's receipts name 1, 2, 3 … up to the last sequence assigned.
async fn sequences(node: &Node, mut named: BTreeMap<(String, Lane), Vec<u64>>, oracle: &Oracle) {
    for link in node.status().await.links {
        for lane in &link.lanes {
            let mut found = named
                .remove(&(link.country.clone(), lane.lane()))
                .unwrap_or_default();
            found.sort_unstable();
            if !found.iter().copied().eq(1..=lane.assigned) {
                oracle.torn(format!(
                    "{} to {} {}: {} sequences named, {} assigned",
                    node.country,
                    link.country,
                    lane.lane().as_str_name(),
                    found.len(),
                    lane.assigned
                ));
            }
        }
    }
    for lane in named.keys() {
        oracle.torn(format!("{} knows no lane {lane:?}", node.country));
    }
}

/// Exports the ledger by the command line and verifies the file with the card alone.
async fn ledger_verifies(node: &Node, oracle: &Oracle, folder: &Path) {
    let export = folder.join(format!("{}.ledger", node.country));
    let done = Command::new(program())
        .args(["audit", "export", "--home"])
        .arg(&node.home)
        .arg("--to")
        .arg(&export)
        .output()
        .await
        .unwrap();
    assert!(done.status.success(), "audit export: {done:?}");
    let lines = Lines::new(BufReader::new(File::open(&export).unwrap()));
    let verified = ledger::verify_export(
        lines,
        &node.card.ledger_origin,
        &node.card.ledger_keys(),
        None,
    );
    let size = node.status().await.ledger_size;
    match verified {
        Ok(verified) if verified.size <= size && verified.size > 0 => {}
        other => oracle.torn(format!(
            "the ledger of {} with {size} leaves: {other:?}",
            node.country
        )),
    }
    std::fs::remove_file(export).unwrap();
}

/// Every byte of the journal, and the index against one made anew.
async fn store_is_sound(node: &Node, oracle: &Oracle) {
    let done = Command::new(program())
        .args(["--output", "json", "store", "check", "--home"])
        .arg(&node.home)
        .output()
        .await
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap_or_default();
    if !done.status.success() || report["sound"] != true || report["tornBytes"] != 0 {
        oracle.torn(format!("the store of {}: {done:?}", node.country));
    }
}

async fn receipts_of(node: &Node, reference: &str) -> Vec<ReceiptProof> {
    let mut client = node.asking().await;
    let request = ListReceiptsRequest {
        reference: reference.to_owned(),
    };
    match client.records.list_receipts(request).await {
        Ok(answer) => answer.into_inner().receipts,
        // Its absence is found where the records are held to the oracle.
        Err(status) if status.code() == tonic::Code::NotFound => Vec::new(),
        Err(status) => panic!("{} does not show receipts: {status}", node.country),
    }
}

fn by_reference(records: Vec<RecordSummary>) -> HashMap<String, RecordSummary> {
    let named = |of: RecordSummary| (of.reference.clone(), of);
    records.into_iter().map(named).collect()
}
