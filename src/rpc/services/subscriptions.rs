//! Subscriptions and webhooks for clients.

use std::{pin::Pin, sync::Arc};

use futures_util::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use crate::{
    access::act,
    feed::subscription::{Position, WindowSize},
    node::{
        Node,
        outlet::{Following, OutletError},
    },
    rpc::{
        services::{enter, refuse},
        status::Refusal,
    },
    wire::node::{
        AcknowledgeRequest, AcknowledgeResponse, CreateSubscriptionRequest,
        CreateSubscriptionResponse, FollowBegun, FollowRequest, FollowResponse,
        ListSubscriptionsRequest, ListSubscriptionsResponse, ListWebhooksRequest,
        ListWebhooksResponse, PullRequest, PullResponse, RemoveSubscriptionRequest,
        RemoveSubscriptionResponse, ResumeWebhookRequest, ResumeWebhookResponse,
        SeekSubscriptionRequest, SeekSubscriptionResponse, follow_response::Part,
        subscription_service_server::SubscriptionService,
    },
};

/// What is ready to be written to a stream, beside what it writes.
const AHEAD: usize = 1;
/// Window when the client names none.
const DEFAULT_WINDOW: u32 = 100;
/// The same in bytes.
const DEFAULT_BYTES: u32 = 8 << 20;
/// Most that may be sent and not acknowledged.
const MAX_WINDOW: u32 = 1000;
/// The same in bytes.
const MAX_BYTES: u32 = 64 << 20;
/// Page size when the client names none.
const DEFAULT_PAGE: u32 = 100;
/// Most of a page.
const MAX_PAGE: u32 = 500;
/// Bytes of a page at most; one record goes whatever its size.
const PAGE_BYTES: usize = 8 << 20;

pub(super) struct Subscriptions {
    node: Arc<Node>,
}

