//! Officers of a country, and what they do with records.

use std::fs;

use comity::{
    access::{Principal, PrincipalKind, Role},
    client::{Client, Profile},
    home::CERTIFICATE_LIFE,
    node::system_clock,
    wire::node::{
        AcknowledgeRecordRequest, AcknowledgeRecordResponse, AssignRecordRequest,
        AssignRecordResponse, ListDueRequest, ListRecordsRequest, RecordSummary,
    },
};

use super::{Country, access::EVERY_ROLE};

/// Another officer of the police with every role of officers.
pub(crate) async fn colleague(at: &Country, name: &str) -> Client {
    let police = "national-police";
    client_as(at, PrincipalKind::Officer, name, police, &EVERY_ROLE).await
}

/// A client with a certificate of its own, issued now; an empty authority is none.
pub(crate) async fn client_as(
    at: &Country,
    kind: PrincipalKind,
    name: &str,
    authority: &str,
    roles: &[Role],
) -> Client {
    let home = at.home();
    let principal = Principal::new(home.country(), kind, name)
        .unwrap()
        .with_authority(Some(authority).filter(|name| !name.is_empty()))
        .unwrap()
        .with_roles(roles.iter().copied().collect())
        .unwrap();
    let issued = home
        .issue_client(principal, CERTIFICATE_LIFE, system_clock()())
        .unwrap();
    let folder = at.dir().with_extension(format!("{kind}.{name}"));
    fs::create_dir(&folder).unwrap();
    let ca = fs::read(home.layout().issuing_ca()).unwrap();
    fs::write(folder.join("key.pem"), issued.key_pem.as_bytes()).unwrap();
    fs::write(folder.join("certificate.pem"), &issued.certificate_pem).unwrap();
    fs::write(folder.join("ca.pem"), ca).unwrap();
    let profile = format!(
        "country = \"{}\"\naddress = \"{}\"\nca = \"ca.pem\"\ncertificate = \"certificate.pem\"\nkey = \"key.pem\"\n",
        at.code,
        home.config().client_listen
    );
    let path = folder.join("profile.toml");
    fs::write(&path, profile).unwrap();
    Client::connect(&Profile::load(&path).unwrap())
        .await
        .unwrap()
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
