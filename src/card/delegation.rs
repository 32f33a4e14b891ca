//! What a country root signs: that a key may act for the country, for a time.

use prost::Message as _;

use crate::{
    crypto::{Digest, Domain, PublicKey, SigningKey},
    record::{Country, Moment},
    wire::card as wire,
};

/// What a delegation lets its subject do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DelegationRole {
    /// The subject is the SHA-256 of the issuing CA's DER certificate.
    IssuingCa,
    /// The subject is the Ed25519 public key that signs cards.
    CardKey,
}

impl std::fmt::Display for DelegationRole {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::IssuingCa => "issuing CA",
            Self::CardKey => "card key",
        })
    }
}

/// A delegation whose signature, country and role were checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VerifiedDelegation {
    /// The subject, as its role reads it.
    pub subject: [u8; 32],
    /// Valid from.
    pub not_before: Moment,
    /// Valid until.
    pub not_after: Moment,
    /// Grows with every delegation of the same role.
    pub serial: u64,
}

/// What is wrong with a delegation. The fault is the country's that issued the card, or of who
/// altered the card on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DelegationFault {
    /// There is none.
    #[error("it is missing")]
    Missing,
    /// The bytes are no delegation.
    #[error("it does not decode")]
    Undecodable,
    /// It is for another country.
    #[error("it is for another country")]
    Country,
    /// It names another root than the card.
    #[error("it names another root than the card")]
    Root,
    /// It is for another role.
    #[error("it is for another role")]
    Role,
    /// The subject is not 32 bytes.
    #[error("its subject is not 32 bytes")]
    SubjectLength,
    /// A time is missing, or it ends before it starts.
    #[error("its times are missing or in the wrong order")]
    Times,
    /// The root's signature does not hold.
    #[error("the root's signature on it does not hold")]
    Signature,
}

/// The commitment to a recovery root, carried in every card.
pub fn recovery_commitment(recovery_root: &PublicKey) -> Digest {
    Digest::in_domain(Domain::Recovery, &[recovery_root.as_bytes()])
}

/// Signs a delegation with a country root.
pub fn sign_delegation(
    root: &SigningKey,
    country: Country,
    role: DelegationRole,
    delegation: &VerifiedDelegation,
) -> wire::SignedDelegation {
    let bytes = wire::Delegation {
        country: country.code().to_owned(),
        root_key: root.public().as_bytes().to_vec(),
        role: wire_role(role).into(),
        subject: delegation.subject.to_vec(),
        not_before: Some(delegation.not_before.into()),
        not_after: Some(delegation.not_after.into()),
        serial: delegation.serial,
    }
    .encode_to_vec();
    wire::SignedDelegation {
        signature: root.sign(Domain::Delegation, &bytes).to_vec(),
        delegation: bytes,
    }
}

/// Checks a delegation by `root` for `country` and `role`; time is the caller's to check.
pub(super) fn verify_delegation(
    signed: Option<&wire::SignedDelegation>,
    root: &PublicKey,
    country: Country,
    role: DelegationRole,
) -> Result<VerifiedDelegation, DelegationFault> {
    let signed = signed.ok_or(DelegationFault::Missing)?;
    root.verify(Domain::Delegation, &signed.delegation, &signed.signature)
        .map_err(|_| DelegationFault::Signature)?;
    let delegation = wire::Delegation::decode(signed.delegation.as_slice())
        .map_err(|_| DelegationFault::Undecodable)?;
    if delegation.country != country.code() {
        return Err(DelegationFault::Country);
    }
    if delegation.root_key != root.as_bytes() {
        return Err(DelegationFault::Root);
    }
    if delegation.role != i32::from(wire_role(role)) {
        return Err(DelegationFault::Role);
    }
    let subject = delegation
        .subject
        .as_slice()
        .try_into()
        .map_err(|_| DelegationFault::SubjectLength)?;
    let (Some(not_before), Some(not_after)) = (&delegation.not_before, &delegation.not_after)
    else {
        return Err(DelegationFault::Times);
    };
    let (not_before, not_after) = (Moment::from(not_before), Moment::from(not_after));
    if not_after <= not_before {
        return Err(DelegationFault::Times);
    }
    Ok(VerifiedDelegation {
        subject,
        not_before,
        not_after,
        serial: delegation.serial,
    })
}

const fn wire_role(role: DelegationRole) -> wire::DelegationRole {
    match role {
        DelegationRole::IssuingCa => wire::DelegationRole::IssuingCa,
        DelegationRole::CardKey => wire::DelegationRole::CardKey,
    }
}
