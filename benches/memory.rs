//! Memory and starts of a node: idle, and with many records stored.
//!
//! `cargo bench --bench memory -- --records 1000000`; the short default
//! measures 50,000 and names the million that the goals are for.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints its table"
)]

mod shared;

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use clap::Parser;
use comity::wire::node::{GetStatusRequest, GetStatusResponse};
use shared::{Site, row, table, threads};

/// Records submitted and delivered between two looks at the progress.
const SLICE: usize = 10_000;
/// Between two tries to reach a node that starts.
const PAUSE: Duration = Duration::from_millis(10);

/// Resident memory, time to ready, rebuild and reconnection of real node processes.
#[derive(Debug, Parser)]
struct Arguments {
    /// Records stored at both ends before the measurement.
    #[arg(long, default_value_t = 50_000)]
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

/// A node as a process of its own; killed when dropped.
struct Process(Child);

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
        Self(child)
    }

    fn resident_mib(&self) -> f64 {
        threads::resident_kib(&self.0.id().to_string()) as f64 / 1024.0
    }

    /// SIGTERM, and the wait for a clean end.
    fn stop(mut self) {
        let pid = i32::try_from(self.0.id()).ok();
        if let Some(pid) = pid.and_then(rustix::process::Pid::from_raw) {
            rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("a signal");
        }
        assert!(self.0.wait().expect("an end").success(), "no clean end");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already is stopped as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

async fn status(site: &Site) -> Option<GetStatusResponse> {
    let profile = comity::client::Profile::operator(&site.open_home()).expect("a profile");
    let mut client = comity::client::Client::connect(&profile).await.ok()?;
    let answer = client.status.get_status(GetStatusRequest {}).await.ok()?;
    Some(answer.into_inner())
}

/// Starts the node's process; answers how long it took until it answered.
fn ready(site: &Site) -> (Process, Duration) {
    let begun = Instant::now();
    let process = Process::start(site);
    shared::on_client(async {
        while status(site).await.is_none() {
            assert!(
                begun.elapsed() < shared::PATIENCE,
                "the node does not start"
            );
            tokio::time::sleep(PAUSE).await;
        }
    });
    (process, begun.elapsed())
}

/// How long until a node says that its link is up.
fn linked(site: &Site) -> Duration {
    let begun = Instant::now();
    shared::on_client(async {
        loop {
            let now = status(site).await;
            if now.is_some_and(|now| now.links.iter().all(|link| link.up)) {
                return;
            }
            assert!(begun.elapsed() < shared::PATIENCE, "no link");
            tokio::time::sleep(PAUSE).await;
        }
    });
    begun.elapsed()
}

/// Submits the records at one end and waits until all are delivered to the other.
fn fill(uz: &Site, kz: &Site, arguments: &Arguments) {
    let (origin, reader) = (uz.run(), kz.run());
    let mut made = shared::records(&[uz.country, kz.country], arguments.bytes);
    shared::on_client(async {
        shared::until("link", || origin.linked() && reader.linked()).await;
        let mut left = arguments.records;
        while left > 0 {
            let slice: Vec<_> = made.by_ref().take(left.min(SLICE)).collect();
            left -= slice.len();
            let client = shared::client(uz).await;
            let expected = origin.lanes().0 + slice.len() as u64;
            shared::submit_all(client, slice, 256).await;
            shared::until("receipts", || origin.lanes().1 >= expected).await;
        }
    });
    origin.stop();
    reader.stop();
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
    let (idle, first) = ready(&uz);
    std::thread::sleep(Duration::from_secs(1));
    let idle_mib = idle.resident_mib();
    idle.stop();

    fill(&uz, &kz, &arguments);

    let (running, after_clean) = ready(&uz);
    std::thread::sleep(Duration::from_secs(1));
    let stored_mib = running.resident_mib();
    drop(running);
    let (running, after_kill) = ready(&uz);
    let (peer, _) = ready(&kz);
    let first_link = linked(&kz);
    // A second start of the peer, with nothing to do at either end.
    peer.stop();
    let (peer, peer_ready) = ready(&kz);
    let link = linked(&kz);
    std::thread::sleep(Duration::from_secs(1));
    let linked_mib = running.resident_mib();
    running.stop();
    peer.stop();
    let begun = Instant::now();
    let rebuilt = Command::new(env!("CARGO_BIN_EXE_comity"))
        .args(["store", "rebuild", "--home"])
        .arg(&uz.home)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .expect("a process");
    assert!(rebuilt.success(), "no rebuild");
    let rebuild = begun.elapsed();

    let seconds = |time: Duration| format!("{:.2} s", time.as_secs_f64());
    let mib = |size: f64| format!("{size:.1} MiB");
    table(
        &format!(
            "memory: {} records of {} bytes stored at both ends (goal: at 1000000)",
            arguments.records, arguments.bytes
        ),
        &[
            row("idle node, resident (goal 40 MiB)", mib(idle_mib)),
            row("first start to ready", seconds(first)),
            row("with records, resident (goal 300 MiB)", mib(stored_mib)),
            row("the same, linked", mib(linked_mib)),
            row("ready after a clean stop (goal 5 s)", seconds(after_clean)),
            row("ready after SIGKILL (goal 15 s)", seconds(after_kill)),
            row(
                "link up after ready, nothing to do (goal 1 s)",
                seconds(link),
            ),
            row("full rebuild of the index", seconds(rebuild)),
        ],
    );
    println!(
        "{}",
        serde_json::json!({
            "bench": "memory",
            "records": arguments.records,
            "bytes": arguments.bytes,
            "idle_mib": idle_mib,
            "first_start_s": first.as_secs_f64(),
            "stored_mib": stored_mib,
            "linked_mib": linked_mib,
            "ready_after_clean_s": after_clean.as_secs_f64(),
            "ready_after_kill_s": after_kill.as_secs_f64(),
            "first_link_s": first_link.as_secs_f64(),
            "peer_ready_s": peer_ready.as_secs_f64(),
            "link_s": link.as_secs_f64(),
            "rebuild_s": rebuild.as_secs_f64(),
        })
    );
}
