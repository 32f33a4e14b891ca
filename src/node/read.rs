//! Read: open a record for an officer; the reading is a ledger leaf, durably, before data leaves.

mod reading;
mod refusal;

use std::sync::Arc;

use crate::{
    access::{Compartments, Permit, Subject, Verb, Warrant, act},
    crypto::Digest,
    entry::{EntryError, LockCause},
    inbox::{HoldingError, StoredRecord, ask},
    record::{Country, Moment, Reference, kind_name, sharing::labels},
    wire::{
        node::{RecordState, RecordSummary, WithheldCompartment},
        record::{CompartmentLabel, Record},
    },
};

use super::{
    Node, NodeError,
    access::{beyond, withheld},
    listing::OfficerTag,
    purpose::check_purpose,
    rules::{By, Proposal, ReadOrder},
};

pub use reading::Reading;
pub use refusal::ReadError;

/// Records a list answers at most.
pub const MAX_PAGE: usize = 500;

/// A record opened, and what its leaf says.
struct Looked {
    opened: Opened,
    digest: Digest,
    /// The compartments shown.
    shown: Compartments,
    /// Whether its origin is to be told.
    retrieval: bool,
    /// The leave under which victims' data is shown.
    under: Option<Warrant>,
}

/// A record opened.
#[derive(Debug)]
pub struct Opened {
    /// Its content, as far as this country and whoever reads it may.
    pub record: Record,
    /// What the node knows of it.
    pub summary: RecordSummary,
    /// Every version of it, oldest first.
    pub versions: Vec<RecordSummary>,
    /// The thread it stands in, where it was asked for.
    pub thread: Vec<RecordSummary>,
    /// Where it passes another country's record on: whose, and that one's content.
    pub original: Option<(Country, Record)>,
    /// Compartments that were taken out, and why.
    pub withheld: Vec<WithheldCompartment>,
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

