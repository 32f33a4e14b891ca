//! A whole request: asked, answered, executed, and its file handed over and compared.

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    cli::{
        exit::{Failure, SOFTWARE, TEMPFAIL},
        out::Out,
    },
    client::{DownloadOrder, UploadOrder},
    wire::{
        ledger::ReadingPurpose,
        node::{
            EvidenceState, EvidenceStepOutcome, Item, ItemState, ListItemsRequest, UploadBegin,
        },
        record::{
            EvidenceAcknowledged, EvidenceTransferred, ExecutionBegun, InformationAnswered,
            InformationRequested, RequestClosed, RequestExecuted, RequestRecognised,
            evidence_step::Act,
        },
    },
};

use super::{
    CASE, CountryNode, Desk, EXECUTING, ISSUING, PURPOSE, file, file::on_disk, of, request, yes,
};

/// Longest wait for a file, on top of a second for every 10 MiB.
const ARRIVAL: Duration = Duration::from_secs(60);
const PER_SECOND: u64 = 10 << 20;
/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// What came of it.
#[derive(Debug)]
pub(super) struct Whole {
    reference: String,
    size: u64,
    /// Bytes of the upload that were sent when it broke off, and the node was killed.
    broken_at: u64,
    /// Bytes that were durable when it went on.
    resumed_at: u64,
    /// Bytes that had arrived when the receiving node was killed.
    killed_at: u64,
    upload: Duration,
    arrival: Duration,
    download: Duration,
    same_bytes: bool,
    /// State at both ends, at the end.
    states: [EvidenceState; 2],
    /// Steps at both ends: as many, with the same references, all of which count.
    steps: usize,
    same_steps: bool,
}

impl Whole {
    pub(super) async fn play(
        nodes: &mut [CountryNode],
        folder: &Path,
        size: u64,
        out: &mut Out,
    ) -> Result<Self, Failure> {
        let mut issuing = Desk::at(nodes, ISSUING).await?;
        let mut executing = Desk::at(nodes, EXECUTING).await?;
        let record = request(nodes, "EXERCISE request for a video of a reception")?;
        let reference = issuing.request(record).await?;
        executing
            .stands(&reference, EvidenceState::Delivered)
            .await?;
        dialogue(&mut issuing, &mut executing, &reference).await?;

        let original = folder.join("reception.mp4");
        let path = original.clone();
        on_disk(move || file::write(&path, size)).await?;
        let begun = Instant::now();
        let broken_at = break_off(&mut executing, &reference, &original, size / 2).await?;
        let executing_node = of(nodes, EXECUTING)?;
        executing_node.kill().await?;
        executing_node.start().await?;
        out.note(&format!(
            "the upload broke off at {}, {EXECUTING} was killed with SIGKILL and started again",
            file::in_words(broken_at)
        ));
        let mut executing = Desk::at(nodes, EXECUTING).await?;
        let (item, resumed_at) = upload(&mut executing, &reference, &original).await?;
        let uploaded = begun.elapsed();

        let done = RequestExecuted {
            outcome: "EXERCISE. The video was secured.".to_owned(),
            ..RequestExecuted::default()
        };
        executing
            .take(&reference, Act::Executed(done), Vec::new())
            .await?;
        let handed = EvidenceTransferred {
            complete: true,
            ..EvidenceTransferred::default()
        };
        executing
            .take(&reference, Act::Transferred(handed), vec![item.id.clone()])
            .await?;
        let begun = Instant::now();
        let killed_at = kill_on_arrival(nodes, &mut issuing, &reference, size).await?;
        out.note(&format!(
            "{} of the file had reached {ISSUING} when it was killed with SIGKILL and started again",
            file::in_words(killed_at)
        ));
        let mut issuing = Desk::at(nodes, ISSUING).await?;
        arrived(&mut issuing, &reference, size).await?;
        let arrival = begun.elapsed();

        let copy = folder.join("received.mp4");
        let begun = Instant::now();
        download(&mut issuing, &reference, &item, copy.clone()).await?;
        let downloaded = begun.elapsed();
        // The bundle for court will have it too, so the copy goes.
        let same_bytes = on_disk(move || file::same_then_gone(&original, &copy)).await?;
        let note = "EXERCISE. Everything is here.".to_owned();
        issuing
            .take(&reference, Act::Closed(RequestClosed { note }), Vec::new())
            .await?;
        executing.stands(&reference, EvidenceState::Closed).await?;
        let ends = [
            issuing.open(&reference).await?,
            executing.open(&reference).await?,
        ];
        let counted = ends.each_ref().map(|end| {
            let took = |of: &&crate::wire::node::EvidenceStepView| {
                of.outcome() == EvidenceStepOutcome::Took
            };
            let steps = end.steps.iter().filter(took);
            steps.map(|of| of.reference.clone()).collect::<Vec<_>>()
        });
        Ok(Self {
            size,
            broken_at,
            resumed_at,
            killed_at,
            upload: uploaded,
            arrival,
            download: downloaded,
            same_bytes,
            states: ends.each_ref().map(|end| {
                end.case
                    .as_ref()
                    .map(|case| case.state())
                    .unwrap_or_default()
            }),
            steps: counted.first().map_or(0, Vec::len),
            same_steps: counted.first() == counted.last()
                && ends
                    .iter()
                    .all(|end| end.steps.len() == counted.first().map_or(0, Vec::len)),
            reference,
        })
    }

