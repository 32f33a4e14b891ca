//! Where in a record a value goes.

use prost_reflect::{
    DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value,
};

use super::codes::Codes;
use crate::{catalogue, wire::json};

/// Most elements of a list that a mapping fills by number.
const MAX_INDEX: usize = 64;

/// A field of a record.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Its path from the record.
    pub(super) path: String,
    steps: Vec<Step>,
    pub(super) leaf: Leaf,
    /// Whether the field is a list, to which values are added.
    pub(super) list: bool,
}

#[derive(Clone, Debug)]
struct Step {
    field: FieldDescriptor,
    index: Option<usize>,
}

/// What a field holds.
#[derive(Clone, Debug)]
pub(super) enum Leaf {
    Text,
    Code(Codes),
    /// A whole number, of the kind.
    Whole(Kind),
    Decimal,
    Truth,
    Time(MessageDescriptor),
}

/// Fields of a record that nobody outside the node gives.
const GIVEN: [&str; 4] = ["reference", "submitted_at", "step", "onward"];

/// The descriptor of a record.
pub(super) fn record() -> Result<MessageDescriptor, String> {
    json::message_descriptor("comity.record.v1.Record").map_err(|error| error.to_string())
}

/// Finds a field by its path, from the record, or from the kind's own message.
pub(super) fn find(path: &str, kind: &catalogue::Kind) -> Result<Target, String> {
    let record = record()?;
    let first = path.split(['.', '[']).next().unwrap_or_default();
    if named(&record, first).is_some() {
        return walk(&record, path, kind);
    }
    let within = format!("situation.{}.{path}", kind.field);
    walk(&record, &within, kind).map_err(|why| format!("`{path}`: {why}"))
}

fn named(of: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    of.get_field_by_json_name(name)
        .or_else(|| of.get_field_by_name(name))
}

/// Whether a path from the kind's own message would be taken for one from the record.
pub(super) fn is_of_the_record(path: &str) -> bool {
    let first = path.split(['.', '[']).next().unwrap_or_default();
    record().is_ok_and(|record| named(&record, first).is_some())
}

fn walk(record: &MessageDescriptor, path: &str, kind: &catalogue::Kind) -> Result<Target, String> {
    let mut message = record.clone();
    let mut steps: Vec<Step> = Vec::new();
    let mut shown = String::new();
    let mut parts = path.split('.').peekable();
    while let Some(part) = parts.next() {
        let (name, index) = part_of(part)?;
        let Some(field) = named(&message, name) else {
            let names: Vec<String> = message
                .fields()
                .filter(|of| of.containing_oneof().is_none_or(|one| one.name() != "kind"))
                .map(|of| of.json_name().to_owned())
                .collect();
            return Err(format!(
                "no field `{name}` is there; {} has {}",
                message.name(),
                names.join(", ")
            ));
        };
        if steps.is_empty() && GIVEN.contains(&field.name()) {
            return Err(format!(
                "`{name}` is given by the node, not by whoever feeds it"
            ));
        }
        let of_kinds = field
            .containing_oneof()
            .is_some_and(|of| of.name() == "kind");
        if of_kinds && field.json_name() != kind.field {
            return Err(format!(
                "`{name}` belongs to another kind than {}",
                kind.name
            ));
        }
        if field.is_map() {
            return Err(format!(
                "`{name}` is a table by language, which a mapping does not fill"
            ));
        }
        if !shown.is_empty() {
            shown.push('.');
        }
        shown.push_str(field.json_name());
        let last = parts.peek().is_none();
        match field.kind() {
            Kind::Message(inner) if inner.full_name() != "google.protobuf.Timestamp" => {
                if last {
                    let names: Vec<String> =
                        inner.fields().map(|of| of.json_name().to_owned()).collect();
                    return Err(format!(
                        "`{shown}` has fields of its own; name one of {}",
                        names.join(", ")
                    ));
                }
                let index = match (field.is_list(), index) {
                    (true, Some(Some(index))) => Some(index),
                    (true, _) => {
                        return Err(format!(
                            "`{shown}` is a list; name an element, such as {shown}[0]"
                        ));
                    }
                    (false, None) => None,
                    (false, Some(_)) => return Err(format!("`{shown}` is no list")),
                };
                if let Some(index) = index {
                    shown.push_str(&format!("[{index}]"));
                }
                steps.push(Step { field, index });
                message = inner;
            }
            leaf_kind => {
                if !last {
                    return Err(format!("`{shown}` has no fields of its own"));
                }
                let list = field.is_list();
                if !list && index.is_some() {
                    return Err(format!("`{shown}` is no list"));
                }
                if matches!(index, Some(Some(_))) {
                    return Err(format!(
                        "values are added to the list `{shown}`; leave the number out"
                    ));
                }
                let leaf = leaf(&leaf_kind).ok_or_else(|| {
                    format!("`{shown}` holds bytes, which a mapping does not fill")
                })?;
                steps.push(Step { field, index: None });
                return Ok(Target {
                    path: shown,
                    steps,
                    leaf,
                    list,
                });
            }
        }
    }
    Err("the path is empty".to_owned())
}

