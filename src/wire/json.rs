//! Canonical proto3 JSON, from the descriptors compiled in, and strict: an unknown field, a code
//! that is not in its list, a value of the wrong kind, a field given twice and text after the end
//! are refused with the path of the field.
//!
//! Reading takes two passes over the text. The first walks it against the descriptors and refuses;
//! it can therefore say what is allowed at a path, and it never repeats the text it refuses, which
//! may belong to a compartment. The second builds the message.
//!
//! ```
//! use comity::wire::{json, record::Record};
//!
//! let error = json::from_json::<Record>("comity.record.v1.Record", r#"{"urgencyy": 1}"#);
//! assert_eq!(error.unwrap_err().path, "urgencyy");
//! ```

mod check;
mod place;
mod stream;
#[cfg(test)]
mod stream_tests;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

use prost::Message;
use prost_reflect::{
    DescriptorPool, DeserializeOptions, DynamicMessage, EnumDescriptor, MessageDescriptor,
    SerializeOptions,
};
use serde_path_to_error::{Path, Segment, Track};

pub use stream::{MAX_RECORD_TEXT, RecordStream, StreamError};

static POOL: LazyLock<Option<DescriptorPool>> = LazyLock::new(|| {
    DescriptorPool::decode(include_bytes!(concat!(env!("OUT_DIR"), "/comity.fds")).as_ref()).ok()
});

/// JSON that is not the message it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{}{message}{}",
    if path.is_empty() { String::new() } else { format!("`{path}`: ") },
    if others.is_empty() { String::new() } else { format!(", and {} more", others.len()) }
)]
pub struct JsonError {
    /// Path of the field as it was written, such as `situation.route.legs[0].crossingID`; empty for
    /// the text as a whole.
    pub path: String,
    /// What was found and what is allowed; never the text that was found.
    pub message: String,
    /// What else is wrong, in the order of the text, at most 100; each without others.
    pub others: Vec<JsonError>,
}

impl JsonError {
    fn whole(message: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            message: message.into(),
            others: Vec::new(),
        }
    }
}

/// The canonical JSON of a message.
///
/// `name` is the message's full name, such as `comity.record.v1.Record`. Fields at their default
/// are left out; 64-bit integers are text, as proto3 JSON has it.
///
/// # Errors
/// [`JsonError`] when no message has this name, when `message` is not that message, or when it
/// holds what JSON cannot express, such as a time outside the years 1 to 9999.
pub fn to_json<M: Message>(name: &str, message: &M) -> Result<serde_json::Value, JsonError> {
    let descriptor = message_descriptor(name)?;
    let dynamic = DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice())
        .map_err(|_| JsonError::whole(format!("the message is not a {name}")))?;
    dynamic
        .serialize_with_options(serde_json::value::Serializer, &SerializeOptions::new())
        .map_err(|error| JsonError::whole(format!("the message has no JSON form: {error}")))
}

/// The message that canonical JSON stands for.
///
/// `name` is the message's full name. Field names may be written in camel case or as in the proto.
/// The caller bounds the length of `text`; nesting is bounded by the message's own depth.
///
/// # Errors
/// [`JsonError`]: everything that is wrong, each with the path of its field.
pub fn from_json<M: Message + Default>(name: &str, text: &str) -> Result<M, JsonError> {
    read(name, text)?
        .transcode_to()
        .map_err(|_| JsonError::whole(format!("the text is not a {name}")))
}

fn read(name: &str, text: &str) -> Result<DynamicMessage, JsonError> {
    let descriptor = message_descriptor(name)?;
    check::check(&descriptor, text)?;

    let mut json = serde_json::Deserializer::from_str(text);
    let mut track = Track::new();
    let tracked = serde_path_to_error::Deserializer::new(&mut json, &mut track);
    let options = DeserializeOptions::new().deny_unknown_fields(true);
    let message = DynamicMessage::deserialize_with_options(descriptor, tracked, &options);
    message.map_err(|error| JsonError {
        path: path_text(&track.path()),
        message: error.to_string(),
        others: Vec::new(),
    })
}

/// The name of an enum's value, such as `URGENCY_ROUTINE`; `name` is the enum's full name.
pub fn enum_name(name: &str, number: i32) -> Option<String> {
    let value = enum_descriptor(name)?.get_value(number)?;
    Some(value.name().to_owned())
}

/// Every name and number of an enum but the first, which says "not stated", in the order of the
/// proto; empty when no enum has this name.
pub fn enum_codes(name: &str) -> Vec<(String, i32)> {
    enum_descriptor(name)
        .iter()
        .flat_map(EnumDescriptor::values)
        .filter(|value| value.number() != 0)
        .map(|value| (value.name().to_owned(), value.number()))
        .collect()
}

/// The names, without the package, of all enums in the proto files whose path begins with `files`,
/// such as `comity/record/v1/vocabulary`.
pub fn enum_names(files: &str) -> impl Iterator<Item = String> {
    let enums = POOL.iter().flat_map(|pool| pool.all_enums());
    enums
        .filter(move |of| of.parent_file().name().starts_with(files))
        .map(|of| of.name().to_owned())
}

/// Every service.
pub(super) fn services() -> impl Iterator<Item = prost_reflect::ServiceDescriptor> {
    POOL.iter().flat_map(DescriptorPool::services)
}

/// The descriptor of a message, by its full name.
pub(crate) fn message_descriptor(name: &str) -> Result<MessageDescriptor, JsonError> {
    POOL.as_ref()
        .and_then(|pool| pool.get_message_by_name(name))
        .ok_or_else(|| JsonError::whole(format!("no message is called `{name}`")))
}

/// The descriptor of an enum, by its full name.
pub(crate) fn enum_descriptor(name: &str) -> Option<EnumDescriptor> {
    POOL.as_ref()?.get_enum_by_name(name)
}

/// The path as JSON names it. Keys come from outside: one that could not be a field name is not
/// repeated.
fn path_text(path: &Path) -> String {
    let mut text = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => text.push_str(&format!("[{index}]")),
            Segment::Map { key } => {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key_text(key).unwrap_or("…"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

/// `key` when it could be a field name or a language tag.
fn key_text(key: &str) -> Option<&str> {
    word(key).or_else(|| {
        let plain = |part: &str| word(part).is_some_and(|part| part.len() <= 8);
        (key.len() <= 16 && key.split('-').all(plain)).then_some(key)
    })
}

/// `text` when it could be a field name or a code.
fn word(text: &str) -> Option<&str> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!text.is_empty() && text.len() <= 64 && text.chars().all(plain)).then_some(text)
}
