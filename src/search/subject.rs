//! Where a record speaks of one person: for a data subject's request, which asks for every compartment,
//! the unindexed ones too.
//!
//! Unlike a search this does not rank and leaves nothing out: every place is named, with how sure it
//! is, and whoever asked decides.

use std::sync::Arc;

use crate::wire::record::CompartmentLabel;

use super::{
    entity::{Entity, Same},
    extract::{Extract, Mention, Text},
    text::{How, Normaliser, Word, fold, names_match, words},
};

/// Names that a request may give, spellings of one person's.
pub const MAX_NAMES: usize = 8;
/// Identifiers that a request may give.
pub const MAX_IDENTIFIERS: usize = 16;
/// Characters of a name or an identifier.
pub const MAX_CHARS: usize = 200;
/// Words of a name.
const MAX_WORDS: usize = 12;
/// Words that may stand between those of a name in running text.
const BETWEEN: usize = 2;
/// Places named of one record; there may be more.
pub const MAX_PLACES: usize = 32;

/// How sure it is that a place speaks of the person. The surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Quality {
    /// The very letters, or an identifier that says that it is the same.
    Exact,
    /// The same but for case, accents and punctuation.
    Normalised,
    /// The same in another script or romanisation.
    Transliterated,
    /// A part of the name: the record has fewer words of it.
    Part,
    /// A name that sounds alike, or an identifier without its service or country.
    Alike,
}

/// Why a request cannot be searched for. The fault is of who asks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubjectFault {
    /// Neither a name nor an identifier.
    #[error("give a name (--name) or an identifier (--identifier) of the person")]
    Nothing,
    /// Too many, or too long.
    #[error(
        "at most {MAX_NAMES} names and {MAX_IDENTIFIERS} identifiers of one person are taken, each of at \
         most {MAX_CHARS} characters"
    )]
    TooMuch,
    /// A name of no words.
    #[error(
        "a name has 1 to {MAX_WORDS} words, and at least one of two letters; initials alone would find everybody"
    )]
    Name,
    /// An identifier that can be nothing.
    #[error(
        "an identifier is a telephone number, document, plate, account, handle or address; `identifier` \
         number {0} can be none of them"
    )]
    Identifier(usize),
    /// A day of birth that is none.
    #[error("a date of birth is YYYY, YYYY-MM or YYYY-MM-DD")]
    Born,
}

/// A person whom a request is about.
#[derive(Debug)]
pub struct Subject {
    names: Vec<Name>,
    entities: Vec<Entity>,
    born: Option<String>,
}

#[derive(Debug)]
struct Name {
    written: String,
    words: Vec<Arc<Word>>,
}

/// A place that speaks of the person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Where, in JSON names.
    pub field: String,
    /// The compartment.
    pub compartment: CompartmentLabel,
    /// How sure it is.
    pub quality: Quality,
}

/// Whether a record's dates of birth fit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Born {
    /// None was asked for, or the record names none.
    #[default]
    Unknown,
    /// One of them fits.
    Fits,
    /// There are some, and none fits.
    Differs,
}

/// What a record says of the person.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentioned {
    /// Places, the surest first.
    pub places: Vec<Place>,
    /// Whether there are more than are named.
    pub more: bool,
    /// Whether dates of birth in the record fit.
    pub born: Born,
}

/// A text beside the extract, such as one of the victims' compartment.
#[derive(Clone, Debug)]
pub struct Beside {
    /// Where, in JSON names.
    pub field: String,
    /// The compartment.
    pub compartment: CompartmentLabel,
    /// What it says.
    pub text: String,
}

