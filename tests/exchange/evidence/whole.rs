//! A request from its submission to its closing, with both nodes restarted in the middle.

use comity::wire::{
    node::{EvidenceState, EvidenceStepOutcome, TakeEvidenceStepRequest},
    record::{
        Evidence, EvidenceItem, EvidenceStep, ItemArrival, ItemsArrived, OriginalsReceived,
        OriginalsReturned, evidence_step::Act,
    },
};

use super::{
    acknowledged, answered, asked, begun, closed, executed, neighbours, recognised, request_to,
    requested, shown, stands, submit, take, take_by, the_same, transferred,
};
use crate::support::{eventually, ledger_bodies};

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_executed_and_closed_across_restarts() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    stands(&tj, &reference, EvidenceState::Delivered, 0).await;
    stands(&uz, &reference, EvidenceState::Delivered, 0).await;
    let taken = take(&uz, &reference, acknowledged()).await;
    assert_eq!(
        (taken.number, taken.state()),
        (1, EvidenceState::Acknowledged)
    );
    take(&uz, &reference, asked("EXERCISE: which floor?")).await;
    stands(&tj, &reference, EvidenceState::InformationRequested, 2).await;
    let open = shown(&tj, &reference).await;
    assert_eq!(open.case.unwrap().open_questions, 1);
    assert!(open.issuing_may.contains(&"answer".to_owned()));
    take(&tj, &reference, answered("EXERCISE: the third")).await;
    stands(&uz, &reference, EvidenceState::Acknowledged, 3).await;
    take(&uz, &reference, recognised()).await;

    tj.restart().await;
    uz.restart().await;
    stands(&tj, &reference, EvidenceState::Recognised, 4).await;
    stands(&uz, &reference, EvidenceState::Recognised, 4).await;
    take(&uz, &reference, begun()).await;
    take(&uz, &reference, executed()).await;
    // A thing goes along with the transfer.
    let original = EvidenceItem {
        id: vec![7; 16],
        name: "register.bin".to_owned(),
        description: "EXERCISE: the guest register, a bound book".to_owned(),
        original: true,
        ..EvidenceItem::default()
    };
    let mut client = uz.client().await;
    let handed = client
        .take_evidence_step(TakeEvidenceStepRequest {
            reference: reference.clone(),
            step: Some(EvidenceStep {
                act: Some(transferred()),
                ..EvidenceStep::default()
            }),
            evidence: Some(Evidence {
                items: vec![original],
                persons: Vec::new(),
            }),
            ..TakeEvidenceStepRequest::default()
        })
        .await
        .unwrap();
    assert_eq!(handed.state(), EvidenceState::Transferred);
    stands(&tj, &reference, EvidenceState::Transferred, 7).await;
    let with_item = shown(&tj, &handed.reference).await;
    assert_eq!(with_item.steps.last().unwrap().items, 1);

    // The node itself says what arrived.
    let number = tj.node().find(&reference.parse().unwrap()).unwrap();
    let arrived = Act::ItemsArrived(ItemsArrived {
        items: vec![ItemArrival {
            id: vec![7; 16],
            whole: true,
            ..ItemArrival::default()
        }],
    });
    let step = EvidenceStep {
        act: Some(arrived),
        ..EvidenceStep::default()
    };
    let by_node = tj
        .node()
        .take_nodes_step(number, step, "arrived".to_owned());
    assert_eq!(by_node.await.unwrap().number, 2);
    take(
        &tj,
        &reference,
        Act::OriginalsReturned(OriginalsReturned {
            items: vec![vec![7; 16]],
            manner: "EXERCISE: by courier".to_owned(),
        }),
    )
    .await;
    the_same(&tj, &uz, &reference, 9).await;
    take(
        &uz,
        &reference,
        Act::OriginalsReceived(OriginalsReceived {
            items: vec![vec![7; 16]],
            condition: "EXERCISE: undamaged".to_owned(),
        }),
    )
    .await;
    the_same(&tj, &uz, &reference, 10).await;
    take(&tj, &reference, closed()).await;
    let end = the_same(&tj, &uz, &reference, 11).await;
    assert_eq!(end.state, EvidenceState::Closed);
    assert_eq!(end.executing, "national-police");
    let took = i32::from(EvidenceStepOutcome::Took);
    assert!(end.steps.iter().all(|of| of.2 == took && of.5.is_empty()));
    // Showing it is in the ledger, the request and its steps.
    let details: Vec<String> = ledger_bodies(&tj)
        .await
        .into_iter()
        .map(|of| of.detail)
        .collect();
    assert!(details.iter().any(|detail| detail == "evidence-shown"));
    tj.stop().await;
    uz.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeat_with_a_known_key_changes_nothing() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    let mut client = uz.client().await;
    let order = TakeEvidenceStepRequest {
        reference: reference.clone(),
        step: Some(EvidenceStep {
            act: Some(acknowledged()),
            ..EvidenceStep::default()
        }),
        idempotency_key: "EXERCISE-1".to_owned(),
        ..TakeEvidenceStepRequest::default()
    };
    let first = client.take_evidence_step(order.clone()).await.unwrap();
    take_by(&mut client, &reference, recognised())
        .await
        .unwrap();
    let again = client.take_evidence_step(order).await.unwrap();
    assert!(again.repeated && !first.repeated);
    assert_eq!(again.reference, first.reference);
    assert_eq!(
        (again.number, again.state()),
        (1, EvidenceState::Recognised)
    );
    the_same(&tj, &uz, &reference, 2).await;
    tj.stop().await;
    uz.stop().await;
}

/// Steps taken at one moment by several officers are prepared again until each has its place.
#[tokio::test(flavor = "multi_thread")]
async fn steps_taken_at_the_same_moment_get_numbers_without_gaps() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = submit(&tj, request_to("national-police")).await.unwrap();
    let mut tasks = Vec::new();
    for index in 0..6 {
        let (mut client, reference) = (tj.client().await, reference.clone());
        tasks.push(tokio::spawn(async move {
            let text = format!("EXERCISE: {index}");
            take_by(&mut client, &reference, super::note(&text))
                .await
                .unwrap()
                .number
        }));
    }
    let mut numbers = Vec::new();
    for task in tasks {
        numbers.push(task.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    the_same(&tj, &uz, &reference, 6).await;
    eventually("no alarm", async || {
        let bodies = ledger_bodies(&uz).await;
        (!bodies.iter().any(|of| of.detail == "evidence-step-twice")).then_some(())
    })
    .await;
    tj.stop().await;
    uz.stop().await;
}
