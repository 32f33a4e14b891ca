//! Who is found, where, and how surely.

use super::*;

fn subject(name: &str) -> Subject {
    Subject::read(&[name.to_owned()], &[], "").unwrap()
}

fn text(said: &str, is_name: bool) -> Extract {
    Extract {
        texts: vec![Text {
            field: "suspects.suspects[0].names[0].text".to_owned(),
            compartment: CompartmentLabel::Suspects,
            text: said.to_owned(),
            language: None,
            weighty: is_name,
            is_name,
        }],
        ..Extract::default()
    }
}

fn found(name: &str, said: &str, is_name: bool) -> Option<Quality> {
    let mentioned = subject(name).find(&text(said, is_name), &[], &mut Normaliser::default());
    mentioned.map(|of| of.places[0].quality)
}

#[test]
fn a_name_is_found_by_how_sure_it_is() {
    for (said, quality) in [
        ("Zarina Karimova", Some(Quality::Exact)),
        ("KARIMOVA, zarina", Some(Quality::Normalised)),
        ("Зарина Каримова", Some(Quality::Transliterated)),
        ("Karimova", Some(Quality::Part)),
        ("Karim Zarifov", None),
        ("Z.", None),
    ] {
        assert_eq!(found("Zarina Karimova", said, true), quality, "{said}");
    }
}

#[test]
fn running_text_needs_every_word_close_together() {
    let name = "Zarina Karimova";
    let near = "On Monday Karimova (born Aliyeva) Zarina was seen.";
    assert_eq!(found(name, near, false), Some(Quality::Normalised));
    let far = "Zarina called. Much later somebody else whose name is not known met Karimova.";
    assert_eq!(found(name, far, false), None);
    assert_eq!(found(name, "Karimova was seen.", false), None);
    assert_eq!(found(name, "", false), None);
    assert_eq!(found("Karimova", "x Karimova", false), Some(Quality::Exact));
}

#[test]
fn identifiers_and_births_count_and_pseudonyms_are_found_beside() {
    let read = |names: &[&str], ids: &[&str], born: &str| {
        let owned = |of: &[&str]| of.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        Subject::read(&owned(names), &owned(ids), born)
    };
    let beside = |field: &str, text: &str| Beside {
        field: field.to_owned(),
        compartment: CompartmentLabel::Victims,
        text: text.to_owned(),
    };
    let victims = [
        beside("victims.victims[0].pseudonym", "EX-V-0042"),
        beside("victims.victims[0].needs", "call +998 90 123 45 67"),
        beside("suspects.suspects[0].born", "1990-05"),
    ];
    let mut normaliser = Normaliser::default();
    let mut find = |of: &Subject| of.find(&Extract::default(), &victims, &mut normaliser);
    let phone = find(&read(&[], &["+998901234567"], "").unwrap()).unwrap();
    assert_eq!(phone.places[0].field, "victims.victims[0].needs");
    assert_eq!(phone.places[0].quality, Quality::Exact);
    let pseudonym = find(&read(&["EX-V-0042"], &[], "1990").unwrap()).unwrap();
    assert_eq!(pseudonym.places[0].field, "victims.victims[0].pseudonym");
    assert_eq!(pseudonym.born, Born::Fits);
    let other = find(&read(&["EX-V-0042"], &[], "1991-01-01").unwrap()).unwrap();
    assert_eq!(other.born, Born::Differs);
    assert_eq!(find(&read(&["EX-V-0043"], &[], "").unwrap()), None);

    let long = "x".repeat(MAX_CHARS + 1);
    let many = vec!["Karimova"; MAX_NAMES + 1];
    for (names, ids, born, fault) in [
        (vec![], vec![], "", SubjectFault::Nothing),
        (vec![""], vec![], "", SubjectFault::Name),
        (vec!["Z K"], vec![], "", SubjectFault::Name),
        (vec![long.as_str()], vec![], "", SubjectFault::TooMuch),
        (many, vec![], "", SubjectFault::TooMuch),
        (vec![], vec!["?"], "", SubjectFault::Identifier(1)),
        (vec!["Karimova"], vec![], "May 1990", SubjectFault::Born),
    ] {
        assert_eq!(read(&names, &ids, born).unwrap_err(), fault);
    }
    let tag = |names: &[&str]| {
        let names: Vec<String> = names.iter().map(|text| (*text).to_owned()).collect();
        canonical(&names, &[], "")
    };
    assert_eq!(tag(&["a", "b"]), tag(&["b", "a"]));
    assert_ne!(tag(&["ab"]), tag(&["a", "b"]));
}
