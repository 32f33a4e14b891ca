//! Following what becomes durable, across broken connections.

use std::{fmt, num::ParseIntError, str::FromStr, time::Duration};

use tokio::time::timeout;
use tonic::Streaming;

use super::{Client, ClientError, connection::Pauses};
use crate::wire::node::{
    Escalation, RecordSummary, WatchPosition, WatchRecordsRequest, WatchRecordsResponse,
};

/// How often a watch looks whether its certificate wants to be renewed.
const RENEWAL: Duration = Duration::from_secs(60);

/// Where a watch stands. Written down (as text: `412.7`) once what came before it was dealt with, it
/// lets another watch go on there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Local number of the last record.
    pub number: u64,
    /// How many escalations there were.
    pub escalation: u64,
}

/// A text that is no position.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no position of a watch, such as 412.7")]
pub struct PositionError(String);

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.number, self.escalation)
    }
}

impl FromStr for Position {
    type Err = PositionError;

    fn from_str(text: &str) -> Result<Self, PositionError> {
        let parse = || -> Result<Option<Self>, ParseIntError> {
            let Some((number, escalation)) = text.trim().split_once('.') else {
                return Ok(None);
            };
            Ok(Some(Self {
                number: number.parse()?,
                escalation: escalation.parse()?,
            }))
        };
        let position = parse().ok().flatten();
        position.ok_or_else(|| PositionError(text.to_owned()))
    }
}

impl From<WatchPosition> for Position {
    fn from(position: WatchPosition) -> Self {
        Self {
            number: position.number,
            escalation: position.escalation,
        }
    }
}

/// Where a watch begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the first record that the node holds.
    Beginning,
    /// With what becomes durable from now on.
    Now,
    /// After what another watch had.
    After(Position),
}

/// A record that became durable, or late.
#[derive(Clone, Debug, PartialEq)]
pub struct News {
    /// The record.
    pub record: RecordSummary,
    /// Set when it is told because what is due of it is late.
    pub escalation: Option<Escalation>,
    /// Where to go on after it.
    pub position: Position,
}

impl Client {
    /// Follows what becomes durable at the node, oldest first; `steps` too: recalls, consent, late
    /// receipts. A connection that breaks is made anew, and the watch goes on where it was: every
    /// record comes once.
    ///
    /// ```no_run
    /// use comity::client::Start;
    ///
    /// # async fn example(client: &comity::client::Client) -> Result<(), comity::client::ClientError> {
    /// let client = client.clone().with_patience(std::time::Duration::MAX);
    /// let mut watch = client.watch(Start::Now, false).await?;
    /// loop {
    ///     let news = watch.next().await?;
    ///     println!("{} {}", news.record.reference, news.position);
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::Refused`]: `ACCESS_DENIED`, or `POSITION_UNKNOWN` for a position that the node
    /// never had, as after a restore.
    pub async fn watch(&self, start: Start, steps: bool) -> Result<Watch, ClientError> {
        let mut watch = Watch {
            pauses: self.pauses(),
            client: self.clone(),
            start,
            steps,
            stream: None,
        };
        while let Err(failed) = watch.begin().await {
            watch.client.recover(failed, &mut watch.pauses).await?;
        }
        Ok(watch)
    }
}

/// Follows what becomes durable. Dropped, it ends.
#[derive(Debug)]
pub struct Watch {
    client: Client,
    start: Start,
    steps: bool,
    stream: Option<Streaming<WatchRecordsResponse>>,
    pauses: Pauses,
}

impl Watch {
    /// The next record; waits until there is one. Whoever stops waiting loses nothing.
    ///
    /// # Errors
    /// [`ClientError`] when the node refuses, or stays away longer than the client has patience.
    pub async fn next(&mut self) -> Result<News, ClientError> {
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
                    Ok(Ok(Some(answer))) => match self.take(answer) {
                        Some(news) => return Ok(news),
                        None => continue,
                    },
                    Ok(Ok(None)) => tonic::Status::unavailable("the node ended the watch").into(),
                    Ok(Err(status)) => ClientError::from(status),
                },
            };
            if self.stream.take().is_some() {
                self.pauses = self.client.pauses();
            }
            self.client.recover(failed, &mut self.pauses).await?;
        }
    }

    /// Where it stands; `None` while a watch of what is new has not begun.
    pub const fn position(&self) -> Option<Position> {
        match self.start {
            Start::After(position) => Some(position),
            Start::Beginning | Start::Now => None,
        }
    }

    /// Opens the stream, and takes the position where it begins.
    async fn begin(&mut self) -> Result<(), ClientError> {
        let (after, only_new) = match self.start {
            Start::Beginning => (None, false),
            Start::Now => (None, true),
            Start::After(position) => (Some(position), false),
        };
        let request = WatchRecordsRequest {
            after_number: after.map_or(0, |position| position.number),
            only_new,
            steps: self.steps,
            after_escalation: after.map(|position| position.escalation),
            tell_position: true,
        };
        let mut stream = self
            .client
            .records
            .watch_records(request)
            .await?
            .into_inner();
        if let Some(first) = stream.message().await? {
            self.take(first);
        }
        self.stream = Some(stream);
        Ok(())
    }

    /// Takes an answer in: where it is, and what is new.
    fn take(&mut self, answer: WatchRecordsResponse) -> Option<News> {
        let position = answer.position.map(Position::from)?;
        self.start = Start::After(position);
        Some(News {
            record: answer.record?,
            escalation: answer.escalation,
            position,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_read_as_it_is_written() {
        let position = Position {
            number: 412,
            escalation: 7,
        };
        assert_eq!(position.to_string().parse(), Ok(position));
        for wrong in ["", "412", ".", "1.x", "-1.0", "1.2.3"] {
            assert_eq!(
                wrong.parse::<Position>(),
                Err(PositionError(wrong.to_owned()))
            );
        }
    }
}
