//! From the bytes of a card to a [`TrustedCard`].

use std::time::Duration;

use prost::Message as _;

use super::{
    CardError, DelegationRole, Fingerprint, LedgerKey, LinkAddress, Renewal, Retirement,
    VerifiedDelegation, Vouched, check_authority, check_ledger_origin,
    delegation::verify_delegation,
    fields::{MAX_AUTHORITIES, shown},
    fingerprint,
    issuing_ca::check_issuing_ca,
    revoked::{RevokedLinkKey, revoked_link_keys},
    verify_renewal,
};
use crate::{
    crypto::{Digest, Domain, KeyId, PublicKey, SealingKey},
    record::{Country, Moment},
    wire::card::{Card, SignedCard},
};

/// The format of cards that this version reads and writes.
pub const CARD_FORMAT: u32 = 1;
/// Largest encoded card in bytes: two retired keys that signed on every lane with every country.
pub const MAX_CARD_BYTES: usize = 256 * 1024;
/// How far a card's beginning may lie ahead of the own clock: two clocks, each a day off.
pub const CLOCK_TOLERANCE: Duration = Duration::from_secs(2 * 24 * 3600);
const MAX_KEYS: usize = 8;
const MAX_ADDRESSES: usize = 16;

/// A signing key of a country.
#[derive(Clone, Debug, PartialEq)]
pub struct CardSigningKey {
    /// The key.
    pub key: PublicKey,
    /// Valid from; informs, decides nothing: headers carry no trusted time.
    pub not_before: Moment,
    /// Valid until; as above.
    pub not_after: Moment,
    /// For a retired key, up to where its signatures count.
    pub retired: Option<Retirement>,
}

/// A sealing key with its validity.
#[derive(Clone, Debug, PartialEq)]
struct DatedSealingKey {
    key: SealingKey,
    not_before: Moment,
    not_after: Moment,
}

/// A card that was verified from its root down.
#[derive(Clone, Debug)]
pub struct TrustedCard {
    /// The country.
    pub country: Country,
    /// Grows with every card of this root.
    pub version: u64,
    /// SHA-256 of the card's exact bytes.
    pub digest: Digest,
    /// The country root.
    pub root_key: PublicKey,
    /// Commitment to the recovery root.
    pub recovery_commitment: Digest,
    /// The root's delegation to the card key.
    pub card_key: VerifiedDelegation,
    /// The root's delegation to the issuing CA.
    pub issuing_ca: VerifiedDelegation,
    /// Certificate of the issuing CA, DER.
    pub issuing_ca_der: Vec<u8>,
    /// Keys that sign, retired ones included.
    pub signing_keys: Vec<CardSigningKey>,
    /// Keys to seal to, the current one first. See [`Self::sealing_key_at`].
    pub sealing_keys: Vec<SealingKey>,
    /// Where links may dial.
    pub link_addresses: Vec<LinkAddress>,
    /// The country's authorities.
    pub authorities: Vec<String>,
    /// When this version was issued.
    pub issued_at: Moment,
    /// When this version expires.
    pub expires_at: Moment,
    /// Origin line of the country's ledger.
    pub ledger_origin: String,
    /// Under which incarnation its node goes on, once it was restored from an older state.
    pub renewal: Option<Renewal>,
    /// Keys whose certificates on the node's ports are refused.
    pub revoked_link_keys: Vec<RevokedLinkKey>,
    /// The card as it came.
    pub signed: SignedCard,
    dated_sealing_keys: Vec<DatedSealingKey>,
}

impl TrustedCard {
    /// The fingerprint to read aloud.
    pub fn fingerprint(&self) -> Fingerprint {
        fingerprint(&self.root_key, &self.recovery_commitment, self.country)
    }

    /// The keys that sign or signed the ledger's checkpoints, each with how far it counts.
    pub fn ledger_keys(&self) -> Vec<LedgerKey> {
        self.signing_keys
            .iter()
            .map(|entry| match &entry.retired {
                None => LedgerKey::in_use(entry.key),
                Some(retirement) => LedgerKey::until(entry.key, retirement.ledger()),
            })
            .collect()
    }

