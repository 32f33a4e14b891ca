//! The first pass: walks the text against the descriptors and collects what is wrong, each with its
//! path.

use std::{cell::RefCell, collections::BTreeSet, fmt};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{JsonError, place::Place, word};

/// How many names an error lists at most.
const LISTED: usize = 40;

/// How many faults of a text are reported at most.
const MAX_FAULTS: usize = 100;

/// Refuses text that is not JSON of this message, with everything that is wrong.
pub(super) fn check(descriptor: &MessageDescriptor, text: &str) -> Result<(), JsonError> {
    let mut json = serde_json::Deserializer::from_str(text);
    let faults = Faults::default();
    let root = Expect {
        shape: Shape::One(Kind::Message(descriptor.clone())),
        nullable: false,
        conflict: None,
        place: Place::TOP,
        faults: &faults,
    };
    // The text breaks off or is no JSON: line and column say where, a path would mislead.
    let walked = root.deserialize(&mut json);
    let walked = walked.map_err(|error| JsonError::whole(error.to_string()));
    let ended = walked.and_then(|_| {
        json.end().map_err(|_| {
            JsonError::whole("there is text after the end of the object; send one object at a time")
        })
    });
    let mut found = faults.found.into_inner().into_iter().chain(ended.err());
    match found.next() {
        Some(first) => Err(JsonError {
            others: found.collect(),
            ..first
        }),
        None => Ok(()),
    }
}

/// What was found wrong so far.
#[derive(Default)]
struct Faults {
    found: RefCell<Vec<JsonError>>,
}

/// What may stand at a place.
enum Shape {
    One(Kind),
    List(Kind),
    Map(Kind),
}

struct Expect<'p> {
    shape: Shape,
    /// `null` stands for the default, in a field but not in a list.
    nullable: bool,
    /// Set when another field of the same oneof was given.
    conflict: Option<String>,
    place: Place<'p>,
    faults: &'p Faults,
}

