//! Renewing certificates for who holds one.

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    home::{CertificateRequest, Enrolment, RenewalError},
    node::Node,
    rpc::{
        server::NodeTls,
        services::{enter, refuse},
        status::Refusal,
        tls::{certificate_of, client_of},
    },
    wire::node::{
        OffboardRequest, OffboardResponse, RenewCertificateRequest, RenewCertificateResponse,
        enrolment_service_server::EnrolmentService,
    },
};

pub(super) struct Renewals {
    node: Arc<Node>,
    enrolment: Enrolment,
}

impl Renewals {
    pub(super) fn new(node: Arc<Node>, tls: &NodeTls) -> Self {
        Self {
            node,
            enrolment: tls.enrolment().clone(),
        }
    }
}

#[tonic::async_trait]
impl EnrolmentService for Renewals {
    async fn renew_certificate(
        &self,
        request: Request<RenewCertificateRequest>,
    ) -> Result<Response<RenewCertificateResponse>, Status> {
        // Whoever is let in renews the own certificate and nothing else; no row is asked.
        client_of(&request)?;
        let current = certificate_of(&request)?;
        let bytes = request.into_inner().certificate_request;
        let asked = if bytes.is_empty() {
            None
        } else {
            let invalid = |fault: crate::home::RequestError| {
                refuse(Refusal::new(
                    Code::InvalidArgument,
                    "CERTIFICATE_REQUEST_INVALID",
                    fault.to_string(),
                ))
            };
            Some(CertificateRequest::parse(&bytes).map_err(invalid)?)
        };
        let (enrolment, now) = (self.enrolment.clone(), self.node.now());
        let renewed =
            tokio::task::spawn_blocking(move || enrolment.renew(&current, asked.as_ref(), now))
                .await
                .map_err(|_| Status::internal("the renewal did not end"))?
                .map_err(refuse)?;
        // Before anybody has the certificate. What fails here is told later, and the holder asks again.
        self.node.tell_roster().await.map_err(refuse)?;
        tracing::info!(principal = %renewed.principal, until = %renewed.expires_at, "a certificate was renewed");
        Ok(Response::new(RenewCertificateResponse {
            certificate_pem: renewed.certificate_pem,
            principal: renewed.principal.to_string(),
            expires_us: renewed.expires_at.micros(),
        }))
    }

    async fn offboard(
        &self,
        request: Request<OffboardRequest>,
    ) -> Result<Response<OffboardResponse>, Status> {
        let (permit, asked) = enter::<act::Offboard, _>(&self.node, request)?;
        let OffboardRequest {
            leaving,
            reassign_to,
        } = asked;
        let to = Some(reassign_to.as_str()).filter(|to| !to.is_empty());
        let done = self
            .node
            .offboard(&permit, &leaving, to)
            .await
            .map_err(refuse)?;
        Ok(Response::new(OffboardResponse {
            reassigned: done.reassigned,
            left: done.left,
            voided: done.voided,
        }))
    }
}

impl From<RenewalError> for Refusal {
    fn from(error: RenewalError) -> Self {
        let (code, reason) = match &error {
            RenewalError::Unknown => (Code::FailedPrecondition, "CERTIFICATE_UNKNOWN"),
            RenewalError::Revoked => (Code::PermissionDenied, "CERTIFICATE_REVOKED"),
            RenewalError::Ended(_) => (Code::FailedPrecondition, "CERTIFICATE_ENDED"),
            RenewalError::TooMany(_) => (Code::ResourceExhausted, "CERTIFICATES_TOO_MANY"),
            RenewalError::Home(fault) => {
                tracing::error!(%fault, "a certificate cannot be renewed");
                let message = "the node cannot renew certificates; its log says why";
                return Self::new(Code::Internal, "INTERNAL", message);
            }
        };
        Self::new(code, reason, error.to_string())
    }
}
