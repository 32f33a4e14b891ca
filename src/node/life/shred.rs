//! Shredding: the keys of records, or of their victim data, are destroyed.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::{
    inbox::{
        StoredRecord,
        life::{self, Due},
        life_rows::DueRow,
    },
    store::StoreError,
};

use super::super::{
    Node, NodeError,
    read::blocking,
    rules::{Backups, ErasedOrder, Proposal},
};
use super::resting::Item;

/// Something to be shredded: what is due, the slots that go, and what the entry says afterwards.
struct Doomed {
    row: DueRow,
    slots: Vec<u64>,
    order: ErasedOrder,
}

impl Node {
    /// Destroys the keys of records and of victim data: the slots first, all of them at once since
    /// the slot file is written anew for it, then the entries that say so.
    pub(super) async fn shred(
        self: &Arc<Self>,
        victims: Vec<DueRow>,
        whole: Vec<DueRow>,
    ) -> Result<(), NodeError> {
        if victims.is_empty() && whole.is_empty() {
            return Ok(());
        }
        let ordered = whole.iter().any(|row| row.at_us == 0);
        if !self.resting.may_erase(ordered, Instant::now()) {
            return Ok(());
        }
        // No hold is set between looking and erasing.
        let _alone = self.life_change.lock().await;
        let mut doomed = Vec::new();
        for (row, stored) in self.due_records(whole).await? {
            if is_due(&stored, Due::Shred) {
                doomed.push(Doomed {
                    row,
                    slots: vec![stored.holding.slot, stored.slot()],
                    order: self.erased_order(&stored, false),
                });
            }
        }
        for row in victims {
            match self.rekeyed(row).await {
                Ok(rekeyed) => doomed.extend(rekeyed),
                Err(error @ NodeError::Closed) => return Err(error),
                Err(error) => {
                    self.not_done(Item::Due(row.number, row.due), &error).await;
                }
            }
        }
        let doomed = self.erase_slots(doomed).await?;
        if doomed.is_empty() {
            return Ok(());
        }
        tracing::info!(records = doomed.len(), "shredded");
        let orders = doomed.iter().map(|one| one.order).collect();
        let refused = self.propose_some(orders, Proposal::Erased).await?;
        for (order, error) in refused {
            for due in [Due::Shred, Due::ShredVictims] {
                self.not_done(Item::Due(order.number, due), &error).await;
            }
        }
        Ok(())
    }

    /// Erases the slots; answers what it was done for. A record whose entry names a slot that never
    /// was keeps no other from it.
    async fn erase_slots(
        self: &Arc<Self>,
        mut doomed: Vec<Doomed>,
    ) -> Result<Vec<Doomed>, NodeError> {
        while !doomed.is_empty() {
            let slots: Vec<u64> = doomed.iter().flat_map(|one| one.slots.clone()).collect();
            let begun = Instant::now();
            let node = Arc::clone(self);
            let erased = blocking(move || Ok(node.slots.erase(&slots)?)).await;
            let erased = match erased {
                Err(NodeError::Store(StoreError::NoSuchSlot(slot))) => {
                    let (wrong, right): (Vec<_>, Vec<_>) = doomed
                        .into_iter()
                        .partition(|one| one.slots.contains(&slot));
                    for one in wrong {
                        let item = Item::Due(one.row.number, one.row.due);
                        self.not_done(item, &StoreError::NoSuchSlot(slot)).await;
                    }
                    doomed = right;
                    continue;
                }
                other => other,
            };
            let now = Instant::now();
            self.resting.erased(erased.is_ok(), begun.elapsed(), now);
            match erased {
                Ok(erasure) if erasure.lost.is_empty() => {}
                Ok(erasure) => {
                    tracing::error!(blocks = ?erasure.lost, "blocks of shred slots are lost: the records under them open no more");
                    self.alarm(None, "slots-lost").await;
                }
                Err(error) => {
                    self.alarm(None, "shredding-fails").await;
                    return Err(error);
                }
            }
            return Ok(doomed);
        }
        Ok(doomed)
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

    /// Prepares the end of a record's victim data: the other keys are made durable under a new slot,
    /// so that the old slot can go.
    async fn rekeyed(self: &Arc<Self>, row: DueRow) -> Result<Option<Doomed>, NodeError> {
        let node = Arc::clone(self);
        let stored = blocking(move || node.stored(row.number)).await?;
        if !is_due(&stored, Due::ShredVictims) {
            return Ok(None);
        }
        if stored.slot() == stored.holding.slot {
            let rekeying = self.without_victims(&stored)?;
            self.writer.propose(Proposal::Rekey(rekeying)).await?;
        }
        Ok(Some(Doomed {
            row,
            slots: vec![stored.holding.slot],
            order: self.erased_order(&stored, true),
        }))
    }
}

/// Whether this is still due of a record.
fn is_due(stored: &StoredRecord, what: Due) -> bool {
    let life = stored.life.as_ref();
    life.is_some_and(|life| life::dues(life).iter().any(|(_, due)| *due == what))
}
