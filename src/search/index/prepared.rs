//! A record made ready for the index.

use std::sync::Arc;

use crate::{
    record::Country,
    search::{
        codes::Code,
        entity::Class,
        extract::Extract,
        text::{Normaliser, Word},
    },
};

/// Words of one record that are indexed.
const MAX_WORDS: usize = 5_000;

/// A record made ready for the index, outside its lock.
#[derive(Debug)]
pub struct Prepared {
    pub(super) number: u32,
    pub(super) kind: String,
    pub(super) origin: Country,
    pub(super) day: u16,
    pub(super) words: Vec<(Arc<Word>, bool)>,
    pub(super) codes: Vec<Code>,
    pub(super) countries: Vec<Country>,
    pub(super) entities: Vec<(Class, String)>,
}

/// What of a record stands outside its extract.
#[derive(Clone, Debug)]
pub struct Facts {
    /// Local number, at most [`MAX_NUMBER`](super::MAX_NUMBER).
    pub number: u32,
    /// Kind, such as `Route`.
    pub kind: String,
    /// Country that sealed it.
    pub origin: Country,
    /// Day of submission, in days since 1970.
    pub day: u16,
}

/// Makes a record ready.
pub fn prepare(facts: Facts, extract: &Extract, normaliser: &mut Normaliser) -> Prepared {
    let mut words: Vec<(Arc<Word>, bool)> = Vec::new();
    for text in &extract.texts {
        let left = MAX_WORDS.saturating_sub(words.len());
        let of_text = normaliser.words(&text.text, text.language, left);
        words.extend(of_text.into_iter().map(|word| (word, text.weighty)));
    }
    // A word is one piece of memory wherever it stands; of its places the weighty one is kept.
    words.sort_unstable_by_key(|(word, weighty)| (Arc::as_ptr(word), !weighty));
    words.dedup_by(|(later, _), (kept, _)| Arc::ptr_eq(later, kept));
    let mut codes: Vec<Code> = extract.codes.iter().map(|at| at.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let mut entities: Vec<(Class, String)> = extract
        .mentions
        .iter()
        .map(|mention| (mention.entity.class, mention.entity.key.clone()))
        .collect();
    entities.sort_unstable();
    entities.dedup();
    let mut countries: Vec<Country> = extract.countries.iter().map(|(of, _)| *of).collect();
    countries.push(facts.origin);
    countries.sort_unstable();
    countries.dedup();
    Prepared {
        number: facts.number,
        kind: facts.kind,
        origin: facts.origin,
        day: facts.day,
        words,
        codes,
        countries,
        entities,
    }
}
