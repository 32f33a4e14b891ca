//! Following subscriptions, across broken connections.

use std::time::Duration;

use tokio::time::timeout;
use tonic::Streaming;

use super::{Client, ClientError, connection::Pauses};
use crate::wire::node::{
    AcknowledgeRequest, CreateSubscriptionRequest, Delivered, FollowRequest, FollowResponse,
    PullRequest, PullResponse, Subscription, SubscriptionPosition, follow_response::Part,
};

/// How often a stream looks whether its certificate wants to be renewed.
const RENEWAL: Duration = Duration::from_secs(60);

impl Client {
    /// Makes a subscription of the caller's authority; the same again is no second one.
    ///
    /// ```no_run
    /// use comity::wire::node::{CreateSubscriptionRequest, SubscriptionFilter};
    ///
    /// # async fn example(client: &mut comity::client::Client) -> Result<(), comity::client::ClientError> {
    /// let filter = SubscriptionFilter { kinds: vec!["Route".to_owned()], ..Default::default() };
    /// let made = client
    ///     .subscribe(CreateSubscriptionRequest {
    ///         name: "case-system".to_owned(),
    ///         filter: Some(filter),
    ///         ..Default::default()
    ///     })
    ///     .await?;
    /// println!("{} records behind", made.lag);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `FILTER_INVALID`, `SUBSCRIPTION_EXISTS`, `SUBSCRIPTIONS_TOO_MANY`,
    /// `ACCESS_DENIED`.
    pub async fn subscribe(
        &mut self,
        asked: CreateSubscriptionRequest,
    ) -> Result<Subscription, ClientError> {
        let made = self
            .repeat(|client| {
                let (mut service, asked) = (client.subscriptions.clone(), asked.clone());
                async move { service.create_subscription(asked).await }
            })
            .await?;
        Ok(made.subscription.unwrap_or_default())
    }

    /// Follows a subscription from its cursor on. Whoever followed it before is cut off. A connection that
    /// breaks is made anew; what was not acknowledged comes again.
    ///
    /// ```no_run
    /// # async fn example(client: &comity::client::Client) -> Result<(), comity::client::ClientError> {
    /// let client = client.clone().with_patience(std::time::Duration::MAX);
    /// let mut following = client.follow("case-system").await?;
    /// loop {
    ///     let delivered = following.next().await?;
    ///     // Keep it durably, and only then say so.
    ///     following.acknowledge(&delivered).await?;
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `SUBSCRIPTION_UNKNOWN`, `ACCESS_DENIED`.
    pub async fn follow(&self, name: impl Into<String>) -> Result<Following, ClientError> {
        self.follow_within(name, 0).await
    }

    /// As [`Self::follow`], with at most `window` records sent and not acknowledged; 0: the node's usual.
    ///
    /// # Errors
    /// As [`Self::follow`].
    pub async fn follow_within(
        &self,
        name: impl Into<String>,
        window: u32,
    ) -> Result<Following, ClientError> {
        let mut following = Following {
            pauses: self.pauses(),
            client: self.clone(),
            name: name.into(),
            window,
            stream: None,
            session: 0,
        };
        while let Err(failed) = following.begin().await {
            following
                .client
                .recover(failed, &mut following.pauses)
                .await?;
        }
        Ok(following)
    }

    /// The next page of a subscription, once the one before is acknowledged. Nothing is repeated: asked
    /// again without an acknowledgement, the same page comes.
    ///
    /// ```no_run
    /// use comity::wire::node::PullRequest;
    ///
    /// # async fn example(client: &mut comity::client::Client) -> Result<(), comity::client::ClientError> {
    /// let mut asked = PullRequest { name: "case-system".to_owned(), ..Default::default() };
    /// loop {
    ///     let page = client.pull(asked.clone()).await?;
    ///     // Keep the page durably: asking for the next one acknowledges it.
    ///     asked.acknowledge = page.position;
    ///     asked.session = page.session;
    ///     if page.delivered.is_empty() && !page.more {
    ///         break;
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `SUBSCRIPTION_UNKNOWN`, `SUBSCRIPTION_TAKEN_OVER`, `POSITION_NOT_SENT`,
    /// `ACCESS_DENIED`.
    pub async fn pull(&mut self, asked: PullRequest) -> Result<PullResponse, ClientError> {
        Ok(self.subscriptions.pull(asked).await?.into_inner())
    }

