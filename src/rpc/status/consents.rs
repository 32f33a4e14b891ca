//! Refusals of consent, export and passing on.

use tonic::Code;

use super::Refusal;
use crate::node::{onward::OnwardError, steps::ConsentError};

impl From<ConsentError> for Refusal {
    fn from(error: ConsentError) -> Self {
        let (code, reason) = match &error {
            ConsentError::Own(_) => (Code::FailedPrecondition, "RECORD_OWN"),
            ConsentError::Step(_) => (Code::FailedPrecondition, "RECORD_IS_STEP"),
            ConsentError::NotEvidence(_) => (Code::NotFound, "EVIDENCE_NOT_A_REQUEST"),
            ConsentError::TooLong(_) => (Code::FailedPrecondition, "EVIDENCE_TOO_LONG"),
            ConsentError::Custody(_) => (Code::FailedPrecondition, "CUSTODY_REFUSED"),
            ConsentError::Of { error: inner, .. } => {
                let told = match **inner {
                    ConsentError::Needed(_) => (Code::PermissionDenied, "CONSENT_NEEDED"),
                    ConsentError::NotThis(_) => (Code::PermissionDenied, "CONSENT_NOT_FOR_THIS"),
                    ConsentError::Used => (Code::PermissionDenied, "CONSENT_USED"),
                    _ => (Code::Unavailable, "CONSENT_UNCERTAIN"),
                };
                return Self::new(told.0, told.1, error.to_string());
            }
            ConsentError::PassedOn { .. } => (Code::FailedPrecondition, "RECORD_PASSED_ON"),
            ConsentError::Superseded { .. } => (Code::FailedPrecondition, "RECORD_SUPERSEDED"),
            ConsentError::NotHeld(_) => (Code::InvalidArgument, "COMPARTMENT_NOT_HELD"),
            ConsentError::Use => (Code::InvalidArgument, "USE_MISSING"),
            ConsentError::Beneficiary(_) | ConsentError::Court => {
                (Code::InvalidArgument, "BENEFICIARY_INVALID")
            }
            ConsentError::HasItAlready(_) => (Code::FailedPrecondition, "READER_HAS_IT"),
            ConsentError::NotNeeded => (Code::FailedPrecondition, "CONSENT_NOT_NEEDED"),
            ConsentError::Needed(_) => (Code::PermissionDenied, "CONSENT_NEEDED"),
            ConsentError::NotThis(_) => (Code::PermissionDenied, "CONSENT_NOT_FOR_THIS"),
            ConsentError::Clock => (Code::Unavailable, "CLOCK_APART"),
            ConsentError::Unheard { .. } => (Code::Unavailable, "ORIGIN_UNHEARD"),
            ConsentError::Used => (Code::PermissionDenied, "CONSENT_USED"),
            ConsentError::NotARequest(_) => (Code::NotFound, "REQUEST_UNKNOWN"),
            ConsentError::NotEntitled { .. } => (Code::FailedPrecondition, "NOT_ENTITLED"),
            ConsentError::Validity => (Code::InvalidArgument, "VALIDITY_INVALID"),
            ConsentError::Read(_) | ConsentError::Submit(_) | ConsentError::Node(_) => {
                return match error {
                    ConsentError::Read(error) => error.into(),
                    ConsentError::Submit(error) => error.into(),
                    ConsentError::Node(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
        };
        Self::new(code, reason, error.to_string())
    }
}

impl From<OnwardError> for Refusal {
    fn from(error: OnwardError) -> Self {
        let reason = match &error {
            OnwardError::Agreement { .. } => "AGREEMENT_FORBIDS",
            OnwardError::Destination(_) => "READER_HAS_IT",
            OnwardError::VictimsUnnamed(_) => "AUTHORITY_MISSING",
            OnwardError::Consent(_) | OnwardError::Submit(_) => {
                return match error {
                    OnwardError::Consent(error) => error.into(),
                    OnwardError::Submit(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
        };
        Self::new(Code::FailedPrecondition, reason, error.to_string())
    }
}
