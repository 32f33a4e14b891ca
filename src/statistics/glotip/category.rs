//! Categories: forms of exploitation, and countries as reports call them.

use super::{
    codes::{FORMS, NO_COUNTRY, country_named, word},
    finding::Why,
};
use crate::statistics::TOTAL;

/// A category, as it is kept.
pub(super) enum Category {
    /// A word of the list, or the code of a country.
    Known(&'static str),
    /// Words that name no country known here.
    InWords(String),
}

impl Category {
    /// The text that is kept.
    pub(super) fn into_text(self) -> String {
        match self {
            Self::Known(word) => word.to_owned(),
            Self::InWords(words) => words,
        }
    }
}

/// Longest category kept in words, in characters.
const MAX_WORDS: usize = 100;

/// The category that `text` names in `dimension`; why not, otherwise.
pub(super) fn category(dimension: &str, text: &str) -> Result<Category, (Why, String)> {
    let unknown = |list: &[&str]| (Why::Category, format!("must be one of {}", list.join(", ")));
    if dimension == TOTAL {
        return word(&[TOTAL], text)
            .map(Category::Known)
            .ok_or_else(|| unknown(&[TOTAL]));
    }
    if text.is_empty() {
        return Err((
            Why::CategoryMissing,
            format!("{dimension} needs a category, and there is none"),
        ));
    }
    if dimension == "by form of exploitation" {
        return word(&FORMS, text)
            .map(Category::Known)
            .ok_or_else(|| unknown(&FORMS));
    }
    if let Some(known) = word(&NO_COUNTRY, text).or_else(|| country_named(text)) {
        return Ok(Category::Known(known));
    }
    let letters = text.chars().filter(|c| c.is_alphabetic()).count();
    let plain = text.chars().count() <= MAX_WORDS
        && text.chars().all(|c| {
            c.is_alphanumeric() || matches!(c, ' ' | '-' | '\'' | '’' | '.' | ',' | '(' | ')' | '/')
        });
    if letters == 0 || !plain {
        return Err((
            Why::Category,
            "neither the name of a country nor plain words, Abroad or Unknown".to_owned(),
        ));
    }
    Ok(Category::InWords(text.to_owned()))
}
