//! Use cases, one file each: submit, receive, deliver, receipts, read, cards, audit; and the node
//! they act on.
//!
//! A use case prepares outside the writer, proposes, and answers only after the writer's group is
//! durable. The clock enters here and is passed down.

pub mod access;
pub mod agreements;
pub mod approvals;
pub mod audit;
pub mod cards;
pub mod cases;
pub mod charges;
pub mod clocks;
pub mod custody;
pub mod deliver;
mod disk;
pub mod due;
pub mod evidence;
pub mod export;
mod fence;
pub mod format_export;
mod guard;
mod heard;
pub mod holds;
pub mod intake;
pub mod items;
pub mod joint;
pub mod life;
pub mod links;
pub mod listing;
mod lives;
pub mod onward;
mod open;
mod pace;
pub mod projection;
mod purpose;
pub mod read;
pub mod receipts;
pub mod receive;
pub mod renew;
pub mod replies;
mod resend;
mod rotate;
pub mod rules;
mod scrub;
pub mod search;
pub mod session;
pub mod status;
pub mod steps;
pub mod subject;
pub mod submit;
mod succession;
pub mod tables;
pub mod threads;
mod told;
pub mod work;

pub use fence::Claim;
pub use open::{slot_paths, store_options};
pub use succession::SuccessionError;

use std::{
    collections::{BTreeMap, HashMap},
    fmt,
    sync::{Arc, Mutex, atomic::AtomicBool},
};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use crate::{
    access::FileFault,
    card::{CardError, TrustBook, TrustedCard},
    config::{Config, agreements::AgreementError, evidence::FilesError},
    crypto::{IndexKey, KeyError, RandomError, SealingSecret, Signer, SigningFault, StorageKey},
    entry::{EntryError, Incarnation},
    home::{HomeError, HomeLock, OwnCardFile, Roster},
    inbox::{HoldingError, ReferenceTag},
    ledger::rows::RowsError,
    record::{Country, Moment, Reference, due::Terms},
    store::{Opened, ProposeError, ShredSlots, Store, StoreError, Writer},
    wire::card::SignedRenewal,
};

use self::{
    fence::FENCED,
    links::Links,
    rules::{NodeRules, Refusal},
};

/// Where a node takes the time from.
pub type Clock = Arc<dyn Fn() -> Moment + Send + Sync>;

/// The system's clock.
pub fn system_clock() -> Clock {
    Arc::new(|| Moment::from(time::OffsetDateTime::now_utc()))
}

/// A node cannot open or carry out a use case, for a reason of its own.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The node's folder.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// The agreements with other countries.
    #[error("the agreements with other countries cannot be used: {0}")]
    Agreements(#[from] AgreementError),
    /// The agreement profiles and calendars of evidence requests.
    #[error("the agreement profiles and calendars cannot be used: {0}")]
    Profiles(#[from] FilesError),
    /// The permissions in the node's home.
    #[error("the permissions cannot be used: {0}")]
    Access(#[from] FileFault),
    /// The own card has expired, or the clock is off.
    #[error("the own card cannot be used: {0}")]
    OwnCard(#[from] CardError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The journal holds an entry this version cannot read.
    #[error(transparent)]
    Entry(#[from] EntryError),
    /// A record cannot be taken out of the store.
    #[error(transparent)]
    Holding(#[from] HoldingError),
    /// The ledger's rows.
    #[error(transparent)]
    Ledger(#[from] RowsError),
    /// No randomness: nothing may be sealed or signed.
    #[error(transparent)]
    Random(#[from] RandomError),
    /// A key of the node.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The token that keeps the signing key does not sign: nothing is accepted meanwhile, and nothing
    /// is lost.
    #[error("{0}; nothing is accepted until it does")]
    Signer(#[from] SigningFault),
    /// The writer refused what the node itself proposed.
    #[error("the writer refused: {0}")]
    Refused(Refusal),
    /// The node is shutting down.
    #[error("the node is shutting down")]
    Closed,
    /// Other countries know more of this node than the node itself does.
    #[error("{FENCED}")]
    Fenced,
    /// Peers are being asked whether they know more of this node.
    #[error(
        "after its start this node asks other countries whether they know more of it before it signs; try again in a moment"
    )]
    Asking,
    /// The store belongs to another country's node.
    #[error(
        "the store was created for {store}, the node's card says {card}: the home holds another node's data"
    )]
    OtherCountry {
        /// Country the store was created for.
        store: String,
        /// Country of the node's card.
        card: Country,
    },
    /// The card and the store name different incarnations: a renewal was cut short, or only one of
    /// the two was restored.
    #[error(
        "the node's card and its store belong to different incarnations: run `comity store incarnate`, \
         with the same authorisation again where there is one"
    )]
    HalfRenewed,
    /// A task of the node panicked.
    #[error("a task of the node ended unexpectedly; see the log")]
    Task,
}

impl NodeError {
    /// Whether a record's bytes are damaged on the own disk, and nothing else failed.
    pub const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Holding(HoldingError::Store(StoreError::Damaged { .. }))
        )
    }
}

