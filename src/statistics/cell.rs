//! Cells as they are shown, and the sums that bind them.

use std::{collections::BTreeMap, fmt};

/// Smallest count shown of persons convicted, prosecuted and so on: what UNODC displays.
pub const OFFICIAL_K: u64 = 5;

/// Smallest count shown of victims: CTDC's k.
pub const VICTIMS_K: u64 = 11;

/// Largest count taken for one, so that sums cannot overflow.
pub(super) const MOST: u64 = 1 << 40;

/// A count as it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shown {
    /// The count itself.
    Count(u64),
    /// `<5` or `<11`: less than this.
    Below(u64),
    /// `*`: large enough to be shown, but withheld because other counts could be computed from it.
    Withheld,
}

impl Shown {
    /// How `count` is shown where counts below `k` are not.
    pub const fn of(count: u64, k: u64) -> Self {
        if count < k {
            Self::Below(k)
        } else {
            Self::Count(count)
        }
    }

    /// The count, where it is shown.
    pub const fn count(self) -> Option<u64> {
        match self {
            Self::Count(count) => Some(count),
            Self::Below(_) | Self::Withheld => None,
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Below(bound) => write!(f, "<{bound}"),
            Self::Withheld => f.write_str("*"),
        }
    }
}

/// A total and the parts that add up to it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sum {
    /// Name of the cell that is the total.
    pub total: String,
    /// Names of its parts.
    pub parts: Vec<String>,
    /// False when there may be parts that are not named: then nothing says that the named ones make
    /// up the total.
    pub complete: bool,
}

/// Named cells and the sums between them. A sum may name cells that are not shown: what they must
/// be is then part of what can be computed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cells {
    /// Counts below this are not shown.
    pub k: u64,
    /// Cells by their names.
    pub shown: BTreeMap<String, Shown>,
    /// What adds up to what.
    pub sums: Vec<Sum>,
}

impl Cells {
    /// No cells yet, where counts below `k` are not shown.
    pub const fn new(k: u64) -> Self {
        Self {
            k,
            shown: BTreeMap::new(),
            sums: Vec::new(),
        }
    }
}
