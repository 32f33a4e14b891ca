use proptest::prelude::*;

use super::*;
use crate::wire::{
    envelope::Header,
    record::{CountryRole, Destination, Record, Situation, Victim, Victims},
};

pub(super) const RECORD: &str = "comity.record.v1.Record";

fn error(text: &str) -> JsonError {
    from_json::<Record>(RECORD, text).unwrap_err()
}

#[test]
fn the_first_wrong_field_is_named_by_its_path() {
    for (text, path, says) in [
        (
            r#"{"situation": {"route": {"legs": [{"crossingID": "BCP-KZ-UZ-23"}]}}}"#,
            "situation.route.legs[0].crossingID",
            "crossingId",
        ),
        (
            r#"{"urgency": "URGENT"}"#,
            "urgency",
            "`URGENT` is no code of this list; allowed are URGENCY_ROUTINE",
        ),
        (r#"{"urgency": 9}"#, "urgency", "URGENCY_ROUTINE"),
        (
            r#"{"destinations": [{}, {"country": 7}]}"#,
            "destinations[1].country",
            "expected text, found a number",
        ),
        (
            r#"{"destinations": {"country": "UZ"}}"#,
            "destinations",
            "expected a list, found an object",
        ),
        (
            r#"{"destinations": [null]}"#,
            "destinations[0]",
            "found null",
        ),
        (
            r#"{"exercise": "yes"}"#,
            "exercise",
            "expected true or false, found text",
        ),
        (
            r#"{"situation": []}"#,
            "situation",
            "expected an object, found a list",
        ),
        (
            r#"{"situation": {"confidence": -1}}"#,
            "situation.confidence",
            "from 0 to 4294967295",
        ),
        (
            r#"{"situation": {"confidence": 1.5}}"#,
            "situation.confidence",
            "whole number",
        ),
        (
            r#"{"situation": {"confidence": "many"}}"#,
            "situation.confidence",
            "whole number",
        ),
        (r#"{"expiresAt": "tomorrow"}"#, "expiresAt", "timestamp"),
        (
            r#"{"expiresAt": {"seconds": 1}}"#,
            "expiresAt",
            "expected a time",
        ),
        (
            r#"{"reference": "a", "reference": "b"}"#,
            "reference",
            "given twice",
        ),
        (
            r#"{"expiresAt": "2027-01-01T00:00:00Z", "expires_at": "2027-01-01T00:00:00Z"}"#,
            "expires_at",
            "given twice",
        ),
        (
            r#"{"situation": {"route": {}, "alert": {}}}"#,
            "situation.alert",
            "only one of this and `route`",
        ),
        (
            r#"{"Имя Жертвы": 1}"#,
            "…",
            "no such field; `Record` has reference, authority",
        ),
        (r#"[]"#, "", "expected an object, found a list"),
        (r#"null"#, "", "found null"),
        (r#""#, "", "EOF"),
        (r#"{"reference": "a""#, "", "EOF"),
        (
            r#"{"situation": {"title": }}"#,
            "",
            "expected value at line 1",
        ),
        (r#"{} {}"#, "", "text after the end"),
        (r#"{}x"#, "", "text after the end"),
    ] {
        let error = error(text);
        assert_eq!(error.path, path, "{text}: {error}");
        assert!(error.message.contains(says), "{text}: {error}");
    }
}

#[test]
fn everything_wrong_is_named_at_once() {
    let text = r#"{
        "urgency": "URGENT",
        "destinations": [{"country": 7, "role": 99}, null],
        "situation": {"confidence": -1, "route": [{}], "alert": {"colour": {"deep": [1, {}]}}},
        "victims": {"victims": [{"sex": "SEX_FEMALE", "age": "X"}]},
        "urgency": "URGENCY_ROUTINE"
    }"#;
    let error = error(text);
    let paths: Vec<&str> = std::iter::once(&error)
        .chain(&error.others)
        .map(|fault| fault.path.as_str())
        .collect();
    let expected = [
        "urgency",
        "destinations[0].country",
        "destinations[0].role",
        "destinations[1]",
        "situation.confidence",
        "situation.route",
        "situation.alert",
        "situation.alert.colour",
        "victims.victims[0].age",
        "urgency",
    ];
    assert_eq!(paths, expected);
    assert!(error.to_string().ends_with("and 9 more"), "{error}");

    let many = format!(r#"{{"destinations": [{}7]}}"#, "7,".repeat(500));
    assert_eq!(
        super::from_json::<Record>(RECORD, &many)
            .unwrap_err()
            .others
            .len(),
        99
    );
}

#[test]
fn errors_never_repeat_text() {
    let canary = "Zarina Jane Doe";
    for text in [
        format!(r#"{{"victims": {{"retentionDays": "{canary}"}}}}"#),
        format!(r#"{{"victims": {{"victims": "{canary}"}}}}"#),
        format!(r#"{{"victims": {{"victims": [{{"sex": "{canary}"}}]}}}}"#),
        format!(r#"{{"victims": {{"victims": [{{"{canary}": 1}}]}}}}"#),
        format!(r#"{{"victims": {{"victims": [{{"consent": "{canary}"}}]}}}}"#),
        format!(r#"{{"expiresAt": "{canary}"}}"#),
        format!(r#"{{"exercise": false}} {canary}"#),
        format!(r#"{{"victims": {{"purpose": "{canary}"#),
    ] {
        let error = error(&text);
        assert!(!format!("{error:?}").contains("Jane"), "{error}");
    }
}

#[test]
fn hostile_nesting_is_refused() {
    for open in ["[", "{\"situation\":"] {
        let error = error(&open.repeat(100_000));
        assert!(!error.message.is_empty());
    }
}

#[test]
fn both_spellings_and_null_are_read() {
    let text = r#"{"submitted_at": "2026-11-23T12:00:00Z", "situation": {"modusOperandi": null, "route": {"firstSeen": "2026-01-01"}}, "urgency": 2}"#;
    let record: Record = from_json(RECORD, text).unwrap();
    assert_eq!(record.submitted_at.unwrap().seconds, 1_795_435_200);
    assert_eq!(record.urgency, 2);
    assert_eq!(
        to_json(RECORD, &record).unwrap(),
        serde_json::json!({
            "submittedAt": "2026-11-23T12:00:00Z",
            "urgency": "URGENCY_URGENT",
            "situation": {"route": {"firstSeen": "2026-01-01"}},
        })
    );
}

#[test]
fn bytes_and_large_integers_are_text() {
    let text =
        r#"{"version": 1, "id": "AAEC", "manifest": [{"paddedSize": "18446744073709551615"}]}"#;
    let header: Header = from_json("comity.envelope.v1.Header", text).unwrap();
    assert_eq!(&header.id[..], [0, 1, 2]);
    assert_eq!(header.manifest[0].padded_size, u64::MAX);
    let json = to_json("comity.envelope.v1.Header", &header).unwrap();
    assert_eq!(json["manifest"][0]["paddedSize"], "18446744073709551615");
}

#[test]
fn names_are_looked_up() {
    assert_eq!(
        enum_name("comity.record.v1.Urgency", 1).as_deref(),
        Some("URGENCY_ROUTINE")
    );
    assert_eq!(enum_name("comity.record.v1.Urgency", 99), None);
    assert_eq!(enum_name("comity.record.v1.Nothing", 1), None);
    assert!(from_json::<Record>("comity.record.v1.Nothing", "{}").is_err());
    assert!(to_json("comity.record.v1.Nothing", &Record::default()).is_err());
}

prop_compose! {
    pub(super) fn records()(
        text in ".{0,40}",
        codes in prop::collection::vec(0..4_i32, 0..4),
        confidence: u32,
        exercise: bool,
        seconds in prop::option::of(-62_135_596_800_i64..=253_402_300_799),
        nanos in 0..1_000_000_000_i32,
        days: u32,
    ) -> Record {
        Record {
            reference: text.clone(),
            exercise,
            destinations: codes.iter().map(|role| Destination {
                country: text.clone(),
                role: *role,
                compartments: codes.clone(),
                ..Destination::default()
            }).collect(),
            expires_at: seconds.map(|seconds| prost_types::Timestamp { seconds, nanos }),
            situation: Some(Situation { title: text.clone(), confidence, ..Situation::default() }),
            victims: Some(Victims {
                purpose: text,
                retention_days: days,
                victims: vec![Victim::default(); codes.len()],
            }),
            ..Record::default()
        }
    }
}

proptest! {
    #[test]
    fn reads_what_it_writes(record in records()) {
        let json = to_json(RECORD, &record).unwrap();
        for text in [json.to_string(), serde_json::to_string_pretty(&json).unwrap()] {
            prop_assert_eq!(from_json::<Record>(RECORD, &text), Ok(record.clone()));
        }
    }

    #[test]
    fn no_text_panics(text in "[\\[\\]{}:,\"a-z0-9 \\\\\n]{0,60}") {
        let _ = from_json::<Record>(RECORD, &text);
    }
}

#[test]
fn roles_keep_their_numbers() {
    // Labels and roles are stored by number: a renamed or renumbered proto must not pass.
    assert_eq!(
        enum_codes("comity.record.v1.CountryRole"),
        [
            ("COUNTRY_ROLE_ORIGIN".to_owned(), CountryRole::Origin as i32),
            ("COUNTRY_ROLE_TRANSIT".to_owned(), 2),
            ("COUNTRY_ROLE_DESTINATION".to_owned(), 3),
        ]
    );
}
