//! Making the own card: its first version at `init`, later ones with the card key alone.

use std::time::Duration;

use prost::Message as _;

use super::{Home, HomeError, files};
use crate::{
    card::{TrustedCard, check_authority, verify_card},
    config::Config,
    crypto::{Domain, SigningKey},
    record::Moment,
    wire::card::{Card, SignedCard, SignedRenewal},
};

/// How long a version of a card counts.
pub(super) const CARD_LIFE: Duration = Duration::from_secs(365 * 24 * 3600);

/// What an operator may change on a card without the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardContents {
    /// Where links may dial, host:port.
    pub addresses: Vec<String>,
    /// Names of the country's authorities.
    pub authorities: Vec<String>,
}

impl CardContents {
    /// What the configuration says the card should say.
    pub fn of(config: &Config) -> Self {
        Self {
            addresses: config.addresses.clone(),
            authorities: config.authorities.clone(),
        }
    }

    pub(super) fn check(&self) -> Result<(), HomeError> {
        for address in &self.addresses {
            address
                .parse::<crate::card::LinkAddress>()
                .map_err(|fault| HomeError::Address {
                    address: address
                        .chars()
                        .take(64)
                        .flat_map(char::escape_debug)
                        .collect(),
                    fault,
                })?;
        }
        for name in &self.authorities {
            check_authority(name)?;
        }
        Ok(())
    }
}

/// Signs a card's bytes with the card key.
pub(super) fn sign_card(card: &Card, card_key: &SigningKey) -> SignedCard {
    let bytes = card.encode_to_vec();
    SignedCard {
        signature: card_key.sign(Domain::Card, &bytes).to_vec(),
        card: bytes,
    }
}

/// Issues the next version of the own card and makes it durable; keys and delegations stay. The
/// version never goes back: a crash leaves the old card or the new one.
///
/// The [`Home`] keeps the card it was opened with; open it again, or hand the answer on.
///
/// # Errors
/// [`HomeError`]; also when the new card would not verify, so that no peer ever sees such a one.
pub fn reissue_card(
    home: &Home,
    contents: &CardContents,
    now: Moment,
) -> Result<TrustedCard, HomeError> {
    reissue(home, contents, now, 0, |_| {})
}

/// Issues the own card's next version with the ledger and the renewal under which the node goes on;
/// its version is at least `version`.
///
/// # Errors
/// As [`reissue_card`].
pub fn renew_card(
    home: &Home,
    renewal: &SignedRenewal,
    ledger_origin: &str,
    version: u64,
    now: Moment,
) -> Result<TrustedCard, HomeError> {
    let contents = CardContents::of(home.config());
    reissue(home, &contents, now, version, |card| {
        card.renewal = Some(renewal.clone());
        card.ledger_origin = ledger_origin.to_owned();
    })
}

/// As [`reissue_card`], with a version of at least `version` and more that changes.
pub(super) fn reissue(
    home: &Home,
    contents: &CardContents,
    now: Moment,
    version: u64,
    change: impl FnOnce(&mut Card),
) -> Result<TrustedCard, HomeError> {
    contents.check()?;
    let layout = home.layout();
    let path = layout.card();
    let refused = |fault| HomeError::Card {
        path: path.clone(),
        fault,
    };
    // From the file and not from memory: it may have been issued again since.
    let current = super::open::read_card(&path)?;
    let mut card = Card::decode(current.signed.card.as_slice())
        .map_err(|_| refused(crate::card::CardError::Undecodable))?;
    card.version = card
        .version
        .checked_add(1)
        .ok_or(HomeError::Version(card.version))?
        .max(version);
    card.link_addresses.clone_from(&contents.addresses);
    card.authorities.clone_from(&contents.authorities);
    card.issued_at = Some(now.into());
    card.expires_at = Some((now + CARD_LIFE).into());
    change(&mut card);
    let signed = sign_card(&card, &home.card_key()?);
    let trusted = verify_card(&signed, now).map_err(refused)?;
    files::replace(&path, &signed.encode_to_vec())?;
    Ok(trusted)
}
