//! Where each request stands, kept in memory so that a list need not work everything out again.
//!
//! What a case says follows from its steps, and is known again from them: it is kept with the count of
//! what followed the request, and worked out anew when more does. What was held before the start is
//! looked through in the background, newest first; until that is done a list says so. A case takes about
//! 200 bytes.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use crate::{
    crypto::Digest,
    entry::LaneId,
    evidence::lifecycle::{Party, State},
    inbox::{HoldingError, ask, followers, requests},
    record::Country,
    replication::lanes,
};

use super::{
    super::{Node, NodeError, read::blocking, receipts::lane_of},
    thread::Thread,
};

/// Most cases kept; beyond it the oldest is let go, and lists do not reach it.
const MOST: usize = 500_000;
/// Requests looked through before others have their turn.
const BLOCK: usize = 32;
/// Rest between two blocks.
const BETWEEN: Duration = Duration::from_millis(2);
/// What becomes durable within this time is looked at together.
const GATHERED: Duration = Duration::from_millis(100);
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
    /// Of an own request: where its receipt is awaited.
    awaits: Option<(LaneId, u64)>,
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

/// Looks through the requests held before the start, then at each as it becomes durable, until the node
/// goes.
pub(crate) async fn look_through(node: Weak<Node>) {
    let Some(mut durable) = node.upgrade().map(|node| node.store.durable()) else {
        return;
    };
    loop {
        durable.borrow_and_update();
        let Some(strong) = node.upgrade() else {
            return;
        };
        let looked = blocking(move || {
            let new = strong.look_at_new(BLOCK)?;
            Ok(strong.look_back(BLOCK)? && new)
        });
        let rest = match looked.await {
            Ok(true) => {
                if durable.changed().await.is_err() {
                    return;
                }
                GATHERED
            }
            Ok(false) => BETWEEN,
            Err(NodeError::Closed) => return,
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
    fn look_back(&self, limit: usize) -> Result<bool, NodeError> {
        let low = {
            let known = self.cases.known();
            if known.complete {
                return Ok(true);
            }
            known.range.map_or(0, |(low, _)| low)
        };
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

    /// Works the requests out that became durable since the last look, `limit` at most; true when none is
    /// left.
    pub(super) fn look_at_new(&self, limit: usize) -> Result<bool, NodeError> {
        let last = ask::last_number(&self.store)?;
        let high = match &mut self.cases.known().range {
            Some((_, high)) => *high,
            none => {
                *none = Some((last, last));
                last
            }
        };
        if high >= last {
            return Ok(true);
        }
        let numbers = requests::following(&self.store, high, limit)?;
        for number in &numbers {
            self.brief_of(*number)?;
        }
        let high = match numbers.last() {
            Some(number) if numbers.len() >= limit => *number,
            _ => last,
        };
        if let Some((_, known)) = &mut self.cases.known().range {
            *known = high.max(*known);
        }
        Ok(high >= last)
    }

    /// Where a request stands now; `None` when it is none, or cannot be read any more.
    pub(super) fn brief_of(&self, number: u64) -> Result<Option<Brief>, NodeError> {
        if let Some(known) = self.cases.get(number)
            && self.is_current(&known)?
        {
            return Ok(Some(known));
        }
        let thread = self.open_thread(number)?;
        let brief = thread
            .as_ref()
            .map(|thread| self.brief(thread))
            .transpose()?;
        self.cases.keep(number, brief.clone());
        Ok(brief)
    }

    /// A request with its steps; `None` too where there is nothing to list of it any more: it is locked,
    /// erased, or damaged.
    pub(super) fn open_thread(&self, number: u64) -> Result<Option<Thread>, NodeError> {
        match self.evidence_thread(number) {
            Err(NodeError::Holding(
                error @ (HoldingError::Locked(_)
                | HoldingError::Keys
                | HoldingError::Open(_)
                | HoldingError::Content(_)
                | HoldingError::Envelope),
            )) => {
                tracing::debug!(number, %error, "a request cannot be opened");
                Ok(None)
            }
            Err(error) if error.is_damage() => Ok(None),
            other => other,
        }
    }

    fn brief(&self, thread: &Thread) -> Result<Brief, NodeError> {
        let place = thread.stored.outbox.first();
        let open = thread.delivered_us == 0 && thread.not_delivered.is_none();
        let awaits = match place.filter(|_| open) {
            Some(place) => Some((lane_of(&thread.stored, place)?, place.sequence)),
            None => None,
        };
        Ok(Brief {
            digest: thread.stored.digest,
            own: thread.own,
            other: thread.other(),
            state: thread.case.state,
            followers: thread.followers,
            executing: thread.case.executing_authority.as_deref().map(Into::into),
            awaits,
        })
    }

    /// Whether nothing happened since a request was worked out on which its state depends.
    fn is_current(&self, brief: &Brief) -> Result<bool, NodeError> {
        if followers::count(&self.store, &brief.digest)? != brief.followers {
            return Ok(false);
        }
        match &brief.awaits {
            Some((lane, sequence)) => Ok(lanes::arrived(&self.store, lane, *sequence)?.is_none()),
            None => Ok(true),
        }
    }

    /// The authority that executes a request of another country now; `None` for a record that is no
    /// such request, and while nobody has it in hand.
    pub(in crate::node) fn executing_authority(
        &self,
        number: u64,
    ) -> Result<Option<String>, NodeError> {
        let brief = self.brief_of(number)?;
        Ok(brief
            .filter(|of| of.own == Party::Executing)
            .and_then(|of| of.executing.map(String::from)))
    }
}
