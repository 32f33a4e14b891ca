//! One country of the demo: its home, its process, its client.

use std::{
    fs::File,
    net::{Ipv4Addr, SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use tokio::process::{Child, Command};
use zeroize::Zeroizing;

use crate::{
    access::{PrincipalKind, act},
    card::{Fingerprint, TrustedCard},
    client::{Client, Profile},
    config::Config,
    home::{self, Home, InitOptions},
    node::{Node, cards::Imported, system_clock},
    record::Country,
    wire::{node::ApproveRequest, record::CountryRole},
};

use super::super::exit::{Failure, OSERR, SOFTWARE, UNAVAILABLE};
use super::super::principals;
use super::evidence::PROFILE;

/// Longest wait for a node to answer after its start.
const START: Duration = Duration::from_secs(60);
/// Longest wait for a node to close its store.
const STOP: Duration = Duration::from_secs(60);
/// Lines of a node's log that are shown when it fails.
const LAST_WORDS: usize = 5;
/// Scrypt work of the exercise's roots, as a power of two: they protect nothing.
const EXERCISE_WORK: u8 = 4;

/// Ports of the demo: 16384 to 32767.
const FIRST_PORT: u16 = 0x4000;
const PORT_MASK: u16 = 0x3fff;
/// Ports tried before giving up.
const PORT_TRIES: usize = 200;

/// A country of the demo.
pub(super) struct CountryNode {
    pub(super) country: Country,
    pub(super) role: CountryRole,
    pub(super) home: PathBuf,
    pub(super) fingerprint: Fingerprint,
    pub(super) card: TrustedCard,
    /// Profile of a second operator, who approves cards.
    second_operator: PathBuf,
    /// Profile of a second officer, who approves what officers ask for.
    pub(super) second_officer: PathBuf,
    /// Imports that wait for the second operator.
    imports: Vec<String>,
    /// Held until the node's first start, so that no other program takes its ports meanwhile.
    ports: Vec<TcpListener>,
    process: Option<Child>,
}

impl CountryNode {
    /// Sets up a home as `comity init` does, with free ports on loopback.
    pub(super) fn set_up(
        folder: &Path,
        country: Country,
        role: CountryRole,
        authorities: Vec<String>,
    ) -> Result<Self, Failure> {
        let dir = folder.join(country.code().to_lowercase());
        let passphrase: [u8; 16] = crate::crypto::random_bytes()
            .map_err(|error| Failure::new(OSERR, error.to_string()))?;
        let (ports, [listen, client_listen]) = free_ports()?;
        let report = home::init(InitOptions {
            country,
            dir: dir.clone(),
            authorities,
            listen,
            client_listen: Some(client_listen),
            address: Some(listen.to_string()),
            passphrase: Zeroizing::new(hex::encode(passphrase)),
            work_factor: Some(EXERCISE_WORK),
            now: system_clock()(),
        })?;
        let opened = Home::open(&dir)?;
        let config = Config {
            allow_private_addresses: true,
            ..opened.config().clone()
        };
        home::write_config(&dir, &config)?;
        agree(&dir)?;
        let second = |kind: PrincipalKind| {
            let folder = dir.join(format!("second-{kind}"));
            principals::second(&opened, kind, &folder)
        };
        Ok(Self {
            second_operator: second(PrincipalKind::Operator)?,
            second_officer: second(PrincipalKind::Officer)?,
            imports: Vec::new(),
            country,
            role,
            home: dir,
            fingerprint: report.fingerprint,
            card: opened.own_card().clone(),
            ports,
            process: None,
        })
    }

    /// Starts the node's process and waits until it answers.
    pub(super) async fn start(&mut self) -> Result<(), Failure> {
        let cannot = |error: std::io::Error| {
            Failure::new(OSERR, format!("a node cannot be started: {error}"))
        };
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.home.join("node.log"))
            .map_err(cannot)?;
        let program = std::env::current_exe().map_err(cannot)?;
        self.ports.clear();
        let child = Command::new(program)
            .arg("run")
            .arg("--home")
            .arg(&self.home)
            // The pipe lives as long as this process, however it ends.
            .arg("--until-stdin-ends")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::from(log))
            // Ctrl-C in the terminal is for the demo, which stops its nodes one by one.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .map_err(cannot)?;
        self.process = Some(child);
        let deadline = tokio::time::Instant::now() + START;
        loop {
            match self.client().await {
                Ok(_) => return Ok(()),
                Err(failure) => {
                    let ended = match &mut self.process {
                        Some(process) => process.try_wait().map_err(cannot)?,
                        None => None,
                    };
                    if ended.is_some() || tokio::time::Instant::now() > deadline {
                        let message = format!(
                            "the node of {} did not start: {}; its log ends with",
                            self.country,
                            failure.message(),
                        );
                        return Err(
                            Failure::new(UNAVAILABLE, message).with_details(self.last_words())
                        );
                    }
                }
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A client of the operator, who sees the ledger and no contents.
    pub(super) async fn operator(&self) -> Result<Client, Failure> {
        let profile = Profile::operator(&Home::open(&self.home)?)?;
        Ok(Client::connect(&profile).await?)
    }

    /// A client of the local officer, of a node that answered once.
    pub(super) async fn client(&self) -> Result<Client, Failure> {
        let profile = Profile::officer(&Home::open(&self.home)?)?;
        let mut client = Client::connect(&profile).await?;
        client
            .status
            .get_status(crate::wire::node::GetStatusRequest {})
            .await?;
        Ok(client)
    }

    /// Kills the process with SIGKILL.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        if let Some(mut process) = self.process.take() {
            process
                .kill()
                .await
                .map_err(|error| Failure::new(OSERR, error.to_string()))?;
        }
        Ok(())
    }

    /// Asks the process to stop, and waits until it has closed its store.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        let Some(mut process) = self.process.take() else {
            return Ok(());
        };
        if let Some(pid) = process
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(rustix::process::Pid::from_raw)
        {
            // Gone already is stopped as well.
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
        }
        // What does not stop in time is killed when `process` is dropped.
        let how = match tokio::time::timeout(STOP, process.wait()).await {
            Ok(Ok(status)) if status.success() => return Ok(()),
            Ok(Ok(status)) => status.to_string(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("it takes longer than {} s", STOP.as_secs()),
        };
        let message = format!(
            "the node of {} did not stop cleanly: {how}; its log ends with",
            self.country
        );
        Err(Failure::new(SOFTWARE, message).with_details(self.last_words()))
    }

    /// The last lines of the node's log.
    fn last_words(&self) -> Vec<String> {
        let log = std::fs::read(self.home.join("node.log")).unwrap_or_default();
        let text = String::from_utf8_lossy(&log);
        let mut lines: Vec<String> = text
            .lines()
            .rev()
            .filter(|line| !line.trim().is_empty())
            .take(LAST_WORDS)
            .map(str::to_owned)
            .collect();
        lines.reverse();
        lines
    }
}

