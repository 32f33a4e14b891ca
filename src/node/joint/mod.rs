//! Joint cases at this node: opened and changed by their convener, joined by records, read by members.
//!
//! A joint case is a record, and so is each version of it and each record that belongs to it; all travel
//! like any other. Who belongs to it follows from its newest version ([`crate::record::joint`]), which
//! every holder finds alike; who reads follows from that and the moment ([`crate::access::SharedCase`]).
//! Nothing of either is stored: only which records belong to which case, under keyed tags.
//!
//! A crash leaves a version durable or not; no membership can be half changed.

mod cases;
mod complete;
mod events;
mod judge;
mod list;
mod members;
mod share;

pub use crate::inbox::joint_cases::CaseTag;
pub use cases::CaseFact;
pub(crate) use cases::JointCases;
pub use list::{Case, MemberState};
pub use members::{ChangeOrder, Changed};
pub use share::ShareOrder;

use crate::record::{Country, Moment, Reference};

use super::{NodeError, read::ReadError, submit::SubmitError};

/// Why a record cannot be put into a joint case, or a joint case not be changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum JointFault {
    /// Nothing here is that joint case, for this authority.
    #[error(
        "{reference} is no joint case that is held here and of which {authority} is a member; `comity case list` lists them"
    )]
    Unknown {
        /// What was named.
        reference: Reference,
        /// The submitting authority.
        authority: String,
    },
    /// Digest and reference name two.
    #[error("`jointCase.headerDigest` and `jointCase.reference` name two different joint cases")]
    Mismatch,
    /// What the record follows belongs elsewhere.
    #[error(
        "the record follows one of the joint case {0} and belongs to it too; leave `jointCase` out"
    )]
    Elsewhere(String),
    /// What the record follows belongs to none.
    #[error("the record amends one that belongs to no joint case; submit it as a new record")]
    Nowhere,
    /// The submitting authority is a member no more.
    #[error("the membership of {authority} in the joint case ended at {until}")]
    Ended {
        /// The authority.
        authority: String,
        /// Since when.
        until: Moment,
    },
    /// A destination has no members.
    #[error(
        "{0} is no member of the joint case now; leave it out of `destinations`, or leave them out altogether for all members"
    )]
    Country(Country),
    /// An authority of a destination is no member.
    #[error("{country}/{authority} is no member of the joint case now; its members there are {}", .members.join(", "))]
    Authority {
        /// Its country.
        country: Country,
        /// The authority.
        authority: String,
        /// Who is.
        members: Vec<String>,
    },
    /// A request goes to one of several members.
    #[error("several authorities of {country} are members: name the one that is to execute the request, {}", .members.join(" or "))]
    NameOne {
        /// The country.
        country: Country,
        /// Its members.
        members: Vec<String>,
    },
    /// There is nobody else.
    #[error("the joint case has no members of other countries now")]
    Nobody,
    /// Another authority convened it.
    #[error("{0} convened the joint case and alone changes its members")]
    NotTheConvener(String),
    /// A version leaves a member out.
    #[error(
        "{0}/{1} was a member in the version before: leave it in the list as it was, with `until` if it leaves"
    )]
    Gone(Country, String),
    /// A version changes what is past.
    #[error("the membership of {0}/{1} cannot end in the past, nor an end that has come be moved")]
    Past(Country, String),
    /// What is to be shared is shared with another country.
    #[error("{0} is this country, which has its own records; name the country that joined")]
    Own(Country),
    /// Whoever is to leave is no member.
    #[error("{0} is no member of the joint case that could leave it")]
    NoSuchMember(String),
}

/// Why nothing is done, listed or shown of a joint case.
#[derive(Debug, thiserror::Error)]
pub enum JointError {
    /// The record cannot be found or read.
    #[error(transparent)]
    Record(#[from] ReadError),
    /// It is no joint case.
    #[error("{0} is no joint case; `comity case list` lists them")]
    NotACase(Reference),
    /// What was to be submitted is refused.
    #[error(transparent)]
    Submit(#[from] SubmitError),
}

impl From<NodeError> for JointError {
    fn from(error: NodeError) -> Self {
        Self::Record(error.into())
    }
}
