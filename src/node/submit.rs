//! Submit: an officer's or a case system's record becomes durable, sealed and signed, with a
//! reference and a SUBMISSION_ACCEPTANCE.
//!
//! Submissions that wait are prepared together, off the runtime's threads, and share one receipt
//! signature and one group of the writer. A crash before the group is durable leaves nothing; the
//! client has no answer and repeats with its idempotency key.

mod prepare;
mod refusal;
mod room;
mod vet;

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
    access::{Permit, act},
    crypto::Digest,
    record::{MAX_RECORD_BYTES, Reference},
    wire::{envelope::ReceiptProof, record::Record},
};

use super::{
    Node, NodeError,
    rules::{Answer, FeedClaim, Prepared, Proposal, Submission},
    work::{LITTLE_BYTES, Work},
};

pub use refusal::SubmitError;

/// Submissions prepared together at most.
const BATCH: usize = 256;
/// Bytes of submissions prepared together at most: a batch is one proposal, and has to fit into a
/// group of the store with what stands there already, however much larger it is sealed.
const BATCH_BYTES: usize = 8 << 20;
/// Batches in preparation or with the writer at the same time.
const BATCHES: usize = 2;
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
    /// True when the use cases of evidence requests made it: the node completes the record.
    pub evidence: bool,
    /// The item of a feed that it is, with SHA-256 of what came.
    pub item: Option<(FeedClaim, Digest)>,
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
    pub async fn submit(
        &self,
        permit: &Permit<act::Submit>,
        record: Record,
        idempotency_key: String,
    ) -> Result<Accepted, SubmitError> {
        let under_way = self.take_in(permit, record, idempotency_key).await?;
        under_way.answer().await
    }

    /// Takes a submission in: waits until there is room for it, and no longer. Who sends many takes
    /// in one after the other, so that it cannot send faster than the node works.
    ///
    /// # Errors
    /// [`SubmitError::TooLarge`]; [`SubmitError::Busy`] when there is not even room to wait;
    /// [`SubmitError::Refused`].
    pub async fn take_in(
        &self,
        permit: &Permit<act::Submit>,
        record: Record,
        idempotency_key: String,
    ) -> Result<UnderWay, SubmitError> {
        // Its size first: what is too large is not even looked at.
        let bytes = record.encoded_len();
        if bytes > MAX_RECORD_BYTES {
            return Err(SubmitError::TooLarge(bytes));
        }
        self.check_submission(permit, &record)?;
        self.take_in_intent(Intent {
            record,
            idempotency_key,
            actor: permit.actor(),
            by_node: false,
            evidence: false,
            item: None,
        })
        .await
    }

    /// Submits what a use case of the node made: no permit is asked for any more. Never called by a
    /// service of the client port.
    ///
    /// # Errors
    /// As [`Self::submit`].
    pub async fn submit_intent(&self, intent: Intent) -> Result<Accepted, SubmitError> {
        self.take_in_intent(intent).await?.answer().await
    }

    /// As [`Self::take_in`], of what a use case of the node made.
    ///
    /// # Errors
    /// As [`Self::take_in`].
    pub(in crate::node) async fn take_in_intent(
        &self,
        intent: Intent,
    ) -> Result<UnderWay, SubmitError> {
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
        let little = node.signs_at_once()
            && together.len() == 1
            && together.iter().all(|waiting| waiting.bytes <= LITTLE_BYTES);
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
