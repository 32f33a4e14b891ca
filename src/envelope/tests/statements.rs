//! The vectors in `tests/vectors/receipts` and `tests/vectors/marks`: on disk as made, held by the
//! code, and complete. After an intended change `comity vectors tests/vectors` writes them anew.

use std::{collections::BTreeSet, fs, path::PathBuf};

use crate::envelope::vectors::{
    self, VectorError,
    statements::{self, Statement, StatementVector},
};

fn folder(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/vectors")
        .join(name)
}

#[test]
fn statements_on_disk_are_the_ones_made_and_hold() {
    let mut names = BTreeSet::new();
    for vector in statements::all().unwrap() {
        statements::check(&vector).unwrap();
        let path = folder(vector.folder()).join(format!("{}.json", vector.name));
        let json = fs::read_to_string(&path).unwrap();
        assert_eq!(vectors::encode(&vector).unwrap(), json, "{}", vector.name);
        let read: StatementVector = vectors::decode(&json).unwrap();
        assert_eq!(read, vector);
        assert!(names.insert(path), "{} twice", vector.name);
    }
    let found: BTreeSet<PathBuf> = ["receipts", "marks"]
        .into_iter()
        .flat_map(|name| fs::read_dir(folder(name)).unwrap())
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(found, names);
}

#[test]
fn statements_are_really_checked() {
    let made = statements::all().unwrap();
    let named = |name| made.iter().find(|each| each.name == name).unwrap().clone();
    let mut signed = named("group-of-five");
    signed.expected.signed = Some("00".into());
    let mut message = named("proof-of-the-third");
    message.expected.messages[0]["sequence"] = "6".into();
    let mut fault = named("left-out");
    fault.expected.fault = Some("size".into());
    let mut altered = named("group-of-five");
    if let Statement::Group { receipts, .. } = &mut altered.statement {
        receipts.pop();
    }
    for claim in [signed, message, fault, altered] {
        let checked = statements::check(&claim);
        assert!(
            matches!(checked, Err(VectorError::Differs { .. })),
            "{}",
            claim.name
        );
    }
}

#[test]
fn every_fault_of_a_statement_has_a_vector() {
    let made = statements::all().unwrap();
    let covered = |folder| -> BTreeSet<String> {
        made.iter()
            .filter(|vector| vector.folder() == folder)
            .filter_map(|vector| {
                let fault = vector.expected.fault.clone()?;
                Some(match &vector.expected.field {
                    Some(field) => format!("{fault} {field}"),
                    None => fault,
                })
            })
            .collect()
    };
    let both = |more: &[&str], fields: &[&str]| -> BTreeSet<String> {
        let fields = fields.iter().map(|field| format!("malformed {field}"));
        let more = more.iter().map(ToString::to_string);
        fields.chain(more).collect()
    };
    assert_eq!(
        covered("receipts"),
        both(
            &[
                "bad_signature",
                "path",
                "retired",
                "retired_acceptance",
                "size",
                "unknown_key",
            ],
            &[
                "authority",
                "backups_until_us",
                "backups_unknown",
                "compartment",
                "disclosures",
                "encoding",
                "ground",
                "header_digest",
                "incarnation",
                "issuer",
                "lane",
                "not in canonical form",
                "origin",
                "purpose",
                "reason",
                "recall_digest",
                "sequence",
                "too long",
                "type",
            ],
        )
    );
    assert_eq!(
        covered("marks"),
        both(
            &["bad_signature", "retired", "unknown_key"],
            &[
                "destination",
                "encoding",
                "incarnation",
                "lane",
                "not in canonical form",
                "origin",
                "running_hash",
                "too long",
            ],
        )
    );
}
