//! A country: its home in a temporary folder, and its node, in this program or as a process.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use comity::{
    access::Table,
    client::{Client, Profile},
    config::{Config, DialConfig},
    home::{self, Home, InitOptions, Layout},
    ledger::{Checkpoint, checkpoint},
    node::{Clock, Node, NodeError, system_clock},
    rpc::server::{self, NodeTls},
    store::{Disk, Medium},
    wire::{
        node::{
            GetStatusRequest, GetStatusResponse, ListCardsRequest, ListRecordsRequest,
            RecordSummary, SubmitRecordRequest, SubmitRecordResponse,
        },
        record::Record,
    },
};
use tempfile::TempDir;
use tokio::{process::Child, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::{
    command::{Ended, comity_with, nothing_inherited},
    eventually,
    ports::free_port,
    settings::{BY_ONE, KEYS_PASSPHRASE, PASSPHRASE, Settings, authorities},
};

/// scrypt work of these roots, as a power of two.
const WORK: u8 = 2;

/// A country of a test.
pub(crate) struct Country {
    pub(crate) code: &'static str,
    dir: PathBuf,
    running: Option<Running>,
    pub(super) process: Option<Child>,
    /// Variables of its process and of commands about it.
    pub(super) environment: Vec<(String, String)>,
    _folder: Option<TempDir>,
}

struct Running {
    node: Arc<Node>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Country {
    /// A country whose local officer belongs to the police; in AE to the victim support, which records
    /// name there.
    pub(crate) fn set_up(code: &'static str) -> Self {
        match code {
            "AE" => Self::for_victims(code),
            _ => Self::with(code, Settings::default()),
        }
    }

    /// A country whose local officer belongs to the victim support.
    pub(crate) fn for_victims(code: &'static str) -> Self {
        let settings = Settings {
            desk: Some("victim-support"),
            ..Settings::default()
        };
        Self::with(code, settings)
    }

    pub(crate) fn with(code: &'static str, settings: Settings) -> Self {
        let (folder, dir) = match settings.dir {
            Some(dir) => (None, dir),
            None => {
                let folder = tempfile::tempdir().unwrap();
                let dir = folder.path().join(code.to_lowercase());
                (Some(folder), dir)
            }
        };
        let (listen, client_listen) = (free_port(), free_port());
        home::init(InitOptions {
            country: code.parse().unwrap(),
            dir: dir.clone(),
            authorities: authorities(settings.desk),
            listen,
            client_listen: Some(client_listen),
            address: (!settings.unlisted).then(|| listen.to_string()),
            passphrase: Zeroizing::new(PASSPHRASE.to_owned()),
            work_factor: Some(WORK),
            now: settings.issued.unwrap_or_else(|| system_clock()()),
        })
        .unwrap();
        let country = Self {
            code,
            dir,
            running: None,
            process: None,
            environment: Vec::new(),
            _folder: folder,
        };
        country.configure(|config| {
            config.allow_private_addresses = true;
            config.dial = DialConfig {
                min_backoff_ms: 20,
                max_backoff_ms: 200,
                connect_timeout_ms: 5_000,
            };
            config.limits.drain_timeout_ms = 2_000;
            config.store.segment_mib = 4;
            config.store.cache_mib = 8;
            config.store.ask_peers_s = 2;
            if let Some(percent) = settings.disk_full_percent {
                config.store.disk_full_percent = percent;
            }
        });
        if !settings.two_persons {
            // Where the test is not about it, one person imports, exports and opens.
            country.permit(&Table::default().by_one(&BY_ONE));
        }
        country
    }

    /// Writes the permissions of a node that never ran.
    pub(crate) fn permit(&self, table: &Table) {
        fs::write(self.layout().access(), table.to_toml()).unwrap();
    }

    /// Changes the configuration of a node that does not run.
    pub(crate) fn configure(&self, change: impl FnOnce(&mut Config)) {
        let mut config = self.home().config().clone();
        change(&mut config);
        home::write_config(&self.dir, &config).unwrap();
    }

    /// Sets a variable for the node's process, and for commands by [`Self::comity`].
    pub(crate) fn set(&mut self, name: &str, value: &Path) {
        let value = value.to_str().unwrap().to_owned();
        self.environment.push((name.to_owned(), value));
    }

    /// Takes a variable back.
    pub(crate) fn unset(&mut self, name: &str) {
        self.environment.retain(|(set, _)| set != name);
    }

    /// A country whose home is there already.
    pub(crate) fn at_home(code: &'static str, dir: &Path) -> Self {
        Self {
            code,
            dir: dir.to_owned(),
            running: None,
            process: None,
            environment: Vec::new(),
            _folder: None,
        }
    }

    /// Runs a command about this country, with its variables.
    pub(crate) async fn comity(&self, arguments: &[&str]) -> Ended {
        let arguments = [arguments, &["--home", self.at()]].concat();
        comity_with(&self.environment, &arguments).await
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The home's folder as an argument.
    pub(crate) fn at(&self) -> &str {
        self.dir.to_str().unwrap()
    }

    pub(crate) fn layout(&self) -> Layout {
        Layout::new(&self.dir)
    }

    pub(crate) fn home(&self) -> Home {
        let mut home = Home::open(&self.dir).unwrap();
        home.unlock(KEYS_PASSPHRASE).unwrap();
        home
    }

    /// Puts the keys of a node that does not run under [`KEYS_PASSPHRASE`].
    pub(crate) fn protect_keys(&self) {
        let mut home = self.home();
        let lock = home.lock().unwrap();
        home.protect_keys(KEYS_PASSPHRASE, Some(WORK), &lock)
            .unwrap();
    }

    /// Runs the node in this program.
    pub(crate) async fn start(&mut self) {
        self.start_with(system_clock()).await;
    }

    /// Runs the node in this program, by another clock.
    pub(crate) async fn start_with(&mut self, clock: Clock) {
        self.start_on(clock, Arc::new(Disk)).await;
    }

    /// Runs the node in this program, by another clock and on another medium.
    pub(crate) async fn start_on(&mut self, clock: Clock, medium: Arc<dyn Medium>) {
        let home = self.home();
        let tls = Arc::new(NodeTls::of(&home).unwrap());
        let ports = server::bind(home.config()).await.unwrap();
        let opened = Node::open_on(home, clock, medium, &mut |_| {}).await;
        let node = opened.unwrap();
        let stop = CancellationToken::new();
        let serving = {
            let (node, stop) = (Arc::clone(&node), stop.clone());
            tokio::spawn(async move { server::serve(node, tls, ports, stop).await.unwrap() })
        };
        self.running = Some(Running {
            node,
            stop,
            serving,
        });
    }

    /// Why the node does not open.
    pub(crate) async fn refuses_to_open(&self) -> NodeError {
        let opened = Node::open(self.home(), system_clock(), &mut |_| {}).await;
        nothing_inherited();
        match opened {
            Ok(_) => panic!("{} opens", self.code),
            Err(error) => error,
        }
    }

    /// Stops the node as SIGTERM does, and waits until nothing of it is left.
    pub(crate) async fn stop(&mut self) {
        let closed = self.end().await;
        closed.unwrap();
    }

    /// Ends the node after its disk failed, as the process would: without a clean stop.
    pub(crate) async fn fails(&mut self) {
        let closed = self.end().await;
        assert!(closed.is_err(), "{} stopped cleanly", self.code);
    }

    async fn end(&mut self) -> Result<(), NodeError> {
        let Running {
            node,
            stop,
            serving,
        } = self.running.take().unwrap();
        stop.cancel();
        serving.await.unwrap();
        let closed = node.close().await;
        let left = Arc::downgrade(&node);
        drop(node);
        eventually("the node lets go of its store and home", async || {
            let gone = left.upgrade().is_none();
            gone.then(|| self.home().lock().ok()).flatten()
        })
        .await;
        nothing_inherited();
        closed
    }

    pub(crate) async fn restart(&mut self) {
        self.stop().await;
        self.start().await;
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.running.as_ref().unwrap().node
    }

    pub(crate) fn operator(&self) -> Profile {
        Profile::operator(&self.home()).unwrap()
    }

    /// The local officer.
    pub(crate) fn officer(&self) -> Profile {
        Profile::officer(&self.home()).unwrap()
    }

    /// A client of the local officer, who has every role of officers.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(&self.officer()).await.unwrap()
    }

    /// A client of the operator, who reads no contents.
    pub(crate) async fn operating(&self) -> Client {
        Client::connect(&self.operator()).await.unwrap()
    }

    pub(crate) async fn status(&self) -> GetStatusResponse {
        let mut client = self.client().await;
        let answer = client.status.get_status(GetStatusRequest {}).await;
        answer.unwrap().into_inner()
    }

    /// Submits a record with a key; the answer, or the refusal as its stable word.
    pub(crate) async fn try_submit(
        &self,
        record: Record,
        key: &str,
    ) -> Result<SubmitRecordResponse, tonic::Status> {
        let mut client = self.client().await;
        let request = SubmitRecordRequest {
            record: Some(record),
            idempotency_key: key.to_owned(),
        };
        let answer = client.records.submit_record(request).await?;
        Ok(answer.into_inner())
    }

    /// Submits a record; answers its reference.
    pub(crate) async fn submit(&self, record: Record) -> String {
        self.try_submit(record, "").await.unwrap().reference
    }

    /// Everything the node holds, newest first.
    pub(crate) async fn records(&self) -> Vec<RecordSummary> {
        let mut client = self.client().await;
        let request = ListRecordsRequest {
            page_size: 500,
            ..ListRecordsRequest::default()
        };
        let page = client.records.list_records(request).await.unwrap();
        page.into_inner().records
    }

    /// References of everything the node holds, oldest first.
    pub(crate) async fn references(&self) -> Vec<String> {
        let records = self.records().await.into_iter().rev();
        records.map(|record| record.reference).collect()
    }

    /// Waits until a reference is held here.
    pub(crate) async fn receives(&self, reference: &str) {
        let typed: comity::record::Reference = reference.parse().unwrap();
        let node = self.node();
        eventually(&format!("{} receives {reference}", self.code), async || {
            node.find(&typed).ok()
        })
        .await;
    }

    /// Waits until every record submitted here has its receipt from every destination.
    pub(crate) async fn drained(&self) {
        eventually(&format!("{} has every receipt", self.code), async || {
            let status = self.status().await;
            let mut lanes = status.links.iter().flat_map(|link| &link.lanes);
            lanes
                .all(|lane| lane.assigned == lane.receipted)
                .then_some(())
        })
        .await;
    }

    /// Waits until the link to `peer` is up.
    pub(crate) async fn linked(&self, peer: &str) {
        let peer = peer.parse().unwrap();
        let node = self.node();
        eventually(&format!("{} is linked to {peer}", self.code), async || {
            node.links().is_up(peer).then_some(())
        })
        .await;
    }

    /// Versions of the cards held, by country.
    pub(crate) async fn card_versions(&self) -> Vec<(String, u64)> {
        let mut client = self.client().await;
        let cards = client.cards.list_cards(ListCardsRequest {}).await.unwrap();
        let cards = cards.into_inner().cards;
        cards
            .iter()
            .map(|signed| comity::card::verify_stored_card(signed).unwrap())
            .map(|card| (card.country.to_string(), card.version))
            .collect()
    }

    /// The node's own checkpoint, its signature verified with the card.
    pub(crate) fn open_checkpoint(&self, note: &str) -> Checkpoint {
        let home = self.home();
        let card = home.own_card();
        checkpoint::open(note, &card.ledger_origin, &card.ledger_keys()).unwrap()
    }

    /// The last segment of the journal.
    pub(crate) fn last_segment(&self) -> PathBuf {
        let mut segments: Vec<_> = fs::read_dir(self.layout().journal())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|ending| ending == "seg"))
            .collect();
        segments.sort();
        segments.pop().unwrap()
    }
}
