//! What is wrong with a message, and what of it has no place.

use std::fmt;

/// Most faults that are told of one message.
pub(super) const MAX_FAULTS: usize = 50;

macro_rules! kinds {
    ($($name:ident $word:literal $says:literal;)*) => {
        /// What is wrong, as a stable word.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum FaultKind {
            $(#[doc = $says] $name,)*
        }

        impl FaultKind {
            /// As reports have it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }
        }
    };
}

kinds! {
    TooLarge "TOO_LARGE" "More bytes, elements or values than a message may have.";
    TooDeep "TOO_DEEP" "Elements stand deeper in each other than those of CAP do.";
    Encoding "ENCODING" "It is not UTF-8.";
    NotXml "NOT_XML" "It is not well-formed XML.";
    Doctype "DOCTYPE" "It declares a document type, which is never read.";
    Entity "ENTITY" "It names an entity that is not one of XML's own; none is expanded.";
    Namespace "NAMESPACE" "An element is not of CAP 1.2.";
    Unknown "UNKNOWN_ELEMENT" "CAP has no such element here.";
    Missing "MISSING" "An element that must be there is not.";
    Twice "TWICE" "An element stands twice that stands once at most.";
    Code "UNKNOWN_CODE" "A word is not in its list.";
    Time "TIME" "A time is not written as CAP has it.";
    Shape "SHAPE" "A polygon or a circle is none.";
    Reference "REFERENCE" "What it refers to is not written as CAP has it.";
    Meaning "NOT_TAKEN" "It is CAP, but no record can say it.";
}

/// Something wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Path of the element, such as `alert/info[1]/area[2]/polygon`; empty for the message as a whole.
    pub path: String,
    /// What is wrong, as a stable word.
    pub kind: FaultKind,
    /// The same as a sentence with what is allowed; never text of the message beyond a code.
    pub message: String,
}

impl Fault {
    pub(super) fn new(path: &str, kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            path: path.to_owned(),
            kind,
            message: message.into(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        write!(f, "{} ({})", self.message, self.kind.as_str())
    }
}

/// Everything that is wrong with a message, in its order; at least one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// The faults, unless there are none.
    pub(super) fn of(faults: Vec<Fault>) -> Result<(), Self> {
        if faults.is_empty() {
            Ok(())
        } else {
            Err(Self(faults))
        }
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }
}

impl From<Fault> for Faults {
    fn from(fault: Fault) -> Self {
        Self(vec![fault])
    }
}

/// Something that a message says and that has no place in the record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dropped {
    /// Path of the element.
    pub path: String,
    /// Why it was dropped.
    pub why: &'static str,
}

/// A word of a message as an error may repeat it: short, and visible.
pub(super) fn shown(text: &str) -> String {
    text.chars().take(32).flat_map(char::escape_debug).collect()
}
