//! What happens to records by itself: those whose time is over are locked, locked ones are shredded
//! after their delay, and origins are told. Runs in the background, one round at a time.
//!
//! A crash between any two steps leaves the first durable and the second due: slots that are erased
//! already stay so, an answer that was not sent is still owed.

mod victims;

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{
    entry::{EntryError, Event, LifeRow, LockCause},
    envelope::{MAX_DISCLOSURES, ReceiptType},
    inbox::{
        StoredRecord,
        life::{self, Due},
        life_rows::{self, DueRow},
    },
    ledger::rows,
    record::Country,
    wire::{
        envelope::DisclosureNotice,
        ledger::{Action, LeafBody},
    },
};

use super::{
    Node, NodeError,
    clocks::Agreement,
    read::blocking,
    rules::{Backups, ErasedOrder, LockOrder, Proposal, ground_aad},
    steps::LateReceipt,
    submit::SubmitError,
};

/// Pause between two rounds.
const ROUND: Duration = Duration::from_millis(500);
/// Rows of a round.
const ROWS: usize = 4096;
/// Orders of one proposal.
const TOGETHER: usize = 256;
/// Leaves of a record looked at for disclosures.
const LEAVES: usize = 10_000;

/// Runs rounds until the node is gone or closed.
pub async fn run(node: Weak<Node>) {
    let stated = node.upgrade().map(|node| node.config.life.backups_days);
    if stated.flatten().is_none() {
        tracing::warn!(
            "`life.backups_days` in config.toml does not say for how long backups are kept: ERASED receipts say that nobody knows"
        );
    }
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(node) = node.upgrade() else {
            return;
        };
        match node.tend().await {
            Ok(()) => {}
            Err(SubmitError::Node(NodeError::Closed)) => return,
            Err(error) => tracing::warn!(%error, "what is due cannot be done now; it stays due"),
        }
    }
}

impl Node {
    /// One round: locks, shreds and answers what is due.
    ///
    /// # Errors
    /// [`SubmitError`] when something failed; it stays due.
    pub async fn tend(self: &Arc<Self>) -> Result<(), SubmitError> {
        self.carry_out_approved().await?;
        let now = self.now().micros();
        let rows = life_rows::due(&self.store, now, ROWS).map_err(NodeError::from)?;
        if rows.is_empty() {
            return Ok(());
        }
        let of = |wanted: Due| -> Vec<DueRow> {
            rows.iter()
                .filter(|row| row.due == wanted)
                .copied()
                .collect()
        };
        // What two persons ordered stands at zero and needs no clock.
        let timed = rows.iter().any(|row| row.at_us > 0);
        if !timed || self.clock_counts().await {
            self.lock_over(of(Due::Expire), of(Due::Retention)).await?;
            self.shred_victims(of(Due::ShredVictims)).await?;
            self.shred(of(Due::Shred)).await?;
        } else {
            let ordered = of(Due::Shred).into_iter().filter(|row| row.at_us == 0);
            self.shred(ordered.collect()).await?;
        }
        self.answer(of(Due::Answer)).await
    }

    /// Whether what is due by the clock may happen. A node that knows no other country has none to
    /// compare with.
    async fn clock_counts(&self) -> bool {
        let most = Duration::from_secs(self.config.life.max_clock_skew_s);
        match self.clocks.agreement(self.now(), most) {
            Agreement::Agrees => true,
            Agreement::Unheard => self.book.load().is_empty(),
            Agreement::Apart(by) => {
                tracing::error!(
                    seconds = by / 1_000_000,
                    "this clock and the peers' are apart: nothing expires or is shredded"
                );
                self.alarm(None, "clock-apart").await;
                false
            }
            Agreement::Jumped => {
                tracing::error!("this clock jumped: nothing expires or is shredded");
                self.alarm(None, "clock-jumped").await;
                false
            }
        }
    }

