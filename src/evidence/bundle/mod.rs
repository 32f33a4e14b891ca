//! The court bundle: a BagIt bag (RFC 8493) with an evidence request, its steps and items, and with what
//! proves them to somebody who has nothing but the fingerprints of the countries' roots.
//!
//! [`layout`] says which file holds what, [`View`] opens the records, [`report_html`] and [`case_uco`] show
//! them, and [`verify`] checks a bundle that is read through a [`Source`], whoever made it. Nothing here
//! touches a disk: a source hands over names, sizes and readers, and every bound is kept here.
//! docs/BUNDLE.md is the same for a second implementer.

pub mod bagit;
mod case_uco;
mod checks;
mod html;
pub mod layout;
pub mod names;
mod opened;
mod report;
mod source;
mod tree;
mod verify;
mod view;

#[cfg(test)]
pub(crate) mod tests;

pub use case_uco::case_uco;
pub use html::report_html;
pub use names::NameFault;
pub use report::{Claim, FoundRoot, LIMITS, Outcome, Report, Verdict};
pub use source::{FileEntry, Source, SourceFault};
pub use tree::Growing;
pub use verify::{Pinned, verify};
pub use view::{Shown, View, ViewFault};

/// Format of the bundle that is written and read.
pub const FORMAT: u32 = 1;
/// How the report and the JSON-LD are made from the rest.
pub const RENDERING: u32 = 1;

/// Most files of a bundle.
pub const MAX_FILES: usize = 8192;
/// Most bytes of one file that is not an item.
pub const MAX_PART_BYTES: u64 = 8 * 1024 * 1024;
/// Most bytes of all files together that are not items.
pub const MAX_PARTS_BYTES: u64 = 256 * 1024 * 1024;
/// Most bytes of an item's file: 8 TiB, beyond what a node takes.
pub const MAX_ITEM_BYTES: u64 = 8 << 40;
/// Most records of a bundle: a request and its steps.
pub const MAX_RECORDS: usize = 2048;
/// Most items of a bundle.
pub const MAX_ITEMS: usize = 1024;
/// Most receipts of a bundle.
pub const MAX_RECEIPTS: usize = 8192;
