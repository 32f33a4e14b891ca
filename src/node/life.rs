//! What happens to records by itself: those whose time is over are locked, locked ones are shredded
//! after their delay, late ones are escalated, and origins are told. Runs in the background, one round
//! at a time.
//!
//! A crash between any two steps leaves the first durable and the second due: slots that are erased
//! already stay so, an answer that was not sent is still owed. What cannot be done of one record, or
//! for one country, keeps nothing else from being done: it is said, and rests for a while.

mod answer;
mod resting;
mod shred;
mod victims;

use std::{
    fmt,
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use crate::{
    entry::LockCause,
    inbox::{
        StoredRecord,
        life::Due,
        life_rows::{self, DueRow},
    },
    store::StoreError,
};

pub(crate) use self::resting::{Item, Resting};
use super::{
    Node, NodeError,
    clocks::Agreement,
    read::blocking,
    rules::{LockOrder, Proposal},
    submit::SubmitError,
};

/// Pause between two rounds.
const ROUND: Duration = Duration::from_millis(500);
/// Rows of a round.
const ROWS: usize = 16_384;
/// Rows read at a time.
const PAGE: usize = 4096;
/// Orders of one proposal.
const TOGETHER: usize = 256;

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

/// What went wrong in a round whose every stage ran: the first of it, or that the node closes.
#[derive(Default)]
struct Trouble(Option<SubmitError>);

impl Trouble {
    fn note<E: Into<SubmitError>>(&mut self, outcome: Result<(), E>) {
        if let Err(error) = outcome.map_err(Into::into) {
            let closed = matches!(error, SubmitError::Node(NodeError::Closed));
            match &self.0 {
                None => self.0 = Some(error),
                Some(_) if closed => self.0 = Some(error),
                Some(first) => tracing::warn!(%error, %first, "and this cannot be done either"),
            }
        }
    }
}

impl Node {
    /// One round: locks, shreds and answers what is due. Every stage runs, whatever became of the one
    /// before.
    ///
    /// # Errors
    /// [`SubmitError`] when something failed; it stays due.
    pub async fn tend(self: &Arc<Self>) -> Result<(), SubmitError> {
        let mut trouble = Trouble::default();
        trouble.note(self.carry_out_approved().await);
        trouble.note(self.pass_recalls_on().await);
        trouble.note(self.tend_clocks().await);
        let rows = self.due_now().map_err(NodeError::from)?;
        if rows.is_empty() {
            return trouble.0.map_or(Ok(()), Err);
        }
        let of = |wanted: Due| -> Vec<DueRow> {
            rows.iter()
                .filter(|row| row.due == wanted)
                .copied()
                .collect()
        };
        // What two persons ordered stands at zero and needs no clock.
        let timed = rows
            .iter()
            .any(|row| row.at_us > 0 || row.due == Due::Delay);
        if !timed || self.clock_counts().await {
            for (due, cause) in [
                // A lock that is set by a clock that did not agree: its delay begins now.
                (Due::Delay, LockCause::Recall),
                (Due::Expire, LockCause::Expiry),
                (Due::Retention, LockCause::Retention),
            ] {
                trouble.note(self.lock_due(of(due), cause).await);
            }
            trouble.note(self.shred(of(Due::ShredVictims), of(Due::Shred)).await);
            trouble.note(self.escalate(of(Due::Escalate)).await);
        } else {
            let ordered = of(Due::Shred).into_iter().filter(|row| row.at_us == 0);
            trouble.note(self.shred(Vec::new(), ordered.collect()).await);
        }
        trouble.note(self.answer(of(Due::Answer)).await);
        trouble.0.map_or(Ok(()), Err)
    }

    /// What is due and does not rest.
    fn due_now(&self) -> Result<Vec<DueRow>, StoreError> {
        let (now, clock) = (self.now().micros(), Instant::now());
        let mut due = Vec::new();
        let mut after = None;
        loop {
            let page = life_rows::due(&self.store, after.as_ref(), now, PAGE)?;
            let Some(last) = page.last() else {
                return Ok(due);
            };
            after = Some(*last);
            let awake = |row: &DueRow| !self.resting.rests(&Item::Due(row.number, row.due), clock);
            due.extend(page.into_iter().filter(awake));
            if due.len() >= ROWS {
                return Ok(due);
            }
        }
    }

    /// Something cannot be done: it is said, and rests.
    pub(super) async fn not_done(&self, item: Item, error: &(dyn fmt::Display + Sync)) {
        tracing::error!(?item, %error, "what is due cannot be done; it is tried again later");
        self.resting.failed(item, Instant::now());
        self.alarm(None, "due-not-done").await;
    }

    /// Whether what is due by the clock may happen. A node that knows no other country has none to
    /// compare with.
    pub(super) async fn clock_counts(&self) -> bool {
        match self.clocks.agreement(self.now()) {
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

    /// Locks what is over. For the delay before shredding, a lock that is set already begins it.
    async fn lock_due(
        self: &Arc<Self>,
        rows: Vec<DueRow>,
        cause: LockCause,
    ) -> Result<(), NodeError> {
        let shred_us = (self.now() + self.config.life.shred_delay()).micros();
        let orders = self.due_records(rows).await?;
        let orders = orders
            .into_iter()
            .map(|(row, stored)| LockOrder {
                number: row.number,
                digest: stored.digest,
                cause,
                shred_us,
                victims_only: cause == LockCause::Retention,
            })
            .collect();
        let actor = format!("{}/node", self.country);
        let refused = self.propose_locks(orders, &actor).await?;
        for (order, error) in refused {
            for due in [Due::Expire, Due::Retention, Due::Delay] {
                self.not_done(Item::Due(order.number, due), &error).await;
            }
        }
        Ok(())
    }

    /// The records of which something is due, without their texts. One that cannot be read keeps no
    /// other from what is due.
    pub(super) async fn due_records(
        self: &Arc<Self>,
        rows: Vec<DueRow>,
    ) -> Result<Vec<(DueRow, StoredRecord)>, NodeError> {
        let node = Arc::clone(self);
        let read = blocking(move || {
            let read = rows.into_iter().map(|row| (row, node.held(row.number)));
            Ok(read.collect::<Vec<_>>())
        });
        let mut found = Vec::new();
        for (row, read) in read.await? {
            match read {
                Ok(stored) => found.push((row, stored)),
                Err(error) => self.not_done(Item::Due(row.number, row.due), &error).await,
            }
        }
        Ok(found)
    }

    /// Proposes locks, some at a time; answers those that were refused.
    pub(super) async fn propose_locks(
        &self,
        orders: Vec<LockOrder>,
        actor: &str,
    ) -> Result<Vec<(LockOrder, NodeError)>, NodeError> {
        self.propose_some(orders, |orders| Proposal::Lock {
            orders,
            actor: actor.to_owned(),
        })
        .await
    }

    /// Proposes orders, some at a time, and one by one where some are refused together; answers
    /// those that were.
    pub(super) async fn propose_some<T: Clone>(
        &self,
        orders: Vec<T>,
        proposal: impl Fn(Vec<T>) -> Proposal,
    ) -> Result<Vec<(T, NodeError)>, NodeError> {
        let mut refused = Vec::new();
        for batch in orders.chunks(TOGETHER) {
            match self.writer.propose(proposal(batch.to_vec())).await {
                Ok(_) => continue,
                Err(error) => goes_on(error.into())?,
            };
            for order in batch {
                if let Err(error) = self.writer.propose(proposal(vec![order.clone()])).await {
                    refused.push((order.clone(), goes_on(error.into())?));
                }
            }
        }
        Ok(refused)
    }
}

/// A refusal of one proposal; the error itself where the writer takes nothing any more.
fn goes_on(error: NodeError) -> Result<NodeError, NodeError> {
    match error {
        NodeError::Closed | NodeError::Store(StoreError::Poisoned { .. } | StoreError::Full) => {
            Err(error)
        }
        refused => Ok(refused),
    }
}
