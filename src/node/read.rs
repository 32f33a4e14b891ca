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

use super::{
    Node, NodeError,
    listing::OfficerTag,
    purpose::check_purpose,
    rules::{Proposal, ReadOrder},
};

pub use refusal::ReadError;

/// Records a list answers at most.
pub const MAX_PAGE: usize = 500;

/// A record opened, and what its leaf says.
struct Looked {
    opened: Opened,
    digest: Digest,
    /// Whether its origin is to be told.
    retrieval: bool,
}

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
        let officer = self.person(&actor);
        let looked = blocking(move || node.open_version(asked, exact, thread, &officer)).await;
        let Looked {
            mut opened,
            digest,
            retrieval,
        } = looked.map_err(|error| ReadError::of(reference, error))?;
        if holds_victims(&opened) && purpose.trim().is_empty() {
            return Err(ReadError::PurposeMissing(reference));
        }
        let compartments = opened
            .summary
            .compartments
            .iter()
            .filter_map(|label| u32::try_from(*label).ok())
            .collect();
        let number = opened.summary.number;
        self.writer
            .propose(Proposal::Read(Box::new(ReadOrder {
                number,
                digest: Some(digest),
                reference: opened.record.reference.clone(),
                compartments,
                actor,
                purpose,
                detail: "read",
                officer: Some(officer),
                retrieval,
            })))
            .await
            .map_err(NodeError::from)?;
        let shown = [&mut opened.versions, &mut opened.thread];
        for summary in shown.into_iter().flatten().chain([&mut opened.summary]) {
            summary.read |= summary.number == number;
        }
        Ok(opened)
    }

    /// The newest version of a record that may be read, opened for a use case of the node: nothing
    /// of it leaves the node.
    ///
    /// # Errors
    /// [`ReadError`] when it is not here or cannot be read.
    pub(super) async fn newest_of(
        self: &Arc<Self>,
        reference: Reference,
    ) -> Result<(StoredRecord, Record), ReadError> {
        let asked = self.find(&reference)?;
        let node = Arc::clone(self);
        let opened = blocking(move || {
            let newest = Self::newest(&node.versions(asked)?);
            let stored = node.stored(newest.unwrap_or(asked))?;
            let record = node.open_stored(&stored)?;
            Ok((stored, record))
        });
        opened
            .await
            .map_err(|error| ReadError::of(reference, error))
    }

    /// Opens a record, or its newest version.
    fn open_version(
        &self,
        asked: u64,
        exact: bool,
        thread: bool,
        officer: &OfficerTag,
    ) -> Result<Looked, NodeError> {
        let versions = self.versions(asked)?;
        let newest = Self::newest(&versions).filter(|_| !exact);
        let number = newest.unwrap_or(asked);
        let stored = self.stored(number)?;
        let record = self.open_stored(&stored)?;
        let mut summary = self.summary(number, &stored, &record)?;
        self.personal(&mut summary, officer)?;
        let numbers = versions.iter().map(|version| version.number);
        let versions = self.personals(numbers, officer)?;
        let thread = if thread {
            self.personals(self.thread(number)?.into_iter(), officer)?
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
        // Its origin is told of the first time, and of no step.
        let known = stored.life.as_ref().is_some_and(|row| row.opened_us != 0);
        Ok(Looked {
            opened,
            digest: stored.digest,
            retrieval: stored.position.is_some() && !stored.is_step() && !known,
        })
    }

    fn personals(
        &self,
        numbers: impl Iterator<Item = u64>,
        officer: &OfficerTag,
    ) -> Result<Vec<RecordSummary>, NodeError> {
        numbers
            .map(|number| {
                let mut summary = self.summarise(number)?;
                self.personal(&mut summary, officer)?;
                Ok(summary)
            })
            .collect()
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

    pub(super) fn summarise(&self, number: u64) -> Result<RecordSummary, NodeError> {
        match self.stored(number) {
            Ok(stored) => self.summary_of(number, &stored),
            Err(error) if error.is_damage() => self.damaged_summary(number),
            Err(error) => Err(error),
        }
    }

    /// A summary; of a locked record only what stands outside its text.
    pub(super) fn summary_of(
        &self,
        number: u64,
        stored: &StoredRecord,
    ) -> Result<RecordSummary, NodeError> {
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
            ..RecordSummary::default()
        })
    }

    /// Header digest of a local number.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn header_digest(&self, number: u64) -> Result<Digest, NodeError> {
        Ok(self.held(number)?.digest)
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
