//! Layouts: how the rows of a file become the items of a feed, and the mappings that come along.

mod cap;
mod duplicates;
mod glotip;
#[cfg(test)]
mod tests;

pub use duplicates::{Conflicts, OwnIds};
pub use glotip::{METHOD, PUBLICATION, title};

use super::{
    fault::Fault,
    mapping::{Bound, Kept, Mapping, MappingFault},
    rows::{Broken, Row, Rows},
};
use crate::wire::node::FeedItem;

/// A mapping that comes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuiltIn {
    /// Its name.
    pub name: &'static str,
    /// Its text.
    pub text: &'static str,
}

/// Every mapping that comes along, by name.
pub const BUILT_IN: [BuiltIn; 5] = [
    BuiltIn {
        name: "cap",
        text: include_str!("cap.toml"),
    },
    BuiltIn {
        name: "ctdc",
        text: include_str!("ctdc.toml"),
    },
    BuiltIn {
        name: "ctdc-63",
        text: include_str!("ctdc-63.toml"),
    },
    BuiltIn {
        name: "glotip",
        text: include_str!("glotip.toml"),
    },
    BuiltIn {
        name: "htcds",
        text: include_str!("htcds.toml"),
    },
];

/// The mapping of this name that comes along.
pub fn built_in(name: &str) -> Option<BuiltIn> {
    BUILT_IN.into_iter().find(|of| of.name == name)
}

/// What a row gave, or, where a record is made of several rows, what became of one of either.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The row; without cells for a record that was made of several.
    pub row: Row,
    /// The item, or what is wrong with the row.
    pub outcome: Result<FeedItem, Vec<Fault>>,
}

/// The rest of a file gives no entries.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// It cannot be read.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// Its columns are not those of the mapping.
    #[error("the file does not fit the mapping: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Columns(Vec<MappingFault>),
    /// The statistics in it cannot be used as a whole.
    #[error("{0}")]
    Statistics(String),
}

/// The entries of a file, each row of it once, in order.
pub type Entries = Box<dyn Iterator<Item = Result<Entry, Unfit>> + Send>;

/// Makes entries of rows.
///
/// # Errors
/// [`Unfit`] when the layout takes the file as a whole and cannot.
pub fn entries(mapping: Mapping, rows: Rows) -> Result<Entries, Unfit> {
    match mapping.layout {
        Kept::Rows => Ok(Box::new(OneByOne {
            mapping,
            rows,
            bound: None,
            ended: false,
        })),
        Kept::Cap => Ok(Box::new(
            rows.map(move |row| Ok(cap::entry(&mapping, row?))),
        )),
        Kept::Glotip => Ok(Box::new(
            glotip::entries(&mapping, rows)?.into_iter().map(Ok),
        )),
    }
}

/// Reads every row to the end of the file, and its own id where it has one: how many rows there are,
/// and what stands for what. Nothing is made of them yet.
///
/// # Errors
/// [`Unfit`] when the file as a whole cannot be used.
pub fn look(mapping: &Mapping, rows: Rows) -> Result<(u64, OwnIds), Unfit> {
    let mut own_ids = OwnIds::default();
    let mut count = 0_u64;
    let mut bound: Option<Bound> = None;
    for row in rows {
        let row = row?;
        count += 1;
        let bound = match &mut bound {
            Some(bound) if bound.is_of(&row.heading) => bound,
            other => other.insert(mapping.bind(&row.heading).map_err(Unfit::Columns)?),
        };
        let compared = row.faults.is_empty() && !mapping.has_versions();
        if let (true, Ok(own_id)) = (compared, mapping.own_id(&row, bound)) {
            own_ids.add(&own_id);
        }
    }
    Ok((count, own_ids))
}

/// A record for each row.
struct OneByOne {
    mapping: Mapping,
    rows: Rows,
    bound: Option<Bound>,
    ended: bool,
}

impl Iterator for OneByOne {
    type Item = Result<Entry, Unfit>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let row = match self.rows.next()? {
            Ok(row) => row,
            Err(broken) => {
                self.ended = true;
                return Some(Err(broken.into()));
            }
        };
        if !self.bound.as_ref().is_some_and(|of| of.is_of(&row.heading)) {
            match self.mapping.bind(&row.heading) {
                Ok(bound) => self.bound = Some(bound),
                Err(faults) => {
                    self.ended = true;
                    return Some(Err(Unfit::Columns(faults)));
                }
            }
        }
        let outcome = match &self.bound {
            Some(bound) => self.mapping.item(&row, bound),
            None => Err(row.faults.clone()),
        };
        Some(Ok(Entry { row, outcome }))
    }
}
