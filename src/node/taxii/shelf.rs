//! Putting records on shelves: in the background, in the order of their numbers, behind deliveries.

use std::{
    collections::HashSet,
    sync::{Arc, Weak},
    time::Duration,
};

use prost::Message as _;

use crate::{
    crypto::Digest,
    entry::{EntryError, Shelf, ShelfRow, Shelved},
    feed::{
        stix::{self, Aspect, Ids, Objects, Version, is_for_tools},
        taxii::Collection,
    },
    inbox::{HoldingError, StoredRecord, ask},
    record::{Moment, kind_name},
};

use super::{
    super::{Node, NodeError, read::blocking, rules::Proposal},
    rows::{self, Tag},
};

/// Records that are put on shelves by one entry.
const TOGETHER: u64 = 256;
/// What comes within this time is put there together: a delivery goes first.
const GATHERED: Duration = Duration::from_millis(20);
/// Wait after a failure of the store.
const AGAIN: Duration = Duration::from_secs(5);

/// Puts records on shelves until the node goes.
pub async fn shelve(node: Weak<Node>) {
    let Some(mut durable) = node.upgrade().map(|node| node.store.durable()) else {
        return;
    };
    loop {
        durable.borrow_and_update();
        loop {
            let Some(strong) = node.upgrade() else {
                return;
            };
            match strong.shelve_some().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(NodeError::Closed) => return,
                Err(error) => {
                    tracing::error!(%error, "records do not come into TAXII's collections");
                    drop(strong);
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
        if durable.changed().await.is_err() {
            return;
        }
        tokio::time::sleep(GATHERED).await;
    }
}

/// The first version of a record.
#[derive(Clone, Copy, Debug)]
pub(super) struct First {
    pub(super) number: u64,
    pub(super) digest: Digest,
    pub(super) created: Moment,
}

impl Node {
    /// Puts the next records on shelves; false when there are none.
    async fn shelve_some(self: &Arc<Self>) -> Result<bool, NodeError> {
        let node = Arc::clone(self);
        let shelved = blocking(move || node.next_shelves()).await?;
        let Some(shelved) = shelved else {
            return Ok(false);
        };
        self.writer
            .propose(Proposal::Shelve(Box::new(shelved)))
            .await?;
        Ok(true)
    }

    fn next_shelves(&self) -> Result<Option<Shelved>, NodeError> {
        let begun = rows::shelved(&self.store)?;
        let last = ask::last_number(&self.store)?;
        if begun >= last {
            return Ok(None);
        }
        let up_to = last.min(begun.saturating_add(TOGETHER));
        let mut shelves = Vec::new();
        let mut shared = HashSet::new();
        for number in begun.saturating_add(1)..=up_to {
            match self.shelves_of(number, &mut shared) {
                Ok(of) => shelves.extend(of),
                Err(error) if error.is_damage() => {
                    tracing::warn!(number, %error, "a damaged record is in no collection of TAXII");
                }
                Err(NodeError::Holding(HoldingError::Locked(_) | HoldingError::Keys)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(Some(Shelved { up_to, shelves }))
    }

    fn shelves_of(
        &self,
        number: u64,
        shared: &mut HashSet<(Tag, [u8; 16])>,
    ) -> Result<Vec<Shelf>, NodeError> {
        let stored = self.stored(number)?;
        self.check_open(&stored)?;
        let record = stored.open_to_index(&self.slots)?;
        let kind = kind_name(&record).and_then(Collection::of_kind);
        let Some(of_kind) = kind.filter(|_| is_for_tools(&record)) else {
            return Ok(Vec::new());
        };
        let first = self.first_of(&stored)?;
        let version = Version {
            number: first.number,
            header: &first.digest,
            origin: stored.holding.origin.parse().map_err(EntryError::from)?,
            created: first.created,
            modified: stored.time,
            record: &record,
        };
        let ids = Ids(&self.keys.index);
        let mut shelves = Vec::new();
        for (collection, aspect) in [
            (of_kind, Aspect::Situation),
            (Collection::Suspects, Aspect::Suspects),
            (Collection::Identifiers, Aspect::Identifiers),
        ] {
            let objects = stix::objects(ids, &version, aspect);
            if !objects.own.is_empty() {
                shelves.push(self.shelf(number, &version, collection, &objects, shared)?);
            }
        }
        Ok(shelves)
    }

    fn shelf(
        &self,
        number: u64,
        version: &Version<'_>,
        collection: Collection,
        objects: &Objects,
        known: &mut HashSet<(Tag, [u8; 16])>,
    ) -> Result<Shelf, NodeError> {
        let tag = self.shelf_tag(collection);
        let outline = objects.outline(version);
        let (mut words, mut tags) = (Vec::new(), Vec::new());
        for one in &outline.shared {
            let of = self.shared_tag(&one.id(Ids(&self.keys.index)));
            if known.contains(&(tag, of)) {
                continue;
            }
            known.insert((tag, of));
            if rows::shared_at(&self.store, &tag, &of)?.is_none() {
                words.push(one.words());
                tags.push(of.to_vec());
            }
        }
        let count = words.len().saturating_add(outline.parts.len());
        let row = ShelfRow {
            first: version.number,
            header_digest: version.header.to_vec(),
            created_us: version.created.micros(),
            modified_us: version.modified.micros(),
            origin: version.origin.code().to_owned(),
            authority: outline.by,
            shared: words,
            parts: outline.parts.iter().map(|part| part.packed()).collect(),
        };
        Ok(Shelf {
            collection: tag.to_vec(),
            number,
            objects: u32::try_from(count).unwrap_or(u32::MAX),
            sealed: self
                .keys
                .storage
                .seal(&rows::shelf_aad(), &row.encode_to_vec())?,
            shared_tags: tags,
        })
    }

    /// The first version of a record: itself when it amends none that is here.
    pub(super) fn first_of(&self, stored: &StoredRecord) -> Result<First, NodeError> {
        let own = First {
            number: stored.holding.number,
            digest: stored.digest,
            created: stored.time,
        };
        if stored.holding.follow.is_none() {
            return Ok(own);
        }
        let versions = self.versions(own.number)?;
        let Some(first) = versions.first().filter(|first| first.number != own.number) else {
            return Ok(own);
        };
        Ok(First {
            number: first.number,
            digest: first.digest,
            created: self.held(first.number)?.time,
        })
    }
}
