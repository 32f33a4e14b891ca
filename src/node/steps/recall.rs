//! Recall: the origin takes records back, each with every version of it.

use std::sync::Arc;

use futures_util::{StreamExt as _, stream};

use crate::{
    crypto::Digest,
    entry::{ApprovalKind, ApprovalOrder, EntryError},
    inbox::{StoredRecord, ask, life},
    record::{Country, Moment, Reference, kind_name},
    wire::record::{Recall, RecallReason, step::Step},
};

use super::{
    super::{
        Node, NodeError,
        read::{ReadError, blocking},
        rules::{Refusal, SubmissionRefusal},
        submit::SubmitError,
    },
    StepOrder,
};

/// Records of one recall at most.
pub const MAX_RECALLED: usize = 10_000;
/// Recalls submitted side by side.
const SIDE_BY_SIDE: usize = 256;

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
    /// It cannot be approved.
    #[error("{0}")]
    Approval(Refusal),
    /// A recall is refused.
    #[error(transparent)]
    Submit(#[from] SubmitError),
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
    /// Takes records back. More than the configured number wait for a second operator.
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
        actor: String,
    ) -> Result<Outcome, RecallError> {
        if !RecallReason::try_from(reason).is_ok_and(|code| code != RecallReason::Unspecified) {
            return Err(RecallError::Reason);
        }
        if references.len() > MAX_RECALLED {
            return Err(RecallError::TooMany);
        }
        let node = Arc::clone(self);
        let meant = blocking(move || Ok(node.meant(&references, filter.as_ref()))).await??;
        if meant.is_empty() {
            return Err(RecallError::Nothing);
        }
        let alone = usize::try_from(self.config.life.recall_alone).unwrap_or(usize::MAX);
        if meant.len() > alone {
            let records = meant.len();
            let order = ApprovalOrder {
                kind: ApprovalKind::Recall.into(),
                asked_by: actor,
                asked_us: self.now().micros(),
                reason,
                note,
                records: meant.iter().map(|(_, digest)| digest.to_vec()).collect(),
            };
            let id = self.ask_for(order).await?;
            return Ok(Outcome::NeedsApproval { id, records });
        }
        let numbers: Vec<u64> = meant.iter().map(|(number, _)| *number).collect();
        let recalled = self.recall_numbers(&numbers, reason, &note, &actor).await?;
        if recalled.is_empty() {
            return Err(SubmitError::from(SubmissionRefusal::AlreadyRecalled).into());
        }
        Ok(Outcome::Recalled(recalled))
    }

    /// Asks a second operator to let locked records be shredded at once.
    ///
    /// # Errors
    /// [`RecallError`]; nothing is asked for then.
    pub async fn hasten(
        self: &Arc<Self>,
        references: Vec<Reference>,
        actor: String,
    ) -> Result<String, RecallError> {
        if references.is_empty() {
            return Err(RecallError::Nothing);
        }
        if references.len() > MAX_RECALLED {
            return Err(RecallError::TooMany);
        }
        let mut records = Vec::with_capacity(references.len());
        for reference in &references {
            let stored = self.stored(self.find(reference)?)?;
            if stored.locked().is_none() {
                return Err(RecallError::NotLocked(*reference));
            }
            records.push(stored.digest.to_vec());
        }
        let order = ApprovalOrder {
            kind: ApprovalKind::Shred.into(),
            asked_by: actor,
            asked_us: self.now().micros(),
            records,
            ..ApprovalOrder::default()
        };
        Ok(self.ask_for(order).await?)
    }

    /// The records meant, every version of each.
    fn meant(
        &self,
        references: &[Reference],
        filter: Option<&Filter>,
    ) -> Result<Vec<(u64, Digest)>, RecallError> {
        let mut meant: Vec<(u64, Digest)> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for reference in references {
            let number = self.find(reference)?;
            let stored = self.stored(number)?;
            if stored.holding.origin != self.country.code() {
                return Err(RecallError::Foreign(*reference));
            }
            if is_step(&stored) {
                return Err(RecallError::Step(*reference));
            }
            for version in self.every_version(number)? {
                if seen.insert(version.number) {
                    meant.push((version.number, version.digest));
                }
            }
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
                if row.origin != self.country || seen.contains(&number) {
                    continue;
                }
                let stored = self.stored(number)?;
                if self.fits(&stored, filter)? && seen.insert(number) {
                    meant.push((number, stored.digest));
                }
            }
            if meant.len() > MAX_RECALLED {
                return Err(RecallError::TooMany);
            }
        }
    }

    fn fits(&self, stored: &StoredRecord, filter: &Filter) -> Result<bool, NodeError> {
        if is_step(stored)
            || stored.locked().is_some()
            || stored.time < filter.from
            || stored.time >= filter.until
        {
            return Ok(false);
        }
        if filter.kind.is_empty() {
            return Ok(true);
        }
        let record = stored.open(&self.slots)?;
        Ok(kind_name(&record).is_some_and(|kind| kind.eq_ignore_ascii_case(&filter.kind)))
    }

    /// Recalls records by their local numbers; those recalled before are left out.
    pub(in crate::node) async fn recall_numbers(
        self: &Arc<Self>,
        numbers: &[u64],
        reason: i32,
        note: &str,
        actor: &str,
    ) -> Result<Vec<Recalled>, SubmitError> {
        let recalls = numbers.iter().copied().map(|number| {
            let node = Arc::clone(self);
            let (note, actor) = (note.to_owned(), actor.to_owned());
            async move { node.recall_one(number, reason, &note, &actor).await }
        });
        let mut recalls = stream::iter(recalls).buffered(SIDE_BY_SIDE);
        let mut done = Vec::new();
        while let Some(recalled) = recalls.next().await {
            done.extend(recalled?);
        }
        Ok(done)
    }

    async fn recall_one(
        self: &Arc<Self>,
        number: u64,
        reason: i32,
        note: &str,
        actor: &str,
    ) -> Result<Option<Recalled>, SubmitError> {
        let node = Arc::clone(self);
        let (stored, reference) = blocking(move || {
            let stored = node.stored(number)?;
            let reference = node.reference_of(&stored)?;
            Ok((stored, reference))
        })
        .await?;
        if stored.life.as_ref().and_then(life::recall_of).is_some() {
            return Ok(None);
        }
        let destinations = stored
            .outbox
            .iter()
            .map(|place| place.peer.parse::<Country>())
            .collect::<Result<_, _>>()
            .map_err(|error| NodeError::from(EntryError::from(error)))?;
        let order = StepOrder {
            followed: stored.digest,
            reference,
            destinations,
            step: Step::Recall(Recall {
                reason,
                note: note.to_owned(),
            }),
            exercise: stored.holding.exercise,
            actor: actor.to_owned(),
            key: String::new(),
        };
        match self.submit_step(order).await {
            Ok(accepted) => Ok(Some(Recalled {
                reference,
                recall: accepted.reference,
            })),
            Err(SubmitError::Conflict(SubmissionRefusal::AlreadyRecalled)) => Ok(None),
            Err(error) => Err(error),
        }
    }
}

fn is_step(stored: &StoredRecord) -> bool {
    let follow = stored.holding.follow.as_ref();
    follow.is_some_and(|follow| follow.step != 0)
}