fn leaf(kind: &Kind) -> Option<Leaf> {
    Some(match kind {
        Kind::String => Leaf::Text,
        Kind::Bool => Leaf::Truth,
        Kind::Double | Kind::Float => Leaf::Decimal,
        Kind::Enum(of) => Leaf::Code(Codes::of(of)),
        Kind::Message(of) => Leaf::Time(of.clone()),
        Kind::Bytes => return None,
        whole => Leaf::Whole(whole.clone()),
    })
}

/// Name and, behind it, `[]` or `[n]`.
fn part_of(part: &str) -> Result<(&str, Option<Option<usize>>), String> {
    let Some((name, rest)) = part.split_once('[') else {
        return Ok((part, None));
    };
    let number = rest.strip_suffix(']');
    match number {
        Some("") => Ok((name, Some(None))),
        Some(number) => match number.parse() {
            Ok(number) if number < MAX_INDEX => Ok((name, Some(Some(number)))),
            _ => Err(format!(
                "`[{number}]` is no place in a list, [0] to [{}]",
                MAX_INDEX - 1
            )),
        },
        None => Err(format!("`{part}` lacks a `]`")),
    }
}

impl Target {
    /// Whether the field has a value.
    pub(super) fn is_set(&self, record: &mut DynamicMessage) -> bool {
        let Some((last, parent)) = self.last(record) else {
            return false;
        };
        parent.has_field(&last.field)
    }

    /// Sets the field, or adds to the list.
    pub(super) fn put(&self, record: &mut DynamicMessage, value: Value) {
        let list = self.list;
        let Some((last, parent)) = self.last(record) else {
            return;
        };
        if list {
            if let Some(values) = parent.get_field_mut(&last.field).as_list_mut()
                && !values.contains(&value)
            {
                values.push(value);
            }
        } else {
            parent.set_field(&last.field, value);
        }
    }

    /// The message that the field lies in, made where it is not there.
    fn last<'a>(&self, record: &'a mut DynamicMessage) -> Option<(&Step, &'a mut DynamicMessage)> {
        let (last, steps) = self.steps.split_last()?;
        let mut at = record;
        for step in steps {
            let value = at.get_field_mut(&step.field);
            at = match step.index {
                None => value.as_message_mut()?,
                Some(index) => {
                    let list = value.as_list_mut()?;
                    let Kind::Message(inner) = step.field.kind() else {
                        return None;
                    };
                    while list.len() <= index {
                        list.push(Value::Message(DynamicMessage::new(inner.clone())));
                    }
                    list.get_mut(index)?.as_message_mut()?
                }
            };
        }
        Some((last, at))
    }
}

/// Takes out elements and messages that nothing was put into.
pub(super) fn prune(message: &mut DynamicMessage) -> bool {
    let fields: Vec<FieldDescriptor> = message.descriptor().fields().collect();
    for field in fields {
        if !message.has_field(&field) {
            continue;
        }
        if field.is_map() || field.kind().as_message().is_none() {
            continue;
        }
        let empty = match message.get_field_mut(&field) {
            Value::Message(inner)
                if inner.descriptor().full_name() == "google.protobuf.Timestamp" =>
            {
                false
            }
            Value::Message(inner) => prune(inner),
            Value::List(list) => {
                list.retain_mut(|of| of.as_message_mut().is_none_or(|of| !prune(of)));
                list.is_empty()
            }
            _ => false,
        };
        // The kind's own message says of which kind the record is.
        if empty && field.containing_oneof().is_none() {
            message.clear_field(&field);
        }
    }
    message.fields().next().is_none()
}
