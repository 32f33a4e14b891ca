//! A group in the making: its entries, and the rows they change, over the index.

use std::collections::HashMap;
use std::sync::Arc;

use super::format::{GROUP_HEADER, MAX_BLOBS, MAX_GROUP_BYTES, chain_on, encode_entry};
use super::index::Index;
use super::mark::Reached;
use super::{Place, StoreError};

/// Largest value of a row: sled keeps larger ones (over 128 KiB) in files that it never syncs.
pub(super) const MAX_VALUE: usize = 64 << 10;
/// Largest key of a row.
pub(super) const MAX_KEY: usize = 4 << 10;

/// An entry before it has a place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Draft {
    /// What happened. Never goes.
    pub body: Vec<u8>,
    /// What may go one day (ciphertexts); the chain keeps their digests.
    pub blobs: Vec<Vec<u8>>,
}

/// An entry with its place, as projections see it: without its blobs.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// From 1, without gaps.
    pub position: u64,
    /// Where it lies.
    pub place: Place,
    /// What happened.
    pub body: &'a [u8],
}

/// An entry does not apply.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProjectionError {
    /// The entry is not one this projection can apply.
    #[error("{0}")]
    Entry(String),
    /// The rows could not be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Rows derived from entries. Pure: the same entries give the same rows, at every replay, without
/// clock, randomness or configuration.
pub trait Projection: Send + Sync + 'static {
    /// Applies one entry to the rows.
    ///
    /// # Errors
    /// [`ProjectionError`] when the entry does not apply; the proposal is then declined, and a
    /// replay refuses to open.
    fn apply(&self, entry: &Entry<'_>, rows: &mut Rows<'_>) -> Result<(), ProjectionError>;

    /// Names the layout of the rows. An index whose rows have another one is made anew.
    fn layout(&self) -> Layout {
        Layout::default()
    }
}

/// Name of a layout of rows; another one for every change of keys, values or their meaning.
pub type Layout = [u8; 8];

/// Reading rows: durable ones through [`super::Store`], or those of the group in the making.
pub trait ReadRows {
    /// The value of a key.
    ///
    /// # Errors
    /// [`StoreError`] when the index cannot be read.
    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
}

impl ReadRows for Rows<'_> {
    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(key)
    }
}

impl ReadRows for Group<'_> {
    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(key)
    }
}

impl ReadRows for super::Store {
    fn row(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.get(key)
    }
}

type Changes = HashMap<Vec<u8>, Option<Vec<u8>>>;

/// Rows changed by the group in hand, those of the proposal in hand apart, so that they can go.
#[derive(Default)]
pub(super) struct Overlay {
    group: Changes,
    proposal: Changes,
    /// A row that cannot be kept; fails the entry whose projection wrote it.
    broken: Option<StoreError>,
}

impl Overlay {
    fn read(&self, key: &[u8], index: &Index) -> Result<Option<Vec<u8>>, StoreError> {
        match self.proposal.get(key).or_else(|| self.group.get(key)) {
            Some(change) => Ok(change.clone()),
            None => index.get(key),
        }
    }

    /// Takes note of a value that is too large.
    fn bounded(&mut self, size: usize) {
        if size > MAX_VALUE {
            self.broken = Some(StoreError::TooLarge {
                what: "row's value",
                size: size as u64,
                limit: MAX_VALUE as u64,
            });
        }
    }

    pub(super) fn keep(&mut self) {
        // Mostly one proposal makes the group: then nothing is hashed again.
        if self.group.is_empty() {
            std::mem::swap(&mut self.group, &mut self.proposal);
        } else {
            self.group.extend(self.proposal.drain());
        }
    }

    pub(super) fn drop_proposal(&mut self) {
        self.proposal.clear();
        self.broken = None;
    }

    pub(super) fn len(&self) -> usize {
        self.group.len() + self.proposal.len()
    }

