//! What is said of a row that is not used as it stands.

use std::fmt;

/// Why a row is not used, or not as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Why {
    /// The row has another number of fields than the heading.
    Fields,
    /// No such country.
    Country,
    /// No such indicator.
    Indicator,
    /// No such dimension.
    Dimension,
    /// The category is empty.
    CategoryMissing,
    /// The category does not belong to the dimension.
    Category,
    /// No such sex.
    Sex,
    /// No such age.
    Age,
    /// Not a year.
    Year,
    /// Not a count.
    Unit,
    /// Nothing was reported.
    ValueMissing,
    /// Not a whole number or a band.
    Value,
    /// Says the same as an earlier row.
    Repeated,
    /// Contradicts an earlier row.
    Contradicts,
    /// Used: the category is no known country and kept in words.
    KeptInWords,
    /// Used: too small to be shown.
    BelowK,
    /// Not used: other counts of the table give it away, or contradict it.
    Unprotected,
    /// Used, but withheld: another count could be computed from it.
    Withheld,
}

impl Why {
    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Fields => "FIELD_COUNT",
            Self::Country => "UNKNOWN_COUNTRY",
            Self::Indicator => "UNKNOWN_INDICATOR",
            Self::Dimension => "UNKNOWN_DIMENSION",
            Self::CategoryMissing => "CATEGORY_MISSING",
            Self::Category => "UNKNOWN_CATEGORY",
            Self::Sex => "UNKNOWN_SEX",
            Self::Age => "UNKNOWN_AGE",
            Self::Year => "YEAR_INVALID",
            Self::Unit => "UNKNOWN_UNIT",
            Self::ValueMissing => "VALUE_MISSING",
            Self::Value => "VALUE_INVALID",
            Self::Repeated => "REPEATED",
            Self::Contradicts => "CONTRADICTS",
            Self::KeptInWords => "KEPT_IN_WORDS",
            Self::BelowK => "BELOW_K",
            Self::Unprotected => "UNPROTECTED",
            Self::Withheld => "WITHHELD",
        }
    }

    /// Whether the row is used all the same.
    pub const fn used(self) -> bool {
        matches!(self, Self::KeptInWords | Self::BelowK | Self::Withheld)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What became of a row that is not used as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Line of the file, from 1.
    pub line: u64,
    /// Column.
    pub column: &'static str,
    /// What stands there, cut to 80 characters.
    pub value: String,
    /// Why.
    pub why: Why,
    /// In words.
    pub message: String,
}
