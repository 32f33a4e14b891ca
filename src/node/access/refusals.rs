//! Attempts that were refused, summed up: one leaf for each person, action and reason in a window, so
//! that a million attempts cost the ledger some kilobytes.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, PoisonError, Weak},
    time::Duration,
};

use crate::{
    access::{Action, Caller},
    inbox::ask,
    ledger::Shown,
    record::Reference,
};

use super::{
    super::{
        Node, NodeError,
        rules::{By, Proposal},
    },
    refusal_word,
};

/// The time over which attempts are summed up, at first. It doubles while they go on.
const WINDOW: Duration = Duration::from_secs(60);
/// The longest such time; as long without an attempt begins anew.
const LONGEST: Duration = Duration::from_secs(3600);
/// Sums kept apart within a window; what is beyond goes into the sum of everybody else.
const MAX_SUMS: usize = 256;
/// Records that a sum names at most: the first that were asked for.
const MAX_NAMED: usize = 32;
/// Whoever has no sum of their own.
const OTHERS: &str = "others";

/// Whose attempts at what are summed up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    who: String,
    action: Option<Action>,
    why: String,
}

/// Attempts of one kind.
#[derive(Clone, Debug)]
pub struct RefusedAttempts {
    /// Who, and from where the first came.
    pub by: By,
    /// A stable word, such as `refused-read`.
    pub detail: String,
    /// What was missing.
    pub why: String,
    /// How many.
    pub count: u64,
    /// Records that were asked for, as their references were typed.
    pub references: Vec<String>,
    /// Those of them that are here.
    pub shown: Shown,
}

/// A sum in the making.
#[derive(Debug)]
struct Sum {
    by: By,
    count: u64,
    references: BTreeSet<Reference>,
}

/// Attempts refused that are not in the ledger yet.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    sums: Mutex<BTreeMap<Key, Sum>>,
    wake: tokio::sync::Notify,
}

impl Refusals {
    /// Counts an attempt at something, of a record where it is known which.
    pub(in crate::node) fn note(
        &self,
        caller: &Caller,
        action: Action,
        why: String,
        reference: Option<&Reference>,
    ) {
        let key = Key {
            who: caller.principal.to_string(),
            action: Some(action),
            why,
        };
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = sums.is_empty();
        let key = if sums.contains_key(&key) || sums.len() < MAX_SUMS {
            key
        } else {
            Key {
                who: OTHERS.to_owned(),
                action: None,
                why: String::new(),
            }
        };
        let by = match key.action {
            Some(_) => By::caller(caller),
            None => By::named(OTHERS),
        };
        let sum = sums.entry(key).or_insert_with(|| Sum {
            by,
            count: 0,
            references: BTreeSet::new(),
        });
        sum.count = sum.count.saturating_add(1);
        if sum.references.len() < MAX_NAMED {
            sum.references.extend(reference);
        }
        drop(sums);
        if fresh {
            self.wake.notify_one();
        }
    }

    fn take(&self) -> Vec<(Key, Sum)> {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *sums).into_iter().collect()
    }
}

impl Node {
    /// Writes the attempts refused until now into the ledger, though their window goes on.
    pub async fn flush_refusals(&self) {
        self.write_refusals().await;
    }

    /// Writes the attempts refused since the last time into the ledger.
    pub(in crate::node) async fn write_refusals(&self) {
        let sums = self.refusals.take();
        if sums.is_empty() {
            return;
        }
        let sums = sums.into_iter().map(|(key, sum)| self.summed(key, sum));
        let sums = match sums.collect() {
            Ok(sums) => self.writer.propose(Proposal::RefusedAttempts(sums)).await,
            Err(error) => {
                tracing::error!(%error, "refused attempts are not in the ledger");
                return;
            }
        };
        if let Err(error) = sums {
            tracing::error!(%error, "refused attempts are not in the ledger");
        }
    }

    fn summed(&self, key: Key, sum: Sum) -> Result<RefusedAttempts, NodeError> {
        let mut here = Vec::new();
        for reference in &sum.references {
            let tag = self.reference_tag(reference);
            if let Some(number) = ask::by_reference(&self.store, &tag)? {
                here.push((number, self.header_digest(number)?.to_vec()));
            }
        }
        Ok(RefusedAttempts {
            by: sum.by,
            detail: key
                .action
                .map_or_else(|| "refused".to_owned(), refusal_word),
            why: key.why,
            count: sum.count,
            references: sum.references.iter().map(Reference::to_string).collect(),
            shown: Shown::of(here),
        })
    }
}

/// Writes sums as windows end, until the node is gone.
pub(in crate::node) async fn flush_refusals(node: Weak<Node>) {
    let (mut window, mut quiet) = (WINDOW, LONGEST);
    loop {
        let Some(refusals) = node
            .upgrade()
            .map(|node| std::sync::Arc::clone(&node.refusals))
        else {
            return;
        };
        // The first attempt opens a window. A node without any lets go of this now and then.
        let woken = tokio::time::timeout(WINDOW, refusals.wake.notified()).await;
        drop(refusals);
        if woken.is_err() {
            quiet = quiet.saturating_add(WINDOW);
            continue;
        }
        window = match quiet {
            quiet if quiet >= LONGEST => WINDOW,
            _ => window.saturating_mul(2).min(LONGEST),
        };
        quiet = Duration::ZERO;
        tokio::time::sleep(window).await;
        let Some(node) = node.upgrade() else {
            return;
        };
        node.write_refusals().await;
    }
}
