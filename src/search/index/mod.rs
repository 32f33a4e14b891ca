//! The index: which records hold which words, codes, countries and identifiers. In memory only.
//!
//! It answers candidates, best first; whoever asks opens each and looks ([`super::explain`]), so
//! that nothing is answered of a record that cannot be read any more, or of a compartment that the
//! asking person may not read.

mod gaps;
mod memory;
mod postings;
mod prepared;
mod set;
mod words;

use std::{collections::HashMap, sync::Arc};

use roaring::RoaringBitmap;

use crate::record::Country;

use super::{codes::Code, entity::Entity, query::Query, text::Word};

pub use prepared::{Facts, Prepared, prepare};

use memory::{allocated, bitmap_bytes};
use postings::{Hashed, Sets};
use words::{Place, Words};

/// Words of a name that are compared.
const NAME_WORDS: usize = 6;

/// Largest local number that can be indexed.
pub const MAX_NUMBER: u32 = postings::MAX_MEMBER;

/// The index.
#[derive(Debug, Default)]
pub struct Index {
    sets: Sets,
    words: Words,
    /// Words with digits, and entities.
    hashed: Hashed,
    kinds: HashMap<String, RoaringBitmap>,
    codes: HashMap<Code, RoaringBitmap>,
    countries: HashMap<Country, RoaringBitmap>,
    /// Origin and day of submission, by number.
    days: Vec<u16>,
    live: RoaringBitmap,
    /// Left the index; still to be taken out of every set.
    gone: RoaringBitmap,
    sweep: Option<Sweep>,
}

/// A sweep under way.
#[derive(Debug)]
struct Sweep {
    /// What left before it began.
    gone: RoaringBitmap,
    /// The next word to look at.
    word: u32,
    /// Words that nothing holds any more.
    forgotten: RoaringBitmap,
}

/// Candidates of one rank, to be looked at newest first.
#[derive(Debug)]
pub struct Tier(RoaringBitmap);

impl Tier {
    /// The numbers, newest first.
    pub fn numbers(&self) -> impl Iterator<Item = u32> + '_ {
        self.0.iter().rev()
    }
}

/// The sets of one word asked for, each holding the one before but the first.
struct Levels {
    weighty: RoaringBitmap,
    spelt: RoaringBitmap,
    sounding: RoaringBitmap,
}

impl Index {
    /// Adds a record; one that left before does not come back.
    pub fn insert(&mut self, record: Prepared) {
        let number = record.number;
        if number > MAX_NUMBER || self.gone.contains(number) || !self.live.insert(number) {
            return;
        }
        for (word, weighty) in &record.words {
            for form in &word.forms {
                if word.has_digits() {
                    self.sets.add(self.hashed.entry(&("word", form)), number);
                } else {
                    self.words.add(&mut self.sets, form, number, *weighty);
                }
            }
        }
        for entity in &record.entities {
            self.sets.add(self.hashed.entry(entity), number);
        }
        for code in record.codes {
            self.codes.entry(code).or_default().insert(number);
        }
        for country in record.countries.into_iter().chain([record.origin]) {
            self.countries.entry(country).or_default().insert(number);
        }
        self.kinds.entry(record.kind).or_default().insert(number);
        let at = number as usize;
        if self.days.len() <= at {
            self.days.resize(at.saturating_add(1), 0);
        }
        if let Some(day) = self.days.get_mut(at) {
            *day = record.day;
        }
    }

    /// Takes a record out at once: no question finds it any more, whether it was indexed or is yet
    /// to be. What is kept of it goes with the next [`Self::sweep`].
    pub fn remove(&mut self, number: u32) {
        self.live.remove(number);
        self.gone.insert(number);
    }

    /// Whether something is left to sweep.
    pub fn is_littered(&self) -> bool {
        !self.gone.is_empty()
    }