    /// Reference of the request.
    pub(super) fn reference(&self) -> &str {
        &self.reference
    }

    pub(super) fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !self.same_bytes {
            faults.push("the file that arrived is not the one that was uploaded".to_owned());
        }
        if self.resumed_at == 0 {
            faults.push("the upload began again from nothing".to_owned());
        }
        if self.states != [EvidenceState::Closed; 2] {
            faults.push("the request is not closed at both ends".to_owned());
        }
        if !self.same_steps {
            faults.push("the two ends do not know the same steps".to_owned());
        }
        faults
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "request": self.reference,
            "size": self.size,
            "upload_broken_at": self.broken_at,
            "upload_resumed_at": self.resumed_at,
            "receiver_killed_at": self.killed_at,
            "upload_s": self.upload.as_secs_f64(),
            "arrival_s": self.arrival.as_secs_f64(),
            "download_s": self.download.as_secs_f64(),
            "same_bytes": self.same_bytes,
            "states": self.states.map(|state| state.as_str_name()),
            "steps": self.steps,
            "same_steps": self.same_steps,
        })
    }

    pub(super) fn write(&self, out: &mut Out) -> Result<(), Failure> {
        out.line(&format!(
            "\nEvidence request {}: {ISSUING} asks, {EXECUTING} executes",
            self.reference
        ))?;
        out.line(&format!(
            "  {} steps, the same at both ends: {}; closed at both: {}",
            self.steps,
            yes(self.same_steps),
            yes(self.states == [EvidenceState::Closed; 2])
        ))?;
        out.line(&format!(
            "  file of {}: upload broken off at {}, went on from {}; the receiver killed at {}; the same bytes at both ends: {}",
            file::in_words(self.size),
            file::in_words(self.broken_at),
            file::in_words(self.resumed_at),
            file::in_words(self.killed_at),
            yes(self.same_bytes)
        ))
    }
}

/// Acknowledged, asked, answered, recognised, begun.
async fn dialogue(
    issuing: &mut Desk,
    executing: &mut Desk,
    reference: &str,
) -> Result<(), Failure> {
    let contact = "EXERCISE. Duty desk.".to_owned();
    let taken = Act::Acknowledged(EvidenceAcknowledged { contact });
    executing.take(reference, taken, Vec::new()).await?;
    let asked = InformationRequested {
        questions: vec!["EXERCISE. Which days of October?".to_owned()],
        ..InformationRequested::default()
    };
    executing
        .take(reference, Act::InformationRequested(asked), Vec::new())
        .await?;
    issuing
        .stands(reference, EvidenceState::InformationRequested)
        .await?;
    let answer = "EXERCISE. The 12th to the 14th.".to_owned();
    let answered = Act::InformationAnswered(InformationAnswered { answer });
    issuing.take(reference, answered, Vec::new()).await?;
    executing
        .stands(reference, EvidenceState::Acknowledged)
        .await?;
    let recognised = Act::Recognised(RequestRecognised::default());
    executing.take(reference, recognised, Vec::new()).await?;
    let begun = Act::ExecutionBegun(ExecutionBegun::default());
    executing.take(reference, begun, Vec::new()).await?;
    Ok(())
}

