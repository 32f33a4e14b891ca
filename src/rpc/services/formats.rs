//! Records in the formats of other systems, for clients.

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    feed::{
        cap::Unwritable,
        csv::{Table, kind_named},
    },
    node::{
        Node,
        cases::{CasesError, CasesOrder},
        format_export::{
            Asked, Format, FormatError, FormatExport, FormatOrder, NotExported, Part, Which,
        },
    },
    record::Moment,
    rpc::{
        services::{enter, purpose, refuse},
        status::Refusal,
    },
    wire::node::{
        AggregateCasesRequest, AggregateCasesResponse, ExportEnd, ExportFormat, ExportPiece,
        ExportRecordsRequest, ExportRecordsResponse, ExportedRecord, NotExportedRecord,
        export_records_response, format_service_server::FormatService,
    },
};

/// Parts that an export reads ahead of its client.
const AHEAD: usize = 64;
/// Bytes of a piece at most.
const PIECE: usize = 256 * 1024;

pub(super) struct Formats {
    node: Arc<Node>,
}

impl Formats {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

fn invalid(reason: &'static str, message: impl Into<String>) -> Status {
    refuse(Refusal::new(Code::InvalidArgument, reason, message))
}

fn format(request: &ExportRecordsRequest) -> Result<Format, Status> {
    match request.format() {
        ExportFormat::Unspecified => Err(invalid(
            "FORMAT_MISSING",
            "name the format: CAP, GeoJSON or CSV",
        )),
        ExportFormat::Cap => Ok(Format::Cap),
        ExportFormat::Geojson => Ok(Format::GeoJson),
        ExportFormat::Csv => {
            let table = Table::of(&request.kind, request.long)
                .map_err(|fault| invalid("FORMAT_INVALID", fault.to_string()))?;
            Ok(Format::Csv(Box::new(table), request.byte_order_mark))
        }
    }
}

fn which(request: &ExportRecordsRequest) -> Result<Which, Status> {
    if !request.references.is_empty() {
        let references = request.references.iter().map(|of| super::reference(of));
        return Ok(Which::Named(references.collect::<Result<_, _>>()?));
    }
    let Some(query) = &request.query else {
        return Err(invalid(
            "EXPORT_EMPTY",
            "name records by their references, or say what is asked for",
        ));
    };
    let origins = query.origins.iter().map(|code| {
        code.parse()
            .map_err(|error: crate::record::UnknownCountry| {
                invalid("QUERY_INVALID", error.to_string())
            })
    });
    let kinds = query
        .kinds
        .iter()
        .map(|name| kind_named(name).map_err(|error| invalid("QUERY_INVALID", error.to_string())));
    Ok(Which::Asked(Asked {
        kinds: kinds.collect::<Result<_, _>>()?,
        origins: origins.collect::<Result<_, _>>()?,
        since: query.since.as_ref().map(Moment::from),
    }))
}

#[tonic::async_trait]
impl FormatService for Formats {
    type ExportRecordsStream =
        Pin<Box<dyn Stream<Item = Result<ExportRecordsResponse, Status>> + Send>>;

