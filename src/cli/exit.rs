//! Exit codes of sysexits(3), and failures that carry one.
//!
//! What the state of a record or of the node does not allow (it is locked, answered already, of this
//! country, passed on; the node is fenced) is not allowed like what the caller may not do: 77. The
//! same again is refused again until the state changes, so it is neither 75 nor 69, and nothing is
//! wrong with the input, so it is not 65. The stable word in the message says which.

use std::{path::Path, process::ExitCode};

use crate::{
    client::{ClientError, Refused},
    home::HomeError,
    node::NodeError,
    store::StoreError,
    wire::{json::JsonError, node::Violation},
};

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
/// Not allowed, to this caller or in this state.
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
    violations: Vec<Violation>,
    /// Whether there are more violations than are listed.
    more: bool,
}

impl Failure {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            details: Vec::new(),
            violations: Vec::new(),
            more: false,
        }
    }

    /// A file or folder that cannot be written; none that is there is overwritten.
    pub(super) fn not_written(path: &Path, error: &std::io::Error) -> Self {
        let shown = path.display();
        let what = match error.kind() {
            std::io::ErrorKind::AlreadyExists => {
                format!("{shown} is there already; name one that does not exist")
            }
            _ => format!("{shown} cannot be written: {error}"),
        };
        Self::new(CANTCREAT, what)
    }

    pub(super) fn with_details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }

    /// With every violation: a line of its own in the details, and for programs as it came.
    pub(super) fn with_violations(mut self, violations: Vec<Violation>, more: bool) -> Self {
        self.details = violations
            .iter()
            .map(|of| format!("{}: {}: {}", of.field, of.rule, of.message))
            .collect();
        if more {
            self.details.push("and more".to_owned());
        }
        self.violations = violations;
        self.more = more;
        self
    }

    /// The same failure, and something else in words.
    pub(super) fn and(mut self, detail: String) -> Self {
        self.details.push(detail);
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

    /// The failure for programs.
    pub(super) fn to_json(&self) -> serde_json::Value {
        let violations = self.violations.iter().map(|of| {
            let value = (!of.value.is_empty()).then_some(&of.value);
            serde_json::json!({
                "field": of.field,
                "rule": of.rule,
                "message": of.message,
                "value": value,
                "allowed": of.allowed,
            })
        });
        serde_json::json!({
            "error": self.message,
            "details": self.details,
            "violations": violations.collect::<Vec<_>>(),
            "more": self.more,
        })
    }
}

/// A command line that is wrong, as the parser explains it.
impl From<clap::Error> for Failure {
    fn from(error: clap::Error) -> Self {
        let text = error.render().to_string();
        let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let first = lines.next().unwrap_or("the command line is wrong");
        let message = first.strip_prefix("error: ").unwrap_or(first);
        Self::new(USAGE, message).with_details(lines.map(str::to_owned).collect())
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
            // Of a service that starts again by itself no wrong PIN may be tried a second time.
            HomeError::Protected(_) | HomeError::Pin(_) => NOPERM,
            HomeError::Token(_) => UNAVAILABLE,
            _ => CONFIG,
        };
        Self::new(code, error.to_string())
    }
}

impl From<NodeError> for Failure {
    fn from(error: NodeError) -> Self {
        let error = match error {
            NodeError::Home(error) => return error.into(),
            other => other,
        };
        let code = match &error {
            NodeError::Agreements(_)
            | NodeError::Profiles(_)
            | NodeError::OwnCard(_)
            | NodeError::OtherCountry { .. } => CONFIG,
            NodeError::Store(_) => IOERR,
            NodeError::Closed | NodeError::Signer(_) => UNAVAILABLE,
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

/// Text that is not the message it should be, with everything that is wrong with it.
impl From<JsonError> for Failure {
    fn from(mut error: JsonError) -> Self {
        let others = std::mem::take(&mut error.others);
        if others.is_empty() && error.path.is_empty() {
            return Self::new(DATAERR, error.to_string());
        }
        let violation = |of: JsonError| Violation {
            field: of.path,
            rule: NOT_THE_MESSAGE.to_owned(),
            message: of.message,
            ..Violation::default()
        };
        let message = match others.len() {
            0 => error.to_string(),
            more => format!("{} faults in the JSON", more + 1),
        };
        let all = std::iter::once(error).chain(others).map(violation);
        Self::new(DATAERR, message).with_violations(all.collect(), false)
    }
}

/// The stable word for a value that the JSON form of a message does not allow.
const NOT_THE_MESSAGE: &str = "JSON_INVALID";

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        // Whoever read the answer has read enough: nobody waits for a message.
        if error.kind() == std::io::ErrorKind::BrokenPipe {
            return Self::new(IOERR, "");
        }
        Self::new(IOERR, error.to_string())
    }
}

/// A refusal of the node, with every violation it lists.
impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let code = match refused.code() {
            tonic::Code::InvalidArgument
            | tonic::Code::NotFound
            | tonic::Code::AlreadyExists
            | tonic::Code::OutOfRange => DATAERR,
            tonic::Code::PermissionDenied
            | tonic::Code::Unauthenticated
            | tonic::Code::FailedPrecondition => NOPERM,
            tonic::Code::ResourceExhausted | tonic::Code::Aborted => TEMPFAIL,
            tonic::Code::DataLoss => IOERR,
            tonic::Code::Unavailable | tonic::Code::DeadlineExceeded => UNAVAILABLE,
            _ => SOFTWARE,
        };
        // The message repeats what the details list.
        let message = match refused.violations().len() {
            0 => refused.message().to_owned(),
            1 if !refused.has_more() => "the record breaks a rule".to_owned(),
            broken => format!("the record breaks {broken} rules"),
        };
        let message = match refused.reason() {
            "" => message,
            reason => format!("{message} ({reason})"),
        };
        Self::new(code, message).with_violations(refused.violations().to_vec(), refused.has_more())
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        Refused::from(status).into()
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let code = match error {
            ClientError::Refused(refused) => return (*refused).into(),
            ClientError::Profile { .. } | ClientError::Home(_) => CONFIG,
            ClientError::Connect(_) | ClientError::Deadline { .. } => UNAVAILABLE,
        };
        Self::new(code, error.to_string())
    }
}
