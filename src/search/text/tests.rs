//! Pairs that must match, pairs that must not, and properties over any text.

use proptest::prelude::*;

use super::*;

fn name(text: &str) -> Vec<Arc<Word>> {
    Normaliser::default().words(text, None, 8)
}

fn how(one: &str, other: &str) -> Option<How> {
    names_match(&name(one), &name(other))
}

#[test]
fn the_same_name_in_another_script_or_alphabet_matches() {
    for (one, other, least) in [
        ("Ходжамурат", "Hojamyrat", How::Sound),
        ("Джамшед", "Jamshed", How::Transliterated),
        ("Ҷамшед Раҳмонов", "Jamshed Rahmonov", How::Transliterated),
        (
            "Ҷамшед Раҳмонов",
            "Rakhmonov Dzhamshed",
            How::Transliterated,
        ),
        ("Ҷамшед Раҳмонов", "Джамшед Рахмонов", How::Transliterated),
        ("Қодиров", "Kadirov", How::Sound),
        ("Қодиров", "Qodirov", How::Transliterated),
        ("Шымкент", "Shimkent", How::Transliterated),
        ("Шымкент", "Şymkent", How::Transliterated),
        ("Ўзбекистон", "Oʻzbekiston", How::Transliterated),
        ("Oʻzbekiston", "O'zbekiston", How::Transliterated),
        ("Ғафур Ғулом", "G'afur G'ulom", How::Transliterated),
        ("Бердімұхамедов", "Berdimuhamedow", How::Transliterated),
        ("Мұхтар Әуезов", "Mukhtar Auezov", How::Transliterated),
        ("Жусуп Баласагын", "Jusup Balasagyn", How::Transliterated),
        ("Пётр", "Petr", How::Transliterated),
        ("Пётр", "Pyotr", How::Transliterated),
        ("Дмитрий", "Dmitry", How::Transliterated),
        ("Мария", "Mariya", How::Transliterated),
        ("Хужанд", "Xujand", How::Transliterated),
        ("Aşgabat", "Ашгабат", How::Transliterated),
        ("Muhammad", "Mohamed", How::Sound),
        ("Мурад", "Murat", How::Sound),
        ("ХОДЖАМУРАТ", "ходжамурат", How::Exact),
    ] {
        let found = how(one, other);
        assert!(
            found.is_some_and(|found| found <= least),
            "{one} / {other}: {found:?}"
        );
    }
}

#[test]
fn other_names_do_not_match() {
    for (one, other) in [
        ("Каримов", "Қодиров"),
        ("Karimov", "Karomov"),
        ("Алишер", "Алибек"),
        ("Шымкент", "Тошкент"),
        ("Рустам", "Рустамова"),
        ("Nodir", "Nodira"),
        ("Қодиров", "Kadirova"),
        ("Бек", "Бак"),
        ("Salim", "Salom"),
        ("Jamshed Rahmonov", "Jamshed Karimov"),
        ("Раҳмонов Раҳмон", "Rahmonov Jamshed"),
        ("Ходжамурат", "Ходжаев"),
        ("", "Jamshed"),
        ("12345", "12346"),
    ] {
        assert_eq!(how(one, other), None, "{one} / {other}");
        assert_eq!(how(other, one), None, "{other} / {one}");
    }
}

#[test]
fn a_slip_of_the_hand_is_forgiven_in_a_word_and_never_in_a_name() {
    for (one, other) in [
        ("Александр", "Alexander"),
        ("Каримов", "Каримова"),
        ("Ташкента", "Ташкент"),
        ("Раҳмонов", "Rahmonvo"),
    ] {
        let words = (
            Word::new(one, None).unwrap(),
            Word::new(other, None).unwrap(),
        );
        assert_eq!(
            words.0.matches(&words.1),
            Some(How::Misspelt),
            "{one} / {other}"
        );
        assert_eq!(how(one, other), None, "{one} / {other}");
    }
}

