//! States and parties, with the words that documents and screens use.

use std::fmt;

macro_rules! states {
    ($($name:ident $word:literal $says:literal;)*) => {
        /// The state of an evidence request.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum State {
            $(#[doc = $says] $name,)*
        }

        impl State {
            /// Every state, in the order of the documents.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word for it, in upper case.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// What it means, in one sentence.
            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says,)*
                }
            }
        }
    };
}

states! {
    Draft "DRAFT" "A file of the issuing authority; no node has it.";
    Submitted "SUBMITTED" "Durable at the issuing country's node, on its way.";
    Delivered "DELIVERED" "The executing country's node has it and signed for it.";
    Acknowledged "ACKNOWLEDGED" "An executing authority has it in hand.";
    InformationRequested "INFORMATION_REQUESTED" "The executing authority asked for something and waits.";
    Recognised "RECOGNISED" "It will be executed.";
    Refused "REFUSED" "It will not be executed, on a stated ground.";
    Postponed "POSTPONED" "It is not executed for now, on a stated ground.";
    Executing "EXECUTING" "It is being executed.";
    PartiallyExecuted "PARTIALLY_EXECUTED" "A part was executed; what was not is stated.";
    Executed "EXECUTED" "It was executed.";
    Transferred "TRANSFERRED" "Everything was handed over.";
    Closed "CLOSED" "The issuing authority has what it wanted, or takes note that it will not.";
    Withdrawn "WITHDRAWN" "The issuing authority does not seek it any more.";
}

impl State {
    /// Whether something is still to be done about what was asked for.
    pub const fn is_open(self) -> bool {
        !matches!(self, Self::Refused | Self::Closed | Self::Withdrawn)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One of the two sides of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Party {
    /// The country that asks.
    Issuing,
    /// The country that is asked.
    Executing,
}

impl Party {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Issuing, Self::Executing];

    /// The other one.
    pub const fn other(self) -> Self {
        match self {
            Self::Issuing => Self::Executing,
            Self::Executing => Self::Issuing,
        }
    }

    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Issuing => "issuing",
            Self::Executing => "executing",
        }
    }
}

impl fmt::Display for Party {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
