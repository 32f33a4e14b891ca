//! Spellings that do not matter.

/// ASCII digits for those of Arabic and Persian.
pub(super) fn western(text: &str) -> String {
    let digit = |c: char, zero: u32| {
        let value = u32::from(c).checked_sub(zero).filter(|value| *value < 10)?;
        char::from_digit(value, 10)
    };
    let of = |c: char| digit(c, 0x0660).or_else(|| digit(c, 0x06f0)).unwrap_or(c);
    text.trim().chars().map(of).collect()
}

/// Text compared without regard to case, kinds of blanks and kinds of dashes.
pub(super) fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let joined: String = words
        .join(" ")
        .chars()
        .map(|c| match c {
            '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe58}' | '\u{fe63}' | '\u{ff0d}' => '-',
            other => other,
        })
        .collect();
    joined.replace("--", "-")
}

/// Letters and digits alone, in lower case: how codes are compared.
pub(super) fn letters(text: &str) -> String {
    let plain = text.chars().filter(|c| c.is_alphanumeric());
    plain.flat_map(char::to_lowercase).collect()
}
