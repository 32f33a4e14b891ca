//! The first pass: walks the text against the descriptors and refuses with a path.

use std::{collections::BTreeSet, fmt};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_path_to_error::Track;

use super::{JsonError, path_text, word};

/// How many names an error lists at most.
const LISTED: usize = 40;

/// Refuses text that is not JSON of this message.
pub(super) fn check(descriptor: &MessageDescriptor, text: &str) -> Result<(), JsonError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let root = Expect {
        shape: Shape::One(Kind::Message(descriptor.clone())),
        nullable: false,
        conflict: None,
    };
    root.deserialize(tracked).map_err(|error| {
        let path = if error.is_syntax() || error.is_eof() {
            // The text breaks off or is no JSON: line and column say where, a path would mislead.
            String::new()
        } else {
            path_text(&track.path())
        };
        JsonError {
            path,
            message: error.to_string(),
        }
    })?;
    json.end().map_err(|_| {
        JsonError::whole("there is text after the end of the object; send one object at a time")
    })
}

/// What may stand at a place.
enum Shape {
    One(Kind),
    List(Kind),
    Map(Kind),
}

struct Expect {
    shape: Shape,
    /// `null` stands for the default, in a field but not in a list.
    nullable: bool,
    /// Set when another field of the same oneof was given.
    conflict: Option<String>,
}

impl Expect {
    fn field(field: &FieldDescriptor, conflict: Option<String>) -> Self {
        let kind = field.kind();
        let shape = if field.is_list() {
            Shape::List(kind)
        } else if let (true, Kind::Message(entry)) = (field.is_map(), &kind) {
            Shape::Map(entry.map_entry_value_field().kind())
        } else {
            Shape::One(kind)
        };
        Self {
            shape,
            nullable: true,
            conflict,
        }
    }

    fn element(kind: &Kind) -> Self {
        Self {
            shape: Shape::One(kind.clone()),
            nullable: false,
            conflict: None,
        }
    }

    fn wanted(&self) -> &'static str {
        match &self.shape {
            Shape::List(_) => "a list",
            Shape::Map(_) => "an object",
            Shape::One(kind) => match kind {
                Kind::Message(message) if message.full_name() == "google.protobuf.Timestamp" => {
                    "a time such as \"2026-11-23T17:35:16Z\""
                }
                Kind::Message(_) => "an object",
                Kind::Enum(_) => "a code as text",
                Kind::String => "text",
                Kind::Bytes => "base64 text",
                Kind::Bool => "true or false",
                Kind::Double | Kind::Float => "a number",
                _ => "a whole number",
            },
        }
    }

    fn found<E: Error>(&self, found: &str) -> E {
        E::custom(format!("expected {}, found {found}", self.wanted()))
    }

    fn free<E: Error>(&self) -> Result<(), E> {
        match &self.conflict {
            Some(other) => Err(E::custom(format!(
                "only one of this and `{other}` may be given"
            ))),
            None => Ok(()),
        }
    }

    fn number<E: Error>(&self, number: i128) -> Result<bool, E> {
        self.free()?;
        let Shape::One(kind) = &self.shape else {
            return Err(self.found("a number"));
        };
        if let Kind::Enum(codes) = kind {
            let known = i32::try_from(number).is_ok_and(|n| codes.get_value(n).is_some());
            return if known {
                Ok(true)
            } else {
                Err(E::custom(format!(
                    "the number is no code of this list; allowed are {}",
                    listed(codes.values().skip(1).map(|v| v.name().to_owned()))
                )))
            };
        }
        let (low, high) = match kind {
            Kind::Double | Kind::Float => return Ok(true),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => (i32::MIN.into(), i32::MAX.into()),
            Kind::Uint32 | Kind::Fixed32 => (0, u32::MAX.into()),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => (i64::MIN.into(), i64::MAX.into()),
            Kind::Uint64 | Kind::Fixed64 => (0, u64::MAX.into()),
            _ => return Err(self.found("a number")),
        };
        if (low..=high).contains(&number) {
            Ok(true)
        } else {
            Err(E::custom(format!(
                "expected a whole number from {low} to {high}, found one outside"
            )))
        }
    }

    fn text<E: Error>(&self, text: &str) -> Result<bool, E> {
        self.free()?;
        let Shape::One(kind) = &self.shape else {
            return Err(self.found("text"));
        };
        match kind {
            Kind::String | Kind::Bytes | Kind::Double | Kind::Float => Ok(true),
            Kind::Enum(codes) if codes.get_value_by_name(text).is_some() => Ok(true),
            Kind::Enum(codes) => Err(E::custom(format!(
                "{} is no code of this list; allowed are {}",
                word(text).map_or("the text".to_owned(), |word| format!("`{word}`")),
                listed(codes.values().skip(1).map(|v| v.name().to_owned()))
            ))),
            // Timestamps and their like are text; the second pass reads them.
            Kind::Message(message) if message.full_name().starts_with("google.protobuf.") => {
                Ok(true)
            }
            Kind::Message(_) | Kind::Bool => Err(self.found("text")),
            // proto3 JSON writes 64-bit integers as text.
            _ => match text.parse::<i128>() {
                Ok(number) => self.number(number),
                Err(_) => Err(self.found("text that is no whole number")),
            },
        }
    }
}

