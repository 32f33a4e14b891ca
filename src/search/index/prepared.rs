//! Records made ready for the index, outside its lock, one by one and in pieces.

use std::sync::Arc;

use crate::{
    record::Country,
    search::{
        codes::Code,
        entity::Class,
        extract::Extract,
        text::{Forms, Lexicon, key},
    },
};

/// Words of one record that are indexed.
const MAX_WORDS: usize = 5_000;

/// A record made ready for the index.
#[derive(Debug)]
pub struct Prepared {
    pub(super) number: u32,
    pub(super) kind: String,
    pub(super) origin: Country,
    pub(super) day: u16,
    words: Vec<(Arc<Forms>, bool)>,
    pub(super) codes: Vec<Code>,
    pub(super) countries: Vec<Country>,
    /// Their keys.
    entities: Vec<u64>,
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

/// The key of an identifier.
pub(super) fn entity_key(class: Class, form: &str) -> u64 {
    key(&(class, form))
}

/// Makes a record ready.
pub fn prepare(facts: Facts, extract: &Extract, lexicon: &mut Lexicon) -> Prepared {
    let mut words: Vec<(Arc<Forms>, bool)> = Vec::with_capacity(128);
    for text in &extract.texts {
        let left = MAX_WORDS.saturating_sub(words.len());
        let of_text = lexicon.words(&text.text, text.language, left);
        words.extend(of_text.map(|word| (word, text.weighty)));
    }
    let mut codes: Vec<Code> = extract.codes.iter().map(|at| at.code).collect();
    codes.sort_unstable();
    codes.dedup();
    let entities = extract.mentions.iter();
    let entities = entities.map(|mention| entity_key(mention.entity.class, &mention.entity.key));
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
        entities: entities.collect(),
    }
}

/// Records that are added together: what they have in common is looked for once.
#[derive(Debug)]
pub struct Piece {
    /// In the order in which they are added.
    pub(super) records: Vec<Prepared>,
    /// Ascending by table, key and record; each once.
    pub(super) places: Vec<At>,
}

/// A key in a record of a piece.
#[derive(Clone, Copy, Debug)]
pub(super) struct At {
    pub(super) key: u64,
    /// Its record, by its place in the piece.
    record: u32,
    /// Its word, by its place in the record.
    word: u32,
    /// Its form, by its place in the word.
    form: u8,
    /// Whether it is a word with digits or an identifier.
    pub(super) is_hashed: bool,
    /// Whether it stands in a name, a title or an identifier.
    pub(super) weighty: bool,
}

impl Piece {
    /// Records in the order in which they are to be added.
    pub fn new(records: Vec<Prepared>) -> Self {
        let count = records.iter();
        let count = count.map(|record| record.words.len().saturating_add(record.entities.len()));
        let mut places = Vec::with_capacity(count.sum::<usize>().saturating_add(64));
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        for (at, record) in records.iter().enumerate() {
            for (word, (forms, weighty)) in record.words.iter().enumerate() {
                places.extend((0..).zip(forms.keys()).map(|(form, key)| At {
                    key: *key,
                    record: place(at),
                    word: place(word),
                    form,
                    is_hashed: forms.has_digits(),
                    weighty: *weighty,
                }));
            }
            places.extend(record.entities.iter().map(|key| At {
                key: *key,
                record: place(at),
                word: u32::MAX,
                form: 0,
                is_hashed: true,
                weighty: false,
            }));
        }
        // Of the places of a word in a record the weighty one is kept.
        places.sort_unstable_by_key(|at| (at.is_hashed, at.key, at.record, !at.weighty));
        places.dedup_by(|later, kept| later.is_of(kept) && later.record == kept.record);
        Self { records, places }
    }

    /// The letters at a place; none of an identifier.
    pub(super) fn letters(&self, at: &At) -> &str {
        let record = self.records.get(at.record as usize);
        record
            .and_then(|record| record.words.get(at.word as usize))
            .map_or("", |(forms, _)| forms.form(usize::from(at.form)))
    }
}

impl At {
    /// Whether it is the same key in the same table.
    pub(super) const fn is_of(&self, other: &Self) -> bool {
        self.key == other.key && self.is_hashed == other.is_hashed
    }

    /// The number of its record, of those that are `taken`.
    pub(super) fn number(&self, taken: &[Option<u32>]) -> Option<u32> {
        taken.get(self.record as usize).copied().flatten()
    }
}
