//! What can be wrong with a record, and whose fault it is.

use crate::{crypto::KeyId, record::Country, wire::envelope::NonDeliveryReason};

/// Why a record is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Bytes signed by the origin prove it: it will not get better, and is answered with a
    /// NON_DELIVERY receipt.
    #[error("{1}")]
    Terminal(NonDeliveryReason, Defect),
    /// Somebody between could have done it: ask for the record again.
    #[error("{0}")]
    Link(#[from] LinkFault),
}

impl From<Defect> for Fault {
    fn from(defect: Defect) -> Self {
        Self::Terminal(defect.reason(), defect)
    }
}

impl Fault {
    /// Stable name, as the vectors in `tests/vectors` use it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Terminal(_, defect) => defect.name(),
            Self::Link(fault) => fault.name(),
        }
    }
}

/// What is wrong in bytes that the origin signed, or that its signature fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// The reader is not among the destinations.
    #[error("the header does not name {0} as a destination")]
    NotADestination(Country),
    /// The record had expired.
    #[error("the record had expired when it arrived")]
    Expired,
    /// The header is not a protobuf message.
    #[error("the header does not decode")]
    HeaderEncoding,
    /// Encoding the decoded header again gives other bytes: unknown fields, another order, defaults
    /// written out.
    #[error("the header is not in canonical form")]
    HeaderCanonical,
    /// Another protocol version.
    #[error("the header has protocol version {0}, this node speaks 1")]
    HeaderVersion(u32),
    /// The id is not 16 bytes.
    #[error("the record id is not 16 bytes")]
    HeaderId,
    /// The origin is not a country.
    #[error("the header's origin is not a country")]
    HeaderOrigin,
    /// Signed by one country, names another as origin.
    #[error("{signer} signed a header that names another country as its origin")]
    HeaderForeignOrigin {
        /// Whose key the signature holds under.
        signer: Country,
    },
    /// The incarnation is not 16 bytes.
    #[error("the header's incarnation is not 16 bytes")]
    HeaderIncarnation,
    /// No destination, too many, not in order, or one twice.
    #[error("the header's destinations are none, over 250, out of order, or malformed")]
    HeaderDestinations,
    /// The lane is not known.
    #[error("the header's lane is not known")]
    HeaderLane,
    /// Handling codes out of range, out of order or doubled.
    #[error("the header's handling codes are out of range or order")]
    HeaderHandling,
    /// The expiry is not a time in whole microseconds.
    #[error("the header's expiry is not a time after 1970 in whole microseconds")]
    HeaderExpiry,
    /// The header digest that it follows is not 32 bytes.
    #[error("the header follows something that is not a header digest")]
    HeaderFollows,
    /// No compartment, too many, too large or malformed.
    #[error("the header's manifest is empty, over 16 entries, too large, or malformed")]
    HeaderManifest,
    /// The ciphertext is not as long as the manifest says.
    #[error("compartment {0} is not as long as the manifest says")]
    ContentSize(u32),
    /// The ciphertext is the one signed, the key is the one committed to, and it does not open.
    #[error("compartment {0} does not open with the key its origin committed to")]
    ContentSealed(u32),
    /// The padding is wrong.
    #[error("compartment {0} is not padded as it must be")]
    ContentPadding(u32),
    /// The content is not a protobuf message in canonical form.
    #[error("compartment {0} does not decode")]
    ContentEncoding(u32),
    /// The label is zero.
    #[error("compartment {0} has no label")]
    ContentLabel(u32),
    /// The signed entitlement of this reader is empty.
    #[error("the origin entitles this reader to no compartment")]
    ContentNone,
}

impl Defect {
    /// What the NON_DELIVERY receipt says.
    pub const fn reason(self) -> NonDeliveryReason {
        match self {
            Self::NotADestination(_) => NonDeliveryReason::NotADestination,
            Self::Expired => NonDeliveryReason::Expired,
            Self::HeaderEncoding
            | Self::HeaderCanonical
            | Self::HeaderVersion(_)
            | Self::HeaderId
            | Self::HeaderOrigin
            | Self::HeaderForeignOrigin { .. }
            | Self::HeaderIncarnation
            | Self::HeaderDestinations
            | Self::HeaderLane
            | Self::HeaderHandling
            | Self::HeaderExpiry
            | Self::HeaderFollows
            | Self::HeaderManifest => NonDeliveryReason::MalformedHeader,
            Self::ContentSize(_)
            | Self::ContentSealed(_)
            | Self::ContentPadding(_)
            | Self::ContentEncoding(_)
            | Self::ContentLabel(_)
            | Self::ContentNone => NonDeliveryReason::MalformedContent,
        }
    }

    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotADestination(_) => "not_a_destination",
            Self::Expired => "expired",
            Self::HeaderEncoding => "header_encoding",
            Self::HeaderCanonical => "header_canonical",
            Self::HeaderVersion(_) => "header_version",
            Self::HeaderId => "header_id",
            Self::HeaderOrigin => "header_origin",
            Self::HeaderForeignOrigin { .. } => "header_foreign_origin",
            Self::HeaderIncarnation => "header_incarnation",
            Self::HeaderDestinations => "header_destinations",
            Self::HeaderLane => "header_lane",
            Self::HeaderHandling => "header_handling",
            Self::HeaderExpiry => "header_expiry",
            Self::HeaderFollows => "header_follows",
            Self::HeaderManifest => "header_manifest",
            Self::ContentSize(_) => "content_size",
            Self::ContentSealed(_) => "content_sealed",
            Self::ContentPadding(_) => "content_padding",
            Self::ContentEncoding(_) => "content_encoding",
            Self::ContentLabel(_) => "content_label",
            Self::ContentNone => "content_none",
        }
    }
}

