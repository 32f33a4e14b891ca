//! Recall: the origin takes records back, each with every version of it.

mod chain;

use std::sync::Arc;

use crate::{
    access::{Guarded, Permit, act},
    entry::{ApprovalKind, ApprovalOrder},
    inbox::ask,
    record::{Moment, Reference, kind_name},
    wire::record::RecallReason,
};

use super::super::{
    Node, NodeError,
    approvals::{ApprovalError, order_of},
    read::{ReadError, blocking},
    rules::{AloneOrder, By, Proposal, Refusal, SubmissionRefusal},
    submit::SubmitError,
};

/// Records of one recall at most.
pub const MAX_RECALLED: usize = 10_000;

/// Why records are not recalled.
#[derive(Debug, thiserror::Error)]
pub enum RecallError {
    /// A record.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// Only the origin recalls.
    #[error("{0} is a record of another country: only its origin recalls it")]
    Foreign(Reference),
    /// Steps are not recalled.
    #[error("{0} is a step, which cannot be taken back")]
    Step(Reference),
    /// Nothing to recall.
    #[error("no record is meant: give references, or a filter that finds some")]
    Nothing,
    /// Too many at once.
    #[error("more than {MAX_RECALLED} records are meant; narrow the filter")]
    TooMany,
    /// Not locked, so there is nothing to hasten.
    #[error("{0} is not locked: only recalled or expired records are shredded")]
    NotLocked(Reference),
    /// The reason is missing.
    #[error("a recall needs a reason")]
    Reason,
    /// It is not asked for.
    #[error(transparent)]
    Approval(Box<ApprovalError>),
    /// A recall is refused.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<ApprovalError> for RecallError {
    fn from(error: ApprovalError) -> Self {
        Self::Approval(Box::new(error))
    }
}

impl From<NodeError> for RecallError {
    fn from(error: NodeError) -> Self {
        Self::Submit(error.into())
    }
}

/// Own records by what they are.
#[derive(Clone, Debug)]
pub struct Filter {
    /// Submitted at or after.
    pub from: Moment,
    /// Submitted before.
    pub until: Moment,
    /// Only this kind; empty for every kind.
    pub kind: String,
}

/// A record that was taken back.
#[derive(Clone, Copy, Debug)]
pub struct Recalled {
    /// Its reference.
    pub reference: Reference,
    /// Reference of the recall.
    pub recall: Reference,
}

/// What became of a recall.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// It is durable.
    Recalled(Vec<Recalled>),
    /// A second operator has to approve it.
    NeedsApproval {
        /// What is approved.
        id: String,
        /// How many records are meant.
        records: usize,
    },
}

impl Node {
    /// Takes records back, each with every version of it. More than the configured number, with those
    /// that the same operator took back alone lately, wait for a second operator.
    ///
    /// # Errors
    /// [`RecallError`]; of several records some may be recalled then, and asking again recalls the
    /// rest.
    pub async fn recall(
        self: &Arc<Self>,
        references: Vec<Reference>,
        filter: Option<Filter>,
        reason: i32,
        note: String,
        permit: Permit<act::Recall>,
    ) -> Result<Outcome, RecallError> {
        let actor = permit.actor();
        if !RecallReason::try_from(reason).is_ok_and(|code| code != RecallReason::Unspecified) {
            return Err(RecallError::Reason);
        }
        if references.len() > MAX_RECALLED {
            return Err(RecallError::TooMany);
        }
        let (node, by) = (Arc::clone(self), permit.clone());
        let meant =
            blocking(move || Ok(node.meant(&references, filter.as_ref(), &permit))).await??;
        if meant.is_empty() {
            return Err(RecallError::Nothing);
        }
        let node = Arc::clone(self);
        let seeds = meant.clone();
        let (open, failed) = blocking(move || node.not_recalled(&seeds)).await?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        if open.is_empty() {
            return Err(SubmitError::from(SubmissionRefusal::AlreadyRecalled).into());
        }
        if open.len() > MAX_RECALLED {
            return Err(RecallError::TooMany);
        }
        let second = by.table().requires(Guarded::MassRecall);
        if second && !self.recalls_alone(open.len(), &actor).await? {
            let records = open.len();
            let digests = open.iter().map(|(_, digest)| digest.to_vec()).collect();
            let order = ApprovalOrder {
                reason,
                note,
                ..order_of(ApprovalKind::Recall, digests)
            };
            let asked = self.ask_for(order, &by, None, By::of(&by)).await?;
            return Ok(Outcome::NeedsApproval {
                id: asked.id,
                records,
            });
        }
        let recalled = self.recall_all(&meant, reason, &note, &actor).await?;
        if recalled.is_empty() {
            return Err(SubmitError::from(SubmissionRefusal::AlreadyRecalled).into());
        }
        Ok(Outcome::Recalled(recalled))
    }

