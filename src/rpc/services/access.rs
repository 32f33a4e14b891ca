//! Permissions for clients.

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    node::{
        Node,
        access::{ExplainError, Proposed},
    },
    rpc::{
        services::{enter, refuse},
        status::Refusal,
    },
    wire::node::{
        ExplainDecisionRequest, ExplainDecisionResponse, GetPermissionsRequest,
        GetPermissionsResponse, ProposePermissionsRequest, ProposePermissionsResponse,
        access_service_server::AccessService,
    },
};

pub(super) struct Permissions {
    node: Arc<Node>,
}

impl Permissions {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl AccessService for Permissions {
    async fn get_permissions(
        &self,
        request: Request<GetPermissionsRequest>,
    ) -> Result<Response<GetPermissionsResponse>, Status> {
        let (permit, _) = enter::<act::SeePermissions, _>(&self.node, request)?;
        let standing = self.node.permissions(&permit);
        let (proposed_by, approved_by) = self.node.put_in_force_by(&standing).map_err(refuse)?;
        Ok(Response::new(GetPermissionsResponse {
            table: standing.text.clone(),
            digest: standing.digest.to_vec(),
            since_us: standing.since.micros(),
            approval_id: standing.approval.map(hex::encode).unwrap_or_default(),
            proposed_by,
            approved_by,
            note: self.node.permissions_note().unwrap_or_default(),
        }))
    }

    async fn propose_permissions(
        &self,
        request: Request<ProposePermissionsRequest>,
    ) -> Result<Response<ProposePermissionsResponse>, Status> {
        let (permit, request) = enter::<act::ChangePermissions, _>(&self.node, request)?;
        let proposed = self
            .node
            .propose_permissions(&permit, request.table, request.note)
            .await;
        let (proposed, changes) = proposed.map_err(refuse)?;
        let (approval_id, expires_us) = match proposed {
            Proposed::Asked(asked) => (asked.id, asked.expires_us),
            Proposed::InForce => (String::new(), 0),
        };
        Ok(Response::new(ProposePermissionsResponse {
            approval_id,
            expires_us,
            changes,
        }))
    }

    async fn explain_decision(
        &self,
        request: Request<ExplainDecisionRequest>,
    ) -> Result<Response<ExplainDecisionResponse>, Status> {
        let (permit, request) = enter::<act::SeePermissions, _>(&self.node, request)?;
        let reference = match request.reference.as_str() {
            "" => None,
            typed => Some(super::reference(typed)?),
        };
        let explained = self
            .node
            .explain(&permit, &request.principal, &request.action, reference)
            .await;
        Ok(Response::new(explained.map_err(refuse)?))
    }
}

impl From<ExplainError> for Refusal {
    fn from(error: ExplainError) -> Self {
        match error {
            ExplainError::Action(_) => {
                Self::new(Code::InvalidArgument, "ACTION_UNKNOWN", error.to_string())
            }
            ExplainError::Principal(_) => {
                Self::new(Code::NotFound, "PRINCIPAL_UNKNOWN", error.to_string())
            }
            ExplainError::Refused(refused) => refused.into(),
            ExplainError::Record(error) => error.into(),
            ExplainError::Node(error) => error.into(),
        }
    }
}
