//! A card is trusted once a second person approved it, whichever way it comes in.

use comity::{
    access::{PrincipalKind, Role},
    client::Client,
    wire::node::{ApprovalState, ImportCardRequest, ImportCardResponse, ListApprovalsRequest},
};

use super::{approve, of_two, refuse, stands};
use crate::support::{Country, client_as, comity};

async fn import(at: &Country, other: &Country) -> ImportCardResponse {
    let card = other.home().own_card().clone();
    let request = ImportCardRequest {
        card: Some(card.signed.clone()),
        fingerprint: card.fingerprint().to_string(),
    };
    let mut operator = at.operating().await;
    operator
        .cards
        .import_card(request)
        .await
        .unwrap()
        .into_inner()
}

async fn trusts(at: &Country) -> usize {
    at.card_versions().await.len() - 1
}

async fn second_operator(at: &Country) -> Client {
    let operator = PrincipalKind::Operator;
    client_as(at, operator, "second", "", &[Role::Operator]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_is_trusted_by_two_operators() {
    let (mut tj, uz) = (of_two("TJ"), of_two("UZ"));
    tj.start().await;
    let asked = import(&tj, &uz).await;
    assert!(!asked.changed && !asked.approval_id.is_empty());
    assert_eq!(trusts(&tj).await, 0);
    // The operator and the officer `local` are one person; an analyst approves no cards.
    for mut own in [tj.operating().await, tj.client().await] {
        let refused = approve(&mut own, &asked.approval_id).await;
        assert_eq!(refused.unwrap_err(), "APPROVAL_OWN");
    }
    let officer = PrincipalKind::Officer;
    let mut analyst = client_as(&tj, officer, "analyst", "", &[Role::Analyst]).await;
    let denied = approve(&mut analyst, &asked.approval_id).await;
    assert_eq!(denied.unwrap_err(), "ACCESS_DENIED");
    let mut second = second_operator(&tj).await;
    let shown = stands(&mut second, &asked.approval_id).await;
    let fingerprint = uz.home().own_card().fingerprint().to_string();
    assert!(shown.details.iter().any(|line| line.contains(&fingerprint)));
    refuse(&mut second, &asked.approval_id).await.unwrap();
    let refused = approve(&mut second, &asked.approval_id).await;
    assert_eq!(refused.unwrap_err(), "APPROVAL_REFUSED");
    assert_eq!(trusts(&tj).await, 0);
    let again = import(&tj, &uz).await;
    let state = approve(&mut second, &again.approval_id).await;
    assert_eq!(state, Ok(ApprovalState::Done));
    assert_eq!(trusts(&tj).await, 1);
    // What is held already needs nobody.
    let same = import(&tj, &uz).await;
    assert!(!same.changed && same.approval_id.is_empty());
    tj.restart().await;
    assert_eq!(trusts(&tj).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_nodes_home_is_no_way_round() {
    let (mut tj, uz) = (of_two("TJ"), of_two("UZ"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("uz.card");
    let card = comity(&["card", "export", "--home", uz.at()]).await.fine();
    std::fs::write(&file, card).unwrap();
    let fingerprint = uz.home().own_card().fingerprint().to_string();
    let import = ["card", "import", file.to_str().unwrap(), "--home", tj.at()];
    let import = [&import[..], &["--fingerprint", &fingerprint]].concat();
    let ended = comity(&import).await;
    assert!(ended.stderr.contains("is not trusted yet"), "{ended:?}");
    let id = ended.fine().trim().to_owned();
    tj.start().await;
    assert_eq!(trusts(&tj).await, 0);
    let mut second = second_operator(&tj).await;
    let waiting = second.life.list_approvals(ListApprovalsRequest {}).await;
    assert_eq!(waiting.unwrap().into_inner().approvals[0].id, id);
    approve(&mut second, &id).await.unwrap();
    assert_eq!(trusts(&tj).await, 1);
}
