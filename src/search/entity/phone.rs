//! Telephone numbers in E.164, with the ways in which the region writes them at home.

use crate::record::Country;

/// Digits of a number with its country code, ITU-T E.164.
const MOST_DIGITS: usize = 15;
const FEWEST_DIGITS: usize = 8;
/// Fewest digits of a number without its country that is worth comparing.
const FEWEST_LOCAL: usize = 7;

/// How a country writes its numbers.
struct Plan {
    country: &'static str,
    /// Country calling code.
    code: &'static str,
    /// Digits after the code.
    digits: &'static [usize],
    /// What is dialled before a number within the country.
    trunk: &'static str,
}

const fn plan(
    country: &'static str,
    code: &'static str,
    digits: &'static [usize],
    trunk: &'static str,
) -> Plan {
    Plan {
        country,
        code,
        digits,
        trunk,
    }
}

/// The region and the countries its routes lead to.
const PLANS: &[Plan] = &[
    plan("UZ", "998", &[9], "8"),
    plan("TJ", "992", &[9], "8"),
    plan("KG", "996", &[9], "0"),
    plan("TM", "993", &[8], "8"),
    plan("KZ", "7", &[10], "8"),
    plan("RU", "7", &[10], "8"),
    plan("AF", "93", &[9], "0"),
    plan("AE", "971", &[8, 9], "0"),
    plan("TR", "90", &[10], "0"),
    plan("IR", "98", &[10], "0"),
    plan("PK", "92", &[9, 10], "0"),
    plan("CN", "86", &[11], "0"),
    plan("IN", "91", &[10], "0"),
    plan("SA", "966", &[8, 9], "0"),
    plan("QA", "974", &[8], ""),
    plan("KR", "82", &[8, 9, 10], "0"),
    plan("AZ", "994", &[9], "0"),
    plan("GE", "995", &[9], "0"),
    plan("DE", "49", &[10, 11], "0"),
    plan("PL", "48", &[9], ""),
];

impl Plan {
    /// The number in E.164, when its digits fit this plan.
    fn read(&self, digits: &str) -> Option<String> {
        let fits = |national: &str| {
            self.digits
                .contains(&national.len())
                .then(|| format!("+{}{national}", self.code))
        };
        let whole = digits.strip_prefix(self.code).and_then(fits);
        let dialled = || {
            if self.trunk.is_empty() {
                return None;
            }
            digits.strip_prefix(self.trunk).and_then(fits)
        };
        whole.or_else(dialled).or_else(|| fits(digits))
    }
}

/// A telephone number, and whether it is sure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    /// E.164, or the digits alone where the country is not known.
    pub(super) key: String,
    /// False where the country is not known or only guessed from habit.
    pub(super) whole: bool,
}

/// A telephone number in E.164 as far as it can be; `None` when it is no number.
pub(super) fn e164(text: &str, country: Option<Country>) -> Option<Number> {
    if text.chars().any(char::is_alphabetic) {
        return None;
    }
    let sure = |key: String| Some(Number { key, whole: true });
    let text = text.replace("(0)", "");
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let international = if text.contains('+') {
        Some(digits.as_str())
    } else {
        digits
            .strip_prefix("00")
            .or_else(|| digits.strip_prefix("810"))
    };
    if let Some(whole) = international
        && (FEWEST_DIGITS..=MOST_DIGITS).contains(&whole.len())
    {
        return sure(format!("+{whole}"));
    }
    if let Some(plan) = country.and_then(|of| PLANS.iter().find(|plan| plan.country == of.code()))
        && let Some(number) = plan.read(&digits)
    {
        return sure(number);
    }
    // Without a plus, a country code and exactly the digits that belong to it.
    let whole = PLANS.iter().any(|plan| {
        let national = digits.strip_prefix(plan.code);
        plan.code.len() == 3 && national.is_some_and(|of| plan.digits.contains(&of.len()))
    });
    if whole {
        return sure(format!("+{digits}"));
    }
    // Eight and ten digits of an area of Kazakhstan or Russia: so numbers are dialled there.
    if let Some(national) = digits.strip_prefix('8')
        && national.len() == 10
        && national.starts_with(['3', '4', '7', '8', '9'])
    {
        return Some(Number {
            key: format!("+7{national}"),
            whole: false,
        });
    }
    (FEWEST_LOCAL..=MOST_DIGITS)
        .contains(&digits.len())
        .then_some(Number {
            key: digits,
            whole: false,
        })
}

/// What a number without its country may be, in every country that has such numbers.
pub(super) fn national(text: &str) -> Vec<String> {
    if text.contains('+') || text.chars().any(char::is_alphabetic) {
        return Vec::new();
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let mut found: Vec<String> = PLANS.iter().filter_map(|plan| plan.read(&digits)).collect();
    found.sort();
    found.dedup();
    found
}

/// The numbers in international form within a text, as E.164 and as written.
pub(super) fn mentioned(text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('+') {
        let end = after
            .char_indices()
            .find(|(_, c)| {
                !c.is_ascii_digit() && !matches!(c, ' ' | '-' | '(' | ')' | '.' | '\u{a0}')
            })
            .map_or(after.len(), |(at, _)| at);
        let (number, next) = after.split_at_checked(end).unwrap_or((after, ""));
        let number = number.trim_end_matches(|c: char| !c.is_ascii_digit());
        let digits = number.chars().filter(char::is_ascii_digit).count();
        if (10..=MOST_DIGITS).contains(&digits)
            && let Some(found_number) = e164(&format!("+{number}"), None)
        {
            found.push((found_number.key, format!("+{number}")));
        }
        rest = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn national_habits_become_e164() {
        for (text, country, number) in [
            ("+998 90 123 45 67", "", "+998901234567"),
            ("90-123-45-67", "UZ", "+998901234567"),
            ("8 90 123 45 67", "UZ", "+998901234567"),
            ("998901234567", "", "+998901234567"),
            ("0555 12 34 56", "KG", "+996555123456"),
            ("8 918 123 456", "TJ", "+992918123456"),
            ("8 65 123456", "TM", "+99365123456"),
            ("8 777 123 45 67", "KZ", "+77771234567"),
            ("7 777 123 45 67", "KZ", "+77771234567"),
            ("+44 (0)20 7946 0958", "GB", "+442079460958"),
            ("050 123 4567", "AE", "+971501234567"),
            ("810 998 90 123 45 67", "RU", "+998901234567"),
        ] {
            let read = e164(text, country.parse().ok()).unwrap().key;
            assert_eq!(read, number, "{text}");
        }
        for (text, key) in [("2345678", "2345678"), ("8 701 555 12 34", "+77015551234")] {
            let guessed = e164(text, None).unwrap();
            assert_eq!((guessed.key.as_str(), guessed.whole), (key, false));
        }
        for nothing in ["", "12345", "call me", "1234567890123456"] {
            assert_eq!(e164(nothing, None), None, "{nothing}");
        }
    }
}
