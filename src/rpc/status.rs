//! Refusals as gRPC statuses: a code, a sentence, and `ErrorInfo.reason`, the stable word that
//! programs and screens go by. Every field violation is listed.

mod approvals;
mod consents;
mod evidence;
mod feeds;
mod joint_cases;
mod threads;

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _, pb};

use crate::{
    access::Refused,
    node::{
        NodeError, cards::CardRefusal, read::ReadError, rules::SubmissionRefusal,
        search::SearchError, submit::SubmitError,
    },
    record::{ReferenceError, Violations},
    wire,
};

/// Domain of every `ErrorInfo`.
pub(super) const DOMAIN: &str = "comity";

/// The type of the detail that carries a refusal with all that is known of its violations.
pub(crate) const REFUSAL_TYPE: &str = "type.googleapis.com/comity.node.v1.Refusal";

/// Most bytes of violations in a status. A status travels in trailers, of which clients take 8 KiB
/// and sometimes no more; streams of submissions list every violation.
const MOST_DETAILS: usize = 4_500;

/// Longest sentence of a status, in bytes.
const LONGEST_SENTENCE: usize = 600;

/// A refusal: code, stable word, sentence, violations.
#[derive(Debug)]
pub(super) struct Refusal {
    code: Code,
    reason: &'static str,
    message: String,
    violations: Vec<wire::node::Violation>,
    /// Whether there are more violations than are listed.
    more: bool,
}

impl Refusal {
    /// Drops the violations that do not fit, and says so.
    fn keep_to(&mut self, most: usize) {
        let mut size = 0;
        let fits = self.violations.iter().take_while(|violation| {
            size += 2 * violation.field.len() + 2 * violation.message.len() + 32;
            size += violation
                .allowed
                .iter()
                .map(|code| code.len() + 2)
                .sum::<usize>();
            size <= most
        });
        let fits = fits.count();
        self.more |= fits < self.violations.len();
        self.violations.truncate(fits);
    }

    pub(super) fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            violations: Vec::new(),
            more: false,
        }
    }
}

impl From<Refusal> for Status {
    fn from(mut refusal: Refusal) -> Self {
        let (code, message) = (refusal.code, refusal.message.clone());
        let mut details = ErrorDetails::new();
        details.set_error_info(refusal.reason, DOMAIN, std::collections::HashMap::new());
        if refusal.violations.is_empty() {
            return Self::with_error_details(code, message, details);
        }
        refusal.keep_to(MOST_DETAILS);
        let fields = refusal.violations.iter().map(|violation| {
            let description = format!("{}: {}", violation.rule, violation.message);
            FieldViolation::new(violation.field.clone(), description)
        });
        details.set_bad_request(fields.collect::<Vec<_>>());
        let status = Self::with_error_details(code, message, details);
        // The same once more with value and what is allowed, as streams of submissions give it.
        let own = wire::node::Refusal {
            message: String::new(),
            ..refusal.into()
        };
        let Ok(mut rich) = pb::Status::decode(status.details()) else {
            return status;
        };
        rich.details.push(prost_types::Any {
            type_url: REFUSAL_TYPE.to_owned(),
            value: own.encode_to_vec(),
        });
        let message = status.message().to_owned();
        Self::with_details(code, message, rich.encode_to_vec().into())
    }
}

impl From<Refusal> for wire::node::Refusal {
    fn from(refusal: Refusal) -> Self {
        Self {
            reason: refusal.reason.to_owned(),
            message: refusal.message,
            violations: refusal.violations,
            more: refusal.more,
        }
    }
}

fn invalid(violations: &Violations) -> Refusal {
    Refusal {
        code: Code::InvalidArgument,
        reason: "RECORD_INVALID",
        message: sentence(violations),
        more: violations.has_more(),
        violations: violations
            .iter()
            .map(|violation| wire::node::Violation {
                field: violation.field.clone(),
                rule: violation.rule.to_string(),
                message: violation.message.clone(),
                value: violation.value.clone().unwrap_or_default(),
                allowed: violation.allowed.clone(),
            })
            .collect(),
    }
}

