//! Records for clients.

use std::{pin::Pin, sync::Arc};

use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::{
    access::{Permit, act},
    node::{
        Node,
        listing::Listed,
        read::{MAX_PAGE, ReadError, Reading},
        submit::{Accepted, UnderWay},
    },
    rpc::{
        services::{enter, enter_about, page_token, purpose, reference, refuse},
        status::Refusal,
    },
    wire::node::{
        GetRecordRequest, GetRecordResponse, ListReceiptsRequest, ListReceiptsResponse,
        ListRecordsRequest, ListRecordsResponse, SubmitRecordRequest, SubmitRecordResponse,
        SubmitRecordsRequest, SubmitRecordsResponse, WatchPosition, WatchRecordsRequest,
        WatchRecordsResponse, record_service_server::RecordService,
        submit_records_response::Outcome,
    },
    wire::record::Record,
};

/// Submissions of one stream that wait for their answer at the same time.
const IN_FLIGHT: usize = 1024;
/// Records a watch reads ahead of its client.
const WATCH_AHEAD: usize = 64;
/// Page size when the client names none.
const DEFAULT_PAGE: usize = 50;

pub(super) struct Records {
    node: Arc<Node>,
}

impl Records {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

impl Records {
    /// Where a watch begins.
    fn begin(
        &self,
        request: &WatchRecordsRequest,
        permit: Permit<act::Watch>,
    ) -> Result<Watching, Refusal> {
        let (last, escalations) = (self.node.last_number()?, self.node.escalation_count()?);
        let after = match request.only_new {
            true => last,
            false => request.after_number,
        };
        // What became late before is listed, not watched, unless it is asked for.
        let escalation = request.after_escalation.unwrap_or(escalations);
        if after > last || escalation > escalations {
            return Err(Refusal::new(
                Code::OutOfRange,
                "POSITION_UNKNOWN",
                format!(
                    "this node never came as far as the position: it has {last} records and {escalations} escalations; \
                     if it was restored from a backup, watch from the beginning"
                ),
            ));
        }
        Ok(Watching {
            after,
            escalation,
            steps: request.steps,
            permit,
            backlog: last,
        })
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

#[tonic::async_trait]
impl RecordService for Records {
    async fn submit_record(
        &self,
        request: Request<SubmitRecordRequest>,
    ) -> Result<Response<SubmitRecordResponse>, Status> {
        let (permit, request) = enter::<act::Submit, _>(&self.node, request)?;
        let (record, key) = submission(request).map_err(refuse)?;
        let accepted = self.node.submit(&permit, record, key).await;
        Ok(Response::new(response(accepted.map_err(refuse)?)))
    }

    type SubmitRecordsStream = Answers<SubmitRecordsResponse>;

    async fn submit_records(
        &self,
        request: Request<Streaming<SubmitRecordsRequest>>,
    ) -> Result<Response<Self::SubmitRecordsStream>, Status> {
        let (permit, request) = enter::<act::Submit, _>(&self.node, request)?;
        let node = Arc::clone(&self.node);
        let (answers, under_way) = mpsc::channel(IN_FLIGHT);
        tokio::spawn(take_in(node, permit, request, answers));
        let answers = ReceiverStream::new(under_way).then(async |submission: Submission| {
            let outcome = match submission? {
                Ok(under_way) => under_way.answer().await.map_err(Refusal::from),
                Err(refusal) => Err(refusal),
            };
            Ok(SubmitRecordsResponse {
                outcome: Some(match outcome {
                    Ok(accepted) => Outcome::Accepted(response(accepted)),
                    Err(refusal) => Outcome::Refused(refusal.into()),
                }),
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }

    async fn get_record(
        &self,
        request: Request<GetRecordRequest>,
    ) -> Result<Response<GetRecordResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Read, _>(&self.node, request, |of| &of.reference)?;
        let reading = Reading {
            reference: reference(&request.reference)?,
            purpose: purpose(request.reading_purpose, &request.case_reference)?,
            note: request.purpose,
            exact: request.exact,
            thread: request.thread,
            situation_only: request.situation_only,
        };
        let opened = self.node.read(permit, reading).await.map_err(refuse)?;
        let (original_origin, original) = opened.original.unzip();
        Ok(Response::new(GetRecordResponse {
            original,
            original_origin: original_origin
                .map(|origin| origin.code().to_owned())
                .unwrap_or_default(),
            record: Some(opened.record),
            summary: Some(opened.summary),
            versions: opened.versions,
            thread: opened.thread,
            withheld: opened.withheld,
        }))
    }

    async fn list_records(
        &self,
        request: Request<ListRecordsRequest>,
    ) -> Result<Response<ListRecordsResponse>, Status> {
        let (permit, request) = enter::<act::List, _>(&self.node, request)?;
        let origin = match request.origin.as_str() {
            "" => None,
            code => Some(
                code.parse()
                    .map_err(|error: crate::record::UnknownCountry| {
                        refuse(Refusal::new(
                            Code::InvalidArgument,
                            "COUNTRY_UNKNOWN",
                            error.to_string(),
                        ))
                    })?,
            ),
        };
        let wanted = Listed {
            origin,
            steps: request.steps,
            unread: request.unread,
        };
        let limit = match usize::try_from(request.page_size) {
            Ok(0) | Err(_) => DEFAULT_PAGE,
            Ok(limit) => limit.min(MAX_PAGE),
        };
        let before = page_token(&request.page_token)?.unwrap_or(u64::MAX);
        let records = self
            .node
            .list(wanted, before, limit, permit)
            .await
            .map_err(refuse)?;
        let next_page_token = if records.len() == limit {
            records
                .last()
                .map(|oldest| oldest.number.to_string())
                .unwrap_or_default()
        } else {
            String::new()
        };
        Ok(Response::new(ListRecordsResponse {
            records,
            next_page_token,
        }))
    }

    type WatchRecordsStream = Answers<WatchRecordsResponse>;

    async fn watch_records(
        &self,
        request: Request<WatchRecordsRequest>,
    ) -> Result<Response<Self::WatchRecordsStream>, Status> {
        let (permit, request) = enter::<act::Watch, _>(&self.node, request)?;
        self.node.watches(&permit).await.map_err(refuse)?;
        let watching = self.begin(&request, permit).map_err(refuse)?;
        let (answers, stream) = mpsc::channel(WATCH_AHEAD);
        if request.tell_position {
            let position = Some(watching.position());
            let first = WatchRecordsResponse {
                position,
                ..WatchRecordsResponse::default()
            };
            // There is room for it, and somebody to read it.
            let _ = answers.try_send(Ok(first));
        }
        let node = Arc::clone(&self.node);
        tokio::spawn(watch(node, watching, answers));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn list_receipts(
        &self,
        request: Request<ListReceiptsRequest>,
    ) -> Result<Response<ListReceiptsResponse>, Status> {
        let (permit, request) =
            enter_about::<act::Track, _>(&self.node, request, |of| &of.reference)?;
        let reference = reference(&request.reference)?;
        let found = self.node.receipts_for(&permit, &reference).await;
        let (header_digest, receipts) = found.map_err(refuse)?;
        Ok(Response::new(ListReceiptsResponse {
            header_digest: header_digest.to_vec(),
            receipts,
        }))
    }
}

/// A submission of a stream: under way, or refused; the stream's end when it failed.
type Submission = Result<Result<UnderWay, Refusal>, Status>;

/// Takes the submissions of a stream in, one after the other, until the client ends it or goes. A
/// task of its own: were it driven by who reads the answers, a client that reads none could keep
/// the room that it has.
async fn take_in(
    node: Arc<Node>,
    permit: Permit<act::Submit>,
    mut submissions: Streaming<SubmitRecordsRequest>,
    answers: mpsc::Sender<Submission>,
) {
    while let Ok(place) = answers.reserve().await {
        let next = tokio::select! {
            submission = submissions.next() => submission,
            () = answers.closed() => return,
        };
        place.send(match next {
            None => return,
            Some(Err(status)) => Err(status),
            Some(Ok(next)) => {
                let request = next.submission.unwrap_or_default();
                // By the permissions as they are now.
                let permit = node.again(&permit).map_err(Refusal::from);
                Ok(match (permit, submission(request)) {
                    (Ok(permit), Ok((record, key))) => {
                        let taken = node.take_in(&permit, record, key).await;
                        taken.map_err(Refusal::from)
                    }
                    (Err(refusal), _) | (_, Err(refusal)) => Err(refusal),
                })
            }
        });
    }
}

/// How far a watch is.
struct Watching {
    /// Local number of the last record sent.
    after: u64,
    /// Index of the next escalation.
    escalation: u64,
    steps: bool,
    permit: Permit<act::Watch>,
    /// Local number up to which records were there before: they count like a listing.
    backlog: u64,
}

impl Watching {
    const fn position(&self) -> WatchPosition {
        WatchPosition {
            number: self.after,
            escalation: self.escalation,
        }
    }
}

/// Sends what becomes durable, or late, until the client goes or the node closes.
async fn watch(
    node: Arc<Node>,
    mut watching: Watching,
    answers: mpsc::Sender<Result<WatchRecordsResponse, Status>>,
) {
    let mut durable = node.store().durable();
    loop {
        durable.borrow_and_update();
        match news(&node, &mut watching).await {
            Ok(None) => {
                tokio::select! {
                    changed = durable.changed() => if changed.is_err() { return },
                    () = answers.closed() => return,
                }
            }
            Ok(Some(news)) => {
                for answer in news {
                    if answers.send(Ok(answer)).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => {
                let _ = answers.send(Err(refuse(error))).await;
                return;
            }
        }
    }
}

/// What is new; `None` when nothing is.
async fn news(
    node: &Arc<Node>,
    watching: &mut Watching,
) -> Result<Option<Vec<WatchRecordsResponse>>, ReadError> {
    let Watching {
        after,
        escalation,
        steps,
        permit,
        backlog,
    } = watching;
    // By the permissions as they are now.
    *permit = node.again(permit)?;
    let (records, last) = node
        .following(*after, WATCH_AHEAD, *steps, *backlog, permit)
        .await?;
    let (late, next) = node.escalated(*escalation, WATCH_AHEAD, permit).await?;
    if last == *after && next == *escalation {
        return Ok(None);
    }
    let before = *escalation;
    (*after, *escalation) = (last, next);
    let records = records.into_iter().map(|record| {
        let number = record.number;
        (record, None, number, before)
    });
    let late = late
        .into_iter()
        .map(|(record, of, index)| (record, Some(of), last, index.saturating_add(1)));
    let news = records
        .chain(late)
        .map(|(record, of, number, escalation)| WatchRecordsResponse {
            record: Some(record),
            escalation: of,
            position: Some(WatchPosition { number, escalation }),
        });
    Ok(Some(news.collect()))
}

/// Record and idempotency key of a submission.
fn submission(request: SubmitRecordRequest) -> Result<(Record, String), Refusal> {
    let record = request.record.ok_or_else(|| {
        Refusal::new(
            Code::InvalidArgument,
            "RECORD_MISSING",
            "the submission carries no record",
        )
    })?;
    Ok((record, request.idempotency_key))
}

fn response(accepted: Accepted) -> SubmitRecordResponse {
    SubmitRecordResponse {
        reference: accepted.reference.to_string(),
        header_digest: accepted.digest.to_vec(),
        acceptance: Some(accepted.acceptance),
        repeated: accepted.repeated,
    }
}
