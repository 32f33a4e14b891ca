//! Officers of a country, and what they do with records.

use comity::{
    client::{Client, Profile},
    wire::node::{
        AcknowledgeRecordRequest, AcknowledgeRecordResponse, AssignRecordRequest,
        AssignRecordResponse, ListDueRequest, ListRecordsRequest, RecordSummary,
    },
};

use super::{Country, comity};

/// Another operator, with a certificate that the command line issued.
pub(crate) async fn operator(at: &Country, name: &str) -> Client {
    let folder = at.dir().with_extension(name);
    let out = folder.to_str().unwrap();
    comity(&["operator", "issue", name, "--home", at.at(), "--out", out])
        .await
        .fine();
    let profile = Profile::load(&folder.join("profile.toml")).unwrap();
    Client::connect(&profile).await.unwrap()
}

/// Acknowledges a record for an authority; empty for the one that it names.
pub(crate) async fn acknowledge(
    by: &mut Client,
    reference: &str,
    authority: &str,
) -> Result<AcknowledgeRecordResponse, tonic::Status> {
    let request = AcknowledgeRecordRequest {
        reference: reference.to_owned(),
        authority: authority.to_owned(),
        note: "EXERCISE".to_owned(),
    };
    Ok(by.threads.acknowledge_record(request).await?.into_inner())
}

/// Assigns a record to an officer.
pub(crate) async fn assign(
    by: &mut Client,
    reference: &str,
    officer: &str,
    authority: &str,
) -> Result<AssignRecordResponse, tonic::Status> {
    let request = AssignRecordRequest {
        reference: reference.to_owned(),
        officer: officer.to_owned(),
        authority: authority.to_owned(),
        note: String::new(),
    };
    Ok(by.threads.assign_record(request).await?.into_inner())
}

/// Records of which something is due, or late.
pub(crate) async fn due(at: &Country, overdue: bool) -> Vec<RecordSummary> {
    let request = ListDueRequest {
        overdue,
        ..ListDueRequest::default()
    };
    let answer = at.client().await.threads.list_due(request).await.unwrap();
    answer.into_inner().records
}

/// References of what an officer has not opened, newest first.
pub(crate) async fn unread(officer: &mut Client) -> Vec<String> {
    let request = ListRecordsRequest {
        unread: true,
        ..ListRecordsRequest::default()
    };
    let answer = officer.records.list_records(request).await.unwrap();
    let records = answer.into_inner().records;
    records.into_iter().map(|of| of.reference).collect()
}

/// What a country's own list says of a record.
pub(crate) async fn listed(at: &Country, reference: &str) -> RecordSummary {
    let records = at.records().await;
    records
        .into_iter()
        .find(|of| of.reference == reference)
        .unwrap()
}
