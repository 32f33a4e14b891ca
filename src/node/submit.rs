//! Submit: an officer's or a case system's record becomes durable, sealed and signed, with a
//! reference and a SUBMISSION_ACCEPTANCE.
//!
//! Submissions that wait are prepared together, off the runtime's threads, and share one receipt
//! signature and one group of the writer. A crash before the group is durable leaves nothing; the
//! client has no answer and repeats with its idempotency key.

mod prepare;
mod room;

use std::{
    mem,
    sync::{Arc, Weak},
};

use prost::Message as _;

use futures_util::{
    StreamExt as _,
    stream::{FuturesOrdered, FuturesUnordered},
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};

use crate::{
    crypto::Digest,
    record::{MAX_RECORD_BYTES, Reference, Violations},
    wire::{envelope::ReceiptProof, record::Record},
};

use super::{
    Node, NodeError,
    fence::FENCED,
    rules::{Answer, Prepared, Proposal, Submission, SubmissionRefusal},
    steps::FollowFault,
    work::{LITTLE_BYTES, Work},
};

/// Submissions prepared together at most.
const BATCH: usize = 256;
/// Bytes of submissions prepared together at most: a batch is one proposal, and has to fit into a
/// group of the store with what stands there already, however much larger it is sealed.
const BATCH_BYTES: usize = 8 << 20;
/// Batches in preparation or with the writer at the same time.
const BATCHES: usize = 3;
/// Submissions waiting before callers wait too.
const WAITING: usize = 1024;
/// Length of an idempotency key, in characters.
const MAX_KEY_CHARS: usize = 128;

/// A submission as it comes in.
#[derive(Debug)]
pub struct Intent {
    /// The record.
    pub record: Record,
    /// Chosen by the client; empty for none.
    pub idempotency_key: String,
    /// Who submits, from the connection.
    pub actor: String,
    /// True when a use case of the node takes a step; clients submit none as records.
    pub by_node: bool,
}

/// What a submitter gets.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Reference of the record.
    pub reference: Reference,
    /// SHA-256 of its header.
    pub digest: Digest,
    /// SUBMISSION_ACCEPTANCE.
    pub acceptance: ReceiptProof,
    /// True when the idempotency key was known.
    pub repeated: bool,
}

/// Why a submission is refused.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The record breaks rules; each is named.
    #[error("{0}")]
    Invalid(Violations),
    /// The record is larger than a record may be.
    #[error(
        "the record takes {0} bytes, a record may take {MAX_RECORD_BYTES}; files travel as evidence"
    )]
    TooLarge(usize),
    /// The idempotency key is longer than it may be.
    #[error("an idempotency key has 1 to {MAX_KEY_CHARS} characters, this one has {0}")]
    KeyTooLong(usize),
    /// The idempotency key named another record.
    #[error(transparent)]
    Conflict(SubmissionRefusal),
    /// A client submitted a step as a record.
    #[error(
        "a record that carries `step` or `onward` is made by the node: recall, consent, passing on and the like have commands and calls of their own"
    )]
    StepAsRecord,
    /// What it follows does not let it.
    #[error("the record cannot follow what it names: {0}")]
    Follows(#[from] FollowFault),
    /// The disk is nearly full.
    #[error(
        "the node's disk is {used}% full and it accepts no submissions above {limit}%; free space or ask the operator"
    )]
    DiskFull {
        /// Used, in percent.
        used: u64,
        /// Limit, in percent.
        limit: u64,
    },
    /// A peer knows more of this node than the node itself does.
    #[error("{FENCED}")]
    Fenced,
    /// Reference numbers of this year are used up.
    #[error("all reference numbers of this year are used")]
    ReferencesExhausted,
    /// The record cannot be sealed.
    #[error("the record cannot be sealed: {0}")]
    Seal(String),
    /// As many bytes of submissions as the node takes are under way.
    #[error(
        "the node has as many submissions under way as it takes; send the record again in a moment, with the same idempotency key"
    )]
    Busy,
    /// The node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
}

impl From<SubmissionRefusal> for SubmitError {
    fn from(refusal: SubmissionRefusal) -> Self {
        match refusal {
            SubmissionRefusal::Differenced(violations) => Self::Invalid(violations),
            other => Self::Conflict(other),
        }
    }
}

