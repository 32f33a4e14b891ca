//! Transferring: the items of a record, with their keys, for compartment `evidence` of the step that hands
//! them over.

use std::sync::Arc;

use crate::{entry::ItemStand, record::Reference, wire::record::EvidenceItem};

use super::{super::Node, ItemError, ItemId, upload::off};

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
                items.push(EvidenceItem {
                    id: id.to_vec(),
                    name: known.description.name,
                    description: known.description.description,
                    media_type: known.description.media_type,
                    size: known.plan.size(),
                    chunk_size: known.plan.chunk_size(),
                    root: known.root.map(|root| root.to_vec()).unwrap_or_default(),
                    key: known.key.as_bytes().to_vec(),
                    original: known.description.original,
                    custody: Vec::new(),
                });
            }
            Ok(items)
        })
        .await
    }
}
