//! One country of a campaign: its home, its process, its client.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom},
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    sync::atomic::{AtomicU16, Ordering},
    time::Duration,
};

use comity::{
    access::{Guarded, Table},
    card::TrustedCard,
    client::{Client, Profile},
    config::Config,
    exercise,
    home::{self, Home, InitOptions},
    node::system_clock,
    record::Country,
    wire::{
        node::{
            GetStatusRequest, GetStatusResponse, ImportCardRequest, ListRecordsRequest,
            RecordSummary,
        },
        record::CountryRole,
    },
};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    process::{Child, Command},
    time::{Instant, sleep, timeout},
};

/// Longest wait for a node to answer after its start, and for any answer of a node that runs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Scrypt work of the roots, as a power of two: they protect nothing.
const WORK: u8 = 4;

/// The program under test.
pub(crate) fn program() -> PathBuf {
    std::env::var_os("COMITY_BIN").map_or_else(|| env!("CARGO_BIN_EXE_comity").into(), Into::into)
}

/// A country of a campaign.
pub(crate) struct Node {
    pub(crate) country: Country,
    pub(crate) role: CountryRole,
    pub(crate) home: PathBuf,
    pub(crate) card: TrustedCard,
    pub(crate) profile: Profile,
    operator: Profile,
    /// Outside the home, so that no cut takes it back.
    log: PathBuf,
    /// A file whose content the process finds as the kernel's boot id.
    pub(crate) boot_id: Option<PathBuf>,
    process: Option<Child>,
    /// The connection that [`Node::asking`] keeps while the process lives.
    asked: tokio::sync::Mutex<Option<Client>>,
}

impl Node {
    /// Makes a home in `folder`, with the log in `logs`.
    pub(crate) fn set_up(folder: &Path, logs: &Path, code: &str, role: CountryRole) -> Self {
        let country: Country = code.parse().unwrap();
        let home = folder.join(code.to_lowercase());
        let (listen, client_listen) = (free_port(), free_port());
        home::init(InitOptions {
            country,
            dir: home.clone(),
            authorities: exercise::AUTHORITIES.map(str::to_owned).to_vec(),
            listen,
            client_listen: Some(client_listen),
            address: Some(listen.to_string()),
            passphrase: "a campaign's roots protect nothing".to_owned().into(),
            work_factor: Some(WORK),
            now: system_clock()(),
        })
        .unwrap();
        let opened = Home::open(&home).unwrap();
        let config = Config {
            allow_private_addresses: true,
            ..opened.config().clone()
        };
        home::write_config(&home, &config).unwrap();
        // The campaigns are not about second persons.
        let alone = Table::default().by_one(&[Guarded::ImportCard, Guarded::ExportBulk]);
        std::fs::write(opened.layout().access(), alone.to_toml()).unwrap();
        Self {
            country,
            role,
            card: opened.own_card().clone(),
            profile: Profile::officer(&opened).unwrap(),
            operator: Profile::operator(&opened).unwrap(),
            log: logs.join(format!("{code}.log")),
            home,
            boot_id: None,
            process: None,
            asked: tokio::sync::Mutex::default(),
        }
    }

    /// Starts the process; does not wait for it.
    pub(crate) fn spawn(&mut self) {
        let log = File::options().create(true).append(true).open(&self.log);
        let mut command = match &self.boot_id {
            None => Command::new(program()),
            // A namespace of its own mounts, where another file lies over the kernel's: the node
            // reads it as it always does, and nobody else sees it.
            Some(boot_id) => {
                let mut command = Command::new("unshare");
                command
                    .args(["--mount", "sh", "-c"])
                    .arg(r#"mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@""#)
                    .arg(boot_id)
                    .arg(program());
                command
            }
        };
        let child = command
            .args(["run", "--home"])
            .arg(&self.home)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log.unwrap())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        self.process = Some(child);
    }

