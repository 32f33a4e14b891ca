//! Opening a node: lock, store, slots, cards; and its tasks.

use std::{
    sync::{Arc, Mutex, atomic::AtomicBool},
    time::Duration,
};

use arc_swap::ArcSwap;
use tokio_util::sync::CancellationToken;

use crate::{
    card::{self, TrustBook},
    crypto::{IndexKey, random_bytes},
    entry,
    home::{Home, HomeError, OwnCardFile, Roster},
    inbox::ask,
    store::{
        ChunkStore, Disk, Medium, OpenProgress, ShredSlots, SlotPaths, Store, StoreError,
        StoreOptions, boot_id,
    },
};

use super::{
    Clock, Node, NodeError, NodeKeys, access,
    agreements::{Folders, InForce},
    audit,
    clocks::Clocks,
    disk,
    fence::Fence,
    guard::Guard,
    heard,
    items::{self, Items},
    life,
    links::{self, Links},
    lives,
    projection::{self, Rooms},
    rules::{NodeRules, Proposal},
    scrub::{self, Scrub},
    search::{self, Searching, Withdrawn},
    submit::{self, Intake},
    succession, told,
};

impl Node {
    /// Opens the node of a home: locks it, opens the store carefully, takes up cards and tasks.
    ///
    /// Must be called within a tokio runtime. A crash at any moment of it leaves the store as it
    /// was, or with one more leaf saying that the node started.
    ///
    /// # Errors
    /// [`NodeError`] says whether the home, the store or its content is at fault.
    pub async fn open(
        home: Home,
        clock: Clock,
        progress: &mut (dyn FnMut(OpenProgress) + Send),
    ) -> Result<Arc<Self>, NodeError> {
        Self::open_on(home, clock, Arc::new(Disk), progress).await
    }

