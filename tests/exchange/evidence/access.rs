//! Who takes which step: officers of the authority that asks, and of the one that executes.

use comity::{
    access::{PrincipalKind, Role},
    wire::{
        node::{EvidenceState, ListEvidenceRequest, TakeEvidenceStepRequest},
        record::{EvidenceStep, RequestReassigned, evidence_step::Act},
    },
};

use super::{
    acknowledged, neighbours, note, recognised, refusal, request_to, requested, shown, submit,
    take_by, the_same, withdrawn,
};
use crate::support::client_as;

#[tokio::test(flavor = "multi_thread")]
async fn the_authority_that_took_it_in_hand_executes_until_it_is_reassigned() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    // To the country: any of its authorities may take it in hand.
    let reference = submit(&tj, request_to("")).await.unwrap();
    uz.receives(&reference).await;
    let judicial = [Role::JudicialAuthority];
    let officer = PrincipalKind::Officer;
    let mut police = client_as(&uz, officer, "police", "national-police", &judicial).await;
    let mut prosecutor =
        client_as(&uz, officer, "prosecutor", "prosecutor-general", &judicial).await;
    take_by(&mut police, &reference, acknowledged())
        .await
        .unwrap();
    let (word, why) = refusal(take_by(&mut prosecutor, &reference, recognised()).await);
    assert_eq!(word, "EVIDENCE_WRONG_AUTHORITY");
    assert!(
        why.contains("`prosecutor-general` took it, but `national-police` is the authority"),
        "{why}"
    );
    // Nobody speaks for another authority.
    let order = TakeEvidenceStepRequest {
        reference: reference.clone(),
        step: Some(EvidenceStep {
            act: Some(recognised()),
            ..EvidenceStep::default()
        }),
        authority: "national-police".to_owned(),
        ..TakeEvidenceStepRequest::default()
    };
    let (word, _) = refusal(prosecutor.take_evidence_step(order).await);
    assert_eq!(word, "ACCESS_DENIED");
    let to = |authority: &str| {
        Act::Reassigned(RequestReassigned {
            authority: authority.to_owned(),
            reason: "EXERCISE: competence".to_owned(),
        })
    };
    let (word, _) = refusal(take_by(&mut police, &reference, to("nobody")).await);
    assert_eq!(word, "AUTHORITY_UNKNOWN");
    take_by(&mut police, &reference, to("prosecutor-general"))
        .await
        .unwrap();
    take_by(&mut prosecutor, &reference, recognised())
        .await
        .unwrap();
    let (word, _) = refusal(take_by(&mut police, &reference, note("EXERCISE")).await);
    assert_eq!(word, "EVIDENCE_WRONG_AUTHORITY");
    let end = the_same(&tj, &uz, &reference, 3).await;
    assert_eq!(
        (end.state, end.executing.as_str()),
        (EvidenceState::Recognised, "prosecutor-general")
    );
    tj.stop().await;
    uz.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_reassigned_to_another_authority_reaches_its_officers() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    let judicial = [Role::JudicialAuthority];
    let mut prosecutor = client_as(
        &uz,
        PrincipalKind::Officer,
        "prosecutor",
        "prosecutor-general",
        &judicial,
    )
    .await;
    // Addressed to the police: for the prosecutor it is not there.
    let listed = prosecutor
        .list_evidence(ListEvidenceRequest::default())
        .await
        .unwrap();
    assert!(listed.cases.is_empty());
    let (word, _) = refusal(take_by(&mut prosecutor, &reference, acknowledged()).await);
    assert_eq!(word, "RECORD_UNKNOWN");
    let mut police = uz.client().await;
    let reassigned = Act::Reassigned(RequestReassigned {
        authority: "prosecutor-general".to_owned(),
        reason: String::new(),
    });
    take_by(&mut police, &reference, reassigned).await.unwrap();
    let listed = prosecutor
        .list_evidence(ListEvidenceRequest::default())
        .await
        .unwrap();
    assert_eq!(listed.cases[0].reference, reference);
    take_by(&mut prosecutor, &reference, acknowledged())
        .await
        .unwrap();
    assert_eq!(shown(&uz, &reference).await.steps.len(), 2);
    tj.stop().await;
    uz.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_looks_on_takes_no_step() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    let desk = [Role::LiaisonOfficer];
    let officer = PrincipalKind::Officer;
    let mut at_uz = client_as(&uz, officer, "desk", "", &desk).await;
    let listed = at_uz
        .list_evidence(ListEvidenceRequest::default())
        .await
        .unwrap();
    assert_eq!(listed.cases[0].reference, reference);
    let (word, why) = refusal(take_by(&mut at_uz, &reference, acknowledged()).await);
    assert_eq!(word, "ACCESS_DENIED");
    assert!(why.contains("execute-evidence"), "{why}");
    let mut at_tj = client_as(&tj, officer, "desk", "", &desk).await;
    let (word, why) = refusal(take_by(&mut at_tj, &reference, withdrawn()).await);
    assert_eq!(word, "ACCESS_DENIED");
    assert!(why.contains("request-evidence"), "{why}");
    tj.stop().await;
    uz.stop().await;
}
