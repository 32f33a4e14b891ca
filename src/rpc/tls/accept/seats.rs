//! What a stranger can occupy: handshakes in progress, and places for connections.

use std::{
    cmp::Reverse,
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::{
    limits::{Limit, Queue, address_key},
    rpc::admission::{Admission, Usage},
};

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// An honest handshake is over within this time, or on a bad line: what is older and has to give way
/// stalled.
const HONEST: Duration = Duration::from_secs(3);

/// Handshakes in progress. When there are too many the oldest ends.
pub(super) struct Handshakes {
    state: Arc<Mutex<Running>>,
    admission: Arc<Admission>,
}

struct Running {
    queue: Queue<IpAddr>,
    tasks: HashMap<u64, AbortHandle>,
}

/// Leaves the queue when a handshake is over, however it ends.
struct Leave {
    state: Arc<Mutex<Running>>,
    admission: Arc<Admission>,
    number: u64,
}

impl Handshakes {
    pub(super) fn new(admission: Arc<Admission>) -> Self {
        let limits = admission.limits();
        let queue = Queue::new(limits.max_handshakes, limits.max_handshakes_per_address);
        let tasks = HashMap::new();
        Self {
            state: Arc::new(Mutex::new(Running { queue, tasks })),
            admission,
        }
    }

    pub(super) fn start(&self, from: IpAddr, handshake: impl Future<Output = ()> + Send + 'static) {
        let mut running = locked(&self.state);
        let (number, dropped) = running.queue.enter(address_key(from), Instant::now());
        let given_up = dropped.and_then(|of| running.tasks.remove(&of.number));
        let leave = Leave {
            state: Arc::clone(&self.state),
            admission: Arc::clone(&self.admission),
            number,
        };
        let task = tokio::spawn(async move {
            let _leave = leave;
            handshake.await;
        });
        running.tasks.insert(number, task.abort_handle());
        self.admission.occupied(None, Some(running.queue.len()));
        drop(running);
        if let Some(task) = given_up {
            task.abort();
        }
        if let Some(dropped) = dropped {
            self.admission.note_of(dropped.limit, &dropped.from);
            if dropped.lasted >= HONEST {
                self.admission.came_to_nothing(dropped.from);
            }
        }
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        let mut running = locked(&self.state);
        running.queue.leave(self.number);
        running.tasks.remove(&self.number);
        self.admission.occupied(None, Some(running.queue.len()));
    }
}

impl Drop for Handshakes {
    fn drop(&mut self) {
        let tasks = std::mem::take(&mut locked(&self.state).tasks);
        for task in tasks.into_values() {
            task.abort();
        }
    }
}

/// Connections of a port, by identity.
pub(super) struct Seats {
    taken: Mutex<Taken>,
    admission: Arc<Admission>,
}

#[derive(Default)]
struct Taken {
    next: u64,
    all: HashMap<u64, Place>,
    each: HashMap<Arc<str>, usize>,
}

struct Place {
    identity: Arc<str>,
    usage: Arc<Usage>,
    cut: CancellationToken,
}

/// Why a connection has no place.
pub(super) enum NoSeat {
    /// Its identity has its share.
    Share,
    /// Others have the port, and each of them has a call open.
    Full,
}

/// One connection's place, given back when dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    number: u64,
}

impl Seats {
    pub(super) fn new(admission: Arc<Admission>) -> Self {
        Self {
            taken: Mutex::default(),
            admission,
        }
    }

    /// A place for a connection of an identity. When the port is full, of the identity that has most
    /// connections the one without a call for longest is cut and its place taken: who has one keeps it
    /// while somebody has many. There is none when each of those that would yield has a call open, or the
    /// identity has its share.
    pub(super) fn take(
        seats: &Arc<Self>,
        identity: &Arc<str>,
        usage: &Arc<Usage>,
        cut: &CancellationToken,
    ) -> Result<Seat, NoSeat> {
        let limits = seats.admission.limits();
        let mut taken = locked(&seats.taken);
        let own = taken.each.get(identity).copied().unwrap_or_default();
        if own >= limits.max_connections_per_identity {
            drop(taken);
            seats.admission.note_of(Limit::ConnectionsEach, identity);
            return Err(NoSeat::Share);
        }
        if taken.all.len() >= limits.max_connections {
            seats.admission.note_of(Limit::Connections, identity);
            let idle = taken.all.iter().filter_map(|(number, place)| {
                let since = place.usage.idle_since()?;
                let has = taken.each.get(&place.identity).copied().unwrap_or_default();
                // Who has fewer keeps them against who has more.
                let yields = has > own || place.identity == *identity;
                yields.then_some((Reverse(has), since, *number))
            });
            let (_, _, number) = idle.min().ok_or(NoSeat::Full)?;
            if let Some(place) = taken.leave(number) {
                place.usage.gives_way();
                place.cut.cancel();
            }
        }
        let number = taken.next;
        taken.next = taken.next.wrapping_add(1);
        *taken.each.entry(Arc::clone(identity)).or_default() += 1;
        let place = Place {
            identity: Arc::clone(identity),
            usage: Arc::clone(usage),
            cut: cut.clone(),
        };
        taken.all.insert(number, place);
        seats.admission.occupied(Some(taken.all.len()), None);
        drop(taken);
        Ok(Seat {
            seats: Arc::clone(seats),
            number,
        })
    }
}

impl Taken {
    fn leave(&mut self, number: u64) -> Option<Place> {
        let place = self.all.remove(&number)?;
        if let Some(own) = self.each.get_mut(&place.identity) {
            *own = own.saturating_sub(1);
            if *own == 0 {
                self.each.remove(&place.identity);
            }
        }
        Some(place)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = locked(&self.seats.taken);
        taken.leave(self.number);
        self.seats.admission.occupied(Some(taken.all.len()), None);
    }
}
