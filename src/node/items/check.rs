//! What a check of a store that no node runs on knows of items: which files entries name, and whether they
//! are there and whole by their length. Whether each chunk opens, a running node finds out.

use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

use crate::{
    crypto::chunks::ChunkPlan,
    entry::{Entry, Event},
    store::{ChunkStore, Entry as Stored, Layout, Projection, ProjectionError, Rows, StoreError},
};

use super::{super::projection::Rooms, ItemId};

/// An item that entries name: how it is cut, and whether it is whole.
#[derive(Clone, Copy, Debug)]
struct Named {
    plan: Option<ChunkPlan>,
    whole: bool,
}

/// Every room's rows, with the items that entries name on the way.
#[derive(Debug, Default)]
pub struct ItemsSeen {
    rooms: Rooms,
    named: Mutex<BTreeMap<ItemId, Named>>,
}

/// What was found of items.
#[derive(Clone, Debug, Default)]
pub struct ItemsFound {
    /// Items that are whole.
    pub whole: u64,
    /// Items under way.
    pub under_way: u64,
    /// What is wrong with those whose chunks are missing or cut short.
    pub damaged: Vec<String>,
    /// Files that no entry names; the next start removes them.
    pub orphans: u64,
}

impl Projection for ItemsSeen {
    fn layout(&self) -> Layout {
        self.rooms.layout()
    }

    fn apply(&self, stored: &Stored<'_>, rows: &mut Rows<'_>) -> Result<(), ProjectionError> {
        self.rooms.apply(stored, rows)?;
        let entry = Entry::decode(stored.body);
        let entry = entry.map_err(|error| ProjectionError::Entry(error.to_string()))?;
        self.note(&entry.event);
        Ok(())
    }
}

impl ItemsSeen {
    fn note(&self, event: &Event) {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let mut begun = |id: &[u8], size, chunk_size| {
            if let Ok(id) = id.try_into() {
                let plan = ChunkPlan::new(size, chunk_size).ok();
                named.insert(id, Named { plan, whole: false });
            }
        };
        match event {
            Event::ItemBegun(of) => begun(&of.item_id, of.size, of.chunk_size),
            Event::ItemsAwaited(awaited) => {
                for of in &awaited.items {
                    begun(&of.item_id, of.size, of.chunk_size);
                }
            }
            Event::ItemKept(of) => whole(&mut named, &of.item_id),
            Event::ItemArrived(of) if of.whole => whole(&mut named, &of.item_id),
            Event::ItemArrived(of) if !of.waits => gone(&mut named, &of.item_id),
            Event::ItemRemoved(of) => gone(&mut named, &of.item_id),
            Event::ItemGone(of) => gone(&mut named, &of.item_id),
            _ => {}
        }
    }

    /// Compares what entries name with what lies in the folder.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the folder cannot be read.
    pub fn compare(&self, chunks: &ChunkStore) -> Result<ItemsFound, StoreError> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = ItemsFound::default();
        for (id, of) in named.iter() {
            if !of.whole {
                found.under_way = found.under_way.saturating_add(1);
                continue;
            }
            found.whole = found.whole.saturating_add(1);
            let Some(plan) = of.plan else { continue };
            if let Err(error) = chunks.is_whole(id, plan) {
                found
                    .damaged
                    .push(format!("item {}: {error}", hex::encode(id)));
            }
        }
        for (id, _) in chunks.list()? {
            if !named.contains_key(&id) {
                found.orphans = found.orphans.saturating_add(1);
            }
        }
        Ok(found)
    }
}

fn whole(named: &mut BTreeMap<ItemId, Named>, id: &[u8]) {
    let id: Result<ItemId, _> = id.try_into();
    if let Some(of) = id.ok().and_then(|id| named.get_mut(&id)) {
        of.whole = true;
    }
}

fn gone(named: &mut BTreeMap<ItemId, Named>, id: &[u8]) {
    if let Ok(id) = id.try_into() {
        let id: ItemId = id;
        named.remove(&id);
    }
}
