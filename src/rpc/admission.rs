//! What callers of a port may use, enforced: before a call reaches its service it takes a place and a
//! token of its principal, and its messages are held to a size and a time.
//!
//! The rules are `limits`'s; what is refused is counted, and the log says so once a minute.

mod body;
mod calls;
mod methods;
mod usage;

use std::{
    net::IpAddr,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

pub(super) use self::{
    calls::{Admitting, Begun},
    usage::Usage,
};
use super::{status::DOMAIN, tls::AcceptLimits};
use crate::{
    limits::{Addresses, Callers, Exceeded, Limit, Standings, Tally, address_key},
    wire::node::{LimitRefusals, PortStatus},
};

/// Principals and addresses that are kept apart at once.
const KEPT: usize = 4096;
/// Addresses, and as many principals, whose connections came to nothing, or did not, that are kept.
const STANDINGS: usize = 16_384;

/// What is used of a port, and by whom.
#[derive(Debug)]
pub struct Admission {
    port: &'static str,
    limits: AcceptLimits,
    callers: Mutex<Callers<Arc<str>>>,
    addresses: Mutex<Addresses>,
    standing: Mutex<Standings<IpAddr>>,
    principals: Mutex<Standings<Arc<str>>>,
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
        let now = Instant::now();
        Self {
            port,
            callers: Mutex::new(Callers::new(limits.rules, KEPT)),
            addresses: Mutex::new(Addresses::new(limits.handshake_rate, KEPT, now)),
            standing: Mutex::new(Standings::new(limits.patience, STANDINGS, now)),
            principals: Mutex::new(Standings::new(limits.patience, STANDINGS, now)),
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
        let now = Instant::now();
        let key = address_key(address);
        let come = locked(&self.standing).pauses(&key, now);
        // Last what is shared: one that comes too often takes nothing of it from the others.
        let come = come
            .and_then(|()| locked(&self.addresses).come(address, now))
            .and_then(|()| locked(&self.standing).come(&key, now));
        come.inspect_err(|exceeded| self.note(*exceeded, &address))
    }

    /// Whether a principal, known since its handshake, does not pause.
    ///
    /// # Errors
    /// [`Exceeded`], counted already.
    pub(super) fn known(&self, who: &Arc<str>) -> Result<(), Exceeded> {
        let pauses = locked(&self.principals).pauses(who, Instant::now());
        pauses.inspect_err(|exceeded| self.note(*exceeded, who))
    }

    /// A connection from an address came to nothing.
    pub(in crate::rpc) fn came_to_nothing(&self, address: IpAddr) {
        locked(&self.standing).stall(address_key(address), Instant::now());
    }

    /// A principal came from an address while it pauses.
    pub(super) fn came_while_pausing(&self, address: IpAddr) {
        locked(&self.standing).stall_again(address_key(address), Instant::now());
    }

    /// Counts what was refused to somebody; the log hears of it now and then.
    pub(super) fn note(&self, exceeded: Exceeded, whom: &dyn std::fmt::Display) {
        let unsaid = locked(&self.tally).note(exceeded.limit, Instant::now());
        if let Some(times) = unsaid {
            tracing::warn!(port = self.port, %whom, times, "refused: {exceeded}");
        }
    }

    /// As [`Self::note`], of a limit that is a number of the configuration.
    pub(in crate::rpc) fn note_of(&self, limit: Limit, whom: &dyn std::fmt::Display) {
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
            Limit::StallPause => time(limits.patience.longest),
            Limit::StalledRate => limits.patience.shared.per_second,
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
