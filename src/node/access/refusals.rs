//! Attempts that were refused, summed up: one leaf for each person, action and reason in a window, so
//! that a million attempts cost the ledger some kilobytes.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError, Weak},
    time::Duration,
};

use crate::access::{Action, Refused};

use super::{
    super::{Node, rules::Proposal},
    refusal_word,
};

/// The time over which attempts are summed up, at first. It doubles while they go on.
const WINDOW: Duration = Duration::from_secs(60);
/// The longest such time; as long without an attempt begins anew.
const LONGEST: Duration = Duration::from_secs(3600);
/// Sums kept apart within a window; what is beyond goes into the sum of everybody else.
const MAX_SUMS: usize = 256;
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
    /// Who, as the ledger names it.
    pub who: String,
    /// A stable word, such as `refused-read`.
    pub detail: String,
    /// What was missing.
    pub why: String,
    /// From where the first came.
    pub from: String,
    /// How many.
    pub count: u64,
}

/// Attempts refused that are not in the ledger yet.
#[derive(Debug, Default)]
pub(crate) struct Refusals {
    sums: Mutex<BTreeMap<Key, RefusedAttempts>>,
    wake: tokio::sync::Notify,
}

impl Refusals {
    /// Counts an attempt.
    pub(super) fn note(&self, refused: &Refused, from: &str) {
        let key = Key {
            who: refused.who.clone(),
            action: Some(refused.action),
            why: refused.missing.to_string(),
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
        let detail = key
            .action
            .map_or_else(|| "refused".to_owned(), refusal_word);
        let sum = sums.entry(key.clone()).or_insert_with(|| RefusedAttempts {
            who: key.who,
            detail,
            why: key.why,
            from: from.to_owned(),
            count: 0,
        });
        sum.count = sum.count.saturating_add(1);
        drop(sums);
        if fresh {
            self.wake.notify_one();
        }
    }

    fn take(&self) -> Vec<RefusedAttempts> {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *sums).into_values().collect()
    }
}

impl Node {
    /// Writes the attempts refused since the last time into the ledger.
    pub(in crate::node) async fn write_refusals(&self) {
        let sums = self.refusals.take();
        if sums.is_empty() {
            return;
        }
        if let Err(error) = self.writer.propose(Proposal::RefusedAttempts(sums)).await {
            tracing::error!(%error, "refused attempts are not in the ledger");
        }
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