/// What is wrong in words: everything where it is short, how much it is otherwise.
fn sentence(violations: &Violations) -> String {
    let everything = violations.to_string();
    if everything.len() <= LONGEST_SENTENCE {
        return everything;
    }
    let more = if violations.has_more() {
        " and more"
    } else {
        ""
    };
    format!("the record breaks {} rules{more}", violations.iter().len())
}

impl From<NodeError> for Refusal {
    fn from(error: NodeError) -> Self {
        match &error {
            NodeError::Closed => Self::new(
                Code::Unavailable,
                "NODE_SHUTTING_DOWN",
                "the node is shutting down; repeat with the same idempotency key",
            ),
            // The files are the operator's, and so is the reader of this.
            NodeError::Agreements(fault) => Self::new(
                Code::InvalidArgument,
                "AGREEMENTS_INVALID",
                format!("{fault}; the agreements in force stay"),
            ),
            NodeError::Profiles(fault) => Self::new(
                Code::InvalidArgument,
                "PROFILES_INVALID",
                format!("{fault}; the profiles and calendars in force stay"),
            ),
            NodeError::Fenced => {
                Self::new(Code::FailedPrecondition, "NODE_FENCED", error.to_string())
            }
            NodeError::Signer(_) => {
                Self::new(Code::Unavailable, "SIGNER_UNAVAILABLE", error.to_string())
            }
            NodeError::Asking => Self::new(Code::Unavailable, "ASKING_PEERS", error.to_string()),
            full if full.is_full() => {
                Self::new(Code::ResourceExhausted, "DISK_FULL", error.to_string())
            }
            NodeError::Store(_) => {
                tracing::error!(%error, "the store failed");
                Self::new(
                    Code::Unavailable,
                    "STORE_FAILED",
                    "the node cannot make anything durable; its operator finds the cause in the log",
                )
            }
            damaged if damaged.is_damage() => {
                tracing::error!(%error, "a record is damaged");
                Self::new(
                    Code::DataLoss,
                    "RECORD_DAMAGED",
                    "the record's text is damaged on this node's disk; `comity status` says whether another country is asked for it again",
                )
            }
            _ => {
                tracing::error!(%error, "a use case failed");
                Self::new(
                    Code::Internal,
                    "NODE_FAILED",
                    "the node failed; its operator finds the cause in the log",
                )
            }
        }
    }
}

