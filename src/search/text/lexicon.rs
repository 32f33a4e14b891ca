//! The words that were met while an index is filled, with the keys of their forms: a word that comes
//! again costs one look at a table.

use std::{
    collections::HashMap,
    hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher, RandomState},
    sync::{Arc, LazyLock},
};

use super::{Language, MAX_FORMS, forms, surface, words};

/// Words remembered in each of two generations.
const REMEMBERED: usize = 60_000;

/// The secret of this process by which forms become keys.
static SECRET: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// 64 bits of a hash that is keyed anew in each process: nobody outside can make two things share
/// them, and whoever asks verifies what is found.
pub(in crate::search) fn key(of: &impl Hash) -> u64 {
    SECRET.hash_one(of)
}

/// The key of a form, which depends on whether its word has digits.
pub(in crate::search) fn form_key(form: &str, has_digits: bool) -> u64 {
    if has_digits {
        key(&("word", form))
    } else {
        key(&form)
    }
}

/// Takes a 64-bit hash as it is: hashing what a secret key has hashed already adds nothing.
#[derive(Debug, Default)]
pub(in crate::search) struct AsItIs(u64);

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// What an index takes of a word: the keys of its forms, and their letters.
#[derive(Debug, PartialEq, Eq)]
pub struct Forms {
    keys: [u64; MAX_FORMS],
    /// Where each form ends in the letters.
    ends: [u16; MAX_FORMS],
    count: u8,
    has_digits: bool,
    letters: Box<str>,
}

impl Forms {
    /// `None` when nothing of it can be written in letters or digits.
    fn new(text: &str, language: Option<Language>) -> Option<Self> {
        let spelt = forms(&surface(text), language);
        if spelt.is_empty() {
            return None;
        }
        let letters = spelt.concat();
        let has_digits = letters.bytes().any(|byte| byte.is_ascii_digit());
        let (mut keys, mut ends) = ([0; MAX_FORMS], [0; MAX_FORMS]);
        let (mut end, mut count) = (0_usize, 0_u8);
        for ((form, key), at) in spelt.iter().zip(&mut keys).zip(&mut ends) {
            end = end.saturating_add(form.len());
            *key = form_key(form, has_digits);
            *at = u16::try_from(end).ok()?;
            count = count.saturating_add(1);
        }
        Some(Self {
            keys,
            ends,
            count,
            has_digits,
            letters: letters.into_boxed_str(),
        })
    }

    /// The keys of its forms.
    pub(in crate::search) fn keys(&self) -> &[u64] {
        self.keys.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// Whether it holds a digit.
    pub(in crate::search) const fn has_digits(&self) -> bool {
        self.has_digits
    }

    /// The letters of a form, by its place among the keys.
    pub(in crate::search) fn form(&self, at: usize) -> &str {
        let end = |at: usize| self.ends.get(at).copied().map(usize::from);
        let start = at.checked_sub(1).map_or(Some(0), end);
        start
            .zip(end(at))
            .and_then(|(start, end)| self.letters.get(start..end))
            .unwrap_or_default()
    }
}

/// Words by 64 bits of a keyed hash of what was written and its language.
type Known = HashMap<u64, Option<Arc<Forms>>, BuildHasherDefault<AsItIs>>;

/// Makes the forms of words and remembers them under a hash alone: those that came lately, and of
/// those before them the ones that came again. For filling an index, whose candidates are looked at
/// again; what is shown to people is made by a [`super::Normaliser`], which compares the letters.
#[derive(Debug, Default)]
pub struct Lexicon {
    fresh: Known,
    before: Known,
}

impl Lexicon {
    /// The forms of a word.
    pub(in crate::search) fn word(
        &mut self,
        text: &str,
        language: Option<Language>,
    ) -> Option<Arc<Forms>> {
        let language = if text.is_ascii() { None } else { language };
        let at = key(&(text, language.map(Language::column)));
        if let Some(word) = self.fresh.get(&at) {
            return word.clone();
        }
        let word = self
            .before
            .remove(&at)
            .unwrap_or_else(|| Forms::new(text, language).map(Arc::new));
        if self.fresh.len() >= REMEMBERED {
            self.before = std::mem::take(&mut self.fresh);
        }
        self.fresh.insert(at, word.clone());
        word
    }

    /// The words of a text in their forms, `limit` at most.
    pub(in crate::search) fn words<'a>(
        &'a mut self,
        text: &'a str,
        language: Option<Language>,
        limit: usize,
    ) -> impl Iterator<Item = Arc<Forms>> + 'a {
        words(text)
            .take(limit)
            .filter_map(move |word| self.word(word, language))
    }

    /// Forgets every word, and gives back the memory they took.
    pub fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::super::Word;
    use super::*;

    #[test]
    fn a_lexicon_knows_the_forms_of_a_word_in_each_language_however_often_it_comes() {
        let mut lexicon = Lexicon::default();
        for _ in 0..2 {
            for text in ["ўғил", "Ходжамурат", "Xo'ja", "AB123", "ё", "Қодиров"]
            {
                for language in [None, Some(Language::Uzbek), Some(Language::Russian)] {
                    let found = lexicon.word(text, language).unwrap();
                    let own = language.filter(|_| !text.is_ascii());
                    let word = Word::new(text, own).unwrap();
                    assert_eq!(found.has_digits(), word.has_digits());
                    assert_eq!(found.keys().len(), word.forms.len());
                    for (at, form) in word.forms.iter().enumerate() {
                        assert_eq!(found.form(at), form);
                        assert_eq!(found.keys()[at], form_key(form, word.has_digits()));
                    }
                }
            }
        }
        assert_eq!(lexicon.word("'", None), None);
    }

    #[test]
    fn what_comes_again_outlives_a_generation_and_the_rest_is_forgotten() {
        let mut lexicon = Lexicon::default();
        let kept = lexicon.word("karimov", None).unwrap();
        for number in 0..REMEMBERED * 3 {
            lexicon.word(&format!("w{number}"), None);
            let again = lexicon.word("karimov", None).unwrap();
            assert!(Arc::ptr_eq(&kept, &again), "{number}");
        }
        assert!(lexicon.fresh.len() + lexicon.before.len() <= REMEMBERED * 2);
        lexicon.forget();
        assert!(!Arc::ptr_eq(&kept, &lexicon.word("karimov", None).unwrap()));
    }
}
