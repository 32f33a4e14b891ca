//! What can go wrong for a client, and whether the same may succeed later.

use std::{error::Error as _, path::PathBuf, time::Duration};

use prost::Message as _;
use tonic::{Code, Status};
use tonic_types::{StatusExt as _, pb};

use crate::{
    home::HomeError,
    rpc::{REFUSAL_TYPE, tls::DialError},
    wire::node::{self, Violation},
};

/// Why a client got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The profile, or a file it names, cannot be used.
    #[error("the client profile {path} cannot be used: {why}")]
    Profile {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The operator's certificate cannot be used.
    #[error(transparent)]
    Home(#[from] HomeError),
    /// No node answers.
    #[error("no node answers: {0}; start it with `comity run`, or check the address")]
    Connect(#[from] DialError),
    /// The node refused, or the connection broke.
    #[error(transparent)]
    Refused(#[from] Box<Refused>),
    /// No answer in time. What was submitted may be durable all the same: repeat it with its key.
    #[error("the node did not answer within {} s", after.as_secs())]
    Deadline {
        /// How long was waited.
        after: Duration,
    },
}

impl ClientError {
    /// How long to wait at least before the same is worth trying again; `None` where it would fail
    /// again: something has to be changed first, or asked of somebody.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Profile { .. } | Self::Home(_) => None,
            // Another certificate, another country's node: the same again would be refused again.
            Self::Connect(
                DialError::Handshake { .. } | DialError::Protocol(_) | DialError::Tls(_),
            ) => None,
            Self::Connect(_) | Self::Deadline { .. } => Some(Duration::ZERO),
            Self::Refused(refused) => refused.retry_after(),
        }
    }

    /// The class of the failure, as gRPC has it.
    pub fn code(&self) -> Code {
        match self {
            Self::Profile { .. } | Self::Home(_) => Code::FailedPrecondition,
            Self::Connect(_) => Code::Unavailable,
            Self::Deadline { .. } => Code::DeadlineExceeded,
            Self::Refused(refused) => refused.code(),
        }
    }

    /// The node's refusal, where it is one.
    pub fn refused(&self) -> Option<&Refused> {
        match self {
            Self::Refused(refused) => Some(refused),
            _ => None,
        }
    }
}

impl From<Status> for ClientError {
    fn from(status: Status) -> Self {
        Self::Refused(Box::new(status.into()))
    }
}

/// What the node refused and why; or how the connection broke, then without a reason.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}{}", in_brackets(.reason))]
pub struct Refused {
    code: Code,
    reason: String,
    message: String,
    violations: Vec<Violation>,
    more: bool,
    retry: Option<Duration>,
}

fn in_brackets(reason: &str) -> String {
    match reason {
        "" => String::new(),
        reason => format!(" ({reason})"),
    }
}

/// Reasons that pass by themselves, before anything was done.
const PASSING: [&str; 5] = [
    "NODE_SHUTTING_DOWN",
    "ASKING_PEERS",
    "NODE_BUSY",
    "REFERENCE_TAKEN",
    "ITEM_MOVED",
];

impl Refused {
    /// The class of the refusal, as gRPC has it.
    pub const fn code(&self) -> Code {
        self.code
    }

    /// A stable word for programs, such as `RECORD_INVALID`; empty when it was not the node that
    /// refused but the connection that broke.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What failed and what to do, in words.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The rules that a record breaks, each with the path of its field in JSON names.
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// Whether there are more violations than are listed.
    pub const fn has_more(&self) -> bool {
        self.more
    }

    /// How long to wait at least before the same is worth trying again: as long as the node says, or
    /// not at all where what refused passes by itself. `None` where the same is refused again.
    pub fn retry_after(&self) -> Option<Duration> {
        let passes = PASSING.contains(&self.reason.as_str());
        self.retry.or(passes.then_some(Duration::ZERO))
    }

    /// Whether the connection is to be made anew before anything else.
    pub(super) fn broke_the_connection(&self) -> bool {
        self.reason.is_empty() && self.retry.is_some() || self.reason == "NODE_SHUTTING_DOWN"
    }
}

impl From<Status> for Refused {
    fn from(status: Status) -> Self {
        let details = status.get_error_details();
        let reason = details.error_info().map(|info| info.reason.clone());
        let reason = reason.unwrap_or_default();
        // A status that was not sent by the node has what failed as its source.
        let broken =
            reason.is_empty() && (status.source().is_some() || status.code() == Code::Unavailable);
        let asked = details.retry_info().and_then(|info| info.retry_delay);
        let listed = listed_in(&status);
        Self {
            code: status.code(),
            reason,
            message: status.message().to_owned(),
            violations: listed.violations,
            more: listed.more,
            retry: asked.or(broken.then_some(Duration::ZERO)),
        }
    }
}

/// A refusal of one submission in a stream.
impl From<node::Refusal> for Refused {
    fn from(refusal: node::Refusal) -> Self {
        let code = match refusal.reason.as_str() {
            "NODE_BUSY" | "DISK_FULL" | "REFERENCES_EXHAUSTED" => Code::ResourceExhausted,
            "NODE_SHUTTING_DOWN" | "ASKING_PEERS" | "STORE_FAILED" => Code::Unavailable,
            "REFERENCE_TAKEN" | "ITEM_MOVED" => Code::Aborted,
            "ACCESS_DENIED" => Code::PermissionDenied,
            _ => Code::InvalidArgument,
        };
        Self {
            code,
            reason: refusal.reason,
            message: refusal.message,
            violations: refusal.violations,
            more: refusal.more,
            retry: None,
        }
    }
}

/// The violations that a status lists.
fn listed_in(status: &Status) -> node::Refusal {
    let Ok(rich) = pb::Status::decode(status.details()) else {
        return node::Refusal::default();
    };
    let own = rich.details.iter().find(|any| any.type_url == REFUSAL_TYPE);
    own.and_then(|any| node::Refusal::decode(any.value.as_slice()).ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use tonic_types::ErrorDetails;

    use super::*;

    fn refused(code: Code, reason: &str, retry: Option<Duration>) -> Refused {
        let mut details = ErrorDetails::new();
        details.set_error_info(reason, "comity", HashMap::new());
        if retry.is_some() {
            details.set_retry_info(retry);
        }
        Status::with_error_details(code, "EXERCISE", details).into()
    }

    #[test]
    fn what_passes_is_tried_again_and_what_stays_is_not() {
        let second = Some(Duration::from_secs(1));
        for (code, reason, asked, retry) in [
            (Code::ResourceExhausted, "LIMIT_EXCEEDED", second, second),
            (
                Code::ResourceExhausted,
                "NODE_BUSY",
                None,
                Some(Duration::ZERO),
            ),
            (Code::Aborted, "REFERENCE_TAKEN", None, Some(Duration::ZERO)),
            (Code::ResourceExhausted, "DISK_FULL", None, None),
            (Code::InvalidArgument, "RECORD_INVALID", None, None),
            (Code::PermissionDenied, "ACCESS_DENIED", None, None),
            (Code::Unavailable, "STORE_FAILED", None, None),
        ] {
            let refused = refused(code, reason, asked);
            assert_eq!(refused.retry_after(), retry, "{reason}");
            assert!(!refused.broke_the_connection(), "{reason}");
            assert_eq!(refused.to_string(), format!("EXERCISE ({reason})"));
        }
    }

    #[test]
    fn a_broken_connection_is_made_anew() {
        let broken: Refused = Status::unavailable("the connection ended").into();
        assert!(broken.broke_the_connection());
        assert_eq!(broken.retry_after(), Some(Duration::ZERO));
        let closing = refused(Code::Unavailable, "NODE_SHUTTING_DOWN", None);
        assert!(closing.broke_the_connection());
    }
}