impl NodeError {
    /// Whether the disk had no room for what was to be kept.
    pub const fn is_full(&self) -> bool {
        matches!(self, Self::Store(StoreError::Full))
    }
}

impl From<ProposeError<Refusal>> for NodeError {
    fn from(error: ProposeError<Refusal>) -> Self {
        match error {
            ProposeError::Refused(refusal) => Self::Refused(refusal),
            ProposeError::Store(error) => Self::Store(error),
            ProposeError::Closed => Self::Closed,
        }
    }
}

/// Keys a running node holds.
pub(crate) struct NodeKeys {
    /// Signs headers, receipts, marks and checkpoints.
    pub(crate) signing: Arc<dyn Signer>,
    /// Label of the token that keeps that key; empty when a file does.
    pub(crate) token: String,
    /// Opens what peers seal; the current one first.
    pub(crate) sealing: ArcSwap<Vec<SealingSecret>>,
    /// Encrypts values at rest.
    pub(crate) storage: StorageKey,
    /// Makes keyed index tags.
    pub(crate) index: IndexKey,
}

/// A country's node.
pub struct Node {
    pub(crate) country: Country,
    pub(crate) incarnation: Incarnation,
    /// Incarnations given up after restores, oldest first.
    pub(crate) earlier: Vec<Incarnation>,
    /// The root's word for the incarnation; `None` while the node was never restored.
    pub(crate) renewal: Option<SignedRenewal>,
    pub(crate) config: Config,
    pub(crate) agreements: agreements::InForce,
    /// The permissions in force.
    pub(crate) access: access::InForce,
    /// How many records each officer got at lately.
    pub(crate) tally: access::Tally,
    /// Attempts refused that are not in the ledger yet.
    pub(crate) refusals: Arc<access::Refusals>,
    /// As the home's file said last; see `succession`.
    pub(crate) own_card: ArcSwap<TrustedCard>,
    /// The home's file of the card, and the sealing keys that it names.
    pub(crate) own_card_file: OwnCardFile,
    /// How long readers have, by urgency.
    pub(crate) terms: Terms,
    /// Whom the country's CA issued certificates to.
    pub(crate) roster: Roster,
    pub(crate) keys: NodeKeys,
    pub(crate) items: items::Items,
    pub(crate) store: Store,
    pub(crate) opened: Opened,
    pub(crate) slots: ShredSlots,
    pub(crate) writer: Writer<NodeRules>,
    pub(crate) book: ArcSwap<TrustBook>,
    /// Serialises changes of the book; the writer decides, this keeps memory in step.
    pub(crate) book_change: tokio::sync::Mutex<()>,
    /// Last reference number given in each two-digit year. Ahead of the store by what is in
    /// preparation, so a year once read from the store is never read again.
    pub(crate) references: Mutex<BTreeMap<u8, u32>>,
    pub(crate) links: Links,
    /// Whose turn it is to be verified.
    pub(crate) verifying: work::Turns,
    pub(crate) intake: submit::Intake,
    /// Items of feeds that are being decided or carried out.
    pub(crate) fed_under_way: Arc<intake::UnderWay>,
    /// Where each evidence request stands, as far as it was worked out.
    pub(crate) cases: evidence::Cases,
    /// Versions of joint cases that were opened.
    pub(crate) joint_cases: joint::JointCases,
    /// The search index; its feed keeps it after the node for a moment.
    pub(crate) search: Arc<search::Searching>,
    pub(crate) scrub: scrub::Scrub,
    /// Whether other countries know more of this node than the node itself does.
    pub(crate) fence: fence::Fence,
    /// The question to peers at the start.
    pub(crate) guard: guard::Guard,
    /// Cancelled when the disk is full.
    pub(crate) disk_full: CancellationToken,
    /// Changes of links on their way into the ledger.
    pub(crate) link_changes: Mutex<links::ChangeLog>,
    /// Alarms lately written, so that a peer that redials cannot grow the ledger.
    pub(crate) alarms: Mutex<HashMap<(Option<Country>, &'static str), Moment>>,
    pub(crate) clock: Clock,
    /// How the peers' clocks stand to this one.
    pub(crate) clocks: Arc<clocks::Clocks>,
    /// Held while slots are erased or a hold is set, so that neither overtakes the other.
    pub(crate) life_change: tokio::sync::Mutex<()>,
    /// Held while something that was approved is carried out.
    pub(crate) approval_change: tokio::sync::Mutex<()>,
    /// Whether what was approved before the last start was looked for.
    pub(crate) approvals_seen: AtomicBool,
    /// What the background could not do lately, and leaves alone for a while.
    pub(crate) resting: life::Resting,
    /// When the peers were heard last.
    pub(crate) heard: heard::Peers,
    /// What the ledger was told of certificates since the start.
    pub(crate) told: tokio::sync::Mutex<told::Told>,
    /// Held while everything is scanned for a data subject: one at a time.
    pub(crate) scanning: Arc<tokio::sync::Mutex<()>>,
    /// Held while a report over the ledger is made: one at a time.
    pub(crate) reporting: tokio::sync::Mutex<()>,
    /// Whether recalls may have to go on to whom records were passed.
    pub(crate) recalls_to_pass: AtomicBool,
    /// Whether receipts came that may be those of evidence requests on their way.
    pub(crate) receipts_came: AtomicBool,
    _lock: HomeLock,
}

impl Node {
    /// The node's country.
    pub const fn country(&self) -> Country {
        self.country
    }

