//! What is due of records: what became late is escalated, once for each level, and listed.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    entry::EntryError,
    inbox::{
        StoredRecord, due,
        life::Due,
        life_rows::{self, DueRow},
    },
    wire::{
        envelope::ReceiptType,
        node::{DueCounts, RecordState, RecordSummary},
    },
};

use super::{
    Node, NodeError,
    life::Item,
    read::{MAX_PAGE, ReadError, blocking},
    rules::{EscalateOrder, Proposal},
};

/// Records counted at most.
const MAX_COUNTED: usize = 10_000;

/// Where a list of what is due goes on: a time and a local number.
pub type After = (i64, u64);

impl Node {
    /// Escalates what is late, or closes what is not due any more. What is durable is not due again;
    /// a crash before leaves it due.
    pub(super) async fn escalate(self: &Arc<Self>, rows: Vec<DueRow>) -> Result<(), NodeError> {
        if rows.is_empty() {
            return Ok(());
        }
        let records = self.due_records(rows).await?;
        let node = Arc::clone(self);
        let asked = blocking(move || {
            let asked = records
                .into_iter()
                .map(|(row, stored)| (row, node.escalation(&stored)));
            Ok(asked.collect::<Vec<_>>())
        });
        let mut orders = Vec::new();
        for (row, asked) in asked.await? {
            match asked {
                Ok(order) => orders.extend(order),
                Err(error) => self.not_done(Item::Due(row.number, row.due), &error).await,
            }
        }
        let late = orders.iter().filter(|order| !order.over).count();
        if late > 0 {
            tracing::warn!(
                records = late,
                "an acknowledgement or an answer is late; `comity records list --overdue` names the records"
            );
        }
        let refused = self.propose_some(orders, Proposal::Escalate).await?;
        for (order, error) in refused {
            self.not_done(Item::Due(order.number, Due::Escalate), &error)
                .await;
        }
        Ok(())
    }

    fn escalation(&self, stored: &StoredRecord) -> Result<Option<EscalateOrder>, NodeError> {
        let Some(row) = stored.life.as_ref().filter(|row| due::is_open(row)) else {
            return Ok(None);
        };
        // The newest version has a clock of its own.
        let amended = self.state(stored)? == RecordState::Amended;
        let nobody = !row.foreign
            && self
                .deliveries(stored)?
                .iter()
                .filter(|of| row.awaited.contains(&of.country))
                .all(|of| of.receipt() == ReceiptType::NonDelivery);
        Ok(Some(EscalateOrder {
            number: stored.holding.number,
            digest: stored.digest,
            reference: self.reference_of(stored)?.to_string(),
            level: row.level.saturating_add(1),
            over: amended || nobody,
        }))
    }

    /// Lists records of which something is due, the earliest first; and where the list goes on. A
    /// page is one leaf.
    ///
    /// # Errors
    /// [`ReadError::Node`] when the store cannot be read.
    pub async fn list_due(
        self: &Arc<Self>,
        overdue: bool,
        after: After,
        limit: usize,
        permit: Permit<act::List>,
    ) -> Result<(Vec<RecordSummary>, Option<After>), ReadError> {
        let node = Arc::clone(self);
        let by = permit.clone();
        let limit = limit.clamp(1, MAX_PAGE);
        let page = blocking(move || node.page_due(overdue, after, limit, &by)).await?;
        let shown = super::listing::of(&page.0);
        self.listed(&permit, "listed", shown).await?;
        Ok(page)
    }

    fn page_due(
        &self,
        overdue: bool,
        mut after: After,
        limit: usize,
        permit: &Permit<act::List>,
    ) -> Result<(Vec<RecordSummary>, Option<After>), NodeError> {
        let officer = &self.person(&permit.actor());
        let now = self.now().micros();
        let mut page = Vec::new();
        loop {
            let rows = life_rows::open(&self.store, after, limit)?;
            if rows.is_empty() {
                return Ok((page, None));
            }
            for row in rows {
                if overdue && row.due_us >= now {
                    return Ok((page, None));
                }
                after = (row.due_us, row.number);
                page.extend(self.listing(row.number, false, permit, officer)?);
                if page.len() >= limit {
                    return Ok((page, Some(after)));
                }
            }
        }
    }

    /// How many records something is due of.
    pub(super) fn due_counts(&self) -> Result<DueCounts, NodeError> {
        let now = self.now().micros();
        let rows = life_rows::open(&self.store, (0, 0), MAX_COUNTED)?;
        let mut counts = DueCounts {
            more: rows.len() >= MAX_COUNTED,
            ..DueCounts::default()
        };
        for row in rows {
            let late = row.due_us < now;
            let (open, overdue, oldest) = if row.foreign {
                (&mut counts.open, &mut counts.overdue, &mut counts.oldest_us)
            } else {
                (
                    &mut counts.awaited,
                    &mut counts.awaited_overdue,
                    &mut counts.awaited_oldest_us,
                )
            };
            *open = open.saturating_add(1);
            if late {
                *overdue = overdue.saturating_add(1);
                // They come by time: the first is the oldest.
                if *oldest == 0 {
                    *oldest = row.due_us;
                }
            }
        }
        Ok(counts)
    }
}

/// Reads where a list goes on, as a page token says it.
///
/// # Errors
/// [`EntryError::Field`] for a token that this node did not give.
pub fn after(token: &str) -> Result<After, EntryError> {
    if token.is_empty() {
        return Ok((0, 0));
    }
    token
        .split_once('.')
        .and_then(|(due, number)| Some((due.parse().ok()?, number.parse().ok()?)))
        .ok_or(EntryError::Field("page_token"))
}
