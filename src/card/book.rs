//! The trust book: the cards a node believes, one per country.

use std::collections::BTreeMap;

use super::{DelegationRole, TrustedCard, VerifiedDelegation, Vouched};
use crate::{
    crypto::{Digest, KeyId},
    record::Country,
};

/// The cards held, by country.
#[derive(Clone, Debug, Default)]
pub struct TrustBook {
    cards: BTreeMap<Country, TrustedCard>,
}

/// What an accepted card was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Acceptance {
    /// The first of its country.
    New,
    /// A newer version of one held.
    Newer,
    /// The very card held.
    Same,
}

/// Why a card that verifies is not accepted beside the one held. Nothing changes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CardConflict {
    /// Another root.
    #[error(
        "this card of {country} has another root than the one held; a root changes only through \
         its recovery root: ask the country by a channel you trust, and take this card for forged \
         until it explains"
    )]
    OtherRoot {
        /// The country.
        country: Country,
    },
    /// Another recovery commitment under the same root.
    #[error(
        "this card of {country} has another recovery commitment than the one held; the card key \
         may be stolen: ask the country by a channel you trust"
    )]
    OtherRecovery {
        /// The country.
        country: Country,
    },
    /// A lower version.
    #[error(
        "this card of {country} has version {offered}, and version {held} is held already; ask for the current one"
    )]
    Older {
        /// The country.
        country: Country,
        /// Version held.
        held: u64,
        /// Version offered.
        offered: u64,
    },
    /// The same version with other content: an alarm.
    #[error(
        "two cards of {country} with version {version} and different content exist (held {held}, \
         offered {offered}): the country, or who holds its card key, shows different cards to \
         different peers; keep both and ask the country by a channel you trust"
    )]
    SameVersionOtherContent {
        /// The country.
        country: Country,
        /// The version.
        version: u64,
        /// Digest held.
        held: Digest,
        /// Digest offered.
        offered: Digest,
    },
    /// A delegation that an earlier card had replaced.
    #[error(
        "this card of {country} leans on a delegation to the {role} (serial {offered}) that \
         serial {held} has replaced or contradicts; the replaced key may be stolen: ask the country"
    )]
    ReplacedDelegation {
        /// The country.
        country: Country,
        /// Which delegation.
        role: DelegationRole,
        /// Serial held.
        held: u64,
        /// Serial offered.
        offered: u64,
    },
    /// Another ledger, or another incarnation, without a later renewal by the root.
    #[error(
        "this card of {country} names another ledger or incarnation than the one held without a later \
         renewal by its root (number {offered}, held {held}); the card key may be stolen: ask the country"
    )]
    NotRenewed {
        /// The country.
        country: Country,
        /// Number of the renewal held; 0 for none.
        held: u64,
        /// Number of the renewal offered; 0 for none.
        offered: u64,
    },
}

impl CardConflict {
    /// Whether the conflict is a sign of theft or forgery, not only of an old file.
    pub const fn is_alarm(&self) -> bool {
        !matches!(self, Self::Older { .. })
    }
}

impl TrustBook {
    /// An empty book.
    pub fn new() -> Self {
        Self::default()
    }

    /// What [`Self::accept`] would do with `card`, changing nothing.
    ///
    /// # Errors
    /// [`CardConflict`].
    pub fn assess(&self, card: &TrustedCard) -> Result<Acceptance, CardConflict> {
        let country = card.country;
        let Some(held) = self.cards.get(&country) else {
            return Ok(Acceptance::New);
        };
        if held.root_key != card.root_key {
            return Err(CardConflict::OtherRoot { country });
        }
        if held.recovery_commitment != card.recovery_commitment {
            return Err(CardConflict::OtherRecovery { country });
        }
        if card.version < held.version {
            return Err(CardConflict::Older {
                country,
                held: held.version,
                offered: card.version,
            });
        }
        if card.version == held.version {
            return if card.digest == held.digest {
                Ok(Acceptance::Same)
            } else {
                Err(CardConflict::SameVersionOtherContent {
                    country,
                    version: card.version,
                    held: held.digest,
                    offered: card.digest,
                })
            };
        }
        not_replaced(
            country,
            DelegationRole::CardKey,
            &held.card_key,
            &card.card_key,
        )?;
        not_replaced(
            country,
            DelegationRole::IssuingCa,
            &held.issuing_ca,
            &card.issuing_ca,
        )?;
        not_unrenewed(held, card)?;
        Ok(Acceptance::Newer)
    }

    /// Accepts a card. The first of a country comes here only through an explicit import, after
    /// its fingerprint was compared; over a link come newer cards of countries held.
    ///
    /// # Errors
    /// [`CardConflict`]; the card held stays.
    pub fn accept(&mut self, card: TrustedCard) -> Result<Acceptance, CardConflict> {
        let acceptance = self.assess(&card)?;
        if acceptance != Acceptance::Same {
            self.cards.insert(card.country, card);
        }
        Ok(acceptance)
    }

    /// The card of a country.
    pub fn get(&self, country: Country) -> Option<&TrustedCard> {
        self.cards.get(&country)
    }

    /// The cards, by country code.
    pub fn iter(&self) -> impl Iterator<Item = &TrustedCard> {
        self.cards.values()
    }

    /// How many countries are in the book.
    pub fn len(&self) -> usize {
        self.cards.len()
    }

    /// Whether no country is in the book.
    pub fn is_empty(&self) -> bool {
        self.cards.is_empty()
    }

    /// The key of `origin` with this id, in use or retired.
    pub fn signing_key(&self, origin: Country, key_id: KeyId) -> Option<Vouched<'_>> {
        self.get(origin)?.signing_key(key_id)
    }
}

/// A newer card may carry the same delegation or one with a higher serial, never an earlier one:
/// who stole a replaced card key could otherwise outbid the country's own card by its version.
fn not_replaced(
    country: Country,
    role: DelegationRole,
    held: &VerifiedDelegation,
    offered: &VerifiedDelegation,
) -> Result<(), CardConflict> {
    if offered.serial > held.serial || offered == held {
        return Ok(());
    }
    Err(CardConflict::ReplacedDelegation {
        country,
        role,
        held: held.serial,
        offered: offered.serial,
    })
}

/// A ledger, as an incarnation, changes only by the root's word, and never back.
fn not_unrenewed(held: &TrustedCard, offered: &TrustedCard) -> Result<(), CardConflict> {
    let number = |card: &TrustedCard| card.renewal.as_ref().map_or(0, |renewal| renewal.number);
    let same = held.renewal == offered.renewal && held.ledger_origin == offered.ledger_origin;
    if same || number(offered) > number(held) {
        return Ok(());
    }
    Err(CardConflict::NotRenewed {
        country: held.country,
        held: number(held),
        offered: number(offered),
    })
}
