//! Country cards and the trust book: whom a node believes, and why. Pure.
//!
//! A card is the whole of what one country must know of another: its keys, its issuing CA, where
//! its links may be dialled. It is first accepted by a person who compared its [`Fingerprint`] by
//! voice; later versions are accepted by the [`TrustBook`] from the same root only.
//!
//! Leans on crypto, wire and record.

mod address;
mod book;
mod delegation;
mod error;
mod fields;
mod fingerprint;
mod issuing_ca;
mod renewal;
mod retirement;
mod revoked;
mod verify;

#[cfg(test)]
mod tests;

pub use address::{AddressPolicy, AddressRefusal, LinkAddress, LinkAddressError, address_allowed};
pub use book::{Acceptance, CardConflict, TrustBook};
pub use delegation::{
    DelegationFault, DelegationRole, VerifiedDelegation, recovery_commitment, sign_delegation,
};
pub use error::CardError;
pub use fields::{AuthorityError, MAX_AUTHORITIES, check_authority, check_ledger_origin};
pub use fingerprint::{Fingerprint, FingerprintError, fingerprint};
pub use renewal::{
    MAX_RENEWAL_BYTES, MAX_RETIRED, Predecessor, Renewal, RenewalFault, ledger_origin,
    verify_renewal,
};
pub use retirement::{LedgerKey, Place, Retirement, Vouched};
pub use revoked::RevokedLinkKey;
pub use verify::{
    CARD_FORMAT, CLOCK_TOLERANCE, CardSigningKey, MAX_CARD_BYTES, TrustedCard, verify_card,
    verify_stored_card,
};
