//! The ledger for clients.

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    node::{Node, NodeError, audit::MAX_LEAVES},
    rpc::{
        services::{enter, page_token, reference, refuse},
        status::Refusal,
    },
    wire::node::{
        ExportLedgerRequest, ExportLedgerResponse, ListLeavesRequest, ListLeavesResponse,
        ProveConsistencyRequest, ProveConsistencyResponse, ProveRecordRequest, ProveRecordResponse,
        audit_service_server::AuditService, export_ledger_response::Line,
    },
};

/// Leaves when the client names no page size.
const DEFAULT_PAGE: u64 = 50;
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
        let leaves = self.node.leaves(&permit, before, limit).map_err(refuse)?;
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
        let node = Arc::clone(&self.node);
        let proof = off_the_runtime(move || node.prove_for(&permit, &reference)).await?;
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

    type ExportLedgerStream =
        Pin<Box<dyn Stream<Item = Result<ExportLedgerResponse, Status>> + Send>>;

    async fn export_ledger(
        &self,
        request: Request<ExportLedgerRequest>,
    ) -> Result<Response<Self::ExportLedgerStream>, Status> {
        let (_permit, _) = enter::<act::SeeLedger, _>(&self.node, request)?;
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