/// What whoever carried the record could have broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// The header is larger than any header may be.
    #[error("the header has {0} bytes, more than 16384")]
    HeaderTooLarge(usize),
    /// More compartments than any record may have.
    #[error("{0} compartments came, more than 16")]
    TooManyCompartments(usize),
    /// A ciphertext is larger than any may be.
    #[error("compartment {0} is larger than any compartment may be")]
    CompartmentTooLarge(u32),
    /// The key id is not 8 bytes.
    #[error("the key id is not 8 bytes")]
    KeyId,
    /// The origin's card does not vouch for the key.
    #[error("the card of {origin} has no signing key {}", hex::encode(.key))]
    UnknownKey {
        /// The country that should have signed.
        origin: Country,
        /// The key id named.
        key: KeyId,
    },
    /// No card held has the key.
    #[error("no card held here has signing key {}", hex::encode(.0))]
    UnknownSigner(KeyId),
    /// The key was retired before it signed this.
    #[error(
        "{origin} retired signing key {}, and its card says that the key's signatures end before \
         this one: somebody else may hold the key",
        hex::encode(.key)
    )]
    RetiredKey {
        /// The country whose key it was.
        origin: Country,
        /// The key id named.
        key: KeyId,
    },
    /// The signature does not hold over the header's bytes.
    #[error("the signature does not hold over the header")]
    BadSignature,
    /// Compartments are not in ascending order, or one came twice.
    #[error("compartment {0} is out of order or came twice")]
    CompartmentOrder(u32),
    /// The manifest has no such compartment.
    #[error("compartment {0} is not in the manifest")]
    UnknownCompartment(u32),
    /// The ciphertext is not the one that was signed.
    #[error("compartment {0} is not the one the header was signed over")]
    CiphertextDigest(u32),
    /// There is no wrap.
    #[error("the record came without a wrap")]
    NoWrap,
    /// The wrap names another epoch.
    #[error("the wrap belongs to another sealing epoch")]
    WrongEpoch,
    /// The epoch was not made for this origin and reader.
    #[error("the sealing epoch is not between the record's origin and this reader")]
    ForeignEpoch,
    /// The wrap does not open.
    #[error("the wrap does not open: another epoch key, header or reader, or altered bytes")]
    WrapSealed,
    /// The wrap opens to something that is not a set of content keys.
    #[error("the wrap's content is malformed")]
    WrapContent,
    /// The wrap's salt and indexes do not give the digest that the header has for this reader.
    #[error("the wrap does not name what the origin entitled this reader to")]
    Entitlement,
    /// A compartment that the wrap names did not come.
    #[error("compartment {0} is missing")]
    MissingCompartment(u32),
    /// A compartment came that the wrap does not name.
    #[error("compartment {0} came without being named in the wrap")]
    SurplusCompartment(u32),
    /// The content key is not the one the origin committed to.
    #[error("the content key of compartment {0} is not the one its origin committed to")]
    Commitment(u32),
}

impl LinkFault {
    /// Stable name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::HeaderTooLarge(_) => "header_too_large",
            Self::TooManyCompartments(_) => "too_many_compartments",
            Self::CompartmentTooLarge(_) => "compartment_too_large",
            Self::KeyId => "key_id",
            Self::UnknownKey { .. } | Self::UnknownSigner(_) => "unknown_key",
            Self::RetiredKey { .. } => "retired_key",
            Self::BadSignature => "bad_signature",
            Self::CompartmentOrder(_) => "compartment_order",
            Self::UnknownCompartment(_) => "unknown_compartment",
            Self::CiphertextDigest(_) => "ciphertext_digest",
            Self::NoWrap => "no_wrap",
            Self::WrongEpoch => "wrong_epoch",
            Self::ForeignEpoch => "foreign_epoch",
            Self::WrapSealed => "wrap_sealed",
            Self::WrapContent => "wrap_content",
            Self::Entitlement => "entitlement",
            Self::MissingCompartment(_) => "missing_compartment",
            Self::SurplusCompartment(_) => "surplus_compartment",
            Self::Commitment(_) => "commitment",
        }
    }
}