impl Subscriptions {
    pub(super) const fn new(node: Arc<Node>) -> Self {
        Self { node }
    }
}

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A number that a client names: its default for 0, and no more than the most.
fn within(asked: u32, default: u32, most: u32) -> u32 {
    match asked {
        0 => default,
        asked => asked.min(most),
    }
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[tonic::async_trait]
impl SubscriptionService for Subscriptions {
    async fn create_subscription(
        &self,
        request: Request<CreateSubscriptionRequest>,
    ) -> Result<Response<CreateSubscriptionResponse>, Status> {
        let (permit, request) = enter::<act::Subscribe, _>(&self.node, request)?;
        let made = self.node.subscribe(&permit, request).await;
        let (subscription, repeated) = made.map_err(refuse)?;
        Ok(Response::new(CreateSubscriptionResponse {
            subscription: Some(subscription),
            repeated,
        }))
    }

    async fn list_subscriptions(
        &self,
        request: Request<ListSubscriptionsRequest>,
    ) -> Result<Response<ListSubscriptionsResponse>, Status> {
        let (permit, _) = enter::<act::Subscribe, _>(&self.node, request)?;
        let subscriptions = self.node.subscriptions(&permit).await.map_err(refuse)?;
        Ok(Response::new(ListSubscriptionsResponse { subscriptions }))
    }

    async fn seek_subscription(
        &self,
        request: Request<SeekSubscriptionRequest>,
    ) -> Result<Response<SeekSubscriptionResponse>, Status> {
        let (permit, request) = enter::<act::Subscribe, _>(&self.node, request)?;
        let start = request.start.filter(|start| start.at.is_some());
        let start = start.ok_or_else(|| {
            refuse(Refusal::new(
                Code::InvalidArgument,
                "START_MISSING",
                "`start` says where to go on, and is missing",
            ))
        })?;
        let cursor = self.node.seek(&permit, &request.name, start).await;
        let cursor = Some(cursor.map_err(refuse)?.into());
        Ok(Response::new(SeekSubscriptionResponse { cursor }))
    }

    async fn remove_subscription(
        &self,
        request: Request<RemoveSubscriptionRequest>,
    ) -> Result<Response<RemoveSubscriptionResponse>, Status> {
        let (permit, request) = enter::<act::Subscribe, _>(&self.node, request)?;
        let removed = self.node.unsubscribe(&permit, &request.name).await;
        removed.map_err(refuse)?;
        Ok(Response::new(RemoveSubscriptionResponse {}))
    }

    type FollowStream = Answers<FollowResponse>;

    async fn follow(
        &self,
        request: Request<FollowRequest>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let (permit, request) = enter::<act::Subscribe, _>(&self.node, request)?;
        let window = within(request.window, DEFAULT_WINDOW, MAX_WINDOW);
        let window_bytes = within(request.window_bytes, DEFAULT_BYTES, MAX_BYTES);
        let wanted = WindowSize {
            items: size(window),
            bytes: size(window_bytes),
        };
        let following = self.node.follow(permit, &request.name, wanted).await;
        let following = following.map_err(refuse)?;
        let begun = FollowBegun {
            session: following.session(),
            cursor: Some(following.cursor().into()),
            window,
            window_bytes,
        };
        let (answers, stream) = mpsc::channel(AHEAD);
        // There is room for it, and somebody to read it.
        let _ = answers.try_send(Ok(FollowResponse {
            part: Some(Part::Begun(begun)),
        }));
        tokio::spawn(follow(following, answers));
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn acknowledge(
        &self,
        request: Request<AcknowledgeRequest>,
    ) -> Result<Response<AcknowledgeResponse>, Status> {
        let (permit, request) = enter::<act::Subscribe, _>(&self.node, request)?;
        let AcknowledgeRequest {
            name,
            position,
            session,
        } = request;
        let position = Position::from(position.unwrap_or_default());
        let cursor = self
            .node
            .acknowledge_delivered(&permit, &name, position, session)
            .await;
        let cursor = Some(cursor.map_err(refuse)?.into());
        Ok(Response::new(AcknowledgeResponse { cursor }))
    }

    async fn pull(&self, request: Request<PullRequest>) -> Result<Response<PullResponse>, Status> {
        let (permit, request) = enter::<act::Subscribe, _>(&self.node, request)?;
        let acknowledged = request.acknowledge.map(Position::from);
        let acknowledged = acknowledged.map(|position| (position, request.session));
        let items = size(within(request.page_size, DEFAULT_PAGE, MAX_PAGE));
        let page = self
            .node
            .pull(permit, &request.name, acknowledged, items, PAGE_BYTES)
            .await
            .map_err(refuse)?;
        Ok(Response::new(PullResponse {
            delivered: page.delivered,
            position: Some(page.position.into()),
            session: page.session,
            more: page.more,
        }))
    }

    async fn list_webhooks(
        &self,
        request: Request<ListWebhooksRequest>,
    ) -> Result<Response<ListWebhooksResponse>, Status> {
        let (permit, _) = enter::<act::OperateWebhooks, _>(&self.node, request)?;
        let webhooks = self.node.webhooks(&permit).map_err(refuse)?;
        Ok(Response::new(ListWebhooksResponse { webhooks }))
    }

    async fn resume_webhook(
        &self,
        request: Request<ResumeWebhookRequest>,
    ) -> Result<Response<ResumeWebhookResponse>, Status> {
        let (permit, request) = enter::<act::OperateWebhooks, _>(&self.node, request)?;
        let resumed = self.node.resume_webhook(&permit, &request.name).await;
        resumed.map_err(refuse)?;
        Ok(Response::new(ResumeWebhookResponse {}))
    }
}

/// Sends what comes, until the client goes, somebody else follows, or the node closes.
async fn follow(mut following: Following, answers: mpsc::Sender<Result<FollowResponse, Status>>) {
    let ended = following.ended();
    let error = 'stream: loop {
        let next = tokio::select! {
            next = following.next() => next,
            () = answers.closed() => return,
        };
        let delivered = match next {
            Ok(delivered) => delivered,
            Err(error) => break error,
        };
        for one in delivered {
            let part = Some(Part::Delivered(one));
            let sent = tokio::select! {
                biased;
                () = ended.cancelled() => break 'stream OutletError::TakenOver,
                sent = answers.send(Ok(FollowResponse { part })) => sent,
            };
            if sent.is_err() {
                return;
            }
        }
    };
    // Who does not read any more keeps nothing of the node.
    drop(following);
    let _ = answers.send(Err(refuse(error))).await;
}

impl From<OutletError> for Refusal {
    fn from(error: OutletError) -> Self {
        let (code, reason) = match &error {
            OutletError::Name(_) => (Code::InvalidArgument, "NAME_INVALID"),
            OutletError::Filter(_) => (Code::InvalidArgument, "FILTER_INVALID"),
            OutletError::Purpose(_) => (Code::InvalidArgument, "PURPOSE_INVALID"),
            OutletError::Unknown => (Code::NotFound, "SUBSCRIPTION_UNKNOWN"),
            OutletError::Exists(_) => (Code::AlreadyExists, "SUBSCRIPTION_EXISTS"),
            OutletError::TooMany(_) => (Code::ResourceExhausted, "SUBSCRIPTIONS_TOO_MANY"),
            OutletError::PositionUnknown(_) => (Code::OutOfRange, "POSITION_UNKNOWN"),
            OutletError::NotSent(_) => (Code::OutOfRange, "POSITION_NOT_SENT"),
            OutletError::TakenOver => (Code::FailedPrecondition, "SUBSCRIPTION_TAKEN_OVER"),
            OutletError::NoWebhook => (Code::NotFound, "WEBHOOK_UNKNOWN"),
            OutletError::NoSystem(_) => (Code::FailedPrecondition, "SYSTEM_UNKNOWN"),
            OutletError::Read(_) | OutletError::Node(_) => {
                return match error {
                    OutletError::Read(error) => error.into(),
                    OutletError::Node(error) => error.into(),
                    other => Self::new(Code::Internal, "NODE_FAILED", other.to_string()),
                };
            }
        };
        Self::new(code, reason, error.to_string())
    }
}