impl Subject {
    /// Reads whom a request is about.
    ///
    /// # Errors
    /// [`SubjectFault`] names what is wrong.
    pub fn read(
        names: &[String],
        identifiers: &[String],
        born: &str,
    ) -> Result<Self, SubjectFault> {
        let long = |text: &String| text.chars().count() > MAX_CHARS;
        if names.len() > MAX_NAMES
            || identifiers.len() > MAX_IDENTIFIERS
            || names.iter().chain(identifiers).any(long)
        {
            return Err(SubjectFault::TooMuch);
        }
        if names.is_empty() && identifiers.is_empty() {
            return Err(SubjectFault::Nothing);
        }
        let mut normaliser = Normaliser::default();
        let names = names
            .iter()
            .map(|written| {
                let words = normaliser.words(written, None, MAX_WORDS.saturating_add(1));
                let letters =
                    |word: &Arc<Word>| word.forms.iter().map(String::len).max().unwrap_or(0) >= 2;
                if words.is_empty() || words.len() > MAX_WORDS || !words.iter().any(letters) {
                    return Err(SubjectFault::Name);
                }
                Ok(Name {
                    written: written.trim().to_owned(),
                    words,
                })
            })
            .collect::<Result<_, _>>()?;
        let mut entities = Vec::new();
        for (index, text) in identifiers.iter().enumerate() {
            let candidates = Entity::candidates(text);
            if candidates.is_empty() {
                return Err(SubjectFault::Identifier(index.saturating_add(1)));
            }
            entities.extend(candidates);
        }
        let born = born.trim();
        if !born.is_empty() && !is_date(born) {
            return Err(SubjectFault::Born);
        }
        Ok(Self {
            names,
            entities,
            born: (!born.is_empty()).then(|| born.to_owned()),
        })
    }

    /// Where a record speaks of the person: in its extract, and in texts beside it. `None` where it does
    /// not.
    pub fn find(
        &self,
        extract: &Extract,
        beside: &[Beside],
        normaliser: &mut Normaliser,
    ) -> Option<Mentioned> {
        let mut places: Vec<Place> = Vec::new();
        let mut add = |field: &str, compartment, quality| {
            if let Some(known) = places.iter_mut().find(|place| place.field == field) {
                known.quality = known.quality.min(quality);
                return;
            }
            places.push(Place {
                field: field.to_owned(),
                compartment,
                quality,
            });
        };
        for text in &extract.texts {
            if let Some(quality) = self.in_text(text, normaliser) {
                add(&text.field, text.compartment, quality);
            }
        }
        for Mention {
            field,
            compartment,
            entity,
            ..
        } in &extract.mentions
        {
            if let Some(quality) = self.as_entity(entity) {
                add(field, *compartment, quality);
            }
        }
        for of in beside {
            let text = Text {
                field: String::new(),
                compartment: of.compartment,
                text: of.text.clone(),
                language: None,
                weighty: false,
                is_name: false,
            };
            let mut quality = self.in_text(&text, normaliser);
            // Pseudonyms and the like are found whole.
            let whole = Entity::candidates(&of.text).into_iter();
            let mentioned = Entity::mentioned(&of.text).into_iter().map(|(of, _)| of);
            for entity in whole.chain(mentioned) {
                quality = quality.into_iter().chain(self.as_entity(&entity)).min();
            }
            if let Some(quality) = quality {
                add(&of.field, of.compartment, quality);
            }
        }
        if places.is_empty() {
            return None;
        }
        places.sort_by_key(|place| place.quality);
        let more = places.len() > MAX_PLACES;
        places.truncate(MAX_PLACES);
        Some(Mentioned {
            places,
            more,
            born: self.fits(extract, beside),
        })
    }

    fn in_text(&self, text: &Text, normaliser: &mut Normaliser) -> Option<Quality> {
        self.names
            .iter()
            .filter_map(|name| name.in_text(text, normaliser))
            .min()
    }

    fn as_entity(&self, other: &Entity) -> Option<Quality> {
        self.entities
            .iter()
            .filter(|own| own.class == other.class && own.key == other.key)
            .map(|own| match own.same(other) {
                Some(Same::Asserted) => Quality::Exact,
                // Asked for without service or country, it may be anybody's.
                _ => Quality::Alike,
            })
            .min()
    }

