//! A changed item: its record becomes an amendment of the newest version. What is newest may change, and
//! the record be recalled, between deciding and becoming durable; then it is decided again.

use std::sync::Arc;

use prost::Message as _;
use tokio::sync::OwnedSemaphorePermit;

use crate::{
    crypto::Digest,
    node::{
        NodeError,
        read::blocking,
        rules::{FeedClaim, SubmissionRefusal},
        steps::FollowFault,
        submit::{SubmitError, UnderWay},
    },
    wire::{
        node::{FeedOutcome, feed_item::Content},
        record::{Follows, Record},
    },
};

use super::{
    Feed, IngestError, KEPT_KIB, Outcome, Taken,
    look::{Decided, May, Sound},
    take::submitted,
};

/// How often a change is decided at most.
const ATTEMPTS: usize = 5;

/// A change that is an amendment, as it was decided.
#[derive(Debug)]
pub(super) struct Amendment {
    /// Version of the item, as it came.
    pub(super) version: u64,
    /// As it came.
    pub(super) record: Record,
    pub(super) follows: Follows,
    /// SHA-256 of what came.
    pub(super) came: Digest,
    pub(super) claim: FeedClaim,
}

/// An amendment under way.
pub(super) struct Amending {
    under_way: UnderWay,
    tag: [u8; 16],
    version: u64,
    /// As it came, to be decided again about.
    record: Record,
    _room: OwnedSemaphorePermit,
}

/// A record as the amendment that it becomes.
pub(super) fn following(record: Record, follows: Follows) -> Record {
    Record {
        follows: Some(follows),
        ..record
    }
}

/// Whether something else became durable since it was decided.
const fn is_outrun(error: &SubmitError) -> bool {
    matches!(
        error,
        SubmitError::Follows(FollowFault::Locked)
            | SubmitError::Conflict(
                SubmissionRefusal::AlreadyAmended
                    | SubmissionRefusal::FollowsLocked
                    | SubmissionRefusal::ItemMoved
            )
    )
}

impl Feed {
    /// Takes an amendment in.
    pub(super) async fn amend(
        &self,
        amendment: Amendment,
        may: &May,
    ) -> Result<Amending, IngestError> {
        let Amendment {
            version,
            record,
            follows,
            came,
            claim,
        } = amendment;
        let kib = u32::try_from(record.encoded_len().div_ceil(1024)).unwrap_or(KEPT_KIB);
        let room = Arc::clone(&self.kept)
            .acquire_many_owned(kib.clamp(1, KEPT_KIB))
            .await
            .map_err(|_| NodeError::Closed)?;
        let tag = claim.tag;
        let intent = self.intent(
            following(record.clone(), follows),
            (claim, came),
            &may.ingest,
        );
        Ok(Amending {
            under_way: self.node.take_in_intent(intent).await?,
            tag,
            version,
            record,
            _room: room,
        })
    }

    /// What came of an amendment.
    pub(super) async fn amended(&self, amending: Amending, may: Arc<May>) -> Outcome {
        let Amending {
            mut under_way,
            tag,
            version,
            record,
            _room,
        } = amending;
        let mut outcome = FeedOutcome::Amended;
        for _ in 1..ATTEMPTS {
            match under_way.answer().await {
                Ok(accepted) => {
                    return Ok(Taken {
                        outcome,
                        reference: Some(accepted.reference),
                    });
                }
                Err(error) if is_outrun(&error) => {}
                Err(error) => return Err(error.into()),
            }
            let sound = Sound {
                tag,
                version,
                content: Content::Record(record.clone()),
            };
            let (feed, seen) = (self.clone(), Arc::clone(&may));
            let decided = blocking(move || Ok(feed.look(sound, &seen))).await??;
            let (record, item) = match decided {
                Decided::Nothing(taken) => return Ok(taken),
                Decided::Submit {
                    record,
                    came,
                    claim,
                    left,
                } => {
                    self.replace_left(left, &may).await?;
                    outcome = FeedOutcome::Submitted;
                    (*record, (claim, came))
                }
                Decided::Amend {
                    record,
                    follows,
                    came,
                    claim,
                } => {
                    outcome = FeedOutcome::Amended;
                    (following(*record, follows), (claim, came))
                }
                Decided::Recall { .. } | Decided::Note { .. } => {
                    return Err(SubmitError::from(SubmissionRefusal::ItemMoved).into());
                }
            };
            let intent = self.intent(record, item, &may.ingest);
            under_way = self.node.take_in_intent(intent).await?;
        }
        submitted(under_way, outcome).await
    }
}
