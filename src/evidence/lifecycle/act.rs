//! What a party does to a request: one word for each act.

use std::fmt;

use crate::wire::record::{EvidenceStep, evidence_step::Act as Wire};

macro_rules! acts {
    ($($name:ident $word:literal $says:literal;)*) => {
        /// What a step of a request does.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Act {
            $(#[doc = $says] $name,)*
        }

        impl Act {
            /// Every act, in the order of the documents.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// The word for it, as commands and documents have it.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $word,)*
                }
            }

            /// What it is, in one sentence.
            pub const fn says(self) -> &'static str {
                match self {
                    $(Self::$name => $says,)*
                }
            }
        }
    };
}

acts! {
    Request "request" "The request becomes durable at the issuing country's node.";
    Delivery "delivery" "The executing country's node signs for it.";
    Acknowledge "acknowledge" "An authority takes it in hand.";
    Ask "ask" "Something is missing for a decision or for execution.";
    Answer "answer" "What was asked is answered, or something is added.";
    Recognise "recognise" "It is recognised, or found in order.";
    Refuse "refuse" "It is refused, on a ground and with reasons.";
    Postpone "postpone" "It is postponed, on a ground and with reasons.";
    Begin "begin" "Execution begins.";
    Extend "extend" "A clock runs longer, as the profile allows.";
    Delay "delay" "It will be late: reason and estimate.";
    ExecutePart "execute-part" "A part was executed; what was not is stated.";
    Execute "execute" "It was executed.";
    TransferPart "transfer-part" "Some of the evidence is handed over.";
    Transfer "transfer" "Evidence is handed over, and nothing more will follow.";
    ReturnOriginals "return" "Originals go back.";
    ReceiveOriginals "received" "Originals came back.";
    Withdraw "withdraw" "It is not sought any more.";
    Close "close" "The thread is closed.";
    Reassign "reassign" "Another authority of the executing country takes over.";
    Arrived "arrived" "A node says which items arrived whole, and which did not.";
    Note "note" "A note that changes nothing.";
}

impl Act {
    /// What a step does; `None` where it says nothing.
    pub fn of(step: &EvidenceStep) -> Option<Self> {
        Some(match step.act.as_ref()? {
            Wire::Acknowledged(_) => Self::Acknowledge,
            Wire::InformationRequested(_) => Self::Ask,
            Wire::InformationAnswered(_) => Self::Answer,
            Wire::Recognised(_) => Self::Recognise,
            Wire::Refused(_) => Self::Refuse,
            Wire::Postponed(_) => Self::Postpone,
            Wire::ExecutionBegun(_) => Self::Begin,
            Wire::Extended(_) => Self::Extend,
            Wire::Delay(_) => Self::Delay,
            Wire::Executed(of) if of.partial => Self::ExecutePart,
            Wire::Executed(_) => Self::Execute,
            Wire::Transferred(of) if of.complete => Self::Transfer,
            Wire::Transferred(_) => Self::TransferPart,
            Wire::OriginalsReturned(_) => Self::ReturnOriginals,
            Wire::OriginalsReceived(_) => Self::ReceiveOriginals,
            Wire::Withdrawn(_) => Self::Withdraw,
            Wire::Closed(_) => Self::Close,
            Wire::Reassigned(_) => Self::Reassign,
            Wire::ItemsArrived(_) => Self::Arrived,
            Wire::Note(_) => Self::Note,
        })
    }

    /// Whether a step can do it: the others follow from the request and its receipt.
    pub const fn is_step(self) -> bool {
        !matches!(self, Self::Request | Self::Delivery)
    }

    /// Whether the node takes it, for no authority.
    pub const fn is_nodes(self) -> bool {
        matches!(self, Self::Request | Self::Delivery | Self::Arrived)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
