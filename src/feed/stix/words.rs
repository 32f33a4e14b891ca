//! Codes, times and messages as STIX has them.

use serde_json::{Map, Value, json};

use super::EXTENSION;
use crate::{record::Moment, wire::json as canonical_json};

/// A moment as STIX has it, with the microseconds.
pub fn stamp(at: Moment) -> String {
    let Some(utc) = at.utc() else {
        return super::shared::written();
    };
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
        utc.year(),
        u8::from(utc.month()),
        utc.day(),
        utc.hour(),
        utc.minute(),
        utc.second(),
        utc.microsecond()
    )
}

/// Languages that tools of STIX know, by the list of its validator; it lacks some of Central Asia.
const LANGUAGES: &str = "af ar az be bg ca cs cy da de dv el en eo es et eu fa fi fo fr gl gu he hi hr hu hy id \
    is it ja ka kk kn ko kok ky lt lv mi mk mn mr ms mt nb nl ns pa pl ps pt qu ro ru sa se \
    sk sl sq sv sw syr ta te th tl tn tr ts tt uk ur uz vi xh zh zu";

/// A language tag as tools of STIX know it; `None` for a language that they do not: what is said in it is
/// in the extension.
pub(super) fn language(tag: &str) -> Option<String> {
    let mut parts = tag.split('-');
    let language = parts.next()?.to_ascii_lowercase();
    let cyrillic = parts
        .next()
        .is_some_and(|part| part.eq_ignore_ascii_case("Cyrl"));
    match (language.as_str(), cyrillic) {
        ("uz", true) => Some("uz-Cyrl-UZ".to_owned()),
        ("az", true) => Some("az-Cyrl-AZ".to_owned()),
        _ => LANGUAGES
            .split(' ')
            .any(|known| known == language)
            .then_some(language),
    }
}

/// Our extension with these properties.
pub(super) fn extension(mut properties: Map<String, Value>) -> Value {
    properties.insert("extension_type".into(), "property-extension".into());
    json!({ EXTENSION: properties })
}

/// The canonical JSON of a message of records; an empty object when it has none.
pub(super) fn canonical<M: prost::Message>(name: &str, message: &M) -> Value {
    canonical_json::to_json(&format!("comity.record.v1.{name}"), message)
        .unwrap_or_else(|_| json!({}))
}

/// The code of an enum in lower case with hyphens, without the name of its list: `forced-labour`.
pub(super) fn word(list: &str, number: i32) -> String {
    let name =
        canonical_json::enum_name(&format!("comity.record.v1.{list}"), number).unwrap_or_default();
    let prefix = prefix(list);
    name.strip_prefix(&prefix)
        .unwrap_or(&name)
        .to_ascii_lowercase()
        .replace('_', "-")
}

/// `FORCED_LABOUR_INDICATOR_` of `ForcedLabourIndicator`.
fn prefix(list: &str) -> String {
    let mut prefix = String::with_capacity(list.len().saturating_add(8));
    for (at, letter) in list.chars().enumerate() {
        if at > 0 && letter.is_ascii_uppercase() {
            prefix.push('_');
        }
        prefix.push(letter.to_ascii_uppercase());
    }
    prefix.push('_');
    prefix
}
