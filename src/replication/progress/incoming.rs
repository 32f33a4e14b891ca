//! A lane on which this node receives.

use std::{
    collections::VecDeque,
    ops::{Range, RangeInclusive},
};

use super::{Credit, Incarnation, LaneFault, Position, Window, outgoing::last_of, running_hash};
use crate::crypto::Digest;

/// What of a Deliver frame is new.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Records at the start of the frame that are here already: skip them.
    pub skip_duplicates: u64,
    /// Sequences of the new records; empty when all were duplicates.
    pub fresh: Range<u64>,
    /// Running hash after each new record, in order.
    pub running_hashes: Vec<Digest>,
}

/// The receiver's side of a lane.
///
/// `durable` is in the store, with the receipts up to it; `in_flight` was accepted and waits for
/// the store. The peer has made receipts durable up to `confirmed`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IncomingLane {
    durable: Position,
    in_flight: VecDeque<(Digest, Digest)>,
    confirmed: u64,
    window: Window,
}

impl IncomingLane {
    /// A lane as the store knows it, with a window of `size` for each session.
    pub const fn new(durable: Position, window: Credit) -> Self {
        Self {
            durable,
            in_flight: VecDeque::new(),
            confirmed: 0,
            window: Window::new(window),
        }
    }

    /// A session begins in which the peer sends under `incarnation`, has receipts durable up to
    /// `confirmed`, and was granted `window`. A new incarnation starts at sequence 1. What is in
    /// flight is forgotten: the peer sends it again, and what the store still finishes meanwhile
    /// comes in through [`Self::made_durable`].
    pub fn begin(&mut self, incarnation: Incarnation, confirmed: u64, window: Credit) {
        if self.durable.incarnation != incarnation {
            self.durable = Position::start(incarnation);
        }
        self.in_flight.clear();
        self.confirmed = confirmed.min(self.durable.sequence);
        self.window = Window::new(window);
    }

    /// Records arrived that count against the credit given, duplicates too. Before
    /// [`Self::deliver`].
    ///
    /// # Errors
    /// [`LaneFault::Credit`] when the peer had no credit for them.
    pub fn spend(&mut self, records: u64, bytes: u64) -> Result<(), LaneFault> {
        self.window.spend(Credit { records, bytes })
    }

    /// Which of `count` sequences from `first` are durable here: what [`Self::deliver`] will ask of
    /// the store. `None` for none, and for a frame that it will refuse.
    pub fn durable_again(&self, first: u64, count: u64) -> Option<RangeInclusive<u64>> {
        let last = last_of(first, count).ok()?.min(self.durable.sequence);
        (first <= last).then_some(first..=last)
    }

    /// Records with the given header digests arrived, the first under sequence `first`. `known`
    /// tells the header digest that the store holds under a durable sequence; what it does not
    /// know any more cannot be compared and is skipped as a duplicate.
    ///
    /// # Errors
    /// [`LaneFault::Gap`], [`LaneFault::Conflict`], [`LaneFault::Incarnation`],
    /// [`LaneFault::FrameSize`] or [`LaneFault::Sequence`]; the lane is then as it was.
    pub fn deliver(
        &mut self,
        incarnation: Incarnation,
        first: u64,
        digests: &[Digest],
        mut known: impl FnMut(u64) -> Option<Digest>,
    ) -> Result<Accepted, LaneFault> {
        if incarnation != self.durable.incarnation {
            return Err(LaneFault::Incarnation {
                expected: self.durable.incarnation,
                got: incarnation,
            });
        }
        let count = u64::try_from(digests.len()).unwrap_or(u64::MAX);
        let last = last_of(first, count)?;
        let expected = self.head().saturating_add(1);
        if first > expected {
            return Err(LaneFault::Gap {
                expected,
                got: first,
            });
        }
        let skip_duplicates = expected.saturating_sub(first).min(count);
        let skip = usize::try_from(skip_duplicates).unwrap_or(usize::MAX);
        for (sequence, got) in (first..).zip(digests.iter().take(skip)) {
            match self.header_of(sequence).or_else(|| known(sequence)) {
                Some(known) if known != *got => {
                    return Err(LaneFault::Conflict {
                        sequence,
                        known,
                        got: *got,
                    });
                }
                _ => {}
            }
        }
        let mut hash = self.head_hash();
        let mut running_hashes = Vec::with_capacity(digests.len().saturating_sub(skip));
        for (sequence, header) in (expected..).zip(digests.iter().skip(skip)) {
            hash = running_hash(&hash, sequence, header);
            running_hashes.push(hash);
            self.in_flight.push_back((*header, hash));
        }
        Ok(Accepted {
            skip_duplicates,
            fresh: expected..expected.max(last.saturating_add(1)),
            running_hashes,
        })
    }

