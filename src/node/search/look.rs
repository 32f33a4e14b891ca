//! Who looks into records, and what they find there: nothing that they may not read.

use crate::{
    access::{Compartments, Permit, Purpose, Subject, Verb},
    entry::EntryError,
    inbox::StoredRecord,
    search::{correlate, text::Normaliser},
    wire::record::Record,
};

use super::{
    super::{Node, NodeError, access::for_purpose},
    Looked, MAX_ENTITIES, MAX_OPENED, Related, SEARCHED,
    content::searched,
    counts, is_searched, newest,
};

/// Who looks, and whether a purpose lets the look go beyond situations.
pub(super) struct Looker<A> {
    pub(super) permit: Permit<A>,
    pub(super) purpose: Option<Purpose>,
}

impl<A: Verb> Looker<A> {
    /// The compartments of a record that are looked into; none of one that is not there for whoever
    /// looks.
    fn reads(&self, subject: &Subject) -> Compartments {
        if !self.permit.sees(subject) {
            return Compartments::NONE;
        }
        let reached = self.permit.reach(subject).allowed;
        // Nothing is found in what could not be read.
        let readable = self.permit.readable(subject).allowed;
        for_purpose(reached.and(readable), self.purpose.as_ref())
    }

    pub(super) fn compartments(&self) -> Vec<u32> {
        match self.purpose {
            Some(_) => SEARCHED.map(|label| label as u32).to_vec(),
            None => Compartments::situation().numbers(),
        }
    }
}

impl Node {
    /// As [`Self::answering`], of the versions that count and that are there for whoever looks.
    pub(super) fn look<A: Verb>(
        &self,
        number: u64,
        looker: &Looker<A>,
    ) -> Result<Option<Looked>, NodeError> {
        let Some((stored, record)) = self.answering(number)? else {
            return Ok(None);
        };
        let looked = self.looked_at(number, &stored, &record, looker)?;
        Ok(looked.filter(|looked| counts(looked.summary.state())))
    }

    /// A record with what may be looked into of it, and nothing else; `None` when that is nothing.
    pub(super) fn looked_at<A: Verb>(
        &self,
        number: u64,
        stored: &StoredRecord,
        record: &Record,
        looker: &Looker<A>,
    ) -> Result<Option<Looked>, NodeError> {
        let subject = self.subject_of(stored, record)?;
        let readable = looker.reads(&subject);
        let summary = self.summary(number, stored, record)?;
        let Some(summary) = self.narrowed(&looker.permit, &subject, summary) else {
            return Ok(None);
        };
        if readable.is_empty() {
            return Ok(None);
        }
        let mut extract = searched(record)?.extract();
        extract.keep(&|label| readable.has(label));
        Ok(Some(Looked {
            extract,
            origin: stored.holding.origin.parse().map_err(EntryError::from)?,
            summary,
        }))
    }

    /// Records that have something in common with one, newest first, `most` of them; opens at most
    /// `left`.
    pub(super) fn relations<A: Verb>(
        &self,
        number: u64,
        looked: &Looked,
        left: &mut usize,
        most: usize,
        normaliser: &mut Normaliser,
        looker: &Looker<A>,
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
            let Some(there) = self.look(other, looker)? else {
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
