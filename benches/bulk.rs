//! Bulk delivery between two nodes on one machine, beside what cryptography and disk alone allow.
//!
//! `cargo bench --bench bulk -- --records 20000`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints its table"
)]

mod shared;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Parser;
use comity::{store::Workload, wire::record::Record};
use shared::{Running, Site, cryptography, disk, row, table, threads};

/// Submit → receipt durable at the origin, routine records, one destination, everything fsynced.
#[derive(Debug, Parser)]
struct Arguments {
    /// Records that are measured.
    #[arg(long, default_value_t = 20_000)]
    records: usize,
    /// Records submitted before, so that caches and credit are as in operation.
    #[arg(long, default_value_t = 2_000)]
    warm_up: usize,
    /// Encoded size of a record, in bytes.
    #[arg(long, default_value_t = 1024)]
    bytes: usize,
    /// Submissions without an answer at the same time.
    #[arg(long, default_value_t = 256)]
    in_flight: usize,
    /// Folder on the disk that is measured.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// What one node's writer did.
fn since(before: Workload, now: Workload) -> Workload {
    Workload {
        groups: now.groups - before.groups,
        entries: now.entries - before.entries,
        rows: now.rows - before.rows,
        deciding: now.deciding - before.deciding,
        journal: now.journal - before.journal,
        index: now.index - before.index,
    }
}

fn journal_bytes(running: &Running) -> u64 {
    running.node.store().space().expect("space").journal_bytes
}

async fn delivered(
    site: &Site,
    origin: &Running,
    records: Vec<Record>,
    in_flight: usize,
) -> Duration {
    let client = shared::client(site).await;
    let expected = origin.lanes().0 + records.len() as u64;
    let begun = Instant::now();
    shared::submit_all(client, records, in_flight).await;
    let submitted = begun.elapsed();
    shared::until("receipts", || origin.lanes().1 >= expected).await;
    submitted
}

fn main() {
    let arguments = Arguments::parse();
    let folder = shared::folder(arguments.dir.as_deref());
    let sites = [
        Site::set_up(folder.path(), "UZ"),
        Site::set_up(folder.path(), "KZ"),
    ];
    let [uz, kz] = &sites;
    shared::on_client(async {
        uz.trust(&[kz]).await;
        kz.trust(&[uz]).await;
    });
    let countries = [uz.country, kz.country];
    let mut made = shared::records(&countries, arguments.bytes);
    let warm_up: Vec<Record> = made.by_ref().take(arguments.warm_up).collect();
    let records: Vec<Record> = made.take(arguments.records).collect();
    let count = records.len() as f64;

    let nodes = [uz.run(), kz.run()];
    let [origin, reader] = &nodes;
    let (wall, submitted, cpu, work, bytes) = shared::on_client(async {
        shared::until("link", || origin.linked() && reader.linked()).await;
        delivered(uz, origin, warm_up, arguments.in_flight).await;
        let cpu = threads::cpu_seconds();
        let work = [origin, reader].map(|at| at.node.store().workload());
        let bytes = [origin, reader].map(journal_bytes);
        let begun = Instant::now();
        let submitted = delivered(uz, origin, records.clone(), arguments.in_flight).await;
        let wall = begun.elapsed();
        let [of_origin, of_reader] = work;
        let work = [
            since(of_origin, origin.node.store().workload()),
            since(of_reader, reader.node.store().workload()),
        ];
        let [at_origin, at_reader] = bytes;
        let bytes = [
            journal_bytes(origin) - at_origin,
            journal_bytes(reader) - at_reader,
        ];
        (wall, submitted, threads::since(&cpu), work, bytes)
    });
    for node in nodes {
        node.stop();
    }

    let pair = cryptography::Pair::new(uz, kz);
    let crypto = pair.work(&records, 2);
    let groups = records.len().div_ceil(cryptography::GROUP);
    let group_bytes = bytes.map(|bytes| usize::try_from(bytes).unwrap_or(0) / groups.max(1));
    let raw = disk::append(folder.path(), &group_bytes, groups);

    let rate = |time: Duration| count / time.as_secs_f64();
    let bound = rate(crypto).min(rate(raw));
    let goal = (0.5 * bound).min(8_000.0);
    let whole = |number: f64| format!("{number:.0}");
    table(
        &format!(
            "bulk: {count} records of {} bytes, one destination, {} in flight",
            arguments.bytes, arguments.in_flight
        ),
        &[
            row("submit to durable receipt, records/s", whole(rate(wall))),
            row(
                "of this, submit to durable acceptance",
                whole(rate(submitted)),
            ),
            row("bound: cryptography alone, 2 threads", whole(rate(crypto))),
            row("bound: append + fdatasync alone", whole(rate(raw))),
            row(
                "ratio to the lower bound",
                format!("{:.2}", rate(wall) / bound),
            ),
            row("goal, records/s", whole(goal)),
        ],
    );
    let per_record = |seconds: f64| format!("{:.1}", seconds * 1e6 / count);
    let cpu_rows: Vec<_> = cpu
        .iter()
        .map(|(name, seconds)| row(name, per_record(*seconds)))
        .collect();
    table(
        "CPU by thread, us per record (2 cores give 2 us per us)",
        &cpu_rows,
    );
    for (site, work, bytes) in [(uz, &work[0], bytes[0]), (kz, &work[1], bytes[1])] {
        table(
            &format!("writer of {}, us of wall clock per record", site.country),
            &[
                row(
                    "deciding: rules and projections",
                    per_record(work.deciding.as_secs_f64()),
                ),
                row(
                    "journal: write and fdatasync",
                    per_record(work.journal.as_secs_f64()),
                ),
                row(
                    "index: rows kept in memory",
                    per_record(work.index.as_secs_f64()),
                ),
                row(
                    "rows per record",
                    format!("{:.1}", work.rows as f64 / count),
                ),
                row(
                    "entries per group",
                    format!("{:.0}", work.entries as f64 / work.groups.max(1) as f64),
                ),
                row("journal bytes per record", whole(bytes as f64 / count)),
            ],
        );
    }
    println!(
        "{}",
        serde_json::json!({
            "bench": "bulk",
            "records": records.len(),
            "bytes": arguments.bytes,
            "in_flight": arguments.in_flight,
            "records_per_s": rate(wall),
            "accepted_per_s": rate(submitted),
            "crypto_bound_per_s": rate(crypto),
            "append_bound_per_s": rate(raw),
            "ratio": rate(wall) / bound,
            "goal_per_s": goal,
            "cpu_us_per_record": cpu.iter().map(|(name, seconds)| (name.clone(), seconds * 1e6 / count)).collect::<std::collections::BTreeMap<_, _>>(),
        })
    );
}
