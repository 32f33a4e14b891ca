//! Listing and watching: what the node holds, as one officer sees it.

use std::sync::Arc;

use crate::{
    access::{Permit, Subject, Verb, Warrant, act},
    inbox::{RecordRow, StoredRecord, ask, due, escalations, life_rows, readers},
    ledger::Shown,
    record::{Country, Reference},
    wire::{
        envelope::ReceiptType,
        node::{Due, Escalation, RecordState, RecordSummary},
        record::CompartmentLabel,
    },
};

use super::{
    Node, NodeError,
    read::{MAX_PAGE, ReadError, blocking},
    rules::{By, Proposal, ReadOrder},
};

/// Keyed tag of an officer.
pub(super) type OfficerTag = [u8; 16];

/// What a list shows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listed {
    /// Only records of this origin.
    pub origin: Option<Country>,
    /// Steps too.
    pub steps: bool,
    /// Only records of other countries that the officer has not opened, of an amended one the newest
    /// version.
    pub unread: bool,
}

impl Node {
    /// Lists records below a local number, newest first. A page is one leaf.
    ///
    /// # Errors
    /// [`ReadError::Node`] when the store cannot be read.
    pub async fn list(
        self: &Arc<Self>,
        wanted: Listed,
        before: u64,
        limit: usize,
        permit: Permit<act::List>,
    ) -> Result<Vec<RecordSummary>, ReadError> {
        let node = Arc::clone(self);
        let by = permit.clone();
        let limit = limit.clamp(1, MAX_PAGE);
        let page = blocking(move || node.page(wanted, before, limit, &by)).await?;
        self.listed(&permit, "listed", of(&page)).await?;
        Ok(page)
    }

    /// Writes the leaf of what shows several records at once, once its caller may get at so many.
    ///
    /// # Errors
    /// [`ReadError::Refused`] when a second person has to agree first; [`ReadError::Node`] when the
    /// leaf cannot be made durable.
    pub(super) async fn listed<A: Verb>(
        &self,
        permit: &Permit<A>,
        detail: &'static str,
        shown: Shown,
    ) -> Result<(), ReadError> {
        let warrant = self.gets_at(permit, &shown.numbers())?;
        self.note_listing(permit, detail, shown, warrant.as_ref())
            .await
    }

    /// Writes the leaf of a listing that was counted.
    ///
    /// # Errors
    /// [`ReadError::Node`] when it cannot be made durable.
    async fn note_listing<A: Verb>(
        &self,
        permit: &Permit<A>,
        detail: &'static str,
        shown: Shown,
        warrant: Option<&Warrant>,
    ) -> Result<(), ReadError> {
        self.writer
            .propose(Proposal::Read(Box::new(ReadOrder {
                compartments: vec![CompartmentLabel::Situation as u32],
                by: By::of(permit).under(warrant),
                detail,
                shown,
                ..ReadOrder::default()
            })))
            .await
            .map_err(NodeError::from)?;
        Ok(())
    }

    fn page(
        &self,
        wanted: Listed,
        mut before: u64,
        limit: usize,
        permit: &Permit<act::List>,
    ) -> Result<Vec<RecordSummary>, NodeError> {
        let officer = &self.person(&permit.actor());
        let mut page = Vec::new();
        while page.len() < limit {
            let rows = ask::newest(&self.store, before, limit)?;
            let Some((oldest, _)) = rows.last() else {
                break;
            };
            before = *oldest;
            for (number, row) in rows {
                if page.len() >= limit || !self.is_wanted(&wanted, number, &row, officer)? {
                    continue;
                }
                let found = self.listing(number, wanted.steps, permit, officer)?;
                page.extend(
                    found.filter(|summary| {
                        !wanted.unread || summary.state() != RecordState::Amended
                    }),
                );
            }
        }
        Ok(page)
    }

    /// What can be told of a record before it is opened.
    fn is_wanted(
        &self,
        wanted: &Listed,
        number: u64,
        row: &RecordRow,
        officer: &OfficerTag,
    ) -> Result<bool, NodeError> {
        if wanted.origin.is_some_and(|origin| origin != row.origin) {
            return Ok(false);
        }
        Ok(!wanted.unread
            || (row.origin != self.country && !readers::has_read(&self.store, officer, number)?))
    }

    /// Writes the leaf of what is told of a record besides its text.
    ///
    /// # Errors
    /// [`ReadError::Node`] when it cannot be made durable.
    pub(super) async fn tracked(
        &self,
        permit: &Permit<act::Track>,
        reference: &Reference,
        number: u64,
        detail: &'static str,
    ) -> Result<(), ReadError> {
        self.writer
            .propose(Proposal::Read(Box::new(ReadOrder {
                number,
                digest: Some(self.header_digest(number)?),
                reference: reference.to_string(),
                by: By::of(permit),
                detail,
                ..ReadOrder::default()
            })))
            .await
            .map_err(NodeError::from)?;
        Ok(())
    }

    /// Writes the leaf of a watch that begins. What it shows has leaves of its own.
    ///
    /// # Errors
    /// [`ReadError::Node`] when it cannot be made durable.
    pub async fn watches(&self, permit: &Permit<act::Watch>) -> Result<(), ReadError> {
        self.note_listing(permit, "watches", Shown::default(), None)
            .await
    }

