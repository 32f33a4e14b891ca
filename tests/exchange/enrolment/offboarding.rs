//! Somebody leaves.

use comity::{
    client::Client,
    exercise,
    wire::node::{ApproveRequest, ComplianceState, ShredRecordsRequest},
};
use serde_json::Value;

use super::{beside, client_of, is_let_in, text};
use crate::support::{
    Country, acknowledge, alert, comity, complied, eventually, ledger_bodies, listed, neighbours,
    refusal_of, take_back,
};

async fn officer(at: &Country, name: &str) -> Client {
    let folder = beside(at, name);
    let add = [
        "officer",
        "add",
        name,
        "--home",
        at.at(),
        "--authority",
        exercise::AUTHORITIES[0],
        "--out",
        text(&folder),
    ];
    comity(&add).await.fine();
    Client::connect(&client_of(&folder)).await.unwrap()
}

async fn revoked(at: &Country, more: &[&str]) -> Value {
    let mut arguments = vec![
        "officer",
        "revoke",
        "leaves",
        "--home",
        at.at(),
        "--output",
        "json",
    ];
    arguments.extend_from_slice(more);
    serde_json::from_str(&comity(&arguments).await.fine()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_held_goes_to_another_and_what_they_asked_for_is_void() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let held = a.submit(alert("in charge")).await;
    let locked = a.submit(alert("to be shredded")).await;
    b.receives(&locked).await;
    let mut leaves = officer(&b, "leaves").await;
    let mut stays = officer(&b, "stays").await;
    acknowledge(&mut leaves, &held, "").await.unwrap();
    take_back(&a, &[&locked]).await.unwrap();
    complied(&a, &locked, "UZ", ComplianceState::Locked).await;
    let shred = ShredRecordsRequest {
        references: vec![locked.clone()],
    };
    let asked = leaves.life.shred_records(shred).await.unwrap().into_inner();

    let left = revoked(&b, &[]).await;
    assert_eq!(left["left"], serde_json::json!([held]), "{left}");
    assert_eq!(left["voided"], 1, "{left}");
    let gone = client_of(&beside(&b, "leaves"));
    eventually("who left is out", async || {
        (!is_let_in(&gone).await).then_some(())
    })
    .await;
    let approve = ApproveRequest {
        id: asked.approval_id,
    };
    let refused = stays.life.approve(approve).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "APPROVAL_VOID");

    // To nobody who is here.
    let nobody = [
        "officer",
        "revoke",
        "leaves",
        "--home",
        b.at(),
        "--reassign-to",
        "nobody",
    ];
    let refused = comity(&nobody).await;
    assert_ne!(refused.code, 0, "{refused:#?}");
    assert!(
        refused
            .stderr
            .contains("no valid certificate was issued to `nobody`"),
        "{refused:#?}"
    );

    let done = revoked(&b, &["--reassign-to", "stays"]).await;
    assert_eq!(done["reassigned"], serde_json::json!([held]), "{done}");
    assert_eq!(done["voided"], 0, "{done}");
    let charges = listed(&b, &held).await.charges;
    assert_eq!(charges.len(), 1);
    assert_eq!(charges[0].officer, "UZ/officer/stays");
    // Acknowledged it stays: the origin is owed nothing again.
    assert!(charges[0].acknowledged_us > 0);

    let bodies = ledger_bodies(&b).await;
    let leaf = |detail: &str| {
        let by = bodies
            .iter()
            .filter(|leaf| leaf.actor == "UZ/operator/local");
        by.filter(|leaf| leaf.detail == detail).count()
    };
    assert_eq!((leaf("voided"), leaf("assigned")), (1, 1));
    // The same where no node runs.
    b.stop().await;
    let again = revoked(&b, &["--reassign-to", "stays"]).await;
    assert_eq!(again["reassigned"], serde_json::json!([]), "{again}");
}