impl From<SubmitError> for Refusal {
    fn from(error: SubmitError) -> Self {
        let (code, reason) = match &error {
            SubmitError::Invalid(violations) => return invalid(violations),
            SubmitError::TooLarge(_) => (Code::InvalidArgument, "RECORD_TOO_LARGE"),
            SubmitError::KeyTooLong(_) => (Code::InvalidArgument, "IDEMPOTENCY_KEY_TOO_LONG"),
            SubmitError::Conflict(SubmissionRefusal::Differenced(violations)) => {
                return invalid(violations);
            }
            SubmitError::Conflict(SubmissionRefusal::IdempotencyConflict) => {
                (Code::AlreadyExists, "IDEMPOTENCY_CONFLICT")
            }
            SubmitError::Conflict(SubmissionRefusal::ReferenceTaken) => {
                (Code::Aborted, "REFERENCE_TAKEN")
            }
            SubmitError::Conflict(SubmissionRefusal::AlreadyAmended) => {
                (Code::FailedPrecondition, "ALREADY_AMENDED")
            }
            SubmitError::Conflict(SubmissionRefusal::AlreadyRecalled) => {
                (Code::FailedPrecondition, "ALREADY_RECALLED")
            }
            SubmitError::Conflict(SubmissionRefusal::FollowsLocked) => {
                (Code::InvalidArgument, "FOLLOWS_INVALID")
            }
            SubmitError::Conflict(SubmissionRefusal::AlreadyAnswered) => {
                (Code::FailedPrecondition, "ALREADY_ANSWERED")
            }
            SubmitError::Conflict(SubmissionRefusal::ConsentUsed) => {
                (Code::PermissionDenied, "CONSENT_USED")
            }
            SubmitError::Conflict(SubmissionRefusal::OriginalLocked) => {
                (Code::FailedPrecondition, "RECORD_LOCKED")
            }
            SubmitError::Conflict(SubmissionRefusal::EvidenceMoved) => {
                (Code::Aborted, "EVIDENCE_MOVED")
            }
            SubmitError::Conflict(SubmissionRefusal::JointCaseMoved) => {
                (Code::Aborted, "JOINT_CASE_MOVED")
            }
            SubmitError::Conflict(SubmissionRefusal::ItemMoved) => (Code::Aborted, "ITEM_MOVED"),
            SubmitError::Evidence(fault) => evidence::word(fault),
            SubmitError::JointCase(fault) => joint_cases::word(fault),
            SubmitError::Refused(_) => (Code::PermissionDenied, "ACCESS_DENIED"),
            SubmitError::StepAsRecord => (Code::InvalidArgument, "STEP_AS_RECORD"),
            SubmitError::Follows(_) => (Code::InvalidArgument, "FOLLOWS_INVALID"),
            SubmitError::DiskFull { .. } => (Code::ResourceExhausted, "DISK_FULL"),
            SubmitError::Busy => (Code::ResourceExhausted, "NODE_BUSY"),
            SubmitError::Fenced => (Code::FailedPrecondition, "NODE_FENCED"),
            SubmitError::ReferencesExhausted => (Code::ResourceExhausted, "REFERENCES_EXHAUSTED"),
            SubmitError::Seal(_) => (Code::Internal, "SEALING_FAILED"),
            SubmitError::Node(_) => {
                return match error {
                    SubmitError::Node(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
        };
        Self::new(code, reason, error.to_string())
    }
}

impl From<Refused> for Refusal {
    fn from(refused: Refused) -> Self {
        Self::new(Code::PermissionDenied, "ACCESS_DENIED", refused.to_string())
    }
}

impl From<Violations> for Refusal {
    fn from(violations: Violations) -> Self {
        invalid(&violations)
    }
}

impl From<ReadError> for Refusal {
    fn from(error: ReadError) -> Self {
        match error {
            ReadError::Unknown(_) => Self::new(Code::NotFound, "RECORD_UNKNOWN", error.to_string()),
            ReadError::Locked { .. } => {
                Self::new(Code::FailedPrecondition, "RECORD_LOCKED", error.to_string())
            }
            ReadError::PurposeTooLong(_) => {
                Self::new(Code::InvalidArgument, "PURPOSE_TOO_LONG", error.to_string())
            }
            ReadError::PurposeMissing { .. } => {
                Self::new(Code::InvalidArgument, "PURPOSE_MISSING", error.to_string())
            }
            ReadError::Purpose(_) => {
                Self::new(Code::InvalidArgument, "PURPOSE_INVALID", error.to_string())
            }
            ReadError::Refused(refused) => refused.into(),
            ReadError::Node(error) => error.into(),
        }
    }
}

impl From<SearchError> for Refusal {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Query(error) => {
                Self::new(Code::InvalidArgument, "QUERY_INVALID", error.to_string())
            }
            SearchError::Read(error) => error.into(),
        }
    }
}

impl From<ReferenceError> for Refusal {
    fn from(error: ReferenceError) -> Self {
        Self::new(
            Code::InvalidArgument,
            "REFERENCE_INVALID",
            error.to_string(),
        )
    }
}

impl From<CardRefusal> for Refusal {
    fn from(refusal: CardRefusal) -> Self {
        let reason = match refusal {
            CardRefusal::Card(_) => "CARD_INVALID",
            CardRefusal::Conflict(_) => "CARD_CONFLICT",
            CardRefusal::Fingerprint { .. } => "FINGERPRINT_DIFFERS",
            CardRefusal::Own(_) => "CARD_OWN",
            CardRefusal::NotItsOwn { .. } => "CARD_NOT_ITS_OWN",
            CardRefusal::Node(error) => return error.into(),
            CardRefusal::Approval(error) => return (*error).into(),
        };
        Self::new(Code::InvalidArgument, reason, refusal.to_string())
    }
}