    /// Takes the records that left out of every set, and overwrites words that nothing holds any
    /// more: one step of it, of some milliseconds, since questions wait meanwhile. To be repeated as
    /// long as something [is left](Self::is_littered).
    pub fn sweep(&mut self) {
        let mut sweep = self.sweep.take().unwrap_or_else(|| Sweep {
            gone: self.gone.clone(),
            word: 0,
            forgotten: RoaringBitmap::new(),
        });
        let next = self.words.remove(
            &mut self.sets,
            &sweep.gone,
            sweep.word,
            &mut sweep.forgotten,
        );
        if let Some(next) = next {
            sweep.word = next;
            self.sweep = Some(sweep);
            return;
        }
        self.words.forget(&mut self.sets, &sweep.forgotten);
        self.hashed.remove(&mut self.sets, &sweep.gone);
        let facets = self
            .kinds
            .values_mut()
            .chain(self.codes.values_mut())
            .chain(self.countries.values_mut());
        for bitmap in facets {
            *bitmap -= &sweep.gone;
        }
        self.gone -= &sweep.gone;
    }

    /// How many records it holds.
    pub fn len(&self) -> u64 {
        self.live.len()
    }

    /// Whether it holds no record.
    pub fn is_empty(&self) -> bool {
        self.live.is_empty()
    }

    /// How many words it knows.
    pub fn words(&self) -> usize {
        self.words.len()
    }

    /// Gives back what was reserved for more.
    pub fn shrink(&mut self) {
        self.sets.shrink();
        self.words.shrink();
        self.days.shrink_to_fit();
    }

    /// Bytes it takes, as the allocator gives them. Looks at every set: some tens of milliseconds in a large index.
    pub fn bytes(&self) -> usize {
        let facets: usize = self
            .kinds
            .values()
            .chain(self.codes.values())
            .chain(self.countries.values())
            .chain([&self.live, &self.gone])
            .map(bitmap_bytes)
            .sum();
        self.sets
            .bytes()
            .saturating_add(self.words.bytes())
            .saturating_add(self.hashed.bytes())
            .saturating_add(allocated(self.days.capacity().saturating_mul(2)))
            .saturating_add(facets)
    }

    /// Candidates for a question: those in which every word is in a name, in any text, sounds like
    /// it, is misspelt, and last those that lack a word; none twice.
    pub fn candidates(&self, query: &Query) -> Vec<Tier> {
        let filter = self.filter(query);
        if query.words.is_empty() {
            return vec![Tier(filter)];
        }
        let levels: Vec<Levels> = query
            .words
            .iter()
            .map(|(word, _)| self.levels(word))
            .collect();
        let all = |of: &dyn Fn(&Levels) -> &RoaringBitmap| {
            levels.iter().fold(filter.clone(), |mut all, level| {
                all &= of(level);
                all
            })
        };
        let mut seen = RoaringBitmap::new();
        let mut tiers = Vec::new();
        let add = |found: RoaringBitmap, seen: &mut RoaringBitmap, tiers: &mut Vec<Tier>| {
            let new = &found - &*seen;
            *seen |= &new;
            tiers.push(Tier(new));
        };
        add(all(&|level| &level.weighty), &mut seen, &mut tiers);
        add(all(&|level| &level.spelt), &mut seen, &mut tiers);
        add(all(&|level| &level.sounding), &mut seen, &mut tiers);
        let wanted = u64::try_from(query.limit).unwrap_or(u64::MAX);
        if seen.len() >= wanted {
            return tiers;
        }
        let loose: Vec<RoaringBitmap> = query
            .words
            .iter()
            .zip(&levels)
            .map(|((word, _), level)| {
                let mut loose = level.sounding.clone();
                self.misspelt(word, &mut loose);
                loose &= &filter;
                loose
            })
            .collect();
        let every = loose.iter().fold(filter.clone(), |mut every, level| {
            every &= level;
            every
        });
        add(every, &mut seen, &mut tiers);
        if loose.len() > 1 && seen.len() < wanted {
            // Any one word may be missing.
            let mut most = RoaringBitmap::new();
            for left_out in 0..loose.len() {
                let rest = loose.iter().enumerate().filter(|(at, _)| *at != left_out);
                let rest = rest.fold(filter.clone(), |mut every, (_, level)| {
                    every &= level;
                    every
                });
                most |= rest;
            }
            add(most, &mut seen, &mut tiers);
        }
        tiers
    }

