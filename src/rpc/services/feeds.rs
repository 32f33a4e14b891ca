//! Items of case systems.

use std::{pin::Pin, sync::Arc};

use futures_util::{FutureExt as _, Stream, StreamExt as _};
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status, Streaming};

use crate::{
    access::act,
    node::{
        Node,
        intake::{Coming, Feed, MOST_TOGETHER, Outcomes, Taken},
    },
    rpc::{
        services::{enter, refuse},
        status::Refusal,
    },
    wire::node::{
        FeedItem, FeedItemTaken, IngestBegin, IngestRequest, IngestResponse,
        feed_service_server::FeedService, ingest_request::Part, ingest_response::Outcome,
    },
};

/// Items of one stream that wait for their answer at the same time.
const IN_FLIGHT: usize = 1024;
/// Bytes of items that are taken together at most, beside the last.
const BYTES_TOGETHER: usize = 2 << 20;

pub(super) struct Feeds {
    node: Arc<Node>,
}

impl Feeds {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

/// What goes along with an item: its own id, or why the stream ends with it.
type Named = Result<String, Status>;

#[tonic::async_trait]
impl FeedService for Feeds {
    type IngestStream = Pin<Box<dyn Stream<Item = Result<IngestResponse, Status>> + Send>>;

    async fn ingest(
        &self,
        request: Request<Streaming<IngestRequest>>,
    ) -> Result<Response<Self::IngestStream>, Status> {
        let (permit, mut requests) = enter::<act::Ingest, _>(&self.node, request)?;
        let begin = first(&mut requests).await?;
        let feed = self.node.feed(permit, begin).map_err(refuse)?;
        let (to_take, gathered) = mpsc::channel(1);
        let (outcomes, under_way) = mpsc::channel(IN_FLIGHT);
        tokio::spawn(gather(requests, to_take, outcomes.clone()));
        tokio::spawn(take(feed, gathered, outcomes));
        let answers = ReceiverStream::new(under_way).then(async |(named, coming)| {
            let own_id: String = named?;
            Ok(IngestResponse {
                own_id,
                outcome: Some(match coming.outcome().await {
                    Ok(taken) => Outcome::Taken(shown(taken)),
                    Err(error) => Outcome::Refused(Refusal::from(error).into()),
                }),
            })
        });
        Ok(Response::new(Box::pin(answers)))
    }
}

/// How the items are to be taken.
async fn first(requests: &mut Streaming<IngestRequest>) -> Result<IngestBegin, Status> {
    match requests.message().await? {
        Some(IngestRequest {
            part: Some(Part::Begin(begin)),
        }) => Ok(begin),
        _ => Err(begins_once()),
    }
}

fn begins_once() -> Status {
    refuse(Refusal::new(
        Code::InvalidArgument,
        "BEGIN_MISPLACED",
        "a feed begins with `begin`, once, and then has nothing but items",
    ))
}

/// Gathers the items that are there: what came together is looked up together. A task of its own, so
/// that some are read while others are looked up; the last thing that it says is why the stream ended.
async fn gather(
    mut requests: Streaming<IngestRequest>,
    to_take: mpsc::Sender<Result<Vec<FeedItem>, Status>>,
    outcomes: Outcomes<Named>,
) {
    let mut ended = None;
    while ended.is_none() {
        let next = tokio::select! {
            next = requests.next() => next,
            () = outcomes.closed() => return,
        };
        let (mut items, mut bytes) = (Vec::new(), 0_usize);
        let mut next = Some(next);
        while let Some(came) = next {
            match came {
                None => ended = Some(None),
                Some(Err(status)) => ended = Some(Some(status)),
                Some(Ok(IngestRequest {
                    part: Some(Part::Item(item)),
                })) => {
                    bytes = bytes.saturating_add(item.encoded_len());
                    items.push(item);
                }
                Some(Ok(_)) => ended = Some(Some(begins_once())),
            }
            let more = ended.is_none() && items.len() < MOST_TOGETHER && bytes < BYTES_TOGETHER;
            next = match more {
                true => requests.next().now_or_never(),
                false => None,
            };
        }
        if !items.is_empty() && to_take.send(Ok(items)).await.is_err() {
            return;
        }
    }
    if let Some(Some(status)) = ended {
        let _ = to_take.send(Err(status)).await;
    }
}

/// Takes items in their order until there are no more, or nobody wants to know. A task of its own: were
/// it driven by who reads the answers, a client that reads none could keep what it has under way.
async fn take(
    feed: Feed,
    mut gathered: mpsc::Receiver<Result<Vec<FeedItem>, Status>>,
    outcomes: Outcomes<Named>,
) {
    while let Some(items) = gathered.recv().await {
        match items {
            Ok(items) => {
                if !feed.take(items, Ok, &outcomes).await {
                    return;
                }
            }
            Err(status) => {
                let closed = Coming::Now(Err(crate::node::NodeError::Closed.into()));
                let _ = outcomes.send((Err(status), closed)).await;
                return;
            }
        }
    }
}

fn shown(taken: Taken) -> FeedItemTaken {
    FeedItemTaken {
        outcome: taken.outcome.into(),
        reference: taken
            .reference
            .map(|reference| reference.to_string())
            .unwrap_or_default(),
    }
}
