//! Feeding items of a case system.

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{Client, ClientError};
use crate::wire::node::{
    FeedItem, IngestBegin, IngestRequest, IngestResponse, ingest_request::Part,
};

/// Items that wait for the connection.
const AHEAD: usize = 64;

impl Client {
    /// Begins to feed items of a case system: each is answered, in order, once it is durable. Nothing
    /// is repeated. After a broken connection, feed again what was not answered: the node knows what
    /// it has, and says `UNCHANGED` of it.
    ///
    /// Sending and reading the answers go on at the same time, by the halves of [`Feeding::split`]; one
    /// who only sends waits for ever once the node has as many items under way as it takes.
    ///
    /// ```no_run
    /// use comity::wire::node::{FeedItem, IngestBegin, feed_item::Content, ingest_response::Outcome};
    ///
    /// # async fn example(
    /// #     client: &mut comity::client::Client,
    /// #     case: comity::wire::record::Record,
    /// # ) -> Result<(), comity::client::ClientError> {
    /// let begin = IngestBegin {
    ///     feed: "case-system".to_owned(),
    ///     dry_run: false,
    /// };
    /// let (mut sender, mut answers) = client.feed(begin).await?.split();
    /// let sending = tokio::spawn(async move {
    ///     let item = FeedItem {
    ///         own_id: "2026-4711".to_owned(),
    ///         version: 3,
    ///         content: Some(Content::Record(case)),
    ///     };
    ///     // Dropping the sender says that no more items come.
    ///     sender.send(item).await
    /// });
    /// while let Some(answer) = answers.next().await? {
    ///     match answer.outcome {
    ///         Some(Outcome::Taken(taken)) => println!("{} is {}", answer.own_id, taken.reference),
    ///         Some(Outcome::Refused(why)) => println!("{}: {}", answer.own_id, why.message),
    ///         None => {}
    ///     }
    /// }
    /// # drop(sending);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `ACCESS_DENIED`, `FEED_NAME_INVALID`.
    pub async fn feed(&mut self, begin: IngestBegin) -> Result<Feeding, ClientError> {
        let (items, sent) = mpsc::channel(AHEAD);
        let first = IngestRequest {
            part: Some(Part::Begin(begin)),
        };
        // There is room for it.
        let _ = items.try_send(first);
        let answers = self.feeds.ingest(ReceiverStream::new(sent)).await?;
        Ok(Feeding {
            sender: Some(FeedSender { items }),
            answers: FeedAnswers {
                answers: answers.into_inner(),
            },
        })
    }
}

/// A stream of items under way to a node.
#[derive(Debug)]
pub struct Feeding {
    sender: Option<FeedSender>,
    answers: FeedAnswers,
}

impl Feeding {
    /// Sends an item; waits while the node takes no more.
    ///
    /// # Errors
    /// As [`FeedSender::send`]; also after [`Self::finish`].
    pub async fn send(&mut self, item: FeedItem) -> Result<(), ClientError> {
        match &mut self.sender {
            Some(sender) => sender.send(item).await,
            None => Err(Status::failed_precondition("the feed was finished before").into()),
        }
    }

    /// The next answer, in the order of the items; `None` once all were answered and
    /// [`Self::finish`] was called.
    ///
    /// # Errors
    /// As [`FeedAnswers::next`].
    pub async fn answer(&mut self) -> Result<Option<IngestResponse>, ClientError> {
        self.answers.next().await
    }

    /// No more items come.
    pub fn finish(&mut self) {
        self.sender = None;
    }

    /// The sending and the answering half, which go on side by side. Without a sender, that is after
    /// [`Self::finish`], the first half sends nothing.
    pub fn split(self) -> (FeedSender, FeedAnswers) {
        let finished = || FeedSender {
            items: mpsc::channel(1).0,
        };
        (self.sender.unwrap_or_else(finished), self.answers)
    }
}

/// The half of a [`Feeding`] that sends. Dropped, it says that no more items come.
#[derive(Debug)]
pub struct FeedSender {
    items: mpsc::Sender<IngestRequest>,
}

impl FeedSender {
    /// Sends an item; waits while the node takes no more.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the stream ended: the answering half says why.
    pub async fn send(&mut self, item: FeedItem) -> Result<(), ClientError> {
        let request = IngestRequest {
            part: Some(Part::Item(item)),
        };
        let sent = self.items.send(request).await;
        sent.map_err(|_| Status::unavailable("the stream of items ended").into())
    }
}

/// The half of a [`Feeding`] that is answered.
#[derive(Debug)]
pub struct FeedAnswers {
    answers: Streaming<IngestResponse>,
}

impl FeedAnswers {
    /// The next answer, in the order of the items; `None` once all were answered and no more items
    /// come.
    ///
    /// # Errors
    /// [`ClientError::Refused`] when the stream broke: of what was not answered nobody knows whether
    /// it is durable; feeding it again tells.
    pub async fn next(&mut self) -> Result<Option<IngestResponse>, ClientError> {
        Ok(self.answers.message().await?)
    }
}
