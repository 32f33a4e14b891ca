//! What the benchmarks share: countries on loopback with real homes and real links, the raw disk,
//! threads' CPU time, tables.
#![allow(dead_code, reason = "each benchmark uses a part")]

pub(crate) mod chunks;
pub(crate) mod cryptography;
pub(crate) mod disk;
pub(crate) mod stalls;
pub(crate) mod texts;
pub(crate) mod threads;

use std::{
    future::Future,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use comity::{
    access::{Caller, Guarded, Permit, Principal, PrincipalKind, Purpose, Role, Table, Verb},
    client::{Client, Profile},
    config::Config,
    exercise::{self, Exercise},
    home::{self, Home, InitOptions, Layout},
    node::{Node, system_clock},
    record::Country,
    rpc::server::{self, NodeTls},
    wire::{
        ledger::ReadingPurpose,
        node::{SubmitRecordRequest, SubmitRecordsRequest, submit_records_response::Outcome},
        record::{CountryRole, Record},
    },
};
use futures_util::StreamExt as _;
use tikv_jemallocator::Jemalloc;
use tokio::runtime::Runtime;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

/// As the binary has it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Runtime threads of a node that drive I/O; the others do its blocking work.
const IO_THREADS: usize = 2;
/// Scrypt work of the roots, as a power of two: they protect nothing here.
const WORK: u8 = 4;
/// Longest wait for anything.
pub(crate) const PATIENCE: Duration = Duration::from_secs(600);

/// A country's home, set up as `comity init` does, with free ports on loopback.
pub(crate) struct Site {
    pub(crate) country: Country,
    pub(crate) home: PathBuf,
}

impl Site {
    pub(crate) fn set_up(folder: &Path, code: &str) -> Self {
        let country: Country = code.parse().expect("a country");
        let dir = folder.join(code.to_lowercase());
        let port = || {
            let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
            socket.local_addr().expect("its address")
        };
        let listen = port();
        home::init(InitOptions {
            country,
            dir: dir.clone(),
            authorities: exercise::AUTHORITIES.map(str::to_owned).to_vec(),
            listen,
            client_listen: Some(port()),
            address: Some(listen.to_string()),
            passphrase: Zeroizing::new("a passphrase for a measurement".to_owned()),
            work_factor: Some(WORK),
            now: system_clock()(),
        })
        .expect("a home");
        let config = Config {
            allow_private_addresses: true,
            ..Home::open(&dir).expect("the home").config().clone()
        };
        home::write_config(&dir, &config).expect("its configuration");
        // Nothing here is measured of second persons.
        let alone = Table::default().by_one(Guarded::ALL).to_toml();
        std::fs::write(Layout::new(&dir).access(), alone).expect("its permissions");
        Self { country, home: dir }
    }

    pub(crate) fn open_home(&self) -> Home {
        Home::open(&self.home).expect("the home")
    }

    pub(crate) async fn open_node(&self) -> Arc<Node> {
        Node::open(self.open_home(), system_clock(), &mut |_| {})
            .await
            .expect("the node")
    }

    /// Imports the cards of others.
    pub(crate) async fn trust(&self, others: &[&Self]) {
        let node = self.open_node().await;
        for other in others {
            let card = other.open_home().own_card().clone();
            let operator = node.enter(node.local_operator()).expect("a permit");
            node.import_card(card.signed.clone(), card.fingerprint(), &operator)
                .await
                .expect("the card");
        }
        node.close().await.expect("a clean close");
    }

    /// Opens the node and serves it on threads of its own, named after the country.
    pub(crate) fn run(&self) -> Running {
        let name = self.country.code().to_lowercase();
        let started = AtomicUsize::new(0);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(IO_THREADS)
            .enable_all()
            .thread_name_fn(move || {
                // The workers start first.
                let work = if started.fetch_add(1, Ordering::Relaxed) < IO_THREADS {
                    "net"
                } else {
                    "work"
                };
                format!("{name}-{work}")
            })
            .build()
            .expect("a runtime");
        let home = self.open_home();
        let stop = CancellationToken::new();
        let stopping = stop.clone();
        let (node, served) = runtime.block_on(async {
            let tls = Arc::new(NodeTls::of(&home).expect("certificates"));
            let ports = server::bind(home.config()).await.expect("ports");
            let node = Node::open(home, system_clock(), &mut |_| {})
                .await
                .expect("the node");
            let serving = server::serve(Arc::clone(&node), tls, ports, stopping);
            (node, tokio::spawn(serving))
        });
        Running {
            node,
            runtime,
            stop,
            served,
        }
    }
}

/// A node that serves.
pub(crate) struct Running {
    pub(crate) node: Arc<Node>,
    runtime: Runtime,
    stop: CancellationToken,
    served: tokio::task::JoinHandle<Result<(), server::ServeError>>,
}

impl Running {
    /// Last sequences assigned and receipted to every peer, all lanes together.
    pub(crate) fn lanes(&self) -> (u64, u64) {
        let status = self.node.status(&officer(&self.node)).expect("the status");
        let lanes = status.links.iter().flat_map(|link| &link.lanes);
        lanes.fold((0, 0), |(assigned, receipted), lane| {
            (assigned + lane.assigned, receipted + lane.receipted)
        })
    }

    pub(crate) fn linked(&self) -> bool {
        let status = self.node.status(&officer(&self.node)).expect("the status");
        status.links.iter().all(|link| link.up)
    }

    pub(crate) fn stop(self) {
        self.stop.cancel();
        self.runtime.block_on(async {
            let _ = self.served.await;
            self.node.close().await.expect("a clean close");
        });
        drop(self.node);
        self.runtime.shutdown_timeout(Duration::from_secs(5));
    }
}

/// Waits until `done`, looking every 2 ms.
pub(crate) async fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < PATIENCE, "no {what} in time");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Runs `task` on a runtime for clients.
pub(crate) fn on_client<T>(task: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("client")
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(task)
}

