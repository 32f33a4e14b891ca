//! The search index: memory and building alone, then in a node (rebuild, answers), beside a linear
//! scan of the same records.
//!
//! `cargo bench --bench search -- --records 1000000 --in-node 100000`
//!
//! A large node is filled once and kept, so that what is measured of it is that of a fresh process:
//! `--records 0 --in-node 1000000 --keep FOLDER`, twice.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints its table"
)]

mod shared;

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use comity::{
    node::{Node, submit::Intent},
    record::Country,
    search::{
        Asked, Index, Query, explain, extract, extract_to_index,
        index::{Facts, Piece, prepare},
        text::{Lexicon, Normaliser},
    },
    wire::record::Record,
};
use futures_util::{StreamExt as _, stream};
use shared::{
    Site, at_fraction, row, table,
    texts::{Random, dressed, questions},
    threads,
};

/// Records of which the linear scan is measured.
const SCANNED: usize = 2_000;

/// Records that are added together, as a node does.
const PIECE: usize = 64;

/// Memory, building and answers of the search index.
#[derive(Debug, Parser)]
struct Arguments {
    /// Records in the index alone.
    #[arg(long, default_value_t = 100_000)]
    records: usize,
    /// Records in a node; 0: the node is left out.
    #[arg(long, default_value_t = 10_000)]
    in_node: usize,
    /// Questions of each kind.
    #[arg(long, default_value_t = 100)]
    questions: usize,
    /// Encoded size of a record, in bytes.
    #[arg(long, default_value_t = 1024)]
    bytes: usize,
    /// Folder on the disk that is measured.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Folder in which the node is kept: filled by the first run, measured by each.
    #[arg(long)]
    keep: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// The records of a run, with what can be asked of some.
fn records(bytes: usize) -> impl Iterator<Item = (Record, String, String)> {
    let countries: Vec<Country> = ["UZ", "KZ"].iter().filter_map(|c| c.parse().ok()).collect();
    let mut random = Random(1);
    let mut made = Vec::new();
    // Making records takes longer than indexing them: a few thousand are dressed anew each time.
    made.extend(shared::records(&countries, bytes).take(2_000));
    (0..).map(move |at: usize| {
        let record = made.get(at % made.len()).cloned().unwrap_or_default();
        dressed(record, &mut random)
    })
}

fn alone(arguments: &Arguments) -> serde_json::Value {
    let resident = || threads::resident_kib("self") as f64 / 1024.0;
    let (mut index, mut lexicon) = (Index::default(), Lexicon::default());
    let mut piece = Vec::new();
    let origin: Country = "UZ".parse().expect("a country");
    let mut asked = Vec::new();
    let mut sample = Vec::new();
    let mut longest_piece = Duration::ZERO;
    let (mut extracting, mut preparing, mut inserting) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let before = resident();
    let every = (arguments.records / arguments.questions.max(1)).max(1);
    for (number, (record, name, phone)) in
        (1..).zip(records(arguments.bytes).take(arguments.records))
    {
        let begun = Instant::now();
        let found = extract_to_index(&record);
        let extracted = Instant::now();
        let facts = Facts {
            number,
            kind: "Alert".to_owned(),
            origin,
            day: 20_000,
        };
        piece.push(prepare(facts, &found, &mut lexicon));
        let whole = piece.len() == PIECE || number as usize == arguments.records;
        let ready = whole.then(|| Piece::new(std::mem::take(&mut piece)));
        let prepared = Instant::now();
        if let Some(ready) = ready {
            index.insert_all(&ready);
            drop(ready);
            longest_piece = longest_piece.max(prepared.elapsed());
        }
        inserting += prepared.elapsed();
        preparing += prepared - extracted;
        extracting += extracted - begun;
        if (number as usize).is_multiple_of(every) {
            asked.push(questions(&name, &phone));
        }
        if sample.len() < SCANNED {
            sample.push(record);
        }
    }
    index.shrink();
    lexicon.forget();
    let mut normaliser = Normaliser::default();
    let grown = resident() - before;
    let count = arguments.records as f64;
    let per_record = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e6 / count);
    table(
        &format!("index alone: {count} records of {} bytes", arguments.bytes),
        &[
            row("extracting, us per record", per_record(extracting)),
            row("preparing, us per record", per_record(preparing)),
            row("inserting, us per record", per_record(inserting)),
            row(
                "longest time for a piece, ms",
                format!("{:.2}", longest_piece.as_secs_f64() * 1e3),
            ),
            row("words known", index.words()),
            row(
                "memory by its own count, MiB",
                format!("{:.0}", index.bytes() as f64 / 1_048_576.0),
            ),
            row("resident memory grown by, MiB", format!("{grown:.0}")),
        ],
    );
    let mut rows = Vec::new();
    let mut worst: f64 = 0.0;
    let kinds = asked.first().map_or(0, Vec::len);
    for kind in 0..kinds {
        let mut name = "";
        let mut times = Vec::new();
        let mut scan = Duration::ZERO;
        for (at, of) in asked.iter().enumerate() {
            let Some((what, of)) = of.get(kind) else {
                continue;
            };
            name = what;
            let query = Query::read(of).expect("a question");
            let begun = Instant::now();
            let found: u64 = index
                .candidates(&query)
                .iter()
                .map(|tier| tier.numbers().take(200).count() as u64)
                .sum();
            times.push(begun.elapsed());
            std::hint::black_box(found);
            if at == 0 {
                let begun = Instant::now();
                for record in &sample {
                    let found = extract(record);
                    std::hint::black_box(explain(
                        &query,
                        &found,
                        origin,
                        &|_| true,
                        &mut normaliser,
                    ));
                }
                scan = begun.elapsed();
            }
        }
        times.sort();
        let p99 = at_fraction(&times, 0.99);
        let scan = scan.as_secs_f64() / sample.len().max(1) as f64 * count;
        worst = worst.max(p99.as_secs_f64() * 1e3);
        rows.push(row(
            name,
            format!(
                "p50 {:.2} ms, p99 {:.2} ms; scan {:.1} s, ratio {:.0}",
                at_fraction(&times, 0.5).as_secs_f64() * 1e3,
                p99.as_secs_f64() * 1e3,
                scan,
                scan / p99.as_secs_f64().max(1e-9),
            ),
        ));
    }
    table("candidates, before records are opened", &rows);
    let mib = index.bytes() as f64 / 1_048_576.0;
    // One record leaves: what a question waits for at most while its words are taken out.
    index.remove(1);
    let mut steps = Vec::new();
    while index.is_littered() {
        let begun = Instant::now();
        index.sweep();
        steps.push(begun.elapsed());
    }
    let longest = steps.iter().max().copied().unwrap_or_default();
    let swept: Duration = steps.iter().sum();
    let text = format!(
        "{:.1}, {:.2}",
        swept.as_secs_f64() * 1e3,
        longest.as_secs_f64() * 1e3
    );
    table(
        "one record leaves",
        &[row("sweep, and its longest step, ms", text)],
    );
    serde_json::json!({
        "bench": "search",
        "records": arguments.records,
        "index_mib": mib,
        "resident_mib": grown,
        "worst_candidates_p99_ms": worst,
        "us_per_record": (extracting + preparing + inserting).as_secs_f64() * 1e6 / count,
    })
}

