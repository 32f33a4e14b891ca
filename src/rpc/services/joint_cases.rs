//! Joint cases, for clients.

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    node::{
        Node,
        joint::{CaseTag, ChangeOrder, ShareOrder},
        read::{MAX_PAGE, Reading},
    },
    rpc::{
        services::{enter, enter_about, page_token, purpose, reference, refuse},
        status::Refusal,
    },
    wire::node::{
        ChangeMembersRequest, ChangeMembersResponse, GetJointCaseRequest, GetJointCaseResponse,
        ListJointCaseEventsRequest, ListJointCaseEventsResponse, ListJointCasesRequest,
        ListJointCasesResponse, ShareCaseRecordsRequest, ShareCaseRecordsResponse,
        joint_case_service_server::JointCaseService,
    },
};

/// Page size when the client names none.
const DEFAULT_PAGE: usize = 50;

pub(super) struct JointCases {
    node: Arc<Node>,
}

impl JointCases {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

fn page_size(size: u32) -> usize {
    match usize::try_from(size) {
        Ok(0) | Err(_) => DEFAULT_PAGE,
        Ok(limit) => limit.min(MAX_PAGE),
    }
}

/// A page of joint cases ends with the tag of its last, in hexadecimal.
fn case_token(token: &str) -> Result<Option<CaseTag>, Status> {
    if token.is_empty() {
        return Ok(None);
    }
    let tag = hex::decode(token).ok().and_then(|tag| tag.try_into().ok());
    tag.map(Some).ok_or_else(|| {
        refuse(Refusal::new(
            Code::InvalidArgument,
            "PAGE_TOKEN_INVALID",
            "the page token is not one this node gave; begin again without it",
        ))
    })
}

#[tonic::async_trait]
impl JointCaseService for JointCases {
    async fn list_joint_cases(
        &self,
        request: Request<ListJointCasesRequest>,
    ) -> Result<Response<ListJointCasesResponse>, Status> {
        let (permit, request) = enter::<act::List, _>(&self.node, request)?;
        let after = case_token(&request.page_token)?;
        let limit = page_size(request.page_size);
        let listed = self.node.list_joint_cases(after, limit, permit).await;
        let (joint_cases, next) = listed.map_err(refuse)?;
        Ok(Response::new(ListJointCasesResponse {
            joint_cases,
            next_page_token: next.map(hex::encode).unwrap_or_default(),
        }))
    }

    async fn get_joint_case(
        &self,
        request: Request<GetJointCaseRequest>,
    ) -> Result<Response<GetJointCaseResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Read, _>(&self.node, request, |of| &of.reference)?;
        let purpose = purpose(request.reading_purpose, &request.case_reference)?;
        let reading = Reading::of(reference(&request.reference)?, purpose);
        let case = self.node.joint_case(reading, permit).await;
        let case = case.map_err(refuse)?;
        Ok(Response::new(GetJointCaseResponse {
            summary: Some(case.summary),
            joint_case: Some(case.joint_case),
            members: case.members,
            header_digest: case.digest,
        }))
    }

    async fn list_joint_case_events(
        &self,
        request: Request<ListJointCaseEventsRequest>,
    ) -> Result<Response<ListJointCaseEventsResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Read, _>(&self.node, request, |of| &of.reference)?;
        let reference = reference(&request.reference)?;
        let after = page_token(&request.page_token)?.unwrap_or(0);
        let limit = page_size(request.page_size);
        let listed = self
            .node
            .joint_case_events(reference, after, limit, permit)
            .await;
        let (events, next) = listed.map_err(refuse)?;
        Ok(Response::new(ListJointCaseEventsResponse {
            events,
            next_page_token: next.map(|of| of.to_string()).unwrap_or_default(),
        }))
    }

    async fn change_members(
        &self,
        request: Request<ChangeMembersRequest>,
    ) -> Result<Response<ChangeMembersResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Amend, _>(&self.node, request, |of| &of.reference)?;
        let order = ChangeOrder {
            reference: reference(&request.reference)?,
            add: request.add,
            end: request.end,
            key: request.idempotency_key,
        };
        if order.add.is_empty() && order.end.is_empty() {
            return Err(refuse(Refusal::new(
                Code::InvalidArgument,
                "FIELD_MISSING",
                "`add` and `end` are empty: nobody joins and nobody leaves",
            )));
        }
        let changed = self.node.change_members(permit, order).await;
        let changed = changed.map_err(refuse)?;
        Ok(Response::new(ChangeMembersResponse {
            reference: changed.reference.to_string(),
            edition: changed.edition,
            repeated: changed.repeated,
        }))
    }

    async fn share_case_records(
        &self,
        request: Request<ShareCaseRecordsRequest>,
    ) -> Result<Response<ShareCaseRecordsResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Amend, _>(&self.node, request, |of| &of.reference)?;
        let country = request.country.parse().map_err(|error| {
            refuse(Refusal::new(
                Code::InvalidArgument,
                "COUNTRY_UNKNOWN",
                format!("`country`: {error}"),
            ))
        })?;
        let records: Result<Vec<_>, Status> =
            request.records.iter().map(|of| reference(of)).collect();
        let order = ShareOrder {
            reference: reference(&request.reference)?,
            country,
            records: records?,
            meetings: request.meetings,
            dry_run: request.dry_run,
            after: page_token(&request.page_token)?.unwrap_or(0),
            limit: page_size(request.page_size),
        };
        let shared = self.node.share_case_records(permit, order).await;
        let (records, next) = shared.map_err(refuse)?;
        Ok(Response::new(ShareCaseRecordsResponse {
            records,
            next_page_token: next.map(|of| of.to_string()).unwrap_or_default(),
        }))
    }
}
