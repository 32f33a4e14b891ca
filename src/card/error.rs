//! Why a card is not believed: one variant per fault.

use super::{
    AuthorityError, CARD_FORMAT, DelegationFault, DelegationRole, LinkAddressError, MAX_CARD_BYTES,
    RenewalFault,
};
use crate::{crypto::KeyError, record::Moment};

/// Why a card is not believed. Unless said otherwise the fault is the issuing country's, or of
/// whoever altered the file on its way: ask that country to export its card again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    /// Larger than 256 KiB.
    #[error(
        "the card is {0} bytes, more than the {MAX_CARD_BYTES} allowed; ask the country for a smaller one"
    )]
    TooLarge(usize),
    /// The bytes are no card.
    #[error("these bytes are no card; ask the country to export it again")]
    Undecodable,
    /// Another format.
    #[error(
        "the card has format {0}, this node reads format {CARD_FORMAT}; update this node or ask for an older format"
    )]
    Format(u32),
    /// The country is none.
    #[error("the card names the country `{0}`, which is not an ISO 3166-1 code")]
    Country(String),
    /// Version 0.
    #[error("the card has version 0; versions start at 1")]
    Version,
    /// The root key cannot be used.
    #[error("the card's root key is refused: {0}")]
    RootKey(KeyError),
    /// The commitment to the recovery root is not 32 bytes.
    #[error("the card's recovery commitment is {0} bytes instead of 32")]
    RecoveryCommitment(usize),
    /// A revoked link key is not named by 32 bytes.
    #[error("the card's revoked link key {index} is named by {length} bytes instead of 32")]
    RevokedLinkKey {
        /// Position, from 0.
        index: usize,
        /// How many bytes there are.
        length: usize,
    },
    /// A delegation is not what it should be.
    #[error(
        "the card's delegation to the {role} is refused: {fault}; ask the country to export its card again"
    )]
    Delegation {
        /// Which delegation.
        role: DelegationRole,
        /// What is wrong with it.
        fault: DelegationFault,
    },
    /// The delegation starts later.
    #[error(
        "the root's delegation to the {role} starts at {from}; check this node's clock, or wait"
    )]
    DelegationNotYet {
        /// Which delegation.
        role: DelegationRole,
        /// When it starts.
        from: Moment,
    },
    /// The delegation has ended.
    #[error(
        "the root's delegation to the {role} ended at {until}; the country must delegate again with its root and issue a new card"
    )]
    DelegationEnded {
        /// Which delegation.
        role: DelegationRole,
        /// When it ended.
        until: Moment,
    },
    /// The certificate is not the one that the root vouches for.
    #[error(
        "the issuing CA's certificate is not the one that the root vouches for; the card was altered or wrongly assembled"
    )]
    IssuingCaDigest,
    /// The certificate is no CA's.
    #[error(
        "the issuing CA's certificate is not a CA certificate in DER; the country must issue a new card"
    )]
    IssuingCa,
    /// The issuing CA's Ed25519 key cannot be used.
    #[error("the issuing CA's key is refused: {0}; the country must replace its CA")]
    IssuingCaKey(KeyError),
    /// The issuing CA's key is of another kind.
    #[error("the issuing CA's key is neither P-256 nor Ed25519; the country must replace its CA")]
    IssuingCaAlgorithm,
    /// The card key cannot be used.
    #[error("the card key is refused: {0}")]
    CardKey(KeyError),
    /// The card key's signature does not hold.
    #[error(
        "the signature on the card does not hold: the card was altered; ask the country to export it again"
    )]
    Signature,
    /// Too many of something.
    #[error("the card has {count} {field}, more than the {limit} allowed")]
    TooMany {
        /// The field.
        field: &'static str,
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// No signing key that is not retired.
    #[error("the card has no signing key in use")]
    NoSigningKey,
    /// A signing key cannot be used.
    #[error("signing key {index} of the card is refused: {fault}")]
    SigningKey {
        /// Position in the card, from 0.
        index: usize,
        /// What is wrong with it.
        fault: KeyError,
    },
    /// The reserved post-quantum key is not empty.
    #[error("signing key {0} of the card carries a post-quantum key, which format 1 does not know")]
    PostQuantumKey(usize),
    /// What a retired key's retirement says cannot be read.
    #[error("the retirement of signing key {key} of the card is malformed: {field}")]
    Retirement {
        /// Position of the key in the card, from 0.
        key: usize,
        /// What.
        field: &'static str,
    },
    /// The same key twice.
    #[error("{field} {index} of the card is there twice")]
    Duplicate {
        /// The field.
        field: &'static str,
        /// Position of the second, from 0.
        index: usize,
    },
    /// A sealing key cannot be used.
    #[error("sealing key {0} of the card is no X-Wing key")]
    SealingKey(usize),
    /// No sealing key is valid now.
    #[error("the card has no sealing key that is valid now; the country must issue a new card")]
    NoSealingKey,
    /// A time is missing, or an end lies before its beginning.
    #[error("{0} of the card is missing, or ends before it starts")]
    Times(&'static str),
    /// A link address cannot be used.
    #[error("link address {index} of the card is refused: {fault}")]
    LinkAddress {
        /// Position in the card, from 0.
        index: usize,
        /// What is wrong with it.
        fault: LinkAddressError,
    },
    /// An authority's name cannot be used.
    #[error("authority {index} of the card is refused: {fault}")]
    Authority {
        /// Position in the card, from 0.
        index: usize,
        /// What is wrong with it.
        fault: AuthorityError,
    },
    /// The ledger's origin line cannot be used.
    #[error(
        "the card's ledger origin `{0}` is not 1 to 128 printable characters without space and plus"
    )]
    LedgerOrigin(String),
    /// The renewal is not what it should be.
    #[error("the card's renewal of its node's incarnation is refused: {0}")]
    Renewal(RenewalFault),
    /// The renewal opened another ledger than the card names.
    #[error("the card names another ledger than its renewal opened")]
    RenewalLedger,
    /// Issued later than now.
    #[error("the card was issued at {0}, which is in the future; check this node's clock")]
    FromTheFuture(Moment),
    /// Past its end.
    #[error("the card expired at {0}; ask the country for its current card")]
    Expired(Moment),
}