    /// The key with this id, in use or retired.
    pub fn signing_key(&self, id: KeyId) -> Option<Vouched<'_>> {
        self.signing_keys
            .iter()
            .find(|entry| entry.key.id() == id)
            .map(|entry| Vouched {
                key: entry.key,
                retired: entry.retired.as_ref(),
            })
    }

    /// The key to seal to at `now`.
    pub fn sealing_key_at(&self, now: Moment) -> Option<&SealingKey> {
        self.dated_sealing_keys
            .iter()
            .find(|dated| dated.not_before <= now + CLOCK_TOLERANCE && now <= dated.not_after)
            .map(|dated| &dated.key)
    }

    /// Until when the card names a key to seal to at `now`.
    pub fn sealing_until(&self, now: Moment) -> Option<Moment> {
        let keys = self.dated_sealing_keys.iter();
        keys.filter(|dated| dated.not_before <= now + CLOCK_TOLERANCE)
            .map(|dated| dated.not_after)
            .max()
    }

    /// Whether the card counts at `now`: delegations, expiry, a sealing key.
    ///
    /// # Errors
    /// [`CardError`] naming what has ended or has not started.
    pub fn check_validity(&self, now: Moment) -> Result<(), CardError> {
        for (role, delegation) in [
            (DelegationRole::CardKey, &self.card_key),
            (DelegationRole::IssuingCa, &self.issuing_ca),
        ] {
            if delegation.not_before > now + CLOCK_TOLERANCE {
                return Err(CardError::DelegationNotYet {
                    role,
                    from: delegation.not_before,
                });
            }
            if now > delegation.not_after {
                return Err(CardError::DelegationEnded {
                    role,
                    until: delegation.not_after,
                });
            }
        }
        if self.issued_at > now + CLOCK_TOLERANCE {
            return Err(CardError::FromTheFuture(self.issued_at));
        }
        if now > self.expires_at {
            return Err(CardError::Expired(self.expires_at));
        }
        if self.sealing_key_at(now).is_none() {
            return Err(CardError::NoSealingKey);
        }
        Ok(())
    }
}

/// Verifies a card from its root down, as of `now`.
///
/// # Errors
/// One [`CardError`] per fault.
pub fn verify_card(signed: &SignedCard, now: Moment) -> Result<TrustedCard, CardError> {
    let card = verify_stored_card(signed)?;
    card.check_validity(now)?;
    Ok(card)
}

/// Verifies a card that was accepted before: everything that [`verify_card`] does except time, so
/// that a node starts, and old records verify, after a card's end.
///
/// # Errors
/// One [`CardError`] per fault.
pub fn verify_stored_card(signed: &SignedCard) -> Result<TrustedCard, CardError> {
    if signed.card.len() > MAX_CARD_BYTES {
        return Err(CardError::TooLarge(signed.card.len()));
    }
    let card = Card::decode(signed.card.as_slice()).map_err(|_| CardError::Undecodable)?;
    // The format comes first: nothing else can be judged by the rules of another format.
    if card.format != CARD_FORMAT {
        return Err(CardError::Format(card.format));
    }
    let country: Country = card
        .country
        .parse()
        .map_err(|_| CardError::Country(shown(&card.country)))?;
    let root_key = PublicKey::parse(&card.root_key).map_err(CardError::RootKey)?;
    let delegated = |role, signed_delegation: Option<&_>| {
        verify_delegation(signed_delegation, &root_key, country, role)
            .map_err(|fault| CardError::Delegation { role, fault })
    };
    let card_key = delegated(DelegationRole::CardKey, card.card_key_delegation.as_ref())?;
    PublicKey::parse(&card_key.subject)
        .map_err(CardError::CardKey)?
        .verify(Domain::Card, &signed.card, &signed.signature)
        .map_err(|_| CardError::Signature)?;
    // From here on every field is the country's own word.
    let issuing_ca = delegated(
        DelegationRole::IssuingCa,
        card.issuing_ca_delegation.as_ref(),
    )?;
    check_issuing_ca(&issuing_ca, &card.issuing_ca_certificate)?;
    if card.version == 0 {
        return Err(CardError::Version);
    }
    let recovery_commitment = Digest::try_from(card.recovery_commitment.as_slice())
        .map_err(|_| CardError::RecoveryCommitment(card.recovery_commitment.len()))?;
    let signing_keys = signing_keys(&card)?;
    let dated_sealing_keys = sealing_keys(&card)?;
    let link_addresses = link_addresses(&card)?;
    check_authorities(&card)?;
    if !check_ledger_origin(&card.ledger_origin) {
        return Err(CardError::LedgerOrigin(shown(&card.ledger_origin)));
    }
    let renewal = card
        .renewal
        .as_ref()
        .map(|signed| verify_renewal(signed, &root_key, country))
        .transpose()
        .map_err(CardError::Renewal)?;
    if renewal
        .as_ref()
        .is_some_and(|renewal| renewal.ledger_origin != card.ledger_origin)
    {
        return Err(CardError::RenewalLedger);
    }
    let revoked_link_keys = revoked_link_keys(&card)?;
    let (issued_at, expires_at) = span(
        "the validity",
        card.issued_at.as_ref(),
        card.expires_at.as_ref(),
    )?;
    Ok(TrustedCard {
        country,
        version: card.version,
        digest: Digest::of(&signed.card),
        root_key,
        recovery_commitment,
        card_key,
        issuing_ca,
        issuing_ca_der: card.issuing_ca_certificate,
        signing_keys,
        sealing_keys: dated_sealing_keys
            .iter()
            .map(|dated| dated.key.clone())
            .collect(),
        link_addresses,
        authorities: card.authorities,
        issued_at,
        expires_at,
        ledger_origin: card.ledger_origin,
        renewal,
        revoked_link_keys,
        signed: signed.clone(),
        dated_sealing_keys,
    })
}

