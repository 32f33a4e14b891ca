//! Replication: how records and receipts travel between two nodes.

pub mod lanes;
pub mod progress;
