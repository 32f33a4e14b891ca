//! Why something beyond the situation is read: a purpose from a list, and a case.

use std::fmt;

use crate::{record::unseen::is_unseen, wire::ledger::ReadingPurpose};

/// Longest case reference, in characters.
pub const MAX_CASE_CHARS: usize = 64;

/// The purposes there are, in the order of the proto. The first four are those of Art. 1(1) of
/// Directive (EU) 2016/680; the last two are for controllers and supervisors.
pub const PURPOSES: [ReadingPurpose; 8] = [
    ReadingPurpose::Prevention,
    ReadingPurpose::Investigation,
    ReadingPurpose::Prosecution,
    ReadingPurpose::PublicSecurity,
    ReadingPurpose::VictimProtection,
    ReadingPurpose::Analysis,
    ReadingPurpose::Supervision,
    ReadingPurpose::DataSubject,
];

/// A purpose as people write it, such as `victim-protection`.
pub const fn purpose_word(purpose: ReadingPurpose) -> &'static str {
    match purpose {
        ReadingPurpose::Unspecified => "",
        ReadingPurpose::Prevention => "prevention",
        ReadingPurpose::Investigation => "investigation",
        ReadingPurpose::Prosecution => "prosecution",
        ReadingPurpose::PublicSecurity => "public-security",
        ReadingPurpose::VictimProtection => "victim-protection",
        ReadingPurpose::Analysis => "analysis",
        ReadingPurpose::Supervision => "supervision",
        ReadingPurpose::DataSubject => "data-subject",
    }
}

/// Every word, as a sentence lists them.
pub fn purpose_words() -> String {
    PURPOSES.map(purpose_word).join(", ")
}

/// Why something is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purpose {
    code: ReadingPurpose,
    case: String,
}

/// What is said as a purpose is none. The fault is the caller's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PurposeFault {
    /// Neither purpose nor case.
    #[error(
        "a purpose (--purpose, one of {words}) and the reference of a case (--case) are needed",
        words = purpose_words()
    )]
    Missing,
    /// A case without a purpose, or with one that is none.
    #[error("`purpose` is none of the list; use one of {words}", words = purpose_words())]
    Code,
    /// A purpose without a case.
    #[error("`case_reference` is missing: the reference of the case that needs it (--case)")]
    Case,
    /// The case reference is refused.
    #[error(
        "`case_reference` is one line of at most {MAX_CASE_CHARS} characters, all of them visible"
    )]
    CaseText,
}

impl Purpose {
    /// Reads what a caller gave; `None` when it gave neither.
    ///
    /// # Errors
    /// [`PurposeFault`].
    pub fn given(code: i32, case: &str) -> Result<Option<Self>, PurposeFault> {
        let case = case.trim();
        if code == 0 && case.is_empty() {
            return Ok(None);
        }
        let code = ReadingPurpose::try_from(code).map_err(|_| PurposeFault::Code)?;
        if code == ReadingPurpose::Unspecified {
            return Err(PurposeFault::Code);
        }
        if case.is_empty() {
            return Err(PurposeFault::Case);
        }
        if case.chars().count() > MAX_CASE_CHARS || case.chars().any(is_unseen) {
            return Err(PurposeFault::CaseText);
        }
        Ok(Some(Self {
            code,
            case: case.to_owned(),
        }))
    }

    /// The purpose of the list.
    pub const fn code(&self) -> ReadingPurpose {
        self.code
    }

    /// The reference of the case.
    pub fn case(&self) -> &str {
        &self.case
    }
}

/// As people read it: `investigation, case 26/114`.
impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, case {}", purpose_word(self.code), self.case)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_of_the_list_and_has_a_case() {
        let code = ReadingPurpose::Investigation as i32;
        assert_eq!(Purpose::given(0, " "), Ok(None));
        let given = Purpose::given(code, " 26/114 ").unwrap().unwrap();
        assert_eq!(given.to_string(), "investigation, case 26/114");
        assert_eq!(Purpose::given(0, "26/114"), Err(PurposeFault::Code));
        assert_eq!(Purpose::given(99, "26/114"), Err(PurposeFault::Code));
        assert_eq!(Purpose::given(code, ""), Err(PurposeFault::Case));
        for case in ["a\nb", "a\u{202e}b", &"x".repeat(MAX_CASE_CHARS + 1)] {
            assert_eq!(Purpose::given(code, case), Err(PurposeFault::CaseText));
        }
        assert!(PurposeFault::Missing.to_string().contains("data-subject"));
    }
}