impl<'p> Expect<'p> {
    fn field(
        field: &FieldDescriptor,
        conflict: Option<String>,
        place: Place<'p>,
        faults: &'p Faults,
    ) -> Self {
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
            place,
            faults,
        }
    }

    fn element(kind: &Kind, place: Place<'p>, faults: &'p Faults) -> Self {
        Self {
            shape: Shape::One(kind.clone()),
            nullable: false,
            conflict: None,
            place,
            faults,
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

    /// Notes what is wrong here; the walk goes on.
    fn fault(&self, message: String) -> bool {
        let mut found = self.faults.found.borrow_mut();
        if found.len() < MAX_FAULTS {
            found.push(JsonError {
                path: self.place.to_string(),
                message,
                others: Vec::new(),
            });
        }
        true
    }

    fn found(&self, found: &str) -> bool {
        self.fault(format!("expected {}, found {found}", self.wanted()))
    }

    /// Whether no other field of the same oneof was given.
    fn is_free(&self) -> bool {
        if let Some(other) = &self.conflict {
            self.fault(format!("only one of this and `{other}` may be given"));
        }
        self.conflict.is_none()
    }

    fn number(&self, number: i128) -> bool {
        let Shape::One(kind) = &self.shape else {
            return self.found("a number");
        };
        if let Kind::Enum(codes) = kind {
            let known = i32::try_from(number).is_ok_and(|n| codes.get_value(n).is_some());
            return known
                || self.fault(format!(
                    "the number is no code of this list; allowed are {}",
                    listed(codes.values().skip(1).map(|v| v.name().to_owned()))
                ));
        }
        let (low, high) = match kind {
            Kind::Double | Kind::Float => return true,
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => (i32::MIN.into(), i32::MAX.into()),
            Kind::Uint32 | Kind::Fixed32 => (0, u32::MAX.into()),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => (i64::MIN.into(), i64::MAX.into()),
            Kind::Uint64 | Kind::Fixed64 => (0, u64::MAX.into()),
            _ => return self.found("a number"),
        };
        (low..=high).contains(&number)
            || self.fault(format!(
                "expected a whole number from {low} to {high}, found one outside"
            ))
    }

    fn text(&self, text: &str) -> bool {
        let Shape::One(kind) = &self.shape else {
            return self.found("text");
        };
        match kind {
            Kind::String | Kind::Bytes | Kind::Double | Kind::Float => true,
            Kind::Enum(codes) if codes.get_value_by_name(text).is_some() => true,
            Kind::Enum(codes) => self.fault(format!(
                "{} is no code of this list; allowed are {}",
                word(text).map_or("the text".to_owned(), |word| format!("`{word}`")),
                listed(codes.values().skip(1).map(|v| v.name().to_owned()))
            )),
            // Timestamps and their like are text; the second pass reads them.
            Kind::Message(message) if message.full_name().starts_with("google.protobuf.") => true,
            Kind::Message(_) | Kind::Bool => self.found("text"),
            // proto3 JSON writes 64-bit integers as text.
            _ => match text.parse::<i128>() {
                Ok(number) => self.number(number),
                Err(_) => self.found("text that is no whole number"),
            },
        }
    }
}

/// Whether a value was given: `null` is none.
impl<'de> DeserializeSeed<'de> for Expect<'_> {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Expect<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.wanted())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<bool, E> {
        Ok(!self.is_free()
            || matches!(self.shape, Shape::One(Kind::Bool))
            || self.found("true or false"))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<bool, E> {
        Ok(!self.is_free() || self.number(number.into()))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<bool, E> {
        Ok(!self.is_free() || self.number(number.into()))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<bool, E> {
        Ok(!self.is_free()
            || matches!(self.shape, Shape::One(Kind::Double | Kind::Float))
            || self.found("a number with a fraction or exponent"))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<bool, E> {
        Ok(!self.is_free() || self.text(text))
    }

    fn visit_unit<E: Error>(self) -> Result<bool, E> {
        if !self.nullable {
            self.found("null");
        }
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<bool, A::Error> {
        let Shape::List(kind) = &self.shape else {
            self.found("a list");
            while list.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(true);
        };
        self.is_free();
        let mut index = 0;
        loop {
            let element = Expect::element(kind, self.place.item(index), self.faults);
            if list.next_element_seed(element)?.is_none() {
                return Ok(true);
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut object: A) -> Result<bool, A::Error> {
        self.is_free();
        match &self.shape {
            Shape::One(Kind::Message(message)) => {
                let name = message.full_name();
                if !name.starts_with("google.protobuf.") {
                    return self.fields(message, object);
                }
                if name == "google.protobuf.Timestamp" {
                    self.found("an object");
                }
                skip(object)
            }
            Shape::Map(kind) => {
                let mut keys = BTreeSet::new();
                while let Some(key) = object.next_key::<String>()? {
                    let value = Expect::element(kind, self.place.key(&key), self.faults);
                    if keys.contains(&key) {
                        value.fault("this key is given twice".to_owned());
                    }
                    object.next_value_seed(value)?;
                    keys.insert(key);
                }
                Ok(true)
            }
            _ => {
                self.found("an object");
                skip(object)
            }
        }
    }
}

impl Expect<'_> {
    fn fields<'de, A: MapAccess<'de>>(
        &self,
        message: &MessageDescriptor,
        mut object: A,
    ) -> Result<bool, A::Error> {
        let mut seen = BTreeSet::new();
        // (oneof, the field given)
        let mut chosen: Vec<(String, String)> = Vec::new();
        while let Some(key) = object.next_key::<String>()? {
            let place = self.place.key(&key);
            let known = message
                .get_field_by_json_name(&key)
                .or_else(|| message.get_field_by_name(&key));
            let Some(field) = known else {
                let names = message.fields().map(|field| field.json_name().to_owned());
                let unknown = Expect::element(&Kind::Bool, place, self.faults);
                unknown.fault(format!(
                    "no such field; `{}` has {}",
                    message.name(),
                    listed(names)
                ));
                object.next_value::<IgnoredAny>()?;
                continue;
            };
            let oneof = field.containing_oneof().map(|of| of.name().to_owned());
            let conflict = oneof.as_ref().and_then(|of| {
                let taken = chosen.iter().find(|(name, _)| name == of);
                taken.map(|(_, field)| field.clone())
            });
            let again = !seen.insert(field.number());
            let conflict = conflict.filter(|_| !again);
            let value = Expect::field(&field, conflict, place, self.faults);
            if again {
                value.fault("this field is given twice".to_owned());
            }
            let given = object.next_value_seed(value)?;
            if let (Some(of), true) = (oneof, given) {
                chosen.push((of, field.json_name().to_owned()));
            }
        }
        Ok(true)
    }
}

/// Reads over an object.
fn skip<'de, A: MapAccess<'de>>(mut object: A) -> Result<bool, A::Error> {
    while object.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
    Ok(true)
}

fn listed(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.collect();
    let more = names.len() > LISTED;
    names.truncate(LISTED);
    let text = names.join(", ");
    if more { format!("{text}, …") } else { text }
}
