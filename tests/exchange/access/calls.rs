//! Every call of the client port, by every role: let in as the table says, or refused by its reason.

use std::{collections::BTreeMap, time::Duration};

use comity::{
    access::{Action, Principal, PrincipalKind, Role, Table, decide},
    home::CERTIFICATE_LIFE,
    node::system_clock,
    rpc::tls::connect_client,
};
use prost::bytes::{Buf as _, BufMut as _};
use prost_reflect::{DescriptorPool, MethodDescriptor};
use tonic::{
    Code, Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
    codegen::http::uri::PathAndQuery,
    transport::Channel,
};

use crate::support::{Country, ledger_bodies, refusal_of};

/// The action of each call. A new call is named here, or the test fails.
const CALLS: &[(&str, Action)] = &[
    ("StateCustody", Action::StateCustody),
    ("ShowCustody", Action::Read),
    ("ExportEvidence", Action::ExportCourt),
    ("SubmitRecord", Action::Submit),
    ("SubmitRecords", Action::Submit),
    ("GetRecord", Action::Read),
    ("ListRecords", Action::List),
    ("WatchRecords", Action::Watch),
    ("ListReceipts", Action::Track),
    ("Search", Action::Search),
    ("ListRelated", Action::Correlate),
    ("PreviewSharing", Action::Preview),
    ("GetSharing", Action::Track),
    ("ListAgreements", Action::SeeAgreements),
    ("ReloadAgreements", Action::ReloadAgreements),
    ("RecallRecords", Action::Recall),
    ("GetRecallStatus", Action::Track),
    ("SetHold", Action::Hold),
    ("ReleaseHold", Action::Hold),
    ("ListHolds", Action::Hold),
    ("ShredRecords", Action::Shred),
    ("ListApprovals", Action::SeeApprovals),
    ("Approve", Action::Approve),
    ("GetPermissions", Action::SeePermissions),
    ("ProposePermissions", Action::ChangePermissions),
    ("ExplainDecision", Action::SeePermissions),
    ("GetApproval", Action::SeeApprovals),
    ("RequestApproval", Action::RequestApproval),
    ("RefuseApproval", Action::Approve),
    ("RequestConsent", Action::RequestConsent),
    ("ListConsents", Action::List),
    ("ListPassedOn", Action::List),
    ("AnswerConsent", Action::AnswerConsent),
    ("ExportRecord", Action::ExportCourt),
    ("PassOn", Action::ShareOnward),
    ("CheckEvidence", Action::RequestEvidence),
    ("RequestEvidence", Action::RequestEvidence),
    // Of a reference that is not of the own country; of an own request the issuing side's action.
    ("TakeEvidenceStep", Action::ExecuteEvidence),
    ("ListEvidence", Action::List),
    ("GetEvidence", Action::Read),
    ("UploadItem", Action::UploadEvidence),
    ("DownloadItem", Action::DownloadEvidence),
    ("ListItems", Action::Track),
    ("Ingest", Action::Ingest),
    ("ReplyToRecord", Action::Reply),
    ("AcknowledgeRecord", Action::Acknowledge),
    ("AssignRecord", Action::Assign),
    ("ListCharges", Action::Track),
    ("ListDue", Action::List),
    ("ListJointCases", Action::List),
    ("GetJointCase", Action::Read),
    ("ListJointCaseEvents", Action::Read),
    ("ChangeMembers", Action::Amend),
    ("ListLeaves", Action::SeeLedger),
    ("ListActsOnRecord", Action::SeeLedger),
    ("ListActsOfPerson", Action::SeeLedger),
    ("MakeReport", Action::SeeLedger),
    ("ScanForSubject", Action::AnswerDataSubject),
    ("ProveRecord", Action::SeeLedger),
    ("ProveConsistency", Action::SeeLedger),
    ("ExportLedger", Action::SeeLedger),
    ("ImportCard", Action::ImportCard),
    ("ListCards", Action::SeeCards),
    ("GetStatus", Action::Status),
    ("ExportTable", Action::ExportTable),
    ("ExportRecords", Action::Export),
    ("AggregateCases", Action::ExportTable),
    ("Offboard", Action::Offboard),
];

/// The call that asks no row: whoever is let in renews the own certificate.
const OWN: &str = "RenewCertificate";

/// Messages as their bytes.
#[derive(Clone, Copy)]
struct Raw;

impl Codec for Raw {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, to: &mut EncodeBuf<'_>) -> Result<(), Status> {
        to.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining()).to_vec()))
    }
}

