//! What a stranger can occupy: handshakes in progress, and places for connections.

use std::{
    collections::{HashMap, VecDeque},
    hash::Hash,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::AbortHandle;

use super::AcceptLimits;

/// Handshakes in progress. When there are too many the oldest ends: an honest one takes
/// milliseconds, so what is old is stalled.
pub(super) struct Handshakes {
    running: VecDeque<AbortHandle>,
    most: usize,
}

impl Handshakes {
    pub(super) fn new(most: usize) -> Self {
        Self {
            running: VecDeque::new(),
            most: most.max(1),
        }
    }

    pub(super) fn start(&mut self, handshake: impl Future<Output = ()> + Send + 'static) {
        if self.running.len() >= self.most {
            self.running.retain(|handle| !handle.is_finished());
        }
        if self.running.len() >= self.most
            && let Some(oldest) = self.running.pop_front()
        {
            oldest.abort();
        }
        self.running
            .push_back(tokio::spawn(handshake).abort_handle());
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        for handle in &self.running {
            handle.abort();
        }
    }
}

/// Connections taken, per identity.
pub(super) struct Seats<K> {
    taken: Mutex<HashMap<K, usize>>,
    most: usize,
    most_each: usize,
}

/// One connection's place, given back when dropped.
pub(super) struct Seat<K: Hash + Eq> {
    seats: Arc<Seats<K>>,
    key: K,
}

impl<K: Hash + Eq + Clone> Seats<K> {
    pub(super) fn new(limits: &AcceptLimits) -> Self {
        Self {
            taken: Mutex::new(HashMap::new()),
            most: limits.max_connections,
            most_each: limits.max_connections_per_identity,
        }
    }

    pub(super) fn take(seats: &Arc<Self>, key: K) -> Option<Seat<K>> {
        let mut taken = seats.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let own = taken.get(&key).copied().unwrap_or_default();
        if own >= seats.most_each || taken.values().sum::<usize>() >= seats.most {
            return None;
        }
        taken.insert(key.clone(), own + 1);
        drop(taken);
        Some(Seat {
            seats: Arc::clone(seats),
            key,
        })
    }
}

impl<K: Hash + Eq> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut taken = self
            .seats
            .taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = taken.get_mut(&self.key) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                taken.remove(&self.key);
            }
        }
    }
}
