//! The disk: submissions stop early, at a share of it that the operator sets; when it is really full
//! the node stops, cleanly, while it still can.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use super::{Node, read::blocking};

/// How often the room is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(1);

impl Node {
    /// Ends when the disk is full: the process stops cleanly then, with what the reserve gives.
    pub async fn disk_is_full(&self) {
        self.disk_full.cancelled().await;
    }

    /// How full the journal's disk is, in percent; `None` when it cannot be told.
    pub(crate) fn disk_used_percent(&self) -> Option<u64> {
        let space = self.store.space().ok()?;
        (space.total > 0)
            .then(|| 100_u64.saturating_sub(space.free.saturating_mul(100) / space.total.max(1)))
    }
}

/// Looks at the room until the disk is full or the node is gone.
pub(super) async fn watch(node: Weak<Node>) {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(node) = node.upgrade() else { return };
        let looking = Arc::clone(&node);
        match blocking(move || Ok(looking.store.is_full()?)).await {
            Ok(false) => {}
            Ok(true) => {
                tracing::error!(
                    "the disk is full: the node stops, and starts again once there is room"
                );
                node.disk_full.cancel();
                return;
            }
            Err(error) => tracing::warn!(%error, "the room on the disk is not known"),
        }
    }
}
