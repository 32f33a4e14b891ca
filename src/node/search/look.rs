//! Answering: candidates are opened and looked at, the best kept, and only these summed up.

use crate::{
    access::{Subject, Verb, act},
    entry::EntryError,
    inbox::{HoldingError, StoredRecord, ask},
    node::{Node, NodeError},
    record::{Country, Reference},
    search::{Answered, Extract, Query, explain, text::Normaliser},
    wire::{
        node::{RecordState, RecordSummary},
        record::Record,
    },
};

use super::{
    HITS_WITH_RELATED, MAX_OPENED, MAX_OPENED_BESIDE, RELATED_OF_HIT,
    answer::{Answer, Hit},
    content::searched,
    is_searched,
    looker::Looker,
};

/// A record opened for an answer, with what may be looked into of it.
pub(super) struct Looked {
    pub(super) number: u64,
    pub(super) stored: StoredRecord,
    pub(super) record: Record,
    pub(super) extract: Extract,
    subject: Subject,
    origin: Country,
}

impl Node {
    pub(super) fn answers(
        &self,
        query: &Query,
        typed: &str,
        looker: &Looker<act::Search>,
    ) -> Result<Answer<Hit>, NodeError> {
        let mut normaliser = Normaliser::default();
        let coverage = self.search_coverage()?;
        let (candidates, mut more) = self.candidates(query);
        let mut hits: Vec<(Looked, Answered)> = Vec::new();
        let (mut numbers, mut opened) = (Vec::new(), 0_usize);
        // A reference is no word: its record is the first answer.
        if let Ok(reference) = typed.trim().parse::<Reference>()
            && let Some(number) = ask::by_reference(&self.store, &self.reference_tag(&reference))?
        {
            numbers.push(number);
            if let Some(looked) = self.look(number, looker)?
                && self.counts(&looked)?
            {
                let answered = Answered {
                    score: f64::MAX,
                    reasons: Vec::new(),
                    missing: Vec::new(),
                };
                hits.push((looked, answered));
            }
        }
        for tier in candidates {
            let enough = hits.len() >= query.limit;
            if enough {
                more |= !tier.is_empty();
                break;
            }
            for number in tier {
                // Within a rank, more are looked at than are answered, and the best taken.
                if hits.len() >= query.limit.saturating_mul(2) || opened >= MAX_OPENED {
                    more = true;
                    break;
                }
                if numbers.contains(&number) {
                    continue;
                }
                numbers.push(number);
                opened = opened.saturating_add(1);
                let Some(looked) = self.look(number, looker)? else {
                    continue;
                };
                let answered = explain(
                    query,
                    &looked.extract,
                    looked.origin,
                    &is_searched,
                    &mut normaliser,
                );
                if let Some(answered) = answered
                    && self.counts(&looked)?
                {
                    hits.push((looked, answered));
                }
            }
        }
        hits.sort_by(|(looked, one), (of_other, other)| {
            let missing = one.missing.len().cmp(&other.missing.len());
            missing
                .then(other.score.total_cmp(&one.score))
                .then(of_other.number.cmp(&looked.number))
        });
        more |= hits.len() > query.limit;
        hits.truncate(query.limit);
        let mut left = MAX_OPENED_BESIDE;
        let mut found = Vec::with_capacity(hits.len());
        for (at, (mut looked, answered)) in hits.into_iter().enumerate() {
            let related = if at < HITS_WITH_RELATED {
                // Hits show what shares an identifier with them; names are for those who ask.
                looked.extract.texts.clear();
                let shown = RELATED_OF_HIT;
                self.relations(&looked, &mut left, shown, &mut normaliser, looker)?
            } else {
                Vec::new()
            };
            if let Some(summary) = self.shown(&looked, looker)? {
                found.push(Hit {
                    summary,
                    answered,
                    related,
                });
            }
        }
        Ok(Answer {
            found,
            more,
            coverage,
            situations_only: looker.purpose.is_none(),
        })
    }

    /// Candidates by rank, each newest first and bounded; and whether the bound cut some off.
    pub(in crate::node) fn candidates(&self, query: &Query) -> (Vec<Vec<u64>>, bool) {
        let index = self.search.read();
        let mut cut = false;
        let tiers = index
            .candidates(query)
            .iter()
            .map(|tier| {
                let days = tier
                    .numbers()
                    .filter(|number| query.takes_day(index.day(*number)));
                let mut numbers: Vec<u64> = days.map(u64::from).take(MAX_OPENED + 1).collect();
                cut |= numbers.len() > MAX_OPENED;
                numbers.truncate(MAX_OPENED);
                numbers
            })
            .collect();
        (tiers, cut)
    }

    /// A record opened for an answer; `None` when nobody reads it any more or its bytes rotted. What
    /// is locked leaves the index.
    pub(in crate::node) fn answering(
        &self,
        number: u64,
    ) -> Result<Option<(StoredRecord, Record)>, NodeError> {
        let stored = match self.stored(number) {
            Err(error) if error.is_damage() => return Ok(None),
            other => other?,
        };
        match self.open_stored(&stored) {
            Err(NodeError::Holding(HoldingError::Locked(_))) => {
                self.search.remove(&[number]);
                Ok(None)
            }
            Err(error) if error.is_damage() => Ok(None),
            record => Ok(Some((stored, record?))),
        }
    }

    /// As [`Self::answering`], of what is there for whoever looks.
    pub(super) fn look<A: Verb>(
        &self,
        number: u64,
        looker: &Looker<A>,
    ) -> Result<Option<Looked>, NodeError> {
        let Some((stored, record)) = self.answering(number)? else {
            return Ok(None);
        };
        self.looked_at(number, stored, record, looker)
    }

    /// A record with what may be looked into of it, and nothing else; `None` when that is nothing.
    pub(super) fn looked_at<A: Verb>(
        &self,
        number: u64,
        stored: StoredRecord,
        record: Record,
        looker: &Looker<A>,
    ) -> Result<Option<Looked>, NodeError> {
        let subject = self.subject_of(&stored, &record)?;
        let reads = looker.reads(&subject);
        if reads.is_empty() {
            return Ok(None);
        }
        let mut extract = searched(record.clone())?.extract();
        extract.keep(&|label| reads.has(label));
        Ok(Some(Looked {
            number,
            extract,
            subject,
            origin: stored.holding.origin.parse().map_err(EntryError::from)?,
            stored,
            record,
        }))
    }

    /// What whoever looks is shown of a record.
    pub(super) fn shown<A: Verb>(
        &self,
        looked: &Looked,
        looker: &Looker<A>,
    ) -> Result<Option<RecordSummary>, NodeError> {
        let summary = self.summary(looked.number, &looked.stored, &looked.record)?;
        Ok(self.narrowed(&looker.permit, &looked.subject, summary))
    }

    /// Whether a record is the version that counts.
    pub(super) fn counts(&self, looked: &Looked) -> Result<bool, NodeError> {
        Ok(counts(self.state(&looked.stored)?))
    }
}

/// Whether a version in this state is the one that counts.
pub(in crate::node) const fn counts(state: RecordState) -> bool {
    matches!(state, RecordState::Current | RecordState::Pending)
}
