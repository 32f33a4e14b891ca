//! Receipts that go to the peer again: those beyond what it has durably when a session begins, and
//! those of records that it sent again.
//!
//! They are read from the store one group at a time, as the network takes them. What becomes durable
//! on the lane meanwhile queues behind, because a receipt must never overtake an earlier one. The
//! credit of what queues is given back when its receipts have gone, so that the credit bounds the
//! queue.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use crate::replication::progress::{Credit, Lane, PerLane, Resume};

use super::{
    Session, SessionEnd,
    commit::{acknowledgement, grant},
};

/// Receipts of consecutive sequences.
#[derive(Debug)]
struct Owing {
    next: u64,
    last: u64,
    credit: Credit,
}

/// What a session owes on the lanes on which the peer sends.
#[derive(Debug, Default)]
pub(super) struct Owed(Mutex<PerLane<VecDeque<Owing>>>);

impl Owed {
    /// What a session begins with.
    pub(super) fn new(resume: &Resume) -> Self {
        let owed = Self::default();
        for (lane, unconfirmed) in resume.iter() {
            if let Some(unconfirmed) = unconfirmed {
                let (first, last) = (*unconfirmed.start(), *unconfirmed.end());
                owed.note(lane, first, last, Credit::default());
            }
        }
        owed
    }

    fn lanes(&self) -> MutexGuard<'_, PerLane<VecDeque<Owing>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes note of sequences whose receipts go again, and of the credit that they give back.
    pub(super) fn note(&self, lane: Lane, first: u64, last: u64, credit: Credit) {
        self.lanes().of_mut(lane).push_back(Owing {
            next: first,
            last,
            credit,
        });
    }

    /// Receipts that have just become durable queue behind those owed; false when none are, and
    /// they can go at once.
    pub(super) fn queues(&self, lane: Lane, first: u64, last: u64, credit: Credit) -> bool {
        let mut lanes = self.lanes();
        let owing = lanes.of_mut(lane);
        if owing.is_empty() {
            return false;
        }
        owing.push_back(Owing {
            next: first,
            last,
            credit,
        });
        true
    }

    /// The next sequence whose receipt goes, most urgent lane first.
    fn next(&self) -> Option<(Lane, u64)> {
        let lanes = self.lanes();
        lanes
            .iter()
            .find_map(|(lane, owing)| Some((lane, owing.front()?.next)))
    }

    /// Receipts up to before `next` have gone; answers the credit that is given back with them.
    fn went(&self, lane: Lane, next: u64) -> Option<Credit> {
        let mut lanes = self.lanes();
        let owing = lanes.of_mut(lane);
        let front = owing.front_mut()?;
        front.next = next;
        if front.next <= front.last {
            return None;
        }
        owing.pop_front().map(|done| done.credit)
    }
}

/// Sends one group of the receipts owed, once the network takes it; false when none are owed.
pub(super) async fn page(session: &Session) -> Result<bool, SessionEnd> {
    let Some((lane, next)) = session.owed.next() else {
        return Ok(false);
    };
    let room = session.outlet.room_for_page().await?;
    let id = session.incoming_lane(lane);
    let next = match session.node.issued(id, next).await? {
        Some((first, group)) => {
            let after = first.saturating_add(u64::try_from(group.receipts.len()).unwrap_or(1));
            session
                .outlet
                .page(acknowledgement(id, first, group), room)?;
            after
        }
        // Still under way: whoever makes it durable answers it.
        None => u64::MAX,
    };
    if let Some(credit) = session.owed.went(lane, next) {
        grant(session, lane, credit)?;
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credit(records: u64) -> Credit {
        Credit { records, bytes: 0 }
    }

    #[test]
    fn later_receipts_queue_behind_those_owed_and_credit_comes_with_them() {
        let owed = Owed::new(&PerLane {
            bulk: Some(1..=600),
            ..Resume::default()
        });
        assert!(!owed.queues(Lane::Urgent, 1, 1, credit(1)));
        assert!(owed.queues(Lane::Bulk, 601, 602, credit(2)));
        owed.note(Lane::Bulk, 5, 5, credit(1));
        owed.note(Lane::Control, 1, 1, credit(1));
        assert_eq!(owed.next(), Some((Lane::Control, 1)));
        assert_eq!(owed.went(Lane::Control, u64::MAX), Some(credit(1)));
        for (next, after, given) in [
            (1, 257, None),
            (257, 601, Some(credit(0))),
            (601, 603, Some(credit(2))),
            // The group of a single sequence may reach further.
            (5, 257, Some(credit(1))),
        ] {
            assert_eq!(owed.next(), Some((Lane::Bulk, next)));
            assert_eq!(owed.went(Lane::Bulk, after), given);
        }
        assert_eq!(owed.next(), None);
        assert!(!owed.queues(Lane::Bulk, 603, 603, credit(1)));
    }
}