type Reply = oneshot::Sender<Result<Accepted, SubmitError>>;

/// A submission that has room.
#[derive(Debug)]
pub struct Waiting {
    intent: Intent,
    /// Encoded size of its record.
    bytes: usize,
    room: room::Taken,
    reply: Reply,
}

/// Where submissions wait to be prepared together.
#[derive(Debug, Clone)]
pub struct Intake {
    waiting: mpsc::Sender<Waiting>,
    room: room::Room,
}

impl Intake {
    /// The intake and the end that [`run`] works on.
    pub fn new() -> (Self, mpsc::Receiver<Waiting>) {
        let (waiting, receiver) = mpsc::channel(WAITING);
        let room = room::Room::default();
        (Self { waiting, room }, receiver)
    }
}

/// The answer to a submission under way. Letting go of it does not stop the submission.
#[derive(Debug)]
pub struct UnderWay(oneshot::Receiver<Result<Accepted, SubmitError>>);

impl UnderWay {
    /// The answer, once the record is durable or refused.
    ///
    /// # Errors
    /// As [`Node::submit`].
    pub async fn answer(self) -> Result<Accepted, SubmitError> {
        self.0.await.map_err(|_| NodeError::Closed)?
    }
}

impl Node {
    /// Submits a record; answers when it is durable.
    ///
    /// # Errors
    /// [`SubmitError`] says what is wrong with the record or the node; nothing is durable then.
    pub async fn submit(&self, intent: Intent) -> Result<Accepted, SubmitError> {
        self.take_in(intent).await?.answer().await
    }

    /// Takes a submission in: waits until there is room for it, and no longer. Who sends many takes
    /// in one after the other, so that it cannot send faster than the node works.
    ///
    /// # Errors
    /// [`SubmitError::TooLarge`]; [`SubmitError::Busy`] when there is not even room to wait.
    pub async fn take_in(&self, intent: Intent) -> Result<UnderWay, SubmitError> {
        self.start_checked().await;
        let bytes = intent.record.encoded_len();
        if bytes > MAX_RECORD_BYTES {
            return Err(SubmitError::TooLarge(bytes));
        }
        let room = self.intake.room.take(bytes, intent.by_node).await?;
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            intent,
            bytes,
            room,
            reply,
        };
        let sent = self.intake.waiting.send(waiting).await;
        sent.map_err(|_| NodeError::Closed)?;
        Ok(UnderWay(answer))
    }
}

/// Takes waiting submissions in batches until the node is gone: it holds the intake's open end.
/// Batches are prepared side by side and proposed in the order in which they came, so that a
/// stream's records keep their order on each lane.
pub async fn run(node: Weak<Node>, mut waiting: mpsc::Receiver<Waiting>) {
    let batches = Arc::new(Semaphore::new(BATCHES));
    let (to_propose, prepared) = mpsc::channel(BATCHES);
    tokio::spawn(propose_in_order(prepared));
    let mut held = Vec::new();
    loop {
        if held.is_empty() && waiting.recv_many(&mut held, BATCH).await == 0 {
            return;
        }
        let rest = held.split_off(together(held.iter().map(|waiting| waiting.bytes)));
        let together = mem::replace(&mut held, rest);
        let Ok(permit) = Arc::clone(&batches).acquire_owned().await else {
            return;
        };
        let Some(node) = node.upgrade() else {
            return;
        };
        let little =
            together.len() == 1 && together.iter().all(|waiting| waiting.bytes <= LITTLE_BYTES);
        let mut intents = Vec::with_capacity(together.len());
        let mut replies = Vec::with_capacity(together.len());
        let mut room: Option<room::Taken> = None;
        for waiting in together {
            intents.push(waiting.intent);
            replies.push(waiting.reply);
            // Given back in one piece.
            match &mut room {
                Some(room) => room.merge(waiting.room),
                None => room = Some(waiting.room),
            }
        }
        let preparing = Arc::clone(&node);
        let work = Work::begin(little, move || preparing.prepare_all(intents));
        let batch = Batch {
            node,
            replies,
            _permit: permit,
            _room: room,
        };
        if to_propose.send((batch, work)).await.is_err() {
            return;
        }
    }
}

