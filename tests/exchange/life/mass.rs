//! Recalls of many records, one after the other or while somebody amends them.

use comity::{
    node::{
        Node,
        rules::SubmissionRefusal,
        steps::StepOrder,
        submit::{Intent, SubmitError},
        system_clock,
    },
    wire::{
        node::ApproveRequest,
        record::{FollowType, Follows, Recall, RecallReason, step::Step},
    },
};

use crate::support::{
    Country, alert, amendment, colleague, neighbours, refusal_of, show, take_back, try_show,
};

#[tokio::test(flavor = "multi_thread")]
async fn one_person_recalls_no_more_in_small_pieces_than_at_once() {
    let (mut a, _b) = neighbours().await;
    a.configure(|config| config.life.recall_alone = 3);
    a.start().await;
    let mut all = Vec::new();
    for n in 0..6 {
        all.push(a.submit(alert(&format!("number {n}"))).await);
    }
    let alone = take_back(&a, &[&all[0], &all[1]]).await.unwrap();
    assert_eq!(alone.recalled.len(), 2);
    // A recall that does nothing counts for nothing.
    let again = take_back(&a, &[&all[0], &all[1]]).await.unwrap_err();
    assert_eq!(refusal_of(&again), "ALREADY_RECALLED");
    let two = take_back(&a, &[&all[2], &all[3]]).await.unwrap();
    assert_eq!((two.recalled.len(), two.records), (0, 2));
    let alone = take_back(&a, &[&all[2]]).await.unwrap();
    assert_eq!(alone.recalled.len(), 1);
    // The count is durable, and no index forgets it.
    a.stop().await;
    std::fs::remove_dir_all(a.layout().index()).unwrap();
    a.start().await;
    let waits = take_back(&a, &[&all[4]]).await.unwrap();
    assert!(waits.recalled.is_empty() && !waits.approval_id.is_empty());
    show(&a, &all[4]).await;
    // By two it happens, and another operator has a count of their own.
    let mut second = colleague(&a, "second").await;
    let approved = ApproveRequest {
        id: waits.approval_id,
    };
    let done = second.life.approve(approved).await.unwrap().into_inner();
    assert_eq!(done.recalled[0].reference, all[4]);
    let request = comity::wire::node::RecallRecordsRequest {
        references: vec![all[5].clone()],
        reason: RecallReason::Outdated.into(),
        ..Default::default()
    };
    let alone = second.life.recall_records(request).await.unwrap();
    assert_eq!(alone.into_inner().recalled.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_submitted_before_the_approval_is_recalled_with_it() {
    let (mut a, mut b) = neighbours().await;
    a.configure(|config| config.life.recall_alone = 1);
    a.start().await;
    b.start().await;
    let first = a.submit(alert("first")).await;
    let other = a.submit(alert("other")).await;
    let asked = take_back(&a, &[&first, &other]).await.unwrap();
    let second = a.submit(amendment(&a, &first, alert("second")).await).await;
    let third = a.submit(amendment(&a, &second, alert("third")).await).await;
    b.receives(&third).await;
    let mut person = colleague(&a, "second").await;
    let approved = ApproveRequest {
        id: asked.approval_id,
    };
    let done = person.life.approve(approved).await.unwrap().into_inner();
    assert_eq!(done.recalled.len(), 4);
    for reference in [&first, &other, &second, &third] {
        let refused = try_show(&a, reference).await.unwrap_err();
        assert_eq!(refusal_of(&refused), "RECORD_LOCKED");
    }
}

fn intent(record: comity::wire::record::Record) -> Intent {
    Intent {
        record,
        idempotency_key: String::new(),
        actor: "TJ/officer/local".to_owned(),
        by_node: false,
        evidence: false,
        item: None,
    }
}

/// Both wait for preparation at the same time, so that both are prepared before either is durable.
#[tokio::test]
async fn an_amendment_prepared_before_the_recall_does_not_outlive_it() {
    let a = Country::set_up("TJ");
    let b = Country::set_up("UZ");
    crate::support::befriend(&[&a, &b]).await;
    let node = Node::open(a.home(), system_clock(), &mut |_| {})
        .await
        .unwrap();
    for kind in [FollowType::Amendment, FollowType::Reply] {
        let first = node.submit_intent(intent(alert("first"))).await.unwrap();
        let recall = StepOrder {
            followed: first.digest,
            reference: first.reference,
            destinations: vec!["UZ".parse().unwrap()],
            step: Step::Recall(Recall {
                reason: RecallReason::Inaccurate.into(),
                ..Recall::default()
            }),
            exercise: true,
            actor: "TJ/officer/local".to_owned(),
            key: String::new(),
        };
        let mut after = alert("second");
        after.follows = Some(Follows {
            r#type: kind.into(),
            header_digest: first.digest.to_vec(),
            reference: first.reference.to_string(),
        });
        let (recalled, amended) =
            tokio::join!(node.submit_step(recall), node.submit_intent(intent(after)));
        recalled.unwrap();
        let refused = amended.unwrap_err();
        assert!(
            matches!(
                refused,
                SubmitError::Conflict(SubmissionRefusal::FollowsLocked)
            ),
            "{refused}"
        );
    }
    node.close().await.unwrap();
}