    /// The store made the lane durable up to a position, with its receipts. Answers the sequences
    /// whose receipts can now go to the peer; `None` when that was known, or is of an incarnation
    /// that the peer gave up.
    pub fn made_durable(&mut self, up_to: &Position) -> Option<RangeInclusive<u64>> {
        let before = self.durable.sequence;
        if up_to.incarnation != self.durable.incarnation || up_to.sequence <= before {
            return None;
        }
        for _ in before..up_to.sequence {
            // Fewer are in flight when the store finishes what an earlier session brought.
            if self.in_flight.pop_front().is_none() {
                break;
            }
        }
        self.durable = *up_to;
        Some(before.saturating_add(1)..=up_to.sequence)
    }

    /// Records are done with: durable, or skipped as duplicates. Answers credit to send, once half
    /// of the window is used.
    pub fn grant(&mut self, consumed: Credit) -> Option<Credit> {
        self.window.grant(consumed)
    }

    /// The peer made receipts durable up to a sequence; they need not be sent again.
    ///
    /// # Errors
    /// [`LaneFault::NeverIssued`] beyond what was receipted here, [`LaneFault::Incarnation`].
    pub fn receipts_confirmed(
        &mut self,
        incarnation: Incarnation,
        up_to: u64,
    ) -> Result<(), LaneFault> {
        if incarnation != self.durable.incarnation {
            return Err(LaneFault::Incarnation {
                expected: self.durable.incarnation,
                got: incarnation,
            });
        }
        if up_to > self.durable.sequence {
            return Err(LaneFault::NeverIssued {
                sequence: up_to,
                issued: self.durable.sequence,
            });
        }
        self.confirmed = self.confirmed.max(up_to);
        Ok(())
    }

    /// Sequences whose receipts the peer has not confirmed; on a new session they are sent again.
    pub fn unconfirmed(&self) -> Option<RangeInclusive<u64>> {
        (self.confirmed < self.durable.sequence)
            .then(|| self.confirmed.saturating_add(1)..=self.durable.sequence)
    }

    /// What is durable.
    pub const fn durable(&self) -> &Position {
        &self.durable
    }

    /// Last sequence accepted, durable or in flight.
    pub fn head(&self) -> u64 {
        let in_flight = u64::try_from(self.in_flight.len()).unwrap_or(u64::MAX);
        self.durable.sequence.saturating_add(in_flight)
    }

    /// Running hash at [`Self::head`].
    pub fn head_hash(&self) -> Digest {
        self.in_flight
            .back()
            .map_or(self.durable.running_hash, |(_, hash)| *hash)
    }

    /// How far the peer confirmed that receipts are durable there.
    pub const fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Header digest of a record in flight.
    fn header_of(&self, sequence: u64) -> Option<Digest> {
        let place = sequence
            .checked_sub(self.durable.sequence)?
            .checked_sub(1)?;
        self.in_flight
            .get(usize::try_from(place).ok()?)
            .map(|(header, _)| *header)
    }
}
