//! Compartment `victims` is opened by who may read it, with a second person's leave.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use comity::{
    access::{PrincipalKind, Role},
    client::Client,
    wire::{
        ledger::ReadingPurpose,
        node::{
            ApprovalState, GetRecordRequest, GetRecordResponse, ListApprovalsRequest,
            OffboardRequest, RequestApprovalRequest,
        },
        record::CompartmentLabel::Victims,
    },
};

use super::{approve, ask, of_two, refuse, stands};
use crate::support::{
    CASE, Country, DAY_US, befriend, client_as, ledger_bodies, off, with_everything,
};

/// TJ and AE, where a record with victims lies; AE by a clock of its own.
async fn held(by: &Arc<AtomicI64>) -> (Country, Country, String) {
    let (mut tj, uz, mut ae) = (Country::set_up("TJ"), Country::set_up("UZ"), of_two("AE"));
    befriend(&[&tj, &uz, &ae]).await;
    tj.start().await;
    ae.start_with(off(by)).await;
    let reference = tj.submit(with_everything()).await;
    ae.receives(&reference).await;
    (tj, ae, reference)
}

async fn officer(at: &Country, name: &str, role: Role) -> Client {
    let support = "victim-support";
    client_as(at, PrincipalKind::Officer, name, support, &[role]).await
}

async fn get(by: &mut Client, reference: &str, case: &str) -> GetRecordResponse {
    let request = GetRecordRequest {
        reference: reference.to_owned(),
        reading_purpose: ReadingPurpose::VictimProtection.into(),
        case_reference: case.to_owned(),
        ..GetRecordRequest::default()
    };
    by.records.get_record(request).await.unwrap().into_inner()
}

/// Whether the victims' data is shown; where it is not, the answer says what to do.
fn opened(answer: &GetRecordResponse) -> bool {
    let shown = answer.record.as_ref().unwrap().victims.is_some();
    let withheld = answer.withheld.iter();
    let told = withheld.clone().any(|of| {
        of.compartment() == Victims && of.reason.contains("approvals request open-victims")
    });
    let summary = answer.summary.as_ref().unwrap();
    assert_eq!(summary.withheld.contains(&Victims.into()), !shown);
    assert!(shown != told, "{answer:?}");
    shown
}

