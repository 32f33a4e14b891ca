//! What a mapping says besides fields: own ids, versions, deletions, destinations.

use super::{date::DateHabit, file::VersionKind};
use crate::wire::record::Destination;

/// Where own ids come from.
#[derive(Clone, Debug)]
pub(super) enum OwnId {
    Columns {
        columns: Vec<usize>,
        separator: String,
        prefix: String,
    },
    Row {
        prefix: String,
    },
}

/// Where versions come from.
#[derive(Clone, Debug)]
pub(super) struct VersionRule {
    pub(super) column: usize,
    pub(super) kind: VersionKind,
    pub(super) date: DateHabit,
}

/// What says that an item was deleted.
#[derive(Clone, Debug)]
pub(super) struct DeletedRule {
    pub(super) column: usize,
    pub(super) values: Vec<String>,
    pub(super) reason: String,
}

/// A destination of the records.
#[derive(Clone, Debug)]
pub(super) struct DestinationRule {
    pub(super) country: CountryFrom,
    pub(super) role: i32,
    pub(super) authorities: Vec<String>,
    pub(super) authority_column: Option<usize>,
    pub(super) compartments: Vec<i32>,
}

/// The country of a destination.
#[derive(Clone, Debug)]
pub(super) enum CountryFrom {
    This(String),
    Column(usize),
}

impl DestinationRule {
    pub(super) fn with(&self, country: String, more: Vec<String>) -> Destination {
        let mut authorities = self.authorities.clone();
        authorities.extend(more);
        Destination {
            country,
            role: self.role,
            authorities,
            compartments: self.compartments.clone(),
            readers: Vec::new(),
        }
    }

    /// The destination, where no row is needed for it.
    pub(super) fn constant(&self) -> Option<Destination> {
        match (&self.country, self.authority_column) {
            (CountryFrom::This(country), None) => Some(self.with(country.clone(), Vec::new())),
            _ => None,
        }
    }
}
