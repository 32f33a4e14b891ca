//! Items go to the node, their answers come back, and both are noted in the order of the rows.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use crate::{
    cli::{
        Target,
        exit::{Failure, SOFTWARE},
    },
    client::{ClientError, FeedAnswers, Refused},
    feed::{
        layouts::{Entry, Unfit},
        mapping::Mapping,
        rows::Row,
    },
    wire::node::{
        FeedItem, FeedOutcome, IngestBegin, IngestResponse, Refusal, Violation,
        ingest_response::Outcome,
    },
};

use super::{letters::Why, noting::Noting, source::Source};

/// Rows under way: read, and not answered or noted.
const WINDOW: usize = 256;
/// Longest pause before a node that is away is looked for again.
const LONGEST_PAUSE: Duration = Duration::from_secs(15);

/// How a stream ended, where nothing failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    /// Every row was answered.
    Complete,
    /// Somebody asked to stop; what was under way was answered.
    Stopped,
}

/// What goes to the node.
pub(super) struct Streaming<'a> {
    pub(super) target: &'a Target,
    pub(super) begin: IngestBegin,
    pub(super) mapping: &'a Mapping,
    pub(super) source: &'a Source,
    /// How long a node that is away is looked for.
    pub(super) patience: Duration,
    pub(super) stop: &'a CancellationToken,
}

/// A row under way.
struct Waiting {
    entry: Entry,
    /// Whether its item went to the node over the stream in hand.
    sent: bool,
}

/// Why a stream came to its end.
enum Broke {
    Ended(Ended),
    /// The node is away, or asks for a pause.
    Away(ClientError),
}

impl Streaming<'_> {
    /// Sends every entry and notes what becomes of it.
    pub(super) async fn run(
        &self,
        mut entries: mpsc::Receiver<Result<Entry, Unfit>>,
        noting: &mut Noting<'_>,
    ) -> Result<Ended, Failure> {
        let mut waiting: VecDeque<Waiting> = VecDeque::new();
        let mut ended = false;
        let mut away_since: Option<Instant> = None;
        let mut pause = Duration::from_millis(200);
        loop {
            let done = noting.progress.done;
            let ran = self
                .once(&mut entries, &mut waiting, &mut ended, noting)
                .await;
            // What was noted is durable before anything else happens.
            noting.keep(self.source)?;
            let error = match ran? {
                Broke::Ended(ended) => return Ok(ended),
                Broke::Away(error) => error,
            };
            let Some(wait) = error.retry_after() else {
                return Err(error.into());
            };
            if noting.progress.done > done {
                away_since = None;
                pause = Duration::from_millis(200);
            }
            let since = *away_since.get_or_insert_with(Instant::now);
            if since.elapsed() >= self.patience {
                return Err(error.into());
            }
            pause = (pause * 2).min(LONGEST_PAUSE);
            tokio::select! {
                () = tokio::time::sleep(pause.max(wait)) => {}
                () = self.stop.cancelled() => return Ok(Ended::Stopped),
            }
        }
    }

    /// One connection.
    async fn once(
        &self,
        entries: &mut mpsc::Receiver<Result<Entry, Unfit>>,
        waiting: &mut VecDeque<Waiting>,
        ended: &mut bool,
        noting: &mut Noting<'_>,
    ) -> Result<Broke, Failure> {
        let connected = tokio::select! {
            connected = self.target.connect() => connected,
            () = self.stop.cancelled() => return Ok(Broke::Ended(Ended::Stopped)),
        };
        let mut client = match connected {
            Ok(client) => client,
            Err(failure) => return away(failure),
        };
        let feeding = match client.feed(self.begin.clone()).await {
            Ok(feeding) => feeding,
            Err(error) if error.retry_after().is_some() => return Ok(Broke::Away(error)),
            Err(error) => return Err(error.into()),
        };
        let (mut sender, mut answers) = feeding.split();
        let (items, mut queue) = mpsc::channel::<FeedItem>(WINDOW);
        let sending = tokio::spawn(async move {
            while let Some(item) = queue.recv().await {
                // The answers say why a stream broke.
                if sender.send(item).await.is_err() {
                    break;
                }
            }
        });
        for of in waiting.iter_mut() {
            of.sent = false;
        }
        let broke = self
            .exchange(entries, waiting, ended, noting, (Some(items), &mut answers))
            .await;
        if !matches!(&broke, Ok(Broke::Ended(_))) {
            sending.abort();
        }
        // It ends with the channel; what it says is said by the answers.
        let _ = sending.await;
        broke
    }

    async fn exchange(
        &self,
        entries: &mut mpsc::Receiver<Result<Entry, Unfit>>,
        waiting: &mut VecDeque<Waiting>,
        ended: &mut bool,
        noting: &mut Noting<'_>,
        (mut items, answers): (Option<mpsc::Sender<FeedItem>>, &mut FeedAnswers),
    ) -> Result<Broke, Failure> {
        loop {
            send_unsent(waiting, items.as_ref());
            while let Some(front) = waiting.front() {
                let Err(faults) = &front.entry.outcome else {
                    break;
                };
                let whys: Vec<Why> = faults.iter().map(Why::from).collect();
                noting.failed(&front.entry.row, &whys)?;
                waiting.pop_front();
                noting.keep_now_and_then(self.source)?;
            }
            let stopping = self.stop.is_cancelled();
            if waiting.is_empty() && (*ended || stopping) {
                drop(items.take());
                return Ok(Broke::Ended(if *ended {
                    Ended::Complete
                } else {
                    Ended::Stopped
                }));
            }
            tokio::select! {
                biased;
                answer = answers.next(), if !waiting.is_empty() => {
                    let answer = match answer {
                        Ok(Some(answer)) => answer,
                        Ok(None) => {
                            let status = tonic::Status::unavailable("the node ended the stream");
                            return Ok(Broke::Away(status.into()));
                        }
                        Err(error) if error.retry_after().is_some() || broken(&error) => {
                            return Ok(Broke::Away(retryable(error)));
                        }
                        Err(error) => return Err(error.into()),
                    };
                    if let Some(away) = self.answered(answer, waiting, noting)? {
                        return Ok(Broke::Away(away));
                    }
                    noting.keep_now_and_then(self.source)?;
                }
                entry = entries.recv(), if !*ended && !stopping && waiting.len() < WINDOW => {
                    match entry {
                        Some(Ok(entry)) => waiting.push_back(Waiting { entry, sent: false }),
                        Some(Err(unfit)) => return Err(self.source.unfit(&unfit)),
                        None => *ended = true,
                    }
                }
                () = self.stop.cancelled(), if !stopping => {}
            }
        }
    }

    /// Notes an answer; what the node refuses for the time being is sent again later.
    fn answered(
        &self,
        answer: IngestResponse,
        waiting: &mut VecDeque<Waiting>,
        noting: &mut Noting<'_>,
    ) -> Result<Option<ClientError>, Failure> {
        let wrong = || {
            let why = "the node's answers do not fit what was sent; nothing more is sent";
            Failure::new(SOFTWARE, why)
        };
        let Some(front) = waiting.front() else {
            return Err(wrong());
        };
        let own_id = front
            .entry
            .outcome
            .as_ref()
            .map(|item| item.own_id.as_str());
        if own_id != Ok(answer.own_id.as_str()) {
            return Err(wrong());
        }
        match answer.outcome {
            Some(Outcome::Taken(taken)) => {
                let what = match taken.outcome() {
                    FeedOutcome::Submitted => "submitted",
                    FeedOutcome::Amended => "amended",
                    FeedOutcome::Unchanged => "unchanged",
                    FeedOutcome::Recalled => "recalled",
                    FeedOutcome::Outdated => "outdated",
                    FeedOutcome::Unspecified => return Err(wrong()),
                };
                noting.progress.count(what);
                noting.done(&front.entry.row);
            }
            Some(Outcome::Refused(refusal)) => {
                let refused = Refused::from(refusal.clone());
                // The item is not to blame for what passes: a full disk, a node that shuts down.
                let passes = [
                    tonic::Code::Unavailable,
                    tonic::Code::ResourceExhausted,
                    tonic::Code::Aborted,
                ];
                if passes.contains(&refused.code()) {
                    let status = tonic::Status::unavailable(refused.to_string());
                    return Ok(Some(status.into()));
                }
                let whys = whys_of(&refusal, self.mapping, &front.entry.row);
                noting.failed(&front.entry.row, &whys)?;
            }
            None => return Err(wrong()),
        }
        waiting.pop_front();
        Ok(None)
    }
}

