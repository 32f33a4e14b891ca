//! Bounds on what others may use of this node, with their defaults.

use std::{
    fmt::{self, Write as _},
    ops::RangeInclusive,
};

use serde::Deserialize;

/// Bounds on what others may use of this node.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// Connections per port.
    pub max_connections: u64,
    /// Connections per peer or client.
    pub max_connections_per_identity: u64,
    /// Concurrent calls per connection.
    pub max_streams_per_connection: u64,
    /// Calls of a peer or client per second, over time.
    pub calls_per_second: u64,
    /// Calls of a peer or client at once, after a while without any.
    pub call_burst: u64,
    /// Concurrent calls of a peer or client, over all its connections.
    pub max_calls_per_identity: u64,
    /// Of these, calls whose answers are a stream.
    pub max_watches_per_identity: u64,
    /// TLS handshakes in progress per port; beyond it the oldest gives way.
    pub max_handshakes: u64,
    /// Of one address; beyond it its own oldest gives way.
    pub max_handshakes_per_address: u64,
    /// Connections of one address per second, over time.
    pub handshakes_per_second_per_address: u64,
    /// Connections of one address at once, after a while without any.
    pub handshake_burst_per_address: u64,
    /// First pause of an address, or of a peer or client, after a connection that came to nothing, in
    /// milliseconds; each further one is twice as long. 0: none.
    pub stall_pause_ms: u64,
    /// Longest such pause, in milliseconds.
    pub stall_pause_most_ms: u64,
    /// Connections per second of all addresses that had to pause, together.
    pub stalled_per_second: u64,
    /// Longest time for a TLS handshake, and then for the first bytes of HTTP/2, in milliseconds.
    pub handshake_timeout_ms: u64,
    /// Longest time until a call is answered, in milliseconds.
    pub call_timeout_ms: u64,
    /// Longest time for the bytes of a request to come, in milliseconds.
    pub message_timeout_ms: u64,
    /// Longest time of a connection without a call, in milliseconds.
    pub idle_timeout_ms: u64,
    /// A ping after this silence, and the longest wait for its answer, in milliseconds.
    pub keepalive_ms: u64,
    /// Longest time for calls to end at shutdown, in milliseconds.
    pub drain_timeout_ms: u64,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        Self {
            max_connections: 1024,
            max_connections_per_identity: 32,
            max_streams_per_connection: 64,
            calls_per_second: 500,
            call_burst: 1000,
            max_calls_per_identity: 128,
            max_watches_per_identity: 32,
            max_handshakes: 1024,
            max_handshakes_per_address: 64,
            handshakes_per_second_per_address: 200,
            handshake_burst_per_address: 1000,
            stall_pause_ms: 5000,
            stall_pause_most_ms: 300_000,
            stalled_per_second: 20,
            handshake_timeout_ms: 10_000,
            call_timeout_ms: 60_000,
            message_timeout_ms: 20_000,
            idle_timeout_ms: 900_000,
            keepalive_ms: 20_000,
            drain_timeout_ms: 10_000,
        }
    }
}

