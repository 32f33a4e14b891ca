//! What is taken of each field of a record, worked out of the descriptors once.

use std::{collections::HashMap, sync::LazyLock};

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

use crate::{
    search::codes::{self, Code},
    wire::json,
};

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

/// The plan of a record.
pub(super) static RECORD: LazyLock<Plan> = LazyLock::new(Plan::of_record);

/// Messages by their place; the record is the first.
#[derive(Debug, Default)]
pub(super) struct Plan {
    messages: Vec<Message>,
}

/// A message and its fields.
#[derive(Debug, Default)]
pub(super) struct Message {
    /// Full name `comity.record.v1.Identifier`.
    pub(super) is_identifier: bool,
    /// Number of the field that says in which language the others are.
    pub(super) language: Option<u32>,
    /// By number, ascending.
    fields: Vec<Field>,
}

/// A field of which something is taken.
#[derive(Debug)]
pub(super) struct Field {
    number: u32,
    /// As in the proto.
    pub(super) name: String,
    /// As in JSON.
    pub(super) json: String,
    pub(super) is_list: bool,
    pub(super) what: What,
}

/// What is taken of a field.
#[derive(Debug)]
pub(super) enum What {
    Text(OfText),
    Codes(HashMap<i32, Code>),
    /// A message, by its place.
    Message(usize),
    /// A map from tags of languages to messages: the entry's place.
    Map(usize),
}

/// What a text is.
#[derive(Clone, Copy, Debug)]
pub(super) struct OfText {
    pub(super) has_words: bool,
    pub(super) of_identifier: bool,
    pub(super) is_name: bool,
    pub(super) weighty: bool,
    pub(super) is_crossing: bool,
}

impl Plan {
    fn of_record() -> Self {
        let mut plan = Self::default();
        if let Ok(record) = json::message_descriptor(codes::RECORD) {
            plan.place(&record, &mut HashMap::new());
        }
        plan
    }

    /// The record.
    pub(super) fn root(&self) -> &Message {
        self.message(0)
    }

    /// A message by its place.
    pub(super) fn message(&self, place: usize) -> &Message {
        static NONE: Message = Message {
            is_identifier: false,
            language: None,
            fields: Vec::new(),
        };
        self.messages.get(place).unwrap_or(&NONE)
    }

    /// The place of a message, which may hold itself.
    fn place(&mut self, of: &MessageDescriptor, known: &mut HashMap<String, usize>) -> usize {
        if let Some(place) = known.get(of.full_name()) {
            return *place;
        }
        let place = self.messages.len();
        known.insert(of.full_name().to_owned(), place);
        self.messages.push(Message::default());
        let mut fields: Vec<Field> = of
            .fields()
            .filter_map(|field| self.field(of, &field, known))
            .collect();
        fields.sort_by_key(|field| field.number);
        let language = of.get_field_by_name("language");
        let language = language.filter(|field| field.kind() == Kind::String && !field.is_list());
        if let Some(message) = self.messages.get_mut(place) {
            *message = Message {
                is_identifier: of.full_name() == "comity.record.v1.Identifier",
                language: language.map(|field| field.number()),
                fields,
            };
        }
        place
    }

    fn field(
        &mut self,
        parent: &MessageDescriptor,
        field: &FieldDescriptor,
        known: &mut HashMap<String, usize>,
    ) -> Option<Field> {
        let name = field.name();
        let what = match field.kind() {
            Kind::String => {
                let of_identifier = parent.name() == "Identifier" && name == "value";
                let is_name = matches!(parent.name(), "Name" | "NetworkName") && name == "text";
                What::Text(OfText {
                    has_words: !NO_WORDS.contains(&name),
                    of_identifier,
                    is_name,
                    weighty: is_name || of_identifier || NAMES.contains(&name),
                    is_crossing: name == "crossing_id",
                })
            }
            Kind::Enum(of) => {
                let values = of.values().filter_map(|value| {
                    let number = value.number();
                    Some((number, codes::code(field, &of, number)?))
                });
                What::Codes(values.collect())
            }
            Kind::Message(of) if field.is_map() => What::Map(self.place(&of, known)),
            Kind::Message(of) => What::Message(self.place(&of, known)),
            _ => return None,
        };
        Some(Field {
            number: field.number(),
            name: name.to_owned(),
            json: field.json_name().to_owned(),
            is_list: field.is_list(),
            what,
        })
    }
}

impl Message {
    /// A field by its number; `None` when nothing is taken of it.
    pub(super) fn field(&self, number: u32) -> Option<&Field> {
        let at = self
            .fields
            .binary_search_by_key(&number, |field| field.number);
        self.fields.get(at.ok()?)
    }

    /// The number of a field by its name in the proto.
    pub(super) fn number(&self, name: &str) -> Option<u32> {
        let mut fields = self.fields.iter();
        Some(fields.find(|field| field.name == name)?.number)
    }
}
