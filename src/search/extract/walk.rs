//! The walk over an encoded record, by its plan. What it reads was encoded by this program: bytes that
//! are no message end the walk of their part.

use std::fmt::Write as _;

use prost::{
    Message as _,
    encoding::{self, DecodeContext, WireType},
};

use crate::{
    record::{Country, vocab},
    search::{entity::Entity, text::Language},
    wire::record::{CompartmentLabel, Identifier},
};

use super::{
    CodeAt, Extract, Mention, Text,
    plan::{Field, Message, OfText, RECORD, What},
};

/// Texts taken from one record; validated records have fewer.
const MAX_TEXTS: usize = 2_000;
/// Depth of messages in messages.
const MAX_DEPTH: usize = 16;

/// Where the walk is, and what it found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    pub(super) found: Extract,
    /// In JSON names, such as `situation.route.legs[0]`.
    path: String,
}

/// The value of a field as it is encoded.
enum Encoded<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

/// Takes the next field.
fn next<'a>(rest: &mut &'a [u8]) -> Option<(u32, Encoded<'a>)> {
    loop {
        if rest.is_empty() {
            return None;
        }
        let (number, wire) = encoding::decode_key(rest).ok()?;
        match wire {
            WireType::Varint => {
                return Some((number, Encoded::Number(encoding::decode_varint(rest).ok()?)));
            }
            WireType::LengthDelimited => {
                let length = usize::try_from(encoding::decode_varint(rest).ok()?).ok()?;
                let (bytes, after) = rest.split_at_checked(length)?;
                *rest = after;
                return Some((number, Encoded::Bytes(bytes)));
            }
            other => {
                encoding::skip_field(other, number, rest, DecodeContext::default()).ok()?;
            }
        }
    }
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

impl Walk {
    /// Takes what a message holds.
    pub(super) fn message(
        &mut self,
        plan: &Message,
        bytes: &[u8],
        label: CompartmentLabel,
        language: Option<Language>,
        depth: usize,
    ) {
        if plan.is_identifier
            && let Ok(identifier) = Identifier::decode(bytes)
            && let Some(entity) = Entity::of(&identifier)
        {
            self.found.mentions.push(Mention {
                field: self.path.clone(),
                compartment: label,
                entity,
                written: identifier.value,
            });
        }
        let language = own_language(plan, bytes).or(language);
        let (mut rest, mut last, mut index) = (bytes, 0, 0_usize);
        while let Some((number, value)) = next(&mut rest) {
            index = if number == last {
                index.saturating_add(1)
            } else {
                0
            };
            last = number;
            let Some(field) = plan.field(number) else {
                continue;
            };
            let length = self.path.len();
            if length > 0 {
                self.path.push('.');
            }
            self.path.push_str(&field.json);
            self.value(field, index, &value, label, language, depth);
            self.path.truncate(length);
        }
    }

    fn value(
        &mut self,
        field: &Field,
        index: usize,
        value: &Encoded<'_>,
        label: CompartmentLabel,
        language: Option<Language>,
        depth: usize,
    ) {
        let length = self.path.len();
        let at = |walk: &mut Self, index: usize| {
            if field.is_list {
                walk.path.truncate(length);
                // Writing to a text does not fail.
                let _ = write!(walk.path, "[{index}]");
            }
        };
        match (&field.what, value) {
            (What::Codes(codes), Encoded::Number(number)) => {
                at(self, index);
                self.code(codes.get(&enum_number(*number)), label);
            }
            // The numbers of a list stand together.
            (What::Codes(codes), Encoded::Bytes(bytes)) => {
                let mut rest = *bytes;
                for index in 0.. {
                    let Ok(number) = encoding::decode_varint(&mut rest) else {
                        break;
                    };
                    at(self, index);
                    self.code(codes.get(&enum_number(number)), label);
                }
            }
            (What::Text(of), Encoded::Bytes(bytes)) => {
                at(self, index);
                self.text(*of, text(bytes), label, language);
            }
            (What::Message(place), Encoded::Bytes(bytes)) if depth < MAX_DEPTH => {
                at(self, index);
                let plan = RECORD.message(*place);
                self.message(plan, bytes, label, language, depth.saturating_add(1));
            }
            (What::Map(place), Encoded::Bytes(bytes)) if depth < MAX_DEPTH => {
                self.entry(*place, bytes, label, language, depth);
            }
            _ => {}
        }
    }

    /// An entry of a map: a tag of a language and what is in it.
    fn entry(
        &mut self,
        place: usize,
        bytes: &[u8],
        label: CompartmentLabel,
        language: Option<Language>,
        depth: usize,
    ) {
        let (mut key, mut inner, mut rest) = ("", [].as_slice(), bytes);
        while let Some((number, value)) = next(&mut rest) {
            match (number, value) {
                (1, Encoded::Bytes(bytes)) => key = text(bytes),
                (2, Encoded::Bytes(bytes)) => inner = bytes,
                _ => {}
            }
        }
        let Some(What::Message(of)) = RECORD.message(place).field(2).map(|field| &field.what)
        else {
            return;
        };
        // Keys are tags of languages; nothing else from outside becomes a path.
        self.path.push('[');
        let tag = key
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || *c == '-');
        self.path.extend(tag);
        self.path.push(']');
        let language = Language::of_tag(key).or(language);
        let plan = RECORD.message(*of);
        self.message(plan, inner, label, language, depth.saturating_add(1));
    }

    fn code(&mut self, code: Option<&crate::search::codes::Code>, label: CompartmentLabel) {
        if let Some(code) = code {
            self.found.codes.push(CodeAt {
                field: self.path.clone(),
                compartment: label,
                code: *code,
            });
        }
    }

    fn text(
        &mut self,
        of: OfText,
        text: &str,
        label: CompartmentLabel,
        language: Option<Language>,
    ) {
        if text.is_empty() || self.found.texts.len() >= MAX_TEXTS || !of.has_words {
            return;
        }
        if text.len() == 2
            && text.bytes().all(|byte| byte.is_ascii_uppercase())
            && let Ok(country) = text.parse::<Country>()
        {
            if !self.found.countries.contains(&(country, label)) {
                self.found.countries.push((country, label));
            }
            return;
        }
        let mut add = |text: &str| {
            self.found.texts.push(Text {
                field: self.path.clone(),
                compartment: label,
                text: text.to_owned(),
                language,
                weighty: of.weighty,
                is_name: of.is_name,
            });
        };
        add(text);
        // A crossing is asked for by its name on either side.
        if of.is_crossing
            && let Some(crossing) = vocab::crossing(text)
        {
            for of_side in [crossing.names.0, crossing.names.1] {
                if !of_side.is_empty() {
                    add(of_side);
                }
            }
        }
        if !of.of_identifier {
            for (entity, written) in Entity::mentioned(text) {
                self.found.mentions.push(Mention {
                    field: self.path.clone(),
                    compartment: label,
                    entity,
                    written,
                });
            }
        }
    }
}

/// The language that a message says it is in.
fn own_language(plan: &Message, bytes: &[u8]) -> Option<Language> {
    let of = plan.language?;
    let mut rest = bytes;
    let mut language = None;
    while let Some((number, value)) = next(&mut rest) {
        if number == of
            && let Encoded::Bytes(tag) = value
        {
            language = Language::of_tag(text(tag));
        }
    }
    language
}

/// Numbers of enums are sent as 64 bits; their low half is the number.
fn enum_number(varint: u64) -> i32 {
    let low = u32::try_from(varint & u64::from(u32::MAX)).unwrap_or(0);
    low.cast_signed()
}