impl LimitsConfig {
    /// Every field, its value and its bounds.
    pub(super) fn numbers(&self) -> [(&'static str, u64, RangeInclusive<u64>); 20] {
        [
            ("limits.max_connections", self.max_connections, 1..=65_536),
            (
                "limits.max_connections_per_identity",
                self.max_connections_per_identity,
                1..=4096,
            ),
            (
                "limits.max_streams_per_connection",
                self.max_streams_per_connection,
                1..=4096,
            ),
            (
                "limits.calls_per_second",
                self.calls_per_second,
                1..=1_000_000,
            ),
            ("limits.call_burst", self.call_burst, 1..=1_000_000),
            (
                "limits.max_calls_per_identity",
                self.max_calls_per_identity,
                1..=65_536,
            ),
            (
                "limits.max_watches_per_identity",
                self.max_watches_per_identity,
                1..=65_536,
            ),
            ("limits.max_handshakes", self.max_handshakes, 1..=65_536),
            (
                "limits.max_handshakes_per_address",
                self.max_handshakes_per_address,
                1..=65_536,
            ),
            (
                "limits.handshakes_per_second_per_address",
                self.handshakes_per_second_per_address,
                1..=1_000_000,
            ),
            (
                "limits.handshake_burst_per_address",
                self.handshake_burst_per_address,
                1..=1_000_000,
            ),
            ("limits.stall_pause_ms", self.stall_pause_ms, 0..=600_000),
            (
                "limits.stall_pause_most_ms",
                self.stall_pause_most_ms,
                0..=3_600_000,
            ),
            (
                "limits.stalled_per_second",
                self.stalled_per_second,
                1..=1_000_000,
            ),
            (
                "limits.handshake_timeout_ms",
                self.handshake_timeout_ms,
                100..=60_000,
            ),
            (
                "limits.call_timeout_ms",
                self.call_timeout_ms,
                1000..=600_000,
            ),
            (
                "limits.message_timeout_ms",
                self.message_timeout_ms,
                100..=600_000,
            ),
            (
                "limits.idle_timeout_ms",
                self.idle_timeout_ms,
                1000..=86_400_000,
            ),
            ("limits.keepalive_ms", self.keepalive_ms, 1000..=600_000),
            (
                "limits.drain_timeout_ms",
                self.drain_timeout_ms,
                0..=600_000,
            ),
        ]
    }

    pub(super) fn write_commented(&self, out: &mut String) -> fmt::Result {
        writeln!(
            out,
            "[limits]\n\
             # What callers may use, per port. docs/OPERATORS.md says what each protects. A call beyond its\n\
             # limit is answered RESOURCE_EXHAUSTED with the limit and when to come again.\n\
             # Connections, and those of one peer or client.\n\
             max_connections = {}\n\
             max_connections_per_identity = {}\n\
             # Calls at a time: per connection, and of one peer or client over all its connections; of\n\
             # these, calls whose answers are a stream (watches, streams of submissions).\n\
             max_streams_per_connection = {}\n\
             max_calls_per_identity = {}\n\
             max_watches_per_identity = {}\n\
             # Calls of one peer or client per second, and at once after a while without any. A stream of\n\
             # submissions is one call.\n\
             calls_per_second = {}\n\
             call_burst = {}\n\
             # Connections that did not say yet who they are: when there are more, the oldest gives way, of\n\
             # one address its own oldest. And how often one address may come.\n\
             max_handshakes = {}\n\
             max_handshakes_per_address = {}\n\
             handshakes_per_second_per_address = {}\n\
             handshake_burst_per_address = {}\n\
             # An address, or a peer or client, whose connection came to nothing pauses: at first for this\n\
             # long (0: not at all), each time for twice as long, up to the second number. An answered call\n\
             # makes good for an hour. Addresses that had to pause share a rate when they come again.\n\
             stall_pause_ms = {}\n\
             stall_pause_most_ms = {}\n\
             stalled_per_second = {}\n\
             # For the handshake, and then again for the first bytes of HTTP/2.\n\
             handshake_timeout_ms = {}\n\
             # Until a call is answered; until the bytes of a request are all there.\n\
             call_timeout_ms = {}\n\
             message_timeout_ms = {}\n\
             # A connection without a call is closed after this time.\n\
             idle_timeout_ms = {}\n\
             # Whoever was silent for this long is pinged, and cut when as long again brings no answer.\n\
             keepalive_ms = {}\n\
             # How long calls may take to end at shutdown.\n\
             drain_timeout_ms = {}\n",
            self.max_connections,
            self.max_connections_per_identity,
            self.max_streams_per_connection,
            self.max_calls_per_identity,
            self.max_watches_per_identity,
            self.calls_per_second,
            self.call_burst,
            self.max_handshakes,
            self.max_handshakes_per_address,
            self.handshakes_per_second_per_address,
            self.handshake_burst_per_address,
            self.stall_pause_ms,
            self.stall_pause_most_ms,
            self.stalled_per_second,
            self.handshake_timeout_ms,
            self.call_timeout_ms,
            self.message_timeout_ms,
            self.idle_timeout_ms,
            self.keepalive_ms,
            self.drain_timeout_ms,
        )
    }
}
