//! Room: how many bytes of submissions a node holds at the same time, whoever sends them.
//!
//! A record under way takes several times its size (as it came, sealed, in the group that becomes
//! durable), so what is under way is bounded in bytes and not in records. Beyond that a submission
//! waits, and who sent it with it; what waits is bounded too.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::SubmitError;
use crate::node::NodeError;

/// Room for submissions under way, in KiB: as they came, until they are durable.
pub(super) const UNDER_WAY_KIB: u32 = 32 * 1024;
/// Room for submissions that wait for it, in KiB.
pub(super) const WAITING_KIB: u32 = 64 * 1024;

/// The room of a node.
#[derive(Debug, Clone)]
pub(super) struct Room {
    under_way: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
}

/// Room taken; dropping it gives it back.
pub(super) type Taken = OwnedSemaphorePermit;

impl Default for Room {
    fn default() -> Self {
        let kib = |kib| Arc::new(Semaphore::new(usize::try_from(kib).unwrap_or(usize::MAX)));
        Self {
            under_way: kib(UNDER_WAY_KIB),
            waiting: kib(WAITING_KIB),
        }
    }
}

impl Room {
    /// Takes room for a record of so many bytes; waits for it in the order of asking. Clients that
    /// find no room to wait in either are refused; the node's own steps wait.
    pub(super) async fn take(&self, bytes: usize, by_node: bool) -> Result<Taken, SubmitError> {
        let kib = u32::try_from(bytes.div_ceil(1024)).map_or(UNDER_WAY_KIB, |kib| {
            // A record within its bound always fits.
            kib.clamp(1, UNDER_WAY_KIB)
        });
        if let Ok(taken) = Arc::clone(&self.under_way).try_acquire_many_owned(kib) {
            return Ok(taken);
        }
        let _waiting = match self.waiting.try_acquire_many(kib) {
            Ok(waiting) => Some(waiting),
            Err(_) if by_node => None,
            Err(_) => return Err(SubmitError::Busy),
        };
        Arc::clone(&self.under_way)
            .acquire_many_owned(kib)
            .await
            .map_err(|_| NodeError::Closed.into())
    }
}
