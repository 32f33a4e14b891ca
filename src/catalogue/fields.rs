//! The fields of a record: what the descriptors, the comments and the validator say of each.

use std::fmt;

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind as FieldKind, MessageDescriptor, ReflectMessage as _,
};

use super::{
    UnknownKind,
    ask::{TIMESTAMP, Validator, Way},
    examples, kind,
};
use crate::{
    record::compartments::label_name,
    wire::{comments, json, record::CompartmentLabel},
};

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Path in JSON names; `[]` stands for the elements of a list, `{}` for the values of a map.
    pub path: String,
    /// What it is: `text`, `list of Leg`, `code of Transport`.
    pub type_name: String,
    /// The compartment it travels in.
    pub compartment: &'static str,
    /// Whether it must be there.
    pub need: Need,
    /// What the validator allows, such as `at most 256 characters`.
    pub bounds: Vec<String>,
    /// The code list of its codes.
    pub codes: Option<String>,
    /// What the proto says of it.
    pub about: String,
}

/// Whether a field must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Need {
    /// Wherever what it lies in is there.
    Required,
    /// Where this field beside it is given, as in the example.
    With(String),
    /// Where this field beside it is not given.
    Unless(String),
    /// It may be left out.
    Optional,
    /// The node gives it; a submission has none.
    ByTheNode,
}

impl fmt::Display for Need {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Required => f.write_str("yes"),
            Self::With(other) => write!(f, "with {other}"),
            Self::Unless(other) => write!(f, "unless {other}"),
            Self::Optional => f.write_str("no"),
            Self::ByTheNode => f.write_str("by the node"),
        }
    }
}

/// The fields that only records of this kind have.
///
/// # Errors
/// [`UnknownKind`] when there is none of this name.
pub fn fields_of(name: &str) -> Result<Vec<Field>, UnknownKind> {
    let kind = kind(name)?;
    let example = examples::written(&kind.name)?;
    let record = example.descriptor();
    let way: Option<Way> = record.get_field_by_name("situation").and_then(|situation| {
        let own = situation
            .kind()
            .as_message()?
            .get_field_by_json_name(&kind.field)?;
        Some(vec![situation, own])
    });
    let validator = Validator::new(example, examples::WRITTEN_AT);
    let mut fields = Vec::new();
    let mut way = way.unwrap_or_default();
    for field in inside(&way) {
        way.push(field);
        describe(&validator, &mut way, &mut fields);
        way.pop();
    }
    Ok(fields)
}

/// The fields that records of every kind have.
pub fn common_fields() -> Vec<Field> {
    let Ok(example) = examples::written(examples::EVERY_FIELD) else {
        return Vec::new();
    };
    let record = example.descriptor();
    let validator = Validator::new(example, examples::WRITTEN_AT);
    let mut fields = Vec::new();
    for field in in_order(&record) {
        describe(&validator, &mut vec![field], &mut fields);
    }
    fields
}

/// Every field and the way to it.
#[cfg(test)]
pub(super) fn ways(record: &MessageDescriptor, from: Option<&str>) -> Vec<Way> {
    fn walk(way: &mut Way, found: &mut Vec<Way>) {
        found.push(way.clone());
        for field in inside(way) {
            way.push(field);
            walk(way, found);
            way.pop();
        }
    }
    let mut found = Vec::new();
    for field in in_order(record) {
        let mut way = vec![field];
        if let (Some(kind), "situation") = (from, way[0].name()) {
            let situation = way[0].kind();
            let own = situation.as_message().unwrap().get_field_by_json_name(kind);
            way.push(own.unwrap());
        } else if from.is_some() {
            continue;
        }
        walk(&mut way, &mut found);
    }
    found
}

fn describe(validator: &Validator, way: &mut Way, fields: &mut Vec<Field>) {
    if let Some(field) = way.last() {
        let answer = validator.asked(way);
        fields.push(Field {
            path: path(way),
            type_name: type_name(field),
            compartment: compartment(way),
            need: answer.need,
            bounds: answer.bounds,
            codes: field.kind().as_enum().map(|of| of.name().to_owned()),
            about: comments::of_field(field),
        });
    }
    for field in inside(way) {
        way.push(field);
        describe(validator, way, fields);
        way.pop();
    }
}

/// The fields in the last field of a way; none of those that only the node or commands make, and of
/// the situation none of the kinds.
fn inside(way: &Way) -> Vec<FieldDescriptor> {
    let Some(field) = way.last() else {
        return Vec::new();
    };
    let FieldKind::Message(message) = field.kind() else {
        return Vec::new();
    };
    let message = if field.is_map() {
        match message.map_entry_value_field().kind() {
            FieldKind::Message(value) => value,
            _ => return Vec::new(),
        }
    } else {
        message
    };
    let made = way.len() == 1 && ["step", "onward"].contains(&field.name());
    if made || message.full_name().starts_with("google.protobuf.") {
        return Vec::new();
    }
    let kinds = |of: &FieldDescriptor| {
        of.containing_oneof()
            .is_some_and(|one| one.name() == "kind")
    };
    in_order(&message)
        .into_iter()
        .filter(|of| !kinds(of))
        .collect()
}

fn in_order(message: &MessageDescriptor) -> Vec<FieldDescriptor> {
    message.fields().collect()
}

fn path(way: &Way) -> String {
    let mut path = String::new();
    for field in way {
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(field.json_name());
        if field.is_list() {
            path.push_str("[]");
        } else if field.is_map() {
            path.push_str("{}");
        }
    }
    path
}

fn compartment(way: &Way) -> &'static str {
    let field = way.first().map_or("", FieldDescriptor::name);
    let labels = [
        CompartmentLabel::Suspects,
        CompartmentLabel::Identifiers,
        CompartmentLabel::Victims,
        CompartmentLabel::Source,
        CompartmentLabel::Evidence,
    ];
    let own = labels
        .into_iter()
        .map(label_name)
        .find(|name| *name == field);
    own.unwrap_or(label_name(CompartmentLabel::Situation))
}

fn type_name(field: &FieldDescriptor) -> String {
    let kind = field.kind();
    if let (true, FieldKind::Message(entry)) = (field.is_map(), &kind) {
        return format!("{} by text", single(&entry.map_entry_value_field().kind()));
    }
    if field.is_list() {
        return format!("list of {}", single(&kind));
    }
    single(&kind)
}

fn single(kind: &FieldKind) -> String {
    match kind {
        FieldKind::String => "text".to_owned(),
        FieldKind::Bool => "true or false".to_owned(),
        FieldKind::Bytes => "base64".to_owned(),
        FieldKind::Double | FieldKind::Float => "number".to_owned(),
        FieldKind::Enum(of) => format!("code of {}", of.name()),
        FieldKind::Message(of) if of.full_name() == TIMESTAMP => "time".to_owned(),
        FieldKind::Message(of) => of.name().to_owned(),
        _ => "whole number".to_owned(),
    }
}

/// The descriptor of a record.
pub(super) fn record() -> Option<DynamicMessage> {
    let descriptor = json::message_descriptor("comity.record.v1.Record").ok()?;
    Some(DynamicMessage::new(descriptor))
}
