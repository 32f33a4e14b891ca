//! What stalled connections cost others: an honest client's calls and submissions, with and without
//! thousands of connections that say nothing, half a ClientHello, nothing after the handshake, or half
//! a request.
//!
//! The attackers use the same cores as node and client. How much of the cost is theirs, the same attack on
//! a second node of the same machine shows, in the same run.
//!
//! `cargo bench --bench stalled -- --connections 5000`; the process raises its own limit of open files
//! as far as it may (`ulimit -Hn` must be twice the connections and some more). `--again-ms 1000` is a
//! harsher attack.
#![allow(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a measurement ends at the first fault and prints its table"
)]

mod shared;

use std::{
    net::Ipv4Addr,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use clap::Parser;
use comity::{
    client::{Client, Profile},
    home::write_config,
    wire::{
        node::{GetStatusRequest, GetStatusResponse, ListCardsRequest},
        record::Record,
    },
};
use shared::{
    Site, at_fraction, row,
    stalls::{ATTACKERS, Attack, Manner, Measured, attack, newcomer},
    table, threads,
};
use tokio::time::{sleep, timeout};

/// Pauses of the honest client: less than its rate, so that nothing is refused it.
const CALL_PAUSE: Duration = Duration::from_millis(5);
const SUBMIT_PAUSE: Duration = Duration::from_millis(10);
/// Longest time in which somebody new is let in.
const NEWCOMER: Duration = Duration::from_secs(5);

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
    /// Milliseconds until an attacker comes again whom the node closed or did not take.
    #[arg(long, default_value_t = 10_000)]
    again_ms: u64,
    /// Seconds of attack before it is measured.
    #[arg(long, default_value_t = 25)]
    settle_s: u64,
    /// `limits.stall_pause_ms` of the node that is measured, and of the other; 0 is as if there was no
    /// such limit.
    #[arg(long)]
    stall_pause_ms: Option<u64>,
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

/// What goes on in a phase.
#[derive(Clone, Copy)]
struct Plan {
    name: &'static str,
    /// Whether somebody attacks, and whether from one address.
    one_address: Option<bool>,
    /// Whether another node is attacked, not the one that is measured.
    beside: bool,
}

const fn plan(name: &'static str, one_address: Option<bool>, beside: bool) -> Plan {
    Plan {
        name,
        one_address,
        beside,
    }
}

const PLANS: [Plan; 7] = [
    plan("quiet", None, false),
    plan("many addresses, another node", Some(false), true),
    plan("many addresses", Some(false), false),
    plan("quiet", None, false),
    plan("one address, another node", Some(true), true),
    plan("one address", Some(true), false),
    plan("quiet", None, false),
];

/// What the honest client saw in a phase.
struct Phase {
    calls: Times,
    submissions: Times,
    resident_mib: f64,
    status: GetStatusResponse,
    open: usize,
    /// Connections of the honest client that were lost.
    lost: usize,
    /// What the attackers made while it was measured, a second: connections tried, whole handshakes.
    made: (f64, f64),
    /// Cores that the attackers' thread had, and the node.
    cores: (f64, f64),
    /// How long somebody new waited for an answer.
    newcomer: Duration,
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
    let (held, beside) = (Arc::new(Attack::on(&uz)), Arc::new(Attack::on(&kz)));
    if let Some(pause) = arguments.stall_pause_ms {
        for site in [&uz, &kz] {
            let mut config = site.open_home().config().clone();
            config.limits.stall_pause_ms = pause;
            write_config(&site.home, &config).expect("a configuration");
        }
    }
    let (process, _another) = (Process::start(&uz), Process::start(&kz));
    let mut records = shared::records(&[uz.country, kz.country], 1024);
    // The attackers have a thread of their own, and it is not the honest client's.
    let attackers = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name(ATTACKERS)
        .enable_all()
        .build()
        .expect("a runtime");
    let phases = shared::on_client(async {
        let mut clients = ready(&uz).await;
        drop(ready(&kz).await);
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
        for (number, plan) in PLANS.into_iter().enumerate() {
            let attacked = if plan.beside { &beside } else { &held };
            let slots = plan.one_address.map(|one_address| {
                let _inside = attackers.enter();
                let manner = Manner {
                    connections: arguments.connections,
                    one_address,
                    again: Duration::from_millis(arguments.again_ms),
                };
                attack(attacked, manner)
            });
            if slots.is_some() {
                sleep(Duration::from_secs(arguments.settle_s)).await;
            }
            println!("measuring: {}", plan.name);
            let before = Measured::now(attacked, process.0.id());
            let mut lost = 0;
            let (calls, submissions) =
                measure(&mut clients, &mut records, &arguments, &mut lost).await;
            let (made, cores) = before.a_second(&Measured::now(attacked, process.0.id()));
            println!("measured");
            let status = clients.0.status.get_status(GetStatusRequest {}).await;
            let open = attacked.open();
            // Somebody new is let in all the while: from an address that is known, and from one that
            // is not.
            let profile = Profile::operator(&uz.open_home()).expect("a profile");
            let fresh = timeout(NEWCOMER, Client::connect(&profile)).await;
            fresh.expect("a connection in time").expect("a connection");
            let begun = Instant::now();
            let from = Ipv4Addr::new(127, 200, 0, u8::try_from(number + 1).expect("a number"));
            let fresh = timeout(NEWCOMER, newcomer(&held, from)).await;
            fresh.expect("an answer in time").expect("an answer");
            phases.push(Phase {
                calls,
                submissions,
                resident_mib: process.resident_mib(),
                status: status.expect("the status").into_inner(),
                open,
                lost,
                made,
                cores,
                newcomer: begun.elapsed(),
            });
            drop(slots);
            sleep(Duration::from_secs(2)).await;
        }
        phases
    });
    report(&phases, &arguments);
}

fn report(phases: &[Phase], arguments: &Arguments) {
    for (phase, plan) in phases.iter().zip(PLANS) {
        let ports = phase.status.ports.iter().find(|of| of.port == "clients");
        let port = ports.cloned().unwrap_or_default();
        let refused: Vec<String> = port
            .refused
            .iter()
            .map(|of| format!("{} {}", of.limit, of.count))
            .collect();
        let show = |times: &Times| format!("{:.2} / {:.2} ms", times.at(0.5), times.at(0.99));
        let (tried, handshaken) = phase.made;
        table(
            plan.name,
            &[
                row("small call, p50 / p99", show(&phase.calls)),
                row("submit, p50 / p99", show(&phase.submissions)),
                row(
                    "attackers' connections tried, a second",
                    format!("{tried:.0}"),
                ),
                row("of these whole handshakes", format!("{handshaken:.0}")),
                row("attackers' cores", format!("{:.2}", phase.cores.0)),
                row("the node's cores", format!("{:.2}", phase.cores.1)),
                row("open at the attackers", phase.open),
                row("lost by the client", phase.lost),
                row(
                    "somebody new was answered after",
                    format!("{:.1?}", phase.newcomer),
                ),
                row("connections at the node", port.connections),
                row("handshakes at the node", port.handshakes),
                row("resident", format!("{:.1} MiB", phase.resident_mib)),
            ],
        );
        println!("  refused so far: {}", refused.join(", "));
    }
    let [first, many_beside, many, second, one_beside, one, third] = phases else {
        return;
    };
    let calls: fn(&Phase) -> f64 = |of| of.calls.at(0.99);
    let submissions: fn(&Phase) -> f64 = |of| of.submissions.at(0.99);
    let mut rows = Vec::new();
    let mut ratios = serde_json::Map::new();
    for (name, attacked, beside, before, after) in [
        ("many", many, many_beside, first, second),
        ("one", one, one_beside, second, third),
    ] {
        for (what, p99) in [("call", calls), ("submit", submissions)] {
            let quiet = (p99(before) + p99(after)) / 2.0;
            let to_quiet = p99(attacked) / quiet;
            let beside_to_quiet = p99(beside) / quiet;
            let value = format!("{to_quiet:.2}; {beside_to_quiet:.2}");
            rows.push(row(&format!("{what}, {name}"), value));
            ratios.insert(format!("{what}_{name}"), to_quiet.into());
            ratios.insert(format!("{what}_{name}_beside"), beside_to_quiet.into());
        }
    }
    table(
        "p99 with stalled connections, as a multiple of quiet (goal: 2); when they are at another node",
        &rows,
    );
    println!(
        "{}",
        serde_json::json!({
            "connections": arguments.connections,
            "again_ms": arguments.again_ms,
            "settle_s": arguments.settle_s,
            "p99_ratio": ratios,
        })
    );
}