/// Questions about every so-manieth record.
fn questions_of(arguments: &Arguments) -> Vec<Vec<(&'static str, Asked)>> {
    let every = (arguments.in_node / arguments.questions.max(1)).max(1);
    let made = records(arguments.bytes).take(arguments.in_node);
    made.step_by(every)
        .map(|(_, name, phone)| questions(&name, &phone))
        .collect()
}

async fn fill(node: &Arc<Node>, arguments: &Arguments) {
    let made = records(arguments.bytes).take(arguments.in_node);
    let submissions = made.map(|(record, _, _)| {
        node.submit_intent(Intent {
            record,
            idempotency_key: String::new(),
            actor: "bench/case-system".to_owned(),
            by_node: false,
            evidence: false,
            item: None,
        })
    });
    stream::iter(submissions)
        .buffered(256)
        .for_each(|accepted| async {
            accepted.expect("an acceptance");
        })
        .await;
}

/// One answer, with its leaf; how long it took.
async fn ask(node: &Arc<Node>, of: Asked) -> Duration {
    let begun = Instant::now();
    let (permit, purpose) = (shared::officer(node), shared::purpose());
    let answer = node.search(permit, of, Some(purpose), String::new());
    std::hint::black_box(answer.await.expect("an answer"));
    begun.elapsed()
}

