//! What is exchanged: kinds, vocabularies, compartments, handling, validation. Pure.
//!
//! A submission passes [`validate`]; [`sharing::matrix`] says which destination reads which
//! compartment, and why; [`compartments::split`] cuts the record into what is sealed apart, and
//! [`compartments::join`] puts together what a reader opened.

pub mod compartments;
mod country;
pub mod due;
pub mod handling;
pub mod heard;
pub mod joint;
mod kind;
mod moment;
mod reference;
pub mod sharing;
pub mod trend;
pub mod unseen;
mod validate;
mod violation;
pub mod vocab;

pub use country::{Country, UnknownCountry};
pub use kind::{
    EVIDENCE_STEP, LATE_RECEIPTS_STEP, RECALL_STEP, handling_numbers, is_evidence_step, is_urgent,
    kind_name, kind_names, lane, step_name, step_number,
};
pub use moment::Moment;
pub use reference::{Reference, ReferenceError};
pub use validate::{
    MAX_DESTINATIONS, MAX_EVIDENCE_STEPS, MAX_LATE_RECEIPTS, MAX_LIST, MAX_RECORD_BYTES,
    ValidationContext, validate,
};
pub use violation::{MAX_VIOLATIONS, Rule, Violation, Violations};
