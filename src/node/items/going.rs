//! An upload that goes on: chunks in order to the thread that writes them, then the end.

use std::sync::Arc;

use prost::bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    super::{
        Node, NodeError,
        custody::Uploaded,
        rules::{ItemOrder, Proposal},
    },
    ItemError, ItemId,
    known::Part,
    upload::{Ended, Upload, Written, off},
};
use crate::{
    crypto::{
        Digest,
        chunks::{ChunkKey, ChunkPlan},
    },
    entry::ItemEnd,
    store::ChunkWriter,
    wire::node::Item,
};

impl Upload {
    /// Id of the item.
    pub const fn id(&self) -> ItemId {
        self.id
    }

    /// How the file is cut.
    pub const fn plan(&self) -> ChunkPlan {
        self.plan
    }

    /// Chunks that were durable when the upload began or went on, and the root over them.
    pub const fn begins_at(&self) -> (u64, Digest) {
        (self.next, self.root)
    }

    /// Cancelled when the same upload goes on over another connection.
    pub fn replaced(&self) -> CancellationToken {
        self.seat.replaced.clone()
    }

    /// How many chunks are durable; changes as more become so.
    pub fn durable(&self) -> watch::Receiver<u64> {
        self.durable.clone()
    }

    /// Takes the next chunk. Waits while those before it are not written.
    ///
    /// # Errors
    /// [`ItemError`]: nothing more of this upload is taken then.
    pub async fn chunk(&mut self, index: u64, data: Bytes) -> Result<(), ItemError> {
        let (size, chunks) = (self.plan.size(), self.plan.chunks());
        if index >= chunks {
            return Err(ItemError::Grew { stated: size });
        }
        if index != self.next {
            return Err(ItemError::Order {
                found: index,
                expected: self.next,
            });
        }
        let (found, expected) = (data.len(), self.plan.length(index));
        if found > expected {
            return Err(ItemError::Grew { stated: size });
        }
        if found < expected {
            return Err(ItemError::Shrank {
                stated: size,
                came: self.plan.bytes_of(index).saturating_add(found as u64),
            });
        }
        let Some(to) = &self.to else {
            return Err(ItemError::Replaced);
        };
        let sent = tokio::select! {
            sent = to.send(data) => sent.is_ok(),
            () = self.seat.replaced.cancelled() => return Err(ItemError::Replaced),
        };
        if !sent {
            // The thread has ended: it says why.
            self.written().await?;
            return Err(ItemError::Replaced);
        }
        self.next = self.next.saturating_add(1);
        Ok(())
    }

    /// Ends the thread, with everything durable that it was given.
    async fn written(&mut self) -> Result<Ended, ItemError> {
        self.to = None;
        match self.worker.take() {
            Some(worker) => worker.await.map_err(|_| NodeError::Task)?,
            None => Err(ItemError::Replaced),
        }
    }

    /// Every chunk was sent; `root` is what the client worked out.
    ///
    /// # Errors
    /// [`ItemError::Shrank`] while chunks are missing: the upload can go on. [`ItemError::Changed`] when
    /// the roots differ: then nothing is kept.
    pub async fn end(mut self, root: Digest) -> Result<Item, ItemError> {
        let (written, writing) = self.written().await?;
        if written.chunks < self.plan.chunks() {
            return Err(ItemError::Shrank {
                stated: self.plan.size(),
                came: self.plan.bytes_of(written.chunks),
            });
        }
        if written.root != root {
            drop(writing);
            self.node.drop_item(self.id, ItemEnd::Abandoned).await?;
            return Err(ItemError::Changed {
                theirs: root,
                ours: written.root,
            });
        }
        let (node, id, by) = (Arc::clone(&self.node), self.id, self.by.clone());
        let prepared = off(move || {
            let row = node.item_row(&id)?.ok_or(NodeError::Task)?;
            let slot = node.slots.open_slot(row.slot).map_err(NodeError::from)?;
            let sealed = Part::Root.seal(&slot, &id, root.as_bytes())?;
            let header = Digest::try_from(row.header_digest.as_slice());
            let header = header.map_err(|_| NodeError::Task)?;
            let known = node.known(id, row)?.ok_or(NodeError::Task)?;
            let uploaded = Uploaded {
                item: id,
                header,
                root,
                description: &known.description,
            };
            let custody = node.uploaded_entries(&uploaded, &by)?;
            Ok((sealed, custody.map_err(ItemError::Custody)?))
        });
        let (sealed_root, custody) = prepared.await?;
        let order = ItemOrder::Keep {
            id: self.id,
            sealed_root,
            reference: self.reference.to_string(),
            by: self.by.clone(),
            custody,
        };
        let proposed = self.node.writer.propose(Proposal::Item(order)).await;
        proposed.map_err(NodeError::from)?;
        drop(writing);
        self.node.items.unseat(&self.id, &self.seat);
        let (node, id) = (Arc::clone(&self.node), self.id);
        off(move || {
            let row = node.item_row(&id)?.ok_or(NodeError::Task)?;
            let known = node.known(id, row)?.ok_or(NodeError::Task)?;
            Ok(known.shown(node.country.code(), known.plan.chunks()))
        })
        .await
    }

    /// The client gives it up: what was sent is removed.
    ///
    /// # Errors
    /// [`ItemError`] when the node fails; it expires then.
    pub async fn abandon(mut self) -> Result<(), ItemError> {
        // Whatever the thread says, the file goes.
        let _ = self.written().await;
        self.node.drop_item(self.id, ItemEnd::Abandoned).await?;
        Ok(())
    }
}

/// Writes what comes until nobody sends any more; then everything is durable that came.
pub(super) fn write(
    node: &Node,
    mut writer: ChunkWriter,
    key: &ChunkKey,
    mut from: mpsc::Receiver<Bytes>,
    told: &watch::Sender<u64>,
    id: ItemId,
) -> Result<Written, ItemError> {
    let plan = writer.plan();
    let tell = |durable: u64| {
        let newer = told.send_if_modified(|known| {
            let newer = *known < durable;
            *known = durable.max(*known);
            newer
        });
        if newer {
            node.items.written(&id, plan, durable);
        }
    };
    while let Some(data) = from.blocking_recv() {
        // Nobody else has it: it is encrypted where it lies.
        match data.try_into_mut() {
            Ok(mut chunk) => writer.append(key, &mut chunk)?,
            Err(shared) => writer.append(key, &mut shared.to_vec())?,
        }
        tell(writer.durable()?);
    }
    tell(writer.finish()?);
    Ok(Written {
        chunks: writer.taken(),
        root: writer.root(),
    })
}
