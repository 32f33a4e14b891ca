//! Reading the chunks of items again, slowly: one that rotted is named, and fetched again from the country
//! that it came from or that it was handed over to.

use std::{
    sync::{Arc, Weak},
    time::{Duration, Instant},
};

use crate::{entry::ItemStand, store::ChunkError};

use super::{
    super::{Node, NodeError, read::blocking},
    ItemId, rows,
};

/// The first reading begins this long after the start.
const FIRST: Duration = Duration::from_secs(90);

/// Reads every whole item again and again, until the node goes.
pub(in crate::node) async fn scrub(node: Weak<Node>) {
    let Some((speed, between)) = node.upgrade().map(|node| {
        let store = &node.config.store;
        (
            store.scrub_mib_s << 20,
            Duration::from_secs(store.scrub_pause_s),
        )
    }) else {
        return;
    };
    if speed == 0 {
        return;
    }
    let mut pause = between.min(FIRST);
    loop {
        tokio::time::sleep(pause).await;
        pause = between;
        let Some(strong) = node.upgrade() else { return };
        let items = rows::all(&strong.store);
        drop(strong);
        for (id, _) in items.unwrap_or_default() {
            match read_again(&node, id, speed).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    tracing::warn!(%error, item = hex::encode(id), "an item cannot be read again now");
                }
            }
        }
    }
}

/// Reads one item; answers whether the node is still there.
async fn read_again(node: &Weak<Node>, id: ItemId, speed: u64) -> Result<bool, NodeError> {
    let (begun, mut done, mut index) = (Instant::now(), 0_u64, 0_u64);
    loop {
        let Some(strong) = node.upgrade() else {
            return Ok(false);
        };
        let Some(read) = blocking(move || strong.chunk_again(id, index)).await? else {
            return Ok(true);
        };
        index = index.saturating_add(1);
        done = done.saturating_add(read);
        let due = done.saturating_mul(1000).checked_div(speed).unwrap_or(0);
        let early = Duration::from_millis(due).saturating_sub(begun.elapsed());
        tokio::time::sleep(early).await;
    }
}

impl Node {
    /// Reads a chunk of a whole item and opens it; its bytes, or `None` when there is none.
    fn chunk_again(self: &Arc<Self>, id: ItemId, index: u64) -> Result<Option<u64>, NodeError> {
        let Some(row) = self.item_row(&id)? else {
            return Ok(None);
        };
        if !matches!(row.stand(), ItemStand::Kept | ItemStand::Arrived) {
            return Ok(None);
        }
        let known = match self.known(id, row) {
            Ok(Some(known)) => known,
            // Locked, or shredded meanwhile: nothing opens it any more.
            Ok(None) | Err(NodeError::Holding(_)) => return Ok(None),
            Err(error) => return Err(error),
        };
        if index >= known.plan.chunks() {
            return Ok(None);
        }
        let reader = match self.items.chunks.read(id, known.plan) {
            Ok(reader) => reader,
            Err(ChunkError::Store(error)) => return Err(error.into()),
            Err(error) => {
                tracing::error!(%error, item = hex::encode(id), "the chunks of an item are missing");
                return Ok(None);
            }
        };
        let opened = reader
            .plain(&known.key, index)
            .and_then(|chunk| Ok((chunk, reader.proof(&known.key, index)?)));
        match opened {
            Ok((chunk, _)) => Ok(Some(chunk.len() as u64)),
            Err(ChunkError::Damaged(at)) => {
                self.item_damaged(id, &known.row, at);
                Ok(Some(known.plan.length(index) as u64))
            }
            Err(ChunkError::Store(error)) => Err(error.into()),
            Err(error) => {
                tracing::error!(%error, item = hex::encode(id), "a chunk of an item cannot be read");
                Ok(None)
            }
        }
    }
}
