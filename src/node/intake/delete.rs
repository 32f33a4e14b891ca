//! An item that was deleted in its system: every version of its record is recalled, then the item is
//! noted as deleted.
//!
//! A crash in between leaves records recalled and the item as it was: the deletion fed again finds
//! nothing left to recall, and notes it. So does a deletion that comes after the recall was approved by
//! a second person, or was made by somebody else.

use std::sync::Arc;

use crate::{
    access::{Guarded, Permit, act},
    inbox::{approvals, life, life_rows},
    node::{
        Node, NodeError,
        read::blocking,
        rules::{NoteOrder, Proposal},
    },
    record::Reference,
    wire::{node::FeedOutcome, record::RecallReason},
};

use super::{
    Feed, IngestError, Outcome, Taken,
    look::{May, granted},
    rows::FedRow,
};

/// What a recall says of a deletion without a reason.
const REASON: &str = "deleted in the case system";
/// What a recall says of a record that another one replaces.
const REPLACED: &str = "replaced in the case system";

/// A deletion to be carried out.
#[derive(Debug)]
pub(super) struct Deletion {
    pub(super) tag: [u8; 16],
    pub(super) prior: FedRow,
    pub(super) version: u64,
    pub(super) reference: Reference,
    pub(super) reason: String,
}

/// A record of an item of which something may still be there to recall.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    /// Local number of a version.
    pub(super) number: u64,
    pub(super) reference: Reference,
}

impl Feed {
    /// Recalls what is left of an item and notes that it is deleted.
    pub(super) async fn delete(&self, item: Deletion, permit: Permit<act::Recall>) -> Outcome {
        let left = Left {
            number: item.prior.number,
            reference: item.reference,
        };
        let reason = match item.reason.trim() {
            "" => REASON,
            reason => reason,
        };
        self.recall_left(left, reason, &permit).await?;
        let taken = Taken {
            outcome: FeedOutcome::Recalled,
            reference: Some(item.reference),
        };
        if self.dry_run {
            return Ok(taken);
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

    /// Recalls what is left of an item's record before another one takes its place: the item knows the newer one
    /// alone then. A crash in between leaves it recalled, and the item fed again is submitted.
    pub(super) async fn replace_left(
        &self,
        left: Option<Left>,
        may: &May,
    ) -> Result<(), IngestError> {
        match left {
            Some(left) => {
                let permit = granted(&may.recall)?;
                self.recall_left(left, REPLACED, permit).await
            }
            None => Ok(()),
        }
    }

    async fn recall_left(
        &self,
        left: Left,
        reason: &str,
        permit: &Permit<act::Recall>,
    ) -> Result<(), IngestError> {
        let Left { number, reference } = left;
        let (node, asking) = (Arc::clone(&self.node), permit.clone());
        let looked = blocking(move || Ok(node.to_recall(number, &reference, &asking))).await?;
        let left = looked?;
        if left == 0 {
            return Ok(());
        }
        let actor = permit.actor();
        if permit.table().requires(Guarded::MassRecall) {
            let alone = match self.dry_run {
                true => self.node.would_recall_alone(left, &actor)?,
                false => self.node.recalls_alone(left, &actor).await?,
            };
            if !alone {
                return Err(IngestError::NeedsSecond { reference });
            }
        }
        if !self.dry_run {
            let code = RecallReason::Outdated.into();
            self.node
                .recall_all(&[number], code, reason, &actor)
                .await?;
        }
        Ok(())
    }

    /// Notes what is to be noted of an item; durable when this answers.
    pub(super) async fn note(&self, order: NoteOrder) -> Result<(), IngestError> {
        let noted = self.node.writer.propose(Proposal::NoteFed(order)).await;
        noted.map_err(NodeError::from)?;
        Ok(())
    }
}

impl Node {
    /// How many versions of a record are to be recalled, if the caller may.
    fn to_recall(
        &self,
        number: u64,
        reference: &Reference,
        permit: &Permit<act::Recall>,
    ) -> Result<usize, IngestError> {
        let left = self.left_to_recall(number)?;
        for version in &left {
            self.reached_number(permit, reference, *version)?;
        }
        Ok(left.len())
    }

    /// The versions of a record that can still be read. What expired is gone everywhere, and what was
    /// recalled too.
    pub(super) fn left_to_recall(&self, number: u64) -> Result<Vec<u64>, NodeError> {
        let (open, failed) = self.not_recalled(&[number])?;
        if let Some(error) = failed {
            return Err(error);
        }
        let mut left = Vec::new();
        for (version, _) in open {
            let row = life_rows::of(&self.store, version)?;
            if row.as_ref().is_none_or(life::is_readable) {
                left.push(version);
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
