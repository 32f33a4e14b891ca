//! The demo's traffic: every record is submitted until it is durable, whatever is killed.

use std::{collections::VecDeque, io::BufRead, time::Duration};

use futures_util::StreamExt as _;
use indicatif::ProgressBar;
use tokio::{sync::mpsc, task::JoinSet};
use tokio_stream::wrappers::ReceiverStream;

use crate::{
    card::{MAX_AUTHORITIES, check_authority},
    client::{Client, Profile},
    exercise,
    home::Home,
    record::Country,
    wire::{
        json::{self, RecordStream},
        node::{
            GetStatusRequest, SubmitRecordRequest, SubmitRecordsRequest,
            submit_records_response::Outcome,
        },
        record::Record,
    },
};

use super::{
    super::{
        exit::{DATAERR, Failure, SOFTWARE, UNAVAILABLE},
        out::Out,
    },
    country::CountryNode,
};

/// Submissions of one country that wait for their answer at the same time.
const IN_FLIGHT: usize = 32;
/// Longest time without any answer before the demo gives up.
const PATIENCE: Duration = Duration::from_secs(90);

/// A record and where it is submitted.
pub(super) struct Submission {
    pub(super) origin: Country,
    pub(super) record: Record,
    /// Where it stands in the input, counted from 1.
    pub(super) line: u64,
}

/// A submission that was not answered yet.
struct Waiting {
    line: u64,
    request: SubmitRecordRequest,
}

/// Reads records of one's own. The origin is the first country that is not among the
/// destinations.
pub(super) fn from_file(
    input: impl BufRead,
    countries: &[Country],
) -> Result<Vec<Submission>, Failure> {
    RecordStream::new(input)
        .map(|(line, text)| {
            let text = text
                .map_err(|error| Failure::new(DATAERR, format!("line {line}: {error}")))?;
            let record: Record = json::from_json("comity.record.v1.Record", &text)
                .map_err(|error| Failure::new(DATAERR, format!("line {line}: {error}")))?;
            let origin = countries
                .iter()
                .copied()
                .find(|country| {
                    record
                        .destinations
                        .iter()
                        .all(|destination| destination.country != country.code())
                })
                .ok_or_else(|| {
                    Failure::new(
                        DATAERR,
                        format!("line {line}: every country of the corridor is a destination, none is left to submit it"),
                    )
                })?;
            Ok(Submission {
                origin,
                record,
                line,
            })
        })
        .collect()
}

/// The authorities of a country for the demo: those that exercises expect, and those that records
/// of one's own name, as far as a card can name them.
pub(super) fn authorities_of(country: Country, submissions: &[Submission]) -> Vec<String> {
    let mut names: Vec<String> = exercise::AUTHORITIES.map(str::to_owned).into();
    let submitting = submissions
        .iter()
        .filter(|of| of.origin == country)
        .map(|of| &of.record.authority);
    let receiving = submissions
        .iter()
        .flat_map(|of| &of.record.destinations)
        .filter(|of| of.country == country.code())
        .flat_map(|of| {
            let readers = of.readers.iter().flat_map(|reader| &reader.authorities);
            of.authorities.iter().chain(readers)
        });
    for name in submitting.chain(receiving) {
        if names.len() < MAX_AUTHORITIES && check_authority(name).is_ok() && !names.contains(name) {
            names.push(name.clone());
        }
    }
    names
}

/// Submits everything; kills and restarts one node once half of it is durable. Answers how many
/// nodes were restarted.
pub(super) async fn submit_all(
    nodes: &mut [CountryNode],
    submissions: Vec<Submission>,
    killed: usize,
    bar: &ProgressBar,
) -> Result<u64, Failure> {
    let half = (bar.length().unwrap_or(0) / 2).max(1);
    let mut submitters = JoinSet::new();
    let mut queues: Vec<(Country, Profile, VecDeque<Waiting>)> = Vec::new();
    for node in nodes.iter() {
        let profile = Profile::officer(&Home::open(&node.home)?)?;
        queues.push((node.country, profile, VecDeque::new()));
    }
    for (number, submission) in submissions.into_iter().enumerate() {
        if let Some((_, _, queue)) = queues
            .iter_mut()
            .find(|(country, ..)| *country == submission.origin)
        {
            queue.push_back(Waiting {
                line: submission.line,
                request: SubmitRecordRequest {
                    record: Some(submission.record),
                    idempotency_key: format!("demo-{number}"),
                },
            });
        }
    }
    let (done, mut durable) = mpsc::unbounded_channel();
    for (country, profile, queue) in queues {
        submitters.spawn(submit(country, profile, queue, done.clone()));
    }
    drop(done);
    let mut restarts = 0;
    let mut count = 0;
    while durable.recv().await.is_some() {
        count += 1;
        bar.inc(1);
        if count == half
            && let Some(node) = nodes.get_mut(killed)
        {
            node.kill().await?;
            tokio::time::sleep(Duration::from_millis(300)).await;
            node.start().await?;
            restarts += 1;
        }
    }
    while let Some(ended) = submitters.join_next().await {
        ended.map_err(|error| Failure::new(SOFTWARE, error.to_string()))??;
    }
    Ok(restarts)
}

