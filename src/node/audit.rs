//! Audit: list leaves, prove them, export the ledger; who did what, and what a person did. Each look is
//! a leaf before its answer leaves.

mod acts;
mod indexing;
mod report;

use std::sync::Arc;

use prost::Message as _;

use crate::{
    access::{Permit, act},
    crypto::Digest,
    entry::{Entry, EntryError},
    inbox::StoredRecord,
    ledger::{
        Checkpoint,
        rows::{self, LeafRow},
    },
    record::Reference,
    replication::lanes,
    store::StoreError,
    wire::ledger::{Action, Leaf, LeafBody, LeafProof, RecordProof},
};

use super::{
    Node, NodeError,
    read::{ReadError, blocking},
    receipts,
    rules::{ReadOrder, leaf_aad},
};

use acts::looked;
pub use acts::{Acts, ActsError, ActsOf, MAX_ACTS};
pub(super) use indexing::index_earlier;

/// Leaves a page answers at most.
pub const MAX_LEAVES: u64 = 500;
/// Leaves proved for one record at most: readings are without bound.
const MAX_PROVED: usize = 1000;

/// The proof that an older tree is a prefix of the current one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// The current checkpoint, a signed note.
    pub checkpoint: String,
    /// RFC 6962 consistency path, 32 bytes each.
    pub path: Vec<Vec<u8>>,
}

impl Node {
    /// Size of the durable ledger.
    ///
    /// # Errors
    /// [`StoreError`] when the store cannot be read.
    pub fn ledger_size(&self) -> Result<u64, StoreError> {
        rows::size(&self.store)
    }

    /// The checkpoint of the durable ledger, signed now.
    ///
    /// # Errors
    /// [`NodeError::Fenced`] or [`NodeError::Asking`] when the node must not sign; [`NodeError`] when hashes are missing.
    pub fn checkpoint(&self) -> Result<(Checkpoint, String), NodeError> {
        self.checkpoint_at(self.ledger_size()?)
    }

