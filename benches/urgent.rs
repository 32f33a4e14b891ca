//! One urgent record on an idle link, beside two raw fdatasyncs and its cryptography: until it is
//! delivered, durable at its reader with the receipt that says so, and until that receipt is durable
//! at its origin too.
//!
//! `cargo bench --bench urgent -- --records 200`
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints its table"
)]

mod shared;

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use clap::Parser;
use comity::wire::{
    node::SubmitRecordRequest,
    record::{Record, Urgency},
};
use shared::{Running, Site, at_fraction, cryptography, disk, micros, row, table};

/// Bytes of a raw append: about what one record adds to a journal.
const APPEND: usize = 4096;
/// The link is idle this long before each record.
const IDLE: Duration = Duration::from_millis(5);

/// Submit → delivered → receipt durable at the origin, one urgent record at a time.
#[derive(Debug, Parser)]
struct Arguments {
    /// Records that are measured.
    #[arg(long, default_value_t = 200)]
    records: usize,
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

/// Waits until a node that is `running` holds `done`, looking whenever something is durable there.
async fn durable(running: &Running, done: impl Fn(&Running) -> bool) {
    let mut durable = running.node.store().durable();
    loop {
        durable.borrow_and_update();
        if done(running) {
            return;
        }
        durable.changed().await.expect("the store works");
    }
}

fn main() {
    let arguments = Arguments::parse();
    let folder = shared::folder(arguments.dir.as_deref());
    let uz = Site::set_up(folder.path(), "UZ");
    let kz = Site::set_up(folder.path(), "KZ");
    shared::on_client(async {
        uz.trust(&[&kz]).await;
        kz.trust(&[&uz]).await;
    });
    let records: Vec<Record> = shared::records(&[uz.country, kz.country], arguments.bytes)
        .take(arguments.records)
        .map(|record| Record {
            urgency: Urgency::Urgent.into(),
            ..record
        })
        .collect();

    let (origin, reader) = (uz.run(), kz.run());
    let mut accepted = Vec::with_capacity(records.len());
    let mut delivered = Vec::with_capacity(records.len());
    let mut receipted = Vec::with_capacity(records.len());
    let mut raw = Vec::with_capacity(records.len());
    let mut appends = disk::Appends::new(folder.path(), APPEND);
    shared::on_client(async {
        shared::until("link", || origin.linked() && reader.linked()).await;
        let mut client = shared::client(&uz).await;
        for (sent, record) in (1..).zip(&records) {
            // Between the records, so that both meet the disk in the same state.
            raw.push(appends.append());
            tokio::time::sleep(IDLE).await;
            let request = SubmitRecordRequest {
                record: Some(record.clone()),
                idempotency_key: String::new(),
            };
            let begun = Instant::now();
            client
                .records
                .submit_record(request)
                .await
                .expect("an acceptance");
            accepted.push(begun.elapsed());
            durable(&reader, |reader| {
                reader.node.last_number().expect("the store") >= sent
            })
            .await;
            delivered.push(begun.elapsed());
            durable(&origin, |origin| origin.lanes().1 >= sent).await;
            receipted.push(begun.elapsed());
        }
    });
    origin.stop();
    reader.stop();

    let pair = cryptography::Pair::new(&uz, &kz);
    let mut crypto: Vec<Duration> = records.iter().map(|record| pair.single(record)).collect();
    for times in [
        &mut accepted,
        &mut delivered,
        &mut receipted,
        &mut raw,
        &mut crypto,
    ] {
        times.sort();
    }
    let p50 = |times: &[Duration]| micros(at_fraction(times, 0.5));
    let p99 = |times: &[Duration]| micros(at_fraction(times, 0.99));
    let bound = 2.0 * p50(&raw) + p50(&crypto);
    let whole = |number: f64| format!("{number:.0}");
    table(
        &format!(
            "urgent: {} records of {} bytes, one at a time, us",
            records.len(),
            arguments.bytes
        ),
        &[
            row("submit to delivered, p50", whole(p50(&delivered))),
            row("submit to delivered, p99", whole(p99(&delivered))),
            row(
                "of this, submit to durable acceptance, p50",
                whole(p50(&accepted)),
            ),
            row(
                "submit to durable receipt at the origin, p50",
                whole(p50(&receipted)),
            ),
            row("one raw append + fdatasync, p50", whole(p50(&raw))),
            row("cryptography of one record, p50", whole(p50(&crypto))),
            row("bound: two appends and the cryptography", whole(bound)),
            row(
                "ratio of p50 delivered to the bound",
                format!("{:.2}", p50(&delivered) / bound),
            ),
            row(
                "ratio of p50 receipted, with a third fdatasync, to the bound",
                format!("{:.2}", p50(&receipted) / bound),
            ),
        ],
    );
    println!(
        "{}",
        serde_json::json!({
            "bench": "urgent",
            "records": records.len(),
            "bytes": arguments.bytes,
            "delivered_p50_us": p50(&delivered),
            "delivered_p99_us": p99(&delivered),
            "accepted_p50_us": p50(&accepted),
            "receipted_p50_us": p50(&receipted),
            "receipted_ratio": p50(&receipted) / bound,
            "fdatasync_p50_us": p50(&raw),
            "crypto_p50_us": p50(&crypto),
            "bound_us": bound,
            "ratio": p50(&delivered) / bound,
        })
    );
}