    /// Acknowledges a page without asking for another; the cursor afterwards.
    ///
    /// # Errors
    /// As [`Self::pull`].
    pub async fn acknowledge_delivered(
        &mut self,
        name: impl Into<String>,
        position: SubscriptionPosition,
        session: u64,
    ) -> Result<SubscriptionPosition, ClientError> {
        let request = AcknowledgeRequest {
            name: name.into(),
            position: Some(position),
            session,
        };
        let answer = self
            .repeat(|client| {
                let (mut service, request) = (client.subscriptions.clone(), request.clone());
                async move { service.acknowledge(request).await }
            })
            .await?;
        Ok(answer.cursor.unwrap_or_default())
    }
}

/// Something that a stream delivered.
#[derive(Clone, Debug, PartialEq)]
pub struct Received {
    /// What.
    pub delivered: Delivered,
    /// Of the stream that sent it.
    session: u64,
}

impl Received {
    /// Acknowledges it and everything before it.
    pub fn position(&self) -> SubscriptionPosition {
        self.delivered.position.unwrap_or_default()
    }
}

/// Follows a subscription. Dropped, it ends.
#[derive(Debug)]
pub struct Following {
    client: Client,
    name: String,
    window: u32,
    stream: Option<Streaming<FollowResponse>>,
    session: u64,
    pauses: Pauses,
}

impl Following {
    /// What comes next; waits until there is something, and while the window is full. Whoever stops waiting
    /// loses nothing.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses, such as `SUBSCRIPTION_TAKEN_OVER` once somebody else
    /// follows, or stays away longer than the client has patience.
    pub async fn next(&mut self) -> Result<Received, ClientError> {
        loop {
            let failed = match &mut self.stream {
                None => match self.begin().await {
                    Ok(()) => continue,
                    Err(error) => error,
                },
                Some(stream) => match timeout(RENEWAL, stream.message()).await {
                    Err(_) => {
                        self.client.renew_if_due().await;
                        continue;
                    }
                    Ok(Ok(Some(answer))) => match answer.part {
                        Some(Part::Delivered(delivered)) => {
                            let session = self.session;
                            return Ok(Received { delivered, session });
                        }
                        _ => continue,
                    },
                    Ok(Ok(None)) => tonic::Status::unavailable("the node ended the stream").into(),
                    Ok(Err(status)) => ClientError::from(status),
                },
            };
            if self.stream.take().is_some() {
                self.pauses = self.client.pauses();
            }
            self.client.recover(failed, &mut self.pauses).await?;
        }
    }

    /// Says that something, and everything before it, was dealt with. True once the cursor is durable behind
    /// it; false where the stream was begun anew since: then it comes again.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses, such as `SUBSCRIPTION_TAKEN_OVER`.
    pub async fn acknowledge(&mut self, received: &Received) -> Result<bool, ClientError> {
        if received.session != self.session {
            return Ok(false);
        }
        let (name, position) = (self.name.clone(), received.position());
        let moved = self
            .client
            .acknowledge_delivered(name, position, received.session)
            .await?;
        let dealt = position.number <= moved.number && position.gone <= moved.gone;
        Ok(dealt)
    }

    /// Opens the stream.
    async fn begin(&mut self) -> Result<(), ClientError> {
        let request = FollowRequest {
            name: self.name.clone(),
            window: self.window,
            window_bytes: 0,
        };
        let stream = self.client.subscriptions.follow(request).await?;
        let mut stream = stream.into_inner();
        if let Some(FollowResponse {
            part: Some(Part::Begun(begun)),
        }) = stream.message().await?
        {
            self.session = begun.session;
        }
        self.stream = Some(stream);
        Ok(())
    }
}
