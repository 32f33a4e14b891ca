//! Replies, charges and what is due, for clients.

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    node::{
        Node,
        charges::ChargeFor,
        due,
        read::MAX_PAGE,
        replies::{ReplyContent, ReplyError, ReplyOrder},
    },
    record::{Country, Reference},
    rpc::{
        services::{enter, enter_about, refuse},
        status::Refusal,
    },
    wire::node::{
        AcknowledgeRecordRequest, AcknowledgeRecordResponse, AssignRecordRequest,
        AssignRecordResponse, ListChargesRequest, ListChargesResponse, ListDueRequest,
        ListDueResponse, ReplyToRecordRequest, ReplyToRecordResponse,
        thread_service_server::ThreadService,
    },
};

/// Page size when the client names none.
const DEFAULT_PAGE: usize = 50;

pub(super) struct Threads {
    node: Arc<Node>,
}

impl Threads {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl ThreadService for Threads {
    async fn reply_to_record(
        &self,
        request: Request<ReplyToRecordRequest>,
    ) -> Result<Response<ReplyToRecordResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Reply, _>(&self.node, request, |of| &of.reference)?;
        let reference: Reference = request.reference.parse().map_err(refuse)?;
        let countries = request
            .countries
            .iter()
            .map(|code| code.parse::<Country>())
            .collect::<Result<_, _>>()
            .map_err(|error| {
                refuse(Refusal::new(
                    Code::InvalidArgument,
                    "COUNTRY_UNKNOWN",
                    error.to_string(),
                ))
            })?;
        let content = match (request.record, request.text.is_empty()) {
            (Some(record), true) => ReplyContent::Record(Box::new(record)),
            (None, false) => ReplyContent::Text {
                text: request.text,
                title: request.title,
                language: request.language,
                urgency: request.urgency,
            },
            _ => return Err(refuse(ReplyError::Content)),
        };
        let order = ReplyOrder {
            reference,
            content,
            countries,
            authority: request.authority,
            key: request.idempotency_key,
        };
        let replied = self.node.reply(permit, order).await.map_err(refuse)?;
        let left_out = replied.left_out.iter();
        Ok(Response::new(ReplyToRecordResponse {
            reference: replied.accepted.reference.to_string(),
            follows: replied.follows,
            countries: replied.countries,
            left_out: left_out.map(|country| country.code().to_owned()).collect(),
            repeated: replied.accepted.repeated,
        }))
    }

    async fn acknowledge_record(
        &self,
        request: Request<AcknowledgeRecordRequest>,
    ) -> Result<Response<AcknowledgeRecordResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Acknowledge, _>(&self.node, request, |of| &of.reference)?;
        let reference: Reference = request.reference.parse().map_err(refuse)?;
        let meant = ChargeFor {
            authority: request.authority,
            note: request.note,
        };
        let charged = self.node.acknowledge(reference, meant, permit).await;
        let charged = charged.map_err(refuse)?;
        Ok(Response::new(AcknowledgeRecordResponse {
            reference: charged.reference,
            charge: Some(charged.state),
            repeated: charged.repeated,
        }))
    }

    async fn assign_record(
        &self,
        request: Request<AssignRecordRequest>,
    ) -> Result<Response<AssignRecordResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Assign, _>(&self.node, request, |of| &of.reference)?;
        let reference: Reference = request.reference.parse().map_err(refuse)?;
        let meant = ChargeFor {
            authority: request.authority,
            note: request.note,
        };
        let charged = self
            .node
            .assign(reference, &request.officer, meant, permit)
            .await
            .map_err(refuse)?;
        Ok(Response::new(AssignRecordResponse {
            reference: charged.reference,
            charge: Some(charged.state),
            repeated: charged.repeated,
        }))
    }

    async fn list_charges(
        &self,
        request: Request<ListChargesRequest>,
    ) -> Result<Response<ListChargesResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Track, _>(&self.node, request, |of| &of.reference)?;
        let reference: Reference = request.reference.parse().map_err(refuse)?;
        let steps = self
            .node
            .charge_steps(reference, permit)
            .await
            .map_err(refuse)?;
        Ok(Response::new(ListChargesResponse { steps }))
    }

    async fn list_due(
        &self,
        request: Request<ListDueRequest>,
    ) -> Result<Response<ListDueResponse>, Status> {
        let (permit, request) = enter::<act::List, _>(&self.node, request)?;
        let after = due::after(&request.page_token).map_err(|_| {
            refuse(Refusal::new(
                Code::InvalidArgument,
                "PAGE_TOKEN_INVALID",
                "the page token is not one this node gave; begin again without it",
            ))
        })?;
        let limit = match usize::try_from(request.page_size) {
            Ok(0) | Err(_) => DEFAULT_PAGE,
            Ok(limit) => limit.min(MAX_PAGE),
        };
        let (records, next) = self
            .node
            .list_due(request.overdue, after, limit, permit)
            .await
            .map_err(refuse)?;
        Ok(Response::new(ListDueResponse {
            records,
            next_page_token: next
                .map(|(due, number)| format!("{due}.{number}"))
                .unwrap_or_default(),
        }))
    }
}