/// Submits one country's records; reconnects and repeats what was not answered, with the same
/// idempotency keys, for as long as answers come now and then.
async fn submit(
    country: Country,
    profile: Profile,
    mut waiting: VecDeque<Waiting>,
    done: mpsc::UnboundedSender<()>,
) -> Result<(), Failure> {
    let mut last_answer = tokio::time::Instant::now();
    while !waiting.is_empty() {
        let before = waiting.len();
        let broken = match Client::connect(&profile).await {
            Ok(client) => stream(client, &mut waiting, &done).await?,
            Err(error) => error.to_string(),
        };
        if waiting.len() < before {
            last_answer = tokio::time::Instant::now();
        }
        if waiting.is_empty() {
            break;
        }
        if last_answer.elapsed() > PATIENCE {
            return Err(Failure::new(
                UNAVAILABLE,
                format!("the node of {country} does not answer: {broken}"),
            ));
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}

/// Submits over one connection; answers what broke it. What was answered is taken off the queue.
async fn stream(
    mut client: Client,
    waiting: &mut VecDeque<Waiting>,
    done: &mpsc::UnboundedSender<()>,
) -> Result<String, Failure> {
    let (requests, stream) = mpsc::channel(IN_FLIGHT);
    let all: Vec<_> = waiting.iter().map(|of| of.request.clone()).collect();
    let sending = tokio::spawn(async move {
        for submission in all {
            let request = SubmitRecordsRequest {
                submission: Some(submission),
            };
            if requests.send(request).await.is_err() {
                return;
            }
        }
    });
    let answered = client
        .records
        .submit_records(ReceiverStream::new(stream))
        .await;
    let mut answers = match answered {
        Ok(answers) => answers.into_inner(),
        Err(status) => return Ok(status.message().to_owned()),
    };
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(answer) => match answer.outcome {
                Some(Outcome::Accepted(_)) => {
                    waiting.pop_front();
                    // The counting side only goes away when the demo ends.
                    let _ = done.send(());
                }
                Some(Outcome::Refused(refusal)) if retriable(&refusal.reason) => {
                    return Ok(refusal.message);
                }
                Some(Outcome::Refused(refusal)) => {
                    // The message repeats what the violations list.
                    let why = if refusal.violations.is_empty() {
                        refusal.message
                    } else {
                        "the record breaks rules".to_owned()
                    };
                    let why = format!("{why} ({})", refusal.reason);
                    let line = waiting.front().map_or(0, |of| of.line);
                    return Err(Failure::new(DATAERR, why)
                        .with_violations(refusal.violations, refusal.more)
                        .at_line(line));
                }
                None => return Ok("an empty answer".to_owned()),
            },
            Err(status) => return Ok(status.message().to_owned()),
        }
    }
    sending.abort();
    Ok("the stream ended".to_owned())
}

fn retriable(reason: &str) -> bool {
    matches!(reason, "NODE_SHUTTING_DOWN" | "STORE_FAILED")
}

/// Waits until every record assigned anywhere has its receipt durable at its origin.
pub(super) async fn settle(
    nodes: &[CountryNode],
    patience: Duration,
    out: &mut Out,
) -> Result<(), Failure> {
    let deadline = tokio::time::Instant::now() + patience;
    loop {
        let mut waiting = 0;
        for node in nodes.iter() {
            let status = node
                .client()
                .await?
                .status
                .get_status(GetStatusRequest {})
                .await?
                .into_inner();
            waiting += status
                .links
                .iter()
                .flat_map(|link| &link.lanes)
                .map(|lane| lane.assigned.saturating_sub(lane.receipted))
                .sum::<u64>();
        }
        if waiting == 0 {
            return Ok(());
        }
        if tokio::time::Instant::now() > deadline {
            // The report counts what is missing.
            out.note(&format!("{waiting} receipts did not arrive in time"));
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
