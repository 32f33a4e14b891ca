//! Items: files of evidence requests, in chunks beside the journal. Uploaded here, or fetched from the
//! country whose record names them.
//!
//! An item's key is its only secret. Of one uploaded here it stands under a shred slot of its own; of
//! another country's it stands in compartment `evidence` of the record that names it, under that record's
//! slot. When the record is shredded its items are: the slot first, then the chunks, then the entry that
//! says so.

mod check;
mod download;
mod fault;
mod going;
mod known;
mod link;
mod list;
mod named;
mod remove;
pub(crate) mod rows;
mod scrub;
mod tend;
mod transfer;
mod upload;

use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio_util::sync::CancellationToken;

use crate::{
    config::Config,
    crypto::chunks::ChunkPlan,
    entry::{ItemRow, ItemStand},
    evidence::items::{NoRoom, Owner, Room, RoomLimits},
    record::Country,
    store::{ChunkError, ChunkStore, Store, StoreError, bytes_on_disk},
};

use super::{Node, NodeError, read::blocking};

pub use crate::entry::ItemDescription;
pub use check::{ItemsFound, ItemsSeen};
pub use download::{Download, DownloadOrder, Piece};
pub use fault::ItemError;
pub use link::{FilesEnd, FilesOut, files_hello, files_out, run as run_files};
pub(in crate::node) use named::named_in;
pub use remove::RemoveOrder;
pub(in crate::node) use scrub::scrub;
pub(in crate::node) use tend::run as tend;
pub use upload::{Upload, UploadOrder};

/// Random id of an item.
pub type ItemId = [u8; 16];

/// An upload that goes on: another of the same item takes its place.
#[derive(Debug, Clone)]
struct Seat {
    replaced: CancellationToken,
    /// Held while the item's file is written.
    writing: Arc<tokio::sync::Mutex<()>>,
    /// Which seat of the item this is.
    own: Arc<()>,
}

/// The items of a node.
pub(crate) struct Items {
    chunks: ChunkStore,
    limits: RoomLimits,
    room: Mutex<Room>,
    uploads: Mutex<HashMap<ItemId, Seat>>,
    /// Items of other countries whose chunks were not there at the start.
    missing: Mutex<Vec<ItemId>>,
    streams: link::Streams,
}

impl fmt::Debug for Items {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Items").finish_non_exhaustive()
    }
}

fn plan_of(row: &ItemRow) -> Option<ChunkPlan> {
    ChunkPlan::new(row.size, row.chunk_size).ok()
}

/// Who else may have an item whole: the country that it came from, or those that it was handed over to.
fn holders(row: &ItemRow) -> Vec<Country> {
    let codes = row.transfers.iter().map(|of| &of.peer).chain([&row.peer]);
    let mut holders: Vec<Country> = codes.filter_map(|code| code.parse().ok()).collect();
    holders.sort_unstable();
    holders.dedup();
    holders
}

fn owner_of(row: &ItemRow) -> Owner {
    row.peer.parse().map_or(Owner::Own, Owner::Peer)
}

impl Items {
    /// Takes up what is there. A file that no entry names was never acknowledged, or its item is gone:
    /// it is removed.
    ///
    /// # Errors
    /// [`StoreError`] when folder or store cannot be read.
    pub(super) fn open(
        chunks: ChunkStore,
        store: &Store,
        config: &Config,
    ) -> Result<Self, StoreError> {
        let (mut room, mut missing) = (Room::default(), Vec::new());
        let files: HashMap<ItemId, u64> = chunks.list()?.into_iter().collect();
        for (id, row) in rows::all(store)? {
            let Some(plan) = plan_of(&row) else { continue };
            let bytes = bytes_on_disk(plan);
            let there = files.get(&id).copied();
            match row.stand() {
                ItemStand::Refused | ItemStand::Removed | ItemStand::Unspecified => continue,
                // What is awaited has its place once it has begun.
                ItemStand::Awaited if there.is_none() => continue,
                ItemStand::Awaited | ItemStand::Uploading => {
                    let left = bytes.saturating_sub(there.unwrap_or(0));
                    room.hold(id, owner_of(&row), bytes, left);
                }
                ItemStand::Kept | ItemStand::Arrived => {
                    let gone = matches!(
                        chunks.is_whole(&id, plan),
                        Err(ChunkError::Missing | ChunkError::NotYet(_))
                    );
                    if gone {
                        tracing::error!(
                            item = hex::encode(id),
                            "the chunks of an item are missing"
                        );
                        if row.stand() == ItemStand::Arrived {
                            missing.push(id);
                            continue;
                        }
                    }
                    room.hold(id, owner_of(&row), bytes, 0);
                }
            }
        }
        for id in files.keys() {
            let named = rows::item(store, id)?;
            let stays = named
                .is_some_and(|row| !matches!(row.stand(), ItemStand::Refused | ItemStand::Removed));
            if !stays {
                tracing::warn!(
                    item = hex::encode(id),
                    "chunks that no entry names are removed"
                );
                chunks.remove(id)?;
            }
        }
        let gib = |gib: u64| gib.saturating_mul(1 << 30);
        Ok(Self {
            chunks,
            limits: RoomLimits {
                reserve: config.items.reserve(),
                own: gib(config.items.quota_own_gib),
                peer: gib(config.items.quota_peer_gib),
            },
            room: Mutex::new(room),
            uploads: Mutex::default(),
            missing: Mutex::new(missing),
            streams: link::Streams::default(),
        })
    }

