//! What an item is: its key, its root and its description, wherever they stand.

use prost::Message as _;
use zeroize::Zeroizing;

use crate::{
    crypto::{
        AeadKey, Digest, Domain,
        chunks::{ChunkKey, ChunkPlan},
    },
    entry::{Entry, EntryError, Event, ItemDescription, ItemRow, ItemStand},
    inbox::ask,
    record::Moment,
    store::Place,
    wire::{
        node::{Item, ItemState},
        record::EvidenceItem,
    },
};

use super::super::{Node, NodeError};
use super::{ItemId, plan_of, rows};

/// What of an item stands under its slot.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    Key,
    Description,
    Root,
}

impl Part {
    fn aad(self, id: &ItemId) -> Vec<u8> {
        let name: &[u8] = match self {
            Self::Key => b"key\0",
            Self::Description => b"description\0",
            Self::Root => b"root\0",
        };
        [Domain::SlotItem.prefix(), name, id].concat()
    }

    /// Encrypts it under the item's slot.
    pub(super) fn seal(
        self,
        slot: &[u8; 32],
        id: &ItemId,
        plain: &[u8],
    ) -> Result<Vec<u8>, NodeError> {
        let key = AeadKey::new(slot).map_err(|_| NodeError::Task)?;
        key.seal(&self.aad(id), plain)
            .map_err(|error| NodeError::Store(error.into()))
    }

    fn open(
        self,
        slot: &[u8; 32],
        id: &ItemId,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, NodeError> {
        let opened = AeadKey::new(slot).and_then(|key| key.open(&self.aad(id), sealed));
        opened.map_err(|_| NodeError::Entry(EntryError::Field("sealed_key")))
    }
}

/// An item with its secrets.
pub(super) struct Known {
    pub(super) id: ItemId,
    pub(super) row: ItemRow,
    pub(super) plan: ChunkPlan,
    pub(super) key: ChunkKey,
    /// The root; of an upload that is not finished, `None`.
    pub(super) root: Option<Digest>,
    pub(super) description: ItemDescription,
}

impl Node {
    fn item_event(&self, place: Option<Place>) -> Result<Event, NodeError> {
        let place = place.ok_or(EntryError::Field("place"))?;
        Ok(Entry::decode(&self.store.body(place)?)?.event)
    }

    /// Opens an item: with its slot, or with the record that names it. `None` when its record names it
    /// no more, or cannot be cut as stated.
    ///
    /// # Errors
    /// [`NodeError`] when slot, entry or record cannot be read: the record was locked, or shredded.
    pub(super) fn known(&self, id: ItemId, row: ItemRow) -> Result<Option<Known>, NodeError> {
        let Some(plan) = plan_of(&row) else {
            return Ok(None);
        };
        if row.peer.is_empty() {
            return self.known_own(id, row, plan).map(Some);
        }
        let Some(item) = self.named_item(&id, &row)? else {
            return Ok(None);
        };
        let (Ok(key), Ok(root)) = (
            ChunkKey::from_bytes(&item.key),
            Digest::try_from(item.root.as_slice()),
        ) else {
            return Ok(None);
        };
        Ok(Some(Known {
            id,
            row,
            plan,
            key,
            root: Some(root),
            description: ItemDescription {
                name: item.name,
                description: item.description,
                media_type: item.media_type,
                original: item.original,
                ..ItemDescription::default()
            },
        }))
    }

    /// Whether this is the key of an item that was uploaded here.
    pub(in crate::node) fn has_key(
        &self,
        id: ItemId,
        row: ItemRow,
        key: &[u8],
    ) -> Result<bool, NodeError> {
        let known = self.known(id, row)?;
        Ok(known.is_some_and(|known| known.key.as_bytes() == key))
    }