fn order(reference: &str, path: &Path) -> UploadOrder {
    UploadOrder {
        file: path.to_owned(),
        begin: UploadBegin {
            reference: reference.to_owned(),
            description: "EXERCISE. Made-up bytes in place of a video.".to_owned(),
            media_type: "video/mp4".to_owned(),
            seized_place: "EXERCISE. Reception of a hotel.".to_owned(),
            seized_by: "EXERCISE. Duty desk.".to_owned(),
            ..UploadBegin::default()
        },
    }
}

/// Uploads until so many bytes are durable, and gives the connection up. Answers how many were.
async fn break_off(
    desk: &mut Desk,
    reference: &str,
    path: &Path,
    until: u64,
) -> Result<u64, Failure> {
    let (reached, enough) = (Arc::new(AtomicU64::new(0)), tokio::sync::Notify::new());
    let mut progress = |done: u64, _all: u64| {
        reached.store(done, Ordering::Relaxed);
        if done >= until {
            enough.notify_one();
        }
    };
    let uploaded = tokio::select! {
        biased;
        () = enough.notified() => None,
        uploaded = desk.client.upload(order(reference, path), &mut progress) => Some(uploaded),
    };
    match uploaded {
        None => Ok(reached.load(Ordering::Relaxed)),
        Some(Err(error)) => Err(error.into()),
        Some(Ok(_)) => Err(Failure::new(
            SOFTWARE,
            "the upload was over before it could be broken off",
        )),
    }
}

/// Uploads to the end. Answers the item and how many bytes were durable when it went on.
async fn upload(desk: &mut Desk, reference: &str, path: &Path) -> Result<(Item, u64), Failure> {
    let first = Arc::new(AtomicU64::new(u64::MAX));
    let mut progress = |done: u64, _all: u64| {
        first.fetch_min(done, Ordering::Relaxed);
    };
    let item = desk
        .client
        .upload(order(reference, path), &mut progress)
        .await?;
    Ok((item, first.load(Ordering::Relaxed)))
}

/// Waits until a part of the file has arrived, then kills the receiving node and starts it again.
async fn kill_on_arrival(
    nodes: &mut [CountryNode],
    issuing: &mut Desk,
    reference: &str,
    size: u64,
) -> Result<u64, Failure> {
    let deadline = Instant::now() + patience(size);
    let there = loop {
        let there = durable(issuing, reference).await?.map_or(0, |of| of.1);
        if there > 0 {
            break there;
        }
        if Instant::now() > deadline {
            return Err(in_vain("the file to begin to arrive"));
        }
        tokio::time::sleep(PAUSE).await;
    };
    let node = of(nodes, ISSUING)?;
    node.kill().await?;
    node.start().await?;
    Ok(there)
}

/// Where the file stands at a desk, and how many bytes of it are durable there.
async fn durable(desk: &mut Desk, reference: &str) -> Result<Option<(ItemState, u64)>, Failure> {
    let asked = ListItemsRequest {
        reference: reference.to_owned(),
        purpose: ReadingPurpose::Investigation.into(),
        case_reference: CASE.to_owned(),
    };
    let items = desk.client.items.list_items(asked).await?.into_inner();
    Ok(items.items.first().map(|item| {
        let bytes = item.chunks.saturating_mul(u64::from(item.chunk_size));
        (item.state(), bytes.min(item.size))
    }))
}

async fn arrived(desk: &mut Desk, reference: &str, size: u64) -> Result<(), Failure> {
    let deadline = Instant::now() + patience(size);
    loop {
        match durable(desk, reference).await? {
            Some((ItemState::Arrived, _)) => return Ok(()),
            Some((ItemState::Refused, _)) => {
                return Err(Failure::new(SOFTWARE, "the file was refused"));
            }
            _ if Instant::now() > deadline => return Err(in_vain("the file")),
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn download(
    desk: &mut Desk,
    reference: &str,
    item: &Item,
    output: PathBuf,
) -> Result<(), Failure> {
    let order = DownloadOrder {
        reference: reference.to_owned(),
        item: item
            .id
            .as_slice()
            .try_into()
            .map_err(|_| Failure::new(SOFTWARE, "the item has no id"))?,
        purpose: ReadingPurpose::Investigation,
        case: CASE.to_owned(),
        note: PURPOSE.to_owned(),
        output,
    };
    desk.client.download(order, &mut |_, _| {}).await?;
    Ok(())
}

fn patience(size: u64) -> Duration {
    ARRIVAL + Duration::from_secs(size / PER_SECOND)
}

fn in_vain(what: &str) -> Failure {
    Failure::new(TEMPFAIL, format!("waited in vain for {what}"))
}
