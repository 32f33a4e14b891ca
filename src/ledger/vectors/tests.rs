//! The vectors in `tests/vectors/ledger`: on disk as made, held by the code, and complete. After an
//! intended change `comity vectors tests/vectors` writes them anew.

use std::{collections::BTreeSet, path::PathBuf};

use super::*;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/ledger")
}

#[test]
fn vectors_on_disk_are_the_ones_made_and_hold() {
    let mut names = BTreeSet::new();
    for vector in all().unwrap() {
        check(&vector).unwrap();
        let path = folder().join(format!("{}.json", vector.name));
        let json = std::fs::read_to_string(&path).unwrap();
        assert_eq!(encode(&vector).unwrap(), json, "{}", vector.name);
        assert_eq!(decode(&json).unwrap(), vector, "{}", vector.name);
        assert!(names.insert(path), "{} twice", vector.name);
    }
    let found: BTreeSet<PathBuf> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(found, names);
}

#[test]
fn vectors_are_really_checked() {
    let made = all().unwrap();
    let named = |name| made.iter().find(|each| each.name == name).unwrap().clone();
    let mut found = named("export");
    found.expected.found.as_mut().unwrap()["bodies_present"] = 10.into();
    let mut key = named("checkpoint");
    key.keys = named("checkpoint-retired-key-below-its-end").keys[1..].to_vec();
    let mut leaf = named("export-leaf-left-out");
    leaf.expected.leaf = Some(6);
    let mut fault = named("consistency-of-a-split-view");
    fault.expected.fault = None;
    for claim in [found, key, leaf, fault] {
        let checked = check(&claim);
        assert!(
            matches!(checked, Err(VectorError::Differs { .. })),
            "{}",
            claim.name
        );
    }
}

/// Every fault has a vector but three: `too_many_leaves`, since ten thousand leaves are no vector to
/// keep, `checkpoint_name`, which only who signs can meet, and `leaf`, which is `not_included` here.
#[test]
fn every_fault_has_a_vector() {
    let covered: BTreeSet<String> = all()
        .unwrap()
        .into_iter()
        .filter_map(|vector| vector.expected.fault)
        .collect();
    let named = "body checkpoint_malformed checkpoint_origin checkpoint_retired \
        checkpoint_signature checkpoint_too_long checkpoint_unknown_key extra length line missing \
        no_checkpoint no_leaves not_included order predecessor proof root second_checkpoint size \
        undecodable unnamed";
    assert_eq!(
        covered,
        named.split_whitespace().map(str::to_owned).collect()
    );
}
