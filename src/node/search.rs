//! Search and correlation: candidates from the index, each opened and looked at, and a ledger leaf,
//! durably, before anything leaves. The leaf has what was asked as a keyed digest only.

mod answer;
mod content;
mod feed;
mod state;

use std::sync::Arc;

use crate::{
    crypto::Digest,
    entry::EntryError,
    inbox::{HoldingError, StoredRecord, ask},
    record::{Country, Reference},
    search::{
        Answered, Asked, Extract, MAX_LIMIT, Query, QueryError, correlate, explain,
        text::Normaliser,
    },
    wire::{
        node::{RecordState, RecordSummary, SearchCoverage},
        record::{CompartmentLabel, Record},
    },
};

use super::{
    Node, NodeError,
    purpose::check_purpose,
    read::{ReadError, blocking},
    rules::{Proposal, SearchOrder},
};

pub use answer::{Answer, Hit, Related, SearchError};
use content::searched;
pub(crate) use feed::run as feed;
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
            let looked = node.looked_at(number, &stored, &record)?;
            let mut left = MAX_OPENED;
            let mut found =
                node.relations(number, &looked, &mut left, usize::MAX, &mut normaliser)?;
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
            };
            let of = (number, stored.digest, record.reference);
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

    fn answers(&self, query: &Query, typed: &str) -> Result<Answer<Hit>, NodeError> {
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
            if let Some(looked) = self.look(number)? {
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
                let Some(looked) = self.look(number)? else {
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
                hit.related = self.relations(number, &looked, &mut left, shown, &mut normaliser)?;
            }
            found.push(hit);
        }
        Ok(Answer {
            found,
            more,
            coverage,
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

    /// As [`Self::answering`], of the versions that count.
    fn look(&self, number: u64) -> Result<Option<Looked>, NodeError> {
        let Some((stored, record)) = self.answering(number)? else {
            return Ok(None);
        };
        let looked = self.looked_at(number, &stored, &record)?;
        Ok(counts(looked.summary.state()).then_some(looked))
    }

    fn looked_at(
        &self,
        number: u64,
        stored: &StoredRecord,
        record: &Record,
    ) -> Result<Looked, NodeError> {
        Ok(Looked {
            extract: searched(record)?.extract(),
            origin: stored.holding.origin.parse().map_err(EntryError::from)?,
            summary: self.summary(number, stored, record)?,
        })
    }

    /// Records that have something in common with one, newest first, `most` of them; opens at most
    /// `left`.
    fn relations(
        &self,
        number: u64,
        looked: &Looked,
        left: &mut usize,
        most: usize,
        normaliser: &mut Normaliser,
    ) -> Result<Vec<Related>, NodeError> {
        let own: Vec<u64> = self.versions(number)?.iter().map(|of| of.number).collect();
        let names = correlate::names(&looked.extract, &is_searched, normaliser);
        let numbers = {
            let index = self.search.read();
            let mentions = looked.extract.mentions.iter();
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
            let evidence =
                correlate::evidence(&looked.extract, &there.extract, &is_searched, normaliser);
            if !evidence.is_empty() {
                found.push(Related {
                    summary: there.summary,
                    evidence,
                });
            }
        }
        Ok(found)
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
