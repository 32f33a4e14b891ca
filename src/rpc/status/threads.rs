//! Refusals of replies and charges.

use tonic::Code;

use super::Refusal;
use crate::node::{charges::ChargeError, replies::ReplyError};

impl From<ChargeError> for Refusal {
    fn from(error: ChargeError) -> Self {
        let (code, reason) = match &error {
            ChargeError::Own(_) => (Code::FailedPrecondition, "RECORD_OWN"),
            ChargeError::Step(_) => (Code::FailedPrecondition, "CHARGE_OF_STEP"),
            ChargeError::AuthorityMissing(_) => (Code::InvalidArgument, "AUTHORITY_MISSING"),
            ChargeError::NotItsAuthority { .. } => {
                (Code::InvalidArgument, "AUTHORITY_NOT_A_DESTINATION")
            }
            ChargeError::Officer(_) => (Code::NotFound, "OFFICER_UNKNOWN"),
            ChargeError::OfficerAmbiguous { .. } => (Code::InvalidArgument, "OFFICER_AMBIGUOUS"),
            ChargeError::Note => (Code::InvalidArgument, "NOTE_INVALID"),
            ChargeError::Roster(fault) => {
                tracing::error!(%fault, "the certificates issued cannot be read");
                (Code::Internal, "NODE_FAILED")
            }
            ChargeError::Record(_) | ChargeError::Node(_) => {
                return match error {
                    ChargeError::Record(error) => error.into(),
                    ChargeError::Node(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
        };
        Self::new(code, reason, error.to_string())
    }
}

impl From<ReplyError> for Refusal {
    fn from(error: ReplyError) -> Self {
        let (code, reason) = match &error {
            ReplyError::Step(_) => (Code::FailedPrecondition, "REPLY_TO_STEP"),
            ReplyError::Content => (Code::InvalidArgument, "REPLY_CONTENT"),
            ReplyError::NotAReader { .. } => (Code::InvalidArgument, "REPLY_TO_NO_READER"),
            ReplyError::Nobody(_) => (Code::FailedPrecondition, "REPLY_TO_NOBODY"),
            ReplyError::Record(_) | ReplyError::Submit(_) => {
                return match error {
                    ReplyError::Record(error) => error.into(),
                    ReplyError::Submit(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
        };
        Self::new(code, reason, error.to_string())
    }
}
