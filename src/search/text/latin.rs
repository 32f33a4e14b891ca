//! One spelling for the many that the same sounds have in Latin letters: `kh`, `x` and `h`; `zh`,
//! `dzh` and `j`; `q`, `ck` and `k`; `w` and `v`; `ts` and `s`; doubled letters.

/// Groups of letters and what they become; longest first. Every one is shorter or has fewer letters
/// that a rule begins with, so that applying them ends.
const RULES: &[(&[u8], &[u8])] = &[
    (b"shch", b"sh"),
    (b"tsch", b"ch"),
    (b"tsh", b"ch"),
    (b"tch", b"ch"),
    (b"sch", b"sh"),
    (b"dzh", b"j"),
    (b"dj", b"j"),
    (b"zh", b"j"),
    (b"kh", b"h"),
    (b"gh", b"g"),
    (b"ph", b"f"),
    (b"th", b"t"),
    (b"ts", b"s"),
    (b"ck", b"k"),
    (b"oo", b"u"),
    (b"ee", b"i"),
    (b"ou", b"u"),
];

/// Whether a rule may begin with these two letters.
const fn may_begin(first: u8, second: u8) -> bool {
    matches!(
        first,
        b's' | b't' | b'd' | b'z' | b'k' | b'g' | b'p' | b'c' | b'o' | b'e'
    ) && matches!(
        second,
        b'h' | b's' | b'c' | b'z' | b'j' | b'k' | b'o' | b'e' | b'u'
    )
}

const fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u')
}

/// The one spelling of a word of ASCII letters and digits. What it gives, it gives again for that.
pub(super) fn canonical(word: &str) -> String {
    let mut bytes = word.as_bytes().to_vec();
    // Each pass leaves fewer letters, or letters that no rule takes up.
    for _ in 0..=word.len() {
        let next = pass(&bytes);
        if next == bytes {
            break;
        }
        bytes = next;
    }
    String::from_utf8(bytes).unwrap_or_default()
}

fn pass(word: &[u8]) -> Vec<u8> {
    let mut out: Vec<u8> = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&letter, after)) = rest.split_first() {
        let next = after.first().copied().unwrap_or(0);
        if may_begin(letter, next)
            && let Some((from, to)) = RULES.iter().find(|(from, _)| rest.starts_with(from))
        {
            out.extend_from_slice(to);
            rest = rest.get(from.len()..).unwrap_or_default();
            continue;
        }
        let before = out.last().copied().unwrap_or(0);
        match letter {
            b'q' => out.push(b'k'),
            b'w' => out.push(b'v'),
            b'x' => out.push(b'h'),
            // `ch` stands for one sound; elsewhere c is s or k.
            b'c' if next == b'h' => {
                out.extend_from_slice(b"ch");
                rest = after.get(1..).unwrap_or_default();
                continue;
            }
            b'c' => out.push(if matches!(next, b'e' | b'i' | b'y') {
                b's'
            } else {
                b'k'
            }),
            // ya, yo, yu; ye is e; y elsewhere is a vowel.
            b'y' if next == b'e' => {}
            b'y' if matches!(next, b'a' | b'o' | b'u') => {
                if before != b'y' {
                    out.push(b'y');
                }
            }
            b'y' => out.push(b'i'),
            b'i' if matches!(next, b'a' | b'o' | b'u') => {
                if before != b'y' {
                    out.push(b'y');
                }
            }
            b'i' if next == b'e' => {}
            // mariya and marya
            b'i' if next == b'y'
                && after
                    .get(1)
                    .is_some_and(|letter| is_vowel(*letter) || *letter == b'y') => {}
            letter => {
                if before != letter || letter.is_ascii_digit() {
                    out.push(letter);
                }
            }
        }
        rest = after;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_may_begin() {
        for (from, _) in RULES {
            assert!(may_begin(from[0], from[1]), "{from:?}");
        }
    }

    #[test]
    fn spellings_of_the_same_sounds_meet() {
        for (one, other) in [
            ("khodzhamurat", "hojamurat"),
            ("dzhamshed", "jamshed"),
            ("shymkent", "shimkent"),
            ("dmitriy", "dmitry"),
            ("dmitrii", "dmitri"),
            ("mariia", "maria"),
            ("yerlan", "erlan"),
            ("qodirov", "kodirov"),
            ("rahmonow", "rakhmonov"),
            ("alla", "ala"),
        ] {
            assert_eq!(canonical(one), canonical(other), "{one} {other}");
        }
        for (one, other) in [
            ("karimov", "kadirov"),
            ("shimkent", "tashkent"),
            ("77", "7"),
        ] {
            assert_ne!(canonical(one), canonical(other), "{one} {other}");
        }
    }
}
