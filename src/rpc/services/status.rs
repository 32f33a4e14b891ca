//! The node's state for the operator.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    node::Node,
    rpc::{services::refuse, tls::client_of},
    wire::node::{GetStatusRequest, GetStatusResponse, status_service_server::StatusService},
};

pub(super) struct NodeStatus {
    node: Arc<Node>,
}

impl NodeStatus {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl StatusService for NodeStatus {
    async fn get_status(
        &self,
        request: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        client_of(&request)?;
        Ok(Response::new(self.node.status().map_err(refuse)?))
    }
}