#[test]
fn the_language_decides_where_languages_differ() {
    let uzbek = Word::new("Ўғил", Some(Language::Uzbek)).unwrap();
    assert_eq!(uzbek.forms, ["ogil"]);
    let unknown = Word::new("Ўғил", None).unwrap();
    assert_eq!(unknown.forms, ["ugil", "ogil"]);
    assert_eq!(
        uzbek.matches(&Word::new("o'g'il", None).unwrap()),
        Some(How::Transliterated)
    );
}

#[test]
fn words_keep_their_apostrophes_and_lose_everything_else() {
    let found: Vec<&str> = words("«Oʻzbek», т.е. O'g'il—'quoted' x2\u{202e}!").collect();
    assert_eq!(found, ["Oʻzbek", "т", "е", "O'g'il", "quoted", "x2"]);
    assert_eq!(words(&"я".repeat(MAX_WORD + 1)).count(), 0);
    assert_eq!(words(&"я".repeat(MAX_WORD)).count(), 1);
}

#[test]
fn letters_that_are_their_own_nfkc_are_known_as_such() {
    let letters: Vec<char> = (0..0x3000)
        .filter_map(char::from_u32)
        .filter(|letter| is_composed(*letter))
        .collect();
    assert!(letters.len() > 350);
    for letter in &letters {
        let lower = letter.to_lowercase().to_string();
        assert!(lower.chars().all(is_composed), "{letter}");
        assert!(letter.is_ascii() || letter.is_alphanumeric(), "{letter}");
        // Beside any of them, it stays what it is.
        let pair: String = letters.iter().flat_map(|other| [*letter, *other]).collect();
        assert_eq!(NFKC.normalize(&pair), pair.as_str(), "{letter}");
    }
}

#[test]
fn what_is_remembered_is_what_is_made_anew() {
    let mut normaliser = Normaliser::default();
    let words: Vec<String> = (0..REMEMBERED * 5 / 2)
        .map(|at| format!("слово{at}"))
        .collect();
    for word in words.iter().chain(words.iter().step_by(7)) {
        normaliser.word(word, Some(Language::Russian));
    }
    for word in words.iter().step_by(101) {
        for language in [None, Some(Language::Russian), Some(Language::Uzbek)] {
            let remembered = normaliser.word(word, language);
            assert_eq!(remembered.as_deref(), Word::new(word, language).as_ref());
        }
    }
    normaliser.forget();
    assert!(normaliser.word("слово", None).is_some());
}

proptest! {
    #[test]
    fn any_text_is_taken_and_folding_twice_changes_nothing(text in ".{0,80}") {
        let once = fold(&text);
        prop_assert_eq!(fold(&once), once.clone());
        prop_assert!(once.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()));
        for word in words(&text) {
            if let Some(word) = Word::new(word, None) {
                prop_assert!(!word.forms.is_empty() && word.forms.len() <= MAX_FORMS);
                prop_assert_eq!(word.matches(&word), Some(How::Exact));
            }
        }
    }

    #[test]
    fn folding_letters_twice_changes_nothing(text in "[a-zа-яёқғҳўҷӣӯәіңөұү]{0,24}") {
        let once = fold(&text);
        prop_assert_eq!(fold(&once), once);
        for language in Language::ALL {
            if let Some(word) = Word::new(&text, Some(language)) {
                for form in &word.forms {
                    prop_assert_eq!(&latin::canonical(form), form);
                }
            }
        }
    }

    #[test]
    fn matching_is_symmetric(
        one in "[a-zа-яёқғҳўҷ]{1,10}( [a-zа-яқ]{1,8})?",
        other in "[a-zа-яёқғҳўҷ]{1,10}( [a-zа-яқ]{1,8})?",
    ) {
        let (one, other) = (name(&one), name(&other));
        prop_assert_eq!(names_match(&one, &other), names_match(&other, &one));
        for a in &one {
            for b in &other {
                prop_assert_eq!(a.matches(b), b.matches(a));
            }
        }
    }
}
