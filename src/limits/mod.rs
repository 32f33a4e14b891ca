//! What one caller, or one address, may use of the node: rates, calls at a time, places.
//!
//! Pure: whoever asks gives `now` and gets a decision. `rpc` enforces them. What is kept of callers
//! and addresses is bounded in number, so that nobody makes it grow by coming under many names.

mod addresses;
mod bucket;
mod callers;
mod descriptors;
mod queue;
mod standing;
mod tally;

use std::{fmt, time::Duration};

pub use addresses::{Addresses, address_key};
pub use bucket::{Bucket, Rate};
pub use callers::{Callers, Rules};
pub use descriptors::{Places, fit};
pub use queue::{Dropped, Queue};
pub use standing::{Patience, Standings};
pub use tally::{Count, Tally};

/// What can be used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Limit {
    /// Calls of a principal per second.
    CallRate,
    /// Calls of a principal at a time.
    Calls,
    /// Streams of answers of a principal at a time.
    Streams,
    /// Time for a call.
    CallTime,
    /// Time for the bytes of a message.
    MessageTime,
    /// Bytes of a message.
    MessageSize,
    /// Connections of a principal.
    ConnectionsEach,
    /// Connections of a port.
    Connections,
    /// Time without a call.
    Idle,
    /// Handshakes of an address per second.
    HandshakeRate,
    /// Handshakes of an address at a time.
    HandshakesEach,
    /// Handshakes of a port at a time.
    Handshakes,
    /// Time for a handshake, and then for the first bytes of HTTP/2.
    HandshakeTime,
    /// Time to stay away after a connection that came to nothing.
    StallPause,
    /// Connections per second of all who had to stay away.
    StalledRate,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 15] = [
        Self::CallRate,
        Self::Calls,
        Self::Streams,
        Self::CallTime,
        Self::MessageTime,
        Self::MessageSize,
        Self::ConnectionsEach,
        Self::Connections,
        Self::Idle,
        Self::HandshakeRate,
        Self::HandshakesEach,
        Self::Handshakes,
        Self::HandshakeTime,
        Self::StallPause,
        Self::StalledRate,
    ];

    /// The field of `[limits]` in config.toml that sets it; of a message's size, which is the
    /// program's, a name like one.
    pub const fn field(self) -> &'static str {
        match self {
            Self::CallRate => "calls_per_second",
            Self::Calls => "max_calls_per_identity",
            Self::Streams => "max_watches_per_identity",
            Self::CallTime => "call_timeout_ms",
            Self::MessageTime => "message_timeout_ms",
            Self::MessageSize => "message_size",
            Self::ConnectionsEach => "max_connections_per_identity",
            Self::Connections => "max_connections",
            Self::Idle => "idle_timeout_ms",
            Self::HandshakeRate => "handshakes_per_second_per_address",
            Self::HandshakesEach => "max_handshakes_per_address",
            Self::Handshakes => "max_handshakes",
            Self::HandshakeTime => "handshake_timeout_ms",
            Self::StallPause => "stall_pause_ms",
            Self::StalledRate => "stalled_per_second",
        }
    }

    const fn index(self) -> usize {
        self as usize
    }
}

/// More was asked for than one may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded {
    /// Of what.
    pub limit: Limit,
    /// How much there is.
    pub most: u64,
    /// When the same is worth asking for again.
    pub after: Duration,
}

impl fmt::Display for Exceeded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { most, .. } = self;
        match self.limit {
            Limit::CallRate => write!(f, "more than {most} calls per second")?,
            Limit::Calls => write!(f, "{most} calls are open already")?,
            Limit::Streams => write!(f, "{most} streams of answers are open already")?,
            Limit::ConnectionsEach | Limit::Connections => {
                write!(f, "{most} connections are open already")?;
            }
            Limit::HandshakeRate => write!(f, "more than {most} handshakes per second")?,
            Limit::HandshakesEach | Limit::Handshakes => {
                write!(f, "{most} handshakes are in progress already")?;
            }
            Limit::StallPause => write!(
                f,
                "connections came to nothing, and the pause after them, {most} ms at most, is not over"
            )?,
            Limit::StalledRate => write!(
                f,
                "more than {most} connections per second of those whose connections came to nothing"
            )?,
            Limit::MessageSize => write!(f, "the message is longer than {most} bytes")?,
            Limit::CallTime | Limit::MessageTime | Limit::Idle | Limit::HandshakeTime => {
                write!(f, "it took longer than {most} ms")?;
            }
        }
        write!(f, " (`limits.{}`)", self.limit.field())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_limit_has_a_place_and_a_field_of_its_own() {
        let mut fields = std::collections::BTreeSet::new();
        for (place, limit) in Limit::ALL.into_iter().enumerate() {
            assert_eq!(limit.index(), place);
            assert!(fields.insert(limit.field()));
        }
    }
}
