//! The shape of language tags, BCP 47 (RFC 5646 section 2.1). Whether a subtag is registered is not
//! looked up.

/// Longest tag accepted; RFC 5646 section 4.4.1 asks for at least 35.
const MAX_LEN: usize = 64;

/// Whether `tag` is built as RFC 5646 says. Grandfathered tags and tags of private use alone are
/// not accepted.
pub(super) fn is_well_formed(tag: &str) -> bool {
    if tag.len() > MAX_LEN {
        return false;
    }
    let alphanumeric = |part: &&str| {
        (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let parts: Vec<&str> = tag.split('-').collect();
    if !parts.iter().all(alphanumeric) {
        return false;
    }
    let alpha = |part: &str| part.bytes().all(|b| b.is_ascii_alphabetic());
    let mut rest = parts.into_iter().peekable();

    let Some(language) = rest.next() else {
        return false;
    };
    if !(alpha(language) && language.len() >= 2) {
        return false;
    }
    if language.len() <= 3 {
        // Extended languages: up to three.
        for _ in 0..3 {
            if rest
                .next_if(|part| part.len() == 3 && alpha(part))
                .is_none()
            {
                break;
            }
        }
    }
    // Script, region, variants.
    rest.next_if(|part| part.len() == 4 && alpha(part));
    rest.next_if(|part| {
        (part.len() == 2 && alpha(part))
            || (part.len() == 3 && part.bytes().all(|b| b.is_ascii_digit()))
    });
    let variant = |part: &&str| {
        part.len() >= 5 || (part.len() == 4 && part.starts_with(|c: char| c.is_ascii_digit()))
    };
    while rest.next_if(variant).is_some() {}
    // Extensions and private use: a single character, then at least one part.
    while let Some(singleton) = rest.next() {
        if singleton.len() != 1 {
            return false;
        }
        let shortest = if singleton.eq_ignore_ascii_case("x") {
            1
        } else {
            2
        };
        if rest.next_if(|part| part.len() >= shortest).is_none() {
            return false;
        }
        while rest.next_if(|part| part.len() >= shortest).is_some() {}
    }
    true
}

/// The script that a well-formed tag names, such as `Cyrl`.
pub(super) fn script_of(tag: &str) -> Option<&str> {
    // Only a script has four letters, before any extension begins.
    let parts = tag.split('-').skip(1).take_while(|part| part.len() > 1);
    let letters = |part: &&str| part.len() == 4 && part.bytes().all(|b| b.is_ascii_alphabetic());
    parts.take(4).find(letters)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_tags_from_other_text() {
        for right in [
            "uz",
            "uz-Cyrl",
            "tg-Cyrl-TJ",
            "ru-RU",
            "zh-cmn-Hans-CN",
            "es-419",
            "sl-rozaj-biske",
            "de-1996",
            "en-u-ca-gregory",
            "en-x-a-b",
            "tlh",
        ] {
            assert!(is_well_formed(right), "{right}");
        }
        for wrong in [
            "",
            "u",
            "-",
            "uz-",
            "uz_Cyrl",
            "Uzbek (Cyrillic)",
            "uz-Cyrl-Cyrl",
            "ру",
            "en-a",
            "en-u-",
            "123",
            "abcdefghi",
            "x-private",
        ] {
            assert!(!is_well_formed(wrong), "{wrong}");
        }
    }

    #[test]
    fn finds_the_script_that_a_tag_names() {
        assert_eq!(script_of("uz-Cyrl"), Some("Cyrl"));
        assert_eq!(script_of("tg-Cyrl-TJ"), Some("Cyrl"));
        assert_eq!(script_of("zh-cmn-Hans-CN"), Some("Hans"));
        for without in ["ru", "ru-RU", "de-1996", "en-x-latn", ""] {
            assert_eq!(script_of(without), None, "{without}");
        }
    }
}