    /// Opens a record, as far as the permit reaches. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`ReadError`]; nothing was opened for anyone then.
    pub async fn read(
        self: &Arc<Self>,
        permit: Permit<act::Read>,
        reading: Reading,
    ) -> Result<Opened, ReadError> {
        let reading = Arc::new(reading);
        check_purpose(&reading.note)?;
        let reference = reading.reference;
        let asked = self.find(&reference)?;
        let officer = self.person(&permit.actor());
        let (node, by, wanted) = (Arc::clone(self), permit.clone(), Arc::clone(&reading));
        let looked = blocking(move || Ok(node.open_version(asked, &by, &wanted, &officer))).await?;
        let Looked {
            mut opened,
            digest,
            shown,
            retrieval,
            under,
        } = looked?;
        let number = opened.summary.number;
        let beside = opened.versions.iter().chain(&opened.thread);
        let seen = super::listing::of(beside.chain([&opened.summary]));
        let bulk = self.gets_at(&permit, &seen.numbers())?;
        let withheld = opened.withheld.iter();
        // Titles of these are shown too.
        let beside = opened.versions.iter().chain(&opened.thread);
        let beside = super::listing::of(beside.filter(|of| of.number != number));
        self.writer
            .propose(Proposal::Read(Box::new(ReadOrder {
                number,
                digest: Some(digest),
                reference: opened.record.reference.clone(),
                compartments: shown.numbers(),
                withheld: withheld
                    .filter_map(|of| u32::try_from(of.compartment).ok())
                    .collect(),
                by: By::of(&permit)
                    .reading_for(reading.purpose.clone(), reading.note.clone())
                    .under(under.as_ref())
                    .under(bulk.as_ref()),
                detail: "read",
                officer: Some(officer),
                retrieval,
                shown: beside,
                ..ReadOrder::default()
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
    /// of it leaves the node. What the permit does not reach is refused.
    ///
    /// # Errors
    /// [`ReadError`] when it is not here, out of reach or cannot be read.
    pub(super) async fn newest_of<A: Verb>(
        self: &Arc<Self>,
        reference: Reference,
        permit: &Permit<A>,
    ) -> Result<(StoredRecord, Record), ReadError> {
        let asked = self.find(&reference)?;
        let (node, permit) = (Arc::clone(self), permit.clone());
        let opened = blocking(move || {
            let newest = Self::newest(&node.versions(asked)?).unwrap_or(asked);
            if let Err(refused) = node.reached_number(&permit, &reference, newest) {
                return Ok(Err(refused));
            }
            let stored = node.stored(newest)?;
            let record = node.open_stored(&stored)?;
            Ok(Ok((stored, record)))
        });
        opened
            .await
            .map_err(|error| ReadError::of(reference, error))?
    }

    /// Opens a record, or its newest version, and takes out what its reader may not see.
    fn open_version(
        &self,
        asked: u64,
        permit: &Permit<act::Read>,
        reading: &Reading,
        officer: &OfficerTag,
    ) -> Result<Looked, ReadError> {
        let reference = &reading.reference;
        let versions = self.versions(asked)?;
        let newest = Self::newest(&versions).filter(|_| !reading.exact);
        let number = newest.unwrap_or(asked);
        let stored = self.stored(number)?;
        let mut record = match self.open_stored(&stored) {
            Ok(record) => record,
            // Whether it is locked is for those to know who may see that it is there.
            Err(error) => {
                self.seen(permit, reference, number)?;
                return Err(ReadError::of(*reference, error));
            }
        };
        let subject = self.subject_of(&stored, &record)?;
        let mut decision = self.reached(permit, reference, &subject)?;
        if !reading.situation_only {
            self.open_victims(&mut decision, permit, number, reading.purpose.as_ref())?;
        }
        let shown = if reading.situation_only {
            Compartments::situation()
        } else {
            decision.allowed
        };
        let told = record.marking.as_ref().is_some_and(|of| of.tell_purpose);
        if (shown.beyond_situation() || told) && reading.purpose.is_none() {
            self.unreasoned(permit, reference);
            return Err(ReadError::PurposeMissing {
                reference: *reference,
                compartments: beyond(shown),
                told,
            });
        }
        let mut summary = self.summary(number, &stored, &record)?;
        self.personal(&mut summary, officer)?;
        let mut summary = self.narrowed(permit, &subject, summary).unwrap_or_default();
        if decision.under.is_some() {
            let victims = i32::from(CompartmentLabel::Victims);
            summary.withheld.retain(|label| *label != victims);
        }
        let numbers = versions.iter().map(|version| version.number);
        let versions = self.personals(numbers, permit, officer)?;
        let thread = if reading.thread {
            self.personals(self.thread(number)?.into_iter(), permit, officer)?
        } else {
            Vec::new()
        };
        let mut original = super::onward::original_of(&record)?;
        if let Some((_, original)) = &mut original {
            Subject::remove(original, shown);
            if shown != subject.present {
                // With its openings, the original says everything.
                record.onward = record.onward.map(super::onward::without_openings);
            }
        }
        Subject::remove(&mut record, shown);
        let opened = Opened {
            record,
            summary,
            versions,
            thread,
            original,
            withheld: withheld(&decision),
        };
        // Its origin is told of the first time, and of no step.
        let known = stored.life.as_ref().is_some_and(|row| row.opened_us != 0);
        Ok(Looked {
            opened,
            digest: stored.digest,
            shown,
            retrieval: stored.position.is_some() && !stored.is_step() && !known,
            under: decision.under,
        })
    }

    /// Summaries of the records among these that the reader may list.
    fn personals(
        &self,
        numbers: impl Iterator<Item = u64>,
        permit: &Permit<act::Read>,
        officer: &OfficerTag,
    ) -> Result<Vec<RecordSummary>, NodeError> {
        let mut found = Vec::new();
        for number in numbers {
            let mut summary = self.summarise(number)?;
            self.personal(&mut summary, officer)?;
            let subject = self.subject_of_held(number)?;
            found.extend(self.narrowed(permit, &subject, summary));
        }
        Ok(found)
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
