//! The count in a cell, as files write it.

use crate::statistics::Shown;

/// What a cell holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// A count, or a band.
    Is(Shown),
    /// Nothing was reported.
    Missing,
    /// No whole number.
    Invalid,
}

/// Largest count read: more persons than there are is a mistake.
const MOST: u64 = u32::MAX as u64;

/// Reads `<5`, `<11`, `137`, `1,179` and `1 179`.
pub(super) fn value(text: &str) -> Value {
    let packed: String = text.chars().filter(|c| !c.is_whitespace()).collect();
    match packed.to_lowercase().as_str() {
        "<5" => return Value::Is(Shown::Below(5)),
        "<11" => return Value::Is(Shown::Below(11)),
        "" | "-" | "–" | "—" | "." | ".." | "..." | "…" | "na" | "n/a" | "n.a." | "null" => {
            return Value::Missing;
        }
        _ => {}
    }
    match whole(text.trim()) {
        Some(count) if count <= MOST => Value::Is(Shown::Count(count)),
        _ => Value::Invalid,
    }
}

/// Digits, or groups of three behind the first: with commas or spaces, and one kind of them.
fn whole(text: &str) -> Option<u64> {
    let separator = text.chars().find(|c| !c.is_ascii_digit());
    let digits = match separator {
        None => text.to_owned(),
        Some(separator) if separator == ',' || separator.is_whitespace() => {
            let groups: Vec<&str> = text.split(separator).collect();
            let (first, rest) = groups.split_first()?;
            let fits = (1..=3).contains(&first.len()) && rest.iter().all(|group| group.len() == 3);
            if !fits {
                return None;
            }
            groups.concat()
        }
        Some(_) => return None,
    };
    let plain = (1..=18).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    plain.then(|| digits.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_bands_gaps_and_mistakes() {
        for (text, expected) in [
            ("137", Value::Is(Shown::Count(137))),
            (" 0 ", Value::Is(Shown::Count(0))),
            ("1,179", Value::Is(Shown::Count(1179))),
            ("1\u{a0}179", Value::Is(Shown::Count(1179))),
            ("12,345,678", Value::Is(Shown::Count(12_345_678))),
            ("<5", Value::Is(Shown::Below(5))),
            ("< 5", Value::Is(Shown::Below(5))),
            ("<11", Value::Is(Shown::Below(11))),
            ("", Value::Missing),
            ("n/a", Value::Missing),
            ("…", Value::Missing),
            ("1,17", Value::Invalid),
            ("1.179", Value::Invalid),
            ("12.5", Value::Invalid),
            ("-3", Value::Invalid),
            ("<7", Value::Invalid),
            ("about 20", Value::Invalid),
            ("1,234 567", Value::Invalid),
            ("=1+1", Value::Invalid),
            ("99999999999999999999999", Value::Invalid),
            ("١٢", Value::Invalid),
        ] {
            assert_eq!(value(text), expected, "{text:?}");
        }
    }
}
