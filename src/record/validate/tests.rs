//! The named bad inputs of `tests/vectors/submissions`, and what they do not reach.

use std::{collections::BTreeSet, fs, path::Path};

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    record::{MAX_VIOLATIONS, sharing},
    wire::{json, record::Suspects},
};

const RECORD: &str = "comity.record.v1.Record";

/// 2026-11-23T12:00:00Z, the present of every vector.
const NOW: Moment = Moment::from_micros(1_795_435_200_000_000);

fn country(code: &str) -> Country {
    code.parse().unwrap()
}

/// Cards of TJ, UZ, KZ and AE, each with the same authorities.
fn authorities(of: Country) -> Option<Vec<String>> {
    let known = ["TJ", "UZ", "KZ", "AE"].contains(&of.code());
    let names = ["national-police", "prosecutor-general", "victim-support"];
    known.then(|| names.map(str::to_owned).to_vec())
}

/// The vectors, by name.
fn vectors() -> Vec<(String, Value)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/submissions");
    let read = |path: &Path| {
        let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let vector = serde_json::from_str(&fs::read_to_string(path).unwrap());
        (name, vector.unwrap())
    };
    let files = fs::read_dir(folder).unwrap();
    files.map(|entry| read(&entry.unwrap().path())).collect()
}

fn context(received: bool) -> ValidationContext<'static> {
    ValidationContext {
        now: NOW,
        origin: country("TJ"),
        authorities: &authorities,
        received,
    }
}

fn found(result: Result<(), Violations>) -> BTreeSet<(String, String)> {
    result
        .err()
        .into_iter()
        .flatten()
        .map(|violation| (violation.field, violation.rule.to_string()))
        .collect()
}

fn text(vector: &Value, key: &str) -> String {
    vector[key].as_str().unwrap().to_owned()
}

#[test]
fn every_bad_submission_gets_its_specific_error() {
    let vectors = vectors();
    assert!(vectors.len() >= 30, "only {} were found", vectors.len());
    for (name, vector) in vectors {
        assert_eq!(text(&vector, "name"), name);
        assert!(!text(&vector, "why").is_empty(), "{name}");

        let submitted = match vector.get("text") {
            Some(text) => text.as_str().unwrap().to_owned(),
            None => vector["record"].to_string(),
        };
        let record = json::from_json::<Record>(RECORD, &submitted);
        if let Some(at) = vector["expect"].get("json_error_path") {
            assert_eq!(record.unwrap_err().path, at.as_str().unwrap(), "{name}");
            continue;
        }
        let record = record.unwrap_or_else(|error| panic!("{name}: {error}"));
        let received = vector.get("received").is_some_and(|r| r.as_bool().unwrap());
        let expected: BTreeSet<(String, String)> = vector["expect"]
            .as_array()
            .unwrap()
            .iter()
            .map(|of| (text(of, "field"), text(of, "rule")))
            .collect();
        let result = validate(&record, &context(received));
        if let Err(violations) = &result {
            let everything = violations.to_string();
            assert!(!everything.contains("Canary"), "{name}: {everything}");
        }
        assert_eq!(found(result), expected, "{name}");
    }
}

/// The records of the vectors that break no rule.
fn all_valid() -> Vec<Record> {
    let mut vectors = vectors();
    vectors.retain(|(name, _)| name.starts_with("valid-"));
    vectors.sort_by(|(a, _), (b, _)| a.cmp(b));
    vectors
        .into_iter()
        .map(|(_, vector)| json::from_json(RECORD, &vector["record"].to_string()).unwrap())
        .collect()
}

/// A valid record, from TJ to UZ and AE.
fn valid() -> Record {
    all_valid().swap_remove(0)
}

#[test]
fn a_record_too_large_is_not_looked_into() {
    let mut record = valid();
    record.reference = "x".repeat(MAX_RECORD_BYTES);
    let expected = [(String::new(), "TOO_LARGE".to_owned())];
    assert_eq!(
        found(validate(&record, &context(false))),
        BTreeSet::from(expected)
    );
}

#[test]
fn lists_and_texts_have_bounds() {
    let mut record = valid();
    record.suspects = Some(Suspects {
        suspects: vec![crate::wire::record::Suspect::default(); MAX_LIST + 1],
    });
    let violations = validate(&record, &context(false)).unwrap_err();
    assert_eq!(violations.iter().count(), MAX_VIOLATIONS);
    assert!(violations.has_more());
    let first = violations.iter().next().unwrap();
    assert_eq!(
        (first.field.as_str(), first.rule),
        ("suspects.suspects", Rule::TooMany)
    );

    let mut record = valid();
    let situation = record.situation.as_mut().unwrap();
    situation.title = "ё".repeat(MAX_TITLE);
    situation.summary = "я".repeat(MAX_SUMMARY);
    assert_eq!(validate(&record, &context(false)), Ok(()));
    let situation = record.situation.as_mut().unwrap();
    situation.title.push('x');
    situation.summary.push('x');
    let expected = ["situation.title", "situation.summary"]
        .map(|field| (field.to_owned(), "TOO_LONG".to_owned()));
    assert_eq!(
        found(validate(&record, &context(false))),
        BTreeSet::from(expected)
    );
}

