//! The vectors in `tests/vectors/envelopes`: on disk as made, held by the code, and complete. After
//! an intended change `comity vectors tests/vectors` writes them anew.

use std::{collections::BTreeSet, fs, path::PathBuf};

use crate::envelope::vectors;

fn vectors_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/envelopes")
}

#[test]
fn vectors_on_disk_are_the_ones_made_and_hold() {
    let made = vectors::all().unwrap();
    let mut names: BTreeSet<PathBuf> = BTreeSet::new();
    for vector in &made {
        vectors::check(vector).unwrap();
        let path = vectors_directory().join(format!("{}.json", vector.name));
        let json = fs::read_to_string(&path).unwrap();
        assert_eq!(vectors::encode(vector).unwrap(), json, "{}", vector.name);
        assert_eq!(
            &vectors::decode::<vectors::Vector>(&json).unwrap(),
            vector,
            "{}",
            vector.name
        );
        assert!(names.insert(path), "{} twice", vector.name);
    }
    let found: BTreeSet<PathBuf> = fs::read_dir(vectors_directory())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(found, names);
}

#[test]
fn vectors_are_really_checked() {
    let made = vectors::all().unwrap();
    let good = made.iter().find(|each| each.expected.fault.is_none());
    let bad = made.iter().find(|each| each.expected.fault.is_some());
    let mut claims = [
        good.unwrap().clone(),
        good.unwrap().clone(),
        bad.unwrap().clone(),
    ];
    if let Some(opened) = &mut claims[0].expected.opened {
        opened.compartments[0].content.push_str("00");
    }
    claims[1].record.header.replace_range(20..22, "ff");
    claims[2].expected.fault = Some("expired".into());
    for claim in &claims {
        assert!(matches!(
            vectors::check(claim),
            Err(vectors::VectorError::Differs { .. })
        ));
    }
    let mut field = made[0].clone();
    field.epoch.id = "zz".into();
    assert!(matches!(
        vectors::check(&field),
        Err(vectors::VectorError::Field { .. })
    ));
}

/// Every fault has a vector but two: see `faults_without_a_vector`.
#[test]
fn every_fault_has_a_vector() {
    let covered: BTreeSet<String> = vectors::all()
        .unwrap()
        .into_iter()
        .filter_map(|vector| vector.expected.fault)
        .collect();
    let named = "bad_signature ciphertext_digest commitment compartment_order content_encoding \
        content_label content_none content_padding content_sealed content_size entitlement expired \
        header_canonical header_destinations header_encoding header_expiry header_follows \
        header_foreign_origin header_handling header_id header_incarnation header_lane \
        header_manifest header_origin header_too_large header_version key_id missing_compartment \
        no_wrap not_a_destination surplus_compartment too_many_compartments unknown_compartment \
        unknown_key wrap_content wrap_sealed wrong_epoch";
    assert_eq!(
        covered,
        named.split_whitespace().map(str::to_owned).collect()
    );
}
