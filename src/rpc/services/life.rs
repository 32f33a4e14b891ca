//! The life of records for clients: recalls, holds, and what needs two persons.

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};

use crate::{
    access::{Guarded, act},
    node::{
        Node,
        approvals::{LeaveRequest, MAX_OPENED_TOGETHER, TableScope},
        holds::HoldError,
        steps::{Filter, Outcome, RecallError, Recalled},
    },
    record::{Moment, Reference, UnknownCountry},
    rpc::{
        services::{enter, enter_about, purpose, refuse},
        status::Refusal,
    },
    wire::node::{
        ApproveRequest, ApproveResponse, GetApprovalRequest, GetApprovalResponse,
        GetRecallStatusRequest, GetRecallStatusResponse, ListApprovalsRequest,
        ListApprovalsResponse, ListHoldsRequest, ListHoldsResponse, RecallRecordsRequest,
        RecallRecordsResponse, RecalledRecord, RefuseApprovalRequest, RefuseApprovalResponse,
        ReleaseHoldRequest, ReleaseHoldResponse, RequestApprovalRequest, RequestApprovalResponse,
        SetHoldRequest, SetHoldResponse, ShredRecordsRequest, ShredRecordsResponse,
        life_service_server::LifeService,
    },
};

pub(super) struct Life {
    node: Arc<Node>,
}

impl Life {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl LifeService for Life {
    async fn recall_records(
        &self,
        request: Request<RecallRecordsRequest>,
    ) -> Result<Response<RecallRecordsResponse>, Status> {
        let (permit, request) = enter::<act::Recall, _>(&self.node, request)?;
        let references = parse(&request.references)?;
        let filter = request.filter.map(|filter| Filter {
            from: Moment::from_micros(filter.from_us),
            until: Moment::from_micros(match filter.until_us {
                0 => i64::MAX,
                until => until,
            }),
            kind: filter.kind,
        });
        let outcome = self
            .node
            .recall(references, filter, request.reason, request.note, permit)
            .await
            .map_err(refuse)?;
        Ok(Response::new(match outcome {
            Outcome::Recalled(recalled) => RecallRecordsResponse {
                records: u64::try_from(recalled.len()).unwrap_or(u64::MAX),
                recalled: shown(&recalled),
                approval_id: String::new(),
            },
            Outcome::NeedsApproval { id, records } => RecallRecordsResponse {
                recalled: Vec::new(),
                approval_id: id,
                records: u64::try_from(records).unwrap_or(u64::MAX),
            },
        }))
    }

    async fn get_recall_status(
        &self,
        request: Request<GetRecallStatusRequest>,
    ) -> Result<Response<GetRecallStatusResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Track, _>(&self.node, request, |of| &of.reference)?;
        let reference: Reference = request.reference.parse().map_err(refuse)?;
        let versions = self
            .node
            .recall_status(reference, permit)
            .await
            .map_err(refuse)?;
        Ok(Response::new(GetRecallStatusResponse { versions }))
    }

    async fn set_hold(
        &self,
        request: Request<SetHoldRequest>,
    ) -> Result<Response<SetHoldResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Hold, _>(&self.node, request, |of| &of.reference)?;
        let reference: Reference = request.reference.parse().map_err(refuse)?;
        self.node
            .hold(reference, Some(request.ground), permit)
            .await
            .map_err(refuse)?;
        Ok(Response::new(SetHoldResponse {}))
    }

    async fn release_hold(
        &self,
        request: Request<ReleaseHoldRequest>,
    ) -> Result<Response<ReleaseHoldResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Hold, _>(&self.node, request, |of| &of.reference)?;
        let reference: Reference = request.reference.parse().map_err(refuse)?;
        self.node
            .hold(reference, None, permit)
            .await
            .map_err(refuse)?;
        Ok(Response::new(ReleaseHoldResponse {}))
    }

    async fn list_holds(
        &self,
        request: Request<ListHoldsRequest>,
    ) -> Result<Response<ListHoldsResponse>, Status> {
        let (permit, _) = enter::<act::Hold, _>(&self.node, request)?;
        let holds = self.node.holds(permit).await.map_err(refuse)?;
        Ok(Response::new(ListHoldsResponse { holds }))
    }

    async fn shred_records(
        &self,
        request: Request<ShredRecordsRequest>,
    ) -> Result<Response<ShredRecordsResponse>, Status> {
        let (permit, request) = enter::<act::Shred, _>(&self.node, request)?;
        let references = parse(&request.references)?;
        let asked = self.node.hasten(references, permit).await.map_err(refuse)?;
        Ok(Response::new(ShredRecordsResponse {
            approval_id: asked.unwrap_or_default(),
        }))
    }

    async fn list_approvals(
        &self,
        request: Request<ListApprovalsRequest>,
    ) -> Result<Response<ListApprovalsResponse>, Status> {
        let (permit, _) = enter::<act::SeeApprovals, _>(&self.node, request)?;
        let approvals = self.node.approvals(&permit).await.map_err(refuse)?;
        Ok(Response::new(ListApprovalsResponse { approvals }))
    }

    async fn get_approval(
        &self,
        request: Request<GetApprovalRequest>,
    ) -> Result<Response<GetApprovalResponse>, Status> {
        let (permit, request) = enter::<act::SeeApprovals, _>(&self.node, request)?;
        let approval = self.node.approval(&request.id, &permit).await;
        Ok(Response::new(GetApprovalResponse {
            approval: Some(approval.map_err(refuse)?),
        }))
    }

    async fn request_approval(
        &self,
        request: Request<RequestApprovalRequest>,
    ) -> Result<Response<RequestApprovalResponse>, Status> {
        let (permit, request) = enter::<act::RequestApproval, _>(&self.node, request)?;
        let wanted = wanted(request)?;
        let asked = self.node.request_leave(&permit, wanted).await;
        let asked = asked.map_err(refuse)?;
        Ok(Response::new(RequestApprovalResponse {
            id: asked.id,
            expires_us: asked.expires_us,
        }))
    }

    async fn approve(
        &self,
        request: Request<ApproveRequest>,
    ) -> Result<Response<ApproveResponse>, Status> {
        let (permit, request) = enter::<act::Approve, _>(&self.node, request)?;
        let approved = self.node.approve(&request.id, &permit).await;
        let approved = approved.map_err(refuse)?;
        Ok(Response::new(ApproveResponse {
            recalled: shown(&approved.recalled),
            approval: Some(approved.approval),
        }))
    }

    async fn refuse_approval(
        &self,
        request: Request<RefuseApprovalRequest>,
    ) -> Result<Response<RefuseApprovalResponse>, Status> {
        let (permit, request) = enter::<act::Approve, _>(&self.node, request)?;
        let refused = self.node.refuse(&request.id, &request.reason, &permit);
        refused.await.map_err(refuse)?;
        Ok(Response::new(RefuseApprovalResponse {}))
    }
}

