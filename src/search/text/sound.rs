//! How words sound alike: a skeleton of consonants, under which candidates are found, and how close
//! the vowels between them are. For the spelling mistakes, a bounded edit distance.
//!
//! The published phonetic codes (Soundex, Metaphone, Daitch-Mokotoff, Beider-Morse) are made for
//! English, German and Jewish surnames and split or join the wrong consonants here; this one knows
//! that o and a, e and i, u and y change places between the languages of the region, and that final
//! d, b, v lose their voice.

/// Fewest consonants that make a skeleton.
const MIN_CONSONANTS: usize = 2;
/// Fewest letters at which a spelling mistake is forgiven, and at which two are.
const ONE_EDIT: usize = 5;
const TWO_EDITS: usize = 9;

const fn is_vowel(letter: u8) -> bool {
    matches!(letter, b'a' | b'e' | b'i' | b'o' | b'u' | b'y')
}

/// The word as consonants and the groups of vowels around them; group 0 stands before the first.
struct Sounds {
    consonants: Vec<u8>,
    groups: Vec<Vec<u8>>,
}

impl Sounds {
    fn of(canonical: &[u8]) -> Self {
        let mut word = canonical;
        if let Some((b'h', rest)) = word.split_last()
            && rest.last().is_some_and(|letter| is_vowel(*letter))
        {
            word = rest;
        }
        let mut sounds = Self {
            consonants: Vec::with_capacity(word.len()),
            groups: vec![Vec::new()],
        };
        let mut rest = word;
        while let Some((&letter, mut after)) = rest.split_first() {
            if letter == b'y' {
                // A glide is not a sound of its own here.
            } else if is_vowel(letter) {
                if let Some(group) = sounds.groups.last_mut()
                    && group.last() != Some(&letter)
                {
                    group.push(letter);
                }
            } else {
                let next = after.first().copied();
                let consonant = match (letter, next) {
                    (b's', Some(b'h')) => {
                        after = after.get(1..).unwrap_or_default();
                        b'S'
                    }
                    (b'c', Some(b'h')) => {
                        after = after.get(1..).unwrap_or_default();
                        b'C'
                    }
                    (b'n', Some(b'g')) => {
                        after = after.get(1..).unwrap_or_default();
                        b'n'
                    }
                    (b'd', None) => b't',
                    (b'b', None) => b'p',
                    (b'v', None) => b'f',
                    (other, _) => other,
                };
                sounds.consonants.push(consonant);
                sounds.groups.push(Vec::new());
            }
            rest = after;
        }
        sounds
    }
}

