//! Rules for single values, and the list of what they found.

use std::{collections::HashSet, time::Duration};

use super::{ValidationContext, at::At, codes::Codes};
use crate::record::{
    Country, Moment, Rule, Violation, Violations,
    violation::MAX_VIOLATIONS,
    vocab::{self, Subdivision},
};
use crate::wire::json;

/// Longest list of anything but legs and destinations.
pub const MAX_LIST: usize = 256;

/// How far clocks of one country may be apart.
const TOLERANCE: Duration = Duration::from_secs(300);

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
        if self.found.len() >= MAX_VIOLATIONS {
            self.more = true;
            return;
        }
        self.found.push(Violation {
            field: at.to_string(),
            rule,
            message: message.into(),
        });
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
        let code = |b: u8| b.is_ascii_alphanumeric() || b"-_.:".contains(&b);
        if !self.quiet && (1..=40).contains(&value.len()) && value.bytes().all(code) {
            format!("`{value}`")
        } else {
            "the value".to_owned()
        }
    }

    pub(in crate::record) fn required(&mut self, at: At<'_>, what: &str) {
        self.found(at, Rule::Required, format!("{what} is required"));
    }

    /// At most `max` elements. Rules for elements need not look beyond `max`.
    pub(in crate::record) fn at_most(&mut self, at: At<'_>, len: usize, max: usize) {
        if len > max {
            self.found(
                at,
                Rule::TooMany,
                format!("{len} elements; at most {max} are allowed"),
            );
        }
    }

    /// A code of a list; 0 is "not stated".
    pub(in crate::record) fn code<E: Codes>(&mut self, at: At<'_>, number: i32, required: bool) {
        if number == 0 {
            if required {
                self.found(
                    at,
                    Rule::Required,
                    format!("a code is required: {}", allowed::<E>()),
                );
            }
        } else if E::try_from(number).is_err() {
            self.unknown_code::<E>(at, number);
        }
    }

    fn unknown_code<E: Codes>(&mut self, at: At<'_>, number: i32) {
        self.found(
            at,
            Rule::UnknownCode,
            format!("{number} is no code of this list: {}", allowed::<E>()),
        );
    }

    /// Codes of a list, each stated and each once.
    pub(in crate::record) fn codes<E: Codes>(
        &mut self,
        at: At<'_>,
        numbers: &[i32],
        required: bool,
    ) {
        if numbers.is_empty() && required {
            return self.found(
                at,
                Rule::Required,
                format!("at least one code is required: {}", allowed::<E>()),
            );
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
            let shown = self.shown(code);
            self.found(
                at,
                Rule::UnknownCountry,
                format!("{shown} is not an ISO 3166-1 alpha-2 code, such as UZ"),
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
        let shown = self.shown(code);
        match (vocab::subdivision(code), country) {
            (Subdivision::Unknown, _) => self.found(
                at,
                Rule::UnknownSubdivision,
                format!("{shown} is not an ISO 3166-2 code, such as UZ-SU"),
            ),
            (Subdivision::Of(owner), Some(country)) if owner != country => self.found(
                at,
                Rule::Mismatch,
                format!("{shown} is a subdivision of {owner}, not of {country}"),
            ),
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
            let shown = self.shown(id);
            self.found(
                at,
                Rule::UnknownCrossing,
                format!("{shown} is not a border crossing of the list, such as BCP-KZ-UZ-23"),
            );
        }
        crossing
    }

    pub(in crate::record) fn language(&mut self, at: At<'_>, tag: &str) {
        if !tag.is_empty() && !super::language::is_well_formed(tag) {
            let shown = self.shown(tag);
            self.found(
                at,
                Rule::LanguageInvalid,
                format!("{shown} is not a BCP 47 tag, such as uz-Cyrl"),
            );
        }
    }

    /// A day, YYYY-MM-DD, or none.
    pub(in crate::record) fn date(&mut self, at: At<'_>, text: &str) -> Option<time::Date> {
        if text.is_empty() {
            return None;
        }
        let date = super::date::day(text);
        if date.is_none() {
            let shown = self.shown(text);
            self.found(
                at,
                Rule::DateInvalid,
                format!("{shown} is not a date written YYYY-MM-DD"),
            );
        }
        date
    }

    /// Two days, the later not before the earlier; either may be missing.
    pub(in crate::record) fn date_span(
        &mut self,
        (first_at, first): (At<'_>, &str),
        (last_at, last): (At<'_>, &str),
    ) {
        let first = self.date(first_at, first);
        let last = self.date(last_at, last);
        if let (Some(first), Some(last)) = (first, last)
            && last < first
        {
            self.found(
                last_at,
                Rule::DateOrder,
                format!("{last} lies before `{first_at}`, {first}"),
            );
        }
    }

    /// Percent, 0 to 100.
    pub(in crate::record) fn percent(&mut self, at: At<'_>, value: u32) {
        if value > 100 {
            let message = format!("{value} is not a percentage, 0 to 100");
            self.found(at, Rule::OutOfRange, message);
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

    /// A time that still lies ahead, or none. A destination does not judge whether it does.
    pub(in crate::record) fn deadline(
        &mut self,
        at: At<'_>,
        stamp: Option<&prost_types::Timestamp>,
        context: &ValidationContext<'_>,
    ) {
        let Some(stamp) = stamp else { return };
        if let Some(by) = self.moment(at, stamp)
            && by <= context.now
            && !context.received
        {
            let message = format!("{by} is not in the future; it is {} now", context.now);
            self.found(at, Rule::OutOfRange, message);
        }
    }

    /// A time that has come, or none. A destination does not judge whether it has.
    pub(in crate::record) fn past(
        &mut self,
        at: At<'_>,
        stamp: Option<&prost_types::Timestamp>,
        context: &ValidationContext<'_>,
    ) {
        let Some(stamp) = stamp else { return };
        if let Some(when) = self.moment(at, stamp)
            && when > context.now + TOLERANCE
            && !context.received
        {
            let message = format!("{when} is in the future; it is {} now", context.now);
            self.found(at, Rule::OutOfRange, message);
        }
    }

    /// A time that protobuf allows.
    pub(in crate::record) fn moment(
        &mut self,
        at: At<'_>,
        stamp: &prost_types::Timestamp,
    ) -> Option<Moment> {
        // 0001-01-01T00:00:00Z to 9999-12-31T23:59:59Z.
        let seconds = -62_135_596_800..=253_402_300_799;
        if seconds.contains(&stamp.seconds) && (0..1_000_000_000).contains(&stamp.nanos) {
            Some(Moment::from(stamp))
        } else {
            self.found(
                at,
                Rule::DateInvalid,
                "not a time in the years 1 to 9999 with 0 to 999999999 nanoseconds",
            );
            None
        }
    }
}

fn allowed<E: Codes>() -> String {
    let names: Vec<String> = json::enum_codes(E::NAME)
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    format!("allowed are {}", names.join(", "))
}