/// What a request asks leave for.
fn wanted(request: RequestApprovalRequest) -> Result<LeaveRequest, Status> {
    let invalid = |message: String| {
        refuse(Refusal::new(
            Code::InvalidArgument,
            "APPROVAL_INVALID",
            message,
        ))
    };
    let guarded = Guarded::named(&request.act).ok_or_else(|| {
        invalid(format!(
            "the act is none of those that need two persons: {}",
            Guarded::words()
        ))
    })?;
    if request.references.len() > MAX_OPENED_TOGETHER {
        return Err(invalid(format!(
            "one request names {MAX_OPENED_TOGETHER} records at most"
        )));
    }
    let table = match request.table {
        None => None,
        Some(table) => Some(TableScope {
            indicator: table.indicator(),
            dimension: table.dimension(),
            country: table
                .country
                .trim()
                .to_uppercase()
                .parse()
                .map_err(|fault: UnknownCountry| invalid(fault.to_string()))?,
        }),
    };
    Ok(LeaveRequest {
        guarded,
        references: parse(&request.references)?,
        purpose: purpose(request.reading_purpose, &request.case_reference)?,
        note: request.note,
        beneficiary: request.beneficiary,
        records: request.records,
        table,
        query: request.query,
    })
}

fn parse(references: &[String]) -> Result<Vec<Reference>, Status> {
    references
        .iter()
        .map(|typed| typed.parse().map_err(refuse))
        .collect()
}

fn shown(recalled: &[Recalled]) -> Vec<RecalledRecord> {
    recalled
        .iter()
        .map(|one| RecalledRecord {
            reference: one.reference.to_string(),
            recall: one.recall.to_string(),
        })
        .collect()
}

impl From<RecallError> for Refusal {
    fn from(error: RecallError) -> Self {
        let (code, reason) = match &error {
            RecallError::Record(_) | RecallError::Submit(_) | RecallError::Approval(_) => {
                return match error {
                    RecallError::Approval(error) => (*error).into(),
                    RecallError::Record(error) => error.into(),
                    RecallError::Submit(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
            RecallError::Foreign(_) => (Code::PermissionDenied, "RECALL_OF_ANOTHERS_RECORD"),
            RecallError::Step(_) => (Code::InvalidArgument, "RECALL_OF_STEP"),
            RecallError::Nothing => (Code::InvalidArgument, "NOTHING_MEANT"),
            RecallError::TooMany => (Code::InvalidArgument, "TOO_MANY_RECORDS"),
            RecallError::NotLocked(_) => (Code::FailedPrecondition, "RECORD_NOT_LOCKED"),
            RecallError::Reason => (Code::InvalidArgument, "REASON_MISSING"),
        };
        Self::new(code, reason, error.to_string())
    }
}

impl From<HoldError> for Refusal {
    fn from(error: HoldError) -> Self {
        let (code, reason) = match &error {
            HoldError::Record(_) => {
                return match error {
                    HoldError::Record(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
            HoldError::Ground => (Code::InvalidArgument, "GROUND_INVALID"),
            HoldError::State { .. } => (Code::FailedPrecondition, "HOLD_STATE"),
        };
        Self::new(code, reason, error.to_string())
    }
}
