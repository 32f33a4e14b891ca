//! Words, and how the same word looks in another script, spelling or hand.
//!
//! A word has a surface (lower case, NFKC) and one to four canonical forms in ASCII letters: what
//! the languages that may have written it make of it, in one spelling (`latin`). Two words match
//! exactly when their surfaces are equal, by transliteration when a form is, by sound when
//! consonants are equal and vowels near (`sound`), and loosely when a spelling mistake apart.

mod latin;
mod sound;
mod tables;
#[cfg(test)]
mod tests;

use std::{collections::HashMap, sync::Arc};

use icu_normalizer::ComposingNormalizerBorrowed;

pub use tables::Language;

const NFKC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfkc();

/// Longest word, in characters; longer ones are no words.
pub const MAX_WORD: usize = 64;
/// Forms of one word.
const MAX_FORMS: usize = 4;
/// Words that a normaliser remembers in each of two generations.
const REMEMBERED: usize = 25_000;

/// The languages, and none.
const LANGUAGES: usize = Language::ALL.len() + 1;

/// How two words match; the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum How {
    /// Letter by letter.
    Exact,
    /// In another script or romanisation.
    Transliterated,
    /// By their sound.
    Sound,
    /// A spelling mistake apart.
    Misspelt,
}

/// A word in its forms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// In lower case and NFKC, as written otherwise.
    pub surface: String,
    /// In ASCII letters and digits, in one spelling; one to four.
    pub forms: Vec<String>,
    has_digits: bool,
}

impl Word {
    /// The word in its forms; `None` when nothing of it can be written in letters or digits.
    pub fn new(text: &str, language: Option<Language>) -> Option<Self> {
        let surface = surface(text);
        let forms = forms(&surface, language);
        let mut letters = forms.iter().flat_map(|form| form.bytes());
        let has_digits = letters.any(|byte| byte.is_ascii_digit());
        (!forms.is_empty()).then_some(Self {
            surface,
            forms,
            has_digits,
        })
    }

    /// How another word matches this one; symmetric.
    pub fn matches(&self, other: &Self) -> Option<How> {
        if self.surface == other.surface {
            return Some(How::Exact);
        }
        let any = |test: fn(&str, &str) -> bool| {
            let mut ours = self.forms.iter();
            ours.any(|one| other.forms.iter().any(|form| test(one, form)))
        };
        if any(|one, form| one == form) {
            Some(How::Transliterated)
        } else if any(|one, form| {
            sound::beginning(one) == sound::beginning(form) && {
                let skeleton = sound::skeleton(one);
                skeleton.is_some()
                    && skeleton == sound::skeleton(form)
                    && sound::sound_alike(one, form)
            }
        }) {
            Some(How::Sound)
        } else if any(sound::misspelt) {
            Some(How::Misspelt)
        } else {
            None
        }
    }

    /// Whether it holds a digit: such words match by their forms alone.
    pub const fn has_digits(&self) -> bool {
        self.has_digits
    }
}

pub(super) use sound::{edits, letters, misspelt, near, skeleton, sound_alike};

fn surface(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    if text.chars().all(is_composed) {
        return text.to_lowercase();
    }
    let lower = NFKC.normalize(text).to_lowercase();
    NFKC.normalize(&lower).into_owned()
}

/// Whether a letter is its own NFKC, in lower case too, whatever stands beside it: those of which
/// most words here consist.
const fn is_composed(letter: char) -> bool {
    letter.is_ascii() || matches!(letter, '\u{400}'..='\u{481}' | '\u{48a}'..='\u{52f}')
}

fn forms(surface: &str, language: Option<Language>) -> Vec<String> {
    let ambiguous = surface.chars().any(tables::differs);
    let mut forms = Vec::with_capacity(1);
    let mut add = |form: String| {
        if !form.is_empty() && forms.len() < MAX_FORMS && !forms.contains(&form) {
            forms.push(form);
        }
    };
    let languages: &[Language] = match (&language, ambiguous) {
        (Some(language), _) => std::slice::from_ref(language),
        (None, true) => &Language::ALL,
        (None, false) => &[Language::Russian],
    };
    for language in languages {
        add(latin::canonical(&written(surface, *language)));
    }
    // Russian prints е for ё, and English ks where Uzbek has h.
    if surface.contains('ё') {
        for language in languages {
            add(latin::canonical(&written(
                &surface.replace('ё', "е"),
                *language,
            )));
        }
    }
    if surface.contains('x') {
        for language in languages {
            add(latin::canonical(&written(
                &surface.replace('x', "ks"),
                *language,
            )));
        }
    }
    forms
}

fn written(surface: &str, language: Language) -> String {
    let mut text = String::with_capacity(surface.len().saturating_add(8));
    for letter in surface.chars() {
        tables::write(letter, language, &mut text);
    }
    text
}

