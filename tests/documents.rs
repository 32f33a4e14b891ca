//! What documents say that a program can check: examples load, sample references hold,
//! docs/KEYSPACES.md lists the keyspaces there are, docs/RECORDS.md the kinds, fields and codes,
//! docs/ACCESS.md the permissions, and docs/EVIDENCE.md the states of an evidence request.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use comity::{
    config::{
        Config,
        agreements::load as load_agreements,
        evidence::{check_agreements, load as load_terms},
    },
    node::projection::keyspaces,
    record::{Country, Moment, Reference, ValidationContext, validate},
    store::POSITION,
    wire::{json, record::Record},
};

#[test]
fn the_example_configuration_loads() {
    let config = Config::load(&root().join("certs/example/config.toml")).unwrap();
    assert_eq!(config.country.code(), "UZ");
    // It names every field, as the file that `comity init` writes does.
    let written = Config::parse(&config.commented()).unwrap();
    assert_eq!(written, config);
    let example = read("certs/example/config.toml");
    for line in config.commented().lines().filter(|line| line.contains('=')) {
        if !line.starts_with('#') {
            assert!(example.contains(line), "the example lacks `{line}`");
        }
    }
}

#[test]
fn example_records_are_valid() {
    let mut checked = 0;
    for path in files(&root().join("docs/examples"), &["json"]) {
        let text = fs::read_to_string(&path).unwrap();
        let record: Record = json::from_json("comity.record.v1.Record", &text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(record.exercise, "{}: not an exercise", path.display());
        // The authorities that README.md gives to the two countries.
        let authorities = |country: Country| match country.code() {
            "UZ" => Some(vec!["national-police".to_owned()]),
            "KZ" => Some(vec!["interior-ministry".to_owned()]),
            _ => None,
        };
        validate(
            &record,
            &ValidationContext {
                // 2026-06-01: examples do not age.
                now: Moment::from_micros(1_780_272_000_000_000),
                origin: "UZ".parse().unwrap(),
                authorities: &authorities,
                received: false,
            },
        )
        .unwrap_or_else(|violations| panic!("{}: {violations}", path.display()));
        checked += 1;
    }
    assert!(checked > 0);
}

#[test]
fn the_example_agreement_loads() {
    let (agreements, files) = load_agreements(&root().join("docs/examples/agreements")).unwrap();
    assert_eq!(files.len(), 1);
    let agreement = agreements.with("AE".parse().unwrap()).unwrap();
    assert!(agreement.send.kinds.allowed.is_some() && agreement.valid_until.is_some());
}

#[test]
fn the_example_profile_and_calendar_load() {
    let examples = root().join("docs/examples");
    let (set, files) = load_terms(&examples.join("profiles"), &examples.join("calendars")).unwrap();
    assert_eq!(files.len(), 2);
    let terms = set.terms("uz-kz-2024", "KZ".parse().unwrap()).unwrap();
    assert_eq!(terms.clocks.len(), 4);
    let (agreements, _) = load_agreements(&examples.join("agreements")).unwrap();
    check_agreements(&agreements, &set).unwrap();
}

#[test]
fn sample_references_hold() {
    let mut found = 0;
    let mut paths = files(&root().join("docs"), &["md"]);
    paths.extend(files(&root().join("proto"), &["proto"]));
    paths.extend(files(&root().join("src/cli"), &["rs"]));
    paths.extend(["README.md", "certs/README.md"].map(|path| root().join(path)));
    for path in paths {
        for word in fs::read_to_string(&path)
            .unwrap()
            .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        {
            let parts: Vec<&str> = word.split('-').collect();
            if let [country, year, number, _] = parts[..]
                && country.len() == 2
                && year.len() == 2
                && number.len() >= 6
                && number.bytes().all(|byte| byte.is_ascii_digit())
            {
                let parsed: Result<Reference, _> = word.parse();
                assert!(parsed.is_ok(), "{}: {word}: {parsed:?}", path.display());
                found += 1;
            }
        }
    }
    assert!(found > 5);
}

/// `COMITY_WRITE_DOCS=1 cargo test --test documents` writes the page after an intended change.
#[test]
fn the_keyspaces_page_lists_the_keyspaces() {
    let page = keyspaces_page();
    let path = root().join("docs/KEYSPACES.md");
    if std::env::var_os("COMITY_WRITE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), page);
}

/// As above: the part between the two comments is written from the transition table.
#[test]
fn the_evidence_page_has_the_lifecycle_of_the_code() {
    const BEGIN: &str = "<!-- lifecycle: COMITY_WRITE_DOCS=1 cargo test --test documents -->\n";
    const END: &str = "<!-- end of lifecycle -->\n";
    let path = root().join("docs/EVIDENCE.md");
    let text = fs::read_to_string(&path).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let lifecycle = comity::evidence::lifecycle::page::lifecycle();
    let page = format!("{before}{BEGIN}\n{lifecycle}\n{END}{after}");
    if std::env::var_os("COMITY_WRITE_DOCS").is_some() {
        fs::write(&path, &page).unwrap();
    }
    assert_eq!(fs::read_to_string(path).unwrap(), page);
}

/// `comity kinds --markdown > docs/RECORDS.md` writes the page after an intended change.
#[test]
fn the_records_page_is_what_the_command_writes() {
    let written = read("docs/RECORDS.md");
    let page = comity::catalogue::page();
    let differs = written
        .lines()
        .zip(page.lines())
        .find(|(was, is)| was != is);
    assert_eq!(
        differs, None,
        "write it again: comity kinds --markdown > docs/RECORDS.md"
    );
    assert_eq!(written.len(), page.len());
}

/// `comity access table --markdown > docs/ACCESS.md` writes the page after an intended change.
#[test]
fn the_permissions_page_is_what_the_command_writes() {
    assert_eq!(read("docs/ACCESS.md"), comity::access::page());
}

fn keyspaces_page() -> String {
    let mut page = String::from(
        "# Keyspaces\n\n\
         What the index (one sled tree) holds: every row begins with the byte of its keyspace. All of it follows from\n\
         the journal and is rebuilt from it by `comity store rebuild`. Written by a test from the definitions in the\n\
         sources; see tests/documents.rs.\n\n\
         A *place* is where an entry stands in the journal: segment (4 bytes), offset (8 bytes). Numbers are big-endian.\n\n\
         | byte | name | key after the byte | value | written by | goes away |\n\
         |---|---|---|---|---|---|\n",
    );
    let mut all = keyspaces();
    all.insert(0, &POSITION);
    for space in all {
        writeln!(
            page,
            "| `{:02x}` | {} | {} | {} | {} | {} |",
            space.prefix, space.name, space.key, space.value, space.written_by, space.goes_away
        )
        .unwrap();
    }
    page
}

fn files(folder: &Path, endings: &[&str]) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path, endings));
        } else if endings
            .iter()
            .any(|ending| path.extension().is_some_and(|e| e == *ending))
        {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}
