//! Uploads that are taken back before they are handed over.

use comity::{
    access::{PrincipalKind, Role},
    client::Client,
    wire::{
        ledger::Action,
        node::RemoveItemRequest,
        record::{EvidenceAcknowledged, EvidenceTransferred, ExecutionBegun, evidence_step::Act},
    },
};

use super::{
    bytes, chunks_of, download, file, items,
    request::{neighbours, requested, requested_of, take},
    upload,
};
use crate::support::{Country, client_as, colleague, eventually, ledger_bodies, refusal_of};

const MIB: usize = 1 << 20;

async fn remove(by: &mut Client, reference: &str, item: &[u8]) -> Result<(), tonic::Status> {
    let request = RemoveItemRequest {
        reference: reference.to_owned(),
        item: item.to_vec(),
        reason: "EXERCISE: the wrong file".to_owned(),
    };
    by.items.remove_item(request).await.map(|_| ())
}

/// UZ executes a request of TJ.
async fn executing(tj: &Country, uz: &Country) -> String {
    let reference = requested(tj, uz).await;
    let contact = String::new();
    let acknowledged = Act::Acknowledged(EvidenceAcknowledged { contact });
    take(uz, &reference, acknowledged, Vec::new()).await;
    let begun = Act::ExecutionBegun(ExecutionBegun::default());
    take(uz, &reference, begun, Vec::new()).await;
    reference
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_taken_back_with_a_leaf_and_an_entry_and_nothing_of_it_is_left() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = executing(&tj, &uz).await;
    let dir = tempfile::tempdir().unwrap();
    let [wrong, right] = [80, 81].map(|seed| file(dir.path(), 2 * MIB, seed));
    let wrong = upload(&uz, &reference, &wrong).await;
    let right = upload(&uz, &reference, &right).await;
    let id = hex::encode(&wrong.id);
    let unreasoned = uz.comity(&["evidence", "remove", &reference, &id]).await;
    unreasoned.fails(64, &["--reason"]);
    let reason = ["--reason", "EXERCISE: the wrong file"];
    let removed = ["evidence", "remove", &reference, &id];
    let said = uz.comity(&[&removed[..], &reason].concat()).await.fine();
    assert!(said.contains(&id), "{said}");

    assert!(!chunks_of(&uz, &wrong.id).exists());
    assert_eq!(items(&uz, &reference).await, std::slice::from_ref(&right));
    let again = remove(&mut uz.client().await, &reference, &wrong.id).await;
    assert_eq!(refusal_of(&again.unwrap_err()), "ITEM_UNKNOWN");
    let output = dir.path().join("back.bin");
    let back = download(&uz, &reference, &wrong.id, &output).await;
    assert!(back.unwrap_err().to_string().contains("ITEM_UNKNOWN"));
    let handed = ["evidence", "transfer", &reference, "--items", &id];
    uz.comity(&handed).await.fails(65, &["no item"]);
    let leaves = ledger_bodies(&uz).await;
    let of = |detail: &str| {
        let mut leaves = leaves.iter().filter(|leaf| leaf.detail == detail);
        let leaf = leaves.next().unwrap_or_else(|| panic!("no leaf {detail}"));
        assert!(leaves.next().is_none(), "two leaves {detail}");
        leaf
    };
    let removed = of("item-removed");
    assert_eq!(
        (removed.action(), removed.actor.as_str(), &removed.subject),
        (Action::Erasure, "UZ/officer/local", &wrong.id)
    );
    assert_eq!(of("custody-destroyed").actor, "UZ/officer/local");
    assert_eq!(of("item-erased").subject, wrong.id);

    // It stays away, and what was meant comes over.
    uz.restart().await;
    assert_eq!(items(&uz, &reference).await, std::slice::from_ref(&right));
    let handed = Act::Transferred(EvidenceTransferred::default());
    take(&uz, &reference, handed, vec![right.id.clone()]).await;
    eventually("the other one arrives", async || {
        download(&tj, &reference, &right.id, &output).await.ok()
    })
    .await;
    assert!(std::fs::read(&output).unwrap() == bytes(2 * MIB, 81));

    // What was handed over is not taken back.
    let late = remove(&mut uz.client().await, &reference, &right.id).await;
    let late = late.unwrap_err();
    assert_eq!(refusal_of(&late), "ITEM_HANDED_OVER");
    assert!(late.message().contains("to TJ already"), "{late}");
    assert!(chunks_of(&uz, &right.id).exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_neither_uploaded_it_nor_is_in_charge_takes_nothing_back() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    // Every authority of UZ has the request; the police took it.
    let other = "prosecutor-general";
    let reference = requested_of(&tj, &uz, &[]).await;
    let contact = String::new();
    let acknowledged = Act::Acknowledged(EvidenceAcknowledged { contact });
    take(&uz, &reference, acknowledged, Vec::new()).await;
    let dir = tempfile::tempdir().unwrap();
    let item = upload(&uz, &reference, &file(dir.path(), MIB, 82)).await;
    let kind = PrincipalKind::Officer;
    let roles = [Role::JudicialAuthority];
    let mut beside = client_as(&uz, kind, "beside", other, &roles).await;
    let refused = remove(&mut beside, &reference, &item.id).await;
    assert_eq!(refusal_of(&refused.unwrap_err()), "ITEM_NOT_YOURS");
    assert!(chunks_of(&uz, &item.id).exists());
    // An upload that is not the country's own is nobody's here.
    let absent = remove(&mut uz.client().await, &reference, &[7; 16]).await;
    assert_eq!(refusal_of(&absent.unwrap_err()), "ITEM_UNKNOWN");
    let mut second = colleague(&uz, "second").await;
    remove(&mut second, &reference, &item.id).await.unwrap();
    assert!(!chunks_of(&uz, &item.id).exists());
}
