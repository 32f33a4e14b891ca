//! The ledger for clients.

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    node::{
        Node, NodeError,
        audit::{ActsError, ActsOf, MAX_ACTS, MAX_LEAVES},
    },
    rpc::{
        services::{enter, page_token, reference, refuse},
        status::Refusal,
    },
    wire::node::{
        ExportLedgerRequest, ExportLedgerResponse, ListActsOfPersonRequest,
        ListActsOfPersonResponse, ListActsOnRecordRequest, ListActsOnRecordResponse,
        ListLeavesRequest, ListLeavesResponse, MakeReportRequest, MakeReportResponse,
        ProveConsistencyRequest, ProveConsistencyResponse, ProveRecordRequest, ProveRecordResponse,
        audit_service_server::AuditService, export_ledger_response::Line,
    },
};

/// Leaves when the client names no page size.
const DEFAULT_PAGE: u64 = 50;
/// Acts when the client names no page size.
const DEFAULT_ACTS: usize = 50;
/// Lines an export reads ahead of its client.
const EXPORT_AHEAD: usize = 256;

pub(super) struct Audit {
    node: Arc<Node>,
}

impl Audit {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl AuditService for Audit {
    async fn list_leaves(
        &self,
        request: Request<ListLeavesRequest>,
    ) -> Result<Response<ListLeavesResponse>, Status> {
        let (permit, request) = enter::<act::SeeLedger, _>(&self.node, request)?;
        let limit = match u64::from(request.page_size) {
            0 => DEFAULT_PAGE,
            limit => limit.min(MAX_LEAVES),
        };
        let before = page_token(&request.page_token)?.unwrap_or(u64::MAX);
        let leaves = self.node.leaves(&permit, before, limit).await;
        let leaves = leaves.map_err(refuse)?;
        let next_page_token = match leaves.last() {
            Some(oldest) if oldest.index > 0 => oldest.index.to_string(),
            _ => String::new(),
        };
        Ok(Response::new(ListLeavesResponse {
            leaves,
            next_page_token,
        }))
    }

    async fn prove_record(
        &self,
        request: Request<ProveRecordRequest>,
    ) -> Result<Response<ProveRecordResponse>, Status> {
        let (permit, request) = enter::<act::SeeLedger, _>(&self.node, request)?;
        let reference = reference(&request.reference)?;
        let proof = self.node.prove_for(&permit, &reference).await;
        Ok(Response::new(ProveRecordResponse {
            proof: Some(proof.map_err(refuse)?),
        }))
    }

    async fn prove_consistency(
        &self,
        request: Request<ProveConsistencyRequest>,
    ) -> Result<Response<ProveConsistencyResponse>, Status> {
        let (permit, request) = enter::<act::SeeLedger, _>(&self.node, request)?;
        let old = request.old_size;
        let node = Arc::clone(&self.node);
        let proof = off_the_runtime(move || node.prove_consistency(&permit, old))
            .await?
            .map_err(refuse)?
            .ok_or_else(|| {
                refuse(Refusal::new(
                    Code::OutOfRange,
                    "TREE_SMALLER",
                    format!("the ledger has fewer than {old} leaves; whoever claims more shows a forged checkpoint"),
                ))
            })?;
        Ok(Response::new(ProveConsistencyResponse {
            checkpoint: proof.checkpoint,
            path: proof.path,
        }))
    }

    async fn list_acts_on_record(
        &self,
        request: Request<ListActsOnRecordRequest>,
    ) -> Result<Response<ListActsOnRecordResponse>, Status> {
        let (permit, request) = enter::<act::SeeLedger, _>(&self.node, request)?;
        let reference = reference(&request.reference)?;
        let before = page_token(&request.page_token)?.unwrap_or(u64::MAX);
        let limit = page_size(request.page_size);
        let found = self.node.acts_on(&permit, reference, before, limit).await;
        let found = found.map_err(refuse)?;
        Ok(Response::new(ListActsOnRecordResponse {
            acts: found.acts,
            next_page_token: token(found.next),
        }))
    }

