//! `comity submit FILE|-`: records as canonical proto3 JSON, one object or NDJSON.

use std::{fs::File, io};

use clap::Args;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::wire::{
    json::{self, RecordStream},
    node::{SubmitRecordRequest, SubmitRecordsRequest, submit_records_response::Outcome},
    record::Record,
};

use super::{
    Target,
    exit::{DATAERR, Failure, NOINPUT},
    out::Out,
};

/// Records read ahead of the node's answers.
const AHEAD: usize = 256;

/// Submit records and wait until they are durable.
#[derive(Debug, Args)]
pub(super) struct Submit {
    #[command(flatten)]
    target: Target,
    /// File with one JSON object or one per line; `-` for standard input.
    file: String,
    /// Idempotency key: a repeat with the same key returns the first answer. For several records
    /// the line number is appended.
    #[arg(long)]
    key: Option<String>,
}

impl Submit {
    pub(super) async fn carry_out(self, out: &mut Out) -> Result<(), Failure> {
        let input: Box<dyn io::BufRead + Send> = if self.file == "-" {
            Box::new(io::BufReader::new(io::stdin()))
        } else {
            let file = File::open(&self.file).map_err(|error| {
                Failure::new(NOINPUT, format!("{} cannot be read: {error}", self.file))
            })?;
            Box::new(io::BufReader::new(file))
        };
        let mut client = self.target.connect().await?;
        let (requests, stream) = mpsc::channel(AHEAD);
        let (lines, mut numbers) = mpsc::unbounded_channel();
        let key = self.key.clone();
        let reading = tokio::task::spawn_blocking(move || read(input, key, &requests, &lines));
        let mut answers = client
            .records
            .submit_records(ReceiverStream::new(stream))
            .await?
            .into_inner();
        let (mut accepted, mut refused) = (0_u64, 0_u64);
        while let Some(answer) = answers.next().await {
            let line = numbers.recv().await.unwrap_or_default();
            match answer?.outcome {
                Some(Outcome::Accepted(answer)) => {
                    accepted += 1;
                    if out.json() {
                        let mut value =
                            json::to_json("comity.node.v1.SubmitRecordResponse", &answer)?;
                        if let Some(object) = value.as_object_mut() {
                            object.insert("line".to_owned(), line.into());
                            object.insert(
                                "headerDigest".to_owned(),
                                hex::encode(&answer.header_digest).into(),
                            );
                        }
                        out.value(&value)?;
                    } else if answer.repeated {
                        out.line(&format!("{}  (known key: first answer)", answer.reference))?;
                    } else {
                        out.line(&answer.reference)?;
                    }
                }
                Some(Outcome::Refused(refusal)) => {
                    refused += 1;
                    let details: Vec<String> = refusal
                        .violations
                        .iter()
                        .map(|violation| {
                            format!(
                                "{}: {}: {}",
                                violation.field, violation.rule, violation.message
                            )
                        })
                        .collect();
                    // The message repeats what the details list.
                    let why = match details.len() {
                        0 => refusal.message,
                        1 => "the record breaks a rule".to_owned(),
                        broken => format!("the record breaks {broken} rules"),
                    };
                    let failure =
                        Failure::new(DATAERR, format!("line {line}: {why} ({})", refusal.reason))
                            .with_details(details);
                    out.failure(&failure);
                }
                None => {}
            }
        }
        let unread = reading
            .await
            .map_err(|error| Failure::new(super::exit::SOFTWARE, error.to_string()))?;
        for failure in &unread {
            out.failure(failure);
        }
        refused += u64::try_from(unread.len()).unwrap_or(u64::MAX);
        if refused > 0 {
            return Err(Failure::new(
                DATAERR,
                format!("{accepted} records are durable, {refused} were refused"),
            ));
        }
        if accepted == 0 {
            return Err(Failure::new(DATAERR, "the input holds no record"));
        }
        Ok(())
    }
}

/// Reads records and hands them on; answers what could not be read.
fn read(
    input: Box<dyn io::BufRead + Send>,
    key: Option<String>,
    requests: &mpsc::Sender<SubmitRecordsRequest>,
    lines: &mpsc::UnboundedSender<u64>,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut first = true;
    for (line, text) in RecordStream::new(input) {
        let record: Result<Record, _> = text.map_err(|error| error.to_string()).and_then(|text| {
            json::from_json("comity.record.v1.Record", &text).map_err(|error| error.to_string())
        });
        match record {
            Ok(record) => {
                let idempotency_key = match &key {
                    Some(key) if first => key.clone(),
                    Some(key) => format!("{key}#{line}"),
                    None => String::new(),
                };
                first = false;
                let request = SubmitRecordsRequest {
                    submission: Some(SubmitRecordRequest {
                        record: Some(record),
                        idempotency_key,
                    }),
                };
                if lines.send(line).is_err() || requests.blocking_send(request).is_err() {
                    break;
                }
            }
            Err(error) => failures.push(Failure::new(DATAERR, format!("line {line}: {error}"))),
        }
    }
    failures
}
