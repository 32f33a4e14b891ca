//! Search and correlation: candidates from the index, each opened and looked at, and a ledger leaf,
//! durably, before anything leaves. The leaf has what was asked as a keyed digest only.

mod answer;
mod content;
mod feed;
mod look;
mod looker;
mod state;

use std::sync::Arc;

use crate::{
    access::{Permit, Purpose, Verb, act},
    crypto::Digest,
    entry::LockCause,
    inbox::{HoldingError, ask},
    ledger::Shown,
    record::Reference,
    search::{Asked, MAX_LIMIT, Query, QueryError, correlate, text::Normaliser},
    wire::{node::SearchCoverage, record::CompartmentLabel},
};

use super::{
    Node, NodeError, listing,
    purpose::check_purpose,
    read::{ReadError, blocking},
    rules::{By, Proposal, SearchOrder},
};

pub use answer::{Answer, Hit, Related, SearchError};
pub(crate) use feed::run as feed;
use look::Looked;
pub(super) use look::counts;
use looker::Looker;
pub(crate) use state::{Searching, Withdrawn};

/// Records opened for one answer.
const MAX_OPENED: usize = 400;
/// Identifiers of a record whose other records are looked for.
const MAX_ENTITIES: usize = 64;
/// Other records shown with a hit.
const RELATED_OF_HIT: usize = 3;
/// Hits that other records are shown with: the first of them.
const HITS_WITH_RELATED: usize = 20;
/// Records opened for what is shown with hits, all together.
const MAX_OPENED_BESIDE: usize = 80;
/// Relations answered when nothing else is asked for.
const DEFAULT_RELATED: usize = 20;

/// The compartments that are searched: all but the victims', and the evidence, which is asked for by its
/// request.
const SEARCHED: [CompartmentLabel; 4] = [
    CompartmentLabel::Situation,
    CompartmentLabel::Suspects,
    CompartmentLabel::Identifiers,
    CompartmentLabel::Source,
];

fn is_searched(label: CompartmentLabel) -> bool {
    SEARCHED.contains(&label)
}

impl Node {
    /// How much of what is held is in the search index.
    ///
    /// # Errors
    /// [`NodeError::Store`] when the store cannot be read.
    pub fn search_coverage(&self) -> Result<SearchCoverage, NodeError> {
        Ok(self.search.coverage(ask::last_number(&self.store)?))
    }

    /// Searches. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`SearchError`]; nothing was searched for anyone then.
    pub async fn search(
        self: &Arc<Self>,
        permit: Permit<act::Search>,
        asked: Asked,
        purpose: Option<Purpose>,
        note: String,
    ) -> Result<Answer<Hit>, SearchError> {
        check_purpose(&note)?;
        let query = Query::read(&asked)?;
        let tag = self.keys.index.tag("search", &asked.canonical());
        let node = Arc::clone(self);
        let looker = Arc::new(Looker { permit, purpose });
        let by = Arc::clone(&looker);
        let answer = blocking(move || node.answers(&query, &asked.text, &by)).await?;
        let found = answer.found.iter();
        let shown = found.flat_map(|hit| {
            let related = hit.related.iter().map(|of| &of.summary);
            std::iter::once(&hit.summary).chain(related)
        });
        let shown = listing::of(shown);
        self.looked(None, tag.to_vec(), shown, &looker, note)
            .await?;
        Ok(answer)
    }

