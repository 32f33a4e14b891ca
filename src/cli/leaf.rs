//! A leaf of the ledger as the command line shows it.

use crate::{
    record::Moment,
    wire::{
        json,
        ledger::{Action, Leaf, LeafBody, ReadingPurpose},
    },
};

use super::{exit::Failure, out};

/// A leaf as JSON: its body, place and digest.
pub(super) fn leaf_json(leaf: &Leaf, body: &LeafBody) -> Result<serde_json::Value, Failure> {
    let mut value = json::to_json("comity.ledger.v1.LeafBody", body)?;
    if let Some(object) = value.as_object_mut() {
        object.insert("index".to_owned(), leaf.index.into());
        object.insert("digest".to_owned(), hex::encode(&leaf.digest).into());
    }
    Ok(value)
}

/// A leaf as a row of the table.
pub(super) fn leaf_row(index: u64, body: &LeafBody) -> Vec<String> {
    vec![
        index.to_string(),
        out::moment(Moment::from_micros(body.time_us)),
        Action::try_from(body.action)
            .unwrap_or_default()
            .as_str_name()
            .trim_start_matches("ACTION_")
            .to_lowercase(),
        body.actor.clone(),
        body.detail.clone(),
        match body.reference.as_str() {
            "" => body.about.clone(),
            reference => reference.to_owned(),
        },
        body.peer.clone(),
        why(body),
    ]
}

/// Purpose from the list, case and words, as far as they were given.
fn why(body: &LeafBody) -> String {
    let listed = match body.reading_purpose() {
        ReadingPurpose::Unspecified => String::new(),
        listed => listed
            .as_str_name()
            .trim_start_matches("READING_PURPOSE_")
            .to_lowercase()
            .replace('_', "-"),
    };
    [
        listed.as_str(),
        body.case_reference.as_str(),
        body.purpose.as_str(),
    ]
    .into_iter()
    .filter(|part| !part.is_empty())
    .collect::<Vec<_>>()
    .join(", ")
}