    fn room(&self) -> MutexGuard<'_, Room> {
        self.room.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn uploads(&self) -> MutexGuard<'_, HashMap<ItemId, Seat>> {
        self.uploads.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives an item its place on the disk.
    fn take_room(
        &self,
        id: ItemId,
        owner: Owner,
        plan: ChunkPlan,
    ) -> Result<Result<(), NoRoom>, StoreError> {
        let free = self.chunks.free()?;
        let needs = bytes_on_disk(plan);
        Ok(self.room().take(id, owner, needs, free, &self.limits))
    }

    /// How many chunks of an item are written: what is left is promised to it.
    fn written(&self, id: &ItemId, plan: ChunkPlan, chunks: u64) {
        let all = bytes_on_disk(plan);
        let left = plan.chunks().saturating_sub(chunks);
        let share = all.div_ceil(plan.chunks()).saturating_mul(left).min(all);
        self.room().left(id, share);
    }

    /// Something is to be fetched, or served, that was not before.
    pub(super) fn news(&self) {
        self.streams.wake.notify_waiters();
    }

    /// Items of other countries whose chunks were not there at the start, once.
    fn take_missing(&self) -> Vec<ItemId> {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut missing)
    }

    /// Notes once more that the chunks of an item are missing.
    fn is_missing(&self, id: ItemId) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        missing.push(id);
    }

    /// The place of whoever writes an item: whoever had it is told to go.
    fn sit(&self, id: ItemId) -> Seat {
        let mut uploads = self.uploads();
        let writing = match uploads.get(&id) {
            Some(before) => {
                before.replaced.cancel();
                Arc::clone(&before.writing)
            }
            None => Arc::default(),
        };
        let seat = Seat {
            replaced: CancellationToken::new(),
            writing,
            own: Arc::default(),
        };
        uploads.insert(id, seat.clone());
        seat
    }

    /// Whether somebody writes an item now.
    fn is_written(&self, id: &ItemId) -> bool {
        let uploads = self.uploads();
        uploads
            .get(id)
            .is_some_and(|seat| seat.writing.try_lock().is_err())
    }

    /// Forgets the place of whoever wrote an item, unless another has it since.
    fn unseat(&self, id: &ItemId, seat: &Seat) {
        let mut uploads = self.uploads();
        if uploads
            .get(id)
            .is_some_and(|now| Arc::ptr_eq(&now.own, &seat.own))
        {
            uploads.remove(id);
        }
    }

    /// Ends whoever writes an item that is no more, and forgets the place.
    fn evict(&self, id: &ItemId) {
        if let Some(seat) = self.uploads().remove(id) {
            seat.replaced.cancel();
        }
    }
}

impl Node {
    /// An item's row.
    ///
    /// # Errors
    /// [`NodeError::Store`].
    pub(super) fn item_row(&self, id: &ItemId) -> Result<Option<ItemRow>, NodeError> {
        Ok(rows::item(&self.store, id)?)
    }

    /// Whether a stream of files with a peer is up.
    pub fn files_flow(&self, peer: Country) -> bool {
        self.items.streams.is_up(peer)
    }

    /// Whether there is anything to fetch from a peer, or anything went to it or came from it before, which
    /// it may ask for.
    pub async fn files_wanted(self: &Arc<Self>, peer: Country) -> bool {
        let node = Arc::clone(self);
        let wanted = blocking(move || {
            if node.items.streams.repairs(peer)
                || !rows::open(&node.store, Some(peer.code()))?.is_empty()
            {
                return Ok(true);
            }
            Ok(rows::transferred(&node.store, peer.code())?
                || rows::came_from(&node.store, peer.code())?)
        });
        // The next look tells.
        wanted.await.unwrap_or(false)
    }

    /// Returns when something is to be fetched or served that was not before.
    pub async fn files_news(&self) {
        self.items.streams.wake.notified().await;
    }
}
