//! Why a record answers a question: looked up in the record itself, within the compartments that may
//! be read. What is not found there is not an answer, whatever the index said.

use crate::{record::Country, wire::record::CompartmentLabel};

use super::{
    entity::Same,
    extract::{Extract, Text},
    query::Query,
    text::{How, Normaliser, Word, words},
};

/// Characters of what is shown around a match.
const SHOWN: usize = 80;
/// Words looked at in one record.
const MAX_WORDS: usize = 5_000;

/// How something asked for was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Found {
    /// A word.
    Word(How),
    /// An identifier in its one form.
    Entity(Same),
    /// A code.
    Code,
}

/// One reason why a record answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// Where, in JSON names.
    pub field: String,
    /// The compartment.
    pub compartment: CompartmentLabel,
    /// As it stands there.
    pub written: String,
    /// How.
    pub found: Found,
    /// What was asked.
    pub asked: String,
}

/// Why a record answers, and how well.
#[derive(Clone, Debug, PartialEq)]
pub struct Answered {
    /// From above 0; a word found letter by letter in a name counts 1.5, in any text 1.
    pub score: f64,
    /// One for each thing asked.
    pub reasons: Vec<Reason>,
    /// Words that were not found; one at most.
    pub missing: Vec<String>,
}

/// The compartments that may be read.
pub type Readable<'a> = &'a dyn Fn(CompartmentLabel) -> bool;

/// What a word that is found so counts.
const fn weight(how: How) -> f64 {
    match how {
        How::Exact => 1.0,
        How::Transliterated => 0.9,
        How::Sound => 0.6,
        How::Misspelt => 0.35,
    }
}

/// Why a record answers a question; `None` when it does not. `origin` is the country that sealed it.
pub fn explain(
    query: &Query,
    extract: &Extract,
    origin: Country,
    readable: Readable<'_>,
    normaliser: &mut Normaliser,
) -> Option<Answered> {
    let mut answered = Answered {
        score: 0.0,
        reasons: Vec::new(),
        missing: Vec::new(),
    };
    if let Some(country) = query.country {
        let mut named = extract
            .countries
            .iter()
            .filter(|(_, label)| readable(*label));
        if origin != country && !named.any(|(of, _)| *of == country) {
            return None;
        }
    }
    for code in &query.codes {
        let mut codes = extract.codes.iter().filter(|at| readable(at.compartment));
        let at = codes.find(|at| at.code == *code)?;
        answered.reasons.push(Reason {
            field: at.field.clone(),
            compartment: at.compartment,
            written: code.value.to_owned(),
            found: Found::Code,
            asked: format!("{}={}", code.list, code.value),
        });
    }
    if !query.entities.is_empty() {
        let best = extract
            .mentions
            .iter()
            .filter(|mention| readable(mention.compartment))
            .filter_map(|mention| {
                let mut same = query.entities.iter();
                let same = same.find_map(|entity| {
                    // Asked without service or issuer, an identifier is found whatever it has.
                    let known =
                        entity.class == mention.entity.class && entity.key == mention.entity.key;
                    known.then(|| entity.same(&mention.entity).unwrap_or(Same::Suggested))
                })?;
                Some((same, mention))
            })
            .min_by_key(|(same, _)| *same)?;
        answered.score += 2.0;
        answered.reasons.push(Reason {
            field: best.1.field.clone(),
            compartment: best.1.compartment,
            written: best.1.written.clone(),
            found: Found::Entity(best.0),
            asked: best.1.entity.key.clone(),
        });
    }
    let allowed = usize::from(query.words.len() > 1);
    let mut best: Vec<Option<Hit<'_>>> = vec![None; query.words.len()];
    let mut left = MAX_WORDS;
    for text in extract
        .texts
        .iter()
        .filter(|text| readable(text.compartment))
    {
        look(query, text, &mut best, &mut left, normaliser);
    }
    for ((_, typed), hit) in query.words.iter().zip(best) {
        let Some(hit) = hit else {
            answered.missing.push(typed.clone());
            continue;
        };
        answered.score += hit.score;
        answered.reasons.push(Reason {
            field: hit.text.field.clone(),
            compartment: hit.text.compartment,
            written: shown(&hit.text.text, hit.at),
            found: Found::Word(hit.how),
            asked: typed.clone(),
        });
    }
    if answered.missing.len() > allowed {
        return None;
    }
    answered.score /= f64::from(u32::try_from(query.words.len().max(1)).unwrap_or(1));
    Some(answered)
}

/// The best place for one word so far.
#[derive(Clone, Copy)]
struct Hit<'a> {
    score: f64,
    how: How,
    text: &'a Text,
    /// Where in the text, in bytes.
    at: usize,
}

fn look<'a>(
    query: &Query,
    text: &'a Text,
    best: &mut [Option<Hit<'a>>],
    left: &mut usize,
    normaliser: &mut Normaliser,
) {
    for word in words(&text.text) {
        if *left == 0 {
            return;
        }
        *left = left.saturating_sub(1);
        let Some(normal) = normaliser.word(word, text.language) else {
            continue;
        };
        for ((asked, _), hit) in query.words.iter().zip(best.iter_mut()) {
            let Some(how) = matches(asked, &normal) else {
                continue;
            };
            let score = weight(how) * if text.weighty { 1.5 } else { 1.0 };
            if hit.is_none_or(|hit| score > hit.score) {
                *hit = Some(Hit {
                    score,
                    how,
                    text,
                    // Both are slices of the same text.
                    at: (word.as_ptr() as usize).saturating_sub(text.text.as_ptr() as usize),
                });
            }
        }
    }
}

/// As [`Word::matches`], after a quick look at the lengths.
fn matches(asked: &Word, other: &Word) -> Option<How> {
    let length = |word: &Word| word.forms.first().map_or(0, String::len);
    if length(asked).abs_diff(length(other)) > 8 {
        return None;
    }
    asked.matches(other)
}

/// The text around a place: all of a short one.
fn shown(text: &str, at: usize) -> String {
    if text.chars().take(SHOWN + 1).count() <= SHOWN {
        return text.to_owned();
    }
    let (before, after) = text.split_at_checked(at).unwrap_or(("", text));
    let lead: Vec<char> = before.chars().rev().take(SHOWN / 4).collect();
    let rest: String = after.chars().take(SHOWN - lead.len()).collect();
    let cut_before = lead.len() < before.chars().count();
    let cut_after = rest.len() < after.len();
    let lead: String = lead.into_iter().rev().collect();
    format!(
        "{}{lead}{rest}{}",
        if cut_before { "…" } else { "" },
        if cut_after { "…" } else { "" }
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_shown_around_the_match() {
        let text = format!("{}Ҷамшед{}", "а ".repeat(100), " б".repeat(100));
        let at = text.find('Ҷ').unwrap();
        let shown = shown(&text, at);
        assert!(shown.starts_with('…') && shown.ends_with('…') && shown.contains("Ҷамшед"));
        assert!(shown.chars().count() <= SHOWN + 2);
        assert_eq!(super::shown("kurz", 0), "kurz");
    }
}