    fn known_own(&self, id: ItemId, row: ItemRow, plan: ChunkPlan) -> Result<Known, NodeError> {
        let Event::ItemBegun(begun) = self.item_event(rows::place(&row))? else {
            return Err(EntryError::Field("item_begun").into());
        };
        let slot = self.slots.open_slot(begun.slot)?;
        let key = Part::Key.open(&slot, &id, &begun.sealed_key)?;
        let description = Part::Description.open(&slot, &id, &begun.sealed_description)?;
        let root = match row.stand() {
            ItemStand::Kept => {
                let Event::ItemKept(kept) = self.item_event(rows::kept_place(&row))? else {
                    return Err(EntryError::Field("item_kept").into());
                };
                let root = Part::Root.open(&slot, &id, &kept.sealed_root)?;
                let root = Digest::try_from(root.as_slice());
                Some(root.map_err(|_| EntryError::Field("sealed_root"))?)
            }
            _ => None,
        };
        Ok(Known {
            id,
            row,
            plan,
            key: ChunkKey::from_bytes(&key).map_err(|_| EntryError::Field("sealed_key"))?,
            root,
            description: ItemDescription::decode(description.as_slice())
                .map_err(EntryError::from)?,
        })
    }

    /// An item as another country's record names it.
    fn named_item(&self, id: &ItemId, row: &ItemRow) -> Result<Option<EvidenceItem>, NodeError> {
        let header = Digest::try_from(row.header_digest.as_slice())
            .map_err(|_| EntryError::Field("header_digest"))?;
        let Some(number) = ask::by_digest(&self.store, &header)? else {
            return Ok(None);
        };
        let record = self.open_stored(&self.stored(number)?)?;
        let items = record.evidence.map(|evidence| evidence.items);
        let mut items = items.unwrap_or_default().into_iter();
        Ok(items.find(|item| item.id == id))
    }

    /// How many chunks of an item are durable here.
    pub(super) fn chunks_of(&self, id: ItemId, plan: ChunkPlan, row: &ItemRow) -> u64 {
        match row.stand() {
            ItemStand::Kept | ItemStand::Arrived => plan.chunks(),
            ItemStand::Refused | ItemStand::Removed | ItemStand::Unspecified => 0,
            ItemStand::Uploading | ItemStand::Awaited => {
                let reader = self.items.chunks.read(id, plan);
                reader.map_or(0, |reader| reader.durable())
            }
        }
    }
}

impl Known {
    /// As clients are told of it.
    pub(super) fn shown(&self, country: &str, chunks: u64) -> Item {
        let mut item = outline(self.id, &self.row, country, chunks);
        let of = &self.description;
        item.name.clone_from(&of.name);
        item.description.clone_from(&of.description);
        item.media_type.clone_from(&of.media_type);
        item.original = of.original;
        item.root = self.root.map(|root| root.to_vec()).unwrap_or_default();
        item.seized_at = (of.seized_us != 0).then(|| Moment::from_micros(of.seized_us).into());
        item.seized_place.clone_from(&of.seized_place);
        item.seized_by.clone_from(&of.seized_by);
        item.uploaded_by.clone_from(&of.uploaded_by);
        item
    }
}

/// What may be told of an item to whoever sees its record.
pub(super) fn outline(id: ItemId, row: &ItemRow, country: &str, chunks: u64) -> Item {
    let state = match row.stand() {
        ItemStand::Uploading => ItemState::Uploading,
        ItemStand::Kept => ItemState::Kept,
        ItemStand::Awaited => ItemState::Arriving,
        ItemStand::Arrived => ItemState::Arrived,
        ItemStand::Refused => ItemState::Refused,
        ItemStand::Removed | ItemStand::Unspecified => ItemState::Unspecified,
    };
    let mut transferred_to: Vec<String> = row.transfers.iter().map(|of| of.peer.clone()).collect();
    transferred_to.sort();
    transferred_to.dedup();
    Item {
        id: id.to_vec(),
        state: state.into(),
        size: row.size,
        chunk_size: row.chunk_size,
        chunks,
        from: match row.peer.as_str() {
            "" => country.to_owned(),
            peer => peer.to_owned(),
        },
        transferred_to,
        fault: row.fault.clone(),
        at: Some(Moment::from_micros(row.at_us).into()),
        ..Item::default()
    }
}