/// Whether a value was given: `null` is none.
impl<'de> DeserializeSeed<'de> for Expect {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Expect {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wanted())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<bool, E> {
        self.free()?;
        match &self.shape {
            Shape::One(Kind::Bool) => Ok(true),
            _ => Err(self.found("true or false")),
        }
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
        self.number(number.into())
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<bool, E> {
        self.number(number.into())
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        self.free()?;
        match &self.shape {
            Shape::One(Kind::Double | Kind::Float) => Ok(true),
            _ => Err(self.found("a number with a fraction or exponent")),
        }
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        self.text(text)
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        if self.nullable {
            Ok(false)
        } else {
            Err(self.found("null"))
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        self.free()?;
        let Shape::List(kind) = &self.shape else {
            return Err(self.found("a list"));
        };
        while list.next_element_seed(Expect::element(kind))?.is_some() {}
        Ok(true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<bool, A::Error> {
        self.free()?;
        match &self.shape {
            Shape::One(Kind::Message(message)) => {
                if message.full_name() == "google.protobuf.Timestamp" {
                    return Err(self.found("an object"));
                }
                if message.full_name().starts_with("google.protobuf.") {
                    while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                    return Ok(true);
                }
                fields(message, object)
            }
            Shape::Map(kind) => {
                let mut keys = BTreeSet::new();
                while let Some(key) = object.next_key::<String>()? {
                    let again = !keys.insert(key);
                    if again {
                        object.next_value_seed(Refuse("this key is given twice".to_owned()))?;
                    }
                    object.next_value_seed(Expect::element(kind))?;
                }
                Ok(true)
            }
            _ => Err(self.found("an object")),
        }
    }
}

fn fields<'de, A: MapAccess<'de>>(
    message: &MessageDescriptor,
    mut object: A,
) -> Result<bool, A::Error> {
    let mut seen = BTreeSet::new();
    // (oneof, the field given)
    let mut chosen: Vec<(String, String)> = Vec::new();
    while let Some(key) = object.next_key::<String>()? {
        let known = message
            .get_field_by_json_name(&key)
            .or_else(|| message.get_field_by_name(&key));
        let Some(field) = known else {
            let names = message.fields().map(|field| field.json_name().to_owned());
            object.next_value_seed(Refuse(format!(
                "no such field; `{}` has {}",
                message.name(),
                listed(names)
            )))?;
            continue;
        };
        if !seen.insert(field.number()) {
            object.next_value_seed(Refuse("this field is given twice".to_owned()))?;
        }
        let oneof = field.containing_oneof().map(|of| of.name().to_owned());
        let conflict = oneof.as_ref().and_then(|of| {
            let taken = chosen.iter().find(|(name, _)| name == of);
            taken.map(|(_, field)| field.clone())
        });
        let given = object.next_value_seed(Expect::field(&field, conflict))?;
        if let (Some(of), true) = (oneof, given) {
            chosen.push((of, field.json_name().to_owned()));
        }
    }
    Ok(true)
}

/// Refuses whatever value stands here, so that the error carries the path of its key.
struct Refuse(String);

impl<'de> DeserializeSeed<'de> for Refuse {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, _: D) -> Result<(), D::Error> {
        Err(D::Error::custom(self.0))
    }
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let more = names.len() > LISTED;
    names.truncate(LISTED);
    let text = names.join(", ");
    if more { format!("{text}, …") } else { text }
}