/// What preparing a submission gives: what to propose, and the answer once it is durable.
type Outcome = Result<(Prepared, Accepted), Unproposed>;

/// Why nothing is proposed for a submission.
enum Unproposed {
    /// It was durable before: the first answer.
    Repeated(Box<Accepted>),
    /// It is refused.
    Refused(SubmitError),
}

impl<E: Into<SubmitError>> From<E> for Unproposed {
    fn from(error: E) -> Self {
        Self::Refused(error.into())
    }
}

/// Who waits for the submissions of a batch.
struct Batch {
    node: Arc<Node>,
    replies: Vec<Reply>,
    _permit: OwnedSemaphorePermit,
    /// That of all its submissions.
    _room: Option<room::Taken>,
}

/// How many submissions of these sizes, in bytes, are prepared together: at least one.
fn together(sizes: impl Iterator<Item = usize>) -> usize {
    let mut bytes: usize = 0;
    sizes
        .take_while(|size| {
            let first = bytes == 0;
            bytes = bytes.saturating_add((*size).max(1));
            first || bytes <= BATCH_BYTES
        })
        .count()
}

/// Proposes each batch once the one before stands in the writer's queue; answers come as groups
/// become durable.
async fn propose_in_order(mut batches: mpsc::Receiver<(Batch, Work<Vec<Outcome>>)>) {
    let mut preparing = FuturesOrdered::new();
    let mut answering = FuturesUnordered::new();
    let mut open = true;
    while open || !preparing.is_empty() || !answering.is_empty() {
        // Answers first: the batch pushed last is polled there, and so stands in the writer's
        // queue, before the next prepared one is taken.
        tokio::select! {
            biased;
            Some(()) = answering.next(), if !answering.is_empty() => {}
            Some((batch, prepared)) = preparing.next(), if !preparing.is_empty() => {
                answering.push(carry_out(batch, prepared));
            }
            batch = batches.recv(), if open => match batch {
                Some((batch, work)) => preparing.push_back(async move { (batch, work.answer().await) }),
                None => open = false,
            },
        }
    }
}

/// Proposes and answers one prepared batch.
async fn carry_out(batch: Batch, prepared: Result<Vec<Outcome>, NodeError>) {
    let Batch {
        node,
        replies,
        _permit,
        _room,
    } = batch;
    let Ok(prepared) = prepared else {
        for reply in replies {
            let _ = reply.send(Err(NodeError::Task.into()));
        }
        return;
    };
    let mut proposed = Vec::new();
    let mut waiting = Vec::new();
    for (reply, outcome) in replies.into_iter().zip(prepared) {
        match outcome {
            Ok((prepared, accepted)) => {
                let destinations = prepared.destinations.clone();
                waiting.push((reply, accepted, destinations, prepared.submission));
                proposed.push(prepared);
            }
            Err(Unproposed::Repeated(first)) => {
                let _ = reply.send(Ok(*first));
            }
            Err(Unproposed::Refused(error)) => {
                let _ = reply.send(Err(error));
            }
        }
    }
    if proposed.is_empty() {
        return;
    }
    match node.writer.propose(Proposal::Submit(proposed)).await {
        Ok(Answer::Submitted(outcomes)) => {
            let waiting = waiting.into_iter().zip(outcomes);
            for ((reply, accepted, destinations, submission), outcome) in waiting {
                for peer in destinations {
                    node.links.wake(peer);
                }
                let _ = reply.send(match outcome {
                    Ok(Submission {
                        repeated: false, ..
                    }) => Ok(accepted),
                    Ok(Submission { number, .. }) => node.accepted_before(number, submission),
                    Err(refusal) => Err(refusal.into()),
                });
            }
        }
        Ok(Answer::Done) => {
            for (reply, ..) in waiting {
                let _ = reply.send(Err(NodeError::Task.into()));
            }
        }
        Err(error) => {
            for (reply, ..) in waiting {
                let _ = reply.send(Err(NodeError::from(error.clone()).into()));
            }
        }
    }
}

#[cfg(test)]
mod tests;
