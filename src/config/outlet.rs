//! How records leave for other systems: bounds of subscriptions, and how webhooks are tried again.

use std::{
    fmt::{self, Write as _},
    ops::RangeInclusive,
    time::Duration,
};

use serde::Deserialize;

use crate::feed::webhook::Retry;

/// Bounds of subscriptions, and how webhooks are tried again.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OutletConfig {
    /// Subscriptions that one principal may have.
    pub subscriptions_per_principal: u64,
    /// Seconds without an acknowledgement after which a consumer whose window is full counts as stalled.
    pub stalled_after_s: u64,
    /// Pause after a webhook's first failed attempt, in milliseconds; doubles up to the longest.
    pub webhook_first_pause_ms: u64,
    /// Longest pause between two attempts, in seconds.
    pub webhook_longest_pause_s: u64,
}

impl Default for OutletConfig {
    fn default() -> Self {
        Self {
            subscriptions_per_principal: 16,
            stalled_after_s: 300,
            webhook_first_pause_ms: 1000,
            webhook_longest_pause_s: 600,
        }
    }
}

impl OutletConfig {
    /// Every number, its field and its bounds.
    pub(super) fn numbers(&self) -> [(&'static str, u64, RangeInclusive<u64>); 4] {
        [
            (
                "outlet.subscriptions_per_principal",
                self.subscriptions_per_principal,
                1..=1000,
            ),
            ("outlet.stalled_after_s", self.stalled_after_s, 1..=86_400),
            (
                "outlet.webhook_first_pause_ms",
                self.webhook_first_pause_ms,
                10..=60_000,
            ),
            (
                "outlet.webhook_longest_pause_s",
                self.webhook_longest_pause_s,
                1..=86_400,
            ),
        ]
    }

    /// How long nothing may be acknowledged before a consumer counts as stalled.
    pub const fn stalled_after(&self) -> Duration {
        Duration::from_secs(self.stalled_after_s)
    }

    /// When a delivery that failed is tried again.
    pub const fn retry(&self) -> Retry {
        Retry {
            first: Duration::from_millis(self.webhook_first_pause_ms),
            most: Duration::from_secs(self.webhook_longest_pause_s),
        }
    }

    pub(super) fn write_commented(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "[outlet]\n\
             # Subscriptions that one principal may have; after how many seconds without an acknowledgement a\n\
             # consumer whose window is full is said to be stalled. Nothing is lost meanwhile.\n\
             subscriptions_per_principal = {}\n\
             stalled_after_s = {}\n\
             # Pauses between the attempts at a webhook: double from the first to the longest, with jitter.\n\
             webhook_first_pause_ms = {}\n\
             webhook_longest_pause_s = {}\n",
            self.subscriptions_per_principal,
            self.stalled_after_s,
            self.webhook_first_pause_ms,
            self.webhook_longest_pause_s,
        )
    }
}
