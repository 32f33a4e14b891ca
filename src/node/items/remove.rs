//! Taking an upload back before a step hands it over.
//!
//! **What a crash leaves.** `ItemRemoved` is durable, with its leaf and its custody entry, before anything is
//! erased: from then on nobody downloads the item and no step hands it over. Its slot, its chunks and its rows
//! go after that; where the node ended in between they are due, and go with the next round.

use std::sync::Arc;

use crate::{
    access::{Permit, act},
    entry::{ItemEnd, ItemRow, ItemStand},
    record::Reference,
    wire::record::CustodyAct,
};

use super::{
    super::{
        Node, NodeError,
        rules::{By, ItemOrder, Proposal, Refusal},
    },
    ItemError, ItemId, plan_of,
    upload::off,
};

/// How often it is tried while the item's chain of custody goes on.
const ATTEMPTS: usize = 8;

/// An upload to take back.
#[derive(Clone, Debug)]
pub struct RemoveOrder {
    /// The record that it was uploaded to.
    pub reference: Reference,
    /// Which.
    pub item: ItemId,
    /// Why, for its chain of custody.
    pub reason: String,
}

impl Node {
    /// Takes an upload back that was finished and not handed over: leaf and custody entry are durable, and
    /// nothing gives it out any more, when this answers.
    ///
    /// # Errors
    /// [`ItemError::HandedOver`], [`ItemError::NotYours`], [`ItemError::NotWhole`], [`ItemError::Unknown`];
    /// the item stays as it is then.
    pub async fn remove_item(
        self: &Arc<Self>,
        permit: Permit<act::UploadEvidence>,
        order: RemoveOrder,
    ) -> Result<(), ItemError> {
        let item = order.item;
        for _ in 0..ATTEMPTS {
            let (node, by, asked) = (Arc::clone(self), permit.clone(), order.clone());
            let removal = off(move || node.removal(&by, &asked)).await?;
            let proposed = self.writer.propose(Proposal::Item(removal)).await;
            match proposed.map_err(NodeError::from) {
                Ok(_) => {
                    if let Err(error) = self.drop_item(item, ItemEnd::Removed).await {
                        tracing::warn!(%error, item = hex::encode(item), "an item that was taken back is not erased yet; it stays due");
                    }
                    return Ok(());
                }
                // It was opened, or handed over, meanwhile: looked at again.
                Err(NodeError::Refused(Refusal::Raced)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(NodeError::Refused(Refusal::Raced).into())
    }

    fn removal(
        &self,
        permit: &Permit<act::UploadEvidence>,
        order: &RemoveOrder,
    ) -> Result<ItemOrder, ItemError> {
        let header = self.request_for_items(permit, &order.reference)?;
        let unknown = || ItemError::Unknown {
            reference: order.reference,
            item: hex::encode(order.item),
        };
        let row = self.item_row(&order.item)?;
        let row = row.filter(|row| row.header_digest == header.as_bytes());
        let row = row.ok_or_else(unknown)?;
        match row.stand() {
            ItemStand::Kept => {}
            ItemStand::Uploading => {
                let plan = plan_of(&row).ok_or_else(unknown)?;
                return Err(ItemError::NotWhole {
                    chunks: self.chunks_of(order.item, plan, &row),
                    all: plan.chunks(),
                });
            }
            _ => return Err(unknown()),
        }
        if !row.transfers.is_empty() {
            let mut peers: Vec<String> = row.transfers.into_iter().map(|of| of.peer).collect();
            peers.sort();
            peers.dedup();
            return Err(ItemError::HandedOver(peers));
        }
        let number = self.find(&order.reference)?;
        self.check_may_remove(permit, number, &row)?;
        let by = By::of(permit);
        let mut custody = Vec::new();
        // What an officer stated before is not stated twice; no step hands it over since.
        let end = self.custody_end(&order.item)?;
        if end.is_none_or(|last| last.act != CustodyAct::Destroyed) {
            let entry = self.destroyed_entry(number, order.item, &by, &order.reason)?;
            custody.push(entry.map_err(ItemError::Custody)?);
        }
        Ok(ItemOrder::Remove {
            id: order.item,
            reference: order.reference.to_string(),
            by,
            custody,
        })
    }

    /// Whether the caller uploaded it, or acts for the authority in charge: the one whose record it is, or
    /// the one that executes the request.
    fn check_may_remove(
        &self,
        permit: &Permit<act::UploadEvidence>,
        number: u64,
        row: &ItemRow,
    ) -> Result<(), ItemError> {
        if row.uploader_tag == self.person(&permit.actor()) {
            return Ok(());
        }
        let stored = self.stored(number)?;
        let in_charge = if stored.holding.origin == self.country.code() {
            Some(self.open_stored(&stored)?.authority)
        } else {
            self.executing_authority(number)?
        };
        let own = permit.principal().authority();
        if own.is_some() && own == in_charge.as_deref() {
            return Ok(());
        }
        Err(ItemError::NotYours)
    }
}
