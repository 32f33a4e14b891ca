//! What callers of a port may use, enforced: before a call reaches its service it takes a place and a
//! token of its principal, and its messages are held to a size and a time.
//!
//! The rules are `limits`'s; what is refused is counted, and the log says so once a minute.

mod body;
mod calls;
mod methods;

use std::{
    net::IpAddr,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

pub(super) use self::calls::Admitting;
use super::{status::DOMAIN, tls::AcceptLimits};
use crate::{
    limits::{Addresses, Callers, Exceeded, Limit, Tally},
    wire::node::{LimitRefusals, PortStatus},
};

/// Refused calls, beyond those that were not, after which a connection is cut.
const MOST_REFUSED: u64 = 1000;
/// Principals and addresses that are kept apart at once.
const KEPT: usize = 4096;

/// What is used of a port, and by whom.
#[derive(Debug)]
pub struct Admission {
    port: &'static str,
    limits: AcceptLimits,
    callers: Mutex<Callers<std::sync::Arc<str>>>,
    addresses: Mutex<Addresses>,
    tally: Mutex<Tally>,
    connections: AtomicU64,
    handshakes: AtomicU64,
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Admission {
    /// Of the port called `port`, nothing used yet.
    pub fn new(port: &'static str, limits: AcceptLimits) -> Self {
        Self {
            port,
            callers: Mutex::new(Callers::new(limits.rules, KEPT)),
            addresses: Mutex::new(Addresses::new(limits.handshake_rate, KEPT, Instant::now())),
            tally: Mutex::default(),
            connections: AtomicU64::new(0),
            handshakes: AtomicU64::new(0),
            limits,
        }
    }

    /// The limits of the port.
    pub const fn limits(&self) -> &AcceptLimits {
        &self.limits
    }

    /// Whether an address may come once more.
    ///
    /// # Errors
    /// [`Exceeded`], counted already.
    pub(super) fn come(&self, address: IpAddr) -> Result<(), Exceeded> {
        let come = locked(&self.addresses).come(address, Instant::now());
        come.inspect_err(|exceeded| self.note(*exceeded, &address))
    }

    /// Counts what was refused to somebody; the log hears of it now and then.
    pub(super) fn note(&self, exceeded: Exceeded, whom: &dyn std::fmt::Display) {
        let unsaid = locked(&self.tally).note(exceeded.limit, Instant::now());
        if let Some(times) = unsaid {
            tracing::warn!(port = self.port, %whom, times, "refused: {exceeded}");
        }
    }

    /// As [`Self::note`], of a limit that is a number of the configuration.
    pub(super) fn note_of(&self, limit: Limit, whom: &dyn std::fmt::Display) {
        let limits = &self.limits;
        let count = |of: usize| u64::try_from(of).unwrap_or(u64::MAX);
        let time = |of: Duration| u64::try_from(of.as_millis()).unwrap_or(u64::MAX);
        let most = match limit {
            Limit::ConnectionsEach => count(limits.max_connections_per_identity),
            Limit::Connections => count(limits.max_connections),
            Limit::HandshakesEach => count(limits.max_handshakes_per_address),
            Limit::Handshakes => count(limits.max_handshakes),
            Limit::HandshakeTime => time(limits.handshake_timeout),
            Limit::Idle => time(limits.idle_timeout),
            Limit::CallTime => time(limits.call_timeout),
            Limit::MessageTime => time(limits.message_timeout),
            Limit::CallRate => limits.rules.rate.per_second,
            Limit::Calls => limits.rules.calls,
            Limit::Streams => limits.rules.streams,
            Limit::HandshakeRate => limits.handshake_rate.per_second,
            Limit::MessageSize => 0,
        };
        let after = Duration::ZERO;
        self.note(Exceeded { limit, most, after }, whom);
    }

    /// How many connections and handshakes there are now.
    pub(super) fn occupied(&self, connections: Option<usize>, handshakes: Option<usize>) {
        let set = |gauge: &AtomicU64, value: Option<usize>| {
            if let Some(value) = value {
                gauge.store(u64::try_from(value).unwrap_or(u64::MAX), Ordering::Relaxed);
            }
        };
        set(&self.connections, connections);
        set(&self.handshakes, handshakes);
    }

    /// What is used now and what was refused since the start.
    pub(super) fn status(&self) -> PortStatus {
        let (calls, streams) = locked(&self.callers).open();
        let refused = locked(&self.tally).refused();
        PortStatus {
            port: self.port.to_owned(),
            connections: self.connections.load(Ordering::Relaxed),
            most_connections: u64::try_from(self.limits.max_connections).unwrap_or(u64::MAX),
            handshakes: self.handshakes.load(Ordering::Relaxed),
            calls,
            streams,
            refused: refused
                .into_iter()
                .map(|count| LimitRefusals {
                    limit: count.limit.field().to_owned(),
                    count: count.refused,
                })
                .collect(),
        }
    }
}

/// The answer to who asked for too much: which limit, how much there is, when to come again.
fn refusal(exceeded: Exceeded) -> Status {
    let (code, reason) = match exceeded.limit {
        Limit::CallTime => (Code::DeadlineExceeded, "CALL_SLOW"),
        Limit::MessageTime => (Code::DeadlineExceeded, "MESSAGE_SLOW"),
        Limit::MessageSize => (Code::InvalidArgument, "MESSAGE_TOO_LARGE"),
        _ => (Code::ResourceExhausted, "LIMIT_EXCEEDED"),
    };
    let mut details = ErrorDetails::new();
    let named = [
        ("limit".to_owned(), exceeded.limit.field().to_owned()),
        ("most".to_owned(), exceeded.most.to_string()),
    ];
    details.set_error_info(reason, DOMAIN, named);
    if code == Code::ResourceExhausted {
        details.set_retry_info(Some(exceeded.after));
    }
    Status::with_error_details(code, exceeded.to_string(), details)
}

/// How a connection is used: whether calls are open, and since when none is.
#[derive(Debug)]
pub(super) struct Usage {
    begun: Instant,
    open: AtomicU64,
    /// Milliseconds from `begun` to the last call's beginning or end.
    last: AtomicU64,
    /// Calls that were refused, less those that were not.
    refused: AtomicU64,
}

impl Usage {
    pub(super) fn new() -> Self {
        Self {
            begun: Instant::now(),
            open: AtomicU64::new(0),
            last: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    fn touch(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(now, Ordering::Relaxed);
    }

    fn call_begins(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        let less = |refused: u64| Some(refused.saturating_sub(1));
        // Always something to store.
        let _ = self
            .refused
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        self.touch();
    }

    fn call_is_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether calls go on and on although they are refused: no client that listens does that.
    pub(super) fn floods(&self) -> bool {
        self.refused.load(Ordering::Relaxed) > MOST_REFUSED
    }

    fn call_ends(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.touch();
    }

    /// Since when no call is open; `None` while one is.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        (self.open.load(Ordering::Relaxed) == 0).then(|| self.begun + last)
    }
}
