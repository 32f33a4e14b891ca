//! Transferring: the items of a record, with their keys, for compartment `evidence` of the step that hands
//! them over.

use std::sync::Arc;

use crate::{
    crypto::Digest,
    entry::{ItemRow, ItemStand},
    record::{Reference, joint::is_amendment},
    wire::record::{EvidenceItem, Record},
};

use super::{
    super::{Node, NodeError},
    ItemError, ItemId,
    known::Known,
    rows,
    upload::off,
};

impl Node {
    /// Items uploaded to a record, as compartment `evidence` of a step names them: whoever reads the
    /// compartment has the keys. Nothing leaves the node by this; once the step is durable its
    /// destinations may ask for the chunks.
    ///
    /// # Errors
    /// [`ItemError::Unknown`] for what was not uploaded to that record, [`ItemError::NotWhole`] for an
    /// upload that is not finished.
    pub async fn items_to_transfer(
        self: &Arc<Self>,
        reference: Reference,
        ids: Vec<ItemId>,
    ) -> Result<Vec<EvidenceItem>, ItemError> {
        let node = Arc::clone(self);
        off(move || {
            let header = node.held(node.find(&reference)?)?.digest;
            let mut items = Vec::with_capacity(ids.len());
            for id in ids {
                let unknown = || ItemError::Unknown {
                    reference,
                    item: hex::encode(id),
                };
                let row = node.item_row(&id)?.ok_or_else(unknown)?;
                if row.header_digest != header.as_bytes() {
                    return Err(unknown());
                }
                match row.stand() {
                    ItemStand::Kept => {}
                    ItemStand::Uploading => {
                        let plan = super::plan_of(&row).ok_or_else(unknown)?;
                        return Err(ItemError::NotWhole {
                            chunks: node.chunks_of(id, plan, &row),
                            all: plan.chunks(),
                        });
                    }
                    _ => return Err(unknown()),
                }
                let known = node.known(id, row)?.ok_or_else(unknown)?;
                items.push(named(known));
            }
            Ok(items)
        })
        .await
    }

    /// Completes items that an amendment names by their ids alone: those that the record before it names, and
    /// files that were uploaded here to it. Whoever may amend it hands over what belongs to it.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub(in crate::node) fn name_uploads(
        &self,
        record: &mut Record,
        amended: Option<u64>,
    ) -> Result<(), NodeError> {
        let Some(amended) = amended.filter(|_| is_amendment(record)) else {
            return Ok(());
        };
        let is_bare = |of: &EvidenceItem| of.root.is_empty() && of.key.is_empty() && of.size == 0;
        let items = record.evidence.iter_mut().flat_map(|of| &mut of.items);
        let bare: Vec<&mut EvidenceItem> = items
            .filter(|of| is_bare(of) && of.description.is_empty())
            .collect();
        if bare.is_empty() {
            return Ok(());
        }
        let stored = self.stored(amended)?;
        let before = match self.open_stored(&stored) {
            Ok(before) => before.evidence.unwrap_or_default().items,
            // That nothing follows it any more is said where that is checked.
            Err(NodeError::Holding(_)) => return Ok(()),
            Err(error) => return Err(error),
        };
        for item in bare {
            if let Some(known) = before.iter().find(|of| of.id == item.id) {
                item.clone_from(known);
                continue;
            }
            let Ok(id) = ItemId::try_from(item.id.as_slice()) else {
                continue;
            };
            let belongs = |row: &ItemRow| {
                row.stand() == ItemStand::Kept && row.header_digest == stored.digest.as_bytes()
            };
            let Some(row) = self.item_row(&id)?.filter(belongs) else {
                continue;
            };
            if let Some(known) = self.known(id, row)? {
                *item = named(known);
            }
        }
        Ok(())
    }

    /// Files uploaded here to a record and whole, as a step would name them, without their keys.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub(in crate::node) fn uploads_to(
        &self,
        header: &Digest,
    ) -> Result<Vec<EvidenceItem>, NodeError> {
        let mut uploads = Vec::new();
        for id in rows::of_record(&self.store, header)? {
            let Some(row) = self
                .item_row(&id)?
                .filter(|row| row.stand() == ItemStand::Kept)
            else {
                continue;
            };
            if let Some(known) = self.known(id, row)? {
                uploads.push(EvidenceItem {
                    key: Vec::new(),
                    ..named(known)
                });
            }
        }
        Ok(uploads)
    }
}

/// An item as compartment `evidence` names it, with its key.
fn named(known: Known) -> EvidenceItem {
    EvidenceItem {
        id: known.id.to_vec(),
        name: known.description.name,
        description: known.description.description,
        media_type: known.description.media_type,
        size: known.plan.size(),
        chunk_size: known.plan.chunk_size(),
        root: known.root.map(|root| root.to_vec()).unwrap_or_default(),
        key: known.key.as_bytes().to_vec(),
        original: known.description.original,
        custody: Vec::new(),
    }
}
