//! Consent, export for court and passing on, for clients.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    access::act,
    node::{
        Node,
        export::ExportOrder,
        onward::OnwardOrder,
        steps::{AnswerOrder, ConsentOrder, MAX_CONSENTS},
    },
    record::{Moment, Reference},
    rpc::services::{enter, enter_about, page_token, purpose, refuse},
    wire::{
        node::{
            AnswerConsentRequest, AnswerConsentResponse, ExportRecordRequest, ExportRecordResponse,
            ListConsentsRequest, ListConsentsResponse, ListPassedOnRequest, ListPassedOnResponse,
            PassOnRequest, PassOnResponse, RequestConsentRequest, RequestConsentResponse,
            consent_service_server::ConsentService,
        },
        record::CompartmentLabel,
    },
};

/// Page size when the client names none.
const DEFAULT_PAGE: usize = 50;

pub(super) struct Consents {
    node: Arc<Node>,
}

impl Consents {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

pub(super) fn labels(numbers: &[i32]) -> Vec<CompartmentLabel> {
    // What is no compartment is asked for as one that is not held, and refused as such.
    let labels = numbers.iter();
    labels
        .map(|number| CompartmentLabel::try_from(*number).unwrap_or_default())
        .collect()
}

#[tonic::async_trait]
impl ConsentService for Consents {
    async fn request_consent(
        &self,
        request: Request<RequestConsentRequest>,
    ) -> Result<Response<RequestConsentResponse>, Status> {
        let (permit, request) =
            enter_about::<act::RequestConsent, _>(&self.node, request, |of| &of.reference)?;
        let reference: Reference = request.reference.parse().map_err(refuse)?;
        let order = ConsentOrder {
            reference,
            exact: request.exact,
            purpose: request.r#use(),
            compartments: labels(&request.compartments),
            beneficiary: request.beneficiary,
            ground: request.ground,
            answer_by: request.answer_by.as_ref().map(Moment::from),
        };
        let accepted = self
            .node
            .request_consent(permit, order)
            .await
            .map_err(refuse)?;
        Ok(Response::new(RequestConsentResponse {
            reference: accepted.reference.to_string(),
            header_digest: accepted.digest.to_vec(),
        }))
    }

    async fn list_consents(
        &self,
        request: Request<ListConsentsRequest>,
    ) -> Result<Response<ListConsentsResponse>, Status> {
        let (permit, request) = enter::<act::List, _>(&self.node, request)?;
        let limit = match usize::try_from(request.page_size) {
            Ok(0) | Err(_) => DEFAULT_PAGE,
            Ok(limit) => limit.min(MAX_CONSENTS),
        };
        let before = page_token(&request.page_token)?.unwrap_or(u64::MAX);
        let page = self
            .node
            .consents(before, limit, permit)
            .await
            .map_err(refuse)?;
        let next_page_token = match page.last() {
            Some((oldest, _)) if page.len() == limit => oldest.to_string(),
            _ => String::new(),
        };
        Ok(Response::new(ListConsentsResponse {
            consents: page.into_iter().map(|(_, summary)| summary).collect(),
            next_page_token,
        }))
    }

    async fn list_passed_on(
        &self,
        request: Request<ListPassedOnRequest>,
    ) -> Result<Response<ListPassedOnResponse>, Status> {
        let (permit, _) = enter::<act::List, _>(&self.node, request)?;
        let records = self.node.passed_on_list(permit).await.map_err(refuse)?;
        Ok(Response::new(ListPassedOnResponse { records }))
    }

    async fn answer_consent(
        &self,
        request: Request<AnswerConsentRequest>,
    ) -> Result<Response<AnswerConsentResponse>, Status> {
        let (permit, request) = enter::<act::AnswerConsent, _>(&self.node, request)?;
        let order = AnswerOrder {
            request: request.reference.parse().map_err(refuse)?,
            // A grant without an end is refused with the rule for ends.
            granted_until: request.granted.then(|| {
                let end = request.expires_at.as_ref();
                end.map_or(Moment::from_micros(0), Moment::from)
            }),
            reusable: request.reusable,
            reason: request.reason,
        };
        let accepted = self
            .node
            .answer_consent(permit, order)
            .await
            .map_err(refuse)?;
        Ok(Response::new(AnswerConsentResponse {
            reference: accepted.reference.to_string(),
        }))
    }

    async fn export_record(
        &self,
        request: Request<ExportRecordRequest>,
    ) -> Result<Response<ExportRecordResponse>, Status> {
        let (permit, request) =
            enter_about::<act::ExportCourt, _>(&self.node, request, |of| &of.reference)?;
        let order = ExportOrder {
            reference: request.reference.parse().map_err(refuse)?,
            exact: request.exact,
            compartments: labels(&request.compartments),
            beneficiary: request.beneficiary,
            purpose: purpose(request.reading_purpose, &request.case_reference)?,
            note: request.purpose,
        };
        let exported = self.node.export(permit, order).await.map_err(refuse)?;
        Ok(Response::new(ExportRecordResponse {
            record: Some(exported.record),
            sealed: Some(exported.sealed),
            header_digest: exported.header_digest.to_vec(),
            receipts: exported.receipts,
            proof: Some(exported.proof),
            consent: exported.consent,
            origin: exported.origin.code().to_owned(),
            withheld: exported.withheld,
        }))
    }

    async fn pass_on(
        &self,
        request: Request<PassOnRequest>,
    ) -> Result<Response<PassOnResponse>, Status> {
        let (permit, request) =
            enter_about::<act::ShareOnward, _>(&self.node, request, |of| &of.reference)?;
        let order = OnwardOrder {
            reference: request.reference.parse().map_err(refuse)?,
            exact: request.exact,
            role: request.role(),
            compartments: labels(&request.compartments),
            to: request.to,
            ground: request.ground,
            authority: request.authority,
            key: request.idempotency_key,
        };
        let accepted = self.node.pass_on(permit, order).await.map_err(refuse)?;
        Ok(Response::new(PassOnResponse {
            reference: accepted.reference.to_string(),
            header_digest: accepted.digest.to_vec(),
            acceptance: Some(accepted.acceptance),
        }))
    }
}