    /// As [`Self::open`], with the store on a medium of its own: tests fail it.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub async fn open_on(
        home: Home,
        clock: Clock,
        medium: Arc<dyn Medium>,
        progress: &mut (dyn FnMut(OpenProgress) + Send),
    ) -> Result<Arc<Self>, NodeError> {
        let lock = home.lock()?;
        home.settle_keys(&lock)?;
        let signing = home.signer()?;
        let own_card = home.own_card().clone();
        own_card.check_validity(clock())?;
        let country = own_card.country;
        let permissions = home.access_file()?;
        if !home.layout().journal().exists() {
            // It is to count: nothing is begun with one that cannot.
            access::InForce::check(permissions.as_deref())?;
        }
        let (agreements, in_force) = InForce::load(Folders::of(home.layout()))?;
        let (store, opened) = Store::open_on(
            store_options(&home)?,
            Arc::new(Rooms),
            Arc::clone(&medium),
            progress,
        )?;
        if projection::permissions(&store)?.is_none() {
            access::InForce::check(permissions.as_deref())?;
        }
        let next_slot = ask::next_slot(&store)?;
        let paths = slot_paths(&home)?;
        let slots = if next_slot == 0 && !paths.slots.exists() {
            ShredSlots::create(paths)?
        } else {
            ShredSlots::open(paths, next_slot)?
        };
        let chunks = ChunkStore::open_on(home.layout().chunks(), Arc::clone(&medium))?;
        let items = Items::open(chunks, &store, home.config())?;
        let created = projection::identity(&store)?;
        if let Some(created) = &created
            && created.country != country.code()
        {
            return Err(NodeError::OtherCountry {
                store: created.country.clone(),
                card: country,
            });
        }
        let first = match &created {
            Some(created) => entry::incarnation(&created.incarnation)?,
            None => random_bytes()?,
        };
        let mut earlier = vec![first];
        let renewals = lives::own_renewals(&store)?;
        earlier.extend(renewals.iter().map(|renewal| renewal.incarnation));
        let incarnation = earlier.pop().unwrap_or(first);
        let named = own_card.renewal.as_ref().map(|renewal| renewal.incarnation);
        if named != renewals.last().map(|renewal| renewal.incarnation) {
            return Err(NodeError::HalfRenewed);
        }
        let renewal = renewals
            .into_iter()
            .next_back()
            .map(|renewal| renewal.signed);
        let withdrawn = Withdrawn::default();
        let most_skew = Duration::from_secs(home.config().life.max_clock_skew_s);
        let clocks = Arc::new(Clocks::new(most_skew));
        let rules = NodeRules::new(
            country,
            incarnation,
            home.storage_key()?,
            IndexKey::new(home.index_key()?),
            Arc::clone(&clock),
            home.config().life.shred_delay(),
            store.position(),
        )
        .telling(&withdrawn)
        .comparing(&clocks);
        let writer = store.start_writer(rules);
        if created.is_none() {
            writer
                .propose(Proposal::Create {
                    country,
                    incarnation,
                    ledger_origin: own_card.ledger_origin.clone(),
                })
                .await?;
        }
        writer
            .propose(Proposal::Start {
                store: opened.how.to_string(),
            })
            .await?;
        let access = access::InForce::begin(&store, &writer, permissions).await?;
        if in_force.count > 0 {
            writer.propose(in_force.proposal(None)).await?;
        }
        let book = book_of(&store)?;
        let fence = Fence::read(&store, book.len())?;
        let guard = Guard::of(&opened, book.len());
        let (intake, waiting) = Intake::new();
        let node = Arc::new(Self {
            country,
            incarnation,
            earlier,
            renewal,
            config: home.config().clone(),
            agreements,
            access,
            tally: access::Tally::default(),
            refusals: Arc::default(),
            keys: NodeKeys {
                signing,
                token: home.signing_token().unwrap_or_default().to_owned(),
                sealing: ArcSwap::new(home.sealing_secrets()?),
                storage: home.storage_key()?,
                index: IndexKey::new(home.index_key()?),
            },
            own_card: ArcSwap::from_pointee(own_card),
            own_card_file: OwnCardFile::of(&home),
            terms: home.config().due.terms(),
            roster: Roster::of(&home),
            items,
            store,
            opened,
            slots,
            writer,
            book: ArcSwap::from_pointee(book),
            book_change: tokio::sync::Mutex::new(()),
            references: Mutex::default(),
            links: Links::default(),
            intake,
            fed_under_way: Arc::default(),
            scrub: Scrub::default(),
            fence,
            guard,
            disk_full: CancellationToken::new(),
            link_changes: Mutex::default(),
            cases: super::evidence::Cases::default(),
            joint_cases: super::joint::JointCases::default(),
            search: Arc::new(Searching::new(withdrawn)),
            alarms: Mutex::default(),
            clock,
            clocks,
            life_change: tokio::sync::Mutex::new(()),
            approval_change: tokio::sync::Mutex::new(()),
            approvals_seen: AtomicBool::new(false),
            resting: life::Resting::default(),
            verifying: super::work::Turns::new(),
            heard: heard::Peers::default(),
            told: tokio::sync::Mutex::default(),
            scanning: Arc::default(),
            reporting: tokio::sync::Mutex::default(),
            recalls_to_pass: AtomicBool::new(true),
            receipts_came: AtomicBool::new(true),
            _lock: lock,
        });
        // What was issued, revoked or rotated while the node stood still. Where a file cannot be read, this is
        // tried again.
        if let Err(error) = node.tell_roster().await {
            tracing::error!(%error, "the ledger is not told of certificates and keys");
        }
        node.begin_start_check();
        tokio::spawn(submit::run(Arc::downgrade(&node), waiting));
        let damaged = node.opened.damaged.clone();
        node.found_damaged(&damaged).await;
        tokio::spawn(disk::watch(Arc::downgrade(&node)));
        tokio::spawn(scrub::run(Arc::downgrade(&node)));
        tokio::spawn(links::write_changes(Arc::downgrade(&node)));
        tokio::spawn(search::feed(
            Arc::downgrade(&node),
            Arc::clone(&node.search),
        ));
        tokio::spawn(super::evidence::look_through(Arc::downgrade(&node)));
        tokio::spawn(life::run(Arc::downgrade(&node)));
        tokio::spawn(items::tend(Arc::downgrade(&node)));
        tokio::spawn(items::scrub(Arc::downgrade(&node)));
        tokio::spawn(succession::run(Arc::downgrade(&node)));
        tokio::spawn(access::flush_refusals(Arc::downgrade(&node)));
        tokio::spawn(audit::index_earlier(Arc::downgrade(&node)));
        tokio::spawn(told::follow(Arc::downgrade(&node)));
        Ok(node)
    }

    /// Drains the writer and closes the store cleanly, so that the next start trusts it.
    ///
    /// # Errors
    /// [`NodeError::Store`] when the clean marker cannot be written; nothing acknowledged is lost
    /// then, the next start takes longer.
    pub async fn close(self: &Arc<Self>) -> Result<(), NodeError> {
        self.search.stop().await;
        self.scrub.stop().await;
        self.write_rest_of_link_changes().await;
        self.write_refusals().await;
        let store = self.store.clone();
        super::read::blocking(move || Ok(store.close()?)).await
    }
}

/// Where a home keeps its store, and how.
///
/// # Errors
/// [`StoreError`] when the system does not tell which boot this is.
pub fn store_options(home: &Home) -> Result<StoreOptions, StoreError> {
    let config = &home.config().store;
    Ok(StoreOptions {
        journal_dir: home.layout().journal(),
        index_dir: home.layout().index(),
        segment_bytes: config.segment_mib << 20,
        cache_bytes: config.cache_mib << 20,
        boot_id: boot_id()?,
        ..StoreOptions::new(&home.layout().data())
    })
}

/// Where a home keeps its shred slots and the file key over them.
///
/// # Errors
/// [`HomeError::Protected`] while the passphrase of its keys was not given.
pub fn slot_paths(home: &Home) -> Result<SlotPaths, HomeError> {
    let (file_key, seal) = home.file_key()?;
    Ok(SlotPaths {
        slots: home.layout().slots(),
        file_key,
        seal,
    })
}

/// Cards accepted before, ended ones too: old evidence is verified with them, and a newer card is
/// judged beside the one held. Whether a card counts now is asked where it is used. One that does
/// not verify at all stays in the journal and out of the book.
fn book_of(store: &Store) -> Result<TrustBook, NodeError> {
    let mut book = TrustBook::default();
    for signed in projection::cards(store)? {
        match card::verify_stored_card(&signed) {
            Ok(card) => {
                if let Err(conflict) = book.accept(card) {
                    tracing::error!(%conflict, "a stored card contradicts another");
                }
            }
            Err(error) => tracing::warn!(%error, "a stored card is not used"),
        }
    }
    Ok(book)
}
