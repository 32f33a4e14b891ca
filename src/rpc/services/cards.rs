//! Cards for the operator.

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    card::Fingerprint,
    node::{Node, cards::Imported},
    rpc::{
        services::{enter, refuse},
        status::Refusal,
    },
    wire::node::{
        ImportCardRequest, ImportCardResponse, ListCardsRequest, ListCardsResponse,
        card_service_server::CardService,
    },
};

pub(super) struct Cards {
    node: Arc<Node>,
}

impl Cards {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl CardService for Cards {
    async fn import_card(
        &self,
        request: Request<ImportCardRequest>,
    ) -> Result<Response<ImportCardResponse>, Status> {
        let (permit, request) = enter::<act::ImportCard, _>(&self.node, request)?;
        let invalid = |message: String| {
            refuse(Refusal::new(
                Code::InvalidArgument,
                "FINGERPRINT_INVALID",
                message,
            ))
        };
        let given: Fingerprint = request
            .fingerprint
            .parse()
            .map_err(|error: crate::card::FingerprintError| invalid(error.to_string()))?;
        let signed = request
            .card
            .ok_or_else(|| invalid("the request carries no card".to_owned()))?;
        let imported = self.node.import_card(signed, given, &permit).await;
        let (card, changed, asked) = match imported.map_err(refuse)? {
            Imported::Trusted(card, changed) => (card, changed, None),
            Imported::Asked(card, asked) => (card, false, Some(asked)),
        };
        let (approval_id, expires_us) =
            asked.map_or_else(Default::default, |asked| (asked.id, asked.expires_us));
        Ok(Response::new(ImportCardResponse {
            country: card.country.code().to_owned(),
            version: card.version,
            changed,
            approval_id,
            expires_us,
        }))
    }

    async fn list_cards(
        &self,
        request: Request<ListCardsRequest>,
    ) -> Result<Response<ListCardsResponse>, Status> {
        let (permit, _) = enter::<act::SeeCards, _>(&self.node, request)?;
        let cards = self.node.cards(&permit);
        Ok(Response::new(ListCardsResponse { cards }))
    }
}
