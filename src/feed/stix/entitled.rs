//! What is in compartments `suspects` and `identifiers` as objects: for collections whose readers are
//! entitled to them. Each refers to the main object of its record, which is in the collection of its
//! kind.

use serde_json::{Map, Value, json};

use super::{
    Making,
    kinds::cut,
    words::{canonical, extension, word},
};
use crate::wire::record::{Identifier, IdentifierType, Suspect};

/// A threat actor for each suspect.
pub(super) fn suspects(made: &mut Making<'_>) {
    let record = made.version.record;
    // Tools take two objects of one name for the same.
    let of = match record.reference.as_str() {
        "" => made.main.clone(),
        reference => reference.to_owned(),
    };
    let all = record.suspects.iter().flat_map(|of| &of.suspects);
    for (at, suspect) in all.enumerate() {
        let words = if suspect.entity_id.is_empty() {
            format!("suspect {at}")
        } else {
            format!("suspect of {}", suspect.entity_id)
        };
        let object = threat_actor(suspect, at, &of);
        let actor = made.add("threat-actor", &words, object);
        let main = made.main.clone();
        match main.split_once("--") {
            Some(("campaign" | "intrusion-set", _)) => made.relate("attributed-to", &main, &actor),
            Some(("attack-pattern", _)) => made.relate("uses", &actor, &main),
            _ => made.relate("related-to", &actor, &main),
        }
    }
}

fn threat_actor(suspect: &Suspect, at: usize, of: &str) -> Value {
    let mut names = suspect.names.iter().map(|name| name.text.clone());
    let name = names
        .next()
        .unwrap_or_else(|| format!("Suspect {} of {of}", at.saturating_add(1)));
    let aliases: Vec<Value> = names
        .filter(|other| *other != name)
        .map(Value::from)
        .collect();
    let mut map = Map::new();
    map.insert("name".into(), name.into());
    if !aliases.is_empty() {
        map.insert("aliases".into(), aliases.into());
    }
    if !suspect.note.is_empty() {
        map.insert("description".into(), cut(&suspect.note).into());
    }
    let kind = if suspect.organisation {
        "crime-syndicate"
    } else {
        "criminal"
    };
    map.insert("threat_actor_types".into(), json!([kind]));
    let mut own = Map::new();
    own.insert("suspect".into(), canonical("Suspect", suspect));
    map.insert("extensions".into(), extension(own));
    map.into()
}

/// An indicator for each identifier that a pattern can be written of, and a note for each other.
pub(super) fn identifiers(made: &mut Making<'_>) {
    let record = made.version.record;
    let all = record.identifiers.iter().flat_map(|of| &of.identifiers);
    for identifier in all {
        let kind = IdentifierType::try_from(identifier.r#type).unwrap_or_default();
        let what = word("IdentifierType", identifier.r#type);
        let words = format!("{what} {} {}", identifier.service, identifier.value);
        let mut own = Map::new();
        own.insert("identifier".into(), canonical("Identifier", identifier));
        let own = extension(own);
        let main = made.main.clone();
        let Some(pattern) = pattern(kind, &what, identifier) else {
            let object = json!({
                "abstract": what.replace('-', " "),
                "content": told(identifier),
                "object_refs": [main],
                "extensions": own,
            });
            made.add("note", &words, object);
            continue;
        };
        let mut map = Map::new();
        map.insert("name".into(), identifier.value.clone().into());
        let description = match identifier.note.as_str() {
            "" => what.replace('-', " "),
            note => cut(note),
        };
        map.insert("description".into(), description.into());
        map.insert("pattern".into(), pattern.into());
        map.insert("pattern_type".into(), "stix".into());
        map.insert(
            "valid_from".into(),
            super::stamp(made.version.created).into(),
        );
        map.insert("indicator_types".into(), json!(["attribution"]));
        map.insert("extensions".into(), own);
        let indicator = made.add("indicator", &words, map.into());
        let how = match main.split_once("--") {
            Some(("campaign" | "intrusion-set" | "attack-pattern", _)) => "indicates",
            _ => "related-to",
        };
        made.relate(how, &indicator, &main);
    }
}

fn told(identifier: &Identifier) -> String {
    let mut text = identifier.value.clone();
    if !identifier.country.is_empty() {
        text.push_str(&format!(" ({})", identifier.country));
    }
    if !identifier.note.is_empty() {
        text.push_str("\n\n");
        text.push_str(&identifier.note);
    }
    cut(&text)
}

/// A STIX pattern that matches an identifier; `None` where STIX has no observable for it.
fn pattern(kind: IdentifierType, what: &str, identifier: &Identifier) -> Option<String> {
    let value = quoted(&identifier.value);
    Some(match kind {
        IdentifierType::Email => format!("[email-addr:value = '{value}']"),
        IdentifierType::Url => format!("[url:value = '{value}']"),
        IdentifierType::IpAddress if identifier.value.contains(':') => {
            format!("[ipv6-addr:value = '{value}']")
        }
        IdentifierType::IpAddress => format!("[ipv4-addr:value = '{value}']"),
        IdentifierType::Phone
        | IdentifierType::BankAccount
        | IdentifierType::Iban
        | IdentifierType::PaymentCard
        | IdentifierType::MobileWallet
        | IdentifierType::CryptoAddress
        | IdentifierType::OnlineAccount
        | IdentifierType::Handle => {
            let of = if identifier.service.is_empty() {
                what.to_owned()
            } else {
                quoted(&identifier.service)
            };
            format!("[user-account:user_id = '{value}' AND user-account:account_type = '{of}']")
        }
        _ => return None,
    })
}

/// A text within the quotes of a pattern.
fn quoted(text: &str) -> String {
    text.replace('\\', "\\\\").replace('\'', "\\'")
}