    async fn list_acts_of_person(
        &self,
        request: Request<ListActsOfPersonRequest>,
    ) -> Result<Response<ListActsOfPersonResponse>, Status> {
        let (permit, request) = enter::<act::SeeLedger, _>(&self.node, request)?;
        let before = page_token(&request.page_token)?.unwrap_or(u64::MAX);
        let limit = page_size(request.page_size);
        let of = ActsOf {
            person: request.person,
            from_us: request.from_us,
            to_us: request.to_us,
            from_local_day: request.from_local_day,
            to_local_day: request.to_local_day,
        };
        let unindexed = self.node.unindexed_leaves().map_err(refuse)?;
        let found = self.node.acts_of(&permit, of, before, limit).await;
        let (found, person) = found.map_err(refuse)?;
        Ok(Response::new(ListActsOfPersonResponse {
            acts: found.acts,
            next_page_token: token(found.next),
            person,
            unindexed,
        }))
    }

    async fn make_report(
        &self,
        request: Request<MakeReportRequest>,
    ) -> Result<Response<MakeReportResponse>, Status> {
        let (permit, request) = enter::<act::SeeLedger, _>(&self.node, request)?;
        let report = self.node.report(&permit, &request).await.map_err(refuse)?;
        Ok(Response::new(MakeReportResponse {
            report: Some(report),
        }))
    }

    type ExportLedgerStream =
        Pin<Box<dyn Stream<Item = Result<ExportLedgerResponse, Status>> + Send>>;

    async fn export_ledger(
        &self,
        request: Request<ExportLedgerRequest>,
    ) -> Result<Response<Self::ExportLedgerStream>, Status> {
        let (permit, _) = enter::<act::SeeLedger, _>(&self.node, request)?;
        self.node.exports_ledger(&permit).await.map_err(refuse)?;
        let (lines, stream) = mpsc::channel(EXPORT_AHEAD);
        let node = Arc::clone(&self.node);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = export(&node, &lines) {
                let _ = lines.blocking_send(Err(refuse(error)));
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

/// Acts of a page, as a request asks for it.
fn page_size(asked: u32) -> usize {
    match usize::try_from(asked) {
        Ok(0) | Err(_) => DEFAULT_ACTS,
        Ok(limit) => limit.min(MAX_ACTS),
    }
}

fn token(next: Option<u64>) -> String {
    next.map_or_else(String::new, |next| next.to_string())
}

impl From<ActsError> for Refusal {
    fn from(error: ActsError) -> Self {
        let (code, reason) = match error {
            ActsError::Record(error) => return error.into(),
            ActsError::Person => (Code::InvalidArgument, "PERSON_INVALID"),
            ActsError::Time => (Code::InvalidArgument, "TIME_INVALID"),
            ActsError::Busy => (Code::ResourceExhausted, "REPORT_BUSY"),
        };
        Self::new(code, reason, error.to_string())
    }
}

/// A checkpoint is signed, and a token takes as long as it takes.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Status> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| refuse(NodeError::Task))
}

/// Sends the checkpoint and its leaves; ends early when the client goes.
fn export(
    node: &Node,
    lines: &mpsc::Sender<Result<ExportLedgerResponse, Status>>,
) -> Result<(), NodeError> {
    let (checkpoint, note) = node.checkpoint()?;
    let send = |line| {
        lines
            .blocking_send(Ok(ExportLedgerResponse { line: Some(line) }))
            .is_ok()
    };
    if !send(Line::Checkpoint(note)) {
        return Ok(());
    }
    for index in 0..checkpoint.size {
        if let Some(leaf) = node.leaf(index)?
            && !send(Line::Leaf(leaf))
        {
            return Ok(());
        }
    }
    Ok(())
}
