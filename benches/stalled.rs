//! What stalled connections cost others: an honest client's calls and submissions, with and without
//! thousands of connections that say nothing, half a ClientHello, nothing after the handshake, or half
//! a request.
//!
//! `cargo bench --bench stalled -- --connections 5000`; the process raises its own limit of open files
//! as far as it may (`ulimit -Hn` must be twice the connections and some more).
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints its table"
)]

mod shared;

use std::{
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use comity::{
    client::{Client, Profile},
    wire::{
        node::{GetStatusRequest, GetStatusResponse, ListCardsRequest},
        record::Record,
    },
};
use shared::{
    Site, at_fraction, row,
    stalls::{Attack, attack},
    table, threads,
};
use tokio::time::{sleep, timeout};

/// Pauses of the honest client: less than its rate, so that nothing is refused it.
const CALL_PAUSE: Duration = Duration::from_millis(5);
const SUBMIT_PAUSE: Duration = Duration::from_millis(10);
/// Time until the stalled connections are as many as they will be.
const SETTLE: Duration = Duration::from_secs(25);

/// Stalled connections and an honest client.
#[derive(Debug, Parser)]
struct Arguments {
    /// Stalled connections, a quarter of each kind.
    #[arg(long, default_value_t = 5000)]
    connections: usize,
    /// Small calls of each phase.
    #[arg(long, default_value_t = 2000)]
    calls: usize,
    /// Submissions of each phase.
    #[arg(long, default_value_t = 600)]
    submissions: usize,
    /// Folder on the disk that is measured.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Given by `cargo bench`.
    #[arg(long, hide = true)]
    bench: bool,
}

/// A node as a process of its own; killed when dropped.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // Gone already is stopped as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
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
        Self(child)
    }

    fn resident_mib(&self) -> f64 {
        threads::resident_kib(&self.0.id().to_string()) as f64 / 1024.0
    }
}

/// Times of one kind, sorted.
struct Times(Vec<Duration>);

impl Times {
    fn at(&self, fraction: f64) -> f64 {
        at_fraction(&self.0, fraction).as_secs_f64() * 1e3
    }
}

/// What the honest client saw in a phase.
struct Phase {
    calls: Times,
    submissions: Times,
    resident_mib: f64,
    status: GetStatusResponse,
    open: usize,
    /// Connections of the honest client that were lost.
    lost: usize,
}

async fn measure(
    clients: &mut (Client, Client),
    records: &mut impl Iterator<Item = Record>,
    arguments: &Arguments,
    lost: &mut usize,
) -> (Times, Times) {
    let (operator, officer) = clients;
    let mut calls = Vec::with_capacity(arguments.calls);
    for _ in 0..arguments.calls {
        let begun = Instant::now();
        if operator
            .cards
            .list_cards(ListCardsRequest {})
            .await
            .is_err()
        {
            // The time of a new connection counts.
            *lost += 1;
            operator.reconnect().await.expect("a connection");
            let call = operator.cards.list_cards(ListCardsRequest {});
            call.await.expect("an answer");
        }
        calls.push(begun.elapsed());
        sleep(CALL_PAUSE).await;
    }
    let mut submissions = Vec::with_capacity(arguments.submissions);
    for record in records.by_ref().take(arguments.submissions) {
        let begun = Instant::now();
        officer.submit(record).await.expect("an acceptance");
        submissions.push(begun.elapsed());
        sleep(SUBMIT_PAUSE).await;
    }
    calls.sort();
    submissions.sort();
    (Times(calls), Times(submissions))
}

fn raise_descriptors() -> u64 {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    setrlimit(Resource::Nofile, limit).expect("as many files as the system allows");
    limit.current.unwrap_or(u64::MAX)
}

async fn ready(site: &Site) -> (Client, Client) {
    let home = site.open_home();
    let profiles = (
        Profile::operator(&home).expect("a profile"),
        Profile::officer(&home).expect("a profile"),
    );
    let begun = Instant::now();
    loop {
        let operator = Client::connect(&profiles.0).await;
        if let (Ok(operator), Ok(officer)) = (operator, Client::connect(&profiles.1).await) {
            return (operator, officer);
        }
        assert!(
            begun.elapsed() < shared::PATIENCE,
            "the node does not start"
        );
        sleep(Duration::from_millis(20)).await;
    }
}

