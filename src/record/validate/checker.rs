//! Rules for single values, and the list of what they found.

use std::collections::HashSet;

use super::{at::At, codes::Codes};
use crate::record::{
    Country, Rule, Violation, Violations,
    violation::MAX_VIOLATIONS,
    vocab::{self, Subdivision},
};
use crate::wire::json;

/// Longest list of anything but legs and destinations.
pub const MAX_LIST: usize = 256;

/// What is wrong with a value, in words and for programs.
pub(in crate::record) struct Fault {
    message: String,
    value: Option<String>,
    allowed: Vec<String>,
}

impl Fault {
    pub(in crate::record) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            value: None,
            allowed: Vec::new(),
        }
    }

    /// The value found; the caller sees to it that it may be repeated.
    pub(in crate::record) fn value(mut self, value: Option<String>) -> Self {
        self.value = value;
        self
    }

    pub(in crate::record) fn allowed(mut self, allowed: impl IntoIterator<Item = String>) -> Self {
        self.allowed = allowed.into_iter().collect();
        self
    }
}

/// Collects violations, at most [`MAX_VIOLATIONS`].
#[derive(Default)]
pub(in crate::record) struct Checker {
    found: Vec<Violation>,
    more: bool,
    /// Inside compartments about persons: values are not repeated, not even codes.
    quiet: bool,
}

impl Checker {
    pub(in crate::record) fn finish(self) -> Result<(), Violations> {
        if self.found.is_empty() {
            Ok(())
        } else {
            Err(Violations::new(self.found, self.more))
        }
    }

    pub(in crate::record) fn found(&mut self, at: At<'_>, rule: Rule, message: impl Into<String>) {
        self.refuse(at, rule, Fault::new(message));
    }

    pub(in crate::record) fn refuse(&mut self, at: At<'_>, rule: Rule, fault: Fault) {
        if self.found.len() >= MAX_VIOLATIONS {
            self.more = true;
            return;
        }
        self.found.push(Violation {
            field: at.to_string(),
            rule,
            message: fault.message,
            value: fault.value,
            allowed: fault.allowed,
        });
    }

    /// A number outside its range.
    pub(in crate::record) fn out_of_range(
        &mut self,
        at: At<'_>,
        value: impl std::fmt::Display,
        allowed: impl std::fmt::Display,
    ) {
        let fault = Fault::new(format!("{value} is not {allowed}"))
            .allowed([allowed.to_string()])
            .value(self.aloud(value));
        self.refuse(at, Rule::OutOfRange, fault);
    }

    /// How many violations were found so far.
    pub(in crate::record) fn count(&self) -> usize {
        self.found.len() + usize::from(self.more)
    }

    /// Runs `rules` without repeating any value in messages.
    pub(in crate::record) fn quietly(&mut self, rules: impl FnOnce(&mut Self)) {
        let before = std::mem::replace(&mut self.quiet, true);
        rules(self);
        self.quiet = before;
    }

    /// A value for a message: codes only, and not inside compartments about persons.
    pub(in crate::record) fn shown(&self, value: &str) -> String {
        match self.code_of(value) {
            Some(code) => format!("`{code}`"),
            None => "the value".to_owned(),
        }
    }

    /// A value where it may be repeated: codes only, and not inside compartments about persons.
    pub(in crate::record) fn code_of(&self, value: &str) -> Option<String> {
        let code = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
        let shown = !self.quiet && (1..=40).contains(&value.len()) && value.bytes().all(code);
        shown.then(|| value.to_owned())
    }

    /// A value in words, but not inside compartments about persons.
    pub(super) fn aloud(&self, value: impl std::fmt::Display) -> Option<String> {
        (!self.quiet).then(|| value.to_string())
    }

    /// A text that is not built as it must be.
    pub(super) fn ill_formed(
        &mut self,
        at: At<'_>,
        rule: Rule,
        value: &str,
        allowed: &str,
        is_not: &str,
    ) {
        let shown = self.shown(value);
        let fault = Fault::new(format!("{shown} is not {is_not}"))
            .value(self.code_of(value))
            .allowed([allowed.to_owned()]);
        self.refuse(at, rule, fault);
    }

    pub(in crate::record) fn required(&mut self, at: At<'_>, what: &str) {
        self.found(at, Rule::Required, format!("{what} is required"));
    }

    /// At most `max` elements. Rules for elements need not look beyond `max`.
    pub(in crate::record) fn at_most(&mut self, at: At<'_>, len: usize, max: usize) {
        if len > max {
            let fault = Fault::new(format!("{len} elements; at most {max} are allowed"))
                .value(Some(len.to_string()))
                .allowed([format!("at most {max} elements")]);
            self.refuse(at, Rule::TooMany, fault);
        }
    }

    /// A code of a list; 0 is "not stated".
    pub(in crate::record) fn code<E: Codes>(&mut self, at: At<'_>, number: i32, required: bool) {
        if number == 0 {
            if required {
                let codes = codes_of::<E>();
                let fault = Fault::new(format!("a code is required: {}", listed(&codes)));
                self.refuse(at, Rule::Required, fault.allowed(codes));
            }
        } else if E::try_from(number).is_err() {
            self.unknown_code::<E>(at, number);
        }
    }

