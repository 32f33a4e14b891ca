//! What is wrong with a row.

use std::fmt;

use super::cap::FaultKind;
use crate::statistics::glotip;

/// Longest value repeated in a fault, in characters.
pub const MAX_SHOWN: usize = 80;

/// Why a row gives no item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// The row has another number of cells than the heading.
    FieldCount,
    /// A quote is left open, or text stands behind one that was closed.
    Quotes,
    /// A cell is larger than is read.
    CellTooLarge,
    /// A row is larger than is read.
    RowTooLarge,
    /// The line is no JSON object, or one that is nested too deep or has too many fields.
    Json,
    /// The sheet has an error, such as `#N/A`, instead of a value.
    CellError,
    /// A value that must be there is not.
    ValueMissing,
    /// The value stands for no code.
    UnknownCode,
    /// Not a number.
    Number,
    /// A number that can be read in two ways.
    NumberAmbiguous,
    /// Not a date or a time.
    Date,
    /// A date that can be read in two ways.
    DateAmbiguous,
    /// No such country.
    UnknownCountry,
    /// Neither yes nor no.
    Truth,
    /// The item's own id is missing or longer than it may be.
    OwnId,
    /// The version is no number or date.
    Version,
    /// Two rows have the same own id and say different things.
    DuplicateId,
    /// A statistic that is not used.
    Statistics(glotip::Why),
    /// A message of the Common Alerting Protocol that is not taken.
    Message(FaultKind),
}

impl Reason {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FieldCount => "FIELD_COUNT",
            Self::Quotes => "QUOTES_INVALID",
            Self::CellTooLarge => "CELL_TOO_LARGE",
            Self::RowTooLarge => "ROW_TOO_LARGE",
            Self::Json => "JSON_INVALID",
            Self::CellError => "CELL_ERROR",
            Self::ValueMissing => "VALUE_MISSING",
            Self::UnknownCode => "UNKNOWN_CODE",
            Self::Number => "NUMBER_INVALID",
            Self::NumberAmbiguous => "NUMBER_AMBIGUOUS",
            Self::Date => "DATE_INVALID",
            Self::DateAmbiguous => "DATE_AMBIGUOUS",
            Self::UnknownCountry => "UNKNOWN_COUNTRY",
            Self::Truth => "NEITHER_YES_NOR_NO",
            Self::OwnId => "OWN_ID_INVALID",
            Self::Version => "VERSION_INVALID",
            Self::DuplicateId => "DUPLICATE_ID",
            Self::Statistics(why) => why.as_str(),
            Self::Message(kind) => kind.as_str(),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One thing that is wrong with a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The column, or columns; empty where the row as a whole is meant.
    pub field: String,
    /// What stands there, cut to [`MAX_SHOWN`] characters.
    pub value: String,
    /// Why.
    pub reason: Reason,
    /// In words: what is wrong and what to do.
    pub message: String,
}

impl Fault {
    /// A fault of a column.
    pub fn new(field: &str, value: &str, reason: Reason, message: impl Into<String>) -> Self {
        Self {
            field: field.to_owned(),
            value: value.chars().take(MAX_SHOWN).collect(),
            reason,
            message: message.into(),
        }
    }

    /// A fault of the row as a whole.
    pub fn of_row(reason: Reason, message: impl Into<String>) -> Self {
        Self::new("", "", reason, message)
    }
}
