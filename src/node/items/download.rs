//! Downloading: the reading is a leaf, durably, before the first byte; then each chunk with the path that
//! proves it against the item's root.

use std::sync::Arc;

use crate::{
    access::{Permit, Purpose, act},
    crypto::{Digest, chunks::ChunkPlan},
    entry::ItemStand,
    record::Reference,
    store::{ChunkError, ChunkReader},
    wire::{
        node::{Item, ProvedChunk},
        record::CompartmentLabel,
    },
};

use super::{
    super::{
        Node, NodeError,
        purpose::check_purpose,
        read::ReadError,
        rules::{By, Proposal, ReadOrder},
    },
    ItemError, ItemId, holders,
    known::Known,
    upload::off,
};

/// What is to be downloaded, and why.
#[derive(Clone, Debug)]
pub struct DownloadOrder {
    /// The record, or another of its thread.
    pub reference: Reference,
    /// Which item.
    pub item: ItemId,
    /// First chunk wanted.
    pub from: u64,
    /// How many; 0: all that follow.
    pub chunks: u64,
    /// For what.
    pub purpose: Purpose,
    /// The same in words.
    pub note: String,
}

/// A download whose leaf is durable.
pub struct Download {
    node: Arc<Node>,
    known: Known,
    reader: ChunkReader,
    next: u64,
    until: u64,
}

/// A piece of a download.
pub type Piece = ProvedChunk;

/// The record to which an item belongs, as its reader reaches it.
pub(super) struct Belongs {
    pub(super) number: u64,
    pub(super) digest: Digest,
    pub(super) reference: String,
    /// Whether its origin is to be told.
    pub(super) retrieval: bool,
}

impl Node {
    /// Begins a download. The reading is in the ledger when this answers.
    ///
    /// # Errors
    /// [`ItemError`]; nothing was opened for anyone then.
    pub async fn download(
        self: &Arc<Self>,
        permit: Permit<act::DownloadEvidence>,
        order: DownloadOrder,
    ) -> Result<Download, ItemError> {
        check_purpose(&order.note)?;
        let (node, by, wanted) = (Arc::clone(self), permit.clone(), order.clone());
        let opened = off(move || node.open_item(&by, &wanted)).await?;
        let (known, reader, belongs) = opened;
        let bulk = self.gets_at(&permit, &[belongs.number])?;
        let officer = self.person(&permit.actor());
        let (by, purpose) = (By::of(&permit), order.purpose.clone());
        self.writer
            .propose(Proposal::Read(Box::new(ReadOrder {
                number: belongs.number,
                digest: Some(belongs.digest),
                reference: belongs.reference,
                compartments: vec![CompartmentLabel::Evidence as u32],
                by: By::of(&permit)
                    .reading_for(Some(order.purpose), order.note)
                    .under(bulk.as_ref()),
                detail: "item-downloaded",
                officer: Some(officer),
                retrieval: belongs.retrieval,
                subject: order.item.to_vec(),
                ..ReadOrder::default()
            })))
            .await
            .map_err(NodeError::from)?;
        let opened = self.state_opened(belongs.number, order.item, by, &purpose, order.from > 0);
        opened.await?.map_err(ItemError::Custody)?;
        let all = known.plan.chunks();
        let until = match order.chunks {
            0 => all,
            some => order.from.saturating_add(some).min(all),
        };
        Ok(Download {
            node: Arc::clone(self),
            known,
            reader,
            next: order.from,
            until,
        })
    }

    fn open_item(
        &self,
        permit: &Permit<act::DownloadEvidence>,
        order: &DownloadOrder,
    ) -> Result<(Known, ChunkReader, Belongs), ItemError> {
        let asked = self.find(&order.reference)?;
        let unknown = || ItemError::Unknown {
            reference: order.reference,
            item: hex::encode(order.item),
        };
        self.seen(permit, &order.reference, asked)?;
        let row = self.item_row(&order.item)?.ok_or_else(unknown)?;
        let numbers = self.item_records(asked)?;
        let number = self.number_of(&row)?.filter(|of| numbers.contains(of));
        let number = number.ok_or_else(unknown)?;
        let stored = self.stored(number)?;
        let record = self.open_stored(&stored);
        let record = record.map_err(|error| ReadError::of(order.reference, error))?;
        let mut subject = self.subject_of(&stored, &record)?;
        subject.present.insert(CompartmentLabel::Evidence);
        let decision = self.reached(permit, &order.reference, &subject)?;
        let evidence = [CompartmentLabel::Evidence].into_iter().collect();
        self.check_labels(permit, &order.reference, &decision, evidence)?;
        match row.stand() {
            ItemStand::Kept | ItemStand::Arrived => {}
            ItemStand::Refused => return Err(ItemError::Refused(row.fault)),
            ItemStand::Removed => return Err(unknown()),
            ItemStand::Uploading | ItemStand::Awaited | ItemStand::Unspecified => {
                let plan = super::plan_of(&row).ok_or_else(unknown)?;
                return Err(ItemError::NotWhole {
                    chunks: self.chunks_of(order.item, plan, &row),
                    all: plan.chunks(),
                });
            }
        }
        let known = self.known(order.item, row)?.ok_or_else(unknown)?;
        let reader = self.items.chunks.read(known.id, known.plan)?;
        let opened = stored.life.as_ref().is_some_and(|row| row.opened_us != 0);
        let belongs = Belongs {
            number,
            digest: stored.digest,
            reference: record.reference,
            retrieval: stored.position.is_some() && !stored.is_step() && !opened,
        };
        Ok((known, reader, belongs))
    }
}

impl Download {
    /// The item, as its first message says it.
    pub fn item(&self) -> Item {
        let chunks = self.known.plan.chunks();
        self.known.shown(self.node.country.code(), chunks)
    }

    /// How it is cut.
    pub const fn plan(&self) -> ChunkPlan {
        self.known.plan
    }

    /// The next chunk with what proves it; `None` after the last. Reads the disk.
    ///
    /// # Errors
    /// [`ItemError::Damaged`] names a chunk that does not open; it is fetched again from whoever may have it
    /// whole.
    pub fn next_piece(&mut self) -> Result<Option<Piece>, ItemError> {
        if self.next >= self.until {
            return Ok(None);
        }
        let index = self.next;
        let key = &self.known.key;
        let data = self.reader.plain(key, index);
        let proved = data.and_then(|data| Ok((data, self.reader.proof(key, index)?)));
        let (data, path) = proved.map_err(|error| self.broken(error))?;
        self.next = index.saturating_add(1);
        Ok(Some(ProvedChunk {
            index,
            data: data.into(),
            path: path.iter().map(|hash| hash.to_vec()).collect(),
        }))
    }

    fn broken(&self, error: ChunkError) -> ItemError {
        let ChunkError::Damaged(index) = error else {
            return error.into();
        };
        self.node
            .item_damaged(self.known.id, &self.known.row, index);
        ItemError::Damaged {
            index,
            holders: holders(&self.known.row),
        }
    }
}
