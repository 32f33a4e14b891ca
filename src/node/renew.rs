//! Renewing a node that was restored from an older state: a new incarnation, and a new origin of
//! its ledger, by the word of the country root. For a node that does not run.
//!
//! What the older state does not know is named where it can be: the renewal says how far the ledger
//! before went, here and as peers claimed; the leaf that names the renewal is the first under the
//! new origin. Leaves that are still here stay where they are and are proved by the new origin's
//! checkpoints.

use std::sync::Arc;

use prost::Message as _;

use crate::{
    card::{self, MAX_RETIRED, Predecessor, Renewal, RenewalFault, TrustedCard},
    crypto::{IndexKey, RandomError, random_bytes},
    entry::{self, EntryError, Event, Incarnation, NodeRenewed, ReferenceFloor},
    home::{self, Home, HomeError, HomeLock},
    inbox::ask,
    ledger::rows::{self, RowsError},
    record::Moment,
    store::{OpenProgress, ProposeError, Store, StoreError},
    wire::card::SignedRenewal,
};

use super::{
    Clock, NodeError, lives,
    open::store_options,
    projection::{self, Rooms},
    rules::{NodeRules, Proposal, Refusal},
};

/// References left out for every incarnation that ended, unless the operator says otherwise: a
/// million are ten a second for a day.
pub const REFERENCES_SKIPPED: u32 = 1_000_000;

/// Why a node is not renewed. Nothing has changed then, unless said otherwise.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// The node's store or home.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// The store holds nothing yet.
    #[error(
        "this node never ran: it signed and sealed nothing yet, so start it once, or make a new home"
    )]
    NeverRan,
    /// The authorisation does not hold.
    #[error("the authorisation is refused: {0}")]
    Refused(#[from] RenewalFault),
    /// The authorisation was asked for by another state of this node.
    #[error(
        "the authorisation is not for this node as it is now: {0}; make a new request with `comity store incarnate --request FILE`"
    )]
    OtherState(&'static str),
    /// The store is behind what peers know of it.
    #[error(
        "peers know more of this node than its store: it was restored from an older state; give it a new \
         incarnation first, with `comity store incarnate`"
    )]
    Behind,
    /// Renewed too often.
    #[error("this node was renewed {MAX_RETIRED} times: it needs a new home and a new root")]
    TooOften,
}

macro_rules! of_node {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for RenewError {
            fn from(error: $error) -> Self {
                Self::Node(error.into())
            }
        }
    )+};
}

of_node!(
    StoreError,
    HomeError,
    RowsError,
    EntryError,
    RandomError,
    ProposeError<Refusal>,
);

/// The node of a home, stopped and held.
pub struct Stopped {
    pub(super) home: Home,
    pub(super) store: Store,
    /// Own incarnations, the current one last.
    lives: Vec<Incarnation>,
    renewals: Vec<lives::OwnRenewal>,
    _lock: HomeLock,
}

/// What a renewal did.
#[derive(Clone, Debug)]
pub struct Renewed {
    /// The own card, which peers get over the link.
    pub card: TrustedCard,
    /// What the root said.
    pub renewal: Renewal,
    /// False when the store had taken it before, and only the card was missing, or nothing.
    pub store_changed: bool,
}

impl Stopped {
    /// Takes the home and opens its store. Tasks of a running node are not started: an older state
    /// must sign nothing.
    ///
    /// # Errors
    /// [`RenewError::Node`] when another process has the home or the store does not open,
    /// [`RenewError::NeverRan`].
    pub fn open(home: Home, progress: &mut dyn FnMut(OpenProgress)) -> Result<Self, RenewError> {
        let lock = home.lock()?;
        let (store, _) = Store::open(store_options(&home)?, Arc::new(Rooms), progress)?;
        let created = projection::identity(&store)?.ok_or(RenewError::NeverRan)?;
        if created.country != home.country().code() {
            return Err(RenewError::Node(NodeError::OtherCountry {
                store: created.country,
                card: home.country(),
            }));
        }
        let renewals = lives::own_renewals(&store)?;
        let mut lives = vec![entry::incarnation(&created.incarnation)?];
        lives.extend(renewals.iter().map(|renewal| renewal.incarnation));
        Ok(Self {
            home,
            store,
            lives,
            renewals,
            _lock: lock,
        })
    }

    /// What the root is asked to sign.
    ///
    /// # Errors
    /// [`RenewError`] when the store cannot be read, or there were too many renewals.
    pub fn request(&self, now: Moment) -> Result<Renewal, RenewError> {
        let card = self.home.own_card();
        let incarnation = random_bytes()?;
        let size = rows::size(&self.store)?;
        let claims = projection::fences(&self.store)?;
        let known_size = claims.iter().map(|(_, claim)| claim.checkpoint_size).max();
        // Twice restored from the same state, a count would name two incarnations alike.
        let clock = u64::try_from(now.micros() / 1_000_000).unwrap_or(0);
        Ok(Renewal {
            country: card.country,
            root_key: card.root_key,
            number: self.last_number()?.saturating_add(1).max(clock),
            incarnation,
            retired: self.retired()?,
            ledger_origin: card::ledger_origin(card.country, &card.root_key, Some(&incarnation)),
            predecessor: Predecessor {
                origin: card.ledger_origin.clone(),
                size,
                root: rows::root(&self.store, size)?,
                known_size: known_size.unwrap_or(0),
            },
            issued_at: now,
        })
    }

