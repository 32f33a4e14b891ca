//! Numbers as people write them.

use super::digits::western;
use crate::feed::fault::Reason;

/// How a column writes numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NumberHabit {
    group: Option<char>,
    decimal: Option<char>,
}

impl NumberHabit {
    /// As programs write them.
    pub(super) const TYPED: Self = Self {
        group: None,
        decimal: Some('.'),
    };

    /// The habit that an example shows.
    pub(super) fn named(example: &str) -> Result<Self, String> {
        let habit = |group, decimal| Self {
            group,
            decimal: Some(decimal),
        };
        Ok(match example {
            "1234.5" => habit(None, '.'),
            "1234,5" => habit(None, ','),
            "1 234,5" => habit(Some(' '), ','),
            "1 234.5" => habit(Some(' '), '.'),
            "1.234,5" => habit(Some('.'), ','),
            "1,234.5" => habit(Some(','), '.'),
            "1'234.5" => habit(Some('\''), '.'),
            _ => {
                return Err(format!(
                    "`{example}` shows no habit of numbers; write one of 1234.5  1234,5  1 234,5  1 234.5  1.234,5  1,234.5  1'234.5"
                ));
            }
        })
    }
}

/// The number as programs write it, such as `-1234.5`. Digits may be Arabic or Persian; without a
/// habit there may be nothing but digits, since `1.234` is two numbers.
pub(super) fn plain(text: &str, habit: Option<NumberHabit>) -> Result<String, (Reason, String)> {
    let invalid = |why: &str| (Reason::Number, format!("not a number: {why}"));
    let text = western(text);
    let (sign, body) = match text.strip_prefix(['-', '\u{2212}']) {
        Some(body) => ("-", body),
        None => ("", text.strip_prefix('+').unwrap_or(&text)),
    };
    // The separators of Arabic stand for one thing only.
    let body = body.replace('\u{66c}', "").replace('\u{66b}', "\u{1}");
    let Some(habit) = habit else {
        let foreign = body.chars().find(|c| !c.is_ascii_digit() && *c != '\u{1}');
        return match foreign {
            Some(c) if ".,' \u{a0}\u{202f}".contains(c) && body.contains(|c: char| c.is_ascii_digit()) => Err((
                Reason::NumberAmbiguous,
                "the mapping does not say how this column writes numbers; say number = \"1 234,5\", \"1.234,5\" or \"1,234.5\" for the field".to_owned(),
            )),
            Some(_) => Err(invalid("it has other characters than digits")),
            None => joined(sign, &body, '\u{1}').ok_or_else(|| invalid("it has no digits")),
        };
    };
    let blank = |c: char| {
        if c == '\u{a0}' || c == '\u{202f}' {
            ' '
        } else {
            c
        }
    };
    let body: String = body.chars().map(blank).collect();
    let decimal = habit.decimal.unwrap_or('\u{1}');
    let body = body.replace('\u{1}', &decimal.to_string());
    let (whole, rest) = match body.split_once(decimal) {
        Some((whole, rest)) => (whole, Some(rest)),
        None => (body.as_str(), None),
    };
    let whole = match habit.group {
        Some(group) if whole.contains(group) => {
            let groups: Vec<&str> = whole.split(group).collect();
            let (first, others) = groups.split_first().unwrap_or((&"", &[]));
            if !(1..=3).contains(&first.len()) || others.iter().any(|of| of.len() != 3) {
                return Err(invalid("groups of digits have three each"));
            }
            groups.concat()
        }
        _ => whole.to_owned(),
    };
    let body = rest.map_or(whole.clone(), |rest| format!("{whole}\u{1}{rest}"));
    joined(sign, &body, '\u{1}')
        .ok_or_else(|| invalid("it does not fit the habit that the mapping names"))
}

fn joined(sign: &str, body: &str, decimal: char) -> Option<String> {
    let (whole, rest) = body.split_once(decimal).unwrap_or((body, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if whole.is_empty() || whole.len() > 30 || rest.len() > 30 || !digits(whole) || !digits(rest) {
        return None;
    }
    Some(match rest {
        "" => format!("{sign}{whole}"),
        rest => format!("{sign}{whole}.{rest}"),
    })
}
