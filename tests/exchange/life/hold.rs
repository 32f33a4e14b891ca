//! A legal hold keeps a record, locked, and says so.

use comity::wire::{
    envelope::ReceiptType,
    node::{ComplianceState, ListHoldsRequest, ReleaseHoldRequest, SetHoldRequest},
};

use crate::support::{
    Country, alert, complied, lies_in, neighbours, receipts_of, refusal_of, take_back, try_show,
};

async fn set(at: &Country, reference: &str, ground: &str) -> Result<(), tonic::Status> {
    let request = SetHoldRequest {
        reference: reference.to_owned(),
        ground: ground.to_owned(),
    };
    at.client().await.life.set_hold(request).await.map(drop)
}

async fn release(at: &Country, reference: &str) -> Result<(), tonic::Status> {
    let request = ReleaseHoldRequest {
        reference: reference.to_owned(),
    };
    at.client().await.life.release_hold(request).await.map(drop)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hold_answers_with_its_ground_stays_locked_and_is_erased_after_release() {
    let (mut a, mut b) = neighbours().await;
    b.configure(|config| config.life.shred_delay_s = 0);
    a.start().await;
    b.start().await;
    let reference = a.submit(alert("evidence")).await;
    b.receives(&reference).await;
    let ground = "EXERCISE: case 17 of the district court";
    let blank = set(&b, &reference, " ").await.unwrap_err();
    assert_eq!(refusal_of(&blank), "GROUND_INVALID");
    let unheld = release(&b, &reference).await.unwrap_err();
    assert_eq!(refusal_of(&unheld), "HOLD_STATE");
    set(&b, &reference, ground).await.unwrap();
    let again = set(&b, &reference, ground).await.unwrap_err();
    assert_eq!(refusal_of(&again), "HOLD_STATE");

    take_back(&a, &[&reference]).await.unwrap();
    let held = complied(&a, &reference, "UZ", ComplianceState::Held).await;
    assert_eq!(held.ground, ground);
    let refused = try_show(&b, &reference).await.unwrap_err();
    assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
    let mut client = b.client().await;
    let holds = client.life.list_holds(ListHoldsRequest {}).await.unwrap();
    let holds = holds.into_inner().holds;
    assert_eq!(
        (&*holds[0].reference, &*holds[0].ground),
        (&*reference, ground)
    );
    assert!(holds[0].locked);

    // The hold outlives a restart, and a new index.
    b.stop().await;
    std::fs::remove_dir_all(b.layout().index()).unwrap();
    b.start().await;
    release(&b, &reference).await.unwrap();
    complied(&a, &reference, "UZ", ComplianceState::Erased).await;
    let types: Vec<_> = receipts_of(&a, &reference)
        .await
        .iter()
        .map(|receipt| receipt.r#type())
        .collect();
    assert!(types.contains(&ReceiptType::Held) && types.contains(&ReceiptType::Erased));
    let gone = set(&b, &reference, ground).await.unwrap_err();
    assert_eq!(refusal_of(&gone), "HOLD_STATE");
    // Both proved it, and on neither disk does the ground lie readable.
    for at in [&mut a, &mut b] {
        at.stop().await;
        assert!(!lies_in(at.dir(), ground.as_bytes()), "{}", at.code);
    }
}
