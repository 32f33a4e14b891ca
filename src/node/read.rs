//! Read: open a record for an officer; the reading is a ledger leaf, durably, before data leaves.

mod refusal;

use std::sync::Arc;

use crate::{
    crypto::Digest,
    entry::{EntryError, LockCause},
    inbox::{HoldingError, StoredRecord, ask},
    record::{Country, Moment, Reference, kind_name, sharing::labels},
    wire::{
        node::{RecordState, RecordSummary},
        record::{CompartmentLabel, Record},
    },
};

use super::{Node, NodeError, purpose::check_purpose, rules::Proposal};

pub use refusal::ReadError;

/// Records a list answers at most.
pub const MAX_PAGE: usize = 500;

/// A record opened.
#[derive(Debug)]
pub struct Opened {
    /// Its content, as far as this country may read it.
    pub record: Record,
    /// What the node knows of it.
    pub summary: RecordSummary,
    /// Every version of it, oldest first.
    pub versions: Vec<RecordSummary>,
    /// The thread it stands in, where it was asked for.
    pub thread: Vec<RecordSummary>,
    /// Where it passes another country's record on: whose, and that one's content.
    pub original: Option<(Country, Record)>,
}

/// What is to be read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Which record.
    pub reference: Reference,
    /// Who reads it.
    pub actor: String,
    /// Why; into the ledger.
    pub purpose: String,
    /// True for this very version, false for the newest one.
    pub exact: bool,
    /// Whether the thread is wanted too.
    pub thread: bool,
}

