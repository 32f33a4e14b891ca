//! Taking objects in: each becomes a record by the same way as an item of a feed, so that a repeat changes
//! nothing, a newer version amends and a revoked one recalls. What became of them is durable, and kept,
//! before it is answered.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value;
use tokio::sync::mpsc;

use crate::{
    access::{Permit, Refused, act},
    crypto::random_bytes,
    entry::{EntryError, ObjectsTaken},
    feed::{
        stix::{Ids, MAX_ID, Object, Sender, Taken, Uuid, take},
        taxii::{Collection, Status, StatusEntry, added},
    },
    inbox::ask,
    wire::node::{FeedDeletion, FeedItem, IngestBegin, feed_item::Content},
};

use super::{
    super::{
        Node, NodeError,
        intake::{MOST_TOGETHER, Outcome},
        read::blocking,
        rules::{By, Proposal},
    },
    rows,
};

/// The feed under which objects are known.
const FEED: &str = "taxii";
/// Longest text of what became of an object.
const MAX_MESSAGE: usize = 500;

/// Why objects are not taken in at all.
#[derive(Debug, thiserror::Error)]
pub enum IntakeFault {
    /// The permissions do not allow it.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// What became of objects.
pub type TakenIn = Status;

impl Node {
    /// Whether somebody may hand objects in to a collection.
    pub fn taxii_takes(&self, collection: Collection, may_ingest: bool) -> bool {
        collection == Collection::Intake && may_ingest
    }

    /// Takes objects in. What is answered is durable: the records, and what became of each object.
    ///
    /// # Errors
    /// [`IntakeFault`]; a client that got no answer hands the objects in again, and none becomes two
    /// records.
    pub async fn taxii_take(
        self: &Arc<Self>,
        permit: Permit<act::Ingest>,
        objects: Vec<Value>,
    ) -> Result<TakenIn, IntakeFault> {
        let asked_us = u64::try_from(self.now().micros()).unwrap_or(0);
        let sender = Sender {
            authority: permit
                .principal()
                .authority()
                .unwrap_or_default()
                .to_owned(),
            destinations: self.config.taxii.destinations(),
            now: self.now(),
            foreign: HashMap::new(),
        };
        let node = Arc::clone(self);
        let taken = blocking(move || {
            let foreign = node.foreign(&objects)?;
            Ok(take(&objects, &Sender { foreign, ..sender }))
        })
        .await?;
        let outcomes = self.feed_objects(&permit, &taken).await?;
        let id: [u8; 16] = random_bytes().map_err(NodeError::from)?;
        let uuid = Uuid::of_bytes(id);
        let id = *uuid.as_bytes();
        let mut status = Status {
            status: "complete".to_owned(),
            request_timestamp: added(asked_us),
            total_count: u64::try_from(taken.len()).unwrap_or(u64::MAX),
            ..Status::default()
        };
        status.id = uuid.to_string();
        for (object, outcome) in taken.into_iter().zip(outcomes) {
            let told = told(&object, outcome);
            let (taken, message) = match told {
                Ok(message) => (true, message),
                Err(message) => (false, message),
            };
            let entry = StatusEntry {
                id: object.id,
                version: object.version,
                message: message.chars().take(MAX_MESSAGE).collect(),
            };
            if taken {
                status.success_count = status.success_count.saturating_add(1);
                status.successes.push(entry);
            } else {
                status.failure_count = status.failure_count.saturating_add(1);
                status.failures.push(entry);
            }
        }
        self.keep_status(&permit, &id, &status).await?;
        Ok(status)
    }

    /// The objects among these that this node made of other countries' records: the number and the country
    /// of each.
    fn foreign(&self, objects: &[Value]) -> Result<HashMap<String, (u64, String)>, NodeError> {
        let ids = Ids(&self.keys.index);
        let last = ask::last_number(&self.store)?;
        let mut foreign = HashMap::new();
        for id in objects.iter().filter_map(|of| of.get("id")?.as_str()) {
            let uuid = id.split_once("--").and_then(|(_, uuid)| Uuid::parse(uuid));
            let Some(uuid) = uuid.filter(|_| id.len() <= MAX_ID) else {
                continue;
            };
            let of = ids.part(&uuid);
            if of.number == 0 || of.number > last {
                continue;
            }
            let Ok(held) = self.held(of.number) else {
                continue;
            };
            if ids.is_of(&uuid, of, &held.digest) && held.holding.origin != self.country.code() {
                foreign.insert(id.to_owned(), (of.number, held.holding.origin));
            }
        }
        Ok(foreign)
    }

