//! What can be searched of a record: its texts, names, codes, countries and identifiers, found by
//! walking its descriptors (`plan`), so that a new kind or field is searched without being named
//! here.
//!
//! The victims' compartment is never walked; neither are steps, nor records passed on.

mod plan;
mod walk;

use prost::encoding;

use crate::{
    record::Country,
    wire::record::{CompartmentLabel, Record},
};

use super::{Readable, codes::Code, entity::Entity, text::Language};

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
    taken_out(record, walk::Walk::default())
}

/// As [`extract()`] for an index, which keeps no places: every `field` is empty.
pub fn extract_to_index(record: &Record) -> Extract {
    taken_out(record, walk::Walk::to_index())
}

fn taken_out(record: &Record, mut walk: walk::Walk) -> Extract {
    // Only what is walked is encoded; the victims, what is not content, and whom it is sent to are
    // not even copied.
    let root = plan::RECORD.root();
    let mut parts: Vec<(u32, Vec<u8>)> = Vec::with_capacity(10);
    let mut part = |name: &str, encode: &dyn Fn(u32, &mut Vec<u8>)| {
        if let Some(number) = root.number(name) {
            let mut bytes = Vec::new();
            encode(number, &mut bytes);
            parts.push((number, bytes));
        }
    };
    macro_rules! message {
        ($field:ident) => {
            if let Some(message) = &record.$field {
                part(stringify!($field), &|number, to| {
                    encoding::message::encode(number, message, to);
                });
            }
        };
    }
    part("authority", &|number, to| {
        encoding::string::encode(number, &record.authority, to);
    });
    part("urgency", &|number, to| {
        encoding::int32::encode(number, &record.urgency, to);
    });
    part("purpose", &|number, to| {
        encoding::int32::encode(number, &record.purpose, to);
    });
    part("relations", &|number, to| {
        encoding::message::encode_repeated(number, &record.relations, to);
    });
    message!(marking);
    message!(situation);
    message!(suspects);
    message!(identifiers);
    message!(source);
    parts.sort_unstable_by_key(|(number, _)| *number);
    for (number, bytes) in &parts {
        let label = match root.field(*number).map(|field| field.name.as_str()) {
            Some("suspects") => CompartmentLabel::Suspects,
            Some("identifiers") => CompartmentLabel::Identifiers,
            Some("source") => CompartmentLabel::Source,
            _ => CompartmentLabel::Situation,
        };
        walk.message(root, bytes, label, None, 0);
    }
    walk.found
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
            let mut without = found.clone();
            let texts = without.texts.iter_mut().map(|text| &mut text.field);
            let codes = without.codes.iter_mut().map(|code| &mut code.field);
            let mentions = without.mentions.iter_mut().map(|at| &mut at.field);
            texts.chain(codes).chain(mentions).for_each(String::clear);
            assert_eq!(extract_to_index(&record), without);
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

    /// The texts of a record's JSON with their paths.
    fn leaves(path: &str, value: &serde_json::Value, to: &mut Vec<(String, String)>) {
        match value {
            serde_json::Value::String(text) => to.push((path.to_owned(), text.clone())),
            serde_json::Value::Array(list) => {
                for (at, value) in list.iter().enumerate() {
                    leaves(&format!("{path}[{at}]"), value, to);
                }
            }
            serde_json::Value::Object(map) => {
                for (key, value) in map {
                    let inner = match path {
                        "" => key.clone(),
                        // The one map: from tags of languages.
                        _ if path.ends_with(".translations") => format!("{path}[{key}]"),
                        _ => format!("{path}.{key}"),
                    };
                    leaves(&inner, value, to);
                }
            }
            _ => {}
        }
    }

    #[test]
    fn what_is_found_stands_where_it_says_and_nothing_is_left_out() {
        let roles = ["TJ", "UZ", "KZ"].map(|code| (code.parse().unwrap(), CountryRole::Transit));
        let mut seen = 0;
        for made in Exercise::new(11, &roles).records().take(120) {
            let mut record = made.record;
            if let Some(situation) = &mut record.situation {
                let translation = crate::wire::record::Translation {
                    title: "Заголовок".to_owned(),
                    summary: "Текст".to_owned(),
                };
                situation.translations.insert("ru".to_owned(), translation);
            }
            let json = crate::wire::json::to_json("comity.record.v1.Record", &record).unwrap();
            let mut all = Vec::new();
            leaves("", &json, &mut all);
            let found = extract(&record);
            for text in &found.texts {
                let (_, stands) = all.iter().find(|(path, _)| *path == text.field).unwrap();
                assert!(*stands == text.text || text.field.ends_with("crossingId"));
            }
            for code in &found.codes {
                let (_, stands) = all.iter().find(|(path, _)| *path == code.field).unwrap();
                assert!(stands.ends_with(code.code.value), "{stands}");
            }
            for (path, text) in all {
                let of = |part: &str| path == part || path.starts_with(&format!("{part}."));
                if ![
                    "situation",
                    "suspects",
                    "identifiers",
                    "source",
                    "authority",
                ]
                .iter()
                .any(|part| of(part))
                {
                    continue;
                }
                let name = path.rsplit('.').next().unwrap_or_default();
                let name = name.split('[').next().unwrap_or_default();
                let is_known = found.texts.iter().any(|of| of.field == path)
                    || found.codes.iter().any(|of| of.field == path)
                    || text.parse::<Country>().is_ok()
                    || text.bytes().all(|byte| byte.is_ascii_digit())
                    || [
                        "language",
                        "languages",
                        "id",
                        "entityId",
                        "target",
                        "sha256",
                    ]
                    .contains(&name)
                    || text.as_bytes().get(4) == Some(&b'-');
                assert!(is_known, "{path} {text}");
                seen += 1;
            }
            assert!(
                found
                    .texts
                    .iter()
                    .any(|text| text.field == "situation.translations[ru].title"
                        && text.language == Some(super::super::text::Language::Russian))
            );
        }
        assert!(seen > 1_000, "{seen}");
    }
}