    async fn export_records(
        &self,
        request: Request<ExportRecordsRequest>,
    ) -> Result<Response<Self::ExportRecordsStream>, Status> {
        let (permit, request) = enter::<act::Export, _>(&self.node, request)?;
        let order = FormatOrder {
            format: format(&request)?,
            which: which(&request)?,
            purpose: purpose(request.reading_purpose, &request.case_reference)?,
            note: request.purpose,
        };
        let export = self.node.export_formats(permit, order).await;
        let export = export.map_err(refuse)?;
        let (parts, stream) = mpsc::channel(AHEAD);
        tokio::spawn(send(export, parts));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn aggregate_cases(
        &self,
        request: Request<AggregateCasesRequest>,
    ) -> Result<Response<AggregateCasesResponse>, Status> {
        let (permit, request) = enter::<act::ExportTable, _>(&self.node, request)?;
        let year = |year: u32| match year {
            0 => Ok(None),
            year => u16::try_from(year)
                .map(Some)
                .map_err(|_| invalid("QUERY_INVALID", format!("{year} is no year"))),
        };
        let order = CasesOrder {
            from: year(request.from)?,
            until: year(request.until)?,
            exercise: request.exercise,
            purpose: request.purpose,
        };
        let made = self.node.aggregate_cases(permit, order).await;
        let made = made.map_err(refuse)?;
        Ok(Response::new(AggregateCasesResponse {
            trends: made.trends,
            cases: made.cases,
            not_counted: made.not_counted,
            generalised: made.generalised,
            left_out: made.left_out,
            withheld: made.withheld,
        }))
    }
}

/// Sends an export as far as its client takes it: what nobody takes is not disclosed.
async fn send(mut export: FormatExport, to: mpsc::Sender<Result<ExportRecordsResponse, Status>>) {
    loop {
        // Room first: the next records are disclosed once the client took those before.
        if to.reserve().await.is_err() {
            return;
        }
        let parts = match export.next().await {
            Ok(Some(parts)) => parts,
            Ok(None) => return,
            Err(error) => {
                let _ = to.send(Err(refuse(error))).await;
                return;
            }
        };
        for part in parts.into_iter().flat_map(messages) {
            let message = ExportRecordsResponse { part: Some(part) };
            if to.send(Ok(message)).await.is_err() {
                return;
            }
        }
    }
}

fn messages(part: Part) -> Vec<export_records_response::Part> {
    use export_records_response::Part as Message;
    match part {
        Part::Leaving(leaving) => vec![Message::Record(ExportedRecord {
            reference: leaving.reference.to_string(),
            compartments: leaving.compartments.iter().map(|of| (*of).into()).collect(),
            withheld: leaving.withheld,
        })],
        Part::Stays(reference, why) => {
            let message = why.to_string();
            vec![Message::Refused(NotExportedRecord {
                reference: reference.to_string(),
                reason: word(&why).to_owned(),
                message,
            })]
        }
        Part::Piece(reference, content) => {
            let reference = reference.map(|of| of.to_string()).unwrap_or_default();
            let pieces = content.chunks(PIECE);
            pieces
                .map(|piece| {
                    Message::Piece(ExportPiece {
                        reference: reference.clone(),
                        content: piece.to_vec(),
                    })
                })
                .collect()
        }
        Part::End(records, refused) => vec![Message::End(ExportEnd { records, refused })],
    }
}

/// The stable word of a record that stays.
const fn word(why: &NotExported) -> &'static str {
    use crate::node::{read::ReadError, steps::ConsentError};
    match why {
        NotExported::Kind(..) => "KIND_NOT_OF_FORMAT",
        NotExported::Statistics => "STATISTICS",
        NotExported::OnePerson => "TELLS_OF_ONE_PERSON",
        NotExported::Marked(_) => "MARKED_FOR_NOBODY",
        NotExported::NotNamed(_) => "MARKED_FOR_NAMED",
        NotExported::NotSubmitter(_) => "MARKED_FOR_SUBMITTER",
        NotExported::Cap(Unwritable::Earlier) => "EARLIER_UNKNOWN",
        NotExported::Cap(Unwritable::Kind | Unwritable::Unnamed) => "KIND_NOT_OF_FORMAT",
        NotExported::Use(ConsentError::Read(ReadError::Unknown(_))) => "RECORD_UNKNOWN",
        NotExported::Use(ConsentError::Read(ReadError::Locked { .. })) => "RECORD_LOCKED",
        NotExported::Use(ConsentError::Read(ReadError::Refused(_))) => "NOT_PERMITTED",
        NotExported::Use(ConsentError::Superseded { .. }) => "RECORD_SUPERSEDED",
        NotExported::Use(ConsentError::Step(_)) => "RECORD_IS_STEP",
        NotExported::Use(ConsentError::Unheard { .. }) => "ORIGIN_UNHEARD",
        NotExported::Use(_) => "NOT_READABLE",
    }
}

impl From<FormatError> for Refusal {
    fn from(error: FormatError) -> Self {
        let (code, reason) = match error {
            FormatError::Read(error) => return error.into(),
            FormatError::Node(error) => return error.into(),
            FormatError::Purpose => (Code::InvalidArgument, "PURPOSE_MISSING"),
            FormatError::TooMany(_) => (Code::InvalidArgument, "EXPORT_TOO_LARGE"),
            FormatError::Raced => (Code::Aborted, "EXPORT_RACED"),
        };
        Self::new(code, reason, error.to_string())
    }
}

impl From<CasesError> for Refusal {
    fn from(error: CasesError) -> Self {
        let (code, reason) = match error {
            CasesError::Read(error) => return error.into(),
            CasesError::Node(error) => return error.into(),
            CasesError::None => (Code::NotFound, "CASES_NONE"),
            CasesError::TooFew => (Code::FailedPrecondition, "CASES_TOO_FEW"),
            CasesError::TooMany => (Code::InvalidArgument, "CASES_TOO_MANY"),
            CasesError::Leak(_) | CasesError::GivesAway(_) => {
                (Code::FailedPrecondition, "TABLE_GIVES_AWAY")
            }
        };
        Self::new(code, reason, error.to_string())
    }
}
