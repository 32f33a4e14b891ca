//! The connections of a port by their certificate's serial, so that a revoked one is cut at once and
//! not only refused when it comes again.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use crate::home::TrustedIssuers;

/// Serial number of a certificate, as its DER integer has it, without leading zeros; of a trusted
/// issuer's with its label before it ([`TrustedIssuers::serial`]).
pub type Serial = Vec<u8>;

/// The live connections of a port.
#[derive(Debug, Default)]
pub struct Live {
    state: Mutex<State>,
    issuers: TrustedIssuers,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    connections: HashMap<u64, (Serial, CancellationToken)>,
    revoked: BTreeSet<Serial>,
}

/// A connection's entry, given back when dropped.
pub(super) struct Entered {
    live: Arc<Live>,
    number: u64,
    /// Cancelled when the connection must end.
    pub(super) cut: CancellationToken,
}

impl Live {
    /// Nothing yet, at a port where these issuers vouch for callers too.
    pub fn trusting(issuers: TrustedIssuers) -> Self {
        Self {
            state: Mutex::default(),
            issuers,
        }
    }

    /// Who vouches for callers beside the countries' CAs.
    pub const fn issuers(&self) -> &TrustedIssuers {
        &self.issuers
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Cuts what is up under these serials, and lets nothing in under them from now on. Answers how
    /// many connections were cut.
    pub fn revoke(&self, revoked: BTreeSet<Serial>) -> usize {
        let mut state = self.state();
        let mut cut = 0;
        for (serial, connection) in state.connections.values() {
            if revoked.contains(serial) && !connection.is_cancelled() {
                connection.cancel();
                cut += 1;
            }
        }
        state.revoked = revoked;
        cut
    }

    /// Enters a connection whose handshake is over; `None` when its certificate was revoked while
    /// the handshake went on. `cut` ends it together with all others.
    pub(super) fn enter(
        live: &Arc<Self>,
        serial: Serial,
        cut: &CancellationToken,
    ) -> Option<Entered> {
        let mut state = live.state();
        if state.revoked.contains(&serial) {
            return None;
        }
        let number = state.next;
        state.next = state.next.wrapping_add(1);
        let cut = cut.child_token();
        state.connections.insert(number, (serial, cut.clone()));
        drop(state);
        Some(Entered {
            live: Arc::clone(live),
            number,
            cut,
        })
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.live.state().connections.remove(&self.number);
    }
}