    /// The records related to one. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`SearchError`]; nothing was opened for anyone then.
    pub async fn related(
        self: &Arc<Self>,
        permit: Permit<act::Correlate>,
        reference: Reference,
        limit: usize,
        purpose: Option<Purpose>,
        note: String,
    ) -> Result<Answer<Related>, SearchError> {
        check_purpose(&note)?;
        let limit = match limit {
            0 => DEFAULT_RELATED,
            limit if limit > MAX_LIMIT => return Err(QueryError::Limit.into()),
            limit => limit,
        };
        let number = self.find(&reference)?;
        let node = Arc::clone(self);
        let looker = Arc::new(Looker { permit, purpose });
        let by = Arc::clone(&looker);
        // The newest version answers; a fork that does not count stands alone.
        let number = Self::newest(&self.versions(number)?).unwrap_or(number);
        self.reached_number(&looker.permit, &reference, number)?;
        let looked = blocking(move || {
            let mut normaliser = Normaliser::default();
            let stored = node.stored(number)?;
            let record = node.open_stored(&stored)?;
            let looked = node.looked_at(number, stored, record, &by)?;
            let looked =
                looked.ok_or(NodeError::Holding(HoldingError::Locked(LockCause::Recall)))?;
            let summary = node.summary(number, &looked.stored, &looked.record)?;
            let mut left = MAX_OPENED;
            let most = usize::MAX;
            let mut found = node.relations(&looked, &mut left, most, &mut normaliser, &by)?;
            let origin = summary.origin;
            found.sort_by_key(|of| {
                let own = of.summary.origin == origin;
                (!of.is_asserted(), own, std::cmp::Reverse(of.summary.number))
            });
            let more = found.len() > limit || left == 0;
            found.truncate(limit);
            let coverage = node.search_coverage()?;
            let answer = Answer {
                found,
                more,
                coverage,
                situations_only: by.purpose.is_none(),
            };
            let of = (number, looked.stored.digest, looked.record.reference);
            Ok((of, answer))
        });
        let looked = looked
            .await
            .map_err(|error| ReadError::of(reference, error));
        let (of, answer) = looked?;
        let shown = listing::of(answer.found.iter().map(|of| &of.summary));
        self.looked(Some(of), Vec::new(), shown, &looker, note)
            .await?;
        Ok(answer)
    }

    async fn looked<A: Verb>(
        &self,
        of: Option<(u64, Digest, String)>,
        query: Vec<u8>,
        shown: Shown,
        looker: &Looker<A>,
        note: String,
    ) -> Result<(), ReadError> {
        let warrant = self.gets_at(&looker.permit, &shown.numbers())?;
        self.writer
            .propose(Proposal::Searched(Box::new(SearchOrder {
                of,
                compartments: looker.compartments(),
                query,
                shown,
                by: By::of(&looker.permit)
                    .reading_for(looker.purpose.clone(), note)
                    .under(warrant.as_ref()),
            })))
            .await
            .map_err(NodeError::from)?;
        Ok(())
    }

    /// Records that have something in common with one, newest first, `most` of them; opens at most
    /// `left`.
    fn relations<A: Verb>(
        &self,
        looked: &Looked,
        left: &mut usize,
        most: usize,
        normaliser: &mut Normaliser,
        looker: &Looker<A>,
    ) -> Result<Vec<Related>, NodeError> {
        let (number, here) = (looked.number, &looked.extract);
        let own: Vec<u64> = self.versions(number)?.iter().map(|of| of.number).collect();
        let names = correlate::names(here, &is_searched, normaliser);
        let numbers = {
            let index = self.search.read();
            let mentions = here.mentions.iter();
            let mut by_entity = Vec::new();
            for mention in mentions
                .filter(|of| is_searched(of.compartment))
                .take(MAX_ENTITIES)
            {
                let with = index.with_entity(&mention.entity);
                by_entity.extend(with.iter().rev().take(MAX_OPENED).map(u64::from));
            }
            newest(&mut by_entity);
            let mut by_name = Vec::new();
            for (_, name) in names.iter().take(MAX_ENTITIES) {
                let with = index.with_name(name);
                by_name.extend(with.iter().rev().take(MAX_OPENED).map(u64::from));
            }
            newest(&mut by_name);
            by_name.retain(|number| !by_entity.contains(number));
            by_entity.extend(by_name);
            by_entity
        };
        let mut found = Vec::new();
        for other in numbers {
            if *left == 0 || found.len() >= most {
                break;
            }
            if own.contains(&other) || other == number {
                continue;
            }
            *left = left.saturating_sub(1);
            let Some(there) = self.look(other, looker)? else {
                continue;
            };
            let evidence = correlate::evidence(here, &there.extract, &is_searched, normaliser);
            if !evidence.is_empty()
                && self.counts(&there)?
                && let Some(summary) = self.shown(&there, looker)?
            {
                found.push(Related { summary, evidence });
            }
        }
        Ok(found)
    }
}

fn newest(numbers: &mut Vec<u64>) {
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers.dedup();
}