fn main() {
    let arguments = Arguments::parse();
    let files = raise_descriptors();
    let needed = u64::try_from(arguments.connections).unwrap_or(u64::MAX) + 256;
    assert!(
        files >= needed,
        "{needed} open files are needed and {files} allowed; raise `ulimit -Hn`"
    );
    let folder = shared::folder(arguments.dir.as_deref());
    let (uz, kz) = (
        Site::set_up(folder.path(), "UZ"),
        Site::set_up(folder.path(), "KZ"),
    );
    shared::on_client(uz.trust(&[&kz]));
    let held = Arc::new(Attack::on(&uz));
    let process = Process::start(&uz);
    let mut records = shared::records(&[uz.country, kz.country], 1024);
    // The attackers have a thread of their own, and it is not the honest client's.
    let attackers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("stalled")
        .enable_all()
        .build()
        .expect("a runtime");
    let phases = shared::on_client(async {
        let mut clients = ready(&uz).await;
        measure(
            &mut clients,
            &mut records,
            &Arguments {
                calls: 200,
                submissions: 50,
                ..Arguments::parse()
            },
            &mut 0,
        )
        .await;
        let mut phases = Vec::new();
        for stalled in [None, Some(false), None, Some(true), None] {
            let slots = stalled.map(|one_address| {
                let _inside = attackers.enter();
                attack(&held, arguments.connections, one_address)
            });
            if slots.is_some() {
                sleep(SETTLE).await;
            }
            let mut lost = 0;
            let (calls, submissions) =
                measure(&mut clients, &mut records, &arguments, &mut lost).await;
            let status = clients.0.status.get_status(GetStatusRequest {}).await;
            phases.push(Phase {
                calls,
                submissions,
                resident_mib: process.resident_mib(),
                status: status.expect("the status").into_inner(),
                open: held.open(),
                lost,
            });
            // Somebody new is let in all the while.
            let profile = Profile::operator(&uz.open_home()).expect("a profile");
            let fresh = timeout(Duration::from_secs(5), Client::connect(&profile)).await;
            fresh.expect("a connection in time").expect("a connection");
            drop(slots);
            sleep(Duration::from_secs(2)).await;
        }
        phases
    });
    report(&phases, &arguments);
}

fn report(phases: &[Phase], arguments: &Arguments) {
    let names = ["quiet", "many addresses", "quiet", "one address", "quiet"];
    for (phase, name) in phases.iter().zip(names) {
        let ports = phase.status.ports.iter().find(|of| of.port == "clients");
        let port = ports.cloned().unwrap_or_default();
        let refused: Vec<String> = port
            .refused
            .iter()
            .map(|of| format!("{} {}", of.limit, of.count))
            .collect();
        let show = |times: &Times| format!("{:.2} / {:.2} ms", times.at(0.5), times.at(0.99));
        table(
            name,
            &[
                row("small call, p50 / p99", show(&phase.calls)),
                row("submit, p50 / p99", show(&phase.submissions)),
                row("open at the attackers", phase.open),
                row("lost by the client", phase.lost),
                row("connections at the node", port.connections),
                row("handshakes at the node", port.handshakes),
                row("resident", format!("{:.1} MiB", phase.resident_mib)),
            ],
        );
        println!("  refused so far: {}", refused.join(", "));
    }
    let [first, many, second, one, third] = phases else {
        return;
    };
    let ratio = |of: fn(&Phase) -> &Times, stalled: &Phase, before: &Phase, after: &Phase| {
        let quiet = (of(before).at(0.99) + of(after).at(0.99)) / 2.0;
        of(stalled).at(0.99) / quiet
    };
    let ratios = [
        ("call_many", ratio(|of| &of.calls, many, first, second)),
        (
            "submit_many",
            ratio(|of| &of.submissions, many, first, second),
        ),
        ("call_one", ratio(|of| &of.calls, one, second, third)),
        (
            "submit_one",
            ratio(|of| &of.submissions, one, second, third),
        ),
    ];
    let rows: Vec<_> = ratios
        .iter()
        .map(|(name, ratio)| row(name, format!("{ratio:.2}")))
        .collect();
    table(
        "p99 with stalled connections, as a multiple of quiet (goal: 2)",
        &rows,
    );
    let ratios: serde_json::Map<String, serde_json::Value> = ratios
        .iter()
        .map(|(name, ratio)| ((*name).to_owned(), (*ratio).into()))
        .collect();
    println!(
        "{}",
        serde_json::json!({ "connections": arguments.connections, "p99_ratio": ratios })
    );
}
