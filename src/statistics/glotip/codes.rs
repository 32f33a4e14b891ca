//! The words of the GLOTIP and what they stand for.

use std::{collections::HashMap, sync::LazyLock};

use crate::statistics::{OFFICIAL_K, VICTIMS_K};

/// What is counted.
pub const INDICATORS: [&str; 5] = [
    VICTIMS,
    "Persons convicted",
    "Persons prosecuted",
    "Persons brought into formal contact",
    "Offences of trafficking in persons",
];

/// The indicator that counts victims.
const VICTIMS: &str = "Detected trafficking victims";

/// By what the categories are divided.
pub const DIMENSIONS: [&str; 4] = [
    "Total",
    "by form of exploitation",
    "by citizenship",
    "by country of repatriation",
];

/// Categories of `by form of exploitation`.
pub const FORMS: [&str; 3] = [
    "Sexual exploitation",
    "Forced labour",
    "Other forms of exploitation",
];

/// Sexes.
pub const SEXES: [&str; 5] = ["Total", "Female", "Male", "Other", "Unknown"];

/// Ages.
pub const AGES: [&str; 4] = ["Total", "0 to 17 years", "18 years or over", "Unknown"];

/// Categories of countries that name none.
pub const NO_COUNTRY: [&str; 2] = ["Abroad", "Unknown"];

/// The unit.
pub const UNIT: &str = "Counts";

/// Below which counts of an indicator are not shown.
pub fn k_of(indicator: &str) -> u64 {
    if indicator == VICTIMS {
        VICTIMS_K
    } else {
        OFFICIAL_K
    }
}

/// The word of `list` that `text` is, whatever its case and spaces.
pub(super) fn word(list: &[&'static str], text: &str) -> Option<&'static str> {
    let text = folded(text);
    list.iter().find(|word| folded(word) == text).copied()
}

struct Names {
    alpha3: HashMap<&'static str, &'static str>,
    names: HashMap<String, &'static str>,
}

static NAMES: LazyLock<Names> = LazyLock::new(|| {
    let mut names = Names {
        alpha3: HashMap::new(),
        names: HashMap::new(),
    };
    for line in include_str!("countries.csv").lines().skip(1) {
        let mut fields = line.splitn(3, ',');
        if let (Some(alpha2), Some(alpha3), Some(name)) =
            (fields.next(), fields.next(), fields.next())
        {
            names.alpha3.insert(alpha3, alpha2);
            names.names.insert(folded(name.trim_matches('"')), alpha2);
            names.names.insert(folded(alpha3), alpha2);
            // ISO writes "Moldova, Republic of"; reports write it the other way round.
            if let Some((noun, article)) = name.trim_matches('"').split_once(", ") {
                names
                    .names
                    .insert(folded(&format!("{article} {noun}")), alpha2);
            }
        }
    }
    for line in include_str!("citizenships.csv").lines().skip(1) {
        if let Some((name, alpha2)) = line.split_once(',') {
            names.names.insert(folded(name), alpha2);
        }
    }
    names
});

/// ISO 3166-1 alpha-2 of an alpha-3 code.
pub(super) fn alpha2(alpha3: &str) -> Option<&'static str> {
    NAMES
        .alpha3
        .get(alpha3.to_ascii_uppercase().as_str())
        .copied()
}

/// ISO 3166-1 alpha-2 as this list keeps it, where it is one.
pub fn code_of(alpha2: &str) -> Option<&'static str> {
    let mut known = NAMES.alpha3.values();
    known.find(|code| **code == alpha2).copied()
}

/// ISO 3166-1 alpha-2 of a country's name or of what its citizens are called, in the languages and
/// the spellings that reports use.
pub fn country_named(name: &str) -> Option<&'static str> {
    NAMES.names.get(&folded(name)).copied()
}

/// Lower case, one space between words, none around them.
fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn countries_are_known_by_code_name_and_what_reports_call_them() {
        assert_eq!(alpha2("UZB"), Some("UZ"));
        assert_eq!(alpha2("uzb"), Some("UZ"));
        assert_eq!(alpha2("XXX"), None);
        for (name, code) in [
            ("Uzbekistan", "UZ"),
            ("Uzbecki", "UZ"),
            ("  republic of  MOLDOVA", "MD"),
            ("Russian Federation", "RU"),
            ("Узбекистан", "UZ"),
            ("Vietnamese", "VN"),
            ("Tajiki", "TJ"),
        ] {
            assert_eq!(country_named(name), Some(code), "{name}");
        }
        assert_eq!(country_named("Abroad"), None);
        assert_eq!(country_named(""), None);
    }

    #[test]
    fn words_are_found_whatever_their_case() {
        assert_eq!(word(&SEXES, " FEMALE "), Some("Female"));
        assert_eq!(word(&DIMENSIONS, "By  Citizenship"), Some("by citizenship"));
        assert_eq!(word(&AGES, "adult"), None);
        assert_eq!(k_of("Detected trafficking victims"), 11);
        assert_eq!(k_of("Persons convicted"), 5);
    }
}