fn milliseconds(sorted: &[Duration], fraction: f64) -> f64 {
    at_fraction(sorted, fraction).as_secs_f64() * 1e3
}

fn in_node(arguments: &Arguments) -> serde_json::Value {
    let temporary = shared::folder(arguments.dir.as_deref());
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    let uz = Site {
        country: "UZ".parse().expect("a country"),
        home: folder.join("uz"),
    };
    let kept = uz.home.exists();
    shared::on_client(async {
        if !kept {
            let uz = Site::set_up(folder, "UZ");
            uz.trust(&[&Site::set_up(folder, "KZ")]).await;
            let node = uz.open_node().await;
            fill(&node, arguments).await;
            node.close().await.expect("a clean close");
        }
        if !kept && arguments.keep.is_some() {
            println!("filled; run again to measure");
            return serde_json::Value::Null;
        }
        let asked = questions_of(arguments);
        let resident = || threads::resident_kib("self") as f64 / 1024.0;
        let begun = Instant::now();
        let node = uz.open_node().await;
        let (ready, before) = (begun.elapsed(), resident());
        let coverage = || node.search_coverage().expect("the coverage");
        // It serves while the index is built: a question every tenth of a second.
        let mut meanwhile = Vec::new();
        let mut peak = before;
        let mut waiting = asked.iter().flatten().cycle();
        while !coverage().complete || coverage().built_ms == 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            if let Some((_, of)) = waiting.next() {
                meanwhile.push(ask(&node, of.clone()).await);
            }
            peak = peak.max(resident());
            assert!(begun.elapsed() < shared::PATIENCE, "no index in time");
        }
        meanwhile.sort();
        let (covered, after) = (coverage(), resident());
        let built = Duration::from_millis(covered.built_ms);
        let mut rows = Vec::new();
        let mut worst: f64 = 0.0;
        for kind in 0..asked.first().map_or(0, Vec::len) {
            let mut name = "";
            let mut times = Vec::new();
            for of in &asked {
                let Some((what, of)) = of.get(kind).cloned() else {
                    continue;
                };
                name = what;
                times.push(ask(&node, of).await);
            }
            times.sort();
            let p99 = milliseconds(&times, 0.99);
            worst = worst.max(p99);
            let p50 = milliseconds(&times, 0.5);
            rows.push(row(name, format!("p50 {p50:.2} ms, p99 {p99:.2} ms")));
        }
        let count = arguments.in_node as f64;
        let mebibytes = covered.memory_bytes as f64 / 1_048_576.0;
        table(
            &format!("node: {count} records of {} bytes", arguments.bytes),
            &[
                row("open, index not waited for, ms", ready.as_millis()),
                row(
                    "rebuild of the index, s",
                    format!("{:.2}", built.as_secs_f64()),
                ),
                row(
                    "of this, us per record",
                    format!("{:.1}", built.as_secs_f64() * 1e6 / count),
                ),
                row(
                    "records in the index",
                    format!("{} of {}", covered.indexed, covered.total),
                ),
                row("memory of the index, MiB", format!("{mebibytes:.1}")),
                row(
                    "resident when open, at most while building, when built, MiB",
                    format!("{before:.0}, {peak:.0}, {after:.0}"),
                ),
                row(
                    "answers meanwhile, p50 and p99, ms",
                    format!(
                        "{:.2}, {:.2} of {}",
                        milliseconds(&meanwhile, 0.5),
                        milliseconds(&meanwhile, 0.99),
                        meanwhile.len()
                    ),
                ),
            ],
        );
        table("answers, the leaf durable before them", &rows);
        let json = serde_json::json!({
            "in_node": arguments.in_node,
            "rebuild_s": built.as_secs_f64(),
            "index_mib": mebibytes,
            "resident_mib": [before, peak, after],
            "meanwhile_p99_ms": milliseconds(&meanwhile, 0.99),
            "worst_answer_p99_ms": worst,
        });
        node.close().await.expect("a clean close");
        json
    })
}

fn main() {
    let arguments = Arguments::parse();
    let alone = if arguments.records > 0 {
        alone(&arguments)
    } else {
        serde_json::Value::Null
    };
    let node = if arguments.in_node > 0 {
        in_node(&arguments)
    } else {
        serde_json::Value::Null
    };
    println!("{}", serde_json::json!({ "alone": alone, "node": node }));
}
