//! The envelope: what is signed, what is sealed, and the receipts that answer it.
//!
//! [`seal`] turns the compartments of a record into ciphertexts under a signed header. At sending,
//! [`SendingEpoch::wrap`] seals the content keys that one reader may have, and [`for_destination`]
//! leaves out the compartments it may not have. At the reader, [`verify`] checks the signature over
//! the exact bytes before it decodes them, and [`Verified::open`] opens what the wrap names and
//! nothing less. At rest only header, signature and ciphertexts stay, and the content keys under
//! the record's shred slot.
//!
//! A [`Fault`] says whose it is: terminal only when bytes signed by the origin prove it.

mod beside;
mod consent;
mod epoch;
mod fault;
mod header;
mod keys;
mod lane;
mod layout;
mod marks;
mod onward;
mod open;
mod receipts;
mod seal;
pub mod vectors;
mod verify;

#[cfg(test)]
mod tests;

pub use beside::{Beside, open_beside, seal_beside};
pub use consent::{Claim, TokenError, sign_token, sign_token_by, verify_token};
pub use epoch::{
    EPOCH_LIFETIME, EPOCH_RECORDS, EpochError, ReceivingEpoch, SendingEpoch, for_destination,
};
pub use fault::{Defect, Fault, LinkFault};
pub use keys::{ContentKeys, Entitlement, KeysError};
pub use lane::running_hash;
pub use marks::{MarkError, sign_mark, sign_mark_by, verify_mark};
pub use onward::{PassedOn, open_passed_on, pass_on, verify_passed_on};
pub use open::{Opened, open_at_rest, open_to_index};
pub use receipts::{
    MAX_DISCLOSURES, MAX_RECEIPTS, ReceiptError, is_late, issue, issue_by, proof, proofs, stated,
    verify_group, verify_proof, verify_stated,
};
pub use seal::{Plain, SealError, Sealed, seal};
pub use verify::{Verified, verify};

pub use crate::wire::envelope::{
    Epoch, Header, Lane, LaneMark, NonDeliveryReason, Receipt, ReceiptGroup, ReceiptProof,
    ReceiptType, SealedCompartment, SealedRecord, SignedLaneMark, Wrap,
};

use crate::{card::Vouched, crypto::KeyId, record::Country};

/// The protocol version, which names the whole suite.
pub const VERSION: u32 = 1;
/// Most bytes of an encoded header: 250 destinations and 16 compartments need about 12 KiB.
pub const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Most destinations of a record; ISO 3166-1 assigns 249 codes.
pub const MAX_DESTINATIONS: usize = 250;
/// Most compartments of a record.
pub const MAX_COMPARTMENTS: usize = 16;
/// Most bytes of all compartments of a record together, before padding.
pub const MAX_CONTENT_BYTES: usize = 1024 * 1024;
/// Most bytes of all compartments of a record together, padded: Padmé adds 12% at most.
pub const MAX_PADDED_BYTES: u64 = (MAX_CONTENT_BYTES + MAX_CONTENT_BYTES / 4) as u64;
/// Highest handling code, H3.
pub const MAX_HANDLING: u32 = 3;
/// Length of AES-GCM's tag in bytes: what a ciphertext is longer than its padded text.
pub const TAG_BYTES: usize = 16;

impl OriginKeys for crate::card::TrustBook {
    fn signing_key(&self, origin: Country, id: &KeyId) -> Option<Vouched<'_>> {
        Self::signing_key(self, origin, *id)
    }

    fn signers(&self, id: &KeyId) -> Vec<(Country, Vouched<'_>)> {
        self.iter()
            .filter_map(|card| Some((card.country, card.signing_key(*id)?)))
            .collect()
    }

    fn renewal(&self, country: Country) -> u64 {
        let renewal = self.get(country).and_then(|card| card.renewal.as_ref());
        renewal.map_or(0, |renewal| renewal.number)
    }
}

/// Which signing keys the countries' cards vouch for, those in use and those retired.
pub trait OriginKeys {
    /// The country's signing key with this id.
    fn signing_key(&self, origin: Country, id: &KeyId) -> Option<Vouched<'_>>;

    /// Every country whose card has a key with this id: an id authenticates nothing.
    fn signers(&self, id: &KeyId) -> Vec<(Country, Vouched<'_>)>;

    /// Number of the last renewal that the country's card names; 0 where it names none.
    fn renewal(&self, _country: Country) -> u64 {
        0
    }
}
