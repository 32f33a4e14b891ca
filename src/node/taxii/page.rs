//! Pages of a collection: what it has after a time, as far as who asks may see it. Only the shelves of
//! the page are read, and only its records opened; the leaf is durable before anything leaves.

use std::{
    num::NonZero,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::sync::Semaphore;

use crate::{
    access::{Permit, act},
    crypto::Digest,
    feed::{
        stix::{Ids, Uuid},
        taxii::{Collection, Matched},
    },
    ledger::Shown,
};

use super::{
    super::{
        Node, NodeError,
        read::{ReadError, blocking},
        rules::{By, Proposal, ReadOrder},
    },
    rows::{self, Place},
};

/// Shelves that are read at a time.
const SHELVES: usize = 32;
/// Pages that are worked out at a time.
static PAGES: Semaphore = Semaphore::const_new(4);
/// Bytes of objects from which on a page ends and says that there are more.
const MOST_BYTES: usize = 8 << 20;
/// The same for time.
const MOST_TIME: Duration = Duration::from_secs(10);
/// Shelves that are looked at for one page; beyond, the page ends and says that there are more.
const MOST_SHELVES: usize = 20_000;
/// Threads that open records of a page.
const MOST_THREADS: usize = 4;
/// Records from which on more than one thread opens them.
const WORTH_A_THREAD: usize = 16;
/// Versions of one id that are looked for.
const MAX_VERSIONS: usize = 1000;

/// What of a collection is wanted.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Which collection.
    pub collection: Collection,
    /// What is matched.
    pub matched: Matched,
    /// Only what came after this.
    pub after_us: u64,
    /// Most objects.
    pub limit: usize,
    /// What the leaf says: a stable word.
    pub detail: &'static str,
}

/// An object of a page.
#[derive(Clone, Debug)]
pub struct TaxiiEntry {
    /// When it came into the collection.
    pub added_us: u64,
    /// The object.
    pub object: Value,
}

/// A page of a collection.
#[derive(Clone, Debug, Default)]
pub struct TaxiiPage {
    /// The objects, in the order in which they came.
    pub entries: Vec<TaxiiEntry>,
    /// Where the next page begins; `None` when there is none.
    pub next_us: Option<u64>,
}

/// What one shelf gives.
#[derive(Debug, Default)]
pub(super) struct Given {
    pub(super) entries: Vec<TaxiiEntry>,
    /// The record whose text is in them.
    pub(super) shown: Option<(u64, Digest)>,
}

impl Node {
    /// A page of a collection. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`ReadError::Refused`] when a second person has to agree to so many records;
    /// [`ReadError::Node`] when the store cannot be read. Nothing leaves the node then.
    pub async fn taxii_page(
        self: &Arc<Self>,
        permit: Permit<act::Export>,
        wanted: Wanted,
    ) -> Result<TaxiiPage, ReadError> {
        let (node, by) = (Arc::clone(self), permit.clone());
        let (collection, detail) = (wanted.collection, wanted.detail);
        let turn = PAGES.acquire().await.map_err(|_| NodeError::Closed)?;
        let (page, shown) = blocking(move || {
            // Also when nobody waits for it any more, its turn ends with the work.
            let page = node.taxii_page_of(&by, &wanted);
            drop(turn);
            page
        })
        .await?;
        if shown.is_empty() {
            return Ok(page);
        }
        let shown = Shown::of(shown);
        let warrant = self.gets_at(&permit, &shown.numbers())?;
        let labels = Self::taxii_labels(collection);
        let by = By::of(&permit)
            .reading_for(
                self.taxii_purpose(),
                format!("TAXII collection {}", collection.alias()),
            )
            .under(warrant.as_ref());
        // A crash after this leaves a leaf for a page that nobody received.
        self.writer
            .propose(Proposal::Read(Box::new(ReadOrder {
                compartments: labels.into_iter().map(|label| label as u32).collect(),
                by,
                detail,
                shown,
                leaves: true,
                ..ReadOrder::default()
            })))
            .await
            .map_err(NodeError::from)?;
        Ok(page)
    }

