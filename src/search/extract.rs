//! What can be searched of a record: its texts, names, codes, countries and identifiers, found by
//! walking its descriptors, so that a new kind or field is searched without being named here.
//!
//! The victims' compartment is never walked; neither are steps, nor records passed on.

use prost::Message as _;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MapKey, ReflectMessage as _, Value};

use crate::{
    record::{Country, vocab},
    wire::{
        json,
        record::{CompartmentLabel, Identifier, Record},
    },
};

use super::{
    Readable,
    codes::{self, Code, RECORD},
    entity::Entity,
    text::Language,
};

/// Texts taken from one record; validated records have fewer.
const MAX_TEXTS: usize = 2_000;
/// Depth of messages in messages.
const MAX_DEPTH: usize = 16;

/// Fields of the record itself that are not walked: the victims, what is not content, and whom it is
/// sent to.
const NOT_WALKED: &[&str] = &[
    "reference",
    "destinations",
    "victims",
    "follows",
    "step",
    "onward",
];

/// Text fields that hold no words: tags, keys within the record, digests, days.
const NO_WORDS: &[&str] = &[
    "language",
    "languages",
    "id",
    "entity_id",
    "target",
    "sha256",
    "valid_from",
    "valid_until",
    "first_seen",
    "last_seen",
    "born",
    "expected_on",
];

/// Text fields that hold the name of someone or something.
const NAMES: &[&str] = &["title", "name", "label", "event"];

/// A text of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text {
    /// Where it stands, in JSON names, such as `situation.route.legs[0].from.name`.
    pub field: String,
    /// The compartment it belongs to.
    pub compartment: CompartmentLabel,
    /// What it says.
    pub text: String,
    /// The language it says it is in.
    pub language: Option<Language>,
    /// A name, a title or an identifier: a match weighs more.
    pub weighty: bool,
    /// The name of a person, an organisation or a network.
    pub is_name: bool,
}

/// An identifier of a record, or one mentioned in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// Where it stands.
    pub field: String,
    /// The compartment it belongs to.
    pub compartment: CompartmentLabel,
    /// Its one form.
    pub entity: Entity,
    /// As written.
    pub written: String,
}

/// A code of a record and where it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeAt {
    /// Where it stands.
    pub field: String,
    /// The compartment it belongs to.
    pub compartment: CompartmentLabel,
    /// The code.
    pub code: Code,
}

/// What can be searched of a record.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extract {
    /// Texts in the order of the record.
    pub texts: Vec<Text>,
    /// Codes.
    pub codes: Vec<CodeAt>,
    /// Countries named, each with the compartment it is named in.
    pub countries: Vec<(Country, CompartmentLabel)>,
    /// Identifiers.
    pub mentions: Vec<Mention>,
}

impl Extract {
    /// Forgets what stands in compartments that somebody may not read.
    pub fn keep(&mut self, readable: Readable<'_>) {
        self.texts.retain(|of| readable(of.compartment));
        self.codes.retain(|of| readable(of.compartment));
        self.countries.retain(|(_, label)| readable(*label));
        self.mentions.retain(|of| readable(of.compartment));
    }
}

/// Takes out of a record what can be searched; of the victims' compartment, nothing.
pub fn extract(record: &Record) -> Extract {
    let mut found = Extract::default();
    // The compartments that are not walked are not even copied.
    let open = Record {
        authority: record.authority.clone(),
        urgency: record.urgency,
        marking: record.marking.clone(),
        situation: record.situation.clone(),
        suspects: record.suspects.clone(),
        identifiers: record.identifiers.clone(),
        source: record.source.clone(),
        relations: record.relations.clone(),
        purpose: record.purpose,
        ..Record::default()
    };
    let Ok(descriptor) = json::message_descriptor(RECORD) else {
        return found;
    };
    let Ok(message) = DynamicMessage::decode(descriptor, open.encode_to_vec().as_slice()) else {
        return found;
    };
    for (field, value) in message.fields() {
        let label = match field.name() {
            name if NOT_WALKED.contains(&name) => continue,
            "suspects" => CompartmentLabel::Suspects,
            "identifiers" => CompartmentLabel::Identifiers,
            "source" => CompartmentLabel::Source,
            _ => CompartmentLabel::Situation,
        };
        let at = At {
            above: None,
            name: field.json_name(),
            index: None,
        };
        found.value(&at, label, None, &field, value, 0);
    }
    found
}

/// A place in a record, from the leaf up.
struct At<'a> {
    above: Option<&'a At<'a>>,
    name: &'a str,
    index: Option<String>,
}

impl At<'_> {
    fn path(&self) -> String {
        let mut text = match self.above {
            Some(above) => format!("{}.{}", above.path(), self.name),
            None => self.name.to_owned(),
        };
        if let Some(index) = &self.index {
            text.push('[');
            text.push_str(index);
            text.push(']');
        }
        text
    }
}

