//! The demo's report: what was submitted, delivered, receipted and verified.

use std::collections::{HashMap, HashSet};

use futures_util::StreamExt as _;

use crate::{
    card::TrustBook,
    client::Client,
    envelope,
    ledger::{self, ExportLine},
    wire::{
        envelope::ReceiptType,
        node::{
            ExportLedgerRequest, ListReceiptsRequest, ListRecordsRequest, RecordSummary,
            export_ledger_response::Line,
        },
    },
};

use super::{
    super::{
        exit::{Failure, SOFTWARE},
        out::Out,
    },
    country::CountryNode,
};

/// Records of a page while gathering.
const PAGE: u32 = 500;

/// What came of the demo.
pub(super) struct Report {
    rows: Vec<Row>,
    submitted: u64,
    expected: u64,
    confirmed: u64,
    refused: u64,
    matched: u64,
    lost: u64,
    duplicates: u64,
    ledgers: u64,
    restarts: u64,
    p50_ms: f64,
    p99_ms: f64,
}

/// One country's part.
struct Row {
    country: String,
    role: &'static str,
    submitted: u64,
    received: u64,
    confirmed: u64,
    leaves: u64,
    ledger: String,
}

impl Report {
    /// Asks every node what it holds and checks it, with every receipt's signature. The ledgers are
    /// verified apart.
    pub(super) async fn gather(
        nodes: &[CountryNode],
        submitted: u64,
        restarts: u64,
    ) -> Result<Self, Failure> {
        let book = trust(nodes)?;
        let mut report = Self {
            rows: Vec::new(),
            submitted: 0,
            expected: 0,
            confirmed: 0,
            refused: 0,
            matched: 0,
            lost: 0,
            duplicates: 0,
            ledgers: 0,
            restarts,
            p50_ms: 0.0,
            p99_ms: 0.0,
        };
        let mut held: HashMap<String, Vec<RecordSummary>> = HashMap::new();
        for node in nodes.iter() {
            held.insert(
                node.country.to_string(),
                all_records(&mut node.client().await?).await?,
            );
        }
        let mut latencies = Vec::new();
        for node in nodes.iter() {
            let country = node.country.to_string();
            let mut client = node.client().await?;
            let records = held.get(&country).map(Vec::as_slice).unwrap_or_default();
            let own: Vec<_> = records.iter().filter(|of| of.origin == country).collect();
            report.duplicates += repeated(records);
            let mut confirmed = 0;
            for record in &own {
                let (delivered, matched) =
                    check_receipts(&mut client, record, &book, &mut latencies).await?;
                confirmed += delivered;
                report.matched += matched;
                report.expected += count(record.deliveries.len());
                report.refused += count(
                    record
                        .deliveries
                        .iter()
                        .filter(|delivery| delivery.receipt() == ReceiptType::NonDelivery)
                        .count(),
                );
                report.lost += missing(record, &held);
            }
            report.confirmed += confirmed;
            report.submitted += count(own.len());
            report.rows.push(Row {
                role: role(node.role),
                submitted: count(own.len()),
                received: count(records.len() - own.len()),
                confirmed,
                leaves: 0,
                ledger: "not verified".to_owned(),
                country,
            });
        }
        report.lost += submitted.saturating_sub(report.submitted);
        latencies.sort_unstable();
        report.p50_ms = percentile(&latencies, 50);
        report.p99_ms = percentile(&latencies, 99);
        Ok(report)
    }

    /// Exports every node's ledger as it is now and recomputes it, every leaf.
    pub(super) async fn verify_ledgers(&mut self, nodes: &[CountryNode]) -> Result<(), Failure> {
        for (row, node) in self.rows.iter_mut().zip(nodes) {
            match verify_ledger(&mut node.operator().await?, node).await {
                Ok(size) => {
                    self.ledgers += 1;
                    row.leaves = size;
                    "verified".clone_into(&mut row.ledger);
                }
                Err(fault) => row.ledger = format!("DOES NOT VERIFY: {fault}"),
            }
        }
        Ok(())
    }

    /// Whether nothing was lost, doubled or unverifiable.
    pub(super) fn sound(&self) -> bool {
        self.lost == 0
            && self.duplicates == 0
            && self.confirmed == self.expected
            && self.matched == self.expected
            && self.ledgers == count(self.rows.len())
    }

    /// The figures as one JSON object, the story's among them.
    pub(super) fn json(
        &self,
        story: serde_json::Value,
        evidence: serde_json::Value,
    ) -> serde_json::Value {
        serde_json::json!({
            "records_submitted": self.submitted,
            "deliveries_expected": self.expected,
            "deliveries_confirmed": self.confirmed,
            "deliveries_refused": self.refused,
            "receipts_matched": self.matched,
            "lost": self.lost,
            "duplicates": self.duplicates,
            "ledgers_verified": self.ledgers,
            "restarts": self.restarts,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "story": story,
            "evidence": evidence,
        })
    }

