//! Cards: accept another country's card, first by voice, later over the link.

use std::{sync::PoisonError, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD as STANDARD};
use prost::Message as _;

use crate::{
    access::{Guarded, Permit, act},
    card::{self, Acceptance, CardConflict, CardError, Fingerprint, TrustBook, TrustedCard},
    crypto::Digest,
    entry::{ApprovalKind, ApprovalOrder, LaneId},
    record::Country,
    replication::lanes,
    wire::{card::SignedCard, envelope::Lane},
};

use super::{
    Node, NodeError,
    approvals::{ApprovalError, Asked, order_of},
    rules::{By, Proposal},
};

/// The same alarm is written into the ledger again after this long.
const ALARM_AGAIN: Duration = Duration::from_secs(600);
/// Longest statement in an alarm's leaf, in characters: two fit into its body. A card without retired
/// keys takes some 4,000.
const MAX_STATEMENT: usize = 7 * 1024;

/// Why a card is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum CardRefusal {
    /// The card does not verify.
    #[error(transparent)]
    Card(#[from] CardError),
    /// The card contradicts the one held.
    #[error(transparent)]
    Conflict(#[from] CardConflict),
    /// The fingerprint that was read aloud is another one.
    #[error(
        "the card's fingerprint is {card}, the one given is {given}: this is not the card the other country read aloud; do not use it, and call them again"
    )]
    Fingerprint {
        /// The card's.
        card: Fingerprint,
        /// The one given.
        given: Fingerprint,
    },
    /// It is this node's own country.
    #[error(
        "this is the card of {0}, this node's own country; import the cards of other countries"
    )]
    Own(Country),
    /// A peer sent a card of another country, or of one never imported.
    #[error("{peer} sent a card of {country} over the link; first cards are exchanged by hand")]
    NotItsOwn {
        /// Who sent it.
        peer: Country,
        /// Whose card it is.
        country: String,
    },
    /// It is not asked for.
    #[error(transparent)]
    Approval(Box<ApprovalError>),
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

/// What became of an import.
#[derive(Debug)]
pub enum Imported {
    /// The card is trusted; and whether it was not before.
    Trusted(TrustedCard, bool),
    /// A second person has to approve it first.
    Asked(TrustedCard, Asked),
}

/// A signed message as evidence in a leaf. Of one that is too long for a leaf only the digest stays;
/// who showed it has it too, and the log says so.
fn statement(message: &[u8]) -> String {
    let text = STANDARD.encode(message);
    if text.len() <= MAX_STATEMENT {
        return text;
    }
    let digest = Digest::of(message);
    tracing::error!(%digest, bytes = message.len(), "evidence is too long for the ledger; only its digest is kept");
    format!("sha256:{digest}")
}

impl Node {
    /// Accepts a card whose fingerprint was compared by voice, or asks a second person to, where the
    /// permissions demand one. One that is held already needs nobody.
    ///
    /// # Errors
    /// [`CardRefusal`]; the book is unchanged then.
    pub async fn import_card(
        &self,
        signed: SignedCard,
        given: Fingerprint,
        permit: &Permit<act::ImportCard>,
    ) -> Result<Imported, CardRefusal> {
        let card = card::verify_card(&signed, self.now())?;
        if card.country == self.country {
            return Err(CardRefusal::Own(card.country));
        }
        let fingerprint = card.fingerprint();
        if fingerprint != given {
            return Err(CardRefusal::Fingerprint {
                card: fingerprint,
                given,
            });
        }
        let held = self.book.load();
        let held = held.get(card.country).map(|held| held.digest);
        if held == Some(card.digest) || !permit.table().requires(Guarded::ImportCard) {
            let (card, changed) = self.accept_card(card, permit.actor()).await?;
            return Ok(Imported::Trusted(card, changed));
        }
        self.check_conflict(&card).await?;
        let order = ApprovalOrder {
            signed_card: card.signed.encode_to_vec(),
            ..order_of(ApprovalKind::ImportCard, Vec::new())
        };
        let asked = self.ask_for(order, permit, None, By::of(permit)).await;
        let asked = asked.map_err(|error| CardRefusal::Approval(Box::new(error)))?;
        Ok(Imported::Asked(card, asked))
    }

    /// Refuses a card that contradicts the one held; a sign of theft or forgery is an alarm.
    async fn check_conflict(&self, card: &TrustedCard) -> Result<Acceptance, CardRefusal> {
        let mut book = TrustBook::clone(&self.book.load());
        let conflict = match book.accept(card.clone()) {
            Ok(acceptance) => return Ok(acceptance),
            Err(conflict) => conflict,
        };
        // An old file is no sign of theft or forgery.
        if conflict.is_alarm() {
            let held = self.book.load();
            let held = held.get(card.country).map(|held| held.signed.clone());
            let both = held.iter().chain([&card.signed]);
            let evidence = both.map(|signed| signed.encode_to_vec()).collect();
            self.alarm_keeping(Some(card.country), "card-conflict", evidence)
                .await;
        }
        Err(conflict.into())
    }

