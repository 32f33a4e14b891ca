//! The code lists, each with its source.

use std::collections::BTreeSet;

use prost_reflect::EnumDescriptor;

use super::{common_fields, fields_of, kinds};
use crate::{
    record::vocab,
    wire::{comments, json},
};

/// A code list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeList {
    /// Its name, such as `Transport`.
    pub name: String,
    /// What its codes say.
    pub about: String,
    /// The standard it comes from, such as `HTCDS 2.0`; `Comity` for lists of our own.
    pub standard: String,
    /// The name of the list in the standard; empty for lists of our own.
    pub list: String,
    /// Its codes, without the one that states nothing.
    pub codes: Vec<Code>,
}

/// A code.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// As records write it, such as `TRANSPORT_ROAD`.
    pub name: String,
    /// Its number in the proto.
    pub number: i32,
    /// As its standard writes it; empty for codes of our own.
    pub source: String,
    /// What it says.
    pub about: String,
}

/// The code list of this name; `None` when there is none.
pub fn code_list(name: &str) -> Option<CodeList> {
    let of = json::enum_descriptor(&format!("comity.record.v1.{name}"))
        .or_else(|| json::enum_descriptor(&format!("comity.envelope.v1.{name}")))?;
    let (standard, list) = vocab::source_of(name).unwrap_or(("Comity", ""));
    Some(CodeList {
        name: name.to_owned(),
        about: comments::of_enum(&of),
        standard: standard.to_owned(),
        list: list.to_owned(),
        codes: codes(name, &of),
    })
}

fn codes(list: &str, of: &EnumDescriptor) -> Vec<Code> {
    let values = of.values().filter(|value| value.number() != 0);
    values
        .map(|value| Code {
            name: value.name().to_owned(),
            number: value.number(),
            source: vocab::source_code(list, value.name())
                .unwrap_or_default()
                .to_owned(),
            about: comments::of_value(&value),
        })
        .collect()
}

/// Every code list that a field of a record asks for, by name.
pub fn code_lists() -> Vec<CodeList> {
    let mut fields = common_fields();
    for kind in kinds() {
        fields.extend(fields_of(&kind.name).unwrap_or_default());
    }
    let names: BTreeSet<String> = fields.into_iter().filter_map(|field| field.codes).collect();
    names.iter().filter_map(|name| code_list(name)).collect()
}
