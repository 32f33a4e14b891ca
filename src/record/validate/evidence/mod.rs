//! The rules of evidence requests: of the request itself, of its steps, and of items.

mod items;
mod request;
mod steps;
mod terms;

pub(super) use items::check as items;
pub(super) use request::{check as request, legal_basis, spontaneous};
pub use steps::MAX_STEPS as MAX_EVIDENCE_STEPS;
pub(super) use steps::check as step;