    /// Whether an operator may recall so many records alone, with what the same operator recalled
    /// alone lately. A crash after it is durable has counted recalls that did not happen.
    pub(in crate::node) async fn recalls_alone(
        &self,
        records: usize,
        actor: &str,
    ) -> Result<bool, NodeError> {
        let window = self.config.life.recall_window();
        let window = i64::try_from(window.as_micros()).unwrap_or(i64::MAX);
        let counted = self
            .writer
            .propose(Proposal::RecallAlone(AloneOrder {
                person_tag: self.person(actor),
                count: u64::try_from(records).unwrap_or(u64::MAX),
                most: self.config.life.recall_alone,
                since_us: self.now().micros().saturating_sub(window),
                actor: actor.to_owned(),
            }))
            .await;
        match counted.map_err(NodeError::from) {
            Ok(_) => Ok(true),
            Err(NodeError::Refused(Refusal::NeedsSecond)) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Asks a second person to let locked records be shredded at once; answers the approval's id, or
    /// `None` where the permissions ask for no second person and it happens now.
    ///
    /// # Errors
    /// [`RecallError`]; nothing is asked for then.
    pub async fn hasten(
        self: &Arc<Self>,
        references: Vec<Reference>,
        permit: Permit<act::Shred>,
    ) -> Result<Option<String>, RecallError> {
        if references.is_empty() {
            return Err(RecallError::Nothing);
        }
        if references.len() > MAX_RECALLED {
            return Err(RecallError::TooMany);
        }
        let mut records = Vec::with_capacity(references.len());
        for reference in &references {
            let number = self.find(reference)?;
            self.reached_number(&permit, reference, number)?;
            let stored = self.held(number)?;
            if stored.locked().is_none() {
                return Err(RecallError::NotLocked(*reference));
            }
            records.push((number, stored.digest));
        }
        if !permit.table().requires(Guarded::Shred) {
            self.shred_now(records, &permit.actor()).await?;
            return Ok(None);
        }
        let digests = records.iter().map(|(_, digest)| digest.to_vec()).collect();
        let order = order_of(ApprovalKind::Shred, digests);
        let asked = self.ask_for(order, &permit, None, By::of(&permit)).await?;
        Ok(Some(asked.id))
    }

    /// Local numbers of the records meant, by references and by the filter.
    fn meant(
        &self,
        references: &[Reference],
        filter: Option<&Filter>,
        permit: &Permit<act::Recall>,
    ) -> Result<Vec<u64>, RecallError> {
        let mut meant: Vec<u64> = Vec::new();
        for reference in references {
            let number = self.find(reference)?;
            self.reached_number(permit, reference, number)?;
            let stored = self.held(number)?;
            if stored.holding.origin != self.country.code() {
                return Err(RecallError::Foreign(*reference));
            }
            if stored.is_step() {
                return Err(RecallError::Step(*reference));
            }
            meant.push(number);
        }
        let Some(filter) = filter else {
            return Ok(meant);
        };
        let mut after = 0;
        loop {
            let rows = ask::following(&self.store, after, 512).map_err(NodeError::from)?;
            let Some((last, _)) = rows.last() else {
                return Ok(meant);
            };
            after = *last;
            for (number, row) in rows {
                if row.origin == self.country
                    && self.fits(number, filter)?
                    && permit.reach(&self.subject_of_held(number)?).is_allowed()
                {
                    meant.push(number);
                }
            }
            if meant.len() > MAX_RECALLED {
                return Err(RecallError::TooMany);
            }
        }
    }

    fn fits(&self, number: u64, filter: &Filter) -> Result<bool, NodeError> {
        let stored = self.held(number)?;
        if stored.is_step()
            || stored.locked().is_some()
            || stored.time < filter.from
            || stored.time >= filter.until
        {
            return Ok(false);
        }
        if filter.kind.is_empty() {
            return Ok(true);
        }
        let record = self.stored(number)?.open(&self.slots)?;
        Ok(kind_name(&record).is_some_and(|kind| kind.eq_ignore_ascii_case(&filter.kind)))
    }
}