    fn unknown_code<E: Codes>(&mut self, at: At<'_>, number: i32) {
        let codes = codes_of::<E>();
        let fault = Fault::new(format!(
            "{number} is no code of this list: {}",
            listed(&codes)
        ))
        .value(self.aloud(number))
        .allowed(codes);
        self.refuse(at, Rule::UnknownCode, fault);
    }

    /// Codes of a list, each stated and each once.
    pub(in crate::record) fn codes<E: Codes>(
        &mut self,
        at: At<'_>,
        numbers: &[i32],
        required: bool,
    ) {
        if numbers.is_empty() && required {
            let codes = codes_of::<E>();
            let fault = Fault::new(format!("at least one code is required: {}", listed(&codes)));
            return self.refuse(at, Rule::Required, fault.allowed(codes));
        }
        self.at_most(at, numbers.len(), MAX_LIST);
        let mut seen = HashSet::new();
        for (index, &number) in numbers.iter().take(MAX_LIST).enumerate() {
            if number == 0 || E::try_from(number).is_err() {
                self.unknown_code::<E>(at.item(index), number);
            } else if !seen.insert(number) {
                self.found(at.item(index), Rule::Duplicate, "this code is given twice");
            }
        }
    }

    pub(in crate::record) fn country(
        &mut self,
        at: At<'_>,
        code: &str,
        required: bool,
    ) -> Option<Country> {
        if code.is_empty() {
            if required {
                self.required(at, "a country (ISO 3166-1 alpha-2)");
            }
            return None;
        }
        let country = code.parse().ok();
        if country.is_none() {
            self.ill_formed(
                at,
                Rule::UnknownCountry,
                code,
                "ISO 3166-1 alpha-2",
                "an ISO 3166-1 alpha-2 code, such as UZ",
            );
        }
        country
    }

    /// Countries, each once.
    pub(in crate::record) fn countries(&mut self, at: At<'_>, codes: &[String]) {
        self.at_most(at, codes.len(), MAX_LIST);
        let mut seen = HashSet::new();
        for (index, code) in codes.iter().take(MAX_LIST).enumerate() {
            let item = at.item(index);
            if let Some(country) = self.country(item, code, true)
                && !seen.insert(country)
            {
                self.found(item, Rule::Duplicate, "this country is given twice");
            }
        }
    }

    /// A subdivision of `country`, or none.
    pub(in crate::record) fn subdivision(
        &mut self,
        at: At<'_>,
        code: &str,
        country: Option<Country>,
    ) {
        if code.is_empty() {
            return;
        }
        match (vocab::subdivision(code), country) {
            (Subdivision::Unknown, _) => self.ill_formed(
                at,
                Rule::UnknownSubdivision,
                code,
                "ISO 3166-2",
                "an ISO 3166-2 code, such as UZ-SU",
            ),
            (Subdivision::Of(owner), Some(country)) if owner != country => {
                let shown = self.shown(code);
                let fault = Fault::new(format!(
                    "{shown} is a subdivision of {owner}, not of {country}"
                ))
                .value(self.code_of(code))
                .allowed([format!("a subdivision of {country}")]);
                self.refuse(at, Rule::Mismatch, fault);
            }
            (Subdivision::Of(_), _) => {}
        }
    }

    /// A border crossing of the embedded list, or none.
    pub(in crate::record) fn crossing(
        &mut self,
        at: At<'_>,
        id: &str,
    ) -> Option<&'static vocab::Crossing> {
        if id.is_empty() {
            return None;
        }
        let crossing = vocab::crossing(id);
        if crossing.is_none() {
            self.ill_formed(
                at,
                Rule::UnknownCrossing,
                id,
                "a border crossing of the list",
                "a border crossing of the list, such as BCP-KZ-UZ-23",
            );
        }
        crossing
    }

    pub(in crate::record) fn language(&mut self, at: At<'_>, tag: &str) {
        if !tag.is_empty() && !super::language::is_well_formed(tag) {
            self.ill_formed(
                at,
                Rule::LanguageInvalid,
                tag,
                "BCP 47",
                "a BCP 47 tag, such as uz-Cyrl",
            );
        }
    }

    /// Percent, 0 to 100.
    pub(in crate::record) fn percent(&mut self, at: At<'_>, value: u32) {
        if value > 100 {
            self.out_of_range(at, value, "from 0 to 100");
        }
    }

    /// Language tags, each once.
    pub(in crate::record) fn languages(&mut self, at: At<'_>, tags: &[String], max: usize) {
        self.at_most(at, tags.len(), max);
        let mut seen = HashSet::new();
        for (index, tag) in tags.iter().take(max).enumerate() {
            let item = at.item(index);
            if tag.is_empty() {
                self.required(item, "a language tag (BCP 47)");
            }
            self.language(item, tag);
            if !seen.insert(tag) {
                self.found(item, Rule::Duplicate, "this language is given twice");
            }
        }
    }
}

fn codes_of<E: Codes>() -> Vec<String> {
    let codes = json::enum_codes(E::NAME).into_iter();
    codes.map(|(name, _)| name).collect()
}

fn listed(codes: &[String]) -> String {
    format!("allowed are {}", codes.join(", "))
}
