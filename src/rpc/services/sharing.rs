//! Sharing for clients: previews, the matrix as sent, agreements.

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    node::Node,
    record::{
        Reference,
        compartments::label_name,
        sharing::{Agreement, EVERY_OTHER, Terms},
    },
    rpc::{
        services::{enter, enter_about, refuse},
        status::Refusal,
    },
    wire::{
        node::{
            AgreementSummary, AgreementTerms, GetSharingRequest, GetSharingResponse,
            ListAgreementsRequest, ListAgreementsResponse, PreviewSharingRequest,
            PreviewSharingResponse, ReloadAgreementsRequest, ReloadAgreementsResponse,
            sharing_service_server::SharingService,
        },
        record::SharingMatrix,
    },
};

pub(super) struct Sharing {
    node: Arc<Node>,
}

impl Sharing {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl SharingService for Sharing {
    async fn preview_sharing(
        &self,
        request: Request<PreviewSharingRequest>,
    ) -> Result<Response<PreviewSharingResponse>, Status> {
        let (permit, request) = enter::<act::Preview, _>(&self.node, request)?;
        let record = request.record.ok_or_else(|| {
            refuse(Refusal::new(
                Code::InvalidArgument,
                "RECORD_MISSING",
                "the preview carries no record",
            ))
        })?;
        let node = Arc::clone(&self.node);
        let matrix = tokio::task::spawn_blocking(move || node.preview(&permit, &record))
            .await
            .map_err(|_| Status::internal("a task of the node ended unexpectedly"))?
            .map_err(refuse)?;
        Ok(Response::new(PreviewSharingResponse {
            matrix: Some(SharingMatrix::from(&matrix)),
        }))
    }

    async fn get_sharing(
        &self,
        request: Request<GetSharingRequest>,
    ) -> Result<Response<GetSharingResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Track, _>(&self.node, request, |of| &of.reference)?;
        let reference: Reference = request.reference.parse().map_err(refuse)?;
        let (matrix, as_sent) = self
            .node
            .sharing_as_sent(reference, permit)
            .await
            .map_err(refuse)?;
        Ok(Response::new(GetSharingResponse {
            matrix: Some(matrix),
            as_sent,
        }))
    }

    async fn list_agreements(
        &self,
        request: Request<ListAgreementsRequest>,
    ) -> Result<Response<ListAgreementsResponse>, Status> {
        let (permit, _) = enter::<act::SeeAgreements, _>(&self.node, request)?;
        let (agreements, today) = self.node.agreements_shown(&permit);
        Ok(Response::new(ListAgreementsResponse {
            agreements: agreements
                .iter()
                .map(|agreement| summary(agreement, agreement.is_valid(today)))
                .collect(),
        }))
    }

    async fn reload_agreements(
        &self,
        request: Request<ReloadAgreementsRequest>,
    ) -> Result<Response<ReloadAgreementsResponse>, Status> {
        let (permit, _) = enter::<act::ReloadAgreements, _>(&self.node, request)?;
        let loaded = self.node.reload_agreements(&permit).await.map_err(refuse)?;
        Ok(Response::new(ReloadAgreementsResponse {
            count: loaded.count,
        }))
    }
}

fn summary(agreement: &Agreement, in_force: bool) -> AgreementSummary {
    let day = |day: Option<(time::Date, u32)>| day.map_or_else(String::new, |of| of.0.to_string());
    AgreementSummary {
        country: agreement
            .country
            .map_or_else(|| EVERY_OTHER.to_owned(), |of| of.code().to_owned()),
        title: agreement.title.clone(),
        valid_from: day(agreement.valid_from),
        valid_until: day(agreement.valid_until),
        file: agreement.file.clone(),
        in_force,
        send: Some(terms(&agreement.send)),
        accept: Some(terms(&agreement.accept)),
        they_accept: Some(terms(&agreement.they_accept)),
    }
}

fn terms(terms: &Terms) -> AgreementTerms {
    let (kinds, compartments, purposes) = (&terms.kinds, &terms.compartments, &terms.purposes);
    AgreementTerms {
        all_kinds: kinds.allowed.is_none(),
        kinds: kinds.allowed.clone().unwrap_or_default(),
        all_compartments: compartments.allowed.is_none(),
        compartments: names(compartments.allowed.as_deref(), |label| label_name(*label)),
        all_purposes: purposes.allowed.is_none(),
        purposes: names(purposes.allowed.as_deref(), |purpose| purpose.as_str_name()),
    }
}

fn names<T>(allowed: Option<&[T]>, name: impl Fn(&T) -> &str) -> Vec<String> {
    let listed = allowed.unwrap_or_default();
    listed.iter().map(|of| name(of).to_owned()).collect()
}
