//! An item that was deleted in its system: every version of its record is recalled, then the item is
//! noted as deleted.
//!
//! A crash in between leaves records recalled and the item as it was: the deletion fed again finds
//! nothing left to recall, and notes it. So does a deletion that comes after the recall was approved by
//! a second person, or was made by somebody else.

use std::sync::Arc;

use crate::{
    access::{Guarded, Permit, act},
    inbox::{
        approvals,
        life::{self},
        life_rows,
    },
    node::{
        Node, NodeError,
        read::blocking,
        rules::{NoteOrder, Proposal},
    },
    record::Reference,
    wire::{node::FeedOutcome, record::RecallReason},
};

use super::{Feed, IngestError, Outcome, Taken, rows::FedRow};

/// What a recall says of a deletion without a reason.
const REASON: &str = "deleted in the case system";

/// A deletion to be carried out.
#[derive(Debug)]
pub(super) struct Deletion {
    pub(super) tag: [u8; 16],
    pub(super) prior: FedRow,
    pub(super) version: u64,
    pub(super) reference: Reference,
    pub(super) reason: String,
}

impl Feed {
    /// Recalls what is left of an item and notes that it is deleted.
    pub(super) async fn delete(&self, item: Deletion, permit: Permit<act::Recall>) -> Outcome {
        let (number, reference) = (item.prior.number, item.reference);
        let (node, asking) = (Arc::clone(&self.node), permit.clone());
        let looked = blocking(move || Ok(node.to_recall(number, &reference, &asking))).await?;
        let left = looked?;
        let actor = permit.actor();
        let second = permit.table().requires(Guarded::MassRecall);
        let taken = Taken {
            outcome: FeedOutcome::Recalled,
            reference: Some(reference),
        };
        if left > 0 && second {
            let alone = match self.dry_run {
                true => self.node.would_recall_alone(left, &actor)?,
                false => self.node.recalls_alone(left, &actor).await?,
            };
            if !alone {
                return Err(IngestError::NeedsSecond { reference });
            }
        }
        if self.dry_run {
            return Ok(taken);
        }
        if left > 0 {
            let reason = match item.reason.trim() {
                "" => REASON,
                reason => reason,
            };
            let code = RecallReason::Outdated.into();
            self.node
                .recall_all(&[number], code, reason, &actor)
                .await?;
        }
        self.note(NoteOrder {
            tag: item.tag,
            version: item.version,
            prior: item.prior,
            deleted: true,
        })
        .await?;
        Ok(taken)
    }

    /// Notes what is to be noted of an item; durable when this answers.
    pub(super) async fn note(&self, order: NoteOrder) -> Result<(), IngestError> {
        let noted = self.node.writer.propose(Proposal::NoteFed(order)).await;
        noted.map_err(NodeError::from)?;
        Ok(())
    }
}

impl Node {
    /// How many versions of a record are to be recalled, if the caller may. What expired is gone
    /// everywhere, and what was recalled too.
    fn to_recall(
        &self,
        number: u64,
        reference: &Reference,
        permit: &Permit<act::Recall>,
    ) -> Result<usize, IngestError> {
        let (open, failed) = self.not_recalled(&[number])?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        let mut left: usize = 0;
        for (version, _) in open {
            let row = life_rows::of(&self.store, version).map_err(NodeError::from)?;
            if row.as_ref().is_none_or(life::is_readable) {
                self.reached_number(permit, reference, version)?;
                left = left.saturating_add(1);
            }
        }
        Ok(left)
    }

    /// Whether so many records could be recalled alone now; counts nothing.
    fn would_recall_alone(&self, records: usize, actor: &str) -> Result<bool, IngestError> {
        let window = self.config.life.recall_window();
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        let since = self.now().micros().saturating_sub(window);
        let before = approvals::recalled_alone(&self.store, &self.person(actor), since);
        let before = before.map_err(NodeError::from)?;
        let with = before.saturating_add(u64::try_from(records).unwrap_or(u64::MAX));
        Ok(with <= self.config.life.recall_alone)
    }
}
