//! Refusals of evidence requests and their steps.

use tonic::Code;

use super::Refusal;
use crate::{
    evidence::lifecycle::Void,
    node::evidence::{EvidenceError, EvidenceFault},
};

/// Code and stable word of a fault.
pub(super) const fn word(fault: &EvidenceFault) -> (Code, &'static str) {
    match fault {
        EvidenceFault::AsRecord => (Code::InvalidArgument, "EVIDENCE_AS_RECORD"),
        EvidenceFault::NotARequest => (Code::InvalidArgument, "EVIDENCE_NOT_A_REQUEST"),
        EvidenceFault::SetByNode(_) => (Code::InvalidArgument, "EVIDENCE_SET_BY_NODE"),
        EvidenceFault::Terms(_) => (Code::FailedPrecondition, "EVIDENCE_NOT_AGREED"),
        EvidenceFault::Void(void) => match void {
            Void::Party { .. } => (Code::FailedPrecondition, "EVIDENCE_WRONG_PARTY"),
            Void::Authority { .. } => (Code::PermissionDenied, "EVIDENCE_WRONG_AUTHORITY"),
            Void::State { .. } => (Code::FailedPrecondition, "EVIDENCE_WRONG_STATE"),
            Void::Clock(_) => (Code::FailedPrecondition, "EVIDENCE_CLOCK"),
            Void::Ground(_) => (Code::FailedPrecondition, "EVIDENCE_WRONG_GROUND"),
            Void::Stranger(_)
            | Void::Number(_)
            | Void::Double { .. }
            | Void::Previous(_)
            | Void::Seen(_) => (Code::FailedPrecondition, "EVIDENCE_STEP_VOID"),
        },
        EvidenceFault::NodesOwn(_) => (Code::PermissionDenied, "EVIDENCE_STEP_OF_NODE"),
        EvidenceFault::Waits(_) => (Code::FailedPrecondition, "EVIDENCE_STEP_WAITS"),
        EvidenceFault::TooMany => (Code::ResourceExhausted, "EVIDENCE_TOO_MANY_STEPS"),
        EvidenceFault::Authority { .. } => (Code::InvalidArgument, "AUTHORITY_UNKNOWN"),
        EvidenceFault::Custody(_) => (Code::FailedPrecondition, "CUSTODY_REFUSED"),
        EvidenceFault::Unreadable(_) => (Code::FailedPrecondition, "RECORD_LOCKED"),
    }
}

impl From<EvidenceError> for Refusal {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::Record(error) => error.into(),
            EvidenceError::Submit(error) => error.into(),
            EvidenceError::Item(error) => (*error).into(),
            EvidenceError::NotARequest(_) => {
                Self::new(Code::NotFound, "EVIDENCE_NOT_A_REQUEST", error.to_string())
            }
        }
    }
}