    async fn lock_over(
        self: &Arc<Self>,
        expired: Vec<DueRow>,
        retention: Vec<DueRow>,
    ) -> Result<(), NodeError> {
        let shred_us = (self.now() + self.config.life.shred_delay()).micros();
        let mut orders = Vec::new();
        for (rows, cause) in [
            (expired, LockCause::Expiry),
            (retention, LockCause::Retention),
        ] {
            for row in rows {
                let Some(stored) = self.due_record(row.number) else {
                    continue;
                };
                orders.push(LockOrder {
                    number: row.number,
                    digest: stored.digest,
                    cause,
                    shred_us,
                    victims_only: cause == LockCause::Retention,
                });
            }
        }
        self.propose_locks(orders, &format!("{}/node", self.country))
            .await
    }

    /// A record of which something is due; `None` when it cannot be read, which keeps nothing else
    /// from being done.
    fn due_record(&self, number: u64) -> Option<StoredRecord> {
        match self.stored(number) {
            Ok(stored) => Some(stored),
            Err(error) => {
                tracing::error!(number, %error, "what is due of a record cannot be done");
                None
            }
        }
    }

    /// Proposes locks, some at a time.
    pub(super) async fn propose_locks(
        &self,
        orders: Vec<LockOrder>,
        actor: &str,
    ) -> Result<(), NodeError> {
        for batch in orders.chunks(TOGETHER) {
            self.writer
                .propose(Proposal::Lock {
                    orders: batch.to_vec(),
                    actor: actor.to_owned(),
                })
                .await?;
        }
        Ok(())
    }

    /// Destroys the keys of records: the slots first, then the entry that says so.
    async fn shred(self: &Arc<Self>, rows: Vec<DueRow>) -> Result<(), NodeError> {
        if rows.is_empty() {
            return Ok(());
        }
        // No hold is set between looking and erasing.
        let _alone = self.life_change.lock().await;
        let node = Arc::clone(self);
        let (orders, slots) = blocking(move || {
            let (mut orders, mut slots) = (Vec::new(), Vec::new());
            for row in rows {
                let Some(stored) = node.due_record(row.number) else {
                    continue;
                };
                let still = stored
                    .life
                    .as_ref()
                    .is_some_and(|life| life::dues(life).iter().any(|(_, due)| *due == Due::Shred));
                if still {
                    slots.extend([stored.holding.slot, stored.slot()]);
                    orders.push(node.erased_order(&stored, false));
                }
            }
            node.slots.erase(&slots)?;
            Ok((orders, slots.len()))
        })
        .await?;
        tracing::info!(records = orders.len(), slots, "shredded");
        self.propose_erased(orders).await
    }

    async fn propose_erased(&self, orders: Vec<ErasedOrder>) -> Result<(), NodeError> {
        for batch in orders.chunks(TOGETHER) {
            self.writer
                .propose(Proposal::Erased(batch.to_vec()))
                .await?;
        }
        Ok(())
    }

    fn erased_order(&self, stored: &StoredRecord, victims_only: bool) -> ErasedOrder {
        ErasedOrder {
            number: stored.holding.number,
            digest: stored.digest,
            victims_only,
            backups: self.backups(),
        }
    }

    /// What the configuration states of backups.
    fn backups(&self) -> Backups {
        match self.config.life.backups_days {
            None => Backups::Unknown,
            Some(0) => Backups::None,
            Some(days) => {
                let kept = Duration::from_secs(days.saturating_mul(86_400));
                Backups::Until((self.now() + kept).micros())
            }
        }
    }

    /// Destroys the keys of victim data: the other keys are made durable under a new slot, then the
    /// old slot goes.
    async fn shred_victims(self: &Arc<Self>, rows: Vec<DueRow>) -> Result<(), NodeError> {
        if rows.is_empty() {
            return Ok(());
        }
        let _alone = self.life_change.lock().await;
        let mut orders = Vec::new();
        let mut slots = Vec::new();
        for row in rows {
            let Some(stored) = self.due_record(row.number) else {
                continue;
            };
            let still = stored.life.as_ref().is_some_and(|life| {
                life::dues(life)
                    .iter()
                    .any(|(_, due)| *due == Due::ShredVictims)
            });
            if !still {
                continue;
            }
            if stored.slot() == stored.holding.slot {
                let rekeying = self.without_victims(&stored)?;
                self.writer.propose(Proposal::Rekey(rekeying)).await?;
            }
            slots.push(stored.holding.slot);
            orders.push(self.erased_order(&stored, true));
        }
        let node = Arc::clone(self);
        blocking(move || Ok(node.slots.erase(&slots)?)).await?;
        self.propose_erased(orders).await
    }

