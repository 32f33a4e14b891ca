//! What one more reader of a record costs its origin: cryptography and durable outbox entry apart.
//!
//! `cargo bench --bench fanout -- --records 500`
#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints its table"
)]

mod shared;

use std::{
    hint::black_box,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use comity::{
    envelope::{self, Lane, Plain, SendingEpoch},
    node::{Node, submit::Intent, system_clock},
    record::{Country, compartments::split},
    wire::record::Record,
};
use futures_util::{StreamExt as _, stream};
use shared::{Site, micros, row, table};

/// Numbers of readers that are compared.
const READERS: [usize; 3] = [1, 10, 190];

/// Submit → durable, for records to 1, 10 and 190 readers whose links are down.
#[derive(Debug, Parser)]
struct Arguments {
    /// Records for each number of readers.
    #[arg(long, default_value_t = 500)]
    records: usize,
    /// Encoded size of a record beside its destinations, in bytes.
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

/// The first `count` countries of ISO 3166-1 but one.
fn countries(count: usize, but: &str) -> Vec<String> {
    let letters = || 'A'..='Z';
    letters()
        .flat_map(|first| letters().map(move |second| format!("{first}{second}")))
        .filter(|code| code != but && code.parse::<Country>().is_ok())
        .take(count)
        .collect()
}

/// Submits in the node's own process; answers the wall clock per record.
async fn submitted(node: &Arc<Node>, records: Vec<Record>, in_flight: usize) -> Duration {
    let count = u32::try_from(records.len()).unwrap_or(1).max(1);
    let begun = Instant::now();
    stream::iter(records)
        .map(|record| {
            node.submit_intent(Intent {
                record,
                idempotency_key: String::new(),
                actor: "bench/case-system".to_owned(),
                by_node: false,
                evidence: false,
                item: None,
            })
        })
        .buffered(in_flight)
        .for_each(|accepted| async {
            accepted.expect("an acceptance");
        })
        .await;
    begun.elapsed() / count
}

/// Sealing one record for its readers, and wrapping its keys for each.
fn cryptography(
    own: &Site,
    readers: &[Site],
    record: &Record,
    rounds: usize,
) -> (Duration, Duration, Duration) {
    let home = own.open_home();
    let key = home.signing_key().expect("the signing key");
    let now = system_clock()();
    let begun = Instant::now();
    let epochs: Vec<SendingEpoch> = readers
        .iter()
        .map(|reader| {
            let card = reader.open_home().own_card().clone();
            let sealing = card.sealing_keys.first().expect("a sealing key");
            SendingEpoch::establish(own.country, reader.country, sealing, now)
                .expect("an epoch")
                .0
        })
        .collect();
    let epoch = begun.elapsed() / u32::try_from(readers.len()).unwrap_or(1).max(1);
    let (mut sealing, mut wrapping) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..rounds {
        let compartments: Vec<(u32, Vec<u8>)> = split(record)
            .into_iter()
            .map(|(label, content)| (label as u32, content))
            .collect();
        let plain = Plain {
            lane: Lane::Bulk,
            handling: Vec::new(),
            expires_at: None,
            follows: None,
            exercise: true,
            compartments,
            destinations: readers
                .iter()
                .map(|reader| (reader.country, vec![0]))
                .collect(),
        };
        let begun = Instant::now();
        let sealed = envelope::seal(plain, own.country, &[1; 16], &key).expect("sealed");
        sealing += begun.elapsed();
        let begun = Instant::now();
        for epoch in &epochs {
            let wrap = epoch.wrap(&sealed.keys, &sealed.digest, epoch.reader());
            black_box(wrap.expect("a wrap"));
        }
        wrapping += begun.elapsed();
    }
    let rounds = u32::try_from(rounds).unwrap_or(1).max(1);
    (sealing / rounds, wrapping / rounds, epoch)
}

fn main() {
    let arguments = Arguments::parse();
    let folder = shared::folder(arguments.dir.as_deref());
    let own = Site::set_up(folder.path(), "UZ");
    let most = READERS.into_iter().max().unwrap_or(1);
    let readers: Vec<Site> = countries(most, own.country.code())
        .iter()
        .map(|code| Site::set_up(folder.path(), code))
        .collect();
    let mut rows = Vec::new();
    let mut results = Vec::new();
    shared::on_client(async {
        own.trust(&readers.iter().collect::<Vec<_>>()).await;
        let node = own.open_node().await;
        for count in READERS {
            let some = readers.get(..count).unwrap_or(&readers);
            let among: Vec<Country> = std::iter::once(own.country)
                .chain(some.iter().map(|reader| reader.country))
                .collect();
            // A destination takes some bytes of the record itself.
            let bytes = arguments.bytes + 8 * count;
            let mut made = shared::records(&among, bytes);
            let record = made.next().expect("a record");
            let warm_up = made.by_ref().take(arguments.records / 10).collect();
            submitted(&node, warm_up, arguments.in_flight).await;
            let records: Vec<Record> = made.take(arguments.records).collect();
            let before = (
                node.store().workload(),
                node.store().space().expect("space"),
            );
            let whole = submitted(&node, records, arguments.in_flight).await;
            let work = node.store().workload();
            let written = node.store().space().expect("space").journal_bytes;
            let each = arguments.records.max(1) as f64;
            let written = (written - before.1.journal_bytes) as f64 / each;
            let writer = (work.deciding - before.0.deciding + work.index - before.0.index)
                .as_secs_f64()
                * 1e6
                / each;
            let journal = (work.journal - before.0.journal).as_secs_f64() * 1e6 / each;
            let (seal, wrap, epoch) = cryptography(&own, some, &record, 50);
            results.push([
                count as f64,
                micros(whole),
                micros(seal),
                micros(wrap),
                writer,
                journal,
                written,
                micros(epoch),
            ]);
        }
        node.close().await.expect("a clean close");
    });
    for [readers, whole, seal, wrap, writer, journal, written, _] in &results {
        rows.push(row(
            &format!("{readers} readers"),
            format!("{whole:9.1} {seal:9.1} {wrap:9.1} {writer:9.1} {journal:9.1} {written:9.0}"),
        ));
    }
    if let (Some(first), Some(last)) = (results.first(), results.last()) {
        let extra: Vec<f64> = first
            .iter()
            .zip(last)
            .map(|(few, many)| (many - few) / (last[0] - first[0]))
            .collect();
        rows.push(row(
            "each extra reader",
            extra[1..7]
                .iter()
                .map(|value| format!("{value:9.2}"))
                .collect::<Vec<_>>()
                .join(" "),
        ));
        rows.push(row(
            "epoch, once an hour and reader",
            format!("{:9.0}", last[7]),
        ));
        table(
            &format!(
                "fanout: {} records each, us per record: submit to durable, of this sealing; wrapping (at sending); writer, journal; journal bytes",
                arguments.records
            ),
            &rows,
        );
        println!(
            "{}",
            serde_json::json!({
                "bench": "fanout",
                "records": arguments.records,
                "columns": ["readers", "submit_us", "seal_us", "wrap_us", "writer_us", "journal_us", "journal_bytes", "epoch_us"],
                "rows": results,
                "extra_reader": { "submit_us": extra[1], "seal_us": extra[2], "wrap_us": extra[3], "writer_us": extra[4], "journal_us": extra[5], "journal_bytes": extra[6] },
            })
        );
    }
}