    /// The own card, then those of the other countries.
    pub fn cards(&self, _permit: &Permit<act::SeeCards>) -> Vec<SignedCard> {
        let mut cards = vec![self.own_card().signed.clone()];
        cards.extend(self.book.load().iter().map(|card| card.signed.clone()));
        cards
    }

    /// Accepts a newer card that a peer sent over its own link.
    ///
    /// # Errors
    /// [`CardRefusal`]; a conflict is an alarm in the ledger.
    pub async fn card_arrived(
        &self,
        peer: Country,
        signed: SignedCard,
    ) -> Result<bool, CardRefusal> {
        let card = card::verify_card(&signed, self.now())?;
        if card.country != peer || self.book.load().get(peer).is_none() {
            return Err(CardRefusal::NotItsOwn {
                peer,
                country: card.country.to_string(),
            });
        }
        let (_, changed) = self.accept_card(card, format!("{peer}/node")).await?;
        Ok(changed)
    }

    /// Trusts a card from now on.
    pub(super) async fn accept_card(
        &self,
        card: TrustedCard,
        actor: String,
    ) -> Result<(TrustedCard, bool), CardRefusal> {
        let _alone = self.book_change.lock().await;
        match self.check_conflict(&card).await? {
            Acceptance::Same => return Ok((card, false)),
            Acceptance::New | Acceptance::Newer => {}
        }
        let mut book = TrustBook::clone(&self.book.load());
        book.accept(card.clone())?;
        self.writer
            .propose(Proposal::Card {
                country: card.country,
                version: card.version,
                digest: card.digest,
                signed: card.signed.encode_to_vec(),
                actor,
            })
            .await
            .map_err(NodeError::from)?;
        self.book.store(book.into());
        self.links.book_changed();
        self.compare_retirements(&card).await;
        Ok((card, true))
    }

    /// A card says what a retired key signed last on the lanes with this country. Where that is not
    /// what was received here, somebody else signed with the key, or the country denies what it sent.
    async fn compare_retirements(&self, card: &TrustedCard) {
        let retirements = card
            .signing_keys
            .iter()
            .filter_map(|key| key.retired.as_ref());
        for (incarnation, lane, sequence, hash) in
            retirements.flat_map(|retired| retired.lanes_with(self.country))
        {
            let Some(lane) = i32::try_from(lane)
                .ok()
                .and_then(|lane| Lane::try_from(lane).ok())
            else {
                continue;
            };
            let id = LaneId {
                peer: card.country,
                incarnation,
                lane,
            };
            let known = lanes::arrival(&self.store, &id, sequence);
            if let Ok(Some((_, known))) = known
                && known != hash
            {
                let evidence = vec![card.signed.encode_to_vec()];
                self.alarm_keeping(Some(card.country), "retirement-conflict", evidence)
                    .await;
            }
        }
    }

    /// Whether an alarm was not written for a while. A peer that redials in vain would otherwise
    /// grow the ledger by a leaf each time.
    fn is_news(&self, peer: Option<Country>, kind: &'static str) -> bool {
        let now = self.now();
        let mut alarms = self.alarms.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = alarms
            .get(&(peer, kind))
            .is_some_and(|last| now.since(*last) < ALARM_AGAIN);
        if !lately {
            alarms.insert((peer, kind), now);
        }
        !lately
    }

    /// Writes an alarm into the log and the ledger.
    pub(crate) async fn alarm(&self, peer: Option<Country>, kind: &'static str) {
        self.alarm_with(peer, kind, Vec::new()).await;
    }

    /// As [`Self::alarm`], with the bytes of the signed messages that prove it, in base64.
    pub(crate) async fn alarm_keeping(
        &self,
        peer: Option<Country>,
        kind: &'static str,
        messages: Vec<Vec<u8>>,
    ) {
        let statements = messages.iter().map(|message| statement(message)).collect();
        self.alarm_with(peer, kind, statements).await;
    }

    /// As [`Self::alarm`], with the signed statements that prove it.
    pub(crate) async fn alarm_with(
        &self,
        peer: Option<Country>,
        kind: &'static str,
        evidence: Vec<String>,
    ) {
        tracing::error!(peer = ?peer, kind, "alarm");
        if !self.is_news(peer, kind) {
            return;
        }
        let alarm = Proposal::Alarm {
            peer,
            kind,
            evidence,
        };
        if let Err(error) = self.writer.propose(alarm).await {
            tracing::error!(%error, kind, "the alarm is not in the ledger");
        }
    }
}