/// The one spelling of a text's letters and digits, as Russian writes them: for comparing whole
/// phrases. Idempotent.
pub fn fold(text: &str) -> String {
    latin::canonical(&written(&surface(text), Language::Russian))
}

/// The words of a text: letters and digits, with the marks and apostrophes between them.
pub fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !is_of_word(c))
        .map(|word| word.trim_matches(is_apostrophe))
        .filter(|word| !word.is_empty() && word.len() <= MAX_WORD.saturating_mul(4))
        .filter(|word| {
            let letters = || word.chars().take(MAX_WORD.saturating_add(1)).count();
            word.len() <= MAX_WORD || letters() <= MAX_WORD
        })
}

fn is_of_word(c: char) -> bool {
    if c.is_ascii() {
        return c.is_ascii_alphanumeric() || matches!(c, '\'' | '`');
    }
    // Of these, every one is a letter.
    is_composed(c) || c.is_alphanumeric() || is_apostrophe(c) || matches!(c, '\u{300}'..='\u{36f}')
}

const fn is_apostrophe(c: char) -> bool {
    matches!(
        c,
        '\'' | '`' | '´' | '‘' | '’' | 'ʻ' | 'ʼ' | 'ʹ' | 'ʺ' | 'ʿ' | 'ʾ'
    )
}

/// How one name matches another: every word of the shorter a word of its own in the longer, none by
/// a spelling mistake alone; the least sure of them. Symmetric.
pub fn names_match(one: &[Arc<Word>], other: &[Arc<Word>]) -> Option<How> {
    let (short, long) = if one.len() <= other.len() {
        (one, other)
    } else {
        (other, one)
    };
    if short.is_empty() {
        return None;
    }
    let edges: Vec<Vec<Option<How>>> = short
        .iter()
        .map(|word| long.iter().map(|other| word.matches(other)).collect())
        .collect();
    [How::Exact, How::Transliterated, How::Sound]
        .into_iter()
        .find(|worst| all_paired(&edges, *worst))
}

/// Whether every row has a column of its own that is at least as sure as `worst`.
fn all_paired(edges: &[Vec<Option<How>>], worst: How) -> bool {
    let mut taken: HashMap<usize, usize> = HashMap::new();
    (0..edges.len()).all(|row| paired(edges, worst, row, &mut taken, &mut Vec::new()))
}

/// Finds a column for a row, moving other rows where they have another.
fn paired(
    edges: &[Vec<Option<How>>],
    worst: How,
    row: usize,
    taken: &mut HashMap<usize, usize>,
    tried: &mut Vec<usize>,
) -> bool {
    let columns = edges.get(row).map(Vec::as_slice).unwrap_or_default();
    for (column, how) in columns.iter().enumerate() {
        if how.is_none_or(|how| how > worst) || tried.contains(&column) {
            continue;
        }
        tried.push(column);
        let free = match taken.get(&column).copied() {
            None => true,
            Some(other) => paired(edges, worst, other, taken, tried),
        };
        if free {
            taken.insert(column, row);
            return true;
        }
    }
    false
}

/// Makes words and remembers them, since texts repeat theirs: those that came lately, and of those
/// before them the ones that came again.
#[derive(Debug, Default)]
pub struct Normaliser {
    fresh: Known,
    before: Known,
}

/// Words by what was written, for each language and for none.
#[derive(Debug, Default)]
struct Known {
    of: [HashMap<Box<str>, Option<Arc<Word>>>; LANGUAGES],
    count: usize,
}

impl Normaliser {
    /// The word in its forms.
    pub fn word(&mut self, text: &str, language: Option<Language>) -> Option<Arc<Word>> {
        let language = if text.is_ascii() { None } else { language };
        let at = language.map_or(Language::ALL.len(), Language::column);
        if let Some(word) = self.fresh.of.get(at).and_then(|of| of.get(text)) {
            return word.clone();
        }
        let before = self.before.of.get_mut(at);
        let (written, word) = before
            .and_then(|of| of.remove_entry(text))
            .unwrap_or_else(|| (text.into(), Word::new(text, language).map(Arc::new)));
        if self.fresh.count >= REMEMBERED {
            self.before = std::mem::take(&mut self.fresh);
        }
        if let Some(of) = self.fresh.of.get_mut(at) {
            of.insert(written, word.clone());
            self.fresh.count = self.fresh.count.saturating_add(1);
        }
        word
    }

    /// Forgets every word, and gives back the memory they took.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The words of a text in their forms, `limit` at most.
    pub fn words(
        &mut self,
        text: &str,
        language: Option<Language>,
        limit: usize,
    ) -> Vec<Arc<Word>> {
        words(text)
            .take(limit)
            .filter_map(|word| self.word(word, language))
            .collect()
    }
}
