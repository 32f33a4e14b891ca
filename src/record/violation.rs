//! What is wrong with a record: every rule broken, at once, each with the path of its field.

use std::fmt;

/// How many violations are reported at most; the rest is only said to exist.
pub const MAX_VIOLATIONS: usize = 100;

/// A rule a record can break. Its text is stable and meant for machines.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rule {
    /// A field that must be there is not.
    Required,
    /// A code is not in its list.
    UnknownCode,
    /// A text is too long.
    TooLong,
    /// A list is too long.
    TooMany,
    /// The record is too large.
    TooLarge,
    /// A number or time is outside its range.
    OutOfRange,
    /// No such country, or no card of it.
    UnknownCountry,
    /// The country's card does not name this authority.
    UnknownAuthority,
    /// No such border crossing.
    UnknownCrossing,
    /// No such subdivision.
    UnknownSubdivision,
    /// A point lies outside the country that is stated with it.
    OutsideCountry,
    /// Two fields contradict each other.
    Mismatch,
    /// A date or time is none.
    DateInvalid,
    /// A date lies before the one it must follow.
    DateOrder,
    /// A field may not be given here.
    NotAllowedHere,
    /// The same is given twice.
    Duplicate,
    /// A text holds a control character or one that changes the direction of what follows.
    ControlCharacter,
    /// A text is not in Unicode's normalization form C.
    NotNormalized,
    /// A word of a name mixes the letters of several scripts.
    MixedScript,
    /// A language tag is not built as BCP 47 says.
    LanguageInvalid,
    /// A text is not built as it must be.
    FormatInvalid,
    /// Palermo Protocol Art. 3: a means is required unless every victim is a child.
    MeansRequired,
    /// An agreement between the countries does not allow it.
    AgreementForbids,
    /// A leg of a route does not begin where the one before ended.
    LegsNotJoined,
    /// A number so small that it could point at persons.
    SmallNumber,
    /// A suppressed number can be computed from the others.
    CanBeComputed,
}

impl Rule {
    /// The stable word, such as `UNKNOWN_CODE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "REQUIRED",
            Self::UnknownCode => "UNKNOWN_CODE",
            Self::TooLong => "TOO_LONG",
            Self::TooMany => "TOO_MANY",
            Self::TooLarge => "TOO_LARGE",
            Self::OutOfRange => "OUT_OF_RANGE",
            Self::UnknownCountry => "UNKNOWN_COUNTRY",
            Self::UnknownAuthority => "UNKNOWN_AUTHORITY",
            Self::UnknownCrossing => "UNKNOWN_CROSSING",
            Self::UnknownSubdivision => "UNKNOWN_SUBDIVISION",
            Self::OutsideCountry => "OUTSIDE_COUNTRY",
            Self::Mismatch => "MISMATCH",
            Self::DateInvalid => "DATE_INVALID",
            Self::DateOrder => "DATE_ORDER",
            Self::NotAllowedHere => "NOT_ALLOWED_HERE",
            Self::Duplicate => "DUPLICATE",
            Self::ControlCharacter => "CONTROL_CHARACTER",
            Self::NotNormalized => "NOT_NORMALIZED",
            Self::MixedScript => "MIXED_SCRIPT",
            Self::LanguageInvalid => "LANGUAGE_INVALID",
            Self::FormatInvalid => "FORMAT_INVALID",
            Self::MeansRequired => "MEANS_REQUIRED",
            Self::AgreementForbids => "AGREEMENT_FORBIDS",
            Self::LegsNotJoined => "LEGS_NOT_JOINED",
            Self::SmallNumber => "SMALL_NUMBER",
            Self::CanBeComputed => "CAN_BE_COMPUTED",
        }
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One rule a record breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Path of the field in JSON names, such as `situation.route.legs[0].crossingId`; empty for the
    /// record as a whole.
    pub field: String,
    /// The rule.
    pub rule: Rule,
    /// What is wrong and what is allowed. Never holds text of a record; codes only.
    pub message: String,
    /// The value found, where it is a code or a number and tells of no person; else `None`.
    pub value: Option<String>,
    /// What is allowed: the codes of the list, or a single text such as `at most 256 characters`.
    /// Empty where the message alone says it.
    pub allowed: Vec<String>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            field,
            rule,
            message,
            ..
        } = self;
        if field.is_empty() {
            write!(f, "{message} ({rule})")
        } else {
            write!(f, "`{field}`: {message} ({rule})")
        }
    }
}

/// Every violation of a record, at least one, in the order of its fields.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Violations {
    list: Vec<Violation>,
    more: bool,
}

impl Violations {
    /// `list` as it was found; `more` says that the search was cut short.
    pub(super) const fn new(list: Vec<Violation>, more: bool) -> Self {
        Self { list, more }
    }

    /// What was found, cut to [`MAX_VIOLATIONS`]; `None` when nothing was.
    pub fn of(mut list: Vec<Violation>) -> Option<Self> {
        let more = list.len() > MAX_VIOLATIONS;
        list.truncate(MAX_VIOLATIONS);
        (!list.is_empty()).then(|| Self::new(list, more))
    }

    /// The violations, at most [`MAX_VIOLATIONS`].
    pub fn iter(&self) -> std::slice::Iter<'_, Violation> {
        self.list.iter()
    }

    /// Whether there are more than are listed.
    pub const fn has_more(&self) -> bool {
        self.more
    }
}

impl IntoIterator for Violations {
    type Item = Violation;
    type IntoIter = std::vec::IntoIter<Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.into_iter()
    }
}

impl<'a> IntoIterator for &'a Violations {
    type Item = &'a Violation;
    type IntoIter = std::slice::Iter<'a, Violation>;

    fn into_iter(self) -> Self::IntoIter {
        self.list.iter()
    }
}

impl fmt::Display for Violations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the record breaks {} rule(s)", self.list.len())?;
        if self.more {
            write!(f, " and more")?;
        }
        for (place, violation) in self.list.iter().enumerate() {
            write!(f, "{}{violation}", if place == 0 { ": " } else { "; " })?;
        }
        Ok(())
    }
}
