//! Scripts of names, after Unicode Technical Standard #39: letters of two scripts in a word, as
//! `Сamila` with a Cyrillic С, make one name pass for another.

use unicode_script::{Script, UnicodeScript as _};
use unicode_security::MixedScript as _;

use crate::record::unseen::{is_joiner, is_unseen};

/// The first character of a name that nobody sees. Joiners stand where a script needs them, which
/// Latin, Cyrillic and Greek never do.
pub(super) fn unseen_in_name(name: &str) -> Option<char> {
    let mut before = Script::Common;
    for c in name.chars() {
        let plain = matches!(
            before,
            Script::Common | Script::Latin | Script::Cyrillic | Script::Greek
        );
        if is_unseen(c) || (is_joiner(c) && plain) {
            return Some(c);
        }
        if c.script() != Script::Inherited {
            before = c.script();
        }
    }
    None
}

/// Two scripts that one word of `name` mixes.
pub(super) fn mixed(name: &str) -> Option<(&'static str, &'static str)> {
    name.split(is_between_words).find_map(|word| {
        if word.is_ascii() || word.is_single_script() {
            return None;
        }
        let mut scripts = word.chars().map(|c| c.script()).filter(is_of_letters);
        let first = scripts.next()?;
        let other = scripts.find(|script| *script != first)?;
        Some((first.full_name(), other.full_name()))
    })
}

/// Whether every letter of `text` may stand in the script of this ISO 15924 code. Of codes that
/// Unicode does not give to characters, such as `Jpan`, nothing is said.
pub(super) fn is_in(text: &str, code: &str) -> bool {
    let Some(script) = Script::from_short_name(code) else {
        return true;
    };
    text.chars().all(|c| {
        !c.is_alphabetic() || {
            let extension = c.script_extension();
            extension.is_common() || extension.contains_script(script)
        }
    })
}

const fn is_of_letters(script: &Script) -> bool {
    !matches!(script, Script::Common | Script::Inherited | Script::Unknown)
}

/// Blanks, hyphens and the like. Apostrophes and marks belong to their word.
fn is_between_words(c: char) -> bool {
    !c.is_alphanumeric()
        && c.script() != Script::Inherited
        && !matches!(c, '\'' | '`' | '\u{2018}' | '\u{2019}')
        && !is_joiner(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_one_script_a_word_are_fine() {
        for name in [
            "Ходжамурат",
            "Hojamyrat",
            "Xoʻjand",
            "O'zbekiston",
            "Гурӯҳи «Машқ»",
            "«Үлгі» тобы",
            "Ҷамшед Раҳмонов (Jamshed Rahmonov)",
            "Samarqand-Самарканд",
            "می\u{200c}خواهم",
            "東京タワー",
            "Tashkent 2",
            "",
        ] {
            assert_eq!(mixed(name), None, "{name}");
            assert_eq!(unseen_in_name(name), None, "{name}");
        }
    }

    #[test]
    fn words_that_mix_scripts_are_found() {
        for name in [
            "\u{421}amila",
            "Jamsh\u{435}d",
            "Namuna Gr\u{43e}up",
            "О'zbek",
        ] {
            let (one, other) = mixed(name).unwrap();
            let both = [one, other];
            assert!(
                both.contains(&"Latin") && both.contains(&"Cyrillic"),
                "{name}"
            );
        }
        assert!(mixed("\u{3a1}ahim").is_some());
    }

    #[test]
    fn unseen_characters_are_found() {
        for unseen in [
            '\u{200b}',
            '\u{200e}',
            '\u{200f}',
            '\u{61c}',
            '\u{2060}',
            '\u{feff}',
            '\u{ad}',
            '\u{e0041}',
        ] {
            assert_eq!(unseen_in_name(&format!("Zar{unseen}ina")), Some(unseen));
        }
        // A joiner between Latin letters hides nothing but a difference.
        assert_eq!(unseen_in_name("Zar\u{200c}ina"), Some('\u{200c}'));
    }

    #[test]
    fn a_tag_says_the_script() {
        assert!(is_in("Раҳмонов", "Cyrl") && !is_in("Rahmonov", "Cyrl"));
        assert!(is_in("Xoʻjand", "Latn") && is_in("24", "Latn"));
        assert!(is_in("東京", "Jpan"));
    }
}