    fn fits(&self, extract: &Extract, beside: &[Beside]) -> Born {
        let Some(born) = &self.born else {
            return Born::Unknown;
        };
        let of_extract = extract.texts.iter().map(|text| (&text.field, &text.text));
        let beside = beside.iter().map(|text| (&text.field, &text.text));
        let mut dates = of_extract
            .chain(beside)
            .filter(|(field, _)| field.ends_with(".born"))
            .peekable();
        if dates.peek().is_none() {
            return Born::Unknown;
        }
        // A year fits a day of that year, and the other way round.
        let fits = |date: &str| date.starts_with(born.as_str()) || born.starts_with(date);
        if dates.any(|(_, date)| fits(date)) {
            Born::Fits
        } else {
            Born::Differs
        }
    }
}

impl Name {
    fn in_text(&self, text: &Text, normaliser: &mut Normaliser) -> Option<Quality> {
        if text.is_name {
            let limit = MAX_WORDS.saturating_mul(4);
            let others = normaliser.words(&text.text, text.language, limit);
            let how = names_match(&self.words, &others)?;
            // Initials alone match everybody.
            let told = |words: &[Arc<Word>]| words.iter().any(|word| word.surface.len() > 2);
            if !told(&others) {
                return None;
            }
            let quality = self.quality(how, &text.text);
            return Some(match others.len() < self.words.len() {
                true => quality.max(Quality::Part),
                false => quality,
            });
        }
        let others: Vec<(&str, Arc<Word>)> = words(&text.text)
            .filter_map(|word| Some((word, normaliser.word(word, text.language)?)))
            .collect();
        let length = self.words.len();
        let window = length.saturating_add(BETWEEN.saturating_mul(length.saturating_sub(1)));
        let most = others.len().saturating_sub(length);
        let mut best: Option<How> = None;
        for start in 0..=most {
            let end = start.saturating_add(window).min(others.len());
            let here = others.get(start..end).unwrap_or_default();
            // A window begins with a word of the name, so that each place is looked at once.
            let begins = here.first().is_some_and(|(_, first)| {
                let mut own = self.words.iter();
                own.any(|word| word.matches(first).is_some_and(|how| how <= How::Sound))
            });
            if !begins || here.len() < length {
                continue;
            }
            let words: Vec<Arc<Word>> = here.iter().map(|(_, word)| Arc::clone(word)).collect();
            let how = names_match(&self.words, &words);
            best = best.into_iter().chain(how).min();
        }
        best.map(|how| self.quality(how, &text.text))
    }

    fn quality(&self, how: How, text: &str) -> Quality {
        match how {
            How::Exact if text.contains(&self.written) => Quality::Exact,
            How::Exact => Quality::Normalised,
            // Accents and apostrophes alone are no other script.
            How::Transliterated if text.is_ascii() == self.written.is_ascii() => {
                Quality::Normalised
            }
            How::Transliterated => Quality::Transliterated,
            How::Sound | How::Misspelt => Quality::Alike,
        }
    }
}

/// `YYYY`, `YYYY-MM` or `YYYY-MM-DD`.
fn is_date(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let digits =
        |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit());
    match parts.as_slice() {
        [year] => digits(year, 4),
        [year, month] => digits(year, 4) && digits(month, 2),
        [year, month, day] => digits(year, 4) && digits(month, 2) && digits(day, 2),
        _ => false,
    }
}

/// What a request asks for in one form, for a keyed tag: equal requests give equal bytes.
pub fn canonical(names: &[String], identifiers: &[String], born: &str) -> Vec<u8> {
    let mut parts: Vec<String> = names
        .iter()
        .map(|name| format!("n{}", fold(name)))
        .collect();
    parts.extend(identifiers.iter().map(|of| format!("i{}", fold(of))));
    parts.push(format!("b{}", born.trim()));
    parts.sort();
    parts
        .iter()
        .flat_map(|part| {
            let length = u32::try_from(part.len()).unwrap_or(u32::MAX).to_be_bytes();
            length.into_iter().chain(part.bytes())
        })
        .collect()
}

#[cfg(test)]
mod tests;
