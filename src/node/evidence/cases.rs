//! Where each request stands, kept in memory so that a list need not work everything out again.
//!
//! What a case says follows from its steps, and is known again from them: it is kept with the count of
//! what followed the request, and worked out anew when more does. What was held before the start is
//! looked through in the background, newest first; until that is done a list says so. A case takes about
//! 200 bytes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use crate::{
    crypto::Digest,
    evidence::lifecycle::{Party, State},
    inbox::{HoldingError, ask, followers, requests},
    record::Country,
};

use super::{
    super::{Node, NodeError, read::blocking},
    thread::Thread,
};

/// Most cases kept; beyond it the oldest is let go, and lists do not reach it.
const MOST: usize = 500_000;
/// Requests looked through before others have their turn.
const BLOCK: usize = 32;
/// Rest between two blocks.
const BETWEEN: Duration = Duration::from_millis(2);
/// Pause after the store could not be read.
const AGAIN: Duration = Duration::from_secs(5);

/// Where a request stands, in few bytes and without its text.
#[derive(Clone, Debug)]
pub(super) struct Brief {
    /// SHA-256 of its header.
    digest: Digest,
    /// The side that this country is.
    pub(super) own: Party,
    /// The other country.
    pub(super) other: Country,
    /// Its state when it was worked out.
    pub(super) state: State,
    /// How many records followed it then.
    followers: u64,
    /// The authority that executes it.
    executing: Option<Box<str>>,
}

impl Brief {
    fn of(thread: &Thread) -> Self {
        Self {
            digest: thread.stored.digest,
            own: thread.own,
            other: thread.other(),
            state: thread.case.state,
            followers: thread.followers,
            executing: thread.case.executing_authority.as_deref().map(Into::into),
        }
    }
}

#[derive(Debug, Default)]
struct Known {
    cases: BTreeMap<u64, Brief>,
    /// Requests above `low` (exclusive) and up to `high` (inclusive) are in; `None` before the first
    /// look.
    range: Option<(u64, u64)>,
    /// Whether there is nothing below `low`.
    complete: bool,
}

/// Where each request stands, as far as it was worked out.
#[derive(Debug, Default)]
pub(crate) struct Cases(Mutex<Known>);

impl Cases {
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, number: u64, brief: Option<Brief>) {
        let mut known = self.known();
        match brief {
            Some(brief) => known.cases.insert(number, brief),
            None => known.cases.remove(&number),
        };
        while known.cases.len() > MOST {
            known.cases.pop_first();
        }
    }

    /// Whether everything that is held was looked through.
    pub(super) fn is_complete(&self) -> bool {
        self.known().complete
    }

    fn get(&self, number: u64) -> Option<Brief> {
        self.known().cases.get(&number).cloned()
    }

    /// The newest below a local number.
    pub(super) fn below(&self, before: u64) -> Option<u64> {
        let known = self.known();
        known
            .cases
            .range(..before)
            .next_back()
            .map(|(number, _)| *number)
    }
}

/// Looks through the requests held before the start, until the node goes or none is left.
pub(crate) async fn look_through(node: Weak<Node>) {
    loop {
        let Some(strong) = node.upgrade() else {
            return;
        };
        let looked = blocking(move || strong.look_back(BLOCK)).await;
        let rest = match looked {
            Ok(true) | Err(NodeError::Closed) => return,
            Ok(false) => BETWEEN,
            Err(error) => {
                tracing::warn!(%error, "evidence requests cannot be looked through now");
                AGAIN
            }
        };
        tokio::time::sleep(rest).await;
    }
}

impl Node {
    /// Works the next requests out that were held before the start; true when none is left.
    fn look_back(self: &Arc<Self>, limit: usize) -> Result<bool, NodeError> {
        self.look_at_new()?;
        let low = self.cases.known().range.map_or(0, |(low, _)| low);
        let numbers = requests::before(&self.store, low.saturating_add(1), limit)?;
        for number in &numbers {
            self.brief_of(*number)?;
        }
        let mut known = self.cases.known();
        if let Some((low, _)) = &mut known.range {
            *low = numbers.last().map_or(0, |oldest| oldest.saturating_sub(1));
        }
        known.complete = numbers.len() < limit;
        Ok(known.complete)
    }

    /// Works the requests out that became durable since the last look.
    pub(super) fn look_at_new(&self) -> Result<(), NodeError> {
        const PAGE: usize = 256;
        let last = ask::last_number(&self.store)?;
        let mut high = match &mut self.cases.known().range {
            Some((_, high)) => *high,
            none => {
                *none = Some((last, last));
                last
            }
        };
        while high < last {
            let numbers = requests::following(&self.store, high, PAGE)?;
            for number in &numbers {
                self.brief_of(*number)?;
            }
            high = match numbers.last() {
                Some(number) if numbers.len() == PAGE => *number,
                _ => last,
            };
            if let Some((_, known)) = &mut self.cases.known().range {
                *known = high.max(*known);
            }
        }
        Ok(())
    }

    /// Where a request stands now; `None` when it is none, or cannot be read any more.
    pub(super) fn brief_of(&self, number: u64) -> Result<Option<Brief>, NodeError> {
        if let Some(known) = self.cases.get(number) {
            // Whether it was delivered no follower says: it is asked again until it is known.
            let same = known.state != State::Submitted
                && followers::count(&self.store, &known.digest)? == known.followers;
            if same {
                return Ok(Some(known));
            }
        }
        let brief = match self.evidence_thread(number) {
            Ok(thread) => thread.as_ref().map(Brief::of),
            // Locked, erased, or damaged: there is nothing to list of it.
            Err(NodeError::Holding(
                error @ (HoldingError::Locked(_)
                | HoldingError::Keys
                | HoldingError::Open(_)
                | HoldingError::Content(_)
                | HoldingError::Envelope),
            )) => {
                tracing::debug!(number, %error, "a request cannot be opened");
                None
            }
            Err(error) if error.is_damage() => None,
            Err(error) => return Err(error),
        };
        self.cases.keep(number, brief.clone());
        Ok(brief)
    }

    /// The authority that executes a request of another country now; `None` for a record that is no
    /// such request, and while nobody has it in hand.
    pub(super) fn executing_authority(&self, number: u64) -> Result<Option<String>, NodeError> {
        let brief = self.brief_of(number)?;
        Ok(brief
            .filter(|of| of.own == Party::Executing)
            .and_then(|of| of.executing.map(String::from)))
    }
}
