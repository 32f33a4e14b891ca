//! The Common Alerting Protocol 1.2 (OASIS, ITU-T X.1303 bis): alerts as its XML, and its XML as alerts.
//!
//! [`write`](fn@write) makes of a record of kind `Alert` a message that the published schema accepts;
//! [`cancel`] makes the message that takes one back. [`read`](fn@read) makes of a message an item of a
//! feed: a record, or the deletion of one. What CAP has a place for stands there; what it has none for
//! stands in `parameter`s whose names begin with [`OWN`], so that what was written here reads back
//! equal. What a foreign message says beyond stands in the summary, as text, or is named as dropped.
//!
//! | CAP | record |
//! |---|---|
//! | `identifier`, `sender` | reference; country and authority |
//! | `sent` | when it was submitted, to the second, as `-00:00` |
//! | `status`, `msgType`, `scope` | `alert.status`, `messageType`, `scope`; an amendment is an `Update` |
//! | `restriction`, `addresses` | handling codes and TLP; the destinations |
//! | `references` | what an amendment follows, or what the alert relates to |
//! | `info`, one for each language | title, summary and their translations |
//! | `eventCode` of [`NOTICE`] | the colour of the INTERPOL notice |
//! | `area` | areas: `polygon`, `circle`, and a `geocode` each for country, subdivision and crossing |
//!
//! A message may hold no document type, no entity but those of XML itself, and nothing that would be
//! fetched; its size, depth and count of elements are bounded.

mod area;
mod fault;
mod info;
mod own;
mod read;
mod record;
mod tree;
mod words;
mod write;

#[cfg(test)]
mod tests;

pub use fault::{Dropped, Fault, FaultKind, Faults};
pub use read::{Content, Defaults, Item, MAX_BYTES, read};
pub use write::{Earlier, Unwritable, cancel, write};

/// The namespace of CAP 1.2.
pub const NAMESPACE: &str = "urn:oasis:names:tc:emergency:cap:1.2";

/// How the names of this project's parameters begin.
pub const OWN: &str = "comity:";

/// Name of the event code that is the colour of an INTERPOL notice.
pub const NOTICE: &str = "INTERPOL notice";

/// Names of the geocodes: a country, a subdivision of one, a border crossing.
const COUNTRY: &str = "ISO3166-1";
const SUBDIVISION: &str = "ISO3166-2";
const CROSSING: &str = "comity:crossing";
