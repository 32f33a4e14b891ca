//! The card of one country with one signing key, in use or retired.

use crate::{
    card::{Retirement, Vouched},
    crypto::{KeyId, PublicKey},
    envelope::OriginKeys,
    record::Country,
    wire::card::{self as wire, LanePosition},
};

/// A country and its key.
pub(in crate::envelope) struct OneCard {
    pub(in crate::envelope) country: Country,
    key: PublicKey,
    retired: Option<Retirement>,
}

impl OneCard {
    pub(in crate::envelope) fn in_use(country: Country, key: PublicKey) -> Self {
        Self {
            country,
            key,
            retired: None,
        }
    }

    /// Retired after `sequence` on the lane with `peer` of the sender's `incarnation`.
    pub(in crate::envelope) fn retired(
        country: Country,
        key: PublicKey,
        peer: &str,
        (incarnation, lane, sequence): ([u8; 16], u32, u64),
    ) -> Self {
        let retirement = wire::Retirement {
            positions: vec![LanePosition {
                peer: peer.into(),
                incarnation: incarnation.to_vec(),
                lane,
                sequence,
                running_hash: vec![0; 32],
            }],
            ..Default::default()
        };
        Self {
            country,
            key,
            retired: Some(Retirement::of(&retirement).unwrap()),
        }
    }
}

impl OriginKeys for OneCard {
    fn signing_key(&self, origin: Country, id: &KeyId) -> Option<Vouched<'_>> {
        (origin == self.country && *id == self.key.id()).then_some(Vouched {
            key: self.key,
            retired: self.retired.as_ref(),
        })
    }

    fn signers(&self, id: &KeyId) -> Vec<(Country, Vouched<'_>)> {
        let own = self.signing_key(self.country, id);
        own.map(|vouched| (self.country, vouched))
            .into_iter()
            .collect()
    }
}
