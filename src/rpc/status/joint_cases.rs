//! Refusals of joint cases and of what belongs to them.

use tonic::Code;

use super::Refusal;
use crate::node::joint::{JointError, JointFault};

/// Code and stable word of a fault.
pub(super) const fn word(fault: &JointFault) -> (Code, &'static str) {
    match fault {
        JointFault::Unknown { .. } => (Code::NotFound, "JOINT_CASE_UNKNOWN"),
        JointFault::Mismatch | JointFault::Elsewhere(_) | JointFault::Nowhere => {
            (Code::InvalidArgument, "JOINT_CASE_MISMATCH")
        }
        JointFault::Ended { .. } => (Code::PermissionDenied, "JOINT_CASE_MEMBERSHIP_ENDED"),
        JointFault::Country(_) | JointFault::Authority { .. } | JointFault::Nobody => {
            (Code::InvalidArgument, "JOINT_CASE_NOT_A_MEMBER")
        }
        JointFault::NameOne { .. } => (Code::InvalidArgument, "JOINT_CASE_NAME_ONE"),
        JointFault::NotTheConvener(_) => (Code::PermissionDenied, "JOINT_CASE_NOT_THE_CONVENER"),
        JointFault::Gone(..) | JointFault::Past(..) => {
            (Code::InvalidArgument, "JOINT_CASE_HISTORY")
        }
        JointFault::Own(_) => (Code::InvalidArgument, "JOINT_CASE_OWN_COUNTRY"),
        JointFault::NoSuchMember(_) => (Code::InvalidArgument, "JOINT_CASE_NO_SUCH_MEMBER"),
    }
}

impl From<JointError> for Refusal {
    fn from(error: JointError) -> Self {
        match error {
            JointError::Record(error) => error.into(),
            JointError::Submit(error) => error.into(),
            JointError::NotACase(_) => {
                Self::new(Code::NotFound, "NOT_A_JOINT_CASE", error.to_string())
            }
        }
    }
}
