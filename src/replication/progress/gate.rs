//! What waits for the control lane of the peer: a node that was away complies with the recalls that
//! wait for it before it sends records of its own.

use std::ops::RangeInclusive;

/// How far the peer's control lane must be durable here before urgent and bulk records go to it. The
/// control lane itself never waits, so that two nodes that wait for each other come to an end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gate {
    announced: u64,
    /// How far the lane was at the last look.
    seen: u64,
    /// Looks since it moved.
    looks: u32,
    waived: bool,
}

/// Looks in a row without progress of the peer's control lane, after which the gate opens for the
/// rest of the session: what is missing is the peer's own to send, and its records must not depend on
/// one that rotted on its disk.
pub const PATIENCE: u32 = 4;

impl Gate {
    /// A session in which the peer says that its control lane reaches to `announced`.
    pub const fn new(announced: u64) -> Self {
        Self {
            announced,
            seen: 0,
            looks: 0,
            waived: false,
        }
    }

    /// The peer says so anew.
    pub fn announced(&mut self, up_to: u64) {
        self.announced = self.announced.max(up_to);
    }

    /// Sequences that are missing while the gate is closed; `None` when it is open. `durable` is how far
    /// the lane is durable here.
    pub fn missing(&self, durable: u64) -> Option<RangeInclusive<u64>> {
        (!self.waived && durable < self.announced)
            .then(|| durable.saturating_add(1)..=self.announced)
    }

    /// Whether the lane is durable here as far as the peer announced, waived or not.
    pub const fn reached(&self, durable: u64) -> bool {
        durable >= self.announced
    }

    /// One look, some time after the last. True when the gate opens by it, because nothing came for too
    /// long.
    pub fn look(&mut self, durable: u64) -> bool {
        if self.missing(durable).is_none() || durable != self.seen {
            self.seen = durable;
            self.looks = 0;
            return false;
        }
        self.looks = self.looks.saturating_add(1);
        self.waived = self.looks >= PATIENCE;
        self.waived
    }
}
