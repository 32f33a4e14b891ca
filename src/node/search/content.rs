//! What of a record is searched: its own content, or that of the record that it passes on; victims'
//! data never.

use crate::{
    node::{NodeError, onward::original_of},
    record::Country,
    search::{Extract, extract},
    wire::record::{CompartmentLabel, Record},
};

/// Content to search.
pub(super) struct Content {
    /// The record, without victims' data.
    pub(super) record: Record,
    /// Of a record that was passed on: the country that sealed the original.
    origin: Option<Country>,
}

/// What is searched of a record.
///
/// # Errors
/// [`NodeError`] when what it passes on does not open.
pub(super) fn searched(record: Record) -> Result<Content, NodeError> {
    let (origin, mut record) = match original_of(&record)? {
        Some((origin, original)) => (Some(origin), original),
        None => (None, record),
    };
    // Before anything is looked at.
    record.victims = None;
    Ok(Content { record, origin })
}

impl Content {
    /// What can be found of it. The country that sealed an original is found like one that it names.
    pub(super) fn extract(&self) -> Extract {
        let mut extract = extract(&self.record);
        if let Some(origin) = self.origin {
            extract
                .countries
                .push((origin, CompartmentLabel::Situation));
        }
        extract
    }
}
