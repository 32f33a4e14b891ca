//! A lane on which this node sends.

use std::ops::{Range, RangeInclusive};

use super::{Credit, Incarnation, LaneFault};

/// Most records of a Deliver frame.
pub const MAX_BATCH_RECORDS: u64 = 256;

/// Most bytes of records in a Deliver frame.
pub const MAX_BATCH_BYTES: u64 = 4 * 1024 * 1024;

/// Consecutive records to send in one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Sequence of the first.
    pub first: u64,
    /// How many; 1 to [`MAX_BATCH_RECORDS`].
    pub count: u64,
    /// Their bytes together.
    pub bytes: u64,
}

impl Batch {
    /// The sequences.
    pub const fn sequences(&self) -> RangeInclusive<u64> {
        self.first..=self.first.saturating_add(self.count).saturating_sub(1)
    }

    /// What it costs.
    pub const fn cost(&self) -> Credit {
        Credit {
            records: self.count,
            bytes: self.bytes,
        }
    }
}

/// What a frame of receipts brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipted {
    /// Receipts at the start of the frame that were here already.
    pub duplicates: u64,
    /// Sequences whose receipts are new, to be verified and made durable; may be empty.
    pub fresh: Range<u64>,
}

/// The sender's side of a lane.
///
/// `acked ≤ arrived`, and both are at most `last_assigned`. Only `acked` and `last_assigned`
/// survive a crash; the store knows both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutgoingLane {
    incarnation: Incarnation,
    last_assigned: u64,
    next_to_send: u64,
    arrived: u64,
    acked: u64,
    credit: Credit,
}

impl OutgoingLane {
    /// A lane as the store knows it: own incarnation, last sequence assigned, and how far receipts
    /// are durable here. Sends nothing until a session begins.
    pub fn new(incarnation: Incarnation, last_assigned: u64, acked: u64) -> Self {
        let acked = acked.min(last_assigned);
        Self {
            incarnation,
            last_assigned,
            next_to_send: acked.saturating_add(1),
            arrived: acked,
            acked,
            credit: Credit::default(),
        }
    }

    /// Records up to here are durable in the outbox.
    pub fn assigned(&mut self, up_to: u64) {
        self.last_assigned = self.last_assigned.max(up_to);
    }

    /// A session begins: the peer holds the lane durably up to `peer_durable` and gives `credit`.
    /// Receipts that arrived but did not become durable are forgotten; the peer sends them again.
    pub fn begin(&mut self, peer_durable: u64, credit: Credit) {
        self.next_to_send = peer_durable.min(self.last_assigned).saturating_add(1);
        self.arrived = self.acked;
        self.credit = Credit::default().plus(credit);
    }

    /// The session ended: nothing is sent until the next one begins.
    pub fn end(&mut self) {
        self.credit = Credit::default();
    }

    /// The peer gives more credit.
    pub fn credit(&mut self, records: u64, bytes: u64) {
        self.credit = self.credit.plus(Credit { records, bytes });
    }

    /// The next records to send within credit, [`MAX_BATCH_RECORDS`] and [`MAX_BATCH_BYTES`].
    /// `size_of` tells the encoded size of a record by its sequence; `None` ends the batch (not
    /// ready to be sent). A record beyond [`MAX_BATCH_BYTES`] would never go; submission refuses
    /// records far smaller. Changes nothing: [`Self::sent`] does.
    pub fn next_batch(&self, mut size_of: impl FnMut(u64) -> Option<u64>) -> Option<Batch> {
        let most = self.credit.records.min(MAX_BATCH_RECORDS);
        let room = self.credit.bytes.min(MAX_BATCH_BYTES);
        let mut batch = Batch {
            first: self.next_to_send,
            count: 0,
            bytes: 0,
        };
        for sequence in self.next_to_send..=self.last_assigned {
            // What a restored peer is sent again was receipted once, and its new receipts for it
            // change nothing: no frame mixes it with what still waits for its receipt.
            let again_ends = batch.count > 0 && sequence == self.acked.saturating_add(1);
            if batch.count >= most || again_ends {
                break;
            }
            let Some(bytes) = size_of(sequence).and_then(|size| batch.bytes.checked_add(size))
            else {
                break;
            };
            if bytes > room {
                break;
            }
            batch.count += 1;
            batch.bytes = bytes;
        }
        (batch.count > 0).then_some(batch)
    }

    /// Whether records wait to be sent, with or without credit.
    pub const fn waits(&self) -> bool {
        self.next_to_send <= self.last_assigned
    }

    /// A batch went to the peer.
    pub fn sent(&mut self, batch: &Batch) {
        self.next_to_send = self
            .next_to_send
            .max(batch.first.saturating_add(batch.count));
        self.credit = self.credit.minus(batch.cost()).unwrap_or_default();
    }

    /// Receipts for `count` consecutive sequences from `first` arrived. Only places are checked;
    /// the caller checks signature and header digests, makes the fresh ones durable and then calls
    /// [`Self::receipts_durable`].
    ///
    /// # Errors
    /// [`LaneFault::ReceiptGap`] when one is left out, [`LaneFault::NeverAssigned`],
    /// [`LaneFault::FrameSize`] or [`LaneFault::Sequence`].
    pub fn receipts(&mut self, first: u64, count: u64) -> Result<Receipted, LaneFault> {
        let last = last_of(first, count)?;
        if last > self.last_assigned {
            return Err(LaneFault::NeverAssigned {
                sequence: last,
                last_assigned: self.last_assigned,
            });
        }
        let expected = self.arrived.saturating_add(1);
        if first > expected {
            return Err(LaneFault::ReceiptGap {
                expected,
                got: first,
            });
        }
        let duplicates = expected.saturating_sub(first).min(count);
        if last < expected {
            return Ok(Receipted {
                duplicates,
                fresh: expected..expected,
            });
        }
        self.arrived = last;
        // Records of an earlier session may be receipted before they are sent again.
        self.next_to_send = self.next_to_send.max(last.saturating_add(1));
        Ok(Receipted {
            duplicates,
            fresh: expected..last.saturating_add(1),
        })
    }

    /// Receipts up to here are durable at this node; the peer may be told.
    pub fn receipts_durable(&mut self, up_to: u64) {
        self.acked = self.acked.max(up_to.min(self.last_assigned));
        self.arrived = self.arrived.max(self.acked);
    }

    /// Own incarnation.
    pub const fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Last sequence assigned; 0 for none.
    pub const fn last_assigned(&self) -> u64 {
        self.last_assigned
    }

    /// The sequence that is sent next.
    pub const fn next_to_send(&self) -> u64 {
        self.next_to_send
    }

    /// How far receipts are durable here.
    pub const fn acked(&self) -> u64 {
        self.acked
    }

    /// Credit left.
    pub const fn credit_left(&self) -> Credit {
        self.credit
    }

    /// True when every record assigned has its receipt durable here.
    pub const fn drained(&self) -> bool {
        self.acked == self.last_assigned
    }
}

/// Last sequence of a frame that names `count` sequences from `first`.
pub(super) const fn last_of(first: u64, count: u64) -> Result<u64, LaneFault> {
    if count == 0 || count > MAX_BATCH_RECORDS {
        return Err(LaneFault::FrameSize(count));
    }
    if first == 0 {
        return Err(LaneFault::Sequence(first));
    }
    match first.checked_add(count - 1) {
        // The last number stays unused, so that one after any sequence exists.
        Some(last) if last < u64::MAX => Ok(last),
        _ => Err(LaneFault::Sequence(first)),
    }
}