fn signing_keys(card: &Card) -> Result<Vec<CardSigningKey>, CardError> {
    at_most("signing keys", card.signing_keys.len(), MAX_KEYS)?;
    let mut keys: Vec<CardSigningKey> = Vec::with_capacity(card.signing_keys.len());
    for (index, entry) in card.signing_keys.iter().enumerate() {
        let key = PublicKey::parse(&entry.public_key)
            .map_err(|fault| CardError::SigningKey { index, fault })?;
        if !entry.post_quantum_key.is_empty() {
            return Err(CardError::PostQuantumKey(index));
        }
        if keys.iter().any(|earlier| earlier.key == key) {
            return Err(CardError::Duplicate {
                field: "signing key",
                index,
            });
        }
        let (not_before, not_after) = span(
            "a signing key's validity",
            entry.not_before.as_ref(),
            entry.not_after.as_ref(),
        )?;
        keys.push(CardSigningKey {
            key,
            not_before,
            not_after,
            retired: entry
                .retirement
                .as_ref()
                .map(|retirement| Retirement::read(index, retirement))
                .transpose()?,
        });
    }
    if keys.iter().all(|entry| entry.retired.is_some()) {
        return Err(CardError::NoSigningKey);
    }
    Ok(keys)
}

fn sealing_keys(card: &Card) -> Result<Vec<DatedSealingKey>, CardError> {
    at_most("sealing keys", card.sealing_keys.len(), MAX_KEYS)?;
    let mut keys: Vec<DatedSealingKey> = Vec::with_capacity(card.sealing_keys.len());
    for (index, entry) in card.sealing_keys.iter().enumerate() {
        let key = SealingKey::parse(&entry.public_key).map_err(|_| CardError::SealingKey(index))?;
        if keys.iter().any(|earlier| earlier.key == key) {
            return Err(CardError::Duplicate {
                field: "sealing key",
                index,
            });
        }
        let (not_before, not_after) = span(
            "a sealing key's validity",
            entry.not_before.as_ref(),
            entry.not_after.as_ref(),
        )?;
        keys.push(DatedSealingKey {
            key,
            not_before,
            not_after,
        });
    }
    if keys.is_empty() {
        return Err(CardError::NoSealingKey);
    }
    Ok(keys)
}

fn link_addresses(card: &Card) -> Result<Vec<LinkAddress>, CardError> {
    at_most("link addresses", card.link_addresses.len(), MAX_ADDRESSES)?;
    card.link_addresses
        .iter()
        .enumerate()
        .map(|(index, text)| {
            text.parse()
                .map_err(|fault| CardError::LinkAddress { index, fault })
        })
        .collect()
}

fn check_authorities(card: &Card) -> Result<(), CardError> {
    at_most("authorities", card.authorities.len(), MAX_AUTHORITIES)?;
    for (index, name) in card.authorities.iter().enumerate() {
        check_authority(name).map_err(|fault| CardError::Authority { index, fault })?;
        if card
            .authorities
            .iter()
            .take(index)
            .any(|earlier| earlier == name)
        {
            return Err(CardError::Duplicate {
                field: "authority",
                index,
            });
        }
    }
    Ok(())
}

pub(super) const fn at_most(
    field: &'static str,
    count: usize,
    limit: usize,
) -> Result<(), CardError> {
    if count > limit {
        return Err(CardError::TooMany {
            field,
            count,
            limit,
        });
    }
    Ok(())
}

fn span(
    what: &'static str,
    from: Option<&prost_types::Timestamp>,
    until: Option<&prost_types::Timestamp>,
) -> Result<(Moment, Moment), CardError> {
    match (from.map(Moment::from), until.map(Moment::from)) {
        (Some(from), Some(until)) if from < until => Ok((from, until)),
        _ => Err(CardError::Times(what)),
    }
}
