//! What tests ask of a node or of its answers.

use comity::{
    card::{TrustBook, verify_stored_card},
    envelope,
    wire::{
        envelope::Receipt,
        ledger::LeafBody,
        node::{ListCardsRequest, ListLeavesRequest, ListReceiptsRequest},
    },
};
use prost::Message as _;
use tonic_types::StatusExt as _;

use super::Country;

/// The stable word of a refusal.
pub(crate) fn refusal_of(status: &tonic::Status) -> String {
    let details = status.get_error_details();
    match details.error_info() {
        Some(info) => info.reason.clone(),
        None => panic!("no reason given: {status}"),
    }
}

/// The receipts a node shows for a record, every signature verified with the cards it holds, every
/// one about the record.
pub(crate) async fn receipts_of(country: &Country, reference: &str) -> Vec<Receipt> {
    let mut client = country.client().await;
    let request = ListReceiptsRequest {
        reference: reference.to_owned(),
    };
    let answer = client.records.list_receipts(request).await.unwrap();
    let answer = answer.into_inner();
    let cards = client.cards.list_cards(ListCardsRequest {}).await.unwrap();
    let mut book = TrustBook::new();
    for signed in &cards.into_inner().cards {
        book.accept(verify_stored_card(signed).unwrap()).unwrap();
    }
    let verified = answer.receipts.iter().map(|proof| {
        let receipt = envelope::verify_stated(proof, &book).unwrap();
        assert_eq!(*receipt.header_digest, *answer.header_digest);
        receipt
    });
    verified.collect()
}

/// What the newest leaves of a ledger say, newest first.
pub(crate) async fn ledger_bodies(country: &Country) -> Vec<LeafBody> {
    let mut client = country.operating().await;
    let request = ListLeavesRequest {
        page_size: 500,
        page_token: String::new(),
    };
    let answer = client.audit.list_leaves(request).await.unwrap();
    let leaves = answer.into_inner().leaves;
    leaves
        .iter()
        .map(|leaf| LeafBody::decode(leaf.body.as_slice()).unwrap())
        .collect()
}
