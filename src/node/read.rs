//! Read: open a record for an officer; the reading is a ledger leaf, durably, before data leaves.

use std::sync::Arc;

use crate::{
    crypto::Digest,
    entry::EntryError,
    inbox::{StoredRecord, ask},
    record::{Country, Moment, Reference, kind_name},
    wire::{
        node::RecordSummary,
        record::{CompartmentLabel, Record},
    },
};

use super::{Node, NodeError, rules::Proposal};

/// Records a list answers at most.
pub const MAX_PAGE: usize = 500;
/// Length of a purpose, in characters.
const MAX_PURPOSE_CHARS: usize = 200;

/// Why a record is not read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Nothing here has this reference.
    #[error("no record {0} is held here; records listed by `comity records list` can be read")]
    Unknown(Reference),
    /// The purpose is longer than it may be.
    #[error("a purpose has at most {MAX_PURPOSE_CHARS} characters, this one has {0}")]
    PurposeTooLong(usize),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// A record opened.
#[derive(Debug)]
pub struct Opened {
    /// Its content, as far as this country may read it.
    pub record: Record,
    /// What the node knows of it.
    pub summary: RecordSummary,
}

impl Node {
    /// Local number of a reference.
    ///
    /// # Errors
    /// [`ReadError::Unknown`] when nothing here has it.
    pub fn find(&self, reference: &Reference) -> Result<u64, ReadError> {
        ask::by_reference(&self.store, &self.reference_tag(reference))
            .map_err(NodeError::from)?
            .ok_or(ReadError::Unknown(*reference))
    }

    /// Opens a record. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`ReadError`]; nothing was opened for anyone then.
    pub async fn read(
        self: &Arc<Self>,
        reference: Reference,
        actor: String,
        purpose: String,
    ) -> Result<Opened, ReadError> {
        let chars = purpose.chars().count();
        if chars > MAX_PURPOSE_CHARS {
            return Err(ReadError::PurposeTooLong(chars));
        }
        let number = self.find(&reference)?;
        let node = Arc::clone(self);
        let (opened, digest) = blocking(move || {
            let stored = node.stored(number)?;
            let record = stored.open(&node.slots)?;
            let summary = node.summary(number, &stored, &record)?;
            Ok((Opened { record, summary }, stored.digest))
        })
        .await?;
        let compartments = opened
            .summary
            .compartments
            .iter()
            .filter_map(|label| u32::try_from(*label).ok())
            .collect();
        self.writer
            .propose(Proposal::Read {
                number,
                digest: Some(digest),
                reference: reference.to_string(),
                compartments,
                actor,
                purpose,
                detail: "read",
            })
            .await
            .map_err(NodeError::from)?;
        Ok(opened)
    }

    /// Lists records below a local number, newest first. A page is one leaf.
    ///
    /// # Errors
    /// [`ReadError::Node`] when the store cannot be read.
    pub async fn list(
        self: &Arc<Self>,
        origin: Option<Country>,
        before: u64,
        limit: usize,
        actor: String,
    ) -> Result<Vec<RecordSummary>, ReadError> {
        let node = Arc::clone(self);
        let page = blocking(move || node.page(origin, before, limit.clamp(1, MAX_PAGE))).await?;
        self.listed(actor).await?;
        Ok(page)
    }

    /// Writes the leaf of a listing or a watch.
    ///
    /// # Errors
    /// [`ReadError::Node`] when it cannot be made durable.
    pub async fn listed(&self, actor: String) -> Result<(), ReadError> {
        self.writer
            .propose(Proposal::Read {
                number: 0,
                digest: None,
                reference: String::new(),
                compartments: vec![CompartmentLabel::Situation as u32],
                actor,
                purpose: String::new(),
                detail: "listed",
            })
            .await
            .map_err(NodeError::from)?;
        Ok(())
    }

    fn page(
        &self,
        origin: Option<Country>,
        mut before: u64,
        limit: usize,
    ) -> Result<Vec<RecordSummary>, NodeError> {
        let mut page = Vec::new();
        while page.len() < limit {
            let rows = ask::newest(&self.store, before, limit)?;
            let Some((oldest, _)) = rows.last() else {
                break;
            };
            before = *oldest;
            for (number, row) in rows {
                if page.len() < limit && origin.is_none_or(|origin| origin == row.origin) {
                    page.push(self.summarise(number)?);
                }
            }
        }
        Ok(page)
    }

    /// Records above a local number, oldest first.
    ///
    /// # Errors
    /// [`ReadError::Node`] when the store cannot be read.
    pub async fn following(
        self: &Arc<Self>,
        after: u64,
        limit: usize,
    ) -> Result<Vec<RecordSummary>, ReadError> {
        let node = Arc::clone(self);
        Ok(blocking(move || {
            ask::following(&node.store, after, limit)?
                .into_iter()
                .map(|(number, _)| node.summarise(number))
                .collect()
        })
        .await?)
    }

    fn summarise(&self, number: u64) -> Result<RecordSummary, NodeError> {
        let stored = self.stored(number)?;
        let record = stored.open(&self.slots)?;
        self.summary(number, &stored, &record)
    }

    fn summary(
        &self,
        number: u64,
        stored: &StoredRecord,
        record: &Record,
    ) -> Result<RecordSummary, NodeError> {
        let present = [
            (CompartmentLabel::Situation, record.situation.is_some()),
            (CompartmentLabel::Suspects, record.suspects.is_some()),
            (CompartmentLabel::Identifiers, record.identifiers.is_some()),
            (CompartmentLabel::Victims, record.victims.is_some()),
            (CompartmentLabel::Source, record.source.is_some()),
        ];
        let submitted = record
            .submitted_at
            .as_ref()
            .ok_or(EntryError::Field("submitted_at"))?;
        Ok(RecordSummary {
            reference: record.reference.clone(),
            header_digest: stored.digest.to_vec(),
            origin: stored.holding.origin.clone(),
            kind: kind_name(record).unwrap_or_default().to_owned(),
            title: record
                .situation
                .as_ref()
                .map(|situation| situation.title.clone())
                .unwrap_or_default(),
            urgency: record.urgency,
            submitted_us: Moment::from(submitted).micros(),
            stored_us: stored.time.micros(),
            compartments: present
                .into_iter()
                .filter(|(_, held)| *held)
                .map(|(label, _)| label.into())
                .collect(),
            exercise: stored.holding.exercise,
            deliveries: self.deliveries(stored)?,
            number,
        })
    }

    /// Header digest of a local number.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn header_digest(&self, number: u64) -> Result<Digest, NodeError> {
        Ok(self.stored(number)?.digest)
    }
}

/// Runs store and cryptography off the runtime's threads.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NodeError> + Send + 'static,
) -> Result<T, NodeError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| NodeError::Task)?
}
