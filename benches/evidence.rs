//! A file of evidence from one officer's disk to another's: upload, link, download, beside what
//! encryption, hashing and the disk alone allow; and the memory of both nodes meanwhile.
//!
//! `cargo bench --bench evidence -- --mib 10240`; the default measures 1 GiB.
//! `cargo bench --bench evidence -- --requests 10000`: that many open requests with clocks instead.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints its table"
)]

#[path = "evidence/requests.rs"]
mod requests;
mod shared;

use std::{
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use comity::{
    catalogue,
    client::{Client, DownloadOrder, Profile, UploadOrder},
    node::{submit::Intent, system_clock},
    wire::{
        ledger::ReadingPurpose,
        node::{
            GetStatusRequest, Item, ItemState, ListItemsRequest, SubmitRecordRequest, UploadBegin,
        },
        record::{CountryRole, Destination, Evidence, Record},
    },
};
use shared::{Site, chunks, row, table, threads};

const MIB: usize = 1 << 20;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);
/// A node takes what a start costs before its memory is looked at.
const REST: Duration = Duration::from_secs(3);

/// Upload, link and download of one file, with both nodes as processes of their own.
#[derive(Debug, Parser)]
struct Arguments {
    /// Size of the file in MiB.
    #[arg(long, default_value_t = 1024)]
    mib: usize,
    /// Measure so many open requests instead of a file.
    #[arg(long)]
    requests: Option<usize>,
    /// Folder on the disk that is measured.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A node as a process of its own, with the most memory that it had; killed when dropped.
struct Process {
    child: Child,
    peak_kib: Arc<AtomicU64>,
    over: Arc<AtomicBool>,
}

impl Process {
    fn start(site: &Site) -> Self {
        let child = Command::new(env!("CARGO_BIN_EXE_comity"))
            .arg("run")
            .arg("--home")
            .arg(&site.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("a process");
        shared::on_client(async {
            let begun = Instant::now();
            while !is_up(site, false).await {
                assert!(
                    begun.elapsed() < shared::PATIENCE,
                    "the node does not start"
                );
                tokio::time::sleep(PAUSE).await;
            }
        });
        let (peak_kib, over) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (peak, ended, pid) = (Arc::clone(&peak_kib), Arc::clone(&over), child.id());
        thread::spawn(move || {
            while !ended.load(Ordering::Relaxed) {
                peak.fetch_max(threads::resident_kib(&pid.to_string()), Ordering::Relaxed);
                thread::sleep(PAUSE);
            }
        });
        Self {
            child,
            peak_kib,
            over,
        }
    }

    /// Resident memory now, in MiB; the most is counted from here on.
    fn rests_at(&self) -> f64 {
        thread::sleep(REST);
        let now = threads::resident_kib(&self.child.id().to_string());
        self.peak_kib.store(now, Ordering::Relaxed);
        now as f64 / 1024.0
    }

    fn peak(&self) -> f64 {
        self.peak_kib.load(Ordering::Relaxed) as f64 / 1024.0
    }

    /// SIGTERM, and the wait for a clean end.
    fn stop(mut self) {
        self.over.store(true, Ordering::Relaxed);
        let pid = i32::try_from(self.child.id()).ok();
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
        }
        assert!(self.child.wait().expect("an end").success(), "no clean end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // Gone already is stopped as well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a node answers; and, where that is asked, says that its links are up.
async fn is_up(site: &Site, linked: bool) -> bool {
    let profile = Profile::operator(&site.open_home()).expect("a profile");
    let Ok(mut client) = Client::connect(&profile).await else {
        return false;
    };
    let Ok(answer) = client.status.get_status(GetStatusRequest {}).await else {
        return false;
    };
    !linked || answer.into_inner().links.iter().all(|link| link.up)
}

fn until_linked(site: &Site) {
    shared::on_client(async {
        let begun = Instant::now();
        while !is_up(site, true).await {
            assert!(begun.elapsed() < shared::PATIENCE, "no link");
            tokio::time::sleep(PAUSE).await;
        }
    });
}

/// Information without a request, to a country, with what goes along.
fn information(to: &Site, evidence: Option<Evidence>) -> Record {
    let made = catalogue::example("SpontaneousInformation", system_clock()());
    let mut record = made.expect("an example");
    record.destinations = vec![Destination {
        country: to.country.code().to_owned(),
        role: CountryRole::Destination.into(),
        ..Destination::default()
    }];
    record.evidence = evidence;
    record
}

async fn submit(client: &mut Client, record: Record) -> String {
    let request = SubmitRecordRequest {
        record: Some(record),
        idempotency_key: String::new(),
    };
    let answer = client.records.submit_record(request).await;
    answer.expect("a reference").into_inner().reference
}

/// Names the item in a record to the other country, as a step of a request would.
fn hand_over(from: &Site, to: &Site, reference: &str, item: &Item) -> String {
    let running = from.run();
    let handed = shared::on_client(async {
        let id = item.id.as_slice().try_into().expect("an id");
        let asked = reference.parse().expect("a reference");
        let named = running.node.items_to_transfer(asked, vec![id]).await;
        let evidence = Evidence {
            items: named.expect("the item"),
            persons: Vec::new(),
        };
        let intent = Intent {
            record: information(to, Some(evidence)),
            idempotency_key: String::new(),
            actor: format!("{}/officer/local", from.country),
            by_node: false,
            evidence: false,
            item: None,
        };
        let accepted = running.node.submit_intent(intent).await;
        accepted.expect("a reference").reference.to_string()
    });
    running.stop();
    handed
}

/// Waits until every chunk of the item has come and is durable; answers bytes and time since the first.
fn arrives(at: &Site, reference: &str, item: &Item) -> (u64, Duration) {
    let file = at.home.join("data/chunks").join(hex::encode(&item.id));
    let length = || fs::metadata(&file).map_or(0, |of| of.len());
    let begun = Instant::now();
    let patient = |what: &str| assert!(begun.elapsed() < shared::PATIENCE, "no {what}");
    // The first page is written before the first chunk is asked for.
    while length() <= 4096 {
        patient("chunk");
        thread::sleep(PAUSE);
    }
    let (first, came) = (Instant::now(), length());
    while length() < item.size {
        patient("last chunk");
        thread::sleep(PAUSE);
    }
    shared::on_client(async {
        let mut client = shared::client(at).await;
        loop {
            let request = ListItemsRequest {
                reference: reference.to_owned(),
                ..ListItemsRequest::default()
            };
            let listed = client.items.list_items(request).await.expect("a list");
            let listed = listed.into_inner().items;
            if listed.iter().any(|of| of.state() == ItemState::Arrived) {
                return;
            }
            patient("arrival");
            tokio::time::sleep(PAUSE).await;
        }
    });
    (item.size.saturating_sub(came), first.elapsed())
}

/// Writes a file of pseudo-random bytes.
fn make(path: &Path, mib: usize) {
    let mut file = File::create(path).expect("a file");
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut block = Vec::with_capacity(MIB);
    for _ in 0..mib {
        block.clear();
        while block.len() < MIB {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            block.extend_from_slice(&state.to_le_bytes());
        }
        file.write_all(&block).expect("a write");
    }
    file.sync_all().expect("a sync");
}

fn main() {
    let arguments = Arguments::parse();
    let folder = shared::folder(arguments.dir.as_deref());
    if let Some(open) = arguments.requests {
        return requests::run(folder.path(), open);
    }
    let uz = Site::set_up(folder.path(), "UZ");
    let kz = Site::set_up(folder.path(), "KZ");
    shared::on_client(async {
        uz.trust(&[&kz]).await;
        kz.trust(&[&uz]).await;
    });
    let source = folder.path().join("source.bin");
    make(&source, arguments.mib);
    let some = arguments.mib.min(2048);
    let raw_before = chunks::disk(folder.path(), some);

    let [sender, receiver] = [Process::start(&uz), Process::start(&kz)];
    until_linked(&uz);
    let idle = [sender.rests_at(), receiver.rests_at()];
    let (reference, item, upload) = shared::on_client(async {
        let mut client = shared::client(&uz).await;
        let reference = submit(&mut client, information(&kz, None)).await;
        let begun = Instant::now();
        let order = UploadOrder {
            file: source.clone(),
            begin: UploadBegin {
                reference: reference.clone(),
                ..UploadBegin::default()
            },
        };
        let item = client
            .upload(order, &mut |_, _| {})
            .await
            .expect("an upload");
        (reference, item, begun.elapsed())
    });
    let uploading = sender.peak();
    sender.stop();
    receiver.stop();

    let handed = hand_over(&uz, &kz, &reference, &item);
    let [sender, receiver] = [Process::start(&uz), Process::start(&kz)];
    let (came, link) = arrives(&kz, &handed, &item);
    let carrying = [sender.peak(), receiver.peak()];
    receiver.rests_at();
    let output = folder.path().join("output.bin");
    let download = shared::on_client(async {
        let mut client = shared::client(&kz).await;
        let order = DownloadOrder {
            reference: handed,
            item: item.id.as_slice().try_into().expect("an id"),
            purpose: ReadingPurpose::Investigation,
            case: "BENCH".to_owned(),
            note: String::new(),
            output: output.clone(),
        };
        let begun = Instant::now();
        client
            .download(order, &mut |_, _| {})
            .await
            .expect("a download");
        begun.elapsed()
    });
    let downloading = receiver.peak();
    sender.stop();
    receiver.stop();
    assert_eq!(
        fs::metadata(&output).expect("the output").len(),
        item.size,
        "another size came out"
    );

    let disk = raw_before.min(chunks::disk(folder.path(), some));
    let (encryption, hashing) = (chunks::encryption(some), chunks::hashing(some));
    let slowest = disk.min(encryption).min(hashing);
    let rate = |bytes: u64, time: Duration| bytes as f64 / MIB as f64 / time.as_secs_f64();
    let hop = |name: &str, rate: f64| {
        let ratio = rate / slowest;
        row(name, format!("{rate:.0} MiB/s ({ratio:.2})"))
    };
    let mib_s = |name: &str, rate: f64| row(name, format!("{rate:.0} MiB/s"));
    let above = |peak: f64, idle: f64| format!("{:.1} MiB", peak - idle);
    let [idle_sender, idle_receiver] = idle;
    let [sending, receiving] = carrying;
    table(
        &format!(
            "evidence: a file of {} MiB, chunks of {} KiB (ratio to the slowest of the three below; goal 0.6)",
            arguments.mib,
            item.chunk_size / 1024
        ),
        &[
            hop("upload", rate(item.size, upload)),
            hop("link", rate(came, link)),
            hop("download", rate(item.size, download)),
            mib_s("alone: AES-256-GCM, 1 thread", encryption),
            mib_s("alone: SHA-256, 1 thread", hashing),
            mib_s("alone: disk, fdatasync every 64 MiB", disk),
            row(
                "idle node, resident",
                format!("{idle_sender:.1}, {idle_receiver:.1} MiB"),
            ),
            row(
                "above idle: uploading (goal 64 MiB)",
                above(uploading, idle_sender),
            ),
            row(
                "above idle: sending (goal 64 MiB)",
                above(sending, idle_sender),
            ),
            row(
                "above idle: receiving (goal 64 MiB)",
                above(receiving, idle_receiver),
            ),
            row(
                "above idle: downloading (goal 64 MiB)",
                above(downloading, idle_receiver),
            ),
        ],
    );
}