#[test]
fn numbers_that_json_cannot_state_are_refused_too() {
    // Over gRPC an enum is a number and a time is two.
    let mut record = valid();
    record.urgency = 99;
    record.destinations[0].role = -1;
    record.expires_at = Some(prost_types::Timestamp {
        seconds: i64::MAX,
        nanos: -1,
    });
    let expected = [
        ("urgency", "UNKNOWN_CODE"),
        ("destinations[0].role", "UNKNOWN_CODE"),
        ("expiresAt", "DATE_INVALID"),
    ]
    .map(|(field, rule)| (field.to_owned(), rule.to_owned()));
    assert_eq!(
        found(validate(&record, &context(false))),
        BTreeSet::from(expected)
    );
}

#[test]
fn a_destination_checks_what_it_can_know() {
    // The origin's clock, its deadlines and the cards it knew are not the destination's to judge.
    let mut record = valid();
    let reference = crate::record::Reference {
        country: country("TJ"),
        year: 26,
        number: 1,
    };
    record.reference = reference.to_string();
    let later = NOW + Duration::from_secs(86_400);
    record.submitted_at = Some(later.into());
    record.expires_at = Some(Moment::from_micros(0).into());
    record.destinations[0].country = "FR".to_owned();
    record.destinations[0].authorities = vec!["police-judiciaire".to_owned()];
    assert_eq!(validate(&record, &context(true)), Ok(()));

    record.reference = reference.to_string().to_lowercase();
    let expected = [("reference".to_owned(), "FORMAT_INVALID".to_owned())];
    assert_eq!(
        found(validate(&record, &context(true))),
        BTreeSet::from(expected)
    );
}

#[test]
fn a_card_without_authorities_lets_its_country_submit() {
    let none = |_: Country| Some(Vec::new());
    let mut record = valid();
    record.authority = String::new();
    record.destinations[0].authorities.clear();
    let context = ValidationContext {
        authorities: &none,
        ..context(false)
    };
    assert_eq!(validate(&record, &context), Ok(()));
    record.authority = "police".to_owned();
    let expected = [("authority".to_owned(), "UNKNOWN_AUTHORITY".to_owned())];
    assert_eq!(found(validate(&record, &context)), BTreeSet::from(expected));
}

proptest! {
    /// Whatever decodes is judged without a panic, and what is valid has a matrix.
    #[test]
    fn no_message_panics(of in prop::sample::select(all_valid()), at: prop::sample::Index, byte: u8) {
        let mut bytes = of.encode_to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(record) = Record::decode(&bytes[..]) {
            for received in [false, true] {
                let judged = validate(&record, &context(received));
                prop_assert!(judged.is_err() || sharing::matrix(&record).is_ok());
            }
        }
    }
}

/// A recall reaches whoever holds the record: no card, as after one expired, keeps it from the others.
#[test]
fn a_step_needs_no_card_of_its_destinations() {
    use crate::wire::record::{
        CountryRole, Destination, FollowType, Follows, Recall, RecallReason, Step, step,
    };
    let destination = |country: &str| Destination {
        country: country.to_owned(),
        role: CountryRole::Transit.into(),
        ..Destination::default()
    };
    let recall = Recall {
        reason: RecallReason::Inaccurate.into(),
        ..Recall::default()
    };
    let step = Record {
        destinations: vec![destination("UZ"), destination("KG")],
        urgency: Urgency::Urgent.into(),
        marking: Some(Marking {
            tlp: Tlp::Amber.into(),
            ..Marking::default()
        }),
        follows: Some(Follows {
            r#type: FollowType::Step.into(),
            header_digest: vec![7; 32],
            reference: Reference {
                country: country("TJ"),
                year: 26,
                number: 1,
            }
            .to_string(),
        }),
        step: Some(Step {
            step: Some(step::Step::Recall(recall)),
        }),
        ..Record::default()
    };
    assert_eq!(found(validate(&step, &context(false))), BTreeSet::new());
    let other = Record { step: None, ..step };
    let country = (
        "destinations[1].country".to_owned(),
        "UNKNOWN_COUNTRY".to_owned(),
    );
    assert!(found(validate(&other, &context(false))).contains(&country));
}
