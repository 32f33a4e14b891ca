//! Tables of statistics for clients.

use std::sync::Arc;

use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    node::{
        Node,
        tables::{TableError, TableOrder},
    },
    record::trend::Wanted,
    rpc::{
        services::{enter, refuse},
        status::Refusal,
    },
    wire::node::{
        ExportTableRequest, ExportTableResponse, TableRow, Withheld,
        trend_service_server::TrendService,
    },
};

pub(super) struct Trends {
    node: Arc<Node>,
}

impl Trends {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

#[tonic::async_trait]
impl TrendService for Trends {
    async fn export_table(
        &self,
        request: Request<ExportTableRequest>,
    ) -> Result<Response<ExportTableResponse>, Status> {
        let (permit, request) = enter::<act::ExportTable, _>(&self.node, request)?;
        let order = TableOrder {
            wanted: Wanted {
                country: request.country.trim().to_uppercase(),
                indicator: request.indicator,
                dimension: request.dimension,
                from: request.from,
                until: request.until,
            },
            exercise: request.exercise,
            purpose: request.purpose,
        };
        let exported = self
            .node
            .export_table(permit, order)
            .await
            .map_err(refuse)?;
        let table = exported.table;
        Ok(Response::new(ExportTableResponse {
            title: table.title,
            corner: table.corner,
            columns: table.columns,
            rows: table
                .rows
                .into_iter()
                .map(|(heading, cells)| TableRow {
                    heading,
                    cells: cells
                        .into_iter()
                        .map(|cell| cell.map_or_else(String::new, |shown| shown.to_string()))
                        .collect(),
                })
                .collect(),
            k: exported.k,
            withheld: table
                .withdrawn
                .into_iter()
                .map(|of| Withheld {
                    cell: of.cell,
                    protects: of.protects,
                })
                .collect(),
            sources: exported.sources,
            tlp: exported.tlp.into(),
        }))
    }
}

impl From<TableError> for Refusal {
    fn from(error: TableError) -> Self {
        let (code, reason) = match &error {
            TableError::Query(_) | TableError::Missing(_) => {
                (Code::InvalidArgument, "QUERY_INVALID")
            }
            TableError::Incomplete => (Code::Unavailable, "INDEX_INCOMPLETE"),
            TableError::Fault(_) => (Code::FailedPrecondition, "TABLE_IMPOSSIBLE"),
            TableError::GivesAway(_) => (Code::FailedPrecondition, "TABLE_GIVES_AWAY"),
            TableError::Raced => (Code::Aborted, "TABLE_RACED"),
            TableError::Read(_) | TableError::Node(_) => {
                return match error {
                    TableError::Read(error) => error.into(),
                    TableError::Node(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
        };
        Self::new(code, reason, error.to_string())
    }
}
