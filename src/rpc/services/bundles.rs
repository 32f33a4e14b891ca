//! Custody of items and court bundles for clients.

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    evidence::custody::Weight,
    node::{
        Node,
        custody::{CustodyError, CustodyStatement, EvidenceExport, ItemCustody},
    },
    record::Moment,
    rpc::{
        services::{consents::labels, enter_about, items::item_id, purpose, reference, refuse},
        status::Refusal,
    },
    wire::{
        bundle::{BundleParts, BundledLedger},
        ledger::RecordProof,
        node::{
            CustodyChain, CustodyFinding, ExportEvidenceRequest, ExportEvidenceResponse,
            ShowCustodyRequest, ShowCustodyResponse, StateCustodyRequest, StateCustodyResponse,
            bundle_service_server::BundleService, custody_service_server::CustodyService,
            export_evidence_response::Part,
        },
    },
};
pub(super) struct Bundles {
    node: Arc<Node>,
}

impl Bundles {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl CustodyService for Bundles {
    async fn state_custody(
        &self,
        request: Request<StateCustodyRequest>,
    ) -> Result<Response<StateCustodyResponse>, Status> {
        let (permit, request) =
            enter_about::<act::StateCustody, _>(&self.node, request, |of| &of.reference)?;
        let order = CustodyStatement {
            reference: reference(&request.reference)?,
            item: item_id(&request.item)?,
            act: request.act(),
            at: request.at.as_ref().map(Moment::from),
            place: request.place,
            by: request.by,
            reason: request.reason,
        };
        let stated = self
            .node
            .state_custody(permit, order)
            .await
            .map_err(refuse)?;
        Ok(Response::new(StateCustodyResponse {
            number: stated.number,
            entry_digest: stated.digest.to_vec(),
        }))
    }

    async fn show_custody(
        &self,
        request: Request<ShowCustodyRequest>,
    ) -> Result<Response<ShowCustodyResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Read, _>(&self.node, request, |of| &of.reference)?;
        let why = purpose(request.purpose, &request.case_reference)?;
        let why = why.ok_or_else(|| {
            refuse(Refusal::new(
                Code::InvalidArgument,
                "PURPOSE_MISSING",
                "custody names persons and is shown for a purpose and a case",
            ))
        })?;
        let item = match request.item.as_slice() {
            [] => None,
            id => Some(item_id(id)?),
        };
        let about = reference(&request.reference)?;
        let shown = self
            .node
            .show_custody(permit, about, item, why, request.note);
        let shown = shown.await.map_err(refuse)?;
        Ok(Response::new(ShowCustodyResponse {
            chains: shown.items.into_iter().map(chain).collect(),
        }))
    }
}

fn chain(of: ItemCustody) -> CustodyChain {
    let findings = of.chain.findings().iter().map(|finding| CustodyFinding {
        reason: finding.name().to_owned(),
        says: finding.to_string(),
        breach: finding.weight() == Weight::Breach,
    });
    CustodyChain {
        findings: findings.collect(),
        entries: of
            .chain
            .hands()
            .iter()
            .map(|hand| hand.signed.clone())
            .collect(),
        item: of.item.id,
        name: of.item.name,
        refused: of.refused,
    }
}

#[tonic::async_trait]
impl BundleService for Bundles {
    type ExportEvidenceStream =
        Pin<Box<dyn Stream<Item = Result<ExportEvidenceResponse, Status>> + Send>>;

    async fn export_evidence(
        &self,
        request: Request<ExportEvidenceRequest>,
    ) -> Result<Response<Self::ExportEvidenceStream>, Status> {
        let (permit, request) =
            enter_about::<act::ExportCourt, _>(&self.node, request, |of| &of.reference)?;
        let order = EvidenceExport {
            reference: reference(&request.reference)?,
            compartments: labels(&request.compartments),
            beneficiary: request.beneficiary,
            purpose: purpose(request.reading_purpose, &request.case_reference)?,
            note: request.purpose,
        };
        let parts = self
            .node
            .export_evidence(permit, order)
            .await
            .map_err(refuse)?;
        let pieces = pieces(parts).map(|part| Ok(ExportEvidenceResponse { part: Some(part) }));
        Ok(Response::new(Box::pin(tokio_stream::iter(pieces))))
    }
}

/// The parts one by one, so that no message holds all of them.
fn pieces(parts: BundleParts) -> impl Iterator<Item = Part> + Send {
    let ledger = parts.ledger.unwrap_or_default();
    let proof = ledger.proof.unwrap_or_default();
    let head = BundledLedger {
        country: ledger.country,
        proof: Some(RecordProof {
            checkpoint: proof.checkpoint,
            leaves: Vec::new(),
        }),
    };
    let receipts = parts.receipts.unwrap_or_default().receipts;
    let consents = parts.consents.unwrap_or_default().consents;
    let bundle = parts.bundle.into_iter().map(Part::Bundle);
    bundle
        .chain(parts.cards.into_iter().map(Part::Card))
        .chain(parts.records.into_iter().map(Part::Record))
        .chain(receipts.into_iter().map(Part::Receipt))
        .chain(consents.into_iter().map(Part::Consent))
        .chain([Part::Ledger(head)])
        .chain(proof.leaves.into_iter().map(Part::Leaf))
        .chain(parts.custody.into_iter().map(Part::Custody))
}

impl From<CustodyError> for Refusal {
    fn from(error: CustodyError) -> Self {
        let (code, reason) = match &error {
            CustodyError::Unknown { .. } => (Code::NotFound, "ITEM_UNKNOWN"),
            CustodyError::NotWhole => (Code::FailedPrecondition, "ITEM_NOT_WHOLE"),
            CustodyError::Automatic(_) => (Code::InvalidArgument, "CUSTODY_AUTOMATIC"),
            CustodyError::Order(_) => (Code::InvalidArgument, "CUSTODY_REFUSED"),
            CustodyError::Record(_) => {
                return match error {
                    CustodyError::Record(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
        };
        Self::new(code, reason, error.to_string())
    }
}
