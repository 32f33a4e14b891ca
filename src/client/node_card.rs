//! The own country's card beside a profile: which keys of the node's certificates count no more.

use std::path::{Path, PathBuf};

use prost::Message as _;

use super::{Client, ClientError, replace};
use crate::{
    card::{Acceptance, TrustBook, TrustedCard, verify_stored_card},
    record::Country,
    wire::{card::SignedCard, node::ListCardsRequest},
};

/// Name of the card's file, in the folder of the profile.
pub const NODE_CARD: &str = "card.bin";
/// Largest file that is read.
const MOST: u64 = 1024 * 1024;

/// The card in a profile's folder; `None` where there is none, as in profiles of earlier versions.
pub(super) fn read(folder: &Path, country: Country) -> Result<Option<TrustedCard>, ClientError> {
    let path = folder.join(NODE_CARD);
    let unusable = |why: &dyn std::fmt::Display| ClientError::Profile {
        path: path.clone(),
        why: why.to_string(),
    };
    let length = match std::fs::metadata(&path) {
        Ok(metadata) => metadata.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unusable(&error)),
    };
    if length > MOST {
        return Err(unusable(&"it is larger than a card"));
    }
    let bytes = std::fs::read(&path).map_err(|error| unusable(&error))?;
    let signed = SignedCard::decode(bytes.as_slice()).map_err(|error| unusable(&error))?;
    let card = verify_stored_card(&signed).map_err(|error| unusable(&error))?;
    if card.country != country {
        return Err(unusable(&format!("it is the card of {}", card.country)));
    }
    Ok(Some(card))
}

impl Client {
    /// Takes the node's own card into a profile's folder, when it is newer than the one there and of
    /// the same root. Without one there is nothing to compare it with, and none is taken. What keeps it
    /// from being taken is logged and keeps nobody from working.
    pub(super) async fn take_node_card(&mut self, folder: Option<PathBuf>, held: TrustedCard) {
        let Some(folder) = folder else { return };
        let cards = match self.cards.list_cards(ListCardsRequest {}).await {
            Ok(cards) => cards.into_inner().cards,
            Err(status) => {
                tracing::warn!(error = status.message(), "the node's card is not compared");
                return;
            }
        };
        let Some(Ok(card)) = cards.first().map(verify_stored_card) else {
            tracing::warn!("the node's card does not verify");
            return;
        };
        let mut book = TrustBook::new();
        if let Err(conflict) = book.accept(held).and_then(|_| book.assess(&card)) {
            tracing::warn!(%conflict, "the node shows another card than the one held");
            return;
        }
        if !matches!(book.assess(&card), Ok(Acceptance::Newer)) {
            return;
        }
        let path = folder.join(NODE_CARD);
        if let Err(error) = replace(&path, &card.signed.encode_to_vec()) {
            tracing::warn!(path = %path.display(), %error, "the node's card cannot be written");
        }
    }
}
