//! Objects that are gone.

use serde_json::{Value, json};

use super::{Ids, PartOf, Shared, stamp};
use crate::{
    crypto::Digest,
    record::{Country, Moment},
};

/// The version of an object that says nothing but that it is revoked.
#[derive(Clone, Copy, Debug)]
pub struct Revoked<'a> {
    /// Local number of the record's first version.
    pub number: u64,
    /// SHA-256 of its header.
    pub header: &'a Digest,
    /// Who sealed it.
    pub origin: Country,
    /// Authority that shared it.
    pub by: &'a str,
    /// When the first version became durable here.
    pub created: Moment,
    /// When it was revoked.
    pub at: Moment,
    /// Which object.
    pub part: PartOf,
    /// The record's main object.
    pub main: PartOf,
}

/// Says that an object is revoked, and nothing of what it said. What the type requires is there and
/// empty of content.
pub fn revoked(ids: Ids<'_>, of: &Revoked<'_>) -> Value {
    let by = Shared::Identity(of.origin, of.by.to_owned()).id(ids);
    let main = of.main.id(ids, of.number, of.header);
    let id = of.part.id(ids, of.number, of.header);
    // Tools take two objects of one name for the same.
    let gone = format!("Withdrawn {id}");
    let mut object = match of.part.stix_type() {
        "report" => json!({ "name": gone, "published": stamp(of.created), "object_refs": [by] }),
        "note" => json!({ "content": gone, "object_refs": [by] }),
        "location" => json!({ "name": gone, "country": of.origin.code() }),
        "relationship" => json!({
            "relationship_type": "related-to", "source_ref": main, "target_ref": by,
        }),
        "language-content" => {
            json!({ "object_ref": main, "contents": { "en": { "labels": [gone] } } })
        }
        "indicator" => json!({
            "name": gone, "description": gone, "pattern_type": "stix", "valid_from": stamp(of.created),
            "pattern": "[user-account:user_id = 'withdrawn']", "indicator_types": ["unknown"],
        }),
        _ => json!({ "name": gone }),
    };
    if let Some(object) = object.as_object_mut() {
        object.insert("type".into(), of.part.stix_type().into());
        object.insert("spec_version".into(), "2.1".into());
        object.insert("id".into(), id.into());
        object.insert("created".into(), stamp(of.created).into());
        object.insert("modified".into(), stamp(of.at).into());
        object.insert("created_by_ref".into(), by.into());
        object.insert("revoked".into(), true.into());
    }
    object
}
