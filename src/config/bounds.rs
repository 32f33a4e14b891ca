//! The bounds of a configuration's numbers.

use std::ops::RangeInclusive;

use super::{Config, ConfigError};

impl Config {
    /// Every number, its field and its bounds.
    pub(super) fn numbers(&self) -> impl Iterator<Item = (&'static str, u64, RangeInclusive<u64>)> {
        self.others()
            .into_iter()
            .chain(self.limits.numbers())
            .chain(self.items.numbers())
            .chain(self.outlet.numbers())
    }

    fn others(&self) -> [(&'static str, u64, RangeInclusive<u64>); 23] {
        let Self {
            dial,
            store,
            life,
            keys,
            due,
            search,
            ..
        } = self;
        [
            ("dial.min_backoff_ms", dial.min_backoff_ms, 10..=60_000),
            (
                "dial.max_backoff_ms",
                dial.max_backoff_ms,
                dial.min_backoff_ms..=3_600_000,
            ),
            (
                "dial.connect_timeout_ms",
                dial.connect_timeout_ms,
                100..=120_000,
            ),
            ("store.segment_mib", store.segment_mib, 4..=4096),
            ("store.cache_mib", store.cache_mib, 4..=65_536),
            ("store.scrub_mib_s", store.scrub_mib_s, 0..=65_536),
            ("store.scrub_pause_s", store.scrub_pause_s, 1..=31_536_000),
            ("store.disk_full_percent", store.disk_full_percent, 50..=99),
            ("store.ask_peers_s", store.ask_peers_s, 0..=3600),
            ("search.memory_mib", search.memory_mib, 1..=1 << 20),
            ("life.shred_delay_s", life.shred_delay_s, 0..=30 * 86_400),
            (
                "life.backups_days",
                life.backups_days.unwrap_or(0),
                0..=36_500,
            ),
            ("life.max_clock_skew_s", life.max_clock_skew_s, 1..=86_400),
            ("life.recall_alone", life.recall_alone, 1..=100_000),
            ("due.emergency_h", due.emergency_h, 0..=8760),
            ("due.urgent_direct_h", due.urgent_direct_h, 0..=8760),
            ("due.urgent_h", due.urgent_h, 0..=8760),
            ("due.routine_h", due.routine_h, 0..=8760),
            ("due.soon_percent", due.soon_percent, 0..=100),
            (
                "due.escalate_again_percent",
                due.escalate_again_percent,
                0..=1000,
            ),
            (
                "life.recall_window_s",
                life.recall_window_s,
                3600..=31 * 86_400,
            ),
            ("life.unheard_h", life.unheard_h, 1..=8760),
            ("keys.sealing_overlap_h", keys.sealing_overlap_h, 0..=720),
        ]
    }
}

pub(super) fn in_range(
    field: &'static str,
    value: u64,
    range: RangeInclusive<u64>,
) -> Result<(), ConfigError> {
    if range.contains(&value) {
        return Ok(());
    }
    Err(ConfigError::Range {
        field,
        value,
        low: *range.start(),
        high: *range.end(),
    })
}

pub(super) const fn at_most(
    field: &'static str,
    count: usize,
    limit: usize,
) -> Result<(), ConfigError> {
    if count > limit {
        return Err(ConfigError::TooMany {
            field,
            count,
            limit,
        });
    }
    Ok(())
}
