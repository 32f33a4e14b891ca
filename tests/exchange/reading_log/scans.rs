//! Scans for a data subject: the person, the leave, the answer.

use comity::{
    access::{PrincipalKind, Role},
    client::Client,
    node::subject::query_of,
    wire::{
        ledger::{LeafBody, ReadingPurpose},
        node::{
            ApproveRequest, RequestApprovalRequest, ScanForSubjectRequest, SubjectFound,
            SubjectScanned, scan_for_subject_response::Step,
        },
        record::Record,
    },
};
use futures_util::StreamExt as _;
use prost::Message as _;
use tonic::Status;

use crate::support::{CASE, Country, alert, befriend, client_as, with_everything};

pub(super) const NAME: &str = "Zarquona Qobilovskaya";
pub(super) const PSEUDONYM: &str = "EX-V-ZARQUON";

pub(super) fn scan(names: &[&str]) -> ScanForSubjectRequest {
    ScanForSubjectRequest {
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        reading_purpose: ReadingPurpose::DataSubject.into(),
        case_reference: CASE.to_owned(),
        ..ScanForSubjectRequest::default()
    }
}

/// Asks for the leave for a scan, and has it given.
pub(super) async fn leave(
    by: &mut Client,
    second: &mut Client,
    of: &ScanForSubjectRequest,
) -> String {
    let request = RequestApprovalRequest {
        act: "data-subject".to_owned(),
        query: query_of(&of.names, &of.identifiers, &of.born).unwrap(),
        reading_purpose: of.reading_purpose,
        case_reference: of.case_reference.clone(),
        ..RequestApprovalRequest::default()
    };
    let id = by
        .life
        .request_approval(request)
        .await
        .unwrap()
        .into_inner()
        .id;
    let approve = ApproveRequest { id: id.clone() };
    second.life.approve(approve).await.unwrap();
    id
}

pub(super) async fn scanned(
    by: &mut Client,
    of: ScanForSubjectRequest,
) -> Result<(Vec<SubjectFound>, SubjectScanned), Status> {
    let mut steps = by.search.scan_for_subject(of).await?.into_inner();
    let (mut found, mut end, mut progress) = (Vec::new(), None, 0);
    while let Some(step) = steps.next().await {
        match step?.step.unwrap() {
            Step::Progress(of) => {
                assert!(of.scanned <= of.total && found.is_empty());
                progress += 1;
            }
            Step::Found(of) => found.push(of),
            Step::Scanned(of) => end = Some(of),
        }
    }
    assert!(progress > 0);
    Ok((found, end.unwrap()))
}

/// A record whose suspect and whose victims' compartment speak of the person.
pub(super) fn speaking() -> Record {
    let mut record = with_everything();
    let suspects = record.suspects.as_mut().unwrap();
    suspects.suspects[0].names[0].text = format!("EXERCISE {NAME}");
    let victims = record.victims.as_mut().unwrap();
    victims.victims[0].pseudonym = PSEUDONYM.to_owned();
    victims.victims[0].needs = format!("EXERCISE: {NAME} needs a doctor");
    record
}

/// TJ, UZ and AE; the record lies at TJ and AE. A scan needs a second person in every test.
pub(super) async fn held() -> (Country, Country, Country, String) {
    let (mut tj, uz, mut ae) = (
        Country::set_up("TJ"),
        Country::set_up("UZ"),
        Country::set_up("AE"),
    );
    befriend(&[&tj, &uz, &ae]).await;
    tj.start().await;
    ae.start().await;
    for title in ["one", "two", "three"] {
        tj.submit(alert(title)).await;
    }
    let reference = tj.submit(speaking()).await;
    ae.receives(&reference).await;
    (tj, uz, ae, reference)
}

/// Who answers requests, and who gives the leave.
pub(super) async fn persons(at: &Country) -> (Client, Client) {
    let kind = PrincipalKind::Officer;
    let role = [Role::LiaisonOfficer];
    let answers = client_as(at, kind, "answers", "national-police", &role).await;
    let second = client_as(at, kind, "second", "national-police", &role).await;
    (answers, second)
}

pub(super) fn leaves(at: &Country) -> Vec<LeafBody> {
    let node = at.node();
    let bodies = (0..node.ledger_size().unwrap()).map(|leaf| node.leaf(leaf).unwrap().unwrap());
    bodies
        .map(|leaf| LeafBody::decode(leaf.body.as_slice()).unwrap())
        .collect()
}
