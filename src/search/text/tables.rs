//! Cyrillic to Latin, per language, and Latin letters that carry a sound of their own.
//!
//! `tables.csv` follows ICAO Doc 9303 part 3 for Russian, the BGN/PCGN 1979 romanisations for
//! Kazakh, Kyrgyz, Turkmen and Tajik, and the Uzbek alphabet of 1995; without diacritics, which
//! [`super::latin`] would drop. Letters that a language does not have stand as their neighbours
//! write them.

use std::sync::LazyLock;

use any_ascii::any_ascii_char;

/// A language whose way from Cyrillic to Latin is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// Russian, and what else is written in Cyrillic.
    Russian,
    /// Kazakh.
    Kazakh,
    /// Kyrgyz.
    Kyrgyz,
    /// Uzbek.
    Uzbek,
    /// Tajik.
    Tajik,
    /// Turkmen.
    Turkmen,
}

impl Language {
    /// Every language, in the order of the columns.
    pub const ALL: [Self; 6] = [
        Self::Russian,
        Self::Kazakh,
        Self::Kyrgyz,
        Self::Uzbek,
        Self::Tajik,
        Self::Turkmen,
    ];

    /// The language of a BCP 47 tag, such as `uz-Cyrl`; `None` for any other.
    pub fn of_tag(tag: &str) -> Option<Self> {
        match tag.split('-').next().unwrap_or_default() {
            "ru" => Some(Self::Russian),
            "kk" => Some(Self::Kazakh),
            "ky" => Some(Self::Kyrgyz),
            "uz" => Some(Self::Uzbek),
            "tg" => Some(Self::Tajik),
            "tk" => Some(Self::Turkmen),
            _ => None,
        }
    }

    /// Its column.
    pub(super) const fn column(self) -> usize {
        match self {
            Self::Russian => 0,
            Self::Kazakh => 1,
            Self::Kyrgyz => 2,
            Self::Uzbek => 3,
            Self::Tajik => 4,
            Self::Turkmen => 5,
        }
    }
}

/// What each language makes of a letter.
type Forms = [&'static str; 6];

/// The first letter of the Cyrillic blocks.
const FIRST: u32 = 0x400;

/// Cyrillic letter, counted from the first → what each language makes of it.
static CYRILLIC: LazyLock<Vec<Option<Forms>>> = LazyLock::new(|| {
    let mut table = Vec::new();
    for line in include_str!("tables.csv").lines().skip(1) {
        let mut cells = line.split(',');
        let Some(letter) = cells.next().and_then(|cell| cell.chars().next()) else {
            continue;
        };
        let mut forms = [""; 6];
        for (form, cell) in forms.iter_mut().zip(cells) {
            *form = cell;
        }
        let Some(at) = u32::from(letter).checked_sub(FIRST) else {
            continue;
        };
        let at = at as usize;
        if table.len() <= at {
            table.resize(at.saturating_add(1), None);
        }
        if let Some(place) = table.get_mut(at) {
            *place = Some(forms);
        }
    }
    table
});

fn cyrillic(letter: char) -> Option<&'static Forms> {
    let at = u32::from(letter).checked_sub(FIRST)?;
    CYRILLIC.get(at as usize)?.as_ref()
}

/// Writes a character (lower case) in ASCII letters and digits as `language` does; nothing for what
/// is neither letter nor digit.
pub(super) fn write(letter: char, language: Language, to: &mut String) {
    if letter.is_ascii() {
        if letter.is_ascii_alphanumeric() {
            to.push(letter.to_ascii_lowercase());
        }
        return;
    }
    if let Some(forms) = cyrillic(letter) {
        to.push_str(forms.get(language.column()).copied().unwrap_or_default());
        return;
    }
    if let Some(sound) = latin(letter) {
        to.push_str(sound);
        return;
    }
    to.extend(
        any_ascii_char(letter)
            .chars()
            .filter(char::is_ascii_alphanumeric)
            .map(|c| c.to_ascii_lowercase()),
    );
}

/// Latin letters whose mark changes the sound: Turkmen, Turkish, Kazakh and Karakalpak alphabets and
/// scholarly romanisation.
const fn latin(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ç' | 'č' => "ch",
        'ş' | 'š' | 'ș' => "sh",
        'ž' => "zh",
        'ñ' | 'ň' | 'ŋ' => "ng",
        'ğ' => "gh",
        'ı' => "y",
        _ => return None,
    })
}

/// Whether languages write this letter differently, or it is Cyrillic at all.
pub(super) fn differs(letter: char) -> bool {
    cyrillic(letter).is_some_and(|forms| {
        let [first, rest @ ..] = forms;
        rest.iter().any(|form| form != first)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_complete() {
        let lines: Vec<&str> = include_str!("tables.csv").lines().skip(1).collect();
        assert_eq!(CYRILLIC.iter().flatten().count(), lines.len());
        for line in lines {
            assert_eq!(line.split(',').count(), 7, "{line}");
            assert!(line.chars().skip(1).all(|c| c.is_ascii()), "{line}");
        }
        for letter in ('а'..='я').chain("ёәғқңөұүһіўҳҷӣӯҗ".chars()) {
            assert!(cyrillic(letter).is_some(), "{letter}");
        }
    }

    #[test]
    fn languages_are_known_by_their_tags() {
        assert_eq!(Language::of_tag("uz-Cyrl"), Some(Language::Uzbek));
        assert_eq!(Language::of_tag("tk"), Some(Language::Turkmen));
        assert_eq!(Language::of_tag("de"), None);
        assert_eq!(Language::of_tag(""), None);
    }
}