    /// What becomes of each object that is an item; `None` for the others.
    async fn feed_objects(
        self: &Arc<Self>,
        permit: &Permit<act::Ingest>,
        taken: &[Object],
    ) -> Result<Vec<Option<Outcome>>, IntakeFault> {
        let mut outcomes: Vec<Option<Outcome>> = Vec::new();
        outcomes.resize_with(taken.len(), || None);
        let items: Vec<(usize, FeedItem)> = taken
            .iter()
            .enumerate()
            .filter_map(|(at, object)| Some((at, item_of(object)?)))
            .collect();
        if items.is_empty() {
            return Ok(outcomes);
        }
        let begin = IngestBegin {
            feed: FEED.to_owned(),
            dry_run: false,
        };
        // The name is a good one.
        let feed = self
            .feed(permit.clone(), begin)
            .map_err(|_| NodeError::Entry(EntryError::Field("feed")))?;
        let mut items = items.into_iter().peekable();
        while items.peek().is_some() {
            let (places, together): (Vec<usize>, Vec<FeedItem>) =
                items.by_ref().take(MOST_TOGETHER).unzip();
            let (sender, mut coming) = mpsc::channel(MOST_TOGETHER);
            feed.take(together, |_| (), &sender).await;
            drop(sender);
            let mut places = places.into_iter();
            while let Some(((), one)) = coming.recv().await {
                let outcome = one.outcome().await;
                if let Some(place) = places.next().and_then(|at| outcomes.get_mut(at)) {
                    *place = Some(outcome);
                }
            }
        }
        Ok(outcomes)
    }

    async fn keep_status(
        &self,
        permit: &Permit<act::Ingest>,
        id: &[u8; 16],
        status: &Status,
    ) -> Result<(), IntakeFault> {
        let text = serde_json::to_vec(status).unwrap_or_default();
        let sealed = self
            .keys
            .storage
            .seal(&rows::status_aad(id), &text)
            .map_err(NodeError::from)?;
        let taken = ObjectsTaken {
            id: id.to_vec(),
            person_tag: self.person(&permit.actor()).to_vec(),
            sealed,
        };
        self.writer
            .propose(Proposal::ObjectsTaken {
                taken: Box::new(taken),
                by: Box::new(By::of(permit)),
                count: status.success_count,
            })
            .await
            .map_err(NodeError::from)?;
        Ok(())
    }

    /// What became of objects that the same principal handed in; `None` when nothing of it is kept.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn taxii_status(
        &self,
        permit: &Permit<act::Ingest>,
        id: &str,
    ) -> Result<Option<TakenIn>, NodeError> {
        let Some(id) = Uuid::parse(id) else {
            return Ok(None);
        };
        let by = self.person(&permit.actor());
        let Some(sealed) = rows::status(&self.store, id.as_bytes(), &by)? else {
            return Ok(None);
        };
        let aad = rows::status_aad(id.as_bytes());
        let opened = self.keys.storage.open(&aad, &sealed);
        let opened = opened.map_err(|_| EntryError::Field("status"))?;
        Ok(serde_json::from_slice(&opened).ok())
    }
}

/// The object as an item of a feed; `None` when it is none.
fn item_of(object: &Object) -> Option<FeedItem> {
    let content = match &object.taken {
        Ok(Taken::Record(record)) => Content::Record((**record).clone()),
        Ok(Taken::Revoked) => Content::Deleted(FeedDeletion {
            reason: "revoked in the tool that it came from".to_owned(),
        }),
        _ => return None,
    };
    Some(FeedItem {
        own_id: object.id.clone(),
        version: object.version_us,
        content: Some(content),
    })
}

/// What became of an object, in words; an error where it was not taken.
fn told(object: &Object, outcome: Option<Outcome>) -> Result<String, String> {
    if let Err(fault) = &object.taken {
        return Err(fault.to_string());
    }
    match outcome {
        None if object.taken == Ok(Taken::Beside) => {
            Ok("carried by the records that refer to it".to_owned())
        }
        None => Err("the node ended while it was taken in; hand it in again".to_owned()),
        Some(Ok(taken)) => {
            let what = taken.outcome.as_str_name();
            let what = what.strip_prefix("FEED_OUTCOME_").unwrap_or(what);
            let what = what.to_ascii_lowercase();
            Ok(match taken.reference {
                Some(reference) => format!("{what}: {reference}"),
                None => what,
            })
        }
        Some(Err(error)) => Err(error.to_string()),
    }
}
