//! The search index: memory and building alone, then in a node (rebuild, answers), beside a linear
//! scan of the same records.
//!
//! `cargo bench --bench search -- --records 1000000 --in-node 100000`
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
        Asked, Index, Query, explain, extract,
        index::{Facts, prepare},
        text::Normaliser,
    },
    wire::record::{Identifier, IdentifierType, Identifiers, Name, Record, Suspect, Suspects},
};
use futures_util::{StreamExt as _, stream};
use shared::{Site, at_fraction, row, table, threads};

/// Records of which the linear scan is measured.
const SCANNED: usize = 2_000;

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
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// SplitMix64: made-up texts that are the same in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, count: u64) -> u64 {
        self.next() % count
    }

    /// A rank with small ones much likelier, as words of a language are.
    fn rank(&mut self, count: u64) -> u64 {
        let uniform = self.below(1 << 30) as f64 / f64::from(1 << 30);
        ((count as f64).powf(uniform) as u64).saturating_sub(1)
    }
}

const SYLLABLES: [&str; 32] = [
    "ма", "ра", "жам", "шед", "бек", "дил", "шод", "нур", "хо", "кар", "им", "тош", "гул", "ба",
    "хор", "са", "ли", "му", "рат", "ай", "дос", "тем", "ир", "ан", "вар", "зи", "ё", "қо", "ҳам",
    "ўт", "кур", "ов",
];

/// The word of a rank: two to four syllables.
fn word(rank: u64) -> String {
    let mut rest = rank.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 20;
    let mut text = String::new();
    for _ in 0..2 + rank % 3 {
        let at = usize::try_from(rest % 32).unwrap_or(0);
        text.push_str(SYLLABLES.get(at).copied().unwrap_or_default());
        rest /= 32;
    }
    text
}

