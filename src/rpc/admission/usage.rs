//! How a connection is used, and whether it comes to nothing.

use std::{
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{Admission, locked};
use crate::limits::address_key;

/// Refused calls, beyond those that were not, after which a connection is cut.
const MOST_REFUSED: u64 = 1000;
/// Who goes on calling is said to be good once in this time, in milliseconds.
const GOOD_FOR: u64 = 60_000;
/// A connection that had to give way came to nothing only when it had this time for a call.
const TIME_TO_CALL: Duration = Duration::from_secs(1);

/// How a connection is used: whether calls are open, since when none is, and whether any was answered.
#[derive(Debug)]
pub(in crate::rpc) struct Usage {
    admission: Arc<Admission>,
    who: Arc<str>,
    address: Option<IpAddr>,
    begun: Instant,
    open: AtomicU64,
    /// Milliseconds from `begun` to the last call's beginning or end.
    last: AtomicU64,
    /// Calls that were refused, less those that were not.
    refused: AtomicU64,
    /// Milliseconds from `begun`, and one, to the last time that it was said to be good; 0 before.
    good: AtomicU64,
    called: AtomicBool,
    came_to_nothing: AtomicBool,
}

impl Usage {
    /// Of a connection that begins now.
    pub(in crate::rpc) fn new(
        admission: &Arc<Admission>,
        who: &Arc<str>,
        address: Option<IpAddr>,
    ) -> Self {
        Self {
            admission: Arc::clone(admission),
            who: Arc::clone(who),
            address,
            begun: Instant::now(),
            open: AtomicU64::new(0),
            last: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            good: AtomicU64::new(0),
            called: AtomicBool::new(false),
            came_to_nothing: AtomicBool::new(false),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn touch(&self) {
        self.last.store(self.now(), Ordering::Relaxed);
    }

    pub(super) fn call_begins(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
        self.called.store(true, Ordering::Relaxed);
        let less = |refused: u64| Some(refused.saturating_sub(1));
        // Always something to store.
        let _ = self
            .refused
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less);
        // A further call can make good what one before it did not.
        self.came_to_nothing.store(false, Ordering::Relaxed);
        self.touch();
    }

    pub(in crate::rpc) fn call_is_refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Whether calls go on and on although they are refused: no client that listens does that.
    pub(in crate::rpc) fn floods(&self) -> bool {
        self.refused.load(Ordering::Relaxed) > MOST_REFUSED
    }

    pub(super) fn call_ends(&self) {
        self.open.fetch_sub(1, Ordering::Relaxed);
        self.touch();
    }

    /// Since when no call is open; `None` while one is.
    pub(in crate::rpc) fn idle_since(&self) -> Option<Instant> {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        (self.open.load(Ordering::Relaxed) == 0).then(|| self.begun + last)
    }

    /// A call was answered: whoever it is, and the address, are good.
    pub(in crate::rpc) fn call_is_answered(&self) {
        let now = self.now().saturating_add(1);
        let before = self.good.load(Ordering::Relaxed);
        let fresh = before > 0 && now.saturating_sub(before) < GOOD_FOR;
        if !fresh && !self.came_to_nothing.load(Ordering::Relaxed) {
            self.good.store(now, Ordering::Relaxed);
            self.say_good();
        }
    }

    fn say_good(&self) {
        let now = Instant::now();
        locked(&self.admission.principals).answered(Arc::clone(&self.who), now);
        if let Some(address) = self.address {
            locked(&self.admission.standing).answered(address_key(address), now);
        }
    }

    /// It stalls: unless a call was answered, it came to nothing.
    pub(in crate::rpc) fn stalls(&self) {
        if self.good.load(Ordering::Relaxed) > 0
            || self.came_to_nothing.swap(true, Ordering::Relaxed)
        {
            return;
        }
        locked(&self.admission.principals).stall(Arc::clone(&self.who), Instant::now());
        if let Some(address) = self.address {
            self.admission.came_to_nothing(address);
        }
    }

    /// It has to give way to others: as if it stalled, when it had time for a call.
    pub(in crate::rpc) fn gives_way(&self) {
        if self.begun.elapsed() >= TIME_TO_CALL {
            self.stalls();
        }
    }

    /// It is over, by itself or because the node cut it for a reason that is not its use. Who looks
    /// whether the node is there, and goes at once, does not stall.
    pub(in crate::rpc) fn ends(&self, cut: bool) {
        let time = self.admission.limits().handshake_timeout;
        if self.good.load(Ordering::Relaxed) > 0 {
            self.say_good();
        } else if !cut && !self.called.load(Ordering::Relaxed) && self.begun.elapsed() >= time {
            self.stalls();
        }
    }
}
