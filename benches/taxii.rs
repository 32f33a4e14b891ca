//! Pages of TAXII: a thousand objects at a time out of a collection of many, beside reading as many
//! records one by one for the same caller.
//!
//! `cargo bench --bench taxii -- --records 1000000 --keep FOLDER`, twice: the first run fills.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints its table"
)]

mod shared;

use std::{
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use comity::{
    access::{Caller, Permit, Principal, PrincipalKind, Verb},
    config::Config,
    feed::taxii::{Collection, Filter},
    node::{Node, listing::Listed, submit::Intent, taxii::Wanted},
    record::Country,
};
use futures_util::{StreamExt as _, stream};
use shared::{Site, at_fraction, row, table};

/// Objects of a page.
const PAGE: usize = 1000;

/// Pages of TAXII.
#[derive(Debug, Parser)]
struct Arguments {
    /// Records stored.
    #[arg(long, default_value_t = 20_000)]
    records: usize,
    /// Pages measured.
    #[arg(long, default_value_t = 200)]
    pages: usize,
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

/// A case system of the country's desk: what it takes is bounded by what it is entitled to.
fn system<A: Verb>(node: &Node) -> Permit<A> {
    let principal = Principal::new(node.country(), PrincipalKind::CaseSystem, "bench")
        .and_then(|of| of.with_authority(Some("national-police")))
        .and_then(|of| of.with_roles(Default::default()))
        .expect("a principal");
    let from = "127.0.0.1:1".to_owned();
    node.enter(Caller { principal, from }).expect("a permit")
}

async fn fill(node: &Arc<Node>, arguments: &Arguments) {
    let countries: Vec<Country> = ["UZ", "KZ"].iter().filter_map(|c| c.parse().ok()).collect();
    let made: Vec<_> = shared::records(&countries, arguments.bytes)
        .take(2_000)
        .collect();
    let submissions = made.iter().cycle().take(arguments.records).map(|record| {
        node.submit_intent(Intent {
            record: record.clone(),
            idempotency_key: String::new(),
            actor: "bench/case-system".to_owned(),
            by_node: false,
            evidence: false,
            item: None,
        })
    });
    let accepted = stream::iter(submissions).buffered(256);
    accepted
        .for_each(|accepted| async {
            accepted.expect("an acceptance");
        })
        .await;
}

/// Waits until every record was looked at.
async fn shelved(node: &Arc<Node>, records: usize) -> Duration {
    let begun = Instant::now();
    while node.taxii_shelved().expect("the shelves") < records as u64 {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    begun.elapsed()
}

/// The times of pages of the fullest collection, and how many objects it gave.
async fn pages(node: &Arc<Node>, most: usize) -> (Collection, Vec<Duration>, usize) {
    let mut best = (Collection::Routes, Vec::new(), 0);
    for collection in Collection::ALL {
        if !collection.gives() || collection.is_entitled() {
            continue;
        }
        let (mut times, mut objects, mut after_us) = (Vec::new(), 0, 0);
        while times.len() < most {
            let filter = Filter::read(&[]).expect("no filter");
            let wanted = Wanted {
                collection: *collection,
                matched: filter.matched,
                after_us,
                limit: PAGE,
                detail: "taxii-objects",
            };
            let begun = Instant::now();
            let page = node.taxii_page(system(node), wanted).await.expect("a page");
            let text = page
                .entries
                .iter()
                .map(|entry| entry.object.to_string().len());
            std::hint::black_box(text.sum::<usize>());
            if page.entries.len() == PAGE {
                times.push(begun.elapsed());
            }
            objects += page.entries.len();
            let Some(next) = page.next_us else {
                break;
            };
            after_us = next;
        }
        if objects > best.2 {
            best = (*collection, times, objects);
        }
    }
    best
}

fn main() {
    let arguments = Arguments::parse();
    let temporary = shared::folder(arguments.dir.as_deref());
    let folder = arguments.keep.as_deref().unwrap_or(temporary.path());
    let uz = Site {
        country: "UZ".parse().expect("a country"),
        home: folder.join("uz"),
    };
    let kept = uz.home.exists();
    let measured = shared::on_client(async {
        if !kept {
            let uz = Site::set_up(folder, "UZ");
            let path = uz.home.join("config.toml");
            let mut config = Config::load(&path).expect("the configuration");
            config.taxii.serve = true;
            fs::write(&path, config.commented()).expect("the configuration");
            uz.trust(&[&Site::set_up(folder, "KZ")]).await;
            let node = uz.open_node().await;
            fill(&node, &arguments).await;
            shelved(&node, arguments.records).await;
            node.close().await.expect("a clean close");
        }
        if !kept && arguments.keep.is_some() {
            println!("filled; run again to measure");
            return serde_json::Value::Null;
        }
        let node = uz.open_node().await;
        let (collection, mut times, objects) = pages(&node, arguments.pages).await;
        times.sort();
        // As many records as a page opens, listed for the same caller.
        let mut listed = Vec::new();
        for _ in 0..arguments.pages.min(50) {
            let begun = Instant::now();
            let page = node.list(Listed::default(), u64::MAX, 250, system(&node));
            std::hint::black_box(page.await.expect("a list"));
            listed.push(begun.elapsed());
        }
        listed.sort();
        let of = |times: &[Duration], fraction| at_fraction(times, fraction).as_secs_f64() * 1e3;
        let (p50, p99) = (of(&times, 0.5), of(&times, 0.99));
        let reference = of(&listed, 0.5);
        table(
            &format!(
                "TAXII: {} records stored, pages of {PAGE} objects",
                arguments.records
            ),
            &[
                row("collection", collection.alias()),
                row("objects given", objects),
                row("whole pages", times.len()),
                row("page p50, ms", format!("{p50:.1}")),
                row("page p99, ms", format!("{p99:.1}")),
                row("list of 250 records p50, ms", format!("{reference:.1}")),
                row("ratio", format!("{:.2}", p50 / reference.max(1e-9))),
            ],
        );
        node.close().await.expect("a clean close");
        serde_json::json!({
            "bench": "taxii", "records": arguments.records, "pages": times.len(),
            "page_p50_ms": p50, "page_p99_ms": p99, "list_250_p50_ms": reference,
        })
    });
    println!("{measured}");
}