/// The consonants of a canonical word, with marks for a vowel at either end; `None` for words too
/// short to be told apart by it, and for words with digits.
pub(in crate::search) fn skeleton(canonical: &str) -> Option<String> {
    if canonical.bytes().any(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let sounds = Sounds::of(canonical.as_bytes());
    if sounds.consonants.len() < MIN_CONSONANTS {
        return None;
    }
    let open = |group: Option<&Vec<u8>>| group.is_some_and(|group| !group.is_empty());
    let mut text = String::with_capacity(sounds.consonants.len() + 2);
    if open(sounds.groups.first()) {
        text.push('-');
    }
    text.extend(sounds.consonants.iter().map(|byte| char::from(*byte)));
    if open(sounds.groups.last()) {
        text.push('-');
    }
    Some(text)
}

/// How a skeleton begins: whether with a vowel, and its first consonant. Words that differ in it
/// have different skeletons; much quicker than those.
pub(super) fn beginning(canonical: &str) -> (bool, u8) {
    let mut open = false;
    let mut rest = canonical.as_bytes();
    while let Some((&letter, after)) = rest.split_first() {
        rest = after;
        if letter == b'y' {
            continue;
        }
        if is_vowel(letter) {
            open = true;
            continue;
        }
        let consonant = match (letter, after.first()) {
            (b's', Some(b'h')) => b'S',
            (b'c', Some(b'h')) => b'C',
            (other, _) => other,
        };
        return (open, consonant);
    }
    (open, 0)
}

/// Whether two canonical words with the same skeleton are close enough in their vowels.
pub(in crate::search) fn sound_alike(one: &str, other: &str) -> bool {
    let (one, other) = (Sounds::of(one.as_bytes()), Sounds::of(other.as_bytes()));
    if one.consonants != other.consonants || one.groups.len() != other.groups.len() {
        return false;
    }
    let mut cost = 0_usize;
    let mut slots = 0_usize;
    for (a, b) in one.groups.iter().zip(&other.groups) {
        if a.is_empty() && b.is_empty() {
            continue;
        }
        slots = slots.saturating_add(1);
        match apart(a, b) {
            Some(quarters) => cost = cost.saturating_add(quarters),
            None => return false,
        }
    }
    // At most a third of a full difference per slot, in quarters.
    cost.saturating_mul(3) <= slots.saturating_mul(4)
}

/// How far two groups of vowels are apart, in quarters; `None` when too far for any word.
fn apart(one: &[u8], other: &[u8]) -> Option<usize> {
    if one == other {
        return Some(0);
    }
    let ([one], [other]) = (one, other) else {
        return None;
    };
    match (one.min(other), one.max(other)) {
        (b'e', b'i') => Some(1),
        (b'a', b'e' | b'o') | (b'i' | b'o', b'u') => Some(2),
        _ => None,
    }
}

/// Whether two canonical words without digits differ by a spelling mistake: one edit from five letters on, two
/// from nine. An edit changes, adds or leaves out a letter, or swaps two neighbours.
pub(in crate::search) fn misspelt(one: &str, other: &str) -> bool {
    let allowed = edits(one.len().min(other.len()));
    let digits = |word: &str| word.bytes().any(|byte| byte.is_ascii_digit());
    allowed > 0
        && near(letters(one), letters(other), allowed)
        && !digits(one)
        && !digits(other)
        && within(one.as_bytes(), other.as_bytes(), allowed)
}

/// Which letters and digits a canonical word has, a bit each; all digits share one.
pub(in crate::search) fn letters(canonical: &str) -> u32 {
    canonical.bytes().fold(0, |set, byte| {
        let bit = match byte {
            b'a'..=b'z' => u32::from(byte.saturating_sub(b'a')),
            _ => 26,
        };
        set | 1_u32.wrapping_shl(bit)
    })
}

/// Whether words with these letters may be so many edits apart: an edit changes two of them at most.
pub(in crate::search) const fn near(one: u32, other: u32, allowed: usize) -> bool {
    (one ^ other).count_ones() as usize <= allowed.saturating_mul(2)
}

/// Edits forgiven at a length.
pub(in crate::search) const fn edits(length: usize) -> usize {
    match length {
        0..ONE_EDIT => 0,
        ONE_EDIT..TWO_EDITS => 1,
        _ => 2,
    }
}

/// Longest word that is compared letter by letter.
const MAX_COMPARED: usize = 47;

/// Whether the optimal string alignment distance is at most `allowed`.
fn within(one: &[u8], other: &[u8], allowed: usize) -> bool {
    let far = one.len().abs_diff(other.len()) > allowed;
    if far || one.len().max(other.len()) > MAX_COMPARED {
        return false;
    }
    let at = |row: &[usize; MAX_COMPARED + 1], column: usize| {
        row.get(column).copied().unwrap_or(usize::MAX)
    };
    let mut before_last = [usize::MAX; MAX_COMPARED + 1];
    let mut last: [usize; MAX_COMPARED + 1] = std::array::from_fn(|column| column);
    let mut previous = 0_u8;
    for (row, &a) in one.iter().enumerate() {
        let mut current = [usize::MAX; MAX_COMPARED + 1];
        let mut left = row.saturating_add(1);
        let mut least = left;
        if let Some(first) = current.first_mut() {
            *first = left;
        }
        let mut b_before = 0_u8;
        for (column, (&b, to)) in other.iter().zip(current.iter_mut().skip(1)).enumerate() {
            let mut best = at(&last, column)
                .saturating_add(usize::from(a != b))
                .min(at(&last, column.saturating_add(1)).saturating_add(1))
                .min(left.saturating_add(1));
            if row > 0 && column > 0 && a == b_before && previous == b {
                best = best.min(at(&before_last, column.saturating_sub(1)).saturating_add(1));
            }
            *to = best;
            least = least.min(best);
            left = best;
            b_before = b;
        }
        if least > allowed {
            return false;
        }
        before_last = std::mem::replace(&mut last, current);
        previous = a;
    }
    at(&last, other.len()) <= allowed
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn alike(one: &str, other: &str) -> bool {
        skeleton(one).is_some() && skeleton(one) == skeleton(other) && sound_alike(one, other)
    }

    proptest! {
        #[test]
        fn what_is_ruled_out_quickly_does_not_match(one in "[abdehiknsuvy]{1,9}", other in "[abdehiknsuvy]{1,9}") {
            if skeleton(&one).is_some() && skeleton(&one) == skeleton(&other) {
                prop_assert_eq!(beginning(&one), beginning(&other));
            }
            for allowed in 1..=2 {
                if within(one.as_bytes(), other.as_bytes(), allowed) {
                    prop_assert!(near(letters(&one), letters(&other), allowed));
                }
            }
        }

        #[test]
        fn a_word_and_itself_after_one_edit_are_near(word in "[a-z]{2,12}", at in 0_usize..12, letter in b'a'..=b'z') {
            let mut edited = word.clone().into_bytes();
            let at = at % edited.len();
            edited[at] = letter;
            let edited = String::from_utf8(edited).unwrap();
            prop_assert!(within(word.as_bytes(), edited.as_bytes(), 1));
            prop_assert!(near(letters(&word), letters(&edited), 1));
        }
    }

    #[test]
    fn vowels_of_the_region_change_places_and_others_do_not() {
        for (one, other) in [
            ("hojamurat", "hojamirat"),
            ("kodirov", "kadirov"),
            ("muhamad", "mohamed"),
            ("murad", "murat"),
            ("abdulah", "abdula"),
        ] {
            assert!(alike(one, other), "{one} {other}");
        }
        for (one, other) in [
            ("karimov", "karomov"),
            ("salim", "salom"),
            ("nodir", "nodira"),
            ("bek", "bak"),
            ("karimov", "kadirov"),
        ] {
            assert!(!alike(one, other), "{one} {other}");
        }
    }

    #[test]
    fn mistakes_are_forgiven_by_length() {
        assert!(misspelt("karimov", "karimow"));
        assert!(misspelt("karimov", "kairmov"));
        assert!(misspelt("rahmonova", "rahmanove"));
        assert!(!misspelt("bek", "bak"));
        assert!(!misspelt("karimov", "kadirof"));
        assert!(!misspelt("", "a"));
    }
}