    /// Records above a local number, oldest first, out of the next `limit`; and the number up to
    /// which this looked. The leaf is durable before this answers, where there are any. Those up to
    /// `backlog` were there before the watch began and count like a listing.
    ///
    /// # Errors
    /// [`ReadError::Refused`] when a second person has to agree to so many; [`ReadError::Node`] when
    /// the store cannot be read.
    pub async fn following(
        self: &Arc<Self>,
        after: u64,
        limit: usize,
        steps: bool,
        backlog: u64,
        permit: &Permit<act::Watch>,
    ) -> Result<(Vec<RecordSummary>, u64), ReadError> {
        let node = Arc::clone(self);
        let officer = self.person(&permit.actor());
        let by = permit.clone();
        let (found, last) = blocking(move || {
            let rows = ask::following(&node.store, after, limit)?;
            let last = rows.last().map_or(after, |(number, _)| *number);
            let mut found = Vec::new();
            for (number, _) in rows {
                found.extend(node.listing(number, steps, &by, &officer)?);
            }
            Ok((found, last))
        })
        .await?;
        if !found.is_empty() {
            let before = found.iter().map(|record| record.number);
            let before: Vec<u64> = before.filter(|number| *number <= backlog).collect();
            let warrant = self.gets_at(permit, &before)?;
            self.note_listing(permit, "watched", of(&found), warrant.as_ref())
                .await?;
        }
        Ok((found, last))
    }

    /// How many escalations there were.
    ///
    /// # Errors
    /// [`NodeError`] when the store cannot be read.
    pub fn escalation_count(&self) -> Result<u64, NodeError> {
        Ok(escalations::count(&self.store)?)
    }

    /// What became late from an escalation on, each with its index, and the index of the next one. The
    /// leaf is durable before this answers, where there is any.
    ///
    /// # Errors
    /// [`ReadError::Node`] when the store cannot be read.
    pub async fn escalated(
        self: &Arc<Self>,
        first: u64,
        limit: usize,
        permit: &Permit<act::Watch>,
    ) -> Result<(Vec<(RecordSummary, Escalation, u64)>, u64), ReadError> {
        let node = Arc::clone(self);
        let officer = self.person(&permit.actor());
        let by = permit.clone();
        let (found, next) = blocking(move || {
            let rows = escalations::from(&node.store, first, limit)?;
            let next = rows.last().map_or(first, |row| row.index.saturating_add(1));
            let mut found = Vec::new();
            for row in rows {
                let escalation = Escalation {
                    level: row.level.into(),
                    time_us: row.time.micros(),
                };
                let summary = node.listing(row.number, false, &by, &officer)?;
                found.extend(summary.map(|summary| (summary, escalation, row.index)));
            }
            Ok((found, next))
        })
        .await?;
        if !found.is_empty() {
            let shown = of(found.iter().map(|(summary, ..)| summary));
            self.note_listing(permit, "watched", shown, None).await?;
        }
        Ok((found, next))
    }

    /// Whether a list shows a record.
    fn is_listed(&self, stored: &StoredRecord, steps: bool) -> bool {
        self.check_open(stored).is_ok() && (steps || !stored.is_step())
    }

    /// A record's summary if a list shows it, and to this officer. One rotten record must not hide the
    /// others.
    pub(super) fn listing<A: Verb>(
        &self,
        number: u64,
        steps: bool,
        permit: &Permit<A>,
        officer: &OfficerTag,
    ) -> Result<Option<RecordSummary>, NodeError> {
        let (subject, summary) = match self.stored(number) {
            Ok(stored) if self.is_listed(&stored, steps) => {
                let record = self.open_stored(&stored)?;
                let subject = self.subject_of(&stored, &record)?;
                (subject, self.summary(number, &stored, &record)?)
            }
            Ok(_) => return Ok(None),
            Err(error) if error.is_damage() => (Subject::closed(), self.damaged_summary(number)?),
            Err(error) => return Err(error),
        };
        let Some(mut summary) = self.narrowed(permit, &subject, summary) else {
            return Ok(None);
        };
        self.personal(&mut summary, officer)?;
        Ok(Some(summary))
    }

    /// Adds what an officer's desk shows of a record: whether this officer opened it, what is due,
    /// who is in charge.
    pub(super) fn personal(
        &self,
        summary: &mut RecordSummary,
        officer: &OfficerTag,
    ) -> Result<(), NodeError> {
        summary.read = readers::has_read(&self.store, officer, summary.number)?;
        let foreign = summary.origin != self.country.code();
        if foreign {
            summary.charges = self.charge_states(summary.number)?;
        }
        let Some(row) = life_rows::of(&self.store, summary.number)? else {
            return Ok(());
        };
        let Some(standing) = due::standing(&row) else {
            return Ok(());
        };
        // A country that never got the record has nothing to do.
        let undelivered = |country: &String| {
            summary
                .deliveries
                .iter()
                .any(|of| of.country == *country && of.receipt() == ReceiptType::NonDelivery)
        };
        let awaited = row.awaited.iter().filter(|country| !undelivered(country));
        summary.due = Some(Due {
            state: standing.at(self.now(), self.config.due.soon()).into(),
            due_us: row.due_us,
            from_us: row.due_from_us,
            met_us: row.met_us,
            level: row.level,
            answer: row.answer_due,
            awaited: awaited.cloned().collect(),
        });
        Ok(())
    }
}

/// The records of these summaries.
pub(super) fn of<'a>(summaries: impl IntoIterator<Item = &'a RecordSummary>) -> Shown {
    let records = summaries.into_iter();
    Shown::of(records.map(|of| (of.number, &of.header_digest)))
}
