//! Services of the client port: each a thin translation between messages and use cases.

mod access;
mod audit;
mod bundles;
mod cards;
mod consents;
mod enrolment;
mod evidence;
mod feeds;
mod formats;
mod items;
mod joint_cases;
mod life;
mod records;
mod search;
mod sharing;
mod status;
mod threads;
mod trends;

use tonic::{Code, Request, Status, service::Routes};

use std::sync::Arc;

use crate::{
    access::{Permit, Purpose, Verb},
    node::{Node, read::ReadError},
    record::Reference,
    wire::node::{
        access_service_server::AccessServiceServer, audit_service_server::AuditServiceServer,
        bundle_service_server::BundleServiceServer, card_service_server::CardServiceServer,
        consent_service_server::ConsentServiceServer, custody_service_server::CustodyServiceServer,
        enrolment_service_server::EnrolmentServiceServer,
        evidence_service_server::EvidenceServiceServer, feed_service_server::FeedServiceServer,
        format_service_server::FormatServiceServer, item_service_server::ItemServiceServer,
        joint_case_service_server::JointCaseServiceServer, life_service_server::LifeServiceServer,
        record_service_server::RecordServiceServer, search_service_server::SearchServiceServer,
        sharing_service_server::SharingServiceServer, status_service_server::StatusServiceServer,
        thread_service_server::ThreadServiceServer, trend_service_server::TrendServiceServer,
    },
};

use super::tls::caller_of;
use super::{admission::Admission, server::NodeTls, status::Refusal};

/// Largest request message: a record and its envelope around it.
const MAX_REQUEST_BYTES: usize = crate::record::MAX_RECORD_BYTES + 64 * 1024;

/// Largest message of an upload or a download: a chunk with its path.
const MAX_CHUNK_BYTES: usize = crate::crypto::chunks::MAX_CHUNK as usize + 64 * 1024;

/// Every service of the client port; `ports` is what is used of the node's ports.
pub(super) fn routes(node: &Arc<Node>, tls: &Arc<NodeTls>, ports: [Arc<Admission>; 2]) -> Routes {
    Routes::new(
        RecordServiceServer::new(records::Records::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        SharingServiceServer::new(sharing::Sharing::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        SearchServiceServer::new(search::Search::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        JointCaseServiceServer::new(joint_cases::JointCases::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        LifeServiceServer::new(life::Life::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        ConsentServiceServer::new(consents::Consents::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        EvidenceServiceServer::new(evidence::Evidence::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        CustodyServiceServer::new(bundles::Bundles::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        BundleServiceServer::new(bundles::Bundles::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        ThreadServiceServer::new(threads::Threads::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        AccessServiceServer::new(access::Permissions::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        AuditServiceServer::new(audit::Audit::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        CardServiceServer::new(cards::Cards::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        EnrolmentServiceServer::new(enrolment::Renewals::new(Arc::clone(node), tls))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        ItemServiceServer::new(items::Items::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_CHUNK_BYTES)
            .max_encoding_message_size(MAX_CHUNK_BYTES),
    )
    .add_service(
        StatusServiceServer::new(status::NodeStatus::new(
            Arc::clone(node),
            Arc::clone(tls),
            ports,
        ))
        .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        FeedServiceServer::new(feeds::Feeds::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        TrendServiceServer::new(trends::Trends::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
    .add_service(
        FormatServiceServer::new(formats::Formats::new(Arc::clone(node)))
            .max_decoding_message_size(MAX_REQUEST_BYTES),
    )
}

/// A reference as typed.
fn reference(typed: &str) -> Result<Reference, Status> {
    typed.parse().map_err(refuse)
}

/// Lets a request in if the permissions allow its caller the action. Every call begins here.
///
/// # Errors
/// `UNAUTHENTICATED` when the request did not come over the client port; `PERMISSION_DENIED` with what
/// is missing.
fn enter<A: Verb, T>(node: &Node, request: Request<T>) -> Result<(Permit<A>, T), Status> {
    let caller = caller_of(&request)?;
    let permit = node.enter::<A>(caller).map_err(refuse)?;
    Ok((permit, request.into_inner()))
}

/// As [`enter`], of a call that names a record.
///
/// # Errors
/// As [`enter`].
fn enter_about<A: Verb, T>(
    node: &Node,
    request: Request<T>,
    named: impl FnOnce(&T) -> &str,
) -> Result<(Permit<A>, T), Status> {
    let caller = caller_of(&request)?;
    let request = request.into_inner();
    // One that is none is refused when its turn comes.
    let reference: Option<Reference> = named(&request).parse().ok();
    let permit = node.enter_about::<A>(caller, reference.as_ref());
    Ok((permit.map_err(refuse)?, request))
}

/// The purpose that a request states; `None` when it states none.
fn purpose(code: i32, case: &str) -> Result<Option<Purpose>, Status> {
    Purpose::given(code, case)
        .map_err(ReadError::from)
        .map_err(refuse)
}

fn refuse(error: impl Into<Refusal>) -> Status {
    error.into().into()
}

/// A page token is a number in text: where the page before ended.
fn page_token(token: &str) -> Result<Option<u64>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    token.parse().map(Some).map_err(|_| {
        refuse(Refusal::new(
            Code::InvalidArgument,
            "PAGE_TOKEN_INVALID",
            "the page token is not one this node gave; begin again without it",
        ))
    })
}
