//! A victim and an adversary: two genuine countries, one of which will not keep to the protocol.

use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    sync::Arc,
};

use comity::{
    access::{Guarded, Table},
    card::{self, AddressPolicy, Predecessor, Renewal, TrustBook, TrustedCard},
    config::Config,
    crypto::{Digest, SigningKey, random_bytes},
    entry::Incarnation,
    exercise::{self, Exercise},
    home::{self, Home, InitOptions, Layout, root},
    node::{Node, submit::Intent, submit::SubmitError, system_clock},
    record::{Country, Moment},
    rpc::{
        server::{self, NodeTls},
        tls::DialOptions,
    },
    wire::{
        card::SignedRenewal,
        ledger::{Action, LeafBody},
        record::{CountryRole, Record},
    },
};
use prost::Message as _;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub(crate) const VICTIM: &str = "UZ";
pub(crate) const ADVERSARY: &str = "KZ";
pub(crate) const THIRD: &str = "AE";
/// What the roots of every country here are locked with.
const PASSPHRASE: &str = "for tests only";
/// Who acts at the victim's node.
pub(crate) const OPERATOR: &str = "UZ/operator/local";

pub(crate) fn country(code: &str) -> Country {
    code.parse().unwrap()
}

/// A home made as `comity init` makes it.
pub(crate) fn make_home(folder: &Path, code: &str) -> Home {
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let dir = folder.join(code);
    home::init(InitOptions {
        country: country(code),
        dir: dir.clone(),
        authorities: exercise::AUTHORITIES
            .iter()
            .map(|name| (*name).to_owned())
            .collect(),
        listen: any,
        client_listen: Some(any),
        // Without an address nobody dials it: in these tests the adversary dials.
        address: None,
        passphrase: PASSPHRASE.to_owned().into(),
        work_factor: Some(4),
        now: system_clock()(),
    })
    .unwrap();
    let mut config = Config {
        allow_private_addresses: true,
        ..Home::open(&dir).unwrap().config().clone()
    };
    // The adversary goes on honestly after what comes to nothing, and is not to wait before it.
    config.limits.stall_pause_ms = 0;
    home::write_config(&dir, &config).unwrap();
    // One operator imports cards: these tests are about peers.
    let alone = Table::default().by_one(&[Guarded::ImportCard]);
    std::fs::write(Layout::new(&dir).access(), alone.to_toml()).unwrap();
    Home::open(&dir).unwrap()
}

