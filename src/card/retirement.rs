//! Retired signing keys: up to where their signatures count.
//!
//! Headers and receipts carry no trusted time, so a date cannot decide whether a key signed before
//! it was retired or after it was stolen. Positions can: the card names the last sequence and
//! running hash of each lane, both ways, and the size and root of the ledger.

use std::collections::BTreeMap;

use super::CardError;
use crate::{
    crypto::{Digest, PublicKey},
    record::Country,
    wire::card as wire,
};

/// Most positions of a retired key: three lanes each way with every country of ISO 3166-1.
pub(super) const MAX_POSITIONS: usize = 1536;

/// A place in a lane: what a signature stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The other country of the signer's lane: the destination of its headers and marks, the
    /// origin that its receipts answer.
    pub peer: Country,
    /// The incarnation of the lane's sending node.
    pub incarnation: [u8; 16],
    /// Lane number.
    pub lane: u32,
    /// Sequence, from 1.
    pub sequence: u64,
    /// The lane's running hash at this sequence, where it is known.
    pub running_hash: Option<Digest>,
}

/// Up to where the signatures of a retired key count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retirement {
    lanes: BTreeMap<(Country, [u8; 16], u32), (u64, Digest)>,
    ledger: Option<(u64, Digest)>,
}

impl Retirement {
    /// Reads what a card says of a retired key.
    ///
    /// # Errors
    /// [`CardError::TooMany`], or [`CardError::Retirement`] of key 0.
    pub fn of(retirement: &wire::Retirement) -> Result<Self, CardError> {
        Self::read(0, retirement)
    }

    /// Reads what a card says of signing key `key`.
    pub(super) fn read(key: usize, retirement: &wire::Retirement) -> Result<Self, CardError> {
        if retirement.positions.len() > MAX_POSITIONS {
            return Err(CardError::TooMany {
                field: "retirement positions",
                count: retirement.positions.len(),
                limit: MAX_POSITIONS,
            });
        }
        let refused = |field| CardError::Retirement { key, field };
        let mut lanes = BTreeMap::new();
        for position in &retirement.positions {
            let peer: Country = position.peer.parse().map_err(|_| refused("peer"))?;
            let incarnation = position
                .incarnation
                .as_slice()
                .try_into()
                .map_err(|_| refused("incarnation"))?;
            if !(1..=3).contains(&position.lane) {
                return Err(refused("lane"));
            }
            if position.sequence == 0 {
                return Err(refused("sequence"));
            }
            let hash = Digest::try_from(position.running_hash.as_slice())
                .map_err(|_| refused("running_hash"))?;
            let lane = (peer, incarnation, position.lane);
            if lanes.insert(lane, (position.sequence, hash)).is_some() {
                return Err(refused("a lane twice"));
            }
        }
        let ledger = match (retirement.ledger_size, retirement.ledger_root.as_slice()) {
            (0, []) => None,
            (0, _) => return Err(refused("ledger_size")),
            (size, root) => {
                let root = Digest::try_from(root).map_err(|_| refused("ledger_root"))?;
                Some((size, root))
            }
        };
        Ok(Self { lanes, ledger })
    }

    /// Whether a signature that stands for `place` counts. At the last sequence itself the running
    /// hash must be the card's: it fixes every record before it, so that who stole the key cannot
    /// fill the lane's tail with records of his own.
    pub fn covers(&self, place: &Place) -> bool {
        let lane = (place.peer, place.incarnation, place.lane);
        self.lanes.get(&lane).is_some_and(|(last, hash)| {
            place.sequence < *last
                || place.sequence == *last && place.running_hash.is_none_or(|at| at == *hash)
        })
    }

    /// Size and root of the last ledger that the key vouches for; `None` for none.
    pub const fn ledger(&self) -> Option<(u64, Digest)> {
        self.ledger
    }

    /// Whether the key signed anything on this lane, wherever.
    pub fn has_lane(&self, peer: Country, incarnation: [u8; 16], lane: u32) -> bool {
        self.lanes.contains_key(&(peer, incarnation, lane))
    }

    /// The lanes with `peer`: incarnation of the sender, lane number, last sequence, running hash.
    pub fn lanes_with(
        &self,
        peer: Country,
    ) -> impl Iterator<Item = ([u8; 16], u32, u64, Digest)> + '_ {
        self.lanes
            .iter()
            .filter(move |((with, ..), _)| *with == peer)
            .map(|((_, incarnation, lane), (last, hash))| (*incarnation, *lane, *last, *hash))
    }
}

/// A signing key as its country's card vouches for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Vouched<'a> {
    /// The key.
    pub key: PublicKey,
    /// Up to where its signatures count; `None` for a key in use.
    pub retired: Option<&'a Retirement>,
}

impl Vouched<'_> {
    /// A key in use.
    pub const fn in_use(key: PublicKey) -> Self {
        Self { key, retired: None }
    }

    /// Whether a signature counts that stands for `place`; one that stands for no place in a lane
    /// counts only while the key is in use.
    pub fn counts(&self, place: Option<&Place>) -> bool {
        self.retired
            .is_none_or(|retired| place.is_some_and(|place| retired.covers(place)))
    }
}

/// A key that signs or signed the heads of a country's ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LedgerKey {
    /// The key.
    pub key: PublicKey,
    until: Option<Option<(u64, Digest)>>,
}

impl LedgerKey {
    /// A key in use.
    pub const fn in_use(key: PublicKey) -> Self {
        Self { key, until: None }
    }

    /// A retired key: the size and root of the last ledger that it vouches for, if any.
    pub const fn until(key: PublicKey, last: Option<(u64, Digest)>) -> Self {
        Self {
            key,
            until: Some(last),
        }
    }

    /// Whether a checkpoint of this size and root counts under this key. A retired key's count up to
    /// the size that the card names; at that size only with the root that it names.
    pub fn counts(&self, size: u64, root: &Digest) -> bool {
        match &self.until {
            None => true,
            Some(None) => false,
            Some(Some((last, at_last))) => size < *last || size == *last && root == at_last,
        }
    }
}
