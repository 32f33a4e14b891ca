//! `comity submit FILE|-`: records as canonical proto3 JSON, one object or NDJSON.

use std::{fs::File, io};

use clap::Args;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::wire::{
    json::{self, RecordStream},
    node::{PreviewSharingRequest, SubmitRecordRequest},
    record::Record,
};
use crate::{
    client::Client,
    record::sharing::{Share, narrow},
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
    #[arg(long, conflicts_with = "dry_run")]
    key: Option<String>,
    /// Show who would read what, and why; nothing is submitted.
    #[arg(long)]
    dry_run: bool,
    /// Who alone reads a compartment: COMPARTMENT=COUNTRY[/AUTHORITY][,…] or COMPARTMENT=none, such
    /// as victims=AE/referral. May be given once per compartment; applies to every record.
    #[arg(long, value_name = "SHARE")]
    share: Vec<Share>,
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
        if self.dry_run {
            return dry_run(client, input, self.share, out).await;
        }
        let (requests, stream) = mpsc::channel(AHEAD);
        let (lines, mut numbers) = mpsc::unbounded_channel();
        let reading = tokio::task::spawn_blocking(move || {
            read(input, self.key.as_deref(), &self.share, &requests, &lines)
        });
        let mut answers = client.submit_all(ReceiverStream::new(stream)).await?;
        let (mut accepted, mut refused) = (0_u64, 0_u64);
        while let Some(answer) = answers.next().await {
            let line = numbers.recv().await.unwrap_or_default();
            match answer? {
                Ok(answer) => {
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
                Err(refusal) => {
                    refused += 1;
                    // The message repeats what the details list.
                    let why = match refusal.violations().len() {
                        0 => refusal.message().to_owned(),
                        1 => "the record breaks a rule".to_owned(),
                        broken => format!("the record breaks {broken} rules"),
                    };
                    let why = format!("line {line}: {why} ({})", refusal.reason());
                    let failure = Failure::new(DATAERR, why)
                        .with_violations(refusal.violations().to_vec(), refusal.has_more());
                    out.failure(&failure);
                }
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
    key: Option<&str>,
    shares: &[Share],
    requests: &mpsc::Sender<SubmitRecordRequest>,
    lines: &mpsc::UnboundedSender<u64>,
) -> Vec<Failure> {
    let mut failures = Vec::new();
    let mut first = true;
    for (line, text) in RecordStream::new(input) {
        let text = text.map_err(|error| Failure::new(DATAERR, error.to_string()));
        match text.and_then(|text| record_of(&text, shares)) {
            Ok(record) => {
                let idempotency_key = match key {
                    Some(key) if first => key.to_owned(),
                    Some(key) => format!("{key}#{line}"),
                    None => String::new(),
                };
                first = false;
                let request = SubmitRecordRequest {
                    record: Some(record),
                    idempotency_key,
                };
                if lines.send(line).is_err() || requests.blocking_send(request).is_err() {
                    break;
                }
            }
            Err(failure) => failures.push(failure.at_line(line)),
        }
    }
    failures
}

/// A record as it is written, its destinations narrowed.
fn record_of(text: &str, shares: &[Share]) -> Result<Record, Failure> {
    let mut record: Record = json::from_json("comity.record.v1.Record", text)?;
    narrow(&mut record, shares)
        .map_err(|error| Failure::new(DATAERR, format!("--share: {error}")))?;
    Ok(record)
}

/// Shows who would read each record; nothing becomes durable.
async fn dry_run(
    mut client: Client,
    input: Box<dyn io::BufRead + Send>,
    shares: Vec<Share>,
    out: &mut Out,
) -> Result<(), Failure> {
    let (records, mut waiting) = mpsc::channel(AHEAD);
    tokio::task::spawn_blocking(move || {
        for (line, text) in RecordStream::new(input) {
            let text = text.map_err(|error| Failure::new(DATAERR, error.to_string()));
            let record = text.and_then(|text| record_of(&text, &shares));
            if records.blocking_send((line, record)).is_err() {
                return;
            }
        }
    });
    let (mut shown, mut refused) = (0_u64, 0_u64);
    while let Some((line, record)) = waiting.recv().await {
        let previewed = match record {
            Ok(record) => {
                let request = PreviewSharingRequest {
                    record: Some(record),
                };
                let answer = client.sharing.preview_sharing(request).await;
                answer.map_err(Failure::from)
            }
            Err(failure) => Err(failure),
        };
        match previewed {
            Ok(answer) => {
                shown += 1;
                if !out.json() {
                    out.note(&format!(
                        "line {line}: nothing is submitted; would be read by"
                    ));
                }
                let matrix = answer.into_inner().matrix.unwrap_or_default();
                super::sharing::show(&matrix, out)?;
            }
            Err(failure) => {
                refused += 1;
                out.failure(&failure.at_line(line));
            }
        }
    }
    match (shown, refused) {
        (_, 1..) => Err(Failure::new(
            DATAERR,
            format!("{refused} records would be refused, {shown} would be accepted"),
        )),
        (0, 0) => Err(Failure::new(DATAERR, "the input holds no record")),
        _ => Ok(()),
    }
}