impl Extract {
    fn value(
        &mut self,
        at: &At<'_>,
        label: CompartmentLabel,
        language: Option<Language>,
        field: &FieldDescriptor,
        value: &Value,
        depth: usize,
    ) {
        match value {
            Value::List(list) => {
                for (index, value) in list.iter().enumerate() {
                    let at = At {
                        index: Some(index.to_string()),
                        ..*at
                    };
                    self.value(&at, label, language, field, value, depth);
                }
            }
            Value::Map(map) => {
                for (key, value) in map {
                    let MapKey::String(key) = key else { continue };
                    let at = At {
                        // Keys are tags of languages; nothing else from outside becomes a path.
                        index: Some(
                            key.chars()
                                .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
                                .collect(),
                        ),
                        ..*at
                    };
                    let language = Language::of_tag(key).or(language);
                    self.value(&at, label, language, field, value, depth);
                }
            }
            Value::Message(message) if depth < MAX_DEPTH => {
                self.message(at, label, language, message, depth);
            }
            Value::String(text) => self.text(at, label, language, field, text),
            Value::EnumNumber(number) => {
                if let Kind::Enum(of) = field.kind()
                    && let Some(code) = codes::code(field, &of, *number)
                {
                    self.codes.push(CodeAt {
                        field: at.path(),
                        compartment: label,
                        code,
                    });
                }
            }
            _ => {}
        }
    }

    fn message(
        &mut self,
        at: &At<'_>,
        label: CompartmentLabel,
        language: Option<Language>,
        message: &DynamicMessage,
        depth: usize,
    ) {
        let descriptor = message.descriptor();
        if descriptor.full_name() == "comity.record.v1.Identifier"
            && let Ok(identifier) = message.transcode_to::<Identifier>()
            && let Some(entity) = Entity::of(&identifier)
        {
            self.mentions.push(Mention {
                field: at.path(),
                compartment: label,
                entity,
                written: identifier.value,
            });
        }
        let own = message
            .get_field_by_name("language")
            .and_then(|tag| tag.as_str().and_then(Language::of_tag));
        let language = own.or(language);
        for (field, value) in message.fields() {
            let inner = At {
                above: Some(at),
                name: field.json_name(),
                index: None,
            };
            self.value(
                &inner,
                label,
                language,
                &field,
                value,
                depth.saturating_add(1),
            );
        }
    }

    fn text(
        &mut self,
        at: &At<'_>,
        label: CompartmentLabel,
        language: Option<Language>,
        field: &FieldDescriptor,
        text: &str,
    ) {
        let name = field.name();
        if text.is_empty() || self.texts.len() >= MAX_TEXTS || NO_WORDS.contains(&name) {
            return;
        }
        if text.len() == 2
            && text.bytes().all(|byte| byte.is_ascii_uppercase())
            && let Ok(country) = text.parse::<Country>()
        {
            if !self.countries.contains(&(country, label)) {
                self.countries.push((country, label));
            }
            return;
        }
        let of = field.parent_message();
        let of_identifier = of.name() == "Identifier" && name == "value";
        let is_name = matches!(of.name(), "Name" | "NetworkName") && name == "text";
        let mut add = |field: String, text: &str| {
            self.texts.push(Text {
                field,
                compartment: label,
                text: text.to_owned(),
                language,
                weighty: is_name || of_identifier || NAMES.contains(&name),
                is_name,
            });
        };
        let path = at.path();
        add(path.clone(), text);
        // A crossing is asked for by its name on either side.
        if name == "crossing_id"
            && let Some(crossing) = vocab::crossing(text)
        {
            for of_side in [crossing.names.0, crossing.names.1] {
                if !of_side.is_empty() {
                    add(path.clone(), of_side);
                }
            }
        }
        if !of_identifier {
            for (entity, written) in Entity::mentioned(text) {
                self.mentions.push(Mention {
                    field: path.clone(),
                    compartment: label,
                    entity,
                    written,
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exercise::Exercise;
    use crate::wire::record::{CountryRole, Victim, Victims};

    #[test]
    fn every_compartment_is_taken_up_but_the_victims() {
        let roles = ["TJ", "UZ", "KZ"].map(|code| (code.parse().unwrap(), CountryRole::Transit));
        let mut labels = Vec::new();
        for made in Exercise::new(7, &roles).records().take(60) {
            let mut record = made.record;
            record.victims = Some(Victims {
                purpose: "geheimzweck".to_owned(),
                victims: vec![Victim {
                    pseudonym: "geheimname".to_owned(),
                    needs: "+998901234567".to_owned(),
                    ..Victim::default()
                }],
                ..Victims::default()
            });
            let found = extract(&record);
            assert!(
                found
                    .texts
                    .iter()
                    .any(|text| text.field == "situation.title" && text.weighty)
            );
            labels.extend(found.texts.iter().map(|text| text.compartment));
            let all = format!("{found:?}");
            assert!(
                !all.contains("geheim") && !all.contains("901234567"),
                "{all}"
            );
            assert!(!found.codes.is_empty());
            if record.suspects.is_some() {
                assert!(found.texts.iter().any(|text| text.is_name));
            }
            if record.identifiers.is_some() {
                assert!(!found.mentions.is_empty());
            }
        }
        for label in [
            CompartmentLabel::Situation,
            CompartmentLabel::Suspects,
            CompartmentLabel::Identifiers,
        ] {
            assert!(labels.contains(&label), "{label:?}");
        }
    }
}
