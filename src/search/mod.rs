//! Search and correlation: words in any script, identifiers in one form, an index in memory. Pure.
//!
//! [`extract()`] takes out of an opened record what can be searched, never of the victims'
//! compartment; [`index::prepare`] makes it ready and [`Index::insert`] adds it. A [`Query`] gets
//! candidates from the index, and [`explain()`] looks each up in its record and says why it answers.
//! [`correlate`] finds what two records have in common. Nothing here is ever written anywhere.

pub mod codes;
pub mod correlate;
mod entity;
mod explain;
mod extract;
pub mod index;
mod query;
pub mod subject;
pub mod text;

pub use entity::{Class, Entity, Same};
pub use explain::{Answered, Found, Readable, Reason, explain};
pub use extract::{CodeAt, Extract, Mention, Text, extract, extract_to_index};
pub use index::Index;
pub use query::{Asked, DEFAULT_LIMIT, MAX_LIMIT, MAX_TEXT, Query, QueryError, day_of};