/// Routine records of `bytes` from the first of `countries` to the others.
pub(crate) fn records(countries: &[Country], bytes: usize) -> impl Iterator<Item = Record> + use<> {
    let roles: Vec<_> = countries
        .iter()
        .map(|country| (*country, CountryRole::Transit))
        .collect();
    Exercise::new(1, &roles)
        .sized(bytes)
        .map(|made| made.record)
}

pub(crate) async fn client(site: &Site) -> Client {
    let profile = Profile::officer(&site.open_home()).expect("the officer's profile");
    Client::connect(&profile).await.expect("a connection")
}

/// Submits over one stream with `in_flight` unanswered at most; answers when all are durable.
pub(crate) async fn submit_all(mut client: Client, records: Vec<Record>, in_flight: usize) {
    let (requests, stream) = tokio::sync::mpsc::channel(in_flight);
    let room = Arc::new(tokio::sync::Semaphore::new(in_flight));
    let taking = Arc::clone(&room);
    let count = records.len();
    tokio::spawn(async move {
        for record in records {
            let Ok(permit) = taking.acquire().await else {
                return;
            };
            permit.forget();
            let request = SubmitRecordsRequest {
                submission: Some(SubmitRecordRequest {
                    record: Some(record),
                    idempotency_key: String::new(),
                }),
            };
            if requests.send(request).await.is_err() {
                return;
            }
        }
    });
    let mut answers = client
        .records
        .submit_records(ReceiverStream::new(stream))
        .await
        .expect("a stream")
        .into_inner();
    for _ in 0..count {
        let answer = answers.next().await.expect("an answer").expect("an answer");
        assert!(
            matches!(answer.outcome, Some(Outcome::Accepted(_))),
            "refused: {answer:?}"
        );
        room.add_permits(1);
    }
}

/// Prints rows of a name and a value under a title.
pub(crate) fn table(title: &str, rows: &[(String, String)]) {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    println!("\n{title}");
    for (name, value) in rows {
        println!("  {name:width$}  {value:>14}");
    }
}

pub(crate) fn row(name: &str, value: impl std::fmt::Display) -> (String, String) {
    (name.to_owned(), value.to_string())
}

/// The value at a fraction of sorted values.
pub(crate) fn at_fraction(sorted: &[Duration], fraction: f64) -> Duration {
    let last = sorted.len().saturating_sub(1);
    let index = (last as f64 * fraction).round() as usize;
    sorted.get(index).copied().unwrap_or_default()
}

pub(crate) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// A folder for one run, on the disk to be measured: `--dir`, or the system's temporary folder.
pub(crate) fn folder(dir: Option<&Path>) -> tempfile::TempDir {
    match dir {
        Some(dir) => tempfile::tempdir_in(dir),
        None => tempfile::tempdir(),
    }
    .expect("a temporary folder")
}

/// A permit of a liaison officer, for what asks the node without a client.
#[allow(dead_code, reason = "not every measurement needs it")]
pub(crate) fn officer<A: Verb>(node: &Node) -> Permit<A> {
    let principal = Principal::new(node.country(), PrincipalKind::Officer, "bench")
        .expect("a name")
        .with_roles([Role::LiaisonOfficer].into())
        .expect("a role of officers");
    let from = String::new();
    node.enter(Caller { principal, from }).expect("a permit")
}

/// A purpose to search for.
#[allow(dead_code, reason = "not every measurement needs it")]
pub(crate) fn purpose() -> Purpose {
    Purpose::given(ReadingPurpose::Analysis.into(), "BENCH")
        .expect("a purpose")
        .expect("a purpose")
}