/// Gives a record texts as real ones have them: some 60 words out of 200,000, a person of 300,000
/// names, a telephone number of its own.
fn dressed(mut record: Record, random: &mut Random) -> (Record, String, String) {
    let words: Vec<String> = (0..60).map(|_| word(random.rank(200_000))).collect();
    if let Some(situation) = &mut record.situation {
        situation.summary = words.join(" ");
        situation.language = "ru".to_owned();
    }
    let name = format!(
        "{} {}ов",
        word(200_000 + random.rank(20_000)),
        word(220_000 + random.rank(280_000))
    );
    let phone = format!("+9989{:08}", random.below(100_000_000));
    record.suspects = Some(Suspects {
        suspects: vec![Suspect {
            names: vec![Name {
                text: name.clone(),
                language: "ru-Cyrl".to_owned(),
            }],
            ..Suspect::default()
        }],
    });
    record.identifiers = Some(Identifiers {
        identifiers: vec![Identifier {
            r#type: IdentifierType::Phone.into(),
            value: phone.clone(),
            ..Identifier::default()
        }],
    });
    (record, name, phone)
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

/// Questions: a name in Latin letters, one of its words misspelt, a telephone number, two words.
fn questions(name: &str, phone: &str) -> Vec<(&'static str, Asked)> {
    let text = |text: String| Asked {
        text,
        ..Asked::default()
    };
    let latin = comity::search::text::words(name)
        .map(comity::search::text::fold)
        .collect::<Vec<_>>()
        .join(" ");
    let mut slipped = latin.clone();
    slipped.remove(latin.len() / 3);
    vec![
        ("a name in Latin letters", text(latin)),
        ("a name with a slip", text(slipped)),
        (
            "a telephone number",
            Asked {
                entity: phone.to_owned(),
                ..Asked::default()
            },
        ),
        (
            "two frequent words",
            text(format!("{} {}", word(3), word(9))),
        ),
        (
            "a frequent word and a code",
            Asked {
                codes: vec!["urgency=ROUTINE".to_owned()],
                ..text(word(1))
            },
        ),
    ]
}

fn alone(arguments: &Arguments) -> serde_json::Value {
    let resident = || threads::resident_kib("self") as f64 / 1024.0;
    let (mut index, mut normaliser) = (Index::default(), Normaliser::default());
    let origin: Country = "UZ".parse().expect("a country");
    let mut asked = Vec::new();
    let mut sample = Vec::new();
    let (mut extracting, mut preparing, mut inserting) =
        (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let before = resident();
    let every = (arguments.records / arguments.questions.max(1)).max(1);
    for (number, (record, name, phone)) in
        (1..).zip(records(arguments.bytes).take(arguments.records))
    {
        let begun = Instant::now();
        let found = extract(&record);
        let extracted = Instant::now();
        let facts = Facts {
            number,
            kind: "Alert".to_owned(),
            origin,
            day: 20_000,
        };
        let ready = prepare(facts, &found, &mut normaliser);
        let prepared = Instant::now();
        index.insert(ready);
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
    let grown = resident() - before;
    let count = arguments.records as f64;
    let per_record = |time: Duration| format!("{:.1}", time.as_secs_f64() * 1e6 / count);
    table(
        &format!("index alone: {count} records of {} bytes", arguments.bytes),
        &[
            row("extracting, us per record", per_record(extracting)),
            row("preparing, us per record", per_record(preparing)),
            row("inserting, us per record", per_record(inserting)),
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
    serde_json::json!({
        "bench": "search",
        "records": arguments.records,
        "index_mib": index.bytes() as f64 / 1_048_576.0,
        "resident_mib": grown,
        "worst_candidates_p99_ms": worst,
        "us_per_record": (extracting + preparing + inserting).as_secs_f64() * 1e6 / count,
    })
}

async fn fill(node: &Arc<Node>, arguments: &Arguments) -> Vec<Vec<(&'static str, Asked)>> {
    let every = (arguments.in_node / arguments.questions.max(1)).max(1);
    let mut asked = Vec::new();
    let made = records(arguments.bytes).take(arguments.in_node);
    let submissions = made.enumerate().map(|(at, (record, name, phone))| {
        if at.is_multiple_of(every) {
            asked.push(questions(&name, &phone));
        }
        node.submit_intent(Intent {
            record,
            idempotency_key: String::new(),
            actor: "bench/case-system".to_owned(),
            by_node: false,
        })
    });
    stream::iter(submissions)
        .buffered(256)
        .for_each(|accepted| async {
            accepted.expect("an acceptance");
        })
        .await;
    asked
}

fn in_node(arguments: &Arguments) -> serde_json::Value {
    let folder = shared::folder(arguments.dir.as_deref());
    let (uz, kz) = (
        Site::set_up(folder.path(), "UZ"),
        Site::set_up(folder.path(), "KZ"),
    );
    shared::on_client(async {
        uz.trust(&[&kz]).await;
        let node = uz.open_node().await;
        let asked = fill(&node, arguments).await;
        node.close().await.expect("a clean close");
        drop(node);
        let begun = Instant::now();
        let node = uz.open_node().await;
        let ready = begun.elapsed();
        let coverage = || node.search_coverage().expect("the coverage");
        shared::until("index", || coverage().complete && coverage().built_ms > 0).await;
        let built = Duration::from_millis(coverage().built_ms);
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
                let begun = Instant::now();
                let (permit, purpose) = (shared::officer(&node), shared::purpose());
                let answer = node.search(permit, of, Some(purpose), String::new());
                std::hint::black_box(answer.await.expect("an answer"));
                times.push(begun.elapsed());
            }
            times.sort();
            let p99 = at_fraction(&times, 0.99).as_secs_f64() * 1e3;
            worst = worst.max(p99);
            let p50 = at_fraction(&times, 0.5).as_secs_f64() * 1e3;
            rows.push(row(name, format!("p50 {p50:.2} ms, p99 {p99:.2} ms")));
        }
        let count = arguments.in_node as f64;
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
                    "memory of the index, MiB",
                    format!("{:.1}", coverage().memory_bytes as f64 / 1_048_576.0),
                ),
            ],
        );
        table("answers, the leaf durable before them", &rows);
        let json = serde_json::json!({
            "in_node": arguments.in_node,
            "rebuild_s": built.as_secs_f64(),
            "worst_answer_p99_ms": worst,
        });
        node.close().await.expect("a clean close");
        json
    })
}

fn main() {
    let arguments = Arguments::parse();
    let alone = alone(&arguments);
    let node = if arguments.in_node > 0 {
        in_node(&arguments)
    } else {
        serde_json::Value::Null
    };
    println!("{}", serde_json::json!({ "alone": alone, "node": node }));
}