/// The node under attack, running.
pub(crate) struct Victim {
    pub(crate) node: Arc<Node>,
    pub(crate) links: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Victim {
    async fn start(dir: &Path) -> Self {
        let home = Home::open(dir).unwrap();
        let tls = Arc::new(NodeTls::of(&home).unwrap());
        let ports = server::bind(home.config()).await.unwrap();
        let node = Node::open(home, system_clock(), &mut |_| {}).await.unwrap();
        let links = ports.links_address().unwrap().unwrap();
        let stop = CancellationToken::new();
        let serving = tokio::spawn({
            let (node, stop) = (Arc::clone(&node), stop.clone());
            async move { server::serve(node, tls, ports, stop).await.unwrap() }
        });
        Self {
            node,
            links,
            stop,
            serving,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap();
        self.node.close().await.unwrap();
        // The lock of the home goes with the last owner of the node.
        let weak = Arc::downgrade(&self.node);
        drop(self.node);
        for _ in 0..500 {
            if weak.strong_count() == 0 {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("somebody keeps the victim's node");
    }
}

/// Both countries and what the adversary knows to be acknowledged.
pub(crate) struct World {
    folder: TempDir,
    victim: Option<Victim>,
    pub(crate) victim_card: TrustedCard,
    pub(crate) home: Home,
    pub(crate) third: Home,
    pub(crate) key: Arc<SigningKey>,
    pub(crate) incarnation: Incarnation,
    /// The root's word for it, once it was restored.
    pub(crate) renewal: Option<SignedRenewal>,
    /// Last sequence receipted on the bulk lane to the victim, and the running hash there.
    pub(crate) sent: (u64, Digest),
    /// Last sequence received of the victim's bulk lane, and the running hash there.
    pub(crate) received: (u64, Digest),
    pub(crate) victim_incarnation: Incarnation,
    /// References that the victim acknowledged with DELIVERY.
    pub(crate) delivered: Vec<String>,
    pub(crate) submitted: u64,
    reference: u32,
}

impl World {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let victim = make_home(folder.path(), VICTIM);
        let home = make_home(folder.path(), ADVERSARY);
        let third = make_home(folder.path(), THIRD);
        let victim_card = victim.own_card().clone();
        let dir = victim.dir().to_owned();
        import(victim, &[&home, &third]).await;
        Self {
            victim: Some(Victim::start(&dir).await),
            folder,
            victim_card,
            key: home.signing_key().unwrap(),
            home,
            third,
            incarnation: random_bytes().unwrap(),
            renewal: None,
            sent: (0, Digest::ZERO),
            received: (0, Digest::ZERO),
            victim_incarnation: [0; 16],
            delivered: Vec::new(),
            submitted: 0,
            reference: 0,
        }
    }

    pub(crate) fn victim(&self) -> &Victim {
        self.victim.as_ref().unwrap()
    }

    pub(crate) fn node(&self) -> &Arc<Node> {
        &self.victim().node
    }

    pub(crate) fn victim_folder(&self) -> std::path::PathBuf {
        self.folder.path().join(VICTIM)
    }

    pub(crate) async fn restart_victim(&mut self) {
        self.victim.take().unwrap().stop().await;
        self.victim = Some(Victim::start(&self.victim_folder()).await);
    }

    pub(crate) async fn end(mut self) {
        self.victim.take().unwrap().stop().await;
    }

    /// The cards the adversary trusts.
    pub(crate) fn book(&self) -> TrustBook {
        let mut book = TrustBook::default();
        book.accept(self.victim_card.clone()).unwrap();
        book
    }

    pub(crate) fn now(&self) -> Moment {
        system_clock()()
    }

    /// A new life of the adversary, by its root's word: its sequences begin at 1.
    pub(crate) fn reincarnate(&mut self) {
        let root = root::open_root(&self.home.layout().country_root(), PASSPHRASE).unwrap();
        self.reincarnate_by(&root);
    }

    /// As [`Self::reincarnate`], with the word of some key.
    pub(crate) fn reincarnate_by(&mut self, root: &SigningKey) {
        let own = self.home.own_card();
        let incarnation = random_bytes().unwrap();
        let renewal = Renewal {
            country: own.country,
            root_key: own.root_key,
            number: 1,
            incarnation,
            retired: vec![self.incarnation],
            ledger_origin: card::ledger_origin(own.country, &own.root_key, Some(&incarnation)),
            predecessor: Predecessor {
                origin: own.ledger_origin.clone(),
                size: 1,
                root: Digest::of(b"one leaf"),
                known_size: 0,
            },
            issued_at: self.now(),
        };
        self.renewal = Some(renewal.sign(root));
        self.incarnation = incarnation;
        self.sent = (0, Digest::ZERO);
    }

    /// A record that keeps every rule, with the next reference of the adversary.
    pub(crate) fn record(&mut self) -> Record {
        self.reference += 1;
        let mut record = exercise_record(ADVERSARY, VICTIM, u64::from(self.reference));
        record.reference = self.reference_of(ADVERSARY, self.reference);
        record.submitted_at = Some(self.now().into());
        record
    }

    pub(crate) fn reference_of(&self, code: &str, number: u32) -> String {
        comity::record::Reference {
            country: country(code),
            year: 26,
            number,
        }
        .to_string()
    }

    /// Submits a record at the victim's node, for the adversary.
    pub(crate) async fn submit_at_victim(&mut self) -> Result<(), SubmitError> {
        let record = exercise_record(VICTIM, ADVERSARY, 1000 + self.submitted);
        let intent = Intent {
            record,
            idempotency_key: String::new(),
            actor: OPERATOR.to_owned(),
            by_node: false,
            evidence: false,
            item: None,
        };
        self.node().submit_intent(intent).await?;
        self.submitted += 1;
        Ok(())
    }

    /// Every leaf of the victim's ledger, oldest first.
    pub(crate) fn leaves(&self) -> Vec<LeafBody> {
        let node = self.node();
        let size = node.ledger_size().unwrap();
        (0..size)
            .map(|index| {
                let leaf = node.leaf(index).unwrap().unwrap();
                LeafBody::decode(leaf.body.as_slice()).unwrap()
            })
            .collect()
    }

    /// What the alarms in the victim's ledger say.
    pub(crate) fn alarms(&self) -> Vec<String> {
        self.leaves()
            .into_iter()
            .filter(|leaf| leaf.action == i32::from(Action::Alarm))
            .map(|leaf| leaf.detail)
            .collect()
    }

    pub(crate) fn dial_options(&self) -> DialOptions {
        DialOptions {
            policy: AddressPolicy {
                allow_private: true,
                permitted: Vec::new(),
            },
            connect_timeout: std::time::Duration::from_secs(10),
            proxy: None,
        }
    }
}

/// A small routine alert.
fn exercise_record(origin: &str, destination: &str, seed: u64) -> Record {
    let countries = [
        (country(origin), CountryRole::Origin),
        (country(destination), CountryRole::Destination),
    ];
    Exercise::new(seed, &countries)
        .sized(400)
        .next()
        .unwrap()
        .record
}

/// Imports cards at a node that does not run, as an operator does.
pub(crate) async fn import(at: Home, others: &[&Home]) {
    let node = Node::open(at, system_clock(), &mut |_| {}).await.unwrap();
    for other in others {
        let card = other.own_card();
        let operator = node.enter(node.local_operator()).unwrap();
        node.import_card(card.signed.clone(), card.fingerprint(), &operator)
            .await
            .unwrap();
    }
    node.close().await.unwrap();
    let weak = Arc::downgrade(&node);
    drop(node);
    while weak.strong_count() > 0 {
        tokio::task::yield_now().await;
    }
}
