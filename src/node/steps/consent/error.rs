//! Why consent is not asked, given or found, and why a use is refused.

use crate::{
    envelope::TokenError,
    evidence::custody::OrderFault,
    record::{
        Country, Moment, Reference,
        handling::{BeneficiaryError, Demand, MAX_BENEFICIARY, listed},
    },
};

use super::super::super::{NodeError, read::ReadError, submit::SubmitError};

/// Why consent is not asked, given or found.
#[derive(Debug, thiserror::Error)]
pub enum ConsentError {
    /// The record cannot be found or read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The record is the country's own.
    #[error("{0} is this country's own record; its markings bind its readers, not its origin")]
    Own(Reference),
    /// Steps are not used.
    #[error("{0} is a step, which is neither exported nor passed on")]
    Step(Reference),
    /// What is exported as a whole is an evidence request.
    #[error("{0} is no evidence request, no spontaneous information and no step of one")]
    NotEvidence(Reference),
    /// A thread that no bundle holds whole.
    #[error(
        "{0} has more steps than a bundle holds; a bundle that left some out would prove what is not true"
    )]
    TooLong(Reference),
    /// Custody of an item cannot be stated.
    #[error("custody of an item cannot be stated: {0}")]
    Custody(OrderFault),
    /// A record of a thread that is exported as a whole.
    #[error("{reference}: {error}")]
    Of {
        /// Which.
        reference: Reference,
        /// Why not.
        error: Box<ConsentError>,
    },
    /// The record was passed on to this country.
    #[error(
        "{reference} was passed on by another country; ask {origin}, whose record it is, to send it"
    )]
    PassedOn {
        /// Which.
        reference: Reference,
        /// Whose it is.
        origin: Country,
    },
    /// The version counts no more.
    #[error(
        "{reference} was replaced by another version{}; use that one, or this very one with --exact",
        .newest.map_or_else(String::new, |of| format!(", {of}"))
    )]
    Superseded {
        /// Which.
        reference: Reference,
        /// The version that counts, where there is one.
        newest: Option<Reference>,
    },
    /// A compartment is not held here.
    #[error("this country does not hold compartment `{0}` of the record")]
    NotHeld(&'static str),
    /// No use stated.
    #[error("name the use: court or onward")]
    Use,
    /// The beneficiary of passing on.
    #[error(transparent)]
    Beneficiary(#[from] BeneficiaryError),
    /// No beneficiary, or one that is too long or not one line.
    #[error("name the court in one line of 1 to {MAX_BENEFICIARY} characters")]
    Court,
    /// Passing on to itself or to the origin.
    #[error("{0} has the record already")]
    HasItAlready(Country),
    /// The markings allow the use.
    #[error("the markings allow this use without consent")]
    NotNeeded,
    /// The markings demand consent and there is none.
    #[error(
        "the markings demand the origin's consent to this use ({}); ask with `comity consent request`",
        listed(.0)
    )]
    Needed(Vec<Demand>),
    /// There is consent, and it does not allow this.
    #[error("no consent held allows this use: {0}")]
    NotThis(TokenError),
    /// Whether consent still counts cannot be told.
    #[error(
        "whether consent still counts cannot be told: this node's clock and its peers' are apart, or none was heard since it started"
    )]
    Clock,
    /// Whoever sent the record was not heard for too long.
    #[error(
        "{peer} was {} and may have taken back a consent, a marking or the record since: after {hours} h its \
         records are neither exported nor passed on (`life.unheard_h`), until the link with it is up and its \
         control lane is carried out; see `comity status`. Reading goes on",
        .heard.map_or_else(
            || "never heard whole by this node".to_owned(),
            |at| format!("last heard whole at {at}")
        )
    )]
    Unheard {
        /// Who sent it.
        peer: Country,
        /// When its control lane was last carried out as far as it reached.
        heard: Option<Moment>,
        /// For how long it may not be heard.
        hours: u64,
    },
    /// Consent served before.
    #[error(
        "the consent was given for one use and was used before; ask again with `comity consent request`"
    )]
    Used,
    /// The reference names no consent request from another country.
    #[error("{0} is no consent request that another country sent here")]
    NotARequest(Reference),
    /// The requester does not read what it asks for.
    #[error("{country} does not read compartment `{label}` of the record; it cannot be granted")]
    NotEntitled {
        /// Who asks.
        country: Country,
        /// What it does not read.
        label: &'static str,
    },
    /// How long consent is given.
    #[error("consent ends in the future and within a year; name such a time")]
    Validity,
    /// The step cannot be taken.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl ConsentError {
    /// The same, of one record of a thread.
    pub(in crate::node) fn about(self, reference: Reference) -> Self {
        Self::Of {
            reference,
            error: Box::new(self),
        }
    }
}
