//! What becomes of records that are recalled or expire.

use std::time::Duration;

use serde::Deserialize;

/// What becomes of records that are recalled or expire.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LifeConfig {
    /// Seconds from the lock of a record to its shredding: a stolen key or a clock that jumped must
    /// not destroy every reader's evidence at once.
    pub shred_delay_s: u64,
    /// Days for which backups of this node are kept; ERASED receipts say it. 0: there are none. Not
    /// stated: ERASED receipts say that nobody knows.
    pub backups_days: Option<u64>,
    /// Largest difference in seconds between this clock and the median of the peers' at which
    /// records expire by themselves.
    pub max_clock_skew_s: u64,
    /// Records that one operator recalls alone within `recall_window_s`; above it a second one has to
    /// approve.
    pub recall_alone: u64,
    /// Seconds over which recalls of one operator are counted.
    pub recall_window_s: u64,
    /// Hours for which a country may not have been heard before its records are neither exported nor
    /// passed on: it may have taken back a consent, a marking or the record.
    pub unheard_h: u64,
}

impl LifeConfig {
    /// From the lock of a record to its shredding.
    pub const fn shred_delay(&self) -> Duration {
        Duration::from_secs(self.shred_delay_s)
    }

    /// Over which recalls of one operator are counted.
    pub const fn recall_window(&self) -> Duration {
        Duration::from_secs(self.recall_window_s)
    }

    /// For how long a country may not have been heard before its records are used no more.
    pub const fn unheard(&self) -> Duration {
        Duration::from_secs(self.unheard_h.saturating_mul(3600))
    }
}

impl Default for LifeConfig {
    fn default() -> Self {
        Self {
            shred_delay_s: 24 * 3600,
            backups_days: None,
            max_clock_skew_s: 300,
            recall_alone: 10,
            recall_window_s: 24 * 3600,
            unheard_h: 24,
        }
    }
}
