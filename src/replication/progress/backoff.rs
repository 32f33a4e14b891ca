//! Waiting between attempts to reach a peer.

use std::time::Duration;

/// How long to wait after `attempt` failures (0 for the first): `min` and a random part of what
/// lies between it and `min` doubled once per attempt and once more, at most `max`. `jitter` is 64
/// random bits. Full jitter, so that nodes cut off together do not come back together.
pub fn backoff(attempt: u32, min: Duration, max: Duration, jitter: u64) -> Duration {
    let max = max.max(min);
    let doubled = 2_u32
        .checked_pow(attempt.saturating_add(1))
        .and_then(|factor| min.checked_mul(factor))
        .unwrap_or(max)
        .min(max);
    let spread = u64::try_from(doubled.saturating_sub(min).as_micros()).unwrap_or(u64::MAX);
    // The bias of the remainder is below one in 2^20 for any wait of less than two months.
    min + Duration::from_micros(
        jitter
            .checked_rem(spread.saturating_add(1))
            .unwrap_or(jitter),
    )
}