    fn taxii_page_of(
        &self,
        permit: &Permit<act::Export>,
        wanted: &Wanted,
    ) -> Result<(TaxiiPage, Vec<(u64, Digest)>), NodeError> {
        let mut page = TaxiiPage::default();
        let mut shown = Vec::new();
        if !wanted.matched.spec {
            return Ok((page, shown));
        }
        let tag = self.shelf_tag(wanted.collection);
        let mut named = if wanted.matched.ids.is_empty() {
            None
        } else {
            Some(self.shelves_with(wanted)?)
        };
        let (mut looked, mut bytes, begun) = (0_usize, 0_usize, Instant::now());
        let mut at = wanted.after_us;
        let enough = wanted.limit.saturating_add(1);
        while page.entries.len() < enough {
            let places: Vec<Place> = match &mut named {
                Some(named) => named.drain(..named.len().min(SHELVES)).collect(),
                None => {
                    let missing = enough.saturating_sub(page.entries.len());
                    few(rows::after(&self.store, &tag, at, SHELVES)?, missing)
                }
            };
            let Some(last) = places.last() else {
                break;
            };
            at = last.last_us();
            looked = looked.saturating_add(places.len());
            for given in self.give_all(permit, wanted, &places)? {
                // What a page has no room for was not shown.
                if page.entries.len() < wanted.limit && !given.entries.is_empty() {
                    shown.extend(given.shown);
                }
                let weights = given.entries.iter().map(|entry| weight(&entry.object));
                bytes = weights.fold(bytes, usize::saturating_add);
                page.entries.extend(given.entries);
            }
            if looked >= MOST_SHELVES || bytes >= MOST_BYTES || begun.elapsed() > MOST_TIME {
                page.next_us = Some(at);
                break;
            }
        }
        if page.entries.len() > wanted.limit {
            page.entries.truncate(wanted.limit);
            page.next_us = page.entries.last().map(|entry| entry.added_us);
        }
        Ok((page, shown))
    }

    /// What each of these shelves gives, in their order; opened by several threads where it pays.
    fn give_all(
        &self,
        permit: &Permit<act::Export>,
        wanted: &Wanted,
        places: &[Place],
    ) -> Result<Vec<Given>, NodeError> {
        let give = |places: &[Place]| -> Result<Vec<Given>, NodeError> {
            places
                .iter()
                .map(|place| self.give(permit, wanted, place))
                .collect()
        };
        let threads = thread::available_parallelism().map_or(1, NonZero::get);
        let threads = threads.min(MOST_THREADS).min(places.len() / WORTH_A_THREAD);
        if threads < 2 {
            return give(places);
        }
        let share = places.len().div_ceil(threads);
        thread::scope(|scope| {
            let work: Vec<_> = places
                .chunks(share)
                .map(|share| scope.spawn(move || give(share)))
                .collect();
            let mut all = Vec::with_capacity(places.len());
            for one in work {
                all.append(&mut one.join().map_err(|_| NodeError::Task)??);
            }
            Ok(all)
        })
    }

    /// The shelves that hold the ids wanted, in order, found by the ids themselves.
    fn shelves_with(&self, wanted: &Wanted) -> Result<Vec<Place>, NodeError> {
        let tag = self.shelf_tag(wanted.collection);
        let ids = Ids(&self.keys.index);
        let mut firsts = Vec::new();
        for id in &wanted.matched.ids {
            if let Some(first) = rows::shared_at(&self.store, &tag, &self.shared_tag(id))? {
                firsts.push(first);
                continue;
            }
            let uuid = id.split_once("--").and_then(|(_, uuid)| Uuid::parse(uuid));
            let Some(uuid) = uuid else {
                continue;
            };
            let of = ids.part(&uuid);
            if of.number == 0 || of.number > rows::shelved(&self.store)? {
                continue;
            }
            let Ok(held) = self.held(of.number) else {
                continue;
            };
            if !ids.is_of(&uuid, of, &held.digest) {
                continue;
            }
            for version in self.family(of.number)?.into_iter().take(MAX_VERSIONS) {
                let stands = rows::stands(&self.store, version.number)?;
                let here = stands.into_iter().filter(|stand| stand.collection == tag);
                firsts.extend(here.map(|stand| stand.first_us));
            }
        }
        firsts.sort_unstable();
        firsts.dedup();
        let mut places = Vec::with_capacity(firsts.len());
        for first in firsts {
            let place = rows::place(&self.store, &tag, first)?;
            places.extend(place.filter(|place| place.last_us() > wanted.after_us));
        }
        Ok(places)
    }
}

/// About how many bytes a value takes.
fn weight(value: &Value) -> usize {
    const EACH: usize = 8;
    match value {
        Value::String(text) => text.len().saturating_add(EACH),
        Value::Array(all) => all.iter().map(weight).fold(EACH, usize::saturating_add),
        Value::Object(all) => all
            .iter()
            .map(|(name, value)| weight(value).saturating_add(name.len()))
            .fold(EACH, usize::saturating_add),
        _ => EACH,
    }
}

/// The first of these shelves that have so many objects together, or all.
fn few(mut places: Vec<Place>, objects: usize) -> Vec<Place> {
    let mut sum = 0_usize;
    let enough = places.iter().position(|place| {
        sum = sum.saturating_add(usize::from(place.objects));
        sum >= objects
    });
    if let Some(at) = enough {
        places.truncate(at.saturating_add(1));
    }
    places
}