/// Hands on what is under way and was not sent over this stream; there is room for all of it.
fn send_unsent(waiting: &mut VecDeque<Waiting>, items: Option<&mpsc::Sender<FeedItem>>) {
    for of in waiting.iter_mut().filter(|of| !of.sent) {
        of.sent = match (&of.entry.outcome, items) {
            (Ok(item), Some(items)) => items.try_send(item.clone()).is_ok(),
            _ => true,
        };
        if !of.sent {
            break;
        }
    }
}

fn away(failure: Failure) -> Result<Broke, Failure> {
    // Only what a client says of a node that is not there tells that it may come back.
    if failure.code() == crate::cli::exit::UNAVAILABLE
        || failure.code() == crate::cli::exit::TEMPFAIL
    {
        let status = tonic::Status::unavailable(failure.message().to_owned());
        return Ok(Broke::Away(status.into()));
    }
    Err(failure)
}

/// Whether the connection broke rather than that the node refused.
fn broken(error: &ClientError) -> bool {
    error.refused().is_some_and(|of| of.reason().is_empty())
        && !matches!(
            error.code(),
            tonic::Code::PermissionDenied
                | tonic::Code::Unauthenticated
                | tonic::Code::InvalidArgument
        )
}

fn retryable(error: ClientError) -> ClientError {
    if error.retry_after().is_some() {
        return error;
    }
    tonic::Status::unavailable(error.to_string()).into()
}

/// Why the node refused an item, in the columns of the file.
fn whys_of(refusal: &Refusal, mapping: &Mapping, row: &Row) -> Vec<Why> {
    if refusal.violations.is_empty() {
        return vec![Why {
            field: String::new(),
            value: String::new(),
            reason: refusal.reason.clone(),
            message: refusal.message.clone(),
        }];
    }
    let why = |of: &Violation| {
        let columns = mapping.columns_behind(&of.field);
        let at = row.heading.columns.iter().position(|name| *name == columns);
        let cell = at.and_then(|at| row.cells.get(at));
        let value = cell.map_or(of.value.clone(), |cell| cell.text.clone());
        Why {
            field: if columns.is_empty() {
                of.field.clone()
            } else {
                columns
            },
            value: value.chars().take(crate::feed::fault::MAX_SHOWN).collect(),
            reason: of.rule.clone(),
            message: format!("{}: {}", of.field, of.message),
        }
    };
    refusal.violations.iter().map(why).collect()
}
