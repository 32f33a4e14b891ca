//! Codes by the names that files give them.

use std::collections::BTreeMap;

use prost_reflect::EnumDescriptor;

use super::digits::letters;
use crate::record::vocab;

/// The codes of a list.
#[derive(Clone, Debug)]
pub(super) struct Codes {
    pub(super) list: String,
    numbers: BTreeMap<String, i32>,
    names: Vec<String>,
}

impl Codes {
    /// By full name, by the name without the list's, and by the code of the standard behind the list;
    /// what two codes could be called is neither.
    pub(super) fn of(list: &EnumDescriptor) -> Self {
        let zero = list.get_value(0).map(|of| of.name().to_owned());
        let prefix = zero.unwrap_or_default().replace("UNSPECIFIED", "");
        let mut numbers: BTreeMap<String, Option<i32>> = BTreeMap::new();
        let mut names = Vec::new();
        for value in list.values().filter(|of| of.number() != 0) {
            let name = value.name();
            let short = name.strip_prefix(&prefix).unwrap_or(name);
            let standard = vocab::source_code(list.name(), name).unwrap_or_default();
            for known in [name, short, standard].map(letters) {
                if !known.is_empty() {
                    numbers
                        .entry(known)
                        .and_modify(|of| *of = of.filter(|of| *of == value.number()))
                        .or_insert(Some(value.number()));
                }
            }
            names.push(short.to_owned());
        }
        let clear = numbers.into_iter();
        Self {
            list: list.name().to_owned(),
            numbers: clear.filter_map(|(name, of)| Some((name, of?))).collect(),
            names,
        }
    }

    pub(super) fn number(&self, text: &str) -> Option<i32> {
        self.numbers.get(&letters(text)).copied()
    }

    /// What is allowed, for people.
    pub(super) fn allowed(&self) -> String {
        const MOST: usize = 24;
        let shown: Vec<&str> = self.names.iter().take(MOST).map(String::as_str).collect();
        let more = if self.names.len() > MOST { ", …" } else { "" };
        format!("{}{more}", shown.join(", "))
    }
}
