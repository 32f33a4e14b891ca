//! The kinds of record, explained: their fields, bounds and codes, and an example of each to start
//! from.
//!
//! Nothing here is written down a second time. What a field means is the comment of its proto, what
//! it is made of the descriptor; whether it is required and within which bounds, the validator is
//! asked: fields of an example are taken away or given wrong values, and its answers are collected.

mod ask;
mod examples;
mod fields;
mod lists;
mod page;
#[cfg(test)]
mod tests;

pub use examples::{Party, Unaddressable, address, example};
pub use fields::{Field, Need, common_fields, fields_of};
pub use lists::{Code, CodeList, code_list, code_lists};
pub use page::page;

use crate::{
    record::kind_names,
    wire::{comments, json},
};

/// A kind of record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Its name, such as `Route`.
    pub name: String,
    /// Its field in the situation, such as `route`.
    pub field: String,
    /// What it is.
    pub about: String,
}

/// A name that no kind has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such kind; kinds are {}", kind_names().join(", "))]
pub struct UnknownKind;

/// Every kind, in the order of the proto.
pub fn kinds() -> Vec<Kind> {
    let Ok(situation) = json::message_descriptor("comity.record.v1.Situation") else {
        return Vec::new();
    };
    let fields = situation.oneofs().filter(|of| of.name() == "kind");
    let fields = fields.flat_map(|of| of.fields().collect::<Vec<_>>());
    fields
        .filter_map(|field| {
            let message = field.kind().as_message()?.clone();
            Some(Kind {
                name: message.name().to_owned(),
                field: field.json_name().to_owned(),
                about: comments::of_message(&message),
            })
        })
        .collect()
}

/// The kind of this name, in whatever case and with or without hyphens: `victim-referral` is
/// `VictimReferral`.
///
/// # Errors
/// [`UnknownKind`] lists those there are.
pub fn kind(name: &str) -> Result<Kind, UnknownKind> {
    let plain = |name: &str| name.replace(['-', '_', ' '], "").to_lowercase();
    let wanted = plain(name);
    let found = kinds().into_iter().find(|kind| plain(&kind.name) == wanted);
    found.ok_or(UnknownKind)
}