    /// Tells origins what became of their records.
    async fn answer(self: &Arc<Self>, rows: Vec<DueRow>) -> Result<(), SubmitError> {
        if rows.is_empty() {
            return Ok(());
        }
        let node = Arc::clone(self);
        let answers = blocking(move || {
            let mut answers: BTreeMap<Country, Vec<LateReceipt>> = BTreeMap::new();
            for row in rows {
                let Some(stored) = node.due_record(row.number) else {
                    continue;
                };
                let origin: Country = stored.holding.origin.parse().map_err(EntryError::from)?;
                if let Some(answer) = node.answer_of(&stored)? {
                    answers.entry(origin).or_default().push(answer);
                }
            }
            Ok(answers)
        })
        .await?;
        let mut failed = None;
        for (origin, receipts) in answers {
            // One origin that cannot be told does not keep the others from it.
            if let Err(error) = self.send_late_receipts(origin, receipts).await {
                tracing::warn!(%origin, %error, "the origin is not told yet");
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), Err)
    }

    fn answer_of(&self, stored: &StoredRecord) -> Result<Option<LateReceipt>, NodeError> {
        let Some(row) = &stored.life else {
            return Ok(None);
        };
        let Some(kind) = life::owed(row) else {
            return self.victims_answer(stored, row);
        };
        let lock = row.whole.as_ref().ok_or(EntryError::Field("whole"))?;
        let erased = kind == ReceiptType::Erased;
        Ok(Some(LateReceipt {
            number: stored.holding.number,
            kind,
            recall: life::recall_of(row),
            backups: if erased {
                Backups::of(lock)
            } else {
                Backups::default()
            },
            ground: if erased {
                String::new()
            } else {
                self.hold_ground(row)?
            },
            disclosures: self.disclosures(stored)?,
            ..LateReceipt::default()
        }))
    }

    /// The ground of a hold that stands.
    pub(super) fn hold_ground(&self, row: &LifeRow) -> Result<String, NodeError> {
        let place = crate::store::Place::from_bytes(&row.hold_place)
            .ok_or(EntryError::Field("hold_place"))?;
        let Event::HoldChanged(changed) =
            crate::entry::Entry::decode(&self.store.body(place)?)?.event
        else {
            return Err(EntryError::Field("hold_changed").into());
        };
        let digest = crate::crypto::Digest::try_from(changed.header_digest.as_slice())
            .map_err(|_| EntryError::Field("header_digest"))?;
        let sealed = self.store.blob(place, changed.ground_blob)?;
        let plain = self
            .keys
            .storage
            .open(&ground_aad(&digest), &sealed)
            .map_err(|_| EntryError::Field("ground"))?;
        String::from_utf8(plain.to_vec()).map_err(|_| EntryError::Field("ground").into())
    }

    /// What left this node in plain text of a record, as far as the ledger knows.
    pub(super) fn disclosures(
        &self,
        stored: &StoredRecord,
    ) -> Result<Vec<DisclosureNotice>, NodeError> {
        let mut notices = Vec::new();
        for index in rows::leaves_of(&self.store, &stored.digest, LEAVES)? {
            let Some(leaf) = self.leaf(index)? else {
                continue;
            };
            let body = <LeafBody as prost::Message>::decode(leaf.body.as_slice())
                .map_err(EntryError::from)?;
            if body.action() == Action::Disclosure && notices.len() < MAX_DISCLOSURES {
                notices.push(DisclosureNotice {
                    time_us: body.time_us,
                    manner: body.detail.chars().take(32).collect(),
                });
            }
        }
        Ok(notices)
    }
}