    /// Takes the changes out, in no order: sled's batch is a hash map itself.
    pub(super) fn drain(&mut self) -> Vec<(Vec<u8>, Option<Vec<u8>>)> {
        self.keep();
        let changes: Vec<_> = self.group.drain().collect();
        self.group.shrink_to(16 << 10);
        self.proposal.shrink_to(1 << 10);
        changes
    }
}

/// Rows of the index as the group in hand leaves them.
pub struct Rows<'a> {
    overlay: &'a mut Overlay,
    index: &'a Index,
}

impl<'a> Rows<'a> {
    pub(super) fn new(overlay: &'a mut Overlay, index: &'a Index) -> Self {
        Self { overlay, index }
    }

    /// A row's value.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the index cannot be read.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.overlay.read(key, self.index)
    }

    /// Writes a row. Keys are up to 4 KiB and begin with a prefix other than 0, values are up to
    /// 64 KiB; another row fails the entry.
    pub fn put(&mut self, key: Vec<u8>, value: Vec<u8>) {
        self.overlay.bounded(value.len());
        self.change(key, Some(value));
    }

    /// Changes a row's value in place; a row that is not there begins empty. As [`Self::put`]
    /// otherwise.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub fn update(
        &mut self,
        key: Vec<u8>,
        change: impl FnOnce(&mut Vec<u8>),
    ) -> Result<(), StoreError> {
        if let Some(Some(value)) = self.overlay.proposal.get_mut(&key) {
            change(value);
            let size = value.len();
            self.overlay.bounded(size);
            return Ok(());
        }
        let mut value = self.get(&key)?.unwrap_or_default();
        change(&mut value);
        self.put(key, value);
        Ok(())
    }

    /// Deletes a row; nothing happens if it is not there.
    pub fn delete(&mut self, key: Vec<u8>) {
        self.change(key, None);
    }

    fn change(&mut self, key: Vec<u8>, value: Option<Vec<u8>>) {
        if matches!(key.first(), None | Some(0)) {
            self.overlay.broken = Some(StoreError::ReservedKey);
        } else if key.len() > MAX_KEY {
            self.overlay.broken = Some(StoreError::TooLarge {
                what: "row's key",
                size: key.len() as u64,
                limit: MAX_KEY as u64,
            });
        }
        self.overlay.proposal.insert(key, value);
    }
}

/// Applies an entry, and fails it for rows that cannot be kept.
pub(super) fn apply(
    projection: &dyn Projection,
    entry: &Entry<'_>,
    overlay: &mut Overlay,
    index: &Index,
) -> Result<(), StoreError> {
    let applied = projection.apply(entry, &mut Rows::new(overlay, index));
    settle(applied, entry, overlay)
}

fn settle(
    applied: Result<(), ProjectionError>,
    entry: &Entry<'_>,
    overlay: &mut Overlay,
) -> Result<(), StoreError> {
    match applied {
        Ok(()) => overlay.broken.take().map_or(Ok(()), Err),
        Err(ProjectionError::Store(error)) => Err(error),
        Err(ProjectionError::Entry(why)) => Err(StoreError::Projection {
            position: entry.position,
            why,
        }),
    }
}

/// The bytes of the group in the making.
#[derive(Default)]
pub(super) struct Pending {
    segment: u32,
    /// Offset of the group in its segment.
    base: u64,
    /// A gap for the header, then the entries.
    pub(super) bytes: Vec<u8>,
    pub(super) count: u32,
    pub(super) reached: Option<Reached>,
}

/// To where a declined proposal is taken back.
#[derive(Clone, Copy)]
pub(super) struct Savepoint {
    length: usize,
    count: u32,
    reached: Option<Reached>,
}

impl Pending {
    pub(super) fn begin(&mut self, segment: u32, base: u64, reached: Reached) {
        self.segment = segment;
        self.base = base;
        self.count = 0;
        self.reached = Some(reached);
        self.bytes.clear();
        // An idle node keeps no large buffer.
        self.bytes.shrink_to(1 << 20);
        self.bytes.resize(GROUP_HEADER, 0);
    }

