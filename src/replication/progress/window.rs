//! Credit: how much a sender may have under way on a lane, so that a receiver's memory is bounded.

use super::{LaneFault, outgoing::MAX_BATCH_BYTES};

/// Room for records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credit {
    /// Records.
    pub records: u64,
    /// Bytes.
    pub bytes: u64,
}

/// What a receiver grants per lane when a session begins: eight full frames, of which four are on their
/// way or verified while the others become durable.
pub const CREDIT: Credit = Credit {
    records: 2048,
    bytes: 16 * 1024 * 1024,
};

/// The least a receiver may grant. A receiver grants again once half is used, so with less than
/// two full frames both sides could wait for each other.
pub const MIN_CREDIT: Credit = Credit {
    records: 2,
    bytes: 2 * MAX_BATCH_BYTES,
};

/// The most a sender counts; grants beyond it are cut.
pub const MAX_CREDIT: Credit = Credit {
    records: 1 << 20,
    bytes: 1 << 32,
};

impl Credit {
    /// Together, cut at [`MAX_CREDIT`].
    #[must_use]
    pub fn plus(self, more: Self) -> Self {
        Self {
            records: self
                .records
                .saturating_add(more.records)
                .min(MAX_CREDIT.records),
            bytes: self.bytes.saturating_add(more.bytes).min(MAX_CREDIT.bytes),
        }
    }

    /// What is left after `less`; `None` when it does not suffice.
    #[must_use]
    pub const fn minus(self, less: Self) -> Option<Self> {
        match (
            self.records.checked_sub(less.records),
            self.bytes.checked_sub(less.bytes),
        ) {
            (Some(records), Some(bytes)) => Some(Self { records, bytes }),
            _ => None,
        }
    }
}

/// The receiver's side of a lane's credit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    size: Credit,
    left: Credit,
    used: Credit,
}

impl Window {
    /// A window of `size`, all of it granted in the Hello.
    pub const fn new(size: Credit) -> Self {
        Self {
            size,
            left: size,
            used: Credit {
                records: 0,
                bytes: 0,
            },
        }
    }

    /// Records arrived.
    ///
    /// # Errors
    /// [`LaneFault::Credit`] when the sender had no credit for them.
    pub const fn spend(&mut self, arrived: Credit) -> Result<(), LaneFault> {
        match self.left.minus(arrived) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(LaneFault::Credit {
                records: arrived.records,
                bytes: arrived.bytes,
                left_records: self.left.records,
                left_bytes: self.left.bytes,
            }),
        }
    }

    /// Records that arrived are done with (durable, or skipped). Answers a grant to send once half
    /// of the window is used.
    pub fn grant(&mut self, consumed: Credit) -> Option<Credit> {
        self.used = self.used.plus(consumed);
        let due = self.used.records >= self.size.records.div_ceil(2)
            || self.used.bytes >= self.size.bytes.div_ceil(2);
        due.then(|| {
            let grant = std::mem::take(&mut self.used);
            self.left = self.left.plus(grant);
            grant
        })
    }
}
