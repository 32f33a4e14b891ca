//! The codes that records carry, under the names by which they are searched: `purpose=FORCED_LABOUR`.
//!
//! A list is named after its enum in the proto; a yes-or-no answer after its field, such as
//! `threats=YES`.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::LazyLock,
};

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::wire::json;

/// Full name of the record's message.
pub(super) const RECORD: &str = "comity.record.v1.Record";
/// The enum whose lists are named after the field.
const ANSWER: &str = "comity.record.v1.Answer";

/// A code of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Code {
    /// The list, such as `purpose`.
    pub list: &'static str,
    /// The code, such as `FORCED_LABOUR`.
    pub value: &'static str,
}

/// A code that is asked for and does not exist.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnknownCode {
    /// Not LIST=CODE.
    #[error("a code is written LIST=CODE, such as purpose=FORCED_LABOUR")]
    Form,
    /// No list has this name.
    #[error("no list of codes has this name; the lists are {0}")]
    List(String),
    /// The list has no such code.
    #[error("the list {list} has no such code; it has {codes}")]
    Value {
        /// The list.
        list: &'static str,
        /// Its codes.
        codes: String,
    },
}

struct Lists {
    /// Enum's full name → list name and its codes by number.
    enums: HashMap<String, (&'static str, HashMap<i32, &'static str>)>,
    /// List → codes, as asked for.
    lists: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Field name of an answer → the same, kept for as long as the program runs.
    answers: HashMap<String, &'static str>,
}

static LISTS: LazyLock<Lists> = LazyLock::new(|| {
    let mut lists = Lists {
        enums: HashMap::new(),
        lists: BTreeMap::new(),
        answers: HashMap::new(),
    };
    let mut seen = BTreeSet::new();
    if let Ok(record) = json::message_descriptor(RECORD) {
        lists.add(&record, &mut seen);
    }
    lists
});

impl Lists {
    fn add(&mut self, message: &MessageDescriptor, seen: &mut BTreeSet<String>) {
        if !seen.insert(message.full_name().to_owned()) {
            return;
        }
        for field in message.fields() {
            match field.kind() {
                Kind::Message(inner) => self.add(&inner, seen),
                Kind::Enum(of) => self.add_enum(&of, &field),
                _ => {}
            }
        }
    }

    fn add_enum(&mut self, of: &EnumDescriptor, field: &FieldDescriptor) {
        let snake = snake(of.name());
        let prefix = format!("{}_", snake.to_uppercase());
        if !self.enums.contains_key(of.full_name()) {
            // Lists live as long as the program: there are some hundred short names.
            let list = kept(&snake);
            let codes = of
                .values()
                .filter(|value| value.number() != 0)
                .map(|value| {
                    let name = value.name();
                    (
                        value.number(),
                        kept(name.strip_prefix(&prefix).unwrap_or(name)),
                    )
                })
                .collect();
            self.enums.insert(of.full_name().to_owned(), (list, codes));
        }
        let Some((list, codes)) = self.enums.get(of.full_name()) else {
            return;
        };
        let name = if of.full_name() == ANSWER {
            let of_field = self
                .answers
                .entry(field.name().to_owned())
                .or_insert_with(|| kept(field.name()));
            *of_field
        } else {
            *list
        };
        self.lists.entry(name).or_default().extend(codes.values());
    }
}

fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// `ForcedLabourIndicator` → `forced_labour_indicator`.
fn snake(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.push(c.to_ascii_lowercase());
    }
    text
}

/// The code of a number in a field; `None` for "not stated" and for numbers of a later version.
pub(super) fn code(field: &FieldDescriptor, of: &EnumDescriptor, number: i32) -> Option<Code> {
    let (list, codes) = LISTS.enums.get(of.full_name())?;
    let value = codes.get(&number)?;
    let list = if of.full_name() == ANSWER {
        LISTS.answers.get(field.name())?
    } else {
        list
    };
    Some(Code { list, value })
}

/// A code as asked for: `purpose=FORCED_LABOUR`; letter case and the list's prefix do not matter, and
/// the first words of a code will do where they belong to one only.
///
/// # Errors
/// [`UnknownCode`], with what is allowed.
pub fn parse(text: &str) -> Result<Code, UnknownCode> {
    let (list, value) = text.split_once('=').ok_or(UnknownCode::Form)?;
    let asked = list.trim().to_lowercase().replace('-', "_");
    let Some((list, codes)) = LISTS.lists.get_key_value(asked.as_str()) else {
        let names: Vec<&str> = LISTS.lists.keys().copied().collect();
        return Err(UnknownCode::List(names.join(", ")));
    };
    let value = value.trim().to_uppercase().replace('-', "_");
    let prefix = format!("{}_", list.to_uppercase());
    let bare = value.strip_prefix(&prefix).unwrap_or(&value);
    // The first words of a code will do where they belong to one only.
    let begun = format!("{bare}_");
    let mut beginning = codes.iter().filter(|code| code.starts_with(&begun));
    let only = match (beginning.next(), beginning.next()) {
        (Some(only), None) => Some(only),
        _ => None,
    };
    let found = codes
        .get(value.as_str())
        .or_else(|| codes.get(bare))
        .or(only);
    found
        .map(|value| Code { list, value })
        .ok_or_else(|| UnknownCode::Value {
            list,
            codes: codes.iter().copied().collect::<Vec<_>>().join(", "),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_known_by_list_and_value() {
        let code = parse("purpose=FORCED_LABOUR").unwrap();
        let whole = "FORCED_LABOUR_OR_SERVICES";
        assert_eq!((code.list, code.value), ("purpose", whole));
        for same in [
            "Purpose = purpose_forced_labour",
            "purpose=FORCED_LABOUR_OR_SERVICES",
        ] {
            assert_eq!(parse(same).unwrap(), code);
        }
        assert_eq!(parse("purpose"), Err(UnknownCode::Form));
        assert!(
            parse("colour=RED")
                .unwrap_err()
                .to_string()
                .contains("purpose")
        );
        let wrong = parse("purpose=FUN").unwrap_err().to_string();
        assert!(wrong.contains("FORCED_LABOUR"), "{wrong}");
    }
}
