//! Search and correlation: candidates from the index, each opened and looked at, and a ledger leaf,
//! durably, before anything leaves. The leaf has what was asked as a keyed digest only.

mod answer;
mod content;
mod feed;
mod look;
mod pace;
mod state;

use std::sync::Arc;

use crate::{
    crypto::Digest,
    inbox::ask,
    record::Reference,
    search::{Asked, Extract, MAX_LIMIT, Query, QueryError, correlate, text::Normaliser},
    wire::{node::SearchCoverage, record::CompartmentLabel},
};

use super::{
    Node, NodeError,
    purpose::check_purpose,
    read::{ReadError, blocking},
    rules::{Proposal, SearchOrder},
};

pub use answer::{Answer, Hit, Related, SearchError};
pub(crate) use feed::run as feed;
pub(super) use look::counts;
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

/// The compartments that are searched: all but the victims'.
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
        asked: Asked,
        actor: String,
        purpose: String,
    ) -> Result<Answer<Hit>, SearchError> {
        check_purpose(&purpose)?;
        let query = Query::read(&asked)?;
        let tag = self.keys.index.tag("search", &asked.canonical());
        let node = Arc::clone(self);
        let answer = blocking(move || node.answers(&query, &asked.text)).await?;
        self.looked(None, tag.to_vec(), actor, purpose).await?;
        Ok(answer)
    }

    /// The records related to one. The leaf is durable before this answers.
    ///
    /// # Errors
    /// [`SearchError`]; nothing was opened for anyone then.
    pub async fn related(
        self: &Arc<Self>,
        reference: Reference,
        limit: usize,
        actor: String,
        purpose: String,
    ) -> Result<Answer<Related>, SearchError> {
        check_purpose(&purpose)?;
        let limit = match limit {
            0 => DEFAULT_RELATED,
            limit if limit > MAX_LIMIT => return Err(QueryError::Limit.into()),
            limit => limit,
        };
        let number = self.find(&reference)?;
        let node = Arc::clone(self);
        let looked = blocking(move || {
            let mut normaliser = Normaliser::default();
            // The newest version answers; a fork that does not count stands alone.
            let number = Self::newest(&node.versions(number)?).unwrap_or(number);
            let stored = node.stored(number)?;
            let record = node.open_stored(&stored)?;
            let looked = node.looked_at(number, stored, record)?;
            let summary = node.summary(number, &looked.stored, &looked.record)?;
            let mut left = MAX_OPENED;
            let mut found = node.relations(
                number,
                &looked.extract,
                &mut left,
                usize::MAX,
                &mut normaliser,
            )?;
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
            };
            let of = (number, looked.stored.digest, looked.record.reference);
            Ok((of, answer))
        });
        let looked = looked
            .await
            .map_err(|error| ReadError::of(reference, error));
        let (of, answer) = looked?;
        self.looked(Some(of), Vec::new(), actor, purpose).await?;
        Ok(answer)
    }

    async fn looked(
        &self,
        of: Option<(u64, Digest, String)>,
        query: Vec<u8>,
        actor: String,
        purpose: String,
    ) -> Result<(), NodeError> {
        self.writer
            .propose(Proposal::Searched(Box::new(SearchOrder {
                of,
                compartments: SEARCHED.map(|label| label as u32).to_vec(),
                query,
                actor,
                purpose,
            })))
            .await?;
        Ok(())
    }

    /// Records that have something in common with one, newest first, `most` of them; opens at most
    /// `left`.
    fn relations(
        &self,
        number: u64,
        here: &Extract,
        left: &mut usize,
        most: usize,
        normaliser: &mut Normaliser,
    ) -> Result<Vec<Related>, NodeError> {
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
            let Some(there) = self.look(other)? else {
                continue;
            };
            let evidence = correlate::evidence(here, &there.extract, &is_searched, normaliser);
            if !evidence.is_empty() && self.counts(&there)? {
                found.push(Related {
                    summary: self.summary(other, &there.stored, &there.record)?,
                    evidence,
                });
            }
        }
        Ok(found)
    }
}

fn newest(numbers: &mut Vec<u64>) {
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers.dedup();
}