    /// Number of the last renewal that store or card know.
    fn last_number(&self) -> Result<u64, RenewError> {
        let on_card = self.home.own_card().renewal.as_ref().map(|of| of.number);
        let mut last = on_card.unwrap_or(0);
        for renewal in &self.renewals {
            last = last.max(Renewal::decode(&renewal.signed.renewal)?.number);
        }
        Ok(last)
    }

    /// Every incarnation that ends: the store's, and what only the card knows of, which was not
    /// restored with it. The store's current one stands last.
    fn retired(&self) -> Result<Vec<Incarnation>, RenewError> {
        let mut retired = Vec::new();
        if let Some(renewal) = &self.home.own_card().renewal {
            retired.extend(&renewal.retired);
            retired.push(renewal.incarnation);
        }
        retired.retain(|life| !self.lives.contains(life));
        retired.extend(&self.lives);
        if retired.len() > MAX_RETIRED {
            return Err(RenewError::TooOften);
        }
        Ok(retired)
    }

    /// Takes the incarnation that the root authorised, and closes the store. `skipped` references
    /// are left out.
    ///
    /// The store is renewed first, as one durable entry; then the card names the incarnation. A
    /// crash in between leaves a node that does not start and says why; doing it again with the
    /// same authorisation finishes it.
    ///
    /// # Errors
    /// [`RenewError`].
    pub async fn renew(
        self,
        signed: &SignedRenewal,
        skipped: u32,
        clock: Clock,
    ) -> Result<Renewed, RenewError> {
        let own = self.home.own_card().clone();
        let renewal = card::verify_renewal(signed, &own.root_key, own.country)?;
        let claims = projection::fences(&self.store)?;
        let card_claimed = claims
            .iter()
            .filter(|(_, claim)| claim.what == super::fence::THE_CARD)
            .map(|(_, claim)| claim.theirs.saturating_add(1))
            .max()
            .unwrap_or(0);
        let store_changed = self.lives.last() != Some(&renewal.incarnation);
        if store_changed {
            self.check_state(&renewal)?;
            let lifted = claims.into_iter().map(|(_, claim)| claim.peer).collect();
            let event = Event::NodeRenewed(NodeRenewed {
                incarnation: renewal.incarnation.to_vec(),
                signed_renewal: signed.encode_to_vec(),
                references: self.floors(clock(), skipped, renewal.retired.len())?,
                lifted,
            });
            self.append(event, Arc::clone(&clock)).await?;
        }
        // Nothing was signed under the new incarnation yet: the next start has nothing to ask.
        self.store.vouch()?;
        let store = self.store.clone();
        super::read::blocking(move || Ok(store.close()?)).await?;
        let card = if own.renewal.as_ref() == Some(&renewal) {
            own
        } else {
            home::renew_card(
                &self.home,
                signed,
                &renewal.ledger_origin,
                card_claimed,
                clock(),
            )?
        };
        Ok(Renewed {
            card,
            renewal,
            store_changed,
        })
    }

    /// The authorisation was asked for by this store, which has only grown since.
    fn check_state(&self, renewal: &Renewal) -> Result<(), RenewError> {
        if renewal.retired.last() != self.lives.last() {
            return Err(RenewError::OtherState("it ends another incarnation"));
        }
        if renewal.number <= self.last_number()? {
            return Err(RenewError::OtherState("a later renewal was taken"));
        }
        let before = &renewal.predecessor;
        if before.origin != self.home.own_card().ledger_origin
            || before.size > rows::size(&self.store)?
            || before.root != rows::root(&self.store, before.size)?
        {
            return Err(RenewError::OtherState("it names another ledger"));
        }
        Ok(())
    }

    /// For this year and the last: the older state may end in either, and what was given since is
    /// not known. Once more for every incarnation that ended: the same older state may be restored
    /// again.
    fn floors(
        &self,
        now: Moment,
        skipped: u32,
        ended: usize,
    ) -> Result<Vec<ReferenceFloor>, RenewError> {
        let skipped = u64::from(skipped).saturating_mul(u64::try_from(ended).unwrap_or(1));
        let year = now
            .utc()
            .and_then(|at| u32::try_from(at.year().rem_euclid(100)).ok())
            .unwrap_or(0);
        [year.checked_sub(1).unwrap_or(99), year]
            .into_iter()
            .map(|year| {
                let last = ask::last_reference(&self.store, year)?;
                Ok(ReferenceFloor {
                    year,
                    number: last.saturating_add(skipped),
                })
            })
            .collect()
    }

    async fn append(&self, event: Event, clock: Clock) -> Result<(), RenewError> {
        let rules = NodeRules::new(
            self.home.country(),
            self.lives.last().copied().unwrap_or_default(),
            self.home.storage_key()?,
            IndexKey::new(self.home.index_key()?),
            clock,
            self.home.config().life.shred_delay(),
            self.store.position(),
        );
        let writer = self.store.start_writer(rules);
        writer
            .propose(Proposal::Life(Box::new(event), Vec::new()))
            .await?;
        Ok(())
    }
}
