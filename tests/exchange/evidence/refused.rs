//! What is refused, by name: incomplete requests, steps by the wrong party, in the wrong state.

use comity::client::ClientError;
use comity::wire::{
    node::{CheckEvidenceRequest, EvidenceState, TakeEvidenceStepRequest},
    record::{EvidenceStep, RefusalGround, Urgency, situation::Kind},
};

use super::{
    acknowledged, closed, executed, neighbours, refusal, refused, request_to, requested, submit,
    take, take_by, the_same, transferred, withdrawn,
};
use crate::support::{alert, refusal_of};

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_ends_a_request_and_is_closed() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    take(&uz, &reference, refused(RefusalGround::EDNeBisInIdem)).await;
    let end = the_same(&tj, &uz, &reference, 1).await;
    assert_eq!(end.state, EvidenceState::Refused);
    let mut by = uz.client().await;
    let (word, why) = refusal(take_by(&mut by, &reference, executed()).await);
    assert_eq!(word, "EVIDENCE_WRONG_STATE");
    assert!(
        why.contains("`execute` by the executing side is not allowed in state REFUSED"),
        "{why}"
    );
    take(&tj, &reference, closed()).await;
    let end = the_same(&tj, &uz, &reference, 2).await;
    assert_eq!(end.state, EvidenceState::Closed);
    tj.stop().await;
    uz.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_wrong_party_and_what_the_node_sets_are_refused_by_name() {
    let (mut tj, mut uz) = neighbours().await;
    tj.start().await;
    uz.start().await;
    let reference = requested(&tj, &uz).await;
    let (mut at_tj, mut at_uz) = (tj.client().await, uz.client().await);
    for act in [acknowledged(), executed(), transferred()] {
        let (word, why) = refusal(take_by(&mut at_tj, &reference, act).await);
        assert_eq!(word, "EVIDENCE_WRONG_PARTY");
        assert!(
            why.contains("is for the executing side, and the issuing side took it"),
            "{why}"
        );
    }
    for act in [withdrawn(), closed()] {
        let (word, _) = refusal(take_by(&mut at_uz, &reference, act).await);
        assert_eq!(word, "EVIDENCE_WRONG_PARTY");
    }
    let own = EvidenceStep {
        number: 4,
        act: Some(acknowledged()),
        ..EvidenceStep::default()
    };
    let order = TakeEvidenceStepRequest {
        reference: reference.clone(),
        step: Some(own),
        ..TakeEvidenceStepRequest::default()
    };
    let (word, _) = refusal(at_uz.take_evidence_step(order).await);
    assert_eq!(word, "EVIDENCE_SET_BY_NODE");
    // A step that says too little names what is missing.
    let reasonless = comity::wire::record::evidence_step::Act::Refused(
        comity::wire::record::RequestRefused::default(),
    );
    let Err(ClientError::Refused(refused)) = take_by(&mut at_uz, &reference, reasonless).await
    else {
        panic!("a refusal without reasons was taken");
    };
    let fields: Vec<&str> = refused
        .violations()
        .iter()
        .map(|of| of.field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "step.evidence.refused.ground",
            "step.evidence.refused.reasons"
        ]
    );
    the_same(&tj, &uz, &reference, 0).await;
    // Nothing but a request has steps.
    let other = tj.submit(alert("no request")).await;
    uz.receives(&other).await;
    let (word, _) = refusal(take_by(&mut at_uz, &other, acknowledged()).await);
    assert_eq!(word, "EVIDENCE_NOT_A_REQUEST");
    tj.stop().await;
    uz.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_request_lacks_is_said_by_name_before_it_is_sent() {
    let (mut tj, _uz) = neighbours().await;
    tj.start().await;
    let mut client = tj.client().await;
    let complete = CheckEvidenceRequest {
        record: Some(request_to("national-police")),
    };
    let checked = client
        .evidence
        .check_evidence(complete)
        .await
        .unwrap()
        .into_inner();
    assert!(
        checked.violations.is_empty() && checked.agreement.is_empty(),
        "{checked:?}"
    );
    let mut lacking = request_to("national-police");
    lacking.urgency = Urgency::Emergency.into();
    let situation = lacking.situation.as_mut().unwrap();
    situation.summary.clear();
    let Some(Kind::EvidenceRequest(request)) = &mut situation.kind else {
        panic!("the example is a request");
    };
    request.urgency_ground = 0;
    request.purpose.clear();
    request.proceeding = None;
    request.profile = "never-agreed".to_owned();
    let asked = CheckEvidenceRequest {
        record: Some(lacking.clone()),
    };
    let checked = client
        .evidence
        .check_evidence(asked)
        .await
        .unwrap()
        .into_inner();
    let fields: Vec<&str> = checked
        .violations
        .iter()
        .map(|of| of.field.as_str())
        .collect();
    for field in [
        "situation.summary",
        "situation.evidenceRequest.urgencyGround",
        "situation.evidenceRequest.purpose",
        "situation.evidenceRequest.proceeding",
    ] {
        assert!(fields.contains(&field), "{field} is not among {fields:?}");
    }
    assert!(
        checked.agreement.contains("under profile `never-agreed`"),
        "{}",
        checked.agreement
    );
    // A country without an agreement under this profile is a refusal of its own.
    let (word, why) = refusal(submit(&tj, lacking).await);
    assert_eq!(word, "EVIDENCE_NOT_AGREED");
    assert!(why.contains("UZ"), "{why}");
    // It has a door of its own.
    let refused = tj
        .try_submit(request_to("national-police"), "")
        .await
        .unwrap_err();
    assert_eq!(refusal_of(&refused), "EVIDENCE_AS_RECORD");
    let (word, _) = refusal(submit(&tj, alert("no request")).await);
    assert_eq!(word, "EVIDENCE_NOT_A_REQUEST");
    tj.stop().await;
}
