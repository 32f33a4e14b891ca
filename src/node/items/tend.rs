//! What happens to items by itself: uploads that nobody goes on with are given up, and the items of
//! records that were shredded go.

use std::{
    collections::BTreeMap,
    sync::{Arc, Weak},
    time::Duration,
};

use crate::{
    crypto::Digest,
    entry::{ItemEnd, ItemRow, ItemStand},
    inbox::ask,
    store::StoreError,
    wire::record::{EvidenceStep, ItemArrival, ItemsArrived, evidence_step},
};

use super::{
    super::{
        Node, NodeError,
        evidence::{EvidenceError, EvidenceFault},
        read::{ReadError, blocking},
        rules::{ItemOrder, Proposal},
        submit::SubmitError,
    },
    ItemId, holders, rows,
};

/// Items of one step.
const TOGETHER: usize = 64;
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
        // One that fails keeps nothing from the others, and stays due.
        let mut failed = None;
        for id in self.items.take_missing() {
            if let Err(error) = self.conclude_fetch(id, Some("missing"), true).await {
                self.items.is_missing(id);
                failed = Some(error);
            }
        }
        for id in rows::doomed(&self.store)? {
            if let Err(error) = self.drop_item(id, ItemEnd::Shredded).await {
                failed = Some(error);
            }
        }
        self.tell_of_items().await?;
        let now = self.now().micros();
        for id in rows::open(&self.store, None)? {
            let Some(row) = self.item_row(&id)? else {
                continue;
            };
            if row.until_us <= now && !self.items.is_written(&id) {
                tracing::info!(
                    item = hex::encode(id),
                    "an upload that nobody went on with is given up"
                );
                if let Err(error) = self.drop_item(id, ItemEnd::Expired).await {
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Tells the countries that sent items what became of them: a step of the request's thread, in the
    /// group of which it is noted that it was told. A crash before leaves it untold.
    ///
    /// # Errors
    /// [`NodeError`]; it stays untold.
    async fn tell_of_items(self: &Arc<Self>) -> Result<(), NodeError> {
        let mut threads: BTreeMap<Option<u64>, Vec<(ItemId, ItemArrival)>> = BTreeMap::new();
        for id in rows::untold(&self.store)? {
            if self.items.streams.telling_rests(&id) {
                continue;
            }
            let Some(row) = self.item_row(&id)? else {
                continue;
            };
            let arrival = ItemArrival {
                id: id.to_vec(),
                whole: row.stand() == ItemStand::Arrived,
                fault: row.fault.clone(),
                custody: None,
            };
            let request = self.request_of_item(&row)?;
            threads.entry(request).or_default().push((id, arrival));
        }
        for (request, arrivals) in threads {
            for some in arrivals.chunks(TOGETHER) {
                let ids: Vec<ItemId> = some.iter().map(|(id, _)| *id).collect();
                let Some(request) = request else {
                    // Whoever sent it asked for nothing, and is owed no answer.
                    self.told_of(ids).await?;
                    continue;
                };
                let items = some.iter().map(|(_, arrival)| arrival.clone()).collect();
                let step = EvidenceStep {
                    act: Some(evidence_step::Act::ItemsArrived(ItemsArrived { items })),
                    ..EvidenceStep::default()
                };
                match self.take_nodes_step(request, step, String::new()).await {
                    Ok(_) => {}
                    Err(EvidenceError::Submit(SubmitError::Evidence(EvidenceFault::Void(why)))) => {
                        tracing::warn!(%why, "that items arrived cannot be said in the request's thread any more");
                        self.told_of(ids).await?;
                    }
                    Err(EvidenceError::Record(ReadError::Node(NodeError::Closed))) => {
                        return Err(NodeError::Closed);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "that items arrived cannot be said now; it stays to be said");
                        for id in ids {
                            self.items.streams.telling_failed(id);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    async fn told_of(&self, ids: Vec<ItemId>) -> Result<(), NodeError> {
        self.writer
            .propose(Proposal::Item(ItemOrder::Told(ids)))
            .await?;
        Ok(())
    }

    /// Number of the request whose step names an item; `None` where no request's step does.
    fn request_of_item(&self, row: &ItemRow) -> Result<Option<u64>, NodeError> {
        let Some(number) = self.number_of(row)? else {
            return Ok(None);
        };
        let follow = self.held(number)?.holding.follow;
        let request = match follow {
            Some(follow) => Digest::try_from(follow.header_digest.as_slice()).ok(),
            // Items that came with the request itself.
            None => return self.request_number(number),
        };
        let Some(request) = request else {
            return Ok(None);
        };
        match ask::by_digest(&self.store, &request)? {
            Some(number) => self.request_number(number),
            None => Ok(None),
        }
    }

    fn request_number(&self, number: u64) -> Result<Option<u64>, NodeError> {
        let holding = self.held(number)?.holding;
        Ok(holding.evidence_request.then_some(number))
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
            self.items.evict(&id);
            self.items.streams.forget(&id);
            return Ok(());
        };
        let why = match row.stand() {
            ItemStand::Removed => ItemEnd::Removed,
            _ => why,
        };
        // It became whole meanwhile: only its record's end takes that away, or an officer did.
        let ends = matches!(why, ItemEnd::Shredded | ItemEnd::Removed);
        if !ends && row.stand() != ItemStand::Uploading {
            self.items.unseat(&id, &seat);
            return Ok(());
        }
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
        self.items.evict(&id);
        self.items.streams.forget(&id);
        Ok(())
    }

    /// A chunk does not open on the own disk: log and ledger name it, and it is fetched again from whoever
    /// may have it whole.
    pub(super) fn item_damaged(self: &Arc<Self>, id: ItemId, row: &ItemRow, index: u64) {
        tracing::error!(
            item = hex::encode(id),
            chunk = index,
            from = row.peer,
            "a chunk of an item is damaged on this disk"
        );
        self.note_damaged(id, "", index);
        for peer in holders(row) {
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
