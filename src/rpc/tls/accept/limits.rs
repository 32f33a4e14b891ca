//! What connections may use, as a port is told.

use std::time::Duration;

use crate::{
    config::LimitsConfig,
    limits::{Patience, Places, Rate, Rules, fit},
};

/// Ports of a node.
const PORTS: u64 = 2;
/// How long an answered call speaks for whoever made it.
const GOOD: Duration = Duration::from_secs(3600);
/// The same on the links' port, and the longest pause there: whoever comes to it is a country's node, or is
/// sent away by its certificate, and a node whose line was down must be back at once.
const LINK_GOOD: Duration = Duration::from_secs(30 * 86_400);
const LINK_PAUSE: Duration = Duration::from_secs(20);

/// What connections may use.
#[derive(Clone, Debug)]
pub struct AcceptLimits {
    /// Handshakes in progress; beyond it the oldest is dropped.
    pub max_handshakes: usize,
    /// Those of one address; beyond it its oldest is dropped.
    pub max_handshakes_per_address: usize,
    /// How often one address may come.
    pub handshake_rate: Rate,
    /// What is borne of those whose connections come to nothing.
    pub patience: Patience,
    /// Connections; beyond it one that idles is closed, of whoever has most.
    pub max_connections: usize,
    /// Connections per identity.
    pub max_connections_per_identity: usize,
    /// Concurrent calls per connection.
    pub max_streams: u32,
    /// Calls per identity.
    pub rules: Rules,
    /// Longest time for a handshake, and then again until the first bytes of HTTP/2.
    pub handshake_timeout: Duration,
    /// Longest time until a call is answered; streams are not cut once they have begun.
    pub call_timeout: Duration,
    /// Longest time for the bytes of a message.
    pub message_timeout: Duration,
    /// Longest time of a connection without a call.
    pub idle_timeout: Duration,
    /// A ping after this silence, and the longest wait for its answer.
    pub keepalive: Duration,
    /// Longest time for calls to end at shutdown; then connections are cut.
    pub drain_timeout: Duration,
}

impl AcceptLimits {
    /// Those of the configuration, with as many connections as so many file descriptors allow.
    pub fn within(limits: &LimitsConfig, descriptors: u64) -> Self {
        let wanted = Places {
            connections: limits.max_connections,
            handshakes: limits.max_handshakes,
        };
        let places = fit(wanted, PORTS, descriptors);
        if places != wanted {
            tracing::warn!(
                descriptors,
                connections = places.connections,
                handshakes = places.handshakes,
                "this process may open too few files for `limits.max_connections` = {} and \
                 `limits.max_handshakes` = {}: each port has fewer; raise the limit (`ulimit -n`, or \
                 `LimitNOFILE=` of the service)",
                wanted.connections,
                wanted.handshakes,
            );
        }
        let count = |value: u64| usize::try_from(value).unwrap_or(usize::MAX);
        Self {
            max_handshakes: count(places.handshakes),
            max_handshakes_per_address: count(limits.max_handshakes_per_address),
            handshake_rate: Rate {
                per_second: limits.handshakes_per_second_per_address,
                burst: limits.handshake_burst_per_address,
            },
            patience: Patience {
                first: Duration::from_millis(limits.stall_pause_ms),
                longest: Duration::from_millis(limits.stall_pause_most_ms),
                shared: Rate {
                    per_second: limits.stalled_per_second,
                    burst: limits.stalled_per_second,
                },
                good: GOOD,
            },
            max_connections: count(places.connections),
            max_connections_per_identity: count(limits.max_connections_per_identity),
            max_streams: u32::try_from(limits.max_streams_per_connection).unwrap_or(u32::MAX),
            rules: Rules {
                rate: Rate {
                    per_second: limits.calls_per_second,
                    burst: limits.call_burst,
                },
                calls: limits.max_calls_per_identity,
                streams: limits.max_watches_per_identity,
            },
            handshake_timeout: Duration::from_millis(limits.handshake_timeout_ms),
            call_timeout: Duration::from_millis(limits.call_timeout_ms),
            message_timeout: Duration::from_millis(limits.message_timeout_ms),
            idle_timeout: Duration::from_millis(limits.idle_timeout_ms),
            keepalive: Duration::from_millis(limits.keepalive_ms),
            drain_timeout: Duration::from_millis(limits.drain_timeout_ms),
        }
    }

    /// As the links' port has them.
    #[must_use]
    pub fn of_links(mut self) -> Self {
        self.patience.longest = self.patience.longest.min(LINK_PAUSE);
        self.patience.good = LINK_GOOD;
        self
    }
}
