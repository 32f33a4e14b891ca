//! Mappings: how the rows of a case system become records, as a file that whoever knows the system
//! writes. docs/INTAKE.md explains every key.
//!
//! A mapping is checked as a whole when it is read: against the fields and codes of records, and
//! against the columns of the file. Everything that is wrong is said at once, with its place.

mod build;
mod codes;
mod compile;
mod convert;
mod date;
mod digits;
mod fields;
mod file;
mod number;
mod path;
mod rules;
mod template;
#[cfg(test)]
mod tests;
mod units;

use std::fmt;

use prost_reflect::DynamicMessage;

pub(in crate::feed) use build::mark;
pub use build::{Bound, first_line};
pub use file::{Kept, Overrides, OwnIdFrom, To};
pub use template::template;

use self::{
    convert::Field,
    rules::{DeletedRule, DestinationRule, OwnId, VersionRule},
};

/// What is wrong with a mapping.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MappingFault {
    /// Line of the mapping, from 1; 0 where the file or the command line is meant.
    pub line: usize,
    /// In words: what is wrong and what is allowed.
    pub message: String,
}

impl fmt::Display for MappingFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}: ", self.line)?;
        }
        f.write_str(&self.message)
    }
}

/// A mapping that cannot be used, with everything that is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the mapping has {} faults; the first: {}", .0.len(), .0.first().map_or(String::new(), ToString::to_string))]
pub struct MappingError(pub Vec<MappingFault>);

/// How the rows of a file become items.
#[derive(Clone, Debug)]
pub struct Mapping {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub about: String,
    /// The kind of record that it makes.
    pub kind: String,
    /// How rows and records belong together.
    pub layout: Kept,
    /// The sheet of a workbook; the first otherwise.
    pub sheet: Option<String>,
    /// Every column that is named, and whether the file must have it.
    columns: Vec<Column>,
    absent: Vec<String>,
    own_id: OwnId,
    version: Option<VersionRule>,
    deleted: Option<DeletedRule>,
    destinations: Vec<DestinationRule>,
    fields: Vec<Field>,
    /// The record before any row: the constants.
    base: DynamicMessage,
}

/// A column that a mapping names: the spellings, one of which the file has.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Column {
    spellings: Vec<String>,
    optional: bool,
    line: usize,
}

impl Mapping {
    /// Reads a mapping.
    ///
    /// # Errors
    /// [`MappingError`] with everything that is wrong with it.
    pub fn read(text: &str, overrides: &Overrides) -> Result<Self, MappingError> {
        compile::compile(text, overrides)
    }

    /// The columns behind a field of the record, such as `situation.caseRecord.gender`: what a
    /// refusal of the record is about in the words of the file. Empty when there is none.
    pub fn columns_behind(&self, path: &str) -> String {
        let plain: String = path.split('[').next().unwrap_or_default().to_owned();
        let of = self.fields.iter().find(|of| {
            of.target.path == path || of.target.path == plain || path.starts_with(&of.target.path)
        });
        let Some(of) = of else {
            return String::new();
        };
        let named = of.columns().filter_map(|at| self.columns.get(at));
        let names: Vec<&str> = named
            .filter_map(|of| of.spellings.first().map(String::as_str))
            .collect();
        names.join(", ")
    }

    /// Every column that the mapping names, by its first spelling.
    pub fn named_columns(&self) -> Vec<String> {
        let first = self.columns.iter().filter_map(|of| of.spellings.first());
        first.cloned().collect()
    }

    /// The record before any row, with its constants; what layouts of several rows per record start
    /// from.
    pub fn base(&self) -> Result<crate::wire::record::Record, prost::DecodeError> {
        let mut base: crate::wire::record::Record = self.base.transcode_to()?;
        base.destinations = self
            .destinations
            .iter()
            .filter_map(DestinationRule::constant)
            .collect();
        Ok(base)
    }
}
