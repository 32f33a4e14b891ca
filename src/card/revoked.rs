//! Keys of a country's node that its card takes back: their certificates are refused on its ports,
//! though their CA vouches for them and they have not ended.

use super::{CardError, TrustedCard, verify::at_most};
use crate::{crypto::Digest, record::Moment, wire::card::Card};

/// Most keys that a card takes back.
const MAX_REVOKED_LINK_KEYS: usize = 64;

/// A key of a country's node that counts no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RevokedLinkKey {
    /// SHA-256 of its SubjectPublicKeyInfo.
    pub key: Digest,
    /// When the last certificate for it ends.
    pub until: Moment,
}

/// The keys that a card takes back.
pub(super) fn revoked_link_keys(card: &Card) -> Result<Vec<RevokedLinkKey>, CardError> {
    let keys = &card.revoked_link_keys;
    at_most("revoked link keys", keys.len(), MAX_REVOKED_LINK_KEYS)?;
    keys.iter()
        .enumerate()
        .map(|(index, revoked)| {
            let bytes = &revoked.key_sha256;
            let length = bytes.len();
            let key = Digest::try_from(bytes.as_slice())
                .map_err(|_| CardError::RevokedLinkKey { index, length })?;
            let until = revoked.until.as_ref().map(Moment::from);
            let until = until.ok_or(CardError::Times("a revoked link key's end"))?;
            Ok(RevokedLinkKey { key, until })
        })
        .collect()
}

impl TrustedCard {
    /// Whether certificates for this public key (SHA-256 of its SubjectPublicKeyInfo) are refused on
    /// the node's ports.
    pub fn revokes_link_key(&self, key: &Digest) -> bool {
        self.revoked_link_keys
            .iter()
            .any(|revoked| revoked.key == *key)
    }
}