    /// Waits until the node answers.
    pub(crate) async fn ready(&mut self) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let why = match timeout(PATIENCE, self.client()).await {
                Ok(Ok(_)) => return,
                Ok(Err(why)) => why,
                Err(_) => "no answer".to_owned(),
            };
            let ended = self.process.as_mut().unwrap().try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "{} does not start ({ended:?}): {why}\n{}",
                self.country,
                self.log_end()
            );
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// A client of the node that answered once.
    pub(crate) async fn client(&self) -> Result<Client, String> {
        let mut client = connect(&self.profile).await?;
        let asked = client.status.get_status(GetStatusRequest {}).await;
        asked.map_err(|status| status.message().to_owned())?;
        Ok(client)
    }

    /// A client of a node that must be there.
    pub(crate) async fn calm_client(&self) -> Client {
        match timeout(PATIENCE, self.client()).await {
            Ok(Ok(client)) => client,
            other => panic!(
                "{} should answer: {:?}\n{}",
                self.country,
                other.map(|answer| answer.err()),
                self.log_end()
            ),
        }
    }

    /// As [`Self::calm_client`], the same connection until the process is gone.
    pub(crate) async fn asking(&self) -> Client {
        let mut asked = self.asked.lock().await;
        if let Some(client) = &*asked {
            return client.clone();
        }
        asked.insert(self.calm_client().await).clone()
    }

    /// The node's state.
    pub(crate) async fn status(&self) -> GetStatusResponse {
        let mut client = self.asking().await;
        let answer = client.status.get_status(GetStatusRequest {}).await;
        answer.unwrap().into_inner()
    }

    /// Everything the node holds, newest first.
    pub(crate) async fn records(&self) -> Vec<RecordSummary> {
        let mut client = self.calm_client().await;
        let mut records = Vec::new();
        let mut page_token = String::new();
        loop {
            let page = ListRecordsRequest {
                origin: String::new(),
                page_size: 500,
                page_token,
                steps: true,
                unread: false,
            };
            let page = client.records.list_records(page).await.unwrap();
            let page = page.into_inner();
            records.extend(page.records);
            page_token = page.next_page_token;
            if page_token.is_empty() {
                return records;
            }
        }
    }

    /// The newest of the node's own records, back to one that was there before.
    pub(crate) async fn own_back_to(&self, reference: &str) -> Vec<RecordSummary> {
        let mut client = self.asking().await;
        let mut records = Vec::new();
        let mut page_token = String::new();
        loop {
            let page = ListRecordsRequest {
                origin: self.country.to_string(),
                page_size: 500,
                page_token,
                steps: true,
                unread: false,
            };
            let page = client.records.list_records(page).await.unwrap();
            let page = page.into_inner();
            let there = page.records.iter().any(|of| of.reference == reference);
            records.extend(page.records);
            page_token = page.next_page_token;
            if there || page_token.is_empty() {
                return records;
            }
        }
    }

    /// Imports another country's card into the running node.
    pub(crate) async fn import(&self, other: &Self) {
        // Once it answers.
        self.calm_client().await;
        let mut client = connect(&self.operator).await.unwrap();
        let request = ImportCardRequest {
            card: Some(other.card.signed.clone()),
            fingerprint: other.card.fingerprint().to_string(),
        };
        client.cards.import_card(request).await.unwrap();
    }

    /// Kills the process with SIGKILL. One that ended by itself is a finding.
    pub(crate) async fn kill(&mut self) {
        *self.asked.get_mut() = None;
        let mut process = self.process.take().unwrap();
        if let Some(status) = process.try_wait().unwrap() {
            panic!(
                "{} ended by itself: {status}\n{}",
                self.country,
                self.log_end()
            );
        }
        process.kill().await.unwrap();
    }

    /// Stops every thread of the process where it is, until [`Self::resume`] or a kill.
    pub(crate) fn freeze(&self) {
        kill_process(self.pid(), Signal::STOP).unwrap();
    }

    /// Lets a frozen process go on.
    pub(crate) fn resume(&self) {
        kill_process(self.pid(), Signal::CONT).unwrap();
    }

    /// Asks the process to stop and waits until it has.
    pub(crate) async fn stop(&mut self) {
        kill_process(self.pid(), Signal::TERM).unwrap();
        *self.asked.get_mut() = None;
        let mut process = self.process.take().unwrap();
        let ended = timeout(PATIENCE, process.wait()).await;
        assert!(
            matches!(&ended, Ok(Ok(status)) if status.success()),
            "{} does not stop cleanly: {ended:?}\n{}",
            self.country,
            self.log_end()
        );
    }

    fn pid(&self) -> Pid {
        let id = self.process.as_ref().and_then(Child::id).unwrap();
        Pid::from_raw(i32::try_from(id).unwrap()).unwrap()
    }

    /// The last lines of the log.
    fn log_end(&self) -> String {
        let Ok(mut log) = File::open(&self.log) else {
            return String::new();
        };
        let length = log.metadata().map_or(0, |of| of.len());
        let _ = log.seek(SeekFrom::Start(length.saturating_sub(2000)));
        let mut bytes = Vec::new();
        let _ = log.read_to_end(&mut bytes);
        format!("…{}", String::from_utf8_lossy(&bytes))
    }
}

/// A client; says why not.
pub(crate) async fn connect(profile: &Profile) -> Result<Client, String> {
    Client::connect(profile)
        .await
        .map_err(|error| error.to_string())
}

/// A free port on loopback below the system's own choices: those it could give to anybody's
/// outgoing connection while the node that owns the port is down.
fn free_port() -> SocketAddr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let first = u16::try_from(std::process::id() % 600).unwrap() * 20;
    loop {
        let offset = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(first) % 16_000;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 16_000 + offset));
        if TcpListener::bind(address).is_ok() {
            return address;
        }
    }
}