/// A connection of a principal with one role, or of an officer without any.
async fn connected(at: &Country, role: Option<Role>) -> (Principal, Channel) {
    let home = at.home();
    let kind = role.map_or(PrincipalKind::Officer, Role::kind);
    let name = role.map_or("without-role", Role::as_str);
    let principal = Principal::new(home.country(), kind, name)
        .unwrap()
        .with_authority(Some("national-police"))
        .unwrap()
        .with_roles(role.into_iter().collect())
        .unwrap();
    let issued = home
        .issue_client(principal.clone(), CERTIFICATE_LIFE, system_clock()())
        .unwrap();
    let own = comity::home::TlsMaterial::from_pem(&issued.certificate_pem, &issued.key_pem);
    let channel = connect_client(
        &home.config().client_listen.to_string().parse().unwrap(),
        home.country(),
        &home.own_card().issuing_ca_der,
        &own.unwrap(),
        Duration::from_secs(10),
    )
    .await
    .unwrap();
    (principal, channel)
}

/// Makes a call with an empty request; how it ended, or that something came back.
async fn call(channel: &Channel, method: &MethodDescriptor) -> Result<(), Status> {
    let mut grpc = Grpc::new(channel.clone());
    grpc.ready().await.unwrap();
    let service = method.parent_service().full_name().to_owned();
    let path: PathAndQuery = format!("/{service}/{}", method.name()).parse().unwrap();
    let once = tokio_stream::once(Vec::new());
    let answers = grpc.streaming(Request::new(once), path, Raw).await?;
    if method.name() == "WatchRecords" {
        // It has no end.
        return Ok(());
    }
    answers.into_inner().message().await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_lets_in_whom_the_table_lets_in() {
    let mut at = Country::set_up("TJ");
    at.start().await;
    let pool = include_bytes!(concat!(env!("OUT_DIR"), "/comity.fds"));
    let pool = DescriptorPool::decode(pool.as_ref()).unwrap();
    let methods: Vec<_> = pool
        .services()
        .filter(|service| service.parent_file().package_name() == "comity.node.v1")
        .flat_map(|service| service.methods().collect::<Vec<_>>())
        .collect();
    let actions: BTreeMap<&str, Action> = CALLS.iter().copied().collect();
    assert!(methods.iter().any(|method| method.name() == OWN));
    assert_eq!(actions.len() + 1, methods.len(), "each call has its action");
    let table = Table::default();
    let mut refusals = 0;
    let roles = Role::ALL.into_iter().map(Some).chain([None]);
    for role in roles {
        let (principal, channel) = connected(&at, role).await;
        for method in &methods {
            if method.name() == OWN {
                assert!(call(&channel, method).await.is_ok(), "{role:?}");
                continue;
            }
            let action = actions[method.name()];
            let allowed = decide(&principal, action, None, &table).is_allowed();
            let refused = call(&channel, method).await.err();
            let denied = refused
                .as_ref()
                .is_some_and(|status| status.code() == Code::PermissionDenied);
            assert_eq!(denied, !allowed, "{role:?} {}: {refused:?}", method.name());
            if let Some(status) = refused.filter(|_| denied) {
                refusals += 1;
                assert_eq!(refusal_of(&status), "ACCESS_DENIED");
                let word = format!("may not `{action}`");
                assert!(status.message().contains(&word), "{status}");
            }
        }
    }
    // Everything that was refused is in the ledger, summed up.
    at.restart().await;
    let bodies = ledger_bodies(&at).await;
    let sums = bodies
        .iter()
        .filter(|leaf| leaf.detail.starts_with("refused"));
    let counted: u64 = sums.map(|leaf| leaf.count).sum();
    assert_eq!(counted, refusals);
    let operator = "TJ/operator/operator";
    let reads = bodies
        .iter()
        .find(|leaf| leaf.actor == operator && leaf.detail == "refused-read");
    let reads = reads.unwrap();
    assert!(reads.from.starts_with("127.0.0.1:"), "{reads:?}");
    assert_eq!(reads.purpose, "no role allows `read`");
}

/// A million attempts cost the ledger next to nothing.
#[tokio::test(flavor = "multi_thread")]
async fn refused_attempts_cannot_flood_the_ledger() {
    use comity::access::{Caller, act};
    let mut at = Country::set_up("TJ");
    at.start().await;
    let size = |at: &Country| {
        let files = std::fs::read_dir(at.layout().journal()).unwrap();
        let sizes = files.map(|file| file.unwrap().metadata().unwrap().len());
        sizes.sum::<u64>()
    };
    let before = at.node().ledger_size().unwrap();
    for attempt in 0..1_000_000_u32 {
        // A thousand names, so that their number cannot do it either.
        let name = format!("attacker-{}", attempt % 1000);
        let country = at.node().country();
        let caller = Caller {
            principal: Principal::new(country, PrincipalKind::Officer, &name).unwrap(),
            from: "127.0.0.1:1".to_owned(),
        };
        assert!(at.node().enter::<act::Read>(caller).is_err());
    }
    at.stop().await;
    at.start().await;
    let leaves = at.node().ledger_size().unwrap() - before;
    assert!(leaves < 300, "{leaves} leaves");
    assert!(size(&at) < 10 << 20);
    let bodies = ledger_bodies(&at).await;
    let sums = bodies
        .iter()
        .filter(|leaf| leaf.detail.starts_with("refused"));
    assert_eq!(sums.map(|leaf| leaf.count).sum::<u64>(), 1_000_000);
}
