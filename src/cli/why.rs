//! Why something is read: `--purpose`, `--case` and `--note`.

use std::fmt;

use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser as _},
};

use crate::{
    access::{PURPOSES, purpose_word},
    wire::ledger::ReadingPurpose,
};

/// Why something is read.
#[derive(Clone, Debug, Default, Args)]
pub(super) struct Why {
    /// For what it is read; needed, with the case, for whatever is beyond the situation.
    #[arg(long, requires = "case", value_parser = purposes())]
    purpose: Option<ReadingPurpose>,
    /// Reference of the case that needs it.
    #[arg(long, requires = "purpose")]
    case: Option<String>,
    /// Anything else about it, in words and without personal data; into the ledger.
    #[arg(long, default_value = "", hide_default_value = true)]
    note: String,
}

fn purposes() -> impl clap::builder::TypedValueParser<Value = ReadingPurpose> {
    PossibleValuesParser::new(PURPOSES.map(purpose_word)).map(|word| {
        let mut purposes = PURPOSES.into_iter();
        purposes
            .find(|purpose| purpose_word(*purpose) == word)
            .unwrap_or_default()
    })
}

/// As a report says it.
impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let purpose = self.purpose.map_or("none stated", purpose_word);
        write!(f, "{purpose}")?;
        if let Some(case) = &self.case {
            write!(f, ", case {case}")?;
        }
        if !self.note.is_empty() {
            write!(f, "; {}", self.note)?;
        }
        Ok(())
    }
}

impl Why {
    /// The purpose; `None` where none was given.
    pub(super) const fn purpose(&self) -> Option<ReadingPurpose> {
        self.purpose
    }

    /// The purpose by number; 0 for none.
    pub(super) fn code(&self) -> i32 {
        self.purpose.map_or(0, Into::into)
    }

    /// The case; empty for none.
    pub(super) fn case(&self) -> String {
        self.case.clone().unwrap_or_default()
    }

    /// The note; empty for none.
    pub(super) fn note(&self) -> String {
        self.note.clone()
    }
}