    /// The node's configuration.
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// The node's own card.
    pub fn own_card(&self) -> Arc<TrustedCard> {
        self.own_card.load_full()
    }

    /// Cards of the other countries.
    pub fn book(&self) -> Arc<TrustBook> {
        self.book.load_full()
    }

    /// The links' registry.
    pub const fn links(&self) -> &Links {
        &self.links
    }

    /// The store, for its health and life cycle.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// How the store was found.
    pub const fn opened(&self) -> &Opened {
        &self.opened
    }

    /// The present by which something may be over: `now` while this clock agrees with the peers', and
    /// before everything while it does not, so that nothing is refused for good by a wrong clock. What
    /// is over is then found by the first round after the clock was set right.
    pub(crate) fn confirmed_now(&self) -> Moment {
        let now = self.now();
        if self.clocks.agrees(now) {
            now
        } else {
            Moment::from_micros(i64::MIN)
        }
    }

    /// The time.
    pub fn now(&self) -> Moment {
        (self.clock)()
    }

    /// Whether a signature takes no time worth another thread: a token takes as long as it takes.
    pub(crate) const fn signs_at_once(&self) -> bool {
        self.keys.token.is_empty()
    }

    /// Keyed tag of a reference.
    pub(crate) fn reference_tag(&self, reference: &Reference) -> ReferenceTag {
        ReferenceTag::of(reference, |block| {
            self.keys.index.tag("reference", block.as_bytes())
        })
    }
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("country", &self.country)
            .finish_non_exhaustive()
    }
}
