//! What is told without content, and what a filter is asked about.

use crate::{
    access::{Compartments, Permit, Subject, act},
    entry::LockCause,
    feed::subscription::{Facts, Position},
    inbox::{HoldingError, StoredRecord, readers},
    node::{Node, NodeError, access::for_purpose, onward::original_of},
    record::{Country, Moment, kind_name},
    search::extract,
    store::StoreError,
    wire::{
        node::{Notice, NoticeKind, delivered::What},
        record::{CompartmentLabel, Record},
    },
};

use super::{
    Terms,
    batch::{Item, of},
};

impl Node {
    /// What is known of a record, as far as whoever subscribed may read it.
    pub(super) fn outlet_facts(
        &self,
        stored: &StoredRecord,
        record: &Record,
        shown: Compartments,
        terms: &Terms,
    ) -> Result<Facts, NodeError> {
        let mut facts = Facts {
            origin: stored.holding.origin.parse().ok(),
            exercise: stored.holding.exercise,
            step: stored.is_step(),
            urgency: record.urgency,
            ..Facts::default()
        };
        if facts.step {
            return Ok(facts);
        }
        let original = original_of(record)?;
        let content = original.as_ref().map_or(record, |(_, original)| original);
        facts.kind = kind_name(content).map(str::to_owned);
        let filter = &terms.filter;
        if filter.countries.is_empty() && filter.codes.is_empty() {
            return Ok(facts);
        }
        let mut found = extract(content);
        found.keep(&|label: CompartmentLabel| shown.has(label));
        facts.countries = found
            .countries
            .iter()
            .map(|(country, _)| *country)
            .collect();
        let readers = record.destinations.iter();
        let readers = readers.filter_map(|of| of.country.parse::<Country>().ok());
        facts.countries.extend(readers);
        let codes = found.codes.iter();
        facts.codes = codes
            .map(|of| format!("{}={}", of.code.list, of.code.value))
            .collect();
        Ok(facts)
    }

    /// A record that is locked: told to whoever was shown it, and while its text can be looked at, to
    /// whoever would have been.
    #[allow(clippy::too_many_arguments, reason = "what is locked, and for whom")]
    pub(super) fn gone_item(
        &self,
        number: u64,
        stored: &StoredRecord,
        cause: LockCause,
        at: Position,
        permit: &Permit<act::Subscribe>,
        terms: &Terms,
        person: &[u8; 16],
    ) -> Result<Option<Item>, NodeError> {
        if stored.is_step() {
            return Ok(None);
        }
        if !readers::has_read(&self.store, person, number)?
            && !self.would_be_told(number, permit, terms)?
        {
            return Ok(None);
        }
        let kind = match cause {
            LockCause::Expiry => NoticeKind::Expired,
            _ => NoticeKind::Recalled,
        };
        let lock = stored.life.as_ref().and_then(|row| row.whole.as_ref());
        let time = lock.map_or(self.now().micros(), |lock| lock.locked_us);
        let notice = Notice {
            reference: self.reference_of(stored)?.to_string(),
            ..notice(number, stored, kind, Moment::from_micros(time))
        };
        Ok(Some(of_notice(at, notice)))
    }

    /// Whether the subscription would have delivered a record that is locked. Nothing of it is shown.
    fn would_be_told(
        &self,
        number: u64,
        permit: &Permit<act::Subscribe>,
        terms: &Terms,
    ) -> Result<bool, NodeError> {
        let stored = match self.stored(number) {
            Ok(stored) => stored,
            Err(error) if opens_no_more(&error) => return Ok(false),
            Err(error) => return Err(error),
        };
        // Once its keys are gone, nothing is known of it any more.
        let Ok(record) = stored.open_for_subject(&self.slots) else {
            return Ok(false);
        };
        let subject = match self.subject_of(&stored, &record) {
            Err(error) if opens_no_more(&error) => return Ok(false),
            subject => subject?,
        };
        let decision = permit.reach(&subject);
        if !permit.sees(&subject) || decision.refused.is_some() {
            return Ok(false);
        }
        let readable = decision.allowed.and(permit.readable(&subject).allowed);
        let shown = for_purpose(readable, terms.purpose.as_ref());
        let facts = self.outlet_facts(&stored, &record, shown, terms)?;
        Ok(terms.filter.lets_through(&facts))
    }

    /// A record whose text is damaged, or opens no more: told to whoever sees the whole country.
    pub(super) fn damaged_item(
        &self,
        number: u64,
        at: Position,
        permit: &Permit<act::Subscribe>,
        terms: &Terms,
    ) -> Result<Option<Item>, NodeError> {
        let stored = self.held(number)?;
        let other = terms
            .filter
            .exercise
            .is_some_and(|wanted| wanted != stored.holding.exercise);
        if other || stored.is_step() || !permit.sees(&Subject::closed()) {
            return Ok(None);
        }
        let notice = Notice {
            reference: self.reference_of(&stored)?.to_string(),
            ..notice(number, &stored, NoticeKind::Damaged, stored.time)
        };
        Ok(Some(of_notice(at, notice)))
    }
}

/// Whether a record's text is damaged or opens no more, its own or that of what it passes on, and nothing
/// else failed: asked again, it is the same.
pub(super) const fn opens_no_more(error: &NodeError) -> bool {
    matches!(
        error,
        // What it passes on does not decode.
        NodeError::Task
            | NodeError::Holding(
                HoldingError::Keys
                    | HoldingError::Envelope
                    | HoldingError::Open(_)
                    | HoldingError::Content(_)
                    | HoldingError::Store(
                        StoreError::Damaged { .. }
                            | StoreError::SlotErased(_)
                            | StoreError::SlotLost(_)
                            | StoreError::NoSuchSlot(_)
                    )
            )
    )
}

/// A notice of a record that is held.
pub(super) fn notice(number: u64, stored: &StoredRecord, kind: NoticeKind, time: Moment) -> Notice {
    Notice {
        kind: kind.into(),
        header_digest: stored.digest.to_vec(),
        origin: stored.holding.origin.clone(),
        number,
        exercise: stored.holding.exercise,
        time_us: time.micros(),
        ..Notice::default()
    }
}

/// A notice at its position.
pub(super) fn of_notice(at: Position, notice: Notice) -> Item {
    let named = (notice.number, notice.header_digest.clone());
    of(at, What::Notice(notice), None, named)
}
