//! Refusals about what needs two persons.

use tonic::Code;

use super::Refusal;
use crate::node::{approvals::ApprovalError, rules};

impl From<ApprovalError> for Refusal {
    fn from(error: ApprovalError) -> Self {
        let (code, reason) = match &error {
            ApprovalError::Approval(refusal) => match refusal {
                rules::Refusal::NoApproval => (Code::NotFound, "APPROVAL_UNKNOWN"),
                rules::Refusal::OwnApproval => (Code::PermissionDenied, "APPROVAL_OWN"),
                rules::Refusal::ApprovalExpired => (Code::FailedPrecondition, "APPROVAL_EXPIRED"),
                rules::Refusal::ApprovalRefused => (Code::FailedPrecondition, "APPROVAL_REFUSED"),
                rules::Refusal::ApprovalVoid => (Code::FailedPrecondition, "APPROVAL_VOID"),
                rules::Refusal::Approved => (Code::FailedPrecondition, "APPROVAL_DONE"),
                rules::Refusal::PermissionsMoved => (Code::FailedPrecondition, "PERMISSIONS_MOVED"),
                _ => (Code::Internal, "NODE_FAILED"),
            },
            ApprovalError::Reason => (Code::InvalidArgument, "REASON_MISSING"),
            ApprovalError::TooMany => (Code::ResourceExhausted, "APPROVALS_TOO_MANY"),
            ApprovalError::Unneeded(_) => (Code::FailedPrecondition, "APPROVAL_NOT_NEEDED"),
            ApprovalError::NoLeave(_) | ApprovalError::Unsaid(_) => {
                (Code::InvalidArgument, "APPROVAL_INVALID")
            }
            ApprovalError::NoVictims(_) => (Code::FailedPrecondition, "NO_VICTIMS"),
            ApprovalError::Table(_) => (Code::InvalidArgument, "PERMISSIONS_INVALID"),
            ApprovalError::Refused(_)
            | ApprovalError::Record(_)
            | ApprovalError::Submit(_)
            | ApprovalError::Node(_) => {
                return match error {
                    ApprovalError::Refused(refused) => refused.into(),
                    ApprovalError::Record(error) => error.into(),
                    ApprovalError::Submit(error) => error.into(),
                    ApprovalError::Node(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
        };
        Self::new(code, reason, error.to_string())
    }
}
