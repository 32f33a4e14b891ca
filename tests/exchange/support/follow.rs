//! Records that follow others.

use comity::{
    crypto::Digest,
    node::{steps::StepOrder, submit::SubmitError},
    wire::{
        ledger::ReadingPurpose,
        node::{
            Compliance, ComplianceState, GetRecallStatusRequest, GetRecordRequest,
            GetRecordResponse, ListReceiptsRequest, RecallRecordsRequest, RecallRecordsResponse,
            RecallStatus,
        },
        record::{FollowType, Follows, Recall, RecallReason, Record, step::Step},
    },
};

use super::{Country, access::CASE, eventually};

/// SHA-256 of a record's header.
pub(crate) async fn digest_of(at: &Country, reference: &str) -> Digest {
    let mut client = at.client().await;
    let request = ListReceiptsRequest {
        reference: reference.to_owned(),
    };
    let answer = client.records.list_receipts(request).await.unwrap();
    Digest::try_from(answer.into_inner().header_digest.as_slice()).unwrap()
}

/// `record` as an amendment of another.
pub(crate) async fn amendment(at: &Country, reference: &str, record: Record) -> Record {
    Record {
        follows: Some(Follows {
            r#type: FollowType::Amendment.into(),
            header_digest: digest_of(at, reference).await.to_vec(),
            reference: reference.to_owned(),
        }),
        ..record
    }
}

/// Takes a record back, for the countries named, as the node does.
pub(crate) async fn recall(
    at: &Country,
    reference: &str,
    destinations: &[&str],
) -> Result<String, SubmitError> {
    let order = StepOrder {
        followed: digest_of(at, reference).await,
        reference: reference.parse().unwrap(),
        destinations: destinations
            .iter()
            .map(|code| code.parse().unwrap())
            .collect(),
        step: Step::Recall(Recall {
            reason: RecallReason::Inaccurate.into(),
            note: "EXERCISE: the wrong border".to_owned(),
            ..Recall::default()
        }),
        exercise: true,
        actor: "TJ/officer/local".to_owned(),
        key: String::new(),
    };
    let accepted = at.node().submit_step(order).await?;
    Ok(accepted.reference.to_string())
}

/// Shows a record: the newest version, with its thread.
pub(crate) async fn show(at: &Country, reference: &str) -> GetRecordResponse {
    try_show(at, reference).await.unwrap()
}

/// As [`show`]; the refusal when it cannot be read.
pub(crate) async fn try_show(
    at: &Country,
    reference: &str,
) -> Result<GetRecordResponse, tonic::Status> {
    let mut client = at.client().await;
    let request = GetRecordRequest {
        reference: reference.to_owned(),
        thread: true,
        purpose: "EXERCISE: a test".to_owned(),
        reading_purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
        ..GetRecordRequest::default()
    };
    Ok(client.records.get_record(request).await?.into_inner())
}

/// Takes records back, as an operator does.
pub(crate) async fn take_back(
    at: &Country,
    references: &[&str],
) -> Result<RecallRecordsResponse, tonic::Status> {
    let mut client = at.client().await;
    let request = RecallRecordsRequest {
        references: references.iter().map(|one| (*one).to_owned()).collect(),
        reason: RecallReason::EndangersPerson.into(),
        note: "EXERCISE".to_owned(),
        ..RecallRecordsRequest::default()
    };
    Ok(client.life.recall_records(request).await?.into_inner())
}

/// The recall of a record, version by version.
pub(crate) async fn status_of(at: &Country, reference: &str) -> Vec<RecallStatus> {
    let mut client = at.client().await;
    let request = GetRecallStatusRequest {
        reference: reference.to_owned(),
    };
    let answer = client.life.get_recall_status(request).await.unwrap();
    answer.into_inner().versions
}

/// Waits until a country complied with the recall of a record so far.
pub(crate) async fn complied(
    at: &Country,
    reference: &str,
    country: &str,
    state: ComplianceState,
) -> Compliance {
    let what = format!("{country} says {} of {reference}", state.as_str_name());
    eventually(&what, async || {
        let versions = status_of(at, reference).await;
        let mut countries = versions.into_iter().flat_map(|version| version.countries);
        countries.find(|of| of.country == country && of.state() == state)
    })
    .await
}