/// What a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listed {
    /// Only records of this origin.
    pub origin: Option<Country>,
    /// Steps too.
    pub steps: bool,
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
    pub async fn read(self: &Arc<Self>, reading: Reading) -> Result<Opened, ReadError> {
        let Reading {
            reference,
            actor,
            purpose,
            exact,
            thread,
        } = reading;
        check_purpose(&purpose)?;
        let asked = self.find(&reference)?;
        let node = Arc::clone(self);
        let opened = blocking(move || node.open_version(asked, exact, thread)).await;
        let (number, opened, digest) = opened.map_err(|error| ReadError::of(reference, error))?;
        if holds_victims(&opened) && purpose.trim().is_empty() {
            return Err(ReadError::PurposeMissing(reference));
        }
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
                reference: opened.record.reference.clone(),
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
        wanted: Listed,
        before: u64,
        limit: usize,
        actor: String,
    ) -> Result<Vec<RecordSummary>, ReadError> {
        let node = Arc::clone(self);
        let page = blocking(move || node.page(wanted, before, limit.clamp(1, MAX_PAGE))).await?;
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

    /// Opens a record, or its newest version.
    fn open_version(
        &self,
        asked: u64,
        exact: bool,
        thread: bool,
    ) -> Result<(u64, Opened, Digest), NodeError> {
        let versions = self.versions(asked)?;
        let newest = Self::newest(&versions).filter(|_| !exact);
        let number = newest.unwrap_or(asked);
        let stored = self.stored(number)?;
        let record = self.open_stored(&stored)?;
        let summary = self.summary(number, &stored, &record)?;
        let versions = versions
            .iter()
            .map(|version| self.summarise(version.number))
            .collect::<Result<_, _>>()?;
        let thread = if thread {
            self.thread(number)?
        } else {
            Vec::new()
        };
        let original = super::onward::original_of(&record)?;
        let opened = Opened {
            record,
            summary,
            versions,
            thread,
            original,
        };
        Ok((number, opened, stored.digest))
    }

    /// Refuses a record that nobody reads any more: locked, or expired and so closed from that
    /// moment, whether it is locked durably yet or not.
    ///
    /// # Errors
    /// [`HoldingError::Locked`], and nothing else.
    pub(super) fn check_open(&self, stored: &StoredRecord) -> Result<(), NodeError> {
        let expires = stored.holding.expires_us;
        let over = expires != 0 && expires <= self.now().micros();
        match stored.locked().or(over.then_some(LockCause::Expiry)) {
            Some(cause) => Err(HoldingError::Locked(cause).into()),
            None => Ok(()),
        }
    }

    /// Opens a record for somebody.
    pub(super) fn open_stored(&self, stored: &StoredRecord) -> Result<Record, NodeError> {
        self.check_open(stored)?;
        let mut record = stored.open(&self.slots)?;
        let until = stored.holding.victims_until_us;
        if until != 0 && until <= self.now().micros() {
            record.victims = None;
        }
        Ok(record)
    }

    /// Whether a list shows a record.
    fn is_listed(&self, stored: &StoredRecord, steps: bool) -> bool {
        let step = stored
            .holding
            .follow
            .as_ref()
            .is_some_and(|follow| follow.step != 0);
        self.check_open(stored).is_ok() && (steps || !step)
    }

    fn page(
        &self,
        wanted: Listed,
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
                if page.len() >= limit || wanted.origin.is_some_and(|origin| origin != row.origin) {
                    continue;
                }
                page.extend(self.listing(number, wanted.steps)?);
            }
        }
        Ok(page)
    }

    /// Records above a local number, oldest first, out of the next `limit`; and the number up to
    /// which this looked.
    ///
    /// # Errors
    /// [`ReadError::Node`] when the store cannot be read.
    pub async fn following(
        self: &Arc<Self>,
        after: u64,
        limit: usize,
        steps: bool,
    ) -> Result<(Vec<RecordSummary>, u64), ReadError> {
        let node = Arc::clone(self);
        Ok(blocking(move || {
            let rows = ask::following(&node.store, after, limit)?;
            let last = rows.last().map_or(after, |(number, _)| *number);
            let mut found = Vec::new();
            for (number, _) in rows {
                found.extend(node.listing(number, steps)?);
            }
            Ok((found, last))
        })
        .await?)
    }

    /// A record's summary if a list shows it. One rotten record must not hide the others.
    fn listing(&self, number: u64, steps: bool) -> Result<Option<RecordSummary>, NodeError> {
        match self.stored(number) {
            Ok(stored) if self.is_listed(&stored, steps) => {
                self.summary_of(number, &stored).map(Some)
            }
            Ok(_) => Ok(None),
            Err(error) if error.is_damage() => self.damaged_summary(number).map(Some),
            Err(error) => Err(error),
        }
    }

    pub(super) fn summarise(&self, number: u64) -> Result<RecordSummary, NodeError> {
        match self.stored(number) {
            Ok(stored) => self.summary_of(number, &stored),
            Err(error) if error.is_damage() => self.damaged_summary(number),
            Err(error) => Err(error),
        }
    }

    /// A summary; of a locked record only what stands outside its text.
    fn summary_of(&self, number: u64, stored: &StoredRecord) -> Result<RecordSummary, NodeError> {
        match self.open_stored(stored) {
            Ok(record) => self.summary(number, stored, &record),
            Err(NodeError::Holding(HoldingError::Locked(_))) => Ok(RecordSummary {
                reference: self.reference_of(stored)?.to_string(),
                header_digest: stored.digest.to_vec(),
                origin: stored.holding.origin.clone(),
                stored_us: stored.time.micros(),
                exercise: stored.holding.exercise,
                deliveries: self.deliveries(stored)?,
                number,
                state: match self.state(stored)? {
                    RecordState::Erased => RecordState::Erased,
                    _ => RecordState::Locked,
                }
                .into(),
                held: is_held(stored),
                ..RecordSummary::default()
            }),
            Err(error) => Err(error),
        }
    }

    pub(super) fn summary(
        &self,
        number: u64,
        stored: &StoredRecord,
        record: &Record,
    ) -> Result<RecordSummary, NodeError> {
        let original = super::onward::original_of(record)?;
        let content = original.as_ref().map_or(record, |(_, original)| original);
        let submitted = record
            .submitted_at
            .as_ref()
            .ok_or(EntryError::Field("submitted_at"))?;
        Ok(RecordSummary {
            reference: record.reference.clone(),
            header_digest: stored.digest.to_vec(),
            origin: stored.holding.origin.clone(),
            kind: kind_name(content).unwrap_or_default().to_owned(),
            title: content
                .situation
                .as_ref()
                .map(|situation| situation.title.clone())
                .unwrap_or_default(),
            urgency: record.urgency,
            submitted_us: Moment::from(submitted).micros(),
            stored_us: stored.time.micros(),
            compartments: labels(content)
                .into_iter()
                .filter(|label| {
                    *label != CompartmentLabel::Situation || content.situation.is_some()
                })
                .map(Into::into)
                .collect(),
            exercise: stored.holding.exercise,
            deliveries: self.deliveries(stored)?,
            number,
            state: self.state(stored)?.into(),
            follows: record.follows.clone(),
            held: is_held(stored),
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

/// Whether an answer shows victims' data, its own or that of a record passed on.
fn holds_victims(opened: &Opened) -> bool {
    let original = opened.original.as_ref().map(|(_, original)| original);
    let mut shown = std::iter::once(&opened.record).chain(original);
    shown.any(|record| record.victims.is_some())
}

fn is_held(stored: &StoredRecord) -> bool {
    stored.life.as_ref().is_some_and(|row| row.held)
}

/// Runs store and cryptography off the runtime's threads.
pub(in crate::node) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, NodeError> + Send + 'static,
) -> Result<T, NodeError> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| NodeError::Task)?
}
