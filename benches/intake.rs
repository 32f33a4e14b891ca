//! Feeding items to a node: new ones beside the main path, the same once more, and the memory it takes.
//!
//! `cargo bench --bench intake`; with `--rows 1000000` also the memory while so many are streamed.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints its table"
)]

mod shared;

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use clap::Parser;
use comity::{
    client::Client,
    wire::{
        node::{
            FeedItem, FeedOutcome, GetStatusRequest, IngestBegin, feed_item::Content,
            ingest_response::Outcome,
        },
        record::Record,
    },
};
use shared::{Running, Site, row, table, threads};

/// How often memory is looked at.
const LOOK: Duration = Duration::from_millis(50);

/// Items of a case system, new and repeated, everything fsynced, two destinations.
#[derive(Debug, Parser)]
struct Arguments {
    /// Items that are measured.
    #[arg(long, default_value_t = 20_000)]
    records: usize,
    /// Records submitted before, so that caches and credit are as in operation.
    #[arg(long, default_value_t = 2_000)]
    warm_up: usize,
    /// Encoded size of a record, in bytes.
    #[arg(long, default_value_t = 1024)]
    bytes: usize,
    /// Submissions and items without an answer at the same time.
    #[arg(long, default_value_t = 256)]
    in_flight: usize,
    /// Rows streamed to a node of its own while its memory is watched; 0: none.
    #[arg(long, default_value_t = 0)]
    rows: u64,
    /// Folder on the disk that is measured.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// Feeds items, made one after the other, with `in_flight` unanswered at most; every one has this
/// outcome.
async fn feed(
    client: &mut Client,
    items: impl Iterator<Item = FeedItem> + Send + 'static,
    in_flight: usize,
    outcome: FeedOutcome,
) -> u64 {
    let begin = IngestBegin {
        feed: "bench".to_owned(),
        dry_run: false,
    };
    let feeding = client.feed(begin).await.expect("a stream");
    let (mut sender, mut answers) = feeding.split();
    let room = Arc::new(tokio::sync::Semaphore::new(in_flight));
    let taking = Arc::clone(&room);
    tokio::spawn(async move {
        for item in items {
            let Ok(permit) = taking.acquire().await else {
                return;
            };
            permit.forget();
            if sender.send(item).await.is_err() {
                return;
            }
        }
    });
    let mut count = 0;
    while let Some(answer) = answers.next().await.expect("an answer") {
        match answer.outcome {
            Some(Outcome::Taken(taken)) if taken.outcome() == outcome => count += 1,
            other => panic!("{}: {other:?} instead of {outcome:?}", answer.own_id),
        }
        room.add_permits(1);
    }
    count
}

fn items(records: impl Iterator<Item = Record>) -> impl Iterator<Item = FeedItem> {
    (0_u64..).zip(records).map(|(row, record)| FeedItem {
        own_id: format!("row-{row}"),
        version: 1,
        content: Some(Content::Record(record)),
    })
}

/// Waits until everything that was submitted has its receipts.
async fn receipted(origin: &Running) {
    shared::until("receipts", || {
        let (assigned, receipted) = origin.lanes();
        assigned == receipted
    })
    .await;
}

/// A node as a process of its own; killed when dropped.
struct Process(Child);

impl Process {
    async fn start(site: &Site) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_comity"))
            .arg("run")
            .arg("--home")
            .arg(&site.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        let begun = Instant::now();
        while asked(site).await.is_none() {
            assert!(
                begun.elapsed() < shared::PATIENCE,
                "the node does not start"
            );
            tokio::time::sleep(LOOK).await;
        }
        Self(child)
    }

