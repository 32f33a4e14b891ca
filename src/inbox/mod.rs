//! What this country holds, submitted here or received: a projection of entries.
//!
//! Rows name places in the journal and nothing taken from inside a compartment; references and
//! idempotency keys are found by keyed tags. Titles and kinds are read by opening the record.

pub mod ask;
mod holding;
mod projection;

pub use holding::{HoldingError, RecordRow, StoredRecord};
pub use projection::{apply, keyspaces};