    pub(super) fn savepoint(&self) -> Savepoint {
        Savepoint {
            length: self.bytes.len(),
            count: self.count,
            reached: self.reached,
        }
    }

    pub(super) fn take_back(&mut self, to: Savepoint) {
        self.bytes.truncate(to.length);
        self.count = to.count;
        self.reached = to.reached;
    }

    fn at(&self) -> Reached {
        self.reached.unwrap_or(Reached::START)
    }

    fn append(&mut self, draft: &Draft) -> Result<Place, StoreError> {
        if draft.blobs.len() > MAX_BLOBS {
            return Err(StoreError::TooLarge {
                what: "number of blobs of an entry",
                size: draft.blobs.len() as u64,
                limit: MAX_BLOBS as u64,
            });
        }
        let blobs: usize = draft.blobs.iter().map(Vec::len).sum();
        // The head of an entry is 60 bytes and 36 a blob.
        let size = self.bytes.len() + 60 + 36 * draft.blobs.len() + draft.body.len() + blobs;
        if size > MAX_GROUP_BYTES {
            return Err(StoreError::TooLarge {
                what: "group of entries",
                size: size as u64,
                limit: MAX_GROUP_BYTES as u64,
            });
        }
        let place = Place {
            segment: self.segment,
            offset: self.base + self.bytes.len() as u64,
        };
        let digest = encode_entry(&mut self.bytes, &draft.body, &draft.blobs);
        let before = self.at();
        self.reached = Some(Reached {
            position: before.position + 1,
            chain: chain_on(&before.chain, &digest),
        });
        self.count += 1;
        Ok(place)
    }
}

/// The group in hand, for one proposal: what it has appended so far is seen by its reads, and goes
/// if the proposal is declined.
pub struct Group<'a> {
    pub(super) pending: &'a mut Pending,
    pub(super) overlay: &'a mut Overlay,
    pub(super) index: &'a Index,
    pub(super) projection: &'a Arc<dyn Projection>,
    /// The first failed append; declines the proposal even if its rules go on.
    pub(super) failed: Option<StoreError>,
}

impl Group<'_> {
    /// A row's value, as the entries so far leave it.
    ///
    /// # Errors
    /// [`StoreError::Index`] when the index cannot be read.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.overlay.read(key, self.index)
    }

    /// Appends an entry and applies it. Its place can be read from once the group is durable.
    ///
    /// # Errors
    /// [`StoreError::TooLarge`], [`StoreError::ReservedKey`], [`StoreError::Projection`] or
    /// [`StoreError::Index`]; the proposal is then declined whatever its rules answer.
    pub fn append(&mut self, draft: Draft) -> Result<Place, StoreError> {
        let projection = Arc::clone(self.projection);
        self.append_with(draft, |entry, rows| projection.apply(entry, rows))
    }

    /// As [`Self::append`], for rules that hold the entry decoded: `apply` must write the rows that
    /// the store's projection writes when it replays the entry.
    ///
    /// # Errors
    /// As [`Self::append`].
    pub fn append_with(
        &mut self,
        draft: Draft,
        apply: impl FnOnce(&Entry<'_>, &mut Rows<'_>) -> Result<(), ProjectionError>,
    ) -> Result<Place, StoreError> {
        let place = self.try_append(&draft, apply);
        if let Err(error) = &place {
            self.failed.get_or_insert_with(|| error.clone());
        }
        place
    }

    fn try_append(
        &mut self,
        draft: &Draft,
        apply: impl FnOnce(&Entry<'_>, &mut Rows<'_>) -> Result<(), ProjectionError>,
    ) -> Result<Place, StoreError> {
        let place = self.pending.append(draft)?;
        let entry = Entry {
            position: self.position(),
            place,
            body: &draft.body,
        };
        let mut rows = Rows::new(self.overlay, self.index);
        let applied = apply(&entry, &mut rows);
        settle(applied, &entry, self.overlay)?;
        Ok(place)
    }

    /// Position of the last entry appended, in this group or before it.
    pub fn position(&self) -> u64 {
        self.pending.at().position
    }
}
