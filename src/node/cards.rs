//! Cards: accept another country's card, first by voice, later over the link.

use std::{sync::PoisonError, time::Duration};

use prost::Message as _;

use crate::{
    card::{self, Acceptance, CardConflict, CardError, Fingerprint, TrustBook, TrustedCard},
    record::Country,
    wire::card::SignedCard,
};

use super::{Node, NodeError, rules::Proposal};

/// The same alarm is written into the ledger again after this long.
const ALARM_AGAIN: Duration = Duration::from_secs(600);

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
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl Node {
    /// Accepts a card whose fingerprint was compared by voice. Answers the card and whether it
    /// was new.
    ///
    /// # Errors
    /// [`CardRefusal`]; the book is unchanged then.
    pub async fn import_card(
        &self,
        signed: SignedCard,
        given: Fingerprint,
        actor: String,
    ) -> Result<(TrustedCard, bool), CardRefusal> {
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
        self.accept_card(card, actor).await
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

    async fn accept_card(
        &self,
        card: TrustedCard,
        actor: String,
    ) -> Result<(TrustedCard, bool), CardRefusal> {
        let _alone = self.book_change.lock().await;
        let mut book = TrustBook::clone(&self.book.load());
        match book.accept(card.clone()) {
            Ok(Acceptance::Same) => return Ok((card, false)),
            Ok(Acceptance::New | Acceptance::Newer) => {}
            Err(conflict) => {
                // An old file is no sign of theft or forgery.
                if conflict.is_alarm() {
                    self.alarm(Some(card.country), "card-conflict").await;
                }
                return Err(conflict.into());
            }
        }
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
        Ok((card, true))
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
