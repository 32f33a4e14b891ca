//! A record is exported for court with a second person's leave, for that court.

use comity::node::{approvals::Matter, read::ReadError};
use comity::{
    access::{Purpose, act},
    client::Client,
    wire::{
        ledger::ReadingPurpose,
        node::{ApprovalState, ExportRecordRequest, RequestApprovalRequest},
    },
};

use super::{approve, ask, of_two, stands};
use crate::support::{CASE, alert, befriend, colleague, ledger_bodies, officer, refusal_of};

async fn export(by: &mut Client, reference: &str, court: &str) -> Result<(), String> {
    let request = ExportRecordRequest {
        reference: reference.to_owned(),
        beneficiary: court.to_owned(),
        reading_purpose: ReadingPurpose::VictimProtection.into(),
        case_reference: CASE.to_owned(),
        ..ExportRecordRequest::default()
    };
    let answer = by.consents.export_record(request).await;
    answer.map(|_| ()).map_err(|refused| refusal_of(&refused))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_leaves_for_one_court_by_two_persons() {
    let (mut tj, uz) = (of_two("TJ"), of_two("UZ"));
    befriend(&[&tj, &uz]).await;
    tj.start().await;
    let reference = tj.submit(alert("for court")).await;
    let (mut first, mut second) = (tj.client().await, colleague(&tj, "second").await);
    let court = "EXERCISE City Court";
    let denied = export(&mut first, &reference, court).await.unwrap_err();
    assert_eq!(denied, "ACCESS_DENIED");
    let request = RequestApprovalRequest {
        act: "export-court".to_owned(),
        references: vec![reference.clone()],
        beneficiary: court.to_owned(),
        ..RequestApprovalRequest::default()
    };
    let id = ask(&mut first, request.clone()).await.unwrap();
    assert!(export(&mut first, &reference, court).await.is_err());
    // A principal of the same name is the same person.
    assert_eq!(approve(&mut first, &id).await.unwrap_err(), "APPROVAL_OWN");
    let state = approve(&mut second, &id).await;
    assert_eq!(state, Ok(ApprovalState::Granted));
    export(&mut first, &reference, court).await.unwrap();
    let leaves = ledger_bodies(&tj).await;
    let leaf = leaves.iter().find(|leaf| leaf.detail == "court-export");
    assert_eq!(hex::encode(&leaf.unwrap().approvals[0]), id);
    let other = export(&mut first, &reference, "EXERCISE Other Court").await;
    assert_eq!(other.unwrap_err(), "ACCESS_DENIED");
    assert!(export(&mut second, &reference, court).await.is_err());
    // Orders are asked for by their own commands.
    for (act, reason) in [
        ("mass-recall", "APPROVAL_INVALID"),
        ("fly", "APPROVAL_INVALID"),
    ] {
        let request = RequestApprovalRequest {
            act: act.to_owned(),
            ..request.clone()
        };
        assert_eq!(ask(&mut first, request).await.unwrap_err(), reason);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scan_for_a_data_subject_is_for_what_was_asked_and_nobody_sees_for_whom() {
    let mut tj = of_two("TJ");
    tj.start().await;
    let (mut first, mut second) = (tj.client().await, colleague(&tj, "second").await);
    let looked_for = b"EXERCISE Namuna, 1999-01-01";
    let request = RequestApprovalRequest {
        act: "data-subject".to_owned(),
        query: looked_for.to_vec(),
        ..RequestApprovalRequest::default()
    };
    let id = ask(&mut first, request).await.unwrap();
    let purpose = Purpose::given(ReadingPurpose::VictimProtection.into(), CASE);
    let purpose = purpose.unwrap().unwrap();
    let may = |query: &[u8]| {
        let permit = officer::<act::AnswerDataSubject>(tj.node());
        tj.node()
            .leave(&permit, &Matter::DataSubject(query), Some(&purpose))
    };
    assert!(matches!(may(looked_for), Err(ReadError::Refused(_))));
    let shown = stands(&mut second, &id).await;
    assert!(!format!("{shown:?}").contains("Namuna"), "{shown:?}");
    assert_eq!(approve(&mut second, &id).await, Ok(ApprovalState::Granted));
    let warrant = may(looked_for).unwrap().unwrap();
    assert_eq!(hex::encode(warrant.approval()), id);
    assert!(may(b"EXERCISE somebody else").is_err());
}