    fn resident_kib(&self) -> u64 {
        threads::resident_kib(&self.0.id().to_string())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already is stopped as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn asked(site: &Site) -> Option<()> {
    let profile = comity::client::Profile::operator(&site.open_home()).ok()?;
    let mut client = Client::connect(&profile).await.ok()?;
    client.status.get_status(GetStatusRequest {}).await.ok()?;
    Some(())
}

/// Streams rows to a process; idle and highest memory of node and client in MiB, and rows per second.
async fn streamed(site: &Site, reader: &Site, arguments: &Arguments) -> ([f64; 4], f64) {
    let process = Process::start(site).await;
    let _reader = Process::start(reader).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let own = || threads::resident_kib("self");
    let idle = [process.resident_kib(), own()];
    let highest = [AtomicU64::new(0), AtomicU64::new(0)];
    let look = || {
        for (highest, now) in highest.iter().zip([process.resident_kib(), own()]) {
            highest.fetch_max(now, Ordering::Relaxed);
        }
    };
    let mut client = shared::client(site).await;
    let made = shared::records(&[site.country, reader.country], arguments.bytes);
    let rows = usize::try_from(arguments.rows).expect("a count");
    let begun = Instant::now();
    let feeding = feed(
        &mut client,
        items(made.take(rows)),
        arguments.in_flight,
        FeedOutcome::Submitted,
    );
    tokio::pin!(feeding);
    let count = loop {
        tokio::select! {
            count = &mut feeding => break count,
            () = tokio::time::sleep(LOOK) => look(),
        }
    };
    let rate = count as f64 / begun.elapsed().as_secs_f64();
    look();
    let mib = |kib: u64| kib as f64 / 1024.0;
    let [node, client] = highest.map(|of| mib(of.into_inner()));
    let [node_idle, client_idle] = idle.map(mib);
    ([node_idle, node, client_idle, client], rate)
}

fn main() {
    let arguments = Arguments::parse();
    let folder = shared::folder(arguments.dir.as_deref());
    let site = |code| Site::set_up(folder.path(), code);
    let (uz, kz, tj) = (site("UZ"), site("KZ"), site("TJ"));
    let (ae, om) = (site("AE"), site("OM"));
    shared::on_client(async {
        uz.trust(&[&kz, &tj]).await;
        kz.trust(&[&uz]).await;
        tj.trust(&[&uz]).await;
        ae.trust(&[&om]).await;
        om.trust(&[&ae]).await;
    });
    let countries = [uz.country, kz.country, tj.country];
    let mut made = shared::records(&countries, arguments.bytes);
    let warm_up: Vec<Record> = made.by_ref().take(arguments.warm_up).collect();
    let records: Vec<Record> = made.take(arguments.records).collect();

    let nodes = [uz.run(), kz.run(), tj.run()];
    let [origin, ..] = &nodes;
    let (submitted, delivered, fed, fed_delivered, again) = shared::on_client(async {
        shared::until("links", || nodes.iter().all(Running::linked)).await;
        let client = shared::client(&uz).await;
        shared::submit_all(client.clone(), warm_up, arguments.in_flight).await;
        receipted(origin).await;

        let begun = Instant::now();
        shared::submit_all(client.clone(), records.clone(), arguments.in_flight).await;
        let submitted = begun.elapsed();
        receipted(origin).await;
        let delivered = begun.elapsed();

        let mut client = client;
        let rows = records.clone().into_iter();
        let begun = Instant::now();
        feed(
            &mut client,
            items(rows),
            arguments.in_flight,
            FeedOutcome::Submitted,
        )
        .await;
        let fed = begun.elapsed();
        receipted(origin).await;
        let fed_delivered = begun.elapsed();

        let rows = records.clone().into_iter();
        let begun = Instant::now();
        feed(
            &mut client,
            items(rows),
            arguments.in_flight,
            FeedOutcome::Unchanged,
        )
        .await;
        (submitted, delivered, fed, fed_delivered, begun.elapsed())
    });
    for node in nodes {
        node.stop();
    }
    let rate = |time: Duration| arguments.records as f64 / time.as_secs_f64();
    let whole = |number: f64| format!("{number:.0}");
    let two = |number: f64| format!("{number:.2}");
    table(
        &format!(
            "intake: {} items of {} bytes, two destinations, {} in flight",
            arguments.records, arguments.bytes, arguments.in_flight
        ),
        &[
            row("main path, acceptance, records/s", whole(rate(submitted))),
            row(
                "main path, receipts of both, records/s",
                whole(rate(delivered)),
            ),
            row("intake, acceptance, items/s", whole(rate(fed))),
            row(
                "intake, receipts of both, items/s",
                whole(rate(fed_delivered)),
            ),
            row(
                "ratio to the main path, receipts (goal 0.5)",
                two(rate(fed_delivered) / rate(delivered)),
            ),
            row(
                "ratio to the main path, acceptance",
                two(rate(fed) / rate(submitted)),
            ),
            row("the same once more, items/s", whole(rate(again))),
            row(
                "ratio to the first time, acceptance (goal 5)",
                two(rate(again) / rate(fed)),
            ),
        ],
    );
    let memory = (arguments.rows > 0).then(|| shared::on_client(streamed(&ae, &om, &arguments)));
    if let Some(([node_idle, node, client_idle, client], rate)) = &memory {
        let mib = |size: f64| format!("{size:.1} MiB");
        table(
            &format!("memory while {} rows are streamed", arguments.rows),
            &[
                row("node, idle", mib(*node_idle)),
                row("node, above that (goal 200 MiB)", mib(node - node_idle)),
                row("client, before", mib(*client_idle)),
                row("client, above that", mib(client - client_idle)),
                row("items/s", whole(*rate)),
            ],
        );
    }
    println!(
        "{}",
        serde_json::json!({
            "bench": "intake",
            "records": arguments.records,
            "bytes": arguments.bytes,
            "in_flight": arguments.in_flight,
            "accepted_per_s": rate(submitted),
            "delivered_per_s": rate(delivered),
            "fed_per_s": rate(fed),
            "fed_delivered_per_s": rate(fed_delivered),
            "repeated_per_s": rate(again),
            "rows": arguments.rows,
            "memory_mib": memory.as_ref().map(|(memory, _)| memory),
            "streamed_per_s": memory.as_ref().map(|(_, rate)| rate),
        })
    );
}