    /// The figures for people.
    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        out.table(
            &[
                "COUNTRY",
                "ROLE",
                "SUBMITTED",
                "CONFIRMED",
                "RECEIVED",
                "LEAVES",
                "LEDGER",
            ],
            self.rows
                .iter()
                .map(|row| {
                    vec![
                        row.country.clone(),
                        row.role.to_owned(),
                        row.submitted.to_string(),
                        row.confirmed.to_string(),
                        row.received.to_string(),
                        row.leaves.to_string(),
                        row.ledger.clone(),
                    ]
                })
                .collect(),
        )?;
        out.line(&format!(
            "\n{} records submitted, {} of {} deliveries confirmed, {} receipts verified",
            self.submitted, self.confirmed, self.expected, self.matched,
        ))?;
        out.line(&format!(
            "{} lost, {} duplicates, {} of {} ledgers verified, {} restart after SIGKILL",
            self.lost,
            self.duplicates,
            self.ledgers,
            self.rows.len(),
            self.restarts
        ))?;
        out.line(&format!(
            "submitted → receipt signed at the destination: p50 {:.1} ms, p99 {:.1} ms (the restart included)",
            self.p50_ms, self.p99_ms
        ))
    }
}

/// A trust book with the card of every country.
pub(super) fn trust(nodes: &[CountryNode]) -> Result<TrustBook, Failure> {
    let mut book = TrustBook::default();
    for node in nodes {
        book.accept(node.card.clone())
            .map_err(|conflict| Failure::new(SOFTWARE, conflict.to_string()))?;
    }
    Ok(book)
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

fn role(role: crate::wire::record::CountryRole) -> &'static str {
    use crate::wire::record::CountryRole;
    match role {
        CountryRole::Origin => "origin",
        CountryRole::Transit => "transit",
        CountryRole::Destination => "destination",
        CountryRole::Unspecified => "",
    }
}

async fn all_records(client: &mut Client) -> Result<Vec<RecordSummary>, Failure> {
    let mut records = Vec::new();
    let mut page_token = String::new();
    loop {
        let page = client
            .records
            .list_records(ListRecordsRequest {
                origin: String::new(),
                page_size: PAGE,
                page_token,
                steps: true,
                unread: false,
            })
            .await?
            .into_inner();
        records.extend(page.records);
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return Ok(records);
        }
    }
}

/// Records that are held more than once.
fn repeated(records: &[RecordSummary]) -> u64 {
    let digests: HashSet<&[u8]> = records
        .iter()
        .map(|of| of.header_digest.as_slice())
        .collect();
    let references: HashSet<&str> = records.iter().map(|of| of.reference.as_str()).collect();
    count(records.len() - digests.len().min(references.len()))
}

/// Destinations that do not hold a record addressed to them.
fn missing(record: &RecordSummary, held: &HashMap<String, Vec<RecordSummary>>) -> u64 {
    count(
        record
            .deliveries
            .iter()
            .filter(|delivery| {
                !held.get(&delivery.country).is_some_and(|records| {
                    records
                        .iter()
                        .any(|of| of.header_digest == record.header_digest)
                })
            })
            .count(),
    )
}

/// Checks the receipts of an own record; answers deliveries confirmed and receipts that hold.
async fn check_receipts(
    client: &mut Client,
    record: &RecordSummary,
    book: &TrustBook,
    latencies: &mut Vec<i64>,
) -> Result<(u64, u64), Failure> {
    let answer = client
        .records
        .list_receipts(ListReceiptsRequest {
            reference: record.reference.clone(),
        })
        .await?
        .into_inner();
    let (mut delivered, mut matched) = (0, 0);
    for proof in &answer.receipts {
        let Ok(receipt) = envelope::verify_stated(proof, book) else {
            continue;
        };
        if receipt.header_digest != record.header_digest {
            continue;
        }
        match receipt.r#type() {
            ReceiptType::Delivery => {
                delivered += 1;
                matched += 1;
                latencies.push(receipt.time_us.saturating_sub(record.submitted_us));
            }
            ReceiptType::NonDelivery => matched += 1,
            _ => {}
        }
    }
    Ok((delivered, matched))
}

/// Exports a node's ledger and verifies it with the card alone; answers its size.
async fn verify_ledger(client: &mut Client, node: &CountryNode) -> Result<u64, String> {
    let mut stream = client
        .audit
        .export_ledger(ExportLedgerRequest {})
        .await
        .map_err(|status| status.message().to_owned())?
        .into_inner();
    let mut lines: Vec<Result<ExportLine, std::io::Error>> = Vec::new();
    while let Some(answer) = stream.next().await {
        let answer = answer.map_err(|status| status.message().to_owned())?;
        match answer.line {
            Some(Line::Checkpoint(note)) => lines.push(Ok(ExportLine::Checkpoint(note))),
            Some(Line::Leaf(leaf)) => lines.push(Ok(ExportLine::Leaf(leaf))),
            None => {}
        }
    }
    ledger::verify_export(
        lines.into_iter(),
        &node.card.ledger_origin,
        &node.card.ledger_keys(),
        None,
    )
    .map(|verified| verified.size)
    .map_err(|fault| fault.to_string())
}

/// A percentile in milliseconds of sorted microseconds; 0 of none.
fn percentile(sorted: &[i64], percent: usize) -> f64 {
    let last = sorted.len().saturating_sub(1);
    sorted
        .get(last * percent / 100)
        .map_or(0.0, |micros| (*micros as f64 / 10.0).round() / 100.0)
}