fn open(reference: &str) -> RequestApprovalRequest {
    RequestApprovalRequest {
        act: "open-victims".to_owned(),
        references: vec![reference.to_owned()],
        ..RequestApprovalRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn victims_are_opened_with_the_leave_of_another_for_one_record_purpose_and_case() {
    let (_tj, ae, reference) = held(&Arc::default()).await;
    let mut protector = officer(&ae, "protector", Role::VictimProtectionOfficer).await;
    assert!(!opened(&get(&mut protector, &reference, CASE).await));
    // Whoever may not read victims' data gets no leave to.
    let mut liaison = officer(&ae, "liaison", Role::LiaisonOfficer).await;
    let denied = ask(&mut liaison, open(&reference)).await.unwrap_err();
    assert_eq!(denied, "ACCESS_DENIED");
    let id = ask(&mut protector, open(&reference)).await.unwrap();
    assert!(!opened(&get(&mut protector, &reference, CASE).await));
    // Not by oneself, not by whose role does not approve it.
    assert_eq!(
        approve(&mut protector, &id).await.unwrap_err(),
        "APPROVAL_OWN"
    );
    let mut analyst = officer(&ae, "analyst", Role::Analyst).await;
    assert_eq!(
        approve(&mut analyst, &id).await.unwrap_err(),
        "ACCESS_DENIED"
    );
    // Who decides sees which record and why, and nothing of anybody in it.
    let waiting = liaison.life.list_approvals(ListApprovalsRequest {}).await;
    let waiting = waiting.unwrap().into_inner().approvals;
    assert_eq!((waiting.len(), &*waiting[0].what), (1, "open-victims"));
    assert_eq!(waiting[0].references, std::slice::from_ref(&reference));
    assert_eq!(waiting[0].details, [format!("{reference}: Alert")]);
    assert_eq!(waiting[0].asked_by, "AE/officer/protector");
    assert_eq!(waiting[0].case_reference, CASE);
    assert!(!format!("{waiting:?}").contains("EX-V-00001"));
    let state = approve(&mut liaison, &id).await;
    assert_eq!(state, Ok(ApprovalState::Granted));
    assert!(opened(&get(&mut protector, &reference, CASE).await));
    let leaves = ledger_bodies(&ae).await;
    let reading = leaves.iter().find(|leaf| leaf.detail == "read").unwrap();
    assert_eq!(hex::encode(&reading.approvals[0]), id);
    assert!(reading.compartments.contains(&(Victims as u32)));
    for detail in ["open-victims-asked", "approved"] {
        let leaf = leaves.iter().find(|leaf| leaf.detail == detail).unwrap();
        assert_eq!(hex::encode(&leaf.approvals[0]), id, "{detail}");
    }
    // For no other case, and for nobody else.
    assert!(!opened(
        &get(&mut protector, &reference, "EXERCISE-2").await
    ));
    let mut other = officer(&ae, "other", Role::VictimProtectionOfficer).await;
    assert!(!opened(&get(&mut other, &reference, CASE).await));
    // A leave is taken back.
    refuse(&mut liaison, &id).await.unwrap();
    assert!(!opened(&get(&mut protector, &reference, CASE).await));
    let stands = stands(&mut protector, &id).await;
    assert_eq!(stands.state(), ApprovalState::Refused);
    assert_eq!(stands.answered_by, "AE/officer/liaison");
    assert_eq!(stands.answer_reason, "EXERCISE: not needed");
    assert_eq!(
        approve(&mut liaison, &id).await.unwrap_err(),
        "APPROVAL_REFUSED"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leave_ends_with_its_hours_and_with_who_has_it() {
    let by = Arc::new(AtomicI64::new(0));
    let (_tj, ae, reference) = held(&by).await;
    let mut protector = officer(&ae, "protector", Role::VictimProtectionOfficer).await;
    let mut liaison = officer(&ae, "liaison", Role::LiaisonOfficer).await;
    let granted = ask(&mut protector, open(&reference)).await.unwrap();
    let waits = ask(&mut protector, open(&reference)).await.unwrap();
    approve(&mut liaison, &granted).await.unwrap();
    assert!(opened(&get(&mut protector, &reference, CASE).await));
    by.store(DAY_US + 1_000_000, Ordering::SeqCst);
    assert!(!opened(&get(&mut protector, &reference, CASE).await));
    let state = stands(&mut protector, &granted).await.state();
    assert_eq!(state, ApprovalState::Lapsed);
    assert_eq!(
        approve(&mut liaison, &waits).await.unwrap_err(),
        "APPROVAL_EXPIRED"
    );
    let state = stands(&mut protector, &waits).await.state();
    assert_eq!(state, ApprovalState::Expired);
    // Offboarding ends what waits and what counts.
    let granted = ask(&mut protector, open(&reference)).await.unwrap();
    let waits = ask(&mut protector, open(&reference)).await.unwrap();
    approve(&mut liaison, &granted).await.unwrap();
    let mut operator = ae.operating().await;
    let leaves = OffboardRequest {
        leaving: "AE/officer/protector".to_owned(),
        ..OffboardRequest::default()
    };
    let left = operator
        .enrolment
        .offboard(leaves)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(left.voided, 2);
    for id in [granted, waits] {
        let state = stands(&mut liaison, &id).await.state();
        assert_eq!(state, ApprovalState::Void);
        assert_eq!(
            approve(&mut liaison, &id).await.unwrap_err(),
            "APPROVAL_VOID"
        );
    }
    assert!(!opened(&get(&mut protector, &reference, CASE).await));
}
