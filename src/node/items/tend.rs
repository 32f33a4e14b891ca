//! What happens to items by itself: uploads that nobody goes on with are given up, and the items of
//! records that were shredded go.

use std::{
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{
    entry::{ItemEnd, ItemRow},
    store::StoreError,
};

use super::{
    super::{
        Node, NodeError,
        read::blocking,
        rules::{ItemOrder, Proposal},
    },
    ItemId, rows,
};

/// Pause between two rounds.
const ROUND: Duration = Duration::from_secs(1);

/// Runs rounds until the node is gone or closed.
pub(in crate::node) async fn run(node: Weak<Node>) {
    loop {
        tokio::time::sleep(ROUND).await;
        let Some(node) = node.upgrade() else { return };
        match node.tend_items().await {
            Ok(()) => {}
            Err(NodeError::Closed) => return,
            Err(error) => {
                tracing::warn!(%error, "what is due of items cannot be done now; it stays due");
            }
        }
    }
}

impl Node {
    /// One round.
    ///
    /// # Errors
    /// [`NodeError`] when something failed; it stays due.
    pub(in crate::node) async fn tend_items(self: &Arc<Self>) -> Result<(), NodeError> {
        for id in rows::doomed(&self.store)? {
            self.drop_item(id, ItemEnd::Shredded).await?;
        }
        let now = self.now().micros();
        for id in rows::open(&self.store, None)? {
            let Some(row) = self.item_row(&id)? else {
                continue;
            };
            if row.until_us <= now {
                tracing::info!(item = hex::encode(id), "an upload that nobody went on with is given up");
                self.drop_item(id, ItemEnd::Expired).await?;
            }
        }
        Ok(())
    }

    /// Ends an item: whoever writes it, its slot, its chunks, its rows. A crash in between leaves it due
    /// again, and each step can be done twice.
    ///
    /// # Errors
    /// [`NodeError`].
    pub(super) async fn drop_item(
        self: &Arc<Self>,
        id: ItemId,
        why: ItemEnd,
    ) -> Result<(), NodeError> {
        let seat = self.items.sit(id);
        seat.replaced.cancel();
        let _writing = Arc::clone(&seat.writing).lock_owned().await;
        let Some(row) = self.item_row(&id)? else {
            self.items.unseat(&id);
            return Ok(());
        };
        let node = Arc::clone(self);
        let slot = row.peer.is_empty().then_some(row.slot);
        let alone = self.life_change.lock().await;
        blocking(move || {
            if let Some(slot) = slot {
                match node.slots.erase(&[slot]) {
                    Ok(_) | Err(StoreError::NoSuchSlot(_)) => {}
                    Err(error) => return Err(error.into()),
                }
            }
            node.items.chunks.remove(&id)?;
            Ok(())
        })
        .await?;
        drop(alone);
        let gone = Proposal::Item(ItemOrder::Gone { id, why });
        self.writer.propose(gone).await?;
        self.items.room().give_back(&id);
        self.items.unseat(&id);
        Ok(())
    }

    /// A chunk does not open on the own disk: log and ledger name it; one of another country's item is
    /// fetched again.
    pub(super) fn item_damaged(self: &Arc<Self>, id: ItemId, row: &ItemRow, index: u64) {
        tracing::error!(
            item = hex::encode(id),
            chunk = index,
            from = row.peer,
            "a chunk of an item is damaged on this disk"
        );
        self.note_damaged(id, "", index);
        if let Ok(peer) = row.peer.parse() {
            self.items.streams.repair(peer, id, index);
        }
    }

    /// Writes into the ledger that a chunk is damaged, once.
    pub(super) fn note_damaged(self: &Arc<Self>, id: ItemId, peer: &str, chunk: u64) {
        if !self.items.streams.is_news(id, chunk) {
            return;
        }
        let peer = peer.to_owned();
        let node = Arc::clone(self);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let order = ItemOrder::Damaged { id, peer, chunk };
                if let Err(error) = node.writer.propose(Proposal::Item(order)).await {
                    tracing::error!(%error, "that a chunk is damaged is not in the ledger");
                }
            });
        }
    }
}
