//! What this country holds, submitted here or received, what follows what, and what became of it:
//! a projection of entries.
//!
//! Rows name places in the journal and nothing taken from inside a compartment; references and
//! idempotency keys are found by keyed tags. Titles and kinds are read by opening the record.

pub mod approvals;
pub mod ask;
pub mod charges;
pub mod clocks;
pub mod consents;
pub mod due;
pub mod escalations;
pub mod followers;
mod holding;
pub mod late_rows;
pub mod life;
pub mod life_rows;
mod projection;
pub mod readers;
pub mod released;
pub mod requests;
pub mod versions;

pub use followers::Follower;
pub use holding::{HoldingError, RecordRow, StoredRecord};
pub use projection::{ReferenceTag, apply, keyspaces};
