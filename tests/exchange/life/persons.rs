//! What needs two persons does not happen by one.

use comity::wire::node::{
    ApproveRequest, ComplianceState, ListApprovalsRequest, ShredRecordsRequest,
};

use crate::support::{alert, colleague, complied, neighbours, refusal_of, take_back, try_show};

fn approve(id: &str) -> ApproveRequest {
    ApproveRequest { id: id.to_owned() }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_records_are_recalled_by_two_and_nobody_approves_alone() {
    let (mut a, mut b) = neighbours().await;
    a.configure(|config| config.life.recall_alone = 1);
    a.start().await;
    b.start().await;
    let first = a.submit(alert("first")).await;
    let second = a.submit(alert("second")).await;
    b.receives(&second).await;
    let answer = take_back(&a, &[&first, &second]).await.unwrap();
    assert_eq!((answer.recalled.len(), answer.records), (0, 2));
    let id = answer.approval_id;
    assert!(
        try_show(&a, &first).await.is_ok(),
        "nothing has happened yet"
    );

    let mut alone = a.client().await;
    let refused = alone.life.approve(approve(&id)).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "APPROVAL_OWN");
    let unknown = alone.life.approve(approve("00")).await.unwrap_err();
    assert_eq!(refusal_of(&unknown), "APPROVAL_UNKNOWN");

    let mut other = colleague(&a, "second").await;
    let waiting = other.life.list_approvals(ListApprovalsRequest {}).await;
    let waiting = waiting.unwrap().into_inner().approvals;
    assert_eq!((&*waiting[0].id, &*waiting[0].what), (&*id, "mass-recall"));
    assert_eq!(waiting[0].asked_by, "TJ/officer/local");
    assert_eq!(waiting[0].references, [first.clone(), second.clone()]);
    let done = other.life.approve(approve(&id)).await.unwrap();
    assert_eq!(done.into_inner().recalled.len(), 2);
    for reference in [&first, &second] {
        complied(&a, reference, "UZ", ComplianceState::Locked).await;
        let refused = try_show(&b, reference).await.unwrap_err();
        assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
    }
    let again = other.life.approve(approve(&id)).await.unwrap_err();
    assert_eq!(refusal_of(&again), "APPROVAL_DONE");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_shreds_before_its_delay_by_two() {
    let (mut a, mut b) = neighbours().await;
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("dangerous")).await;
    b.receives(&reference).await;
    let shred = ShredRecordsRequest {
        references: vec![reference.clone()],
    };
    let mut first = b.client().await;
    let early = first.life.shred_records(shred.clone()).await;
    assert_eq!(refusal_of(&early.unwrap_err()), "RECORD_NOT_LOCKED");
    take_back(&a, &[&reference]).await.unwrap();
    // The delay is a day: without two persons it stays locked.
    complied(&a, &reference, "UZ", ComplianceState::Locked).await;
    let asked = first.life.shred_records(shred).await.unwrap();
    let id = asked.into_inner().approval_id;
    let mut other = colleague(&b, "second").await;
    other.life.approve(approve(&id)).await.unwrap();
    complied(&a, &reference, "UZ", ComplianceState::Erased).await;
}