/// An agreement with every country, under which evidence may be asked for.
fn agree(home: &Path) -> Result<(), Failure> {
    let folder = home.join("agreements");
    let file = folder.join("default.toml");
    let text =
        format!("# EXERCISE.\ncountry = \"*\"\ntitle = \"Exercise\"\nevidence = [\"{PROFILE}\"]\n");
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(&file, text))
        .map_err(|error| Failure::not_written(&file, &error))
}

/// Two ports on loopback, bound, below the range from which the system takes ports for outgoing
/// connections: while a killed node is down, such a connection could take its port.
fn free_ports() -> Result<(Vec<TcpListener>, [SocketAddr; 2]), Failure> {
    let mut bound = Vec::new();
    let mut addresses = Vec::new();
    for _ in 0..PORT_TRIES {
        let random: [u8; 2] = crate::crypto::random_bytes()
            .map_err(|error| Failure::new(OSERR, error.to_string()))?;
        let port = FIRST_PORT | (u16::from_be_bytes(random) & PORT_MASK);
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if let Ok(listener) = TcpListener::bind(address) {
            bound.push(listener);
            addresses.push(address);
        }
        if let [links, clients] = *addresses.as_slice() {
            return Ok((bound, [links, clients]));
        }
    }
    Err(Failure::new(OSERR, "no free ports on loopback"))
}

/// Asks for the import of every card at every other country, with the fingerprint compared. None runs.
pub(super) async fn exchange_cards(nodes: &mut [CountryNode]) -> Result<(), Failure> {
    let cards: Vec<_> = nodes
        .iter()
        .map(|of| (of.country, of.card.signed.clone(), of.fingerprint))
        .collect();
    for at in nodes {
        let node = Node::open(Home::open(&at.home)?, system_clock(), &mut |_| {}).await?;
        let permit = node
            .enter::<act::ImportCard>(node.local_operator())
            .map_err(|refused| Failure::new(SOFTWARE, refused.to_string()))?;
        for (_, card, fingerprint) in cards.iter().filter(|(country, ..)| *country != at.country) {
            let imported = node
                .import_card(card.clone(), *fingerprint, &permit)
                .await
                .map_err(|refusal| Failure::new(SOFTWARE, refusal.to_string()))?;
            if let Imported::Asked(_, asked) = imported {
                at.imports.push(asked.id);
            }
        }
        node.close().await?;
    }
    Ok(())
}

/// The second operator of every country approves the cards, at the running nodes.
pub(super) async fn approve_cards(nodes: &mut [CountryNode]) -> Result<(), Failure> {
    for at in nodes {
        let mut operator = Client::connect(&Profile::load(&at.second_operator)?).await?;
        for id in at.imports.drain(..) {
            operator.life.approve(ApproveRequest { id }).await?;
        }
    }
    Ok(())
}
