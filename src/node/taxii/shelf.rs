//! Putting records on shelves: in the background, in the order of their numbers, behind deliveries.

use std::{
    collections::{HashMap, HashSet},
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
    inbox::{StoredRecord, ask},
    record::{Moment, kind_name},
    wire::record::{CompartmentLabel, Record},
};

use super::{
    super::{Node, NodeError, read::blocking, rules::Proposal},
    of_one,
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

/// What is worked out for one entry.
#[derive(Debug, Default)]
struct Working {
    /// What is shared and comes with one of its shelves.
    shared: HashSet<(Tag, [u8; 16])>,
    /// What each of its records has on shelves.
    rows: HashMap<u64, Vec<(Tag, ShelfRow)>>,
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
        let mut working = Working::default();
        for number in begun.saturating_add(1)..=up_to {
            let of = self.shelves_of(number, &mut working);
            shelves.extend(of_one(number, of)?);
        }
        Ok(Some(Shelved { up_to, shelves }))
    }

    fn shelves_of(&self, number: u64, working: &mut Working) -> Result<Vec<Shelf>, NodeError> {
        let stored = self.stored(number)?;
        self.check_open(&stored)?;
        let record = stored.open_to_index(&self.slots)?;
        let kind = kind_name(&record).and_then(Collection::of_kind);
        let before = self.before(&stored)?;
        let had = match before {
            Some(before) => of_one(before, self.standing(before, working))?,
            None => Vec::new(),
        };
        let Some(of_kind) = kind.filter(|_| is_for_tools(&record)) else {
            return self.dropped(before, had, &[]);
        };
        let in_joint_case = self.shared_case(&stored, &record)?.is_some();
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
        let (mut shelves, mut rows) = (Vec::new(), Vec::new());
        for (collection, aspect) in [
            (of_kind, Aspect::Situation),
            (Collection::Suspects, Aspect::Suspects),
            (Collection::Identifiers, Aspect::Identifiers),
        ] {
            let objects = stix::objects(ids, &version, aspect);
            if objects.own.is_empty() {
                continue;
            }
            let tag = self.shelf_tag(collection);
            let (mut row, tags) = self.row(&version, collection, &objects, &mut working.shared)?;
            row.in_joint_case = in_joint_case;
            shelves.push(self.shelf(number, tag, &row, tags)?);
            rows.push((tag, row));
        }
        shelves.extend(self.dropped(before, had, &rows)?);
        working.rows.insert(number, rows);
        Ok(shelves)
    }

    /// The version that a record amends; `None` when it amends none that is here.
    fn before(&self, stored: &StoredRecord) -> Result<Option<u64>, NodeError> {
        if stored.holding.follow.is_none() {
            return Ok(None);
        }
        let number = stored.holding.number;
        let versions = self.versions(number)?;
        let earlier = versions.iter().take_while(|of| of.number != number);
        Ok(earlier.last().map(|of| of.number))
    }

    /// What an earlier version has on shelves.
    fn standing(&self, number: u64, working: &Working) -> Result<Vec<(Tag, ShelfRow)>, NodeError> {
        if let Some(rows) = working.rows.get(&number) {
            return Ok(rows.clone());
        }
        let mut found = Vec::new();
        for stand in rows::stands(&self.store, number)? {
            let place = rows::place(&self.store, &stand.collection, stand.first_us)?;
            if let Some(place) = place.filter(|place| !place.revoked) {
                found.push((stand.collection, self.shelf_row(&place.sealed)?));
            }
        }
        Ok(found)
    }

    /// The objects that a version had and the next one has not, as gone.
    fn dropped(
        &self,
        before: Option<u64>,
        had: Vec<(Tag, ShelfRow)>,
        has: &[(Tag, ShelfRow)],
    ) -> Result<Vec<Shelf>, NodeError> {
        let mut shelves = Vec::new();
        for (tag, row) in had {
            let now = has.iter().find(|(of, _)| *of == tag);
            let now = now.map_or(&[][..], |(_, row)| row.parts.as_slice());
            let mut gone = row.parts.clone();
            gone.retain(|part| !now.contains(part));
            let Some(number) = before.filter(|_| !gone.is_empty()) else {
                continue;
            };
            let gone = ShelfRow {
                main: row.main.or(row.parts.first().copied()),
                shared: Vec::new(),
                parts: gone,
                ..row
            };
            let shelf = self.shelf(number, tag, &gone, Vec::new())?;
            shelves.push(Shelf {
                revoked: true,
                ..shelf
            });
        }
        Ok(shelves)
    }

    /// What a record has in a collection, with the tags of what is shared.
    fn row(
        &self,
        version: &Version<'_>,
        collection: Collection,
        objects: &Objects,
        known: &mut HashSet<(Tag, [u8; 16])>,
    ) -> Result<(ShelfRow, Vec<Vec<u8>>), NodeError> {
        let tag = self.shelf_tag(collection);
        let outline = objects.outline(version);
        let authorities = self.read_by(version, collection);
        let (mut words, mut tags) = (Vec::new(), Vec::new());
        for one in &outline.shared {
            let id = one.id(Ids(&self.keys.index));
            let of = self.shared_tag(&id);
            // Once for each circle of readers, where not everybody may know of it.
            let once = if one.is_open() {
                of
            } else {
                self.shared_tag(&format!("{id} for {}", authorities.join(",")))
            };
            if known.insert((tag, once)) && rows::shared_at(&self.store, &tag, &once)?.is_none() {
                words.push(one.words());
                tags.push(of.to_vec());
                if once != of {
                    tags.push(once.to_vec());
                }
            }
        }
        let row = ShelfRow {
            first: version.number,
            header_digest: version.header.to_vec(),
            created_us: version.created.micros(),
            modified_us: version.modified.micros(),
            origin: version.origin.code().to_owned(),
            authority: outline.by,
            shared: words,
            parts: outline.parts.iter().map(|part| part.packed()).collect(),
            main: None,
            kind: kind_name(version.record).unwrap_or_default().to_owned(),
            authorities,
            in_joint_case: false,
        };
        Ok((row, tags))
    }

    /// Authorities of the own country whose a record in a collection is, in order; none for the desk.
    fn read_by(&self, version: &Version<'_>, collection: Collection) -> Vec<String> {
        let mut names = if version.origin == self.country {
            let mut own = vec![version.record.authority.clone()];
            own.retain(|name| !name.is_empty());
            own
        } else {
            named(version.record, self.country.code(), collection.label())
        };
        names.sort();
        names.dedup();
        names
    }

    fn shelf(
        &self,
        number: u64,
        tag: Tag,
        row: &ShelfRow,
        tags: Vec<Vec<u8>>,
    ) -> Result<Shelf, NodeError> {
        let count = row.shared.len().saturating_add(row.parts.len());
        Ok(Shelf {
            collection: tag.to_vec(),
            number,
            revoked: false,
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

/// Authorities of a country that a record sent to it names for a compartment; none for the desk.
fn named(record: &Record, country: &str, label: CompartmentLabel) -> Vec<String> {
    let here = record.destinations.iter().find(|of| of.country == country);
    let Some(here) = here else {
        return Vec::new();
    };
    let mut names = here.authorities.clone();
    if label != CompartmentLabel::Situation {
        let of = here.readers.iter().find(|of| of.compartment() == label);
        return of.map_or(names, |of| of.authorities.clone());
    }
    // Every authority of the destination reads the situation, whichever compartment names it.
    if !names.is_empty() {
        names.extend(here.readers.iter().flat_map(|of| of.authorities.clone()));
    }
    names
}