    /// The leaf at an index, body included where it is still there.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn leaf(&self, index: u64) -> Result<Option<Leaf>, NodeError> {
        let Some(row) = rows::leaf(&self.store, index)? else {
            return Ok(None);
        };
        Ok(Some(self.leaf_body(&row)?))
    }

    fn leaf_body(&self, row: &LeafRow) -> Result<Leaf, NodeError> {
        let sealed = self.store.blob(row.place, row.blob)?;
        let plain = self
            .keys
            .storage
            .open(&leaf_aad(row.index), &sealed)
            .map_err(|_| EntryError::Field("leaf body"))?;
        Ok(Leaf::decode(plain.as_slice()).map_err(EntryError::from)?)
    }

    /// Leaves below `before`, newest first. The look is a leaf before this answers.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub async fn leaves(
        self: &Arc<Self>,
        permit: &Permit<act::SeeLedger>,
        before: u64,
        limit: u64,
    ) -> Result<Vec<Leaf>, NodeError> {
        let node = Arc::clone(self);
        let leaves = blocking(move || {
            let top = before.min(node.ledger_size()?);
            let bottom = top.saturating_sub(limit.clamp(1, MAX_LEAVES));
            (bottom..top)
                .rev()
                .filter_map(|index| node.leaf(index).transpose())
                .collect::<Result<Vec<_>, _>>()
        })
        .await?;
        self.audited(looked(permit, "audit-list")).await?;
        Ok(leaves)
    }

    /// Notes that somebody exports the whole ledger. Durable before the first line leaves.
    ///
    /// # Errors
    /// [`NodeError`] when it cannot be made durable.
    pub async fn exports_ledger(&self, permit: &Permit<act::SeeLedger>) -> Result<(), NodeError> {
        self.audited(looked(permit, "audit-export")).await
    }

    /// Every leaf about a record, for whoever may see the ledger; as `prove` answers them. The look is a
    /// leaf before this answers.
    ///
    /// # Errors
    /// [`ReadError`] when nothing here has the reference, or the store cannot be read.
    pub async fn prove_for(
        self: &Arc<Self>,
        permit: &Permit<act::SeeLedger>,
        reference: &Reference,
    ) -> Result<RecordProof, ReadError> {
        let number = self.find(reference)?;
        let node = Arc::clone(self);
        let proof = blocking(move || node.prove(number)).await?;
        self.audited(ReadOrder {
            number,
            digest: Some(self.header_digest(number)?),
            reference: reference.to_string(),
            ..looked(permit, "audit-proof")
        })
        .await?;
        Ok(proof)
    }

    /// Every leaf about a record, with inclusion proofs in the current tree: its own, and those of
    /// the receipt groups that answer it.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub(super) fn prove(&self, number: u64) -> Result<RecordProof, NodeError> {
        let stored = self.stored(number)?;
        let (checkpoint, note) = self.checkpoint()?;
        let mut indexes = rows::leaves_of(&self.store, &stored.digest, MAX_PROVED)?;
        indexes.push(stored.leaf);
        indexes.extend(self.receipt_leaves(&stored)?);
        indexes.sort_unstable();
        indexes.dedup();
        let leaves = indexes
            .into_iter()
            .filter(|index| *index < checkpoint.size)
            .map(|index| {
                Ok(LeafProof {
                    leaf: self.leaf(index)?,
                    path: self.path(checkpoint.size, index)?,
                })
            })
            .collect::<Result<_, NodeError>>()?;
        Ok(RecordProof {
            checkpoint: note,
            leaves,
        })
    }

    /// The leaves of several records in one current tree, for somebody outside: what was submitted, received,
    /// delivered, disclosed and stated of custody. Who read them here stays here.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub(super) fn prove_for_court(&self, numbers: &[u64]) -> Result<RecordProof, NodeError> {
        let (checkpoint, note) = self.checkpoint()?;
        let mut indexes = Vec::new();
        for number in numbers {
            let stored = self.stored(*number)?;
            indexes.extend(rows::leaves_of(&self.store, &stored.digest, MAX_PROVED)?);
            indexes.push(stored.leaf);
            indexes.extend(self.receipt_leaves(&stored)?);
        }
        indexes.sort_unstable();
        indexes.dedup();
        let mut leaves = Vec::new();
        for index in indexes {
            let Some(leaf) = self.leaf(index)?.filter(|_| index < checkpoint.size) else {
                continue;
            };
            let body = LeafBody::decode(leaf.body.as_slice()).map_err(EntryError::from)?;
            if matches!(body.action(), Action::Consultation | Action::Refusal) {
                continue;
            }
            leaves.push(LeafProof {
                leaf: Some(leaf),
                path: self.path(checkpoint.size, index)?,
            });
        }
        Ok(RecordProof {
            checkpoint: note,
            leaves,
        })
    }

    fn path(&self, size: u64, index: u64) -> Result<Vec<Vec<u8>>, NodeError> {
        Ok(rows::inclusion(&self.store, size, index)?
            .iter()
            .map(Digest::to_vec)
            .collect())
    }

    /// Leaves of the receipt groups that answer a record.
    fn receipt_leaves(&self, stored: &StoredRecord) -> Result<Vec<u64>, NodeError> {
        let mut groups = Vec::new();
        for place in &stored.outbox {
            let lane = receipts::lane_of(stored, place)?;
            groups.extend(lanes::arrived(&self.store, &lane, place.sequence)?);
        }
        if let Some(position) = &stored.position {
            let lane = crate::entry::LaneId::try_from(position)?;
            groups.extend(lanes::issued(&self.store, &lane, position.sequence)?);
        }
        groups
            .into_iter()
            .map(|row| {
                let leaf = Entry::decode(&self.store.body(row.place)?)?.leaf;
                Ok(leaf.ok_or(EntryError::Field("leaf"))?.index)
            })
            .collect()
    }

    /// Consistency path between two sizes of the own tree.
    ///
    /// # Errors
    /// [`NodeError`] when hashes are missing.
    pub(crate) fn consistency_path(&self, old: u64, new: u64) -> Result<Vec<Vec<u8>>, NodeError> {
        let path = rows::consistency(&self.store, old, new)?;
        Ok(path.iter().map(Digest::to_vec).collect())
    }

    /// The proof that the tree of `old` leaves is a prefix of the current one, with the current
    /// checkpoint; `None` when the current one is smaller.
    ///
    /// # Errors
    /// [`NodeError`] when hashes are missing.
    pub fn prove_consistency(
        &self,
        _permit: &Permit<act::SeeLedger>,
        old: u64,
    ) -> Result<Option<Consistency>, NodeError> {
        let (checkpoint, note) = self.checkpoint()?;
        if old > checkpoint.size {
            return Ok(None);
        }
        Ok(Some(Consistency {
            checkpoint: note,
            path: self.consistency_path(old, checkpoint.size)?,
        }))
    }
}
