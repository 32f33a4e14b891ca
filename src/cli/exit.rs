//! Exit codes of sysexits(3), and failures that carry one.

use std::process::ExitCode;

use crate::{home::HomeError, node::NodeError, store::StoreError, wire::json::JsonError};

/// The command line is wrong.
pub(super) const USAGE: Code = Code(64);
/// The input is wrong: a record, a card, a fingerprint, an export.
pub(super) const DATAERR: Code = Code(65);
/// An input file cannot be read.
pub(super) const NOINPUT: Code = Code(66);
/// The node is not there, or cannot serve now.
pub(super) const UNAVAILABLE: Code = Code(69);
/// The program failed.
pub(super) const SOFTWARE: Code = Code(70);
/// The operating system refused.
pub(super) const OSERR: Code = Code(71);
/// An output file cannot be created.
pub(super) const CANTCREAT: Code = Code(73);
/// Reading or writing failed.
pub(super) const IOERR: Code = Code(74);
/// Try again later.
pub(super) const TEMPFAIL: Code = Code(75);
/// Not allowed.
pub(super) const NOPERM: Code = Code(77);
/// The configuration or the home is wrong.
pub(super) const CONFIG: Code = Code(78);

/// Ended by Ctrl-C, as shells count it: 128 and the signal's number.
pub(super) const INTERRUPTED: Code = Code(130);

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Code(u8);

impl From<Code> for ExitCode {
    fn from(code: Code) -> Self {
        Self::from(code.0)
    }
}

/// Why a command failed: a sentence, what is wrong in detail, and the exit code.
#[derive(Debug)]
pub(super) struct Failure {
    code: Code,
    message: String,
    details: Vec<String>,
}

impl Failure {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
        }
    }

    pub(super) fn with_details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// The same failure, of one line of the input.
    pub(super) fn at_line(mut self, line: u64) -> Self {
        self.message = format!("line {line}: {}", self.message);
        self
    }

    pub(super) const fn code(&self) -> Code {
        self.code
    }

    pub(super) fn message(&self) -> &str {
        &self.message
    }

    pub(super) fn details(&self) -> &[String] {
        &self.details
    }
}

impl From<HomeError> for Failure {
    fn from(error: HomeError) -> Self {
        let code = match &error {
            HomeError::NotEmpty(_) => CANTCREAT,
            HomeError::WeakPassphrase { .. }
            | HomeError::WrongPassphrase(_)
            | HomeError::NotARoot(_)
            | HomeError::Request(_)
            | HomeError::ExcessiveWork { .. } => DATAERR,
            _ => CONFIG,
        };
        Self::new(code, error.to_string())
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        let code = match &error {
            NodeError::Home(_)
            | NodeError::Agreements(_)
            | NodeError::OwnCard(_)
            | NodeError::OtherCountry { .. } => CONFIG,
            NodeError::Store(_) => IOERR,
            NodeError::Closed => UNAVAILABLE,
            _ => SOFTWARE,
        };
        Self::new(code, error.to_string())
    }
}

impl From<crate::rpc::server::ServeError> for Failure {
    fn from(error: crate::rpc::server::ServeError) -> Self {
        use crate::rpc::server::ServeError;
        let code = match error {
            ServeError::Bind { .. } => UNAVAILABLE,
            ServeError::Tls(_) | ServeError::Home(_) => CONFIG,
        };
        Self::new(code, error.to_string())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(IOERR, error.to_string())
    }
}

impl From<JsonError> for Failure {
    fn from(error: JsonError) -> Self {
        Self::new(DATAERR, error.to_string())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::new(IOERR, error.to_string())
    }
}

/// A refusal of the node, with every violation it lists.
impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        use tonic_types::StatusExt as _;
        let code = match status.code() {
            tonic::Code::InvalidArgument
            | tonic::Code::NotFound
            | tonic::Code::AlreadyExists
            | tonic::Code::OutOfRange => DATAERR,
            tonic::Code::PermissionDenied | tonic::Code::Unauthenticated => NOPERM,
            tonic::Code::ResourceExhausted => TEMPFAIL,
            tonic::Code::DataLoss => IOERR,
            tonic::Code::Unavailable | tonic::Code::DeadlineExceeded => UNAVAILABLE,
            _ => SOFTWARE,
        };
        let details = status.get_error_details();
        let lines = details
            .bad_request()
            .map(|bad| {
                bad.field_violations
                    .iter()
                    .map(|violation| format!("{}: {}", violation.field, violation.description))
                    .collect()
            })
            .unwrap_or_default();
        let message = match details.error_info() {
            Some(info) => format!("{} ({})", status.message(), info.reason),
            None => status.message().to_owned(),
        };
        Self::new(code, message).with_details(lines)
    }
}