    /// The day of submission of a record.
    pub fn day(&self, number: u32) -> u16 {
        self.days.get(number as usize).copied().unwrap_or(0)
    }

    /// Whether a record is in the index.
    pub fn holds(&self, number: u32) -> bool {
        self.live.contains(number)
    }

    /// Records that hold an identifier with this form, whatever else is known of it.
    pub fn with_entity(&self, entity: &Entity) -> RoaringBitmap {
        let mut found = RoaringBitmap::new();
        let slot = self.hashed.get(&(entity.class, entity.key.clone()));
        self.sets.add_to(slot, &mut found);
        found &= &self.live;
        found
    }

    /// Records with a name that may be this one: all its words, or all but one of three and more,
    /// by spelling or sound.
    pub fn with_name(&self, name: &[Arc<Word>]) -> RoaringBitmap {
        let sets: Vec<RoaringBitmap> = name
            .iter()
            .take(NAME_WORDS)
            .map(|word| {
                let mut found = RoaringBitmap::new();
                for form in &word.forms {
                    self.by_form(form, Place::Weighty, &mut found);
                    for number in self.words.sounding(&self.sets, form) {
                        self.words
                            .records(&self.sets, number, Place::Weighty, &mut found);
                    }
                }
                found
            })
            .collect();
        let mut found = RoaringBitmap::new();
        for left_out in 0..=sets.len() {
            if left_out < sets.len() && sets.len() < 3 {
                continue;
            }
            let rest = sets.iter().enumerate().filter(|(at, _)| *at != left_out);
            let mut all = self.live.clone();
            for (_, set) in rest {
                all &= set;
            }
            found |= all;
        }
        if sets.is_empty() {
            found.clear();
        }
        found
    }

    fn filter(&self, query: &Query) -> RoaringBitmap {
        let mut filter = self.live.clone();
        let empty = RoaringBitmap::new();
        if let Some(kind) = &query.kind {
            filter &= self.kinds.get(kind).unwrap_or(&empty);
        }
        if let Some(country) = &query.country {
            filter &= self.countries.get(country).unwrap_or(&empty);
        }
        for code in &query.codes {
            filter &= self.codes.get(code).unwrap_or(&empty);
        }
        if !query.entities.is_empty() {
            let mut found = RoaringBitmap::new();
            for entity in &query.entities {
                found |= self.with_entity(entity);
            }
            filter &= found;
        }
        filter
    }

    fn by_form(&self, form: &str, place: Place, to: &mut RoaringBitmap) {
        if let Some(number) = self.words.number(form) {
            self.words.records(&self.sets, number, place, to);
        }
    }

    fn levels(&self, word: &Word) -> Levels {
        let (mut weighty, mut spelt) = (RoaringBitmap::new(), RoaringBitmap::new());
        if word.has_digits() {
            for form in &word.forms {
                self.sets
                    .add_to(self.hashed.get(&("word", form)), &mut spelt);
            }
            return Levels {
                weighty,
                sounding: spelt.clone(),
                spelt,
            };
        }
        for form in &word.forms {
            self.by_form(form, Place::Weighty, &mut weighty);
            self.by_form(form, Place::All, &mut spelt);
        }
        let mut sounding = spelt.clone();
        for form in &word.forms {
            for number in self.words.sounding(&self.sets, form) {
                self.words
                    .records(&self.sets, number, Place::All, &mut sounding);
            }
        }
        Levels {
            weighty,
            spelt,
            sounding,
        }
    }

    fn misspelt(&self, word: &Word, to: &mut RoaringBitmap) {
        if word.has_digits() {
            return;
        }
        for form in &word.forms {
            for number in self.words.misspelt(form) {
                self.words.records(&self.sets, number, Place::All, to);
            }
        }
    }
}

#[cfg(test)]
mod tests;
