//! Carrying a recall out: records with all that amend them, until nothing of them is left.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use futures_util::{StreamExt as _, stream};

use crate::{
    crypto::Digest,
    entry::EntryError,
    inbox::{life, life_rows},
    record::Country,
    wire::record::{Recall, step::Step},
};

use super::{
    super::{
        super::{Node, NodeError, read::blocking, rules::SubmissionRefusal, submit::SubmitError},
        StepOrder,
    },
    Recalled,
};

/// Recalls submitted side by side.
const SIDE_BY_SIDE: usize = 256;

/// Records not recalled yet, and what kept one from being looked at.
pub(in crate::node) type Open = (Vec<(u64, Digest)>, Option<NodeError>);

impl Node {
    /// Those of the records and of all that amend them or are amended by them, in turn, that were not
    /// recalled yet, oldest first; and what kept one of them from being looked at.
    pub(in crate::node) fn not_recalled(&self, seeds: &[u64]) -> Result<Open, NodeError> {
        let mut open = BTreeMap::new();
        let mut seen = HashSet::new();
        let mut failed = None;
        for seed in seeds {
            if seen.contains(seed) {
                continue;
            }
            let family = match self.family(*seed) {
                Ok(family) => family,
                Err(error) => {
                    tracing::error!(number = seed, %error, "a record cannot be looked at");
                    failed = Some(error);
                    continue;
                }
            };
            for version in family {
                if !seen.insert(version.number) {
                    continue;
                }
                let row = life_rows::of(&self.store, version.number)?;
                if row.as_ref().and_then(life::recall_of).is_none() {
                    open.insert(version.number, version.digest);
                }
            }
        }
        Ok((open.into_iter().collect(), failed))
    }

    /// Recalls records with all that amend them, by their local numbers, until nothing of them is left
    /// that was not recalled: what was submitted meanwhile is found in the next turn, and nothing
    /// amends what is locked. Those recalled before are left out. One that cannot be recalled keeps
    /// none of the others from it.
    pub(in crate::node) async fn recall_all(
        self: &Arc<Self>,
        seeds: &[u64],
        reason: i32,
        note: &str,
        actor: &str,
    ) -> Result<Vec<Recalled>, SubmitError> {
        let mut done = BTreeMap::new();
        let mut tried = HashSet::new();
        let mut failed: Option<SubmitError> = None;
        loop {
            let node = Arc::clone(self);
            let seeds = seeds.to_vec();
            let (mut open, unread) = blocking(move || node.not_recalled(&seeds)).await?;
            failed = failed.or(unread.map(Into::into));
            open.retain(|(number, _)| tried.insert(*number));
            if open.is_empty() {
                return failed.map_or_else(|| Ok(done.into_values().collect()), Err);
            }
            let recalls = open.into_iter().map(|(number, _)| {
                let node = Arc::clone(self);
                let (note, actor) = (note.to_owned(), actor.to_owned());
                async move {
                    let recalled = node.recall_one(number, reason, &note, &actor).await;
                    (number, recalled)
                }
            });
            let mut recalls = stream::iter(recalls).buffered(SIDE_BY_SIDE);
            while let Some((number, recalled)) = recalls.next().await {
                match recalled {
                    Ok(recalled) => done.extend(recalled.map(|one| (number, one))),
                    Err(error) => {
                        tracing::error!(number, %error, "a record is not recalled");
                        failed.get_or_insert(error);
                    }
                }
            }
        }
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
            let stored = node.held(number)?;
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
                original_digest: Vec::new(),
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
