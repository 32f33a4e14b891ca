//! What is to be read, and why.

use crate::{access::Purpose, record::Reference};

/// What is to be read.
#[derive(Clone, Debug)]
pub struct Reading {
    /// Which record.
    pub reference: Reference,
    /// Why; needed for whatever is beyond the situation.
    pub purpose: Option<Purpose>,
    /// The same in words; into the ledger.
    pub note: String,
    /// True for this very version, false for the newest one.
    pub exact: bool,
    /// Whether the thread is wanted too.
    pub thread: bool,
    /// Whether the situation is enough.
    pub situation_only: bool,
}

impl Reading {
    /// The newest version of a record, for a purpose.
    pub const fn of(reference: Reference, purpose: Option<Purpose>) -> Self {
        Self {
            reference,
            purpose,
            note: String::new(),
            exact: false,
            thread: false,
            situation_only: false,
        }
    }
}
