//! Texts of identifiers in one form: look-alikes, check digits, what is too short to tell.

/// Longest identifier taken up, in characters.
pub(super) const MAX_CHARS: usize = 200;
/// Fewest letters and digits of an identifier that can tell one thing from another.
const MIN_CHARS: usize = 5;

/// Trimmed, ASCII where there is a look-alike in other digits; `None` when empty or too long.
pub(super) fn cleaned(text: &str) -> Option<String> {
    let text = text.trim();
    if text.is_empty() || text.chars().take(MAX_CHARS + 1).count() > MAX_CHARS {
        return None;
    }
    Some(
        text.chars()
            .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'))
            .map(|c| {
                let digit = any_ascii::any_ascii_char(c);
                match digit.bytes().next() {
                    Some(byte) if digit.len() == 1 && byte.is_ascii_digit() => char::from(byte),
                    _ => c,
                }
            })
            .collect(),
    )
}

/// Capital letters and digits, Cyrillic letters that look like Latin ones as those.
pub(super) fn look_alikes(text: &str) -> String {
    text.chars()
        .flat_map(char::to_uppercase)
        .filter_map(|c| match c {
            'А' => Some('A'),
            'В' => Some('B'),
            'Е' | 'Ё' => Some('E'),
            'К' | 'Қ' => Some('K'),
            'М' => Some('M'),
            'Н' | 'Ң' => Some('H'),
            'О' => Some('O'),
            'Р' => Some('P'),
            'С' => Some('C'),
            'Т' => Some('T'),
            'У' | 'Ү' | 'Ұ' => Some('Y'),
            'Х' | 'Ҳ' => Some('X'),
            'І' => Some('I'),
            'Ѕ' => Some('S'),
            'Ј' => Some('J'),
            // The sign before a number is no part of it.
            '№' => None,
            c if c.is_alphanumeric() => Some(c),
            _ => None,
        })
        .collect()
}

pub(super) fn enough(key: String, digits: usize) -> Option<String> {
    let found = key.bytes().filter(u8::is_ascii_digit).count();
    (key.chars().count() >= MIN_CHARS && found >= digits).then_some(key)
}

/// An IBAN whose check digits hold, or six letters and digits or more.
pub(super) fn account(text: &str) -> Option<String> {
    let key = look_alikes(text);
    let digits = key.bytes().filter(u8::is_ascii_digit).count();
    let mut letters = key.bytes();
    let is_iban = (15..=34).contains(&key.len())
        && letters.by_ref().take(2).all(|b| b.is_ascii_uppercase())
        && letters.take(2).all(|b| b.is_ascii_digit());
    if is_iban && !iban_holds(&key) {
        return None;
    }
    (digits >= 6).then_some(key)
}

/// ISO 13616: the rearranged number leaves 1 modulo 97.
pub(super) fn iban_holds(key: &str) -> bool {
    let Some((head, tail)) = key.split_at_checked(4) else {
        return false;
    };
    let mut rest = 0_u32;
    for c in tail.chars().chain(head.chars()) {
        let Some(digit) = c.to_digit(36) else {
            return false;
        };
        let base = if digit < 10 { 10 } else { 100 };
        rest = (rest * base + digit) % 97;
    }
    rest == 1
}

/// Addresses with a checksum in the case of their letters keep it; the others are lower case.
pub(super) fn wallet(text: &str) -> Option<String> {
    let text = text.split_once(':').map_or(text, |(_, address)| address);
    let text = text.split('?').next().unwrap_or_default();
    let fine = (20..=128).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
        && text.bytes().any(|byte| byte.is_ascii_digit());
    let lower = text.to_ascii_lowercase();
    let caseless = lower.starts_with("0x")
        || ["bc1", "tb1", "ltc1"]
            .iter()
            .any(|of| lower.starts_with(of));
    fine.then(|| if caseless { lower } else { text.to_owned() })
}

/// Host and path, without scheme, `www.` and what follows the path.
pub(super) fn web(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let rest = lower
        .trim_start_matches("https://")
        .trim_start_matches("http://")
        .trim_start_matches("www.");
    let rest = rest.split(['?', '#']).next()?.trim_end_matches('/');
    let host = rest.split('/').next()?;
    let fine = host.contains('.')
        && host.len() > 3
        && host
            .chars()
            .all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | ':'));
    fine.then(|| rest.to_owned())
}

/// A serial number.
pub(super) fn device(text: &str) -> Option<String> {
    let key = look_alikes(text);
    (14..=22).contains(&key.len()).then_some(key)
}
