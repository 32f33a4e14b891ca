//! Search and correlation: candidates from the index, each opened and looked at, and a ledger leaf,
//! durably, before anything leaves. The leaf has what was asked as a keyed digest only.

mod answer;
mod content;
mod feed;
mod look;
mod state;

use std::sync::Arc;

use crate::{
    access::{Permit, Purpose, Verb, act},
    crypto::Digest,
    inbox::{HoldingError, StoredRecord, ask},
    record::{Country, Reference},
    search::{Answered, Asked, Extract, MAX_LIMIT, Query, QueryError, explain, text::Normaliser},
    wire::{
        node::{RecordState, RecordSummary, SearchCoverage},
        record::{CompartmentLabel, Record},
    },
};

use super::{
    Node, NodeError,
    purpose::check_purpose,
    read::{ReadError, blocking},
    rules::{By, Proposal, SearchOrder},
};

pub use answer::{Answer, Hit, Related, SearchError};
pub(crate) use feed::run as feed;
use look::Looker;
pub(crate) use state::{Searching, Withdrawn};

/// Records opened for one answer.
const MAX_OPENED: usize = 400;
/// Identifiers of a record whose other records are looked for.
const MAX_ENTITIES: usize = 64;
/// Other records shown with a hit.
const RELATED_OF_HIT: usize = 3;
/// Hits that other records are shown with: the first of them.
const HITS_WITH_RELATED: usize = 20;
/// Relations answered when nothing else is asked for.
const DEFAULT_RELATED: usize = 20;

/// The compartments that are searched: all but the victims'.
const SEARCHED: [CompartmentLabel; 4] = [
    CompartmentLabel::Situation,
    CompartmentLabel::Suspects,
    CompartmentLabel::Identifiers,
    CompartmentLabel::Source,
];

/// A record opened for an answer.
struct Looked {
    summary: RecordSummary,
    extract: Extract,
    origin: Country,
}

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
        self.looked(None, tag.to_vec(), &looker, note).await?;
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
            let looked = node.looked_at(number, &stored, &record, &by)?;
            let looked = looked.ok_or(NodeError::Holding(HoldingError::Locked(
                crate::entry::LockCause::Recall,
            )))?;
            let mut left = MAX_OPENED;
            let most = usize::MAX;
            let mut found =
                node.relations(number, &looked, &mut left, most, &mut normaliser, &by)?;
            let origin = looked.summary.origin.clone();
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
            let of = (number, stored.digest, record.reference);
            Ok((of, answer))
        });
        let looked = looked
            .await
            .map_err(|error| ReadError::of(reference, error));
        let (of, answer) = looked?;
        self.looked(Some(of), Vec::new(), &looker, note).await?;
        Ok(answer)
    }

    async fn looked<A: Verb>(
        &self,
        of: Option<(u64, Digest, String)>,
        query: Vec<u8>,
        looker: &Looker<A>,
        note: String,
    ) -> Result<(), NodeError> {
        self.writer
            .propose(Proposal::Searched(Box::new(SearchOrder {
                of,
                compartments: looker.compartments(),
                query,
                by: By::of(&looker.permit).reading_for(looker.purpose.clone(), note),
            })))
            .await?;
        Ok(())
    }

    fn answers(
        &self,
        query: &Query,
        typed: &str,
        looker: &Looker<act::Search>,
    ) -> Result<Answer<Hit>, NodeError> {
        let mut normaliser = Normaliser::default();
        let coverage = self.search_coverage()?;
        let (candidates, mut more) = self.candidates(query);
        let mut hits: Vec<(Hit, Extract)> = Vec::new();
        let (mut numbers, mut opened) = (Vec::new(), 0_usize);
        // A reference is no word: its record is the first answer.
        if let Ok(reference) = typed.trim().parse::<Reference>()
            && let Some(number) = ask::by_reference(&self.store, &self.reference_tag(&reference))?
        {
            numbers.push(number);
            if let Some(looked) = self.look(number, looker)? {
                let answered = Answered {
                    score: f64::MAX,
                    reasons: Vec::new(),
                    missing: Vec::new(),
                };
                hits.push((looked.hit(answered), looked.extract));
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
                if let Some(answered) = answered {
                    hits.push((looked.hit(answered), looked.extract));
                }
            }
        }
        hits.sort_by(|(one, _), (other, _)| {
            let newest = other.summary.number.cmp(&one.summary.number);
            let missing = one
                .answered
                .missing
                .len()
                .cmp(&other.answered.missing.len());
            missing
                .then(other.answered.score.total_cmp(&one.answered.score))
                .then(newest)
        });
        more |= hits.len() > query.limit;
        hits.truncate(query.limit);
        let mut left = MAX_OPENED;
        let mut found = Vec::with_capacity(hits.len());
        for (at, (mut hit, extract)) in hits.into_iter().enumerate() {
            if at < HITS_WITH_RELATED {
                let number = hit.summary.number;
                let looked = Looked {
                    summary: RecordSummary::default(),
                    extract: without_names(extract),
                    origin: self.country,
                };
                let shown = RELATED_OF_HIT;
                hit.related =
                    self.relations(number, &looked, &mut left, shown, &mut normaliser, looker)?;
            }
            found.push(hit);
        }
        Ok(Answer {
            found,
            more,
            coverage,
            situations_only: looker.purpose.is_none(),
        })
    }

    /// Candidates by rank, each newest first and bounded; and whether the bound cut some off.
    pub(super) fn candidates(&self, query: &Query) -> (Vec<Vec<u64>>, bool) {
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
    pub(super) fn answering(
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
}

/// Whether a version in this state is the one that counts.
pub(super) const fn counts(state: RecordState) -> bool {
    matches!(state, RecordState::Current | RecordState::Pending)
}

impl Looked {
    fn hit(&self, answered: Answered) -> Hit {
        Hit {
            summary: self.summary.clone(),
            answered,
            related: Vec::new(),
        }
    }
}

fn newest(numbers: &mut Vec<u64>) {
    numbers.sort_unstable_by(|one, other| other.cmp(one));
    numbers.dedup();
}

/// Hits show what shares an identifier with them; names are for those who ask.
fn without_names(mut extract: Extract) -> Extract {
    extract.texts.clear();
    extract
}
