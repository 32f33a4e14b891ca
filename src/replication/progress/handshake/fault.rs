//! What can be wrong with a Hello.

use super::PROTOCOL_VERSION;
use crate::{
    record::Country,
    replication::progress::{Incarnation, MIN_CREDIT},
    wire::link::ByeReason,
};

/// Why there is no session. The text goes to the peer as the Bye's detail.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HelloFault {
    /// No common version.
    #[error(
        "no common protocol version: this node speaks {PROTOCOL_VERSION}, the hello offers {0:?}"
    )]
    Version(Vec<u32>),
    /// A field is malformed.
    #[error("the hello is malformed: {0}")]
    Malformed(&'static str),
    /// The hello names another country than the certificate.
    #[error("the certificate is of {certificate}, the hello says {hello:?}")]
    Country {
        /// From the certificate.
        certificate: Country,
        /// From the hello, shortened.
        hello: String,
    },
    /// The dialled side answered with another session.
    #[error("the hello answers another session")]
    Session,
    /// The peer's card under the version trusted here is another one: an alarm.
    #[error(
        "the card of {country} of version {version} is another one than the one trusted here: compare fingerprints"
    )]
    CardConflict {
        /// Whose card.
        country: Country,
        /// Its version.
        version: u64,
    },
    /// The peer comes with an older card than it had.
    #[error(
        "{country} comes with card version {got}, version {known} is known: it was restored from an older state"
    )]
    CardOlder {
        /// The peer.
        country: Country,
        /// Version in the hello.
        got: u64,
        /// Version trusted here.
        known: u64,
    },
    /// The peer gives less than two frames of credit.
    #[error("the credit of {records} records and {bytes} bytes per lane is too small: {min_records} and {min_bytes} at least", min_records = MIN_CREDIT.records, min_bytes = MIN_CREDIT.bytes)]
    Credit {
        /// Records.
        records: u64,
        /// Bytes.
        bytes: u64,
    },
    /// The peer knows more of this node than it knows itself: this node was restored from an older
    /// state, or its home was copied. It must not send until it took a new incarnation.
    #[error(
        "{what} of {country} stands at {theirs} with the peer and at {ours} here: {country} was restored from an older state"
    )]
    OwnRestored {
        /// This node's country.
        country: Country,
        /// What it is about.
        what: String,
        /// What the peer knows.
        theirs: u64,
        /// What is known here.
        ours: u64,
    },
    /// The peer lost what it had: it was restored from an older state without a new incarnation.
    #[error(
        "{what} of {country} stands at {theirs}, {ours} is proved by its receipts: {country} was restored from an older state"
    )]
    PeerRestored {
        /// The peer.
        country: Country,
        /// What it is about.
        what: String,
        /// What the peer says.
        theirs: u64,
        /// What is known here.
        ours: u64,
    },
    /// The peer came back under an incarnation it had given up.
    #[error(
        "{country} comes with incarnation {}, which it gave up: it was restored from an older state",
        hex::encode(incarnation)
    )]
    PeerRetired {
        /// The peer.
        country: Country,
        /// The incarnation.
        incarnation: Incarnation,
    },
    /// The peer came under an incarnation that its root did not authorise, as far as is known here.
    #[error(
        "{country} comes with incarnation {}, which is not the one known, and without a renewal by its root after number {number}: it was restored or copied; its operator runs `comity store incarnate`",
        hex::encode(incarnation)
    )]
    PeerUnrenewed {
        /// The peer.
        country: Country,
        /// The incarnation.
        incarnation: Incarnation,
        /// Number of the renewal known; 0 for none.
        number: u64,
    },
    /// The same sequence has another running hash at the other side: an alarm.
    #[error("{what} at sequence {sequence}: the two sides have different running hashes")]
    Conflict {
        /// What it is about.
        what: String,
        /// The sequence.
        sequence: u64,
    },
}

impl HelloFault {
    /// What the session ends with.
    pub const fn reason(&self) -> ByeReason {
        match self {
            Self::Version(_) => ByeReason::Version,
            Self::Malformed(_) | Self::Country { .. } | Self::Session | Self::Credit { .. } => {
                ByeReason::Protocol
            }
            Self::CardConflict { .. } | Self::CardOlder { .. } => ByeReason::Card,
            Self::OwnRestored { .. }
            | Self::PeerRestored { .. }
            | Self::PeerRetired { .. }
            | Self::PeerUnrenewed { .. } => ByeReason::Fenced,
            Self::Conflict { .. } => ByeReason::Conflict,
        }
    }
}
