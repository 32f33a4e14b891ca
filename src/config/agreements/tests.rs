use time::macros::date;

use super::*;

const FULL: &str = r#"
country = "AE"
title = "Memorandum of 2024"
valid_from = 2024-01-01
valid_until = 2029-12-31
evidence = ["untoc-art18"]
[send]
kinds = ["Route", "Alert"]
compartments = ["suspects", "victims"]
purposes = ["INVESTIGATION"]

[they_accept]
compartments = [
    "suspects",
]
"#;

#[test]
fn an_agreement_is_read_with_its_lines() {
    let agreement = parse("agreements/AE.toml", FULL).unwrap();
    assert_eq!(agreement.country, "AE".parse().ok());
    assert_eq!(agreement.valid_from, Some((date!(2024 - 01 - 01), 4)));
    assert_eq!(agreement.send.kinds.line, 8);
    assert_eq!(
        agreement.send.compartments,
        Clause::only(
            vec![CompartmentLabel::Suspects, CompartmentLabel::Victims],
            9
        )
    );
    assert_eq!(
        agreement.send.purposes.allowed,
        Some(vec![TransferPurpose::Investigation])
    );
    assert_eq!(agreement.accept, Terms::default());
    assert_eq!(
        agreement.evidence,
        Clause::only(vec!["untoc-art18".to_owned()], 6)
    );
    assert_eq!(agreement.they_accept.compartments.line, 13);
}

#[test]
fn every_defect_is_named_with_its_line() {
    for (broken, line, words) in [
        ("country = \"XX\"", 1, "`XX` is not an ISO 3166-1"),
        ("title = \"x\"", 1, "missing field `country`"),
        ("country = \"AE\"\ncolour = 1", 2, "unknown field `colour`"),
        (
            "country = \"AE\"\n[send]\nkinds = [\"Rumour\"]",
            3,
            "`Rumour` is no kind; allowed are Route",
        ),
        (
            "country = \"AE\"\n[send]\ncompartments = [\n\"situation\"]",
            4,
            "`situation` is no compartment; allowed are suspects",
        ),
        (
            "country = \"AE\"\n[accept]\npurposes = [\"*\"]",
            3,
            "`*` is no purpose",
        ),
        (
            "country = \"AE\"\n[send]\nkinds = [\"Alert\", \"Alert\"]",
            3,
            "`Alert` is given twice",
        ),
        (
            "country = \"AE\"\nvalid_from = \"2024-01-01\"",
            2,
            "invalid type: string",
        ),
        (
            "country = \"AE\"\nvalid_from = 2024-01-01T00:00:00Z",
            2,
            "a day is written",
        ),
        (
            "country = \"AE\"\nvalid_from = 2024-01-02\nvalid_until = 2024-01-01",
            3,
            "lies before",
        ),
        ("country = \"AE\"\ntitle = \"a\\u0007\"", 2, "one line"),
        (
            "country = \"AE\"\nevidence = [\"eio-2014-41\",\n\"Eio 2014\"]",
            3,
            "`evidence` lists ids",
        ),
        (
            "country = \"AE\"\nevidence = [\"a\", \"a\"]",
            2,
            "`a` is given twice",
        ),
        ("country = \"AE\"\n[send", 2, ""),
    ] {
        let error = parse("agreements/AE.toml", broken).unwrap_err();
        let AgreementError::Content {
            line: found, what, ..
        } = &error
        else {
            panic!("{error}");
        };
        assert_eq!(*found, line, "{broken}: {error}");
        assert!(what.contains(words), "{broken}: {error}");
        assert!(error.to_string().starts_with("agreements/AE.toml:"));
    }
}

#[test]
fn a_folder_is_read_whole_or_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("agreements");
    assert_eq!(load(&dir).unwrap().0, Agreements::default());
    fs::create_dir(&dir).unwrap();
    let write = |name: &str, text: &str| fs::write(dir.join(name), text).unwrap();
    write("AE.toml", FULL);
    write(
        "default.toml",
        "country = \"*\"\n[send]\ncompartments = []\n",
    );
    write(".AE.toml.swp", "not an agreement");
    let (agreements, contents) = load(&dir).unwrap();
    assert_eq!(contents.len(), 2);
    let file = |code: &str| agreements.with(code.parse().unwrap()).unwrap().file.clone();
    assert_eq!(file("AE"), "agreements/AE.toml");
    assert_eq!(file("KZ"), "agreements/default.toml");

    write("KZ.toml", FULL);
    let error = load(&dir).unwrap_err().to_string();
    assert!(
        error.contains("agreements/KZ.toml:1") && error.contains("another file"),
        "{error}"
    );
    fs::remove_file(dir.join("KZ.toml")).unwrap();
    write("friends.toml", FULL);
    assert!(matches!(load(&dir), Err(AgreementError::Name(_))));
    fs::remove_file(dir.join("friends.toml")).unwrap();
    write("AE.toml", &" ".repeat(70_000));
    assert!(matches!(load(&dir), Err(AgreementError::TooLarge(_))));
}
