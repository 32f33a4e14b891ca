//! What the protos say of their messages, fields and codes: the comments before them, kept beside
//! the descriptors and read when somebody asks.

use std::{collections::HashMap, sync::LazyLock};

use prost::Message as _;
use prost_reflect::{
    EnumDescriptor, EnumValueDescriptor, FieldDescriptor, FileDescriptor, MessageDescriptor,
};
use prost_types::{FileDescriptorSet, SourceCodeInfo};

/// Where each comment of a file stands, by the file's name.
static COMMENTS: LazyLock<HashMap<String, SourceCodeInfo>> = LazyLock::new(|| {
    let set = include_bytes!(concat!(env!("OUT_DIR"), "/comity.comments.fds"));
    let files = FileDescriptorSet::decode(set.as_ref())
        .unwrap_or_default()
        .file;
    let named = files
        .into_iter()
        .filter_map(|file| Some((file.name?, file.source_code_info?)));
    named.collect()
});

/// The comment of a message, on one line.
pub(crate) fn of_message(message: &MessageDescriptor) -> String {
    comment(&message.parent_file(), message.path())
}

/// The comment of a field, on one line.
pub(crate) fn of_field(field: &FieldDescriptor) -> String {
    comment(&field.parent_message().parent_file(), field.path())
}

/// The comment of an enum, on one line.
pub(crate) fn of_enum(of: &EnumDescriptor) -> String {
    comment(&of.parent_file(), of.path())
}

/// The comment of a value of an enum, on one line.
pub(crate) fn of_value(value: &EnumValueDescriptor) -> String {
    comment(&value.parent_enum().parent_file(), value.path())
}

fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let text = COMMENTS
        .get(file.name())
        .and_then(|info| info.location.iter().find(|location| location.path == path))
        .map_or("", |location| location.leading_comments());
    let words: Vec<&str> = text.split_whitespace().collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    #[test]
    fn comments_are_those_of_the_protos() {
        let leg = json::message_descriptor("comity.record.v1.Leg").unwrap();
        assert_eq!(of_message(&leg), "One leg of a route.");
        let from = leg.get_field_by_name("from").unwrap();
        assert_eq!(
            of_field(&from),
            "Where the leg begins; where the leg before ended."
        );
        let transport = json::enum_descriptor("comity.record.v1.Transport").unwrap();
        assert_eq!(of_enum(&transport), "Means of transport.");
        let rail = transport.get_value_by_name("TRANSPORT_RAIL").unwrap();
        assert_eq!(of_value(&rail), "Rail.");
    }
}
