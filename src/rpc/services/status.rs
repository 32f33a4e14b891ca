//! The node's state for the operator.

use std::sync::Arc;

use tonic::{Request, Response, Status};

use crate::{
    access::act,
    node::Node,
    rpc::{
        admission::Admission,
        server::NodeTls,
        services::{enter, refuse},
    },
    wire::node::{GetStatusRequest, GetStatusResponse, status_service_server::StatusService},
};

pub(super) struct NodeStatus {
    node: Arc<Node>,
    tls: Arc<NodeTls>,
    ports: [Arc<Admission>; 2],
}

impl NodeStatus {
    pub(super) const fn new(
        node: Arc<Node>,
        tls: Arc<NodeTls>,
        ports: [Arc<Admission>; 2],
    ) -> Self {
        Self { node, tls, ports }
    }
}

#[tonic::async_trait]
impl StatusService for NodeStatus {
    async fn get_status(
        &self,
        request: Request<GetStatusRequest>,
    ) -> Result<Response<GetStatusResponse>, Status> {
        let (permit, _) = enter::<act::Status, _>(&self.node, request)?;
        let status = self.node.status(&permit).map_err(refuse)?;
        Ok(Response::new(GetStatusResponse {
            endings: self.tls.endings(&self.node),
            ports: self.ports.iter().map(|port| port.status()).collect(),
            ..status
        }))
    }
}
